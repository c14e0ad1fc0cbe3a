"""OpenAI's Agents SDK."""

import asyncio

from agents import (
    Agent,
    OpenAIChatCompletionsModel,
    OpenAIResponsesModel,
    Runner,
    function_tool,
    set_tracing_disabled,
)
from openai import AsyncOpenAI
from pydantic import BaseModel
from steps import API, KEY, MODEL, OBJECT, OF_NOTE, PROMPT, URL, read_note, run


class Word(BaseModel):
    word: str


# Its traces would go to OpenAI with the virtual key.
set_tracing_disabled(True)
of_api = OpenAIResponsesModel if API == "responses" else OpenAIChatCompletionsModel


def agent(**more):
    client = AsyncOpenAI(base_url=f"{URL}/v1", api_key=KEY, max_retries=0)
    return Agent("reader", model=of_api(MODEL, openai_client=client), **more)


def answered(prompt, **more):
    return Runner.run_sync(agent(**more), prompt).final_output


async def stream():
    result = Runner.run_streamed(agent(), PROMPT)
    pieces = [
        event.data.delta
        async for event in result.stream_events()
        if event.type == "raw_response_event" and event.data.type == "response.output_text.delta"
    ]
    return "".join(pieces)


run(
    prompt=lambda: answered(PROMPT),
    tools=lambda: answered(OF_NOTE, tools=[function_tool(read_note)]),
    object=lambda: answered(OBJECT, output_type=Word).word,
    stream=lambda: asyncio.run(stream()),
)
