"""Pydantic AI."""

from pydantic import BaseModel
from pydantic_ai import Agent
from pydantic_ai.models.anthropic import AnthropicModel
from pydantic_ai.models.openai import OpenAIChatModel, OpenAIResponsesModel
from pydantic_ai.providers.anthropic import AnthropicProvider
from pydantic_ai.providers.openai import OpenAIProvider
from steps import API, KEY, MODEL, OBJECT, OF_NOTE, PROMPT, URL, read_note, run


class Word(BaseModel):
    word: str


if API == "messages":
    model = AnthropicModel(MODEL, provider=AnthropicProvider(base_url=URL, api_key=KEY))
else:
    of_openai = OpenAIResponsesModel if API == "responses" else OpenAIChatModel
    model = of_openai(MODEL, provider=OpenAIProvider(base_url=f"{URL}/v1", api_key=KEY))


def stream():
    return "".join(Agent(model).run_stream_sync(PROMPT).stream_text(delta=True))


run(
    prompt=lambda: Agent(model).run_sync(PROMPT).output,
    tools=lambda: Agent(model, tools=[read_note]).run_sync(OF_NOTE).output,
    object=lambda: Agent(model, output_type=Word).run_sync(OBJECT).output.word,
    stream=stream,
)
