"""Anthropic's Messages as clients speak it."""

from typing import Final

from gateway.lanes.messages.client_table import CLIENT as TABLE
from gateway.lanes.messages.read_request import read_request
from gateway.lanes.messages.write_answer import MessageStream, write_answer, write_error
from gateway.lanes.sides import ClientSide

CLIENT: Final = ClientSide(
    name="anthropic",
    table=TABLE,
    read_request=read_request,
    write_answer=write_answer,
    write_stream=MessageStream,
    write_error=write_error,
)
"""The side."""
