"""Haystack."""

from haystack.components.agents import Agent
from haystack.components.generators.chat import OpenAIChatGenerator
from haystack.dataclasses import ChatMessage
from haystack.tools import create_tool_from_function
from haystack.utils import Secret
from pydantic import BaseModel
from steps import KEY, MODEL, OBJECT, OF_NOTE, PROMPT, URL, read_note, run


class Word(BaseModel):
    word: str


def model(**more):
    return OpenAIChatGenerator(
        model=MODEL, api_base_url=f"{URL}/v1", api_key=Secret.from_token(KEY), max_retries=0, **more
    )


def stream():
    pieces = []
    model(streaming_callback=lambda chunk: pieces.append(chunk.content or "")).run([ChatMessage.from_user(PROMPT)])
    return "".join(pieces)


def said(prompt, **more):
    return model(**more).run([ChatMessage.from_user(prompt)])["replies"][0].text


def tools():
    agent = Agent(chat_generator=model(), tools=[create_tool_from_function(read_note)])
    return agent.run(messages=[ChatMessage.from_user(OF_NOTE)])["messages"][-1].text


run(
    prompt=lambda: said(PROMPT),
    tools=tools,
    object=lambda: Word.model_validate_json(said(OBJECT, generation_kwargs={"response_format": Word})).word,
    stream=stream,
)
