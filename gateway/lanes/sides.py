"""The two sides of a lane: an API that clients speak and one that a provider speaks, joined to a translation.

A folder of lanes/ has one API: as a client's side a reader of requests and a writer of answers, as a provider's a
writer of requests and a reader of answers, each with its table. Between them stand the values of `conversation` and
`answer`, so that every client's side goes with every provider's.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from gateway.lanes.answer import Answer, StreamReader, StreamWriter
from gateway.lanes.base import Asked, Json, Kept, StreamTranslator, Target, Translation, Written, nothing_beside
from gateway.lanes.carried_tools import CarriedTools, ToolForms
from gateway.lanes.conversation import Conversation
from gateway.lanes.losses import ClientTable, Losses, TargetTable, lane_table
from gateway.lanes.provider_error import ProviderError, read_error
from gateway.lanes.sealing import Seal
from gateway.lanes.stopping import StoppedEvents, stopped_answer


def _no_echo(_body: Json) -> Mapping[str, Any]:
    return {}


def _as_stated(_status: int, body: bytes) -> ProviderError:
    return read_error(body)


class ClientSide(NamedTuple):
    """An API as clients speak it. `name` is its name in those of lanes.

    `read_request` judges the members of objects within the body by the losses, raises `GatewayError`, and opens with
    the seal what came back opaque. `echo` are members of the request that answers repeat. `thinking_budget` tells of
    the top-level members of a request, `None` for one that is not there, the tokens that it sets apart for thinking.
    """

    name: str
    table: ClientTable
    read_request: Callable[[Json, Losses, Seal | None], Conversation]
    write_answer: Callable[[Answer, Asked], bytes]
    write_stream: Callable[[Asked], StreamWriter]
    write_error: Callable[[int, ProviderError], bytes]
    echo: Callable[[Json], Mapping[str, Any]] = _no_echo
    thinking_budget: Callable[[Callable[[str], Any]], int] = nothing_beside


class ProviderSide(NamedTuple):
    """An API as providers speak it. `read_answer` and the stream's reader raise `UntranslatableAnswer`.

    `forms` are the tools that it takes. `adds_budget` says that a request without a limit gets one here, to which the
    budget is added that it sets apart for thinking: see `Translation.beside_answer`.
    """

    name: str
    table: TargetTable
    write_request: Callable[[Conversation, Target, Losses], dict[str, Any]]
    read_answer: Callable[[bytes, Asked], Answer]
    read_stream: Callable[[Asked], StreamReader]
    read_error: Callable[[int, bytes], ProviderError] = _as_stated
    forms: ToolForms = ToolForms()
    adds_budget: bool = False


def joined(client: ClientSide, provider: ProviderSide) -> Translation:
    """The lane from a client's API to a provider's."""

    def written(body: Json, target: Target, losses: Losses) -> Written:
        conversation = client.read_request(body, losses, target.seal)
        tools = CarriedTools(conversation, provider.forms)
        request = provider.write_request(tools.carried(conversation), target, losses)
        return Written(request, Kept(tools, client.echo(body)))

    def response(body: bytes, asked: Asked) -> bytes:
        answer, kept = provider.read_answer(body, asked), asked.kept
        if kept is not None:
            answer = kept.tools.answered(answer)
            answer = stopped_answer(answer, kept.stops) if kept.stops else answer
        return client.write_answer(answer, asked)

    def error(status: int, body: bytes) -> bytes:
        return client.write_error(status, provider.read_error(status, body))

    def stream(asked: Asked) -> StreamTranslator:
        return _Stream(provider.read_stream(asked), client.write_stream(asked), asked.kept)

    table = lane_table(f"{client.name} -> {provider.name}", client.table, provider.table)
    beside_answer = client.thinking_budget if provider.adds_budget else nothing_beside
    return Translation(table, written, response, error, stream, beside_answer)


class _Stream:
    """See `StreamTranslator`."""

    __slots__ = ("_reader", "_stops", "_tools", "_writer")

    def __init__(self, reader: StreamReader, writer: StreamWriter, kept: Kept | None) -> None:
        self._reader = reader
        self._writer = writer
        self._tools = None if kept is None else kept.tools.events()
        self._stops = None if kept is None or not kept.stops else StoppedEvents(kept.stops)

    @property
    def finished(self) -> bool:
        """See `StreamTranslator.finished`."""
        return self._reader.finished

    def feed(self, event: str, data: bytes) -> bytes:
        """See `StreamTranslator.feed`."""
        events = self._reader.feed(event, data)
        said = events if self._tools is None else self._tools.restored(events)
        if self._stops is not None:
            said = self._stops.cut(said)
        return b"".join([self._writer.write(one) for one in said])

    def end(self) -> bytes:
        """See `StreamTranslator.end`."""
        return self._writer.end()
