"""OpenAI's Chat Completions as providers speak it: OpenAI, Azure and compatible servers."""

from typing import Final

from gateway.lanes.chat.parameters import TARGET
from gateway.lanes.chat.read_answer import CompletionEvents, read_answer
from gateway.lanes.chat.write_request import write_request
from gateway.lanes.sides import ProviderSide

PROVIDER: Final = ProviderSide(
    name="openai",
    table=TARGET,
    write_request=write_request,
    read_answer=read_answer,
    read_stream=CompletionEvents,
)
"""The side."""
