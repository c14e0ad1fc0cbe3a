"""What Converse answers, whole or as the events of ConverseStream, and the error in place of an answer.

Sources: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html (response),
https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStreamOutput.html,
https://docs.aws.amazon.com/bedrock/latest/APIReference/CommonErrors.html.
"""

from collections.abc import Iterator, Mapping, Sequence
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
from gateway.lanes.call_arguments import written, written_raw
from gateway.lanes.conversation import Opaque, Origin
from gateway.lanes.lenient import Reader
from gateway.lanes.provider_error import ProviderError, failed_within
from gateway.lanes.provider_error import read_error as read_any_error
from gateway.shapes import converse
from gateway.usage import Stated

_ABSENT: Final = msgspec.Raw()
_WHAT: Final = "answer of Converse"
_OTHER_CONTENT: Final = "it holds content that is neither text nor a call"
_ERROR_TYPES: Final[Mapping[int, str]] = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    408: "timeout_error",
    429: "rate_limit_error",
}


class _ToolUse(msgspec.Struct, rename="camel"):
    tool_use_id: Any = None
    name: Any = None
    input: msgspec.Raw = _ABSENT

    @property
    def stated(self) -> tuple[str, str]:
        """Id and name, empty where they are not there."""
        return identifier(self.tool_use_id), said(self.name)


class _Text(msgspec.Struct):
    text: str | None = None
    signature: str | None = None


class _Reasoning(msgspec.Struct, rename="camel"):
    reasoning_text: _Text | None = None
    redacted_content: str | None = None


class _Cited(msgspec.Struct):
    content: list[_Text] = []
    citations: list[Any] = []


class _Block(msgspec.Struct, rename="camel"):
    """One block; those that hold none of these are things that clients' answers cannot hold, such as images."""

    text: str | None = None
    tool_use: _ToolUse | None = None
    reasoning_content: _Reasoning | None = None
    citations_content: _Cited | None = None


class _Message(msgspec.Struct):
    content: list[_Block]


class _Output(msgspec.Struct):
    message: _Message


class _Answer(msgspec.Struct, rename="camel"):
    output: _Output
    stop_reason: str = ""


class _Start(msgspec.Struct, rename="camel"):
    tool_use: _ToolUse | None = None
    image: Any = None


class _Arguments(msgspec.Struct):
    input: Any = None


class _ReasoningDelta(msgspec.Struct, rename="camel"):
    text: str | None = None
    signature: str | None = None
    redacted_content: str | None = None


class _Delta(msgspec.Struct, rename="camel"):
    text: str | None = None
    tool_use: _Arguments | None = None
    reasoning_content: _ReasoningDelta | None = None
    citation: Any = None


class _BlockEvent(msgspec.Struct, rename="camel"):
    """A block begins, goes on or ends."""

    content_block_index: int
    start: _Start | None = None
    delta: _Delta | None = None


class _MessageStop(msgspec.Struct, rename="camel"):
    stop_reason: str


_read = Reader(_Answer, _WHAT)
_read_block = Reader(_BlockEvent, _WHAT)
_read_stop = Reader(_MessageStop, _WHAT)


def read_answer(body: bytes, asked: Asked) -> Answer:
    """See `ProviderSide.read_answer`."""
    answer = _read(body)
    stated = converse.read_body(body)
    return Answer(
        blocks=tuple(_blocks(answer.output.message.content, asked)),
        stop=converse.EVENTS.stops.get(answer.stop_reason),
        usage=None if stated is None else stated.usage,
    )


def _blocks(blocks: Sequence[_Block], asked: Asked) -> Iterator[Block]:
    for block in blocks:
        if block.text is not None:
            yield SaidText(block.text)
        elif block.tool_use is not None:
            stated, arguments = block.tool_use.stated, written_raw(block.tool_use.input)
            if not says_nothing(*stated, arguments):
                yield Called(*stated, arguments)
        elif block.reasoning_content is not None:
            thought = block.reasoning_content.reasoning_text or _Text()
            redacted = block.reasoning_content.redacted_content
            yield Thought(thought.text or "", _opaque(asked, thought.signature, redacted))
        elif block.citations_content is not None:
            texts = "".join([generated.text or "" for generated in block.citations_content.content])
            yield SaidText(texts, tuple(_citations(block.citations_content.citations)))
        else:
            raise UntranslatableAnswer(_OTHER_CONTENT)


def _opaque(asked: Asked, signature: str | None, redacted: str | None) -> Opaque | None:
    """What the provider wants back with a thought."""
    if redacted:
        return Opaque(Origin.CONVERSE + asked.provider, {"redactedContent": redacted})
    return Opaque(Origin.CONVERSE + asked.provider, {"signature": signature}) if signature else None


def _citations(stated: Sequence[Any]) -> Iterator[Citation]:
    """Those of pages of the web; what was sent along has no address."""
    for citation in stated:
        members = citation if isinstance(citation, dict) else {}
        place = members.get("location")
        web = place.get("web") if isinstance(place, dict) else None
        url = said(web.get("url")) if isinstance(web, dict) else ""
        if url:
            yield Citation(url, said(members.get("title")))


def read_error(status: int, body: bytes) -> ProviderError:
    """See `ProviderSide.read_error`. The exception's name stays as `code`, where the body has it beside its header."""
    stated = read_any_error(body)
    return ProviderError(stated.message, _ERROR_TYPES.get(status, ""), stated.type)


class AnswerStream:
    """See `StreamReader`. The stream's proper end is the event `metadata`, which follows `messageStop`."""

    __slots__ = ("_asked", "_begun", "_open", "_proofs", "_stated", "_stopped", "finished")

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self._begun = False
        self._stopped = False
        self._stated: Stated | None = None
        # The kind of each open block by its index, and what proves those that are thoughts.
        self._open: dict[int, type] = {}
        self._proofs: dict[int, Opaque] = {}
        self.finished = False

    def feed(self, event: str, data: bytes) -> Sequence[Event]:
        """See `StreamReader.feed`; `event` is the message's `:event-type`, `data` its payload."""
        if event == "contentBlockDelta":
            return self._delta(_read_block(data))
        if event == "contentBlockStart":
            return self._block_start(_read_block(data))
        if event == "contentBlockStop":
            return self._block_stop(_read_block(data).content_block_index)
        if event == "messageStart":
            if self._begun:
                raise UntranslatableAnswer(ANOTHER_MESSAGE)
            self._begun = True
            return (Begun(),)
        if event == "messageStop":
            self._stopped = True
            return (Stopped(converse.EVENTS.stops.get(_read_stop(data).stop_reason)),)
        if event == "metadata":
            self._stated = converse.read_event(self._stated, data)
            self.finished = self._stopped
            return () if self._stated is None else (UsageStated(self._stated.usage),)
        if event.endswith("Exception"):
            raise failed_within(data, event)
        return ()

    def _block_start(self, block: _BlockEvent) -> Sequence[Event]:
        start = block.start or _Start()
        if start.image is not None:
            raise UntranslatableAnswer(_OTHER_CONTENT)
        use = start.tool_use
        if use is None or says_nothing(*use.stated, ""):
            return ()
        self._open[block.content_block_index] = Called
        return (CallBegun(block.content_block_index, *use.stated),)

    def _delta(self, block: _BlockEvent) -> Sequence[Event]:
        delta, index = block.delta, block.content_block_index
        if delta is None:
            raise UntranslatableAnswer(f"it is no {_WHAT} (a delta without one)")
        if delta.text:
            self._open[index] = SaidText
            return (TextPiece(delta.text),)
        if delta.tool_use is not None:
            arguments = written(delta.tool_use.input)
            if self._open.get(index) is not Called:
                raise UntranslatableAnswer("it has arguments of a call that never began")
            return (ArgumentsPiece(index, arguments),)
        if delta.reasoning_content is not None:
            return self._think(index, delta.reasoning_content)
        return [Cited(citation) for citation in _citations([delta.citation])]

    def _think(self, index: int, delta: _ReasoningDelta) -> Sequence[Event]:
        self._open[index] = Thought
        opaque = _opaque(self._asked, delta.signature, delta.redacted_content)
        if opaque is not None:
            self._proofs[index] = opaque
        return (ThoughtPiece(delta.text),) if delta.text else ()

    def _block_stop(self, index: int) -> Sequence[Event]:
        kind = self._open.pop(index, None)
        if kind is Called:
            return (CallEnd(index),)
        if kind is Thought:
            return (ThoughtEnd(self._proofs.pop(index, None)),)
        return (TextEnd(),) if kind is SaidText else ()
