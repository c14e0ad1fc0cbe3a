"""An answer of Anthropic's Messages, whole or in events.

Sources: https://docs.anthropic.com/en/api/messages (response),
https://docs.anthropic.com/en/docs/build-with-claude/streaming,
https://docs.anthropic.com/en/docs/build-with-claude/citations and https://docs.anthropic.com/en/api/versioning, by
which new kinds of events, blocks and deltas may come at any time and are to be passed over.
"""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from gateway.lanes.answer import (
    Answer,
    ArgumentsPiece,
    Begun,
    Block,
    CallBegun,
    Called,
    CallEnd,
    Citation,
    Cited,
    Event,
    RefusalPiece,
    Refused,
    SaidText,
    Stopped,
    TextEnd,
    TextPiece,
    Thought,
    ThoughtEnd,
    ThoughtPiece,
    UsageStated,
)
from gateway.lanes.base import ANOTHER_MESSAGE, Asked, UntranslatableAnswer, identifier, said, says_nothing
from gateway.lanes.call_arguments import is_json_object, written, written_raw
from gateway.lanes.conversation import Opaque, Origin
from gateway.lanes.lenient import Reader
from gateway.lanes.provider_error import failed_within
from gateway.shapes import messages
from gateway.shapes.ending import Stop
from gateway.usage import Stated

_ABSENT: Final = msgspec.Raw()
_WHAT: Final = "message of Anthropic's"
_PLACES_WITH_URL: Final = {"web_search_result_location": "url", "search_result_location": "source"}


class _Block(msgspec.Struct):
    """A block, whole or as it begins; its kind says which members it has."""

    type: str
    id: Any = ""
    name: Any = ""
    data: Any = None
    text: Any = None
    thinking: Any = None
    signature: Any = None
    citations: Any = None
    input: msgspec.Raw = _ABSENT

    @property
    def call(self) -> tuple[str, str]:
        """Id and name of a call, empty where they are not there."""
        return identifier(self.id), said(self.name)


class _Message(msgspec.Struct):
    content: list[_Block]
    id: Any = None
    stop_reason: str | None = None
    stop_sequence: Any = None
    stop_details: Any = None


class _Delta(msgspec.Struct):
    """The delta of a block or of the message."""

    type: str = ""
    text: Any = None
    thinking: Any = None
    signature: Any = None
    citation: Any = None
    partial_json: Any = None
    stop_reason: Any = None
    stop_sequence: Any = None
    stop_details: Any = None


class _Identified(msgspec.Struct):
    id: Any = None


class _Event(msgspec.Struct):
    """Any event; its type says which members it has."""

    type: str
    index: int = 0
    content_block: _Block | None = None
    delta: _Delta | None = None
    message: _Identified | None = None


_read = Reader(_Message, _WHAT)
_read_event = Reader(_Event, f"event of a {_WHAT}")


def read_answer(body: bytes, _asked: Asked) -> Answer:
    """See `ProviderSide`."""
    message = _read(body)
    stated = messages.read_body(body)
    blocks: list[Block] = []
    for block in message.content:
        if block.type == "text":
            blocks.append(SaidText(said(block.text), _citations(block.citations)))
        elif block.type == "tool_use":
            arguments = written_raw(block.input)
            if not says_nothing(*block.call, arguments):
                blocks.append(Called(*block.call, arguments))
        elif block.type == "thinking":
            blocks.append(Thought(said(block.thinking), _signed(said(block.signature))))
        elif block.type == "redacted_thinking":
            blocks.append(Thought("", Opaque(Origin.CLAUDE, {"data": said(block.data)})))
    if message.stop_reason == "refusal":
        blocks.append(Refused(_refusal(message.stop_details)))
    return Answer(
        blocks,
        said(message.id),
        messages.EVENTS.stops.get(message.stop_reason or ""),
        said(message.stop_sequence) or None,
        None if stated is None else stated.usage,
    )


def _signed(signature: str) -> Opaque | None:
    return Opaque(Origin.CLAUDE, {"signature": signature}) if signature else None


def _refusal(stop_details: Any) -> str:
    """Why the model refused, in its own words where it has any."""
    explained = said(stop_details.get("explanation")) if isinstance(stop_details, dict) else ""
    return explained or "The model declined to answer."


def _citations(stated: Any) -> tuple[Citation, ...]:
    places = stated if isinstance(stated, list) else []
    return tuple(citation for place in places if (citation := _citation(place)) is not None)


def _citation(place: Any) -> Citation | None:
    """A place on the web; those in documents that the request holds have no URL."""
    if not isinstance(place, dict):
        return None
    url = said(place.get(_PLACES_WITH_URL.get(said(place.get("type")), "")))
    return Citation(url, said(place.get("title"))) if url.startswith(("https://", "http://")) else None


class _Open:
    """A block that has begun.

    `signature` is what a thought began with; it holds unless a delta brings another. `unsaid` are the arguments that a
    call began with; they hold unless `pieces` come.
    """

    __slots__ = ("kind", "pieces", "signature", "unsaid")

    def __init__(self, block: _Block) -> None:
        self.kind = block.type
        self.signature = said(block.signature)
        self.unsaid = ""
        self.pieces: list[str] = []


class MessageEvents:
    """See `StreamReader`. The stream's proper end is `message_stop`."""

    __slots__ = ("_id", "_open", "_stated", "_stopped", "finished")

    def __init__(self, _asked: Asked) -> None:
        self._open: dict[int, _Open] = {}
        self._id = ""
        self._stopped = False
        self._stated: Stated | None = None
        self.finished = False

    def feed(self, event: str, data: bytes) -> Sequence[Event]:  # noqa: ARG002 - the data names its event too
        """See `StreamReader.feed`."""
        happened = _read_event(data)
        kind = happened.type
        index = happened.index
        if kind == "content_block_delta":
            return self._delta(index, happened.delta or _Delta())
        if kind == "content_block_start":
            return self._block_start(index, happened.content_block or _Block(""))
        if kind == "content_block_stop":
            return self._block_stop(index)
        if kind == "message_start":
            self._stated = messages.read_event(self._stated, data)
            return self._start("" if happened.message is None else said(happened.message.id))
        if kind == "message_delta":
            self._stated = messages.read_event(self._stated, data)
            return self._message_delta(happened.delta or _Delta())
        if kind == "message_stop":
            self.finished = True
            return () if self._stopped else (Stopped(None),)
        if kind == "error":
            raise failed_within(data)
        return ()

    def _start(self, identifier: str) -> Sequence[Event]:
        """The message begins; that it begins once more is passed over, another one is none of this answer's."""
        if self._id and identifier and identifier != self._id:
            raise UntranslatableAnswer(ANOTHER_MESSAGE)
        self._id = identifier
        return (Begun(identifier, None if self._stated is None else self._stated.usage),)

    def _block_start(self, index: int, block: _Block) -> Sequence[Event]:
        opened = self._open[index] = _Open(block)
        if block.type == "tool_use":
            arguments = written_raw(block.input)
            if says_nothing(*block.call, arguments):
                opened.kind = ""
                return ()
            opened.unsaid = arguments if is_json_object(arguments) else ""
            return (CallBegun(index, *block.call),)
        if block.type == "redacted_thinking":
            return (ThoughtEnd(Opaque(Origin.CLAUDE, {"data": said(block.data)})),)
        if block.type == "text" and said(block.text):
            return (TextPiece(block.text), *(Cited(citation) for citation in _citations(block.citations)))
        if block.type == "thinking" and said(block.thinking):
            return (ThoughtPiece(block.thinking),)
        return ()

    def _delta(self, index: int, delta: _Delta) -> Sequence[Event]:
        opened = self._open.get(index)
        if opened is None:
            raise UntranslatableAnswer("it has a piece of a block that never began")
        if delta.type == "text_delta" and said(delta.text):
            return (TextPiece(delta.text),)
        if delta.type == "input_json_delta" and opened.kind == "tool_use":
            piece = written(delta.partial_json)
            opened.pieces.append(piece)
            return (ArgumentsPiece(index, piece),) if piece else ()
        if delta.type == "thinking_delta" and said(delta.thinking):
            return (ThoughtPiece(delta.thinking),)
        if delta.type == "signature_delta" and said(delta.signature):
            opened.signature = delta.signature
        if delta.type == "citations_delta" and (citation := _citation(delta.citation)) is not None:
            return (Cited(citation),)
        return ()

    def _block_stop(self, index: int) -> Sequence[Event]:
        opened = self._open.pop(index, None)
        if opened is None:
            return ()
        if opened.kind == "tool_use":
            begun_with = () if any(opened.pieces) or not opened.unsaid else (ArgumentsPiece(index, opened.unsaid),)
            return (*begun_with, CallEnd(index))
        if opened.kind == "thinking":
            return (ThoughtEnd(_signed(opened.signature)),)
        return (TextEnd(),) if opened.kind == "text" else ()

    def _message_delta(self, delta: _Delta) -> Sequence[Event]:
        usage = () if self._stated is None else (UsageStated(self._stated.usage),)
        reason = said(delta.stop_reason)
        if not reason or self._stopped:
            return usage
        self._stopped = True
        stop = messages.EVENTS.stops.get(reason)
        refused = (RefusalPiece(_refusal(delta.stop_details)),) if reason == "refusal" else ()
        return (*self._cease(stop), *refused, Stopped(stop, said(delta.stop_sequence) or None), *usage)

    def _cease(self, stop: Stop | None) -> list[Event]:
        """Ends the blocks that never ended. A call among them has to be whole, unless a limit was the reason."""
        for opened in self._open.values():
            said_so_far = "".join(opened.pieces)
            if (
                stop is not Stop.LENGTH
                and opened.kind == "tool_use"
                and said_so_far
                and not is_json_object(said_so_far)
            ):
                raise UntranslatableAnswer("the arguments of a tool call break off")
        return [event for index in tuple(self._open) for event in self._block_stop(index)]
