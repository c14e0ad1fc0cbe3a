"""OpenAI's Chat Completions as clients speak it."""

from typing import Final

from gateway.lanes.chat.parameters import CLIENT_TABLE
from gateway.lanes.chat.read_request import read_request, thinking_budget
from gateway.lanes.chat.write_answer import CompletionStream, write_answer, write_error
from gateway.lanes.sides import ClientSide

CLIENT: Final = ClientSide(
    name="openai",
    table=CLIENT_TABLE,
    read_request=read_request,
    write_answer=write_answer,
    write_stream=CompletionStream,
    write_error=write_error,
    thinking_budget=thinking_budget,
)
"""The side."""
