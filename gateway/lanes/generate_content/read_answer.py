"""What `generateContent` answers, whole or in the chunks of a stream, and the error in place of an answer.

Sources: https://ai.google.dev/api/generate-content#v1beta.GenerateContentResponse,
https://ai.google.dev/gemini-api/docs/thought-signatures, https://cloud.google.com/apis/design/errors. A chunk is a
`GenerateContentResponse` itself, in which calls are whole; the last one states why the model stopped.
"""

import re
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
from gateway.lanes.base import Asked, UntranslatableAnswer, identifier, said, says_nothing
from gateway.lanes.call_arguments import written_raw
from gateway.lanes.conversation import Opaque, Origin
from gateway.lanes.lenient import Reader
from gateway.lanes.provider_error import ProviderError, failed_within
from gateway.lanes.provider_error import read_error as read_any_error
from gateway.shapes import generate_content
from gateway.shapes.ending import Stop
from gateway.usage import Stated

_WHAT: Final = "answer of Gemini"
_OTHER_CONTENT: Final = "it holds content that is neither text nor a call"
_NO_ANSWER: Final = "it has no candidate"


class _Call(msgspec.Struct):
    id: Any = None
    name: Any = None
    args: msgspec.Raw = msgspec.Raw()


class _Part(msgspec.Struct, rename="camel"):
    """One part; what it holds of other kinds is nothing that clients' answers have a place for."""

    text: str | None = None
    thought: Any = None
    thought_signature: str | None = None
    function_call: _Call | None = None
    inline_data: Any = None
    file_data: Any = None
    executable_code: Any = None
    code_execution_result: Any = None


class _Content(msgspec.Struct):
    parts: list[_Part] = []


class _Web(msgspec.Struct):
    uri: Any = None
    title: Any = None


class _Source(msgspec.Struct):
    web: _Web | None = None


class _Grounding(msgspec.Struct, rename="camel"):
    grounding_chunks: list[_Source] = []


class _Candidate(msgspec.Struct, rename="camel"):
    content: _Content | None = None
    finish_reason: str | None = None
    grounding_metadata: _Grounding | None = None


class _Feedback(msgspec.Struct, rename="camel"):
    block_reason: str | None = None


class _Response(msgspec.Struct, rename="camel"):
    candidates: list[_Candidate] = []
    prompt_feedback: _Feedback | None = None
    response_id: Any = None
    error: Any = None

    @property
    def is_blocked(self) -> bool:
        """Whether the prompt gets no answer."""
        return not self.candidates and self.prompt_feedback is not None and bool(self.prompt_feedback.block_reason)


_read = Reader(_Response, _WHAT)


def read_answer(body: bytes, asked: Asked) -> Answer:  # noqa: ARG001 - see `ProviderSide.read_answer`
    """See `ProviderSide.read_answer`. Of several candidates it is the first."""
    response = _read(body)
    if response.error is not None:
        raise failed_within(body)
    if not response.candidates and not response.is_blocked:
        raise UntranslatableAnswer(_NO_ANSWER)
    blocks: list[Block] = []
    stop: Stop | None = Stop.FILTERED
    if response.candidates:
        candidate = response.candidates[0]
        for block in _said(candidate, set()):
            _join(blocks, block)
        stop = _stop(candidate.finish_reason, called=any(isinstance(block, Called) for block in blocks))
    stated = generate_content.read_body(body)
    return Answer(
        blocks=tuple(blocks),
        id=identifier(response.response_id),
        stop=stop,
        usage=None if stated is None else stated.usage,
    )


def _join(blocks: list[Block], block: Block) -> None:
    """Adds a block, to the last one where it goes on with it, as parts of a stream do."""
    last = blocks[-1] if blocks else None
    if isinstance(block, SaidText) and isinstance(last, SaidText):
        blocks[-1] = SaidText(last.text + block.text, (*last.citations, *block.citations))
    elif isinstance(block, Thought) and isinstance(last, Thought) and last.opaque is None:
        blocks[-1] = Thought(last.text + block.text, block.opaque)
    elif not isinstance(block, SaidText) or block.text:
        blocks.append(block)


def _said(candidate: _Candidate, cited: set[str]) -> list[Block]:
    """What a response says; `cited` gathers the addresses that were cited. A text that only cites has no words."""
    parts = () if candidate.content is None else candidate.content.parts
    blocks = [block for part in parts for block in _blocks(part)]
    citations = tuple(_citations(candidate.grounding_metadata, cited))
    if citations:
        texts = [position for position, block in enumerate(blocks) if isinstance(block, SaidText)]
        if texts:
            blocks[texts[-1]] = SaidText(said(blocks[texts[-1]][0]), citations)
        else:
            blocks.insert(0, SaidText("", citations))
    return blocks


def _blocks(part: _Part) -> Iterator[Block]:
    """A part; the signature of a text is a thought without one behind it."""
    opaque = Opaque(Origin.GEMINI, {"thoughtSignature": part.thought_signature}) if part.thought_signature else None
    call = part.function_call
    if call is not None:
        stated, arguments = (identifier(call.id), said(call.name)), written_raw(call.args)
        if not says_nothing(*stated, arguments):
            yield Called(*stated, arguments, opaque)
        return
    if any(one is not None for one in (part.inline_data, part.file_data, part.executable_code)):
        raise UntranslatableAnswer(_OTHER_CONTENT)
    text = part.text or ""
    if part.thought is True:
        if text or opaque is not None:
            yield Thought(text, opaque)
        return
    if text:
        yield SaidText(text)
    if opaque is not None:
        yield Thought("", opaque)


def _citations(grounding: _Grounding | None, cited: set[str]) -> Iterator[Citation]:
    """Pages of the web, each once."""
    for source in () if grounding is None else grounding.grounding_chunks:
        url = "" if source.web is None else said(source.web.uri)
        if source.web is not None and url and url not in cited:
            cited.add(url)
            yield Citation(url, said(source.web.title))


def _stop(reason: str | None, *, called: bool) -> Stop | None:
    """Why the model stopped. Google has no reason of its own for an answer that calls."""
    stop = None if reason is None else generate_content.EVENTS.stops.get(reason)
    return Stop.TOOL_CALL if stop is Stop.FINISHED and called else stop


_TYPES: Final[Mapping[int, str]] = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    408: "timeout_error",
    429: "rate_limit_error",
}
_NAMED: Final = re.compile(rb'"status"\s*:\s*"([A-Z_]{1,64})"')


def read_error(status: int, body: bytes) -> ProviderError:
    """See `ProviderSide.read_error`. Google's canonical name stays as `code`."""
    named = _NAMED.search(body)
    code = "" if named is None else named[1].decode()
    return ProviderError(read_any_error(body).message, _TYPES.get(status, ""), code)


class ContentEvents:
    """See `StreamReader`. The stream's proper end is the chunk that says why the model stopped."""

    __slots__ = ("_begun", "_called", "_cited", "_open", "_stated", "finished")

    def __init__(self, asked: Asked) -> None:  # noqa: ARG002 - see `ProviderSide.read_stream`
        self._begun = False
        self._called = 0
        self._cited: set[str] = set()
        self._open: type[Block] | None = None
        self._stated: Stated | None = None
        self.finished = False

    def feed(self, event: str, data: bytes) -> Sequence[Event]:  # noqa: ARG002 - chunks have no names
        """See `StreamReader.feed`."""
        chunk = _read(data)
        if chunk.error is not None:
            raise failed_within(data)
        known, self._stated = self._stated, generate_content.read_event(self._stated, data)
        usage = None if self._stated is None else self._stated.usage
        events: list[Event] = []
        if not self._begun:
            self._begun = True
            events.append(Begun(identifier(chunk.response_id), usage))
        elif usage is not None and self._stated is not known:
            events.append(UsageStated(usage))
        if self.finished:
            return [one for one in events if isinstance(one, UsageStated)]
        stopped = self._answered(chunk, events)
        if stopped is None:
            return events
        self.finished = True
        return [*events, *self._close(), stopped]

    def _answered(self, chunk: _Response, events: list[Event]) -> Stopped | None:
        """Adds what a chunk says, and returns why the model stopped where that is said."""
        if chunk.is_blocked:
            return Stopped(Stop.FILTERED)
        if not chunk.candidates:
            return None
        candidate = chunk.candidates[0]
        for block in _said(candidate, self._cited):
            if isinstance(block, Called):
                events += self._call(block)
            elif isinstance(block, Thought):
                events += self._think(block)
            elif isinstance(block, SaidText):
                events += self._say(block)
        if not candidate.finish_reason:
            return None
        return Stopped(_stop(candidate.finish_reason, called=self._called > 0))

    def _say(self, block: SaidText) -> Iterator[Event]:
        if block.text:
            if self._open is not SaidText:
                yield from self._close()
            self._open = SaidText
            yield TextPiece(block.text)
        if self._open is SaidText:
            yield from (Cited(citation) for citation in block.citations)

    def _think(self, block: Thought) -> Iterator[Event]:
        if self._open is not Thought:
            yield from self._close()
        self._open = Thought
        if block.text:
            yield ThoughtPiece(block.text)
        if block.opaque is not None:
            self._open = None
            yield ThoughtEnd(block.opaque)

    def _call(self, block: Called) -> Iterator[Event]:
        yield from self._close()
        key, self._called = self._called, self._called + 1
        yield CallBegun(key, block.id, block.name)
        if block.arguments:
            yield ArgumentsPiece(key, block.arguments)
        yield CallEnd(key, block.opaque)

    def _close(self) -> Sequence[Event]:
        """What was open is whole."""
        closed, self._open = self._open, None
        if closed is SaidText:
            return (TextEnd(),)
        return (ThoughtEnd(),) if closed is Thought else ()
