"""Gemini's own API as clients speak it."""

from typing import Final

from gateway.lanes.generate_content.client_table import CLIENT as TABLE
from gateway.lanes.generate_content.read_request import read_request, thinking_budget
from gateway.lanes.generate_content.write_answer import ContentStream, write_answer, write_error
from gateway.lanes.sides import ClientSide

CLIENT: Final = ClientSide(
    name="gemini",
    table=TABLE,
    read_request=read_request,
    write_answer=write_answer,
    write_stream=ContentStream,
    write_error=write_error,
    thinking_budget=thinking_budget,
)
"""The side."""
