"""The client's side of OpenAI's Responses."""

from collections.abc import Mapping
from typing import Any, Final

from gateway.lanes.base import Json
from gateway.lanes.responses import items
from gateway.lanes.responses.client_parameters import CLIENT_TABLE
from gateway.lanes.responses.read_request import read_request
from gateway.lanes.responses.read_tools import declared
from gateway.lanes.responses.write_answer import write_answer, write_error
from gateway.lanes.responses.write_stream import ResponseStream
from gateway.lanes.sides import ClientSide


def _echo(body: Json) -> Mapping[str, Any]:
    return items.echo(body, [tool for tool, _ in declared(body)])


CLIENT: Final = ClientSide(
    "openai responses", CLIENT_TABLE, read_request, write_answer, ResponseStream, write_error, _echo
)
