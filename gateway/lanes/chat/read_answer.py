"""What a provider of OpenAI's chat shape answers, whole or in chunks.

Sources: https://platform.openai.com/docs/api-reference/chat/object and
https://platform.openai.com/docs/api-reference/chat-streaming. OpenAI numbers only tool calls, nothing keeps a provider
from sending several of them in turns, and compatible servers number them as they like.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from gateway.lanes.answer import (
    Answer,
    ArgumentsPiece,
    Begun,
    Block,
    CallBegun,
    Called,
    CallEnd,
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
from gateway.lanes.base import Asked, UntranslatableAnswer, said
from gateway.lanes.call_arguments import is_json, is_json_object
from gateway.lanes.chat.opaque import opened_call
from gateway.lanes.chat.read_completion import Choice, Completion, Said, ToolCall, read_completion, read_usage
from gateway.lanes.conversation import Opaque, Origin
from gateway.lanes.provider_error import failed_within
from gateway.shapes.chat import EVENTS
from gateway.shapes.ending import Stop
from gateway.usage import Usage

_NO_NAME: Final = "a tool call names no function"


def read_answer(body: bytes, asked: Asked) -> Answer:
    """See `ProviderSide.read_answer`."""
    completion = read_completion(body)
    choice = completion.first
    if choice is None or choice.message is None:
        raise UntranslatableAnswer("it holds no message")
    message = choice.message
    blocks = tuple(_blocks(message, asked))
    stop = _stop(choice.reason, refused=bool(message.refused))
    return Answer(blocks, said(completion.id), stop, usage=read_usage(completion))


def _blocks(message: Said, asked: Asked) -> Iterator[Block]:
    opaque = _opaque(message, asked)
    citations = tuple(message.citations)
    for kind, words in message.pieces:
        if kind == "thinking":
            yield Thought(words, opaque)
        else:
            yield SaidText(words, citations)
            citations = ()
    if message.refused:
        yield Refused(message.refused)
    for call in message.calls:
        if not call.name:
            raise UntranslatableAnswer(_NO_NAME)
        kept = opened_call(None, call.extra_content, call.name)
        yield Called(call.identifier, call.name, call.arguments, kept, call.custom is not None)


def _opaque(piece: Said, asked: Asked) -> Opaque | None:
    """Who wants a thought back: the provider that gave it in the member that servers want it back in."""
    if not piece.has_reasoning_content or not asked.provider:
        return None
    return Opaque(Origin.REASONING_CONTENT + asked.provider, {})


def _stop(reason: str, *, refused: bool) -> Stop | None:
    if refused:
        return Stop.FILTERED
    return EVENTS.stops.get(reason, Stop.FINISHED) if reason else None


class _Call:
    """A call on its way: by what it is known, and what came of its arguments."""

    __slots__ = ("begun", "ended", "fragments", "id", "is_custom", "key", "name", "opaque")

    def __init__(self, key: int) -> None:
        self.key = key
        self.id = ""
        self.name = ""
        self.is_custom = False
        self.fragments: list[str] = []
        self.opaque: Opaque | None = None
        self.begun = False
        self.ended = False

    @property
    def is_whole(self) -> bool:
        """Whether nothing more can come, where something else has begun."""
        # PERF: an object ends in a brace; without one the arguments need not be put together.
        if self.is_custom or not self.fragments:
            return False
        if self.is_object:
            return self.fragments[-1].rstrip().endswith("}") and is_json_object("".join(self.fragments))
        return is_json("".join(self.fragments))

    @property
    def is_object(self) -> bool:
        """Whether the arguments begin as an object."""
        first = next((fragment for fragment in self.fragments if fragment.strip()), "")
        return first.lstrip().startswith("{")

    def is_another(self, call: ToolCall) -> bool:
        """Whether a call is another one than this, which is known under its index: some give every call one.

        What goes on repeats the name at most. Gemini's calls have neither ids nor indexes, and come whole.
        """
        if not call.name:
            return False
        if call.identifier and self.id:
            return call.identifier != self.id
        return call.name != (self.name or call.name) or (self.is_whole and bool(call.arguments.strip()))


class CompletionEvents:
    """See `StreamReader`. The stream's proper end is `[DONE]`, or a finish reason."""

    __slots__ = (
        "_asked",
        "_calls",
        "_done",
        "_known",
        "_latest",
        "_opaque",
        "_refused",
        "_started",
        "_stopped",
        "_usage",
    )

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self._known: dict[int | str, _Call] = {}
        self._calls: list[_Call] = []
        # The block that came last: a call, `thinking` or `text`.
        self._latest: _Call | str = ""
        self._opaque: Opaque | None = None
        self._usage: Usage | None = None
        self._refused = False
        self._started = False
        self._stopped = False
        self._done = False

    @property
    def finished(self) -> bool:
        """See `StreamReader.finished`."""
        return self._done or self._stopped

    def feed(self, event: str, data: bytes) -> Sequence[Event]:
        """See `StreamReader.feed`."""
        data = data.strip()
        if self._done or not data:
            return ()
        if data == b"[DONE]":
            return self._end()
        if event == "error":
            raise failed_within(data)
        chunk = read_completion(data)
        usage = read_usage(chunk)
        self._usage = usage or self._usage
        choice = chunk.first
        events: list[Event] = []
        if choice is not None:
            events += self._start(chunk)
            events += self._say(choice)
        if usage is not None and self._started:
            events.append(UsageStated(usage))
        return events

    def _start(self, chunk: Completion) -> Sequence[Event]:
        if self._started:
            return ()
        self._started = True
        return (Begun(said(chunk.id), self._usage),)

    def _say(self, choice: Choice) -> Iterator[Event]:
        piece = choice.delta or choice.message or Said()
        opaque = _opaque(piece, self._asked)
        for kind, words in piece.pieces:
            if self._latest != kind:
                yield from self._another(kind)
            if kind == "thinking":
                self._opaque = self._opaque or opaque
                yield ThoughtPiece(words)
            else:
                yield TextPiece(words)
        yield from [Cited(citation) for citation in piece.citations]
        if piece.refused:
            if self._latest != "text":
                yield from self._another("text")
            self._refused = True
            yield RefusalPiece(piece.refused)
        for call in piece.calls:
            yield from self._call(call)
        if choice.reason:
            yield from self._stop(choice.reason)

    def _another(self, block: "_Call | str") -> Iterator[Event]:
        """Another block begins: what was open is whole, if it can be."""
        if self._latest == "text":
            yield TextEnd()
        elif self._latest == "thinking":
            yield ThoughtEnd(self._opaque)
            self._opaque = None
        self._latest = block
        for call in self._calls:
            yield from self._ended_if_whole(call)

    def _call(self, stated: ToolCall) -> Iterator[Event]:
        """A call begins, or goes on; what comes before its name waits for that."""
        call, arguments = self._call_of(stated), stated.arguments
        if call is not self._latest and not call.fragments and not call.begun:
            yield from self._another(call)
        if call.ended:
            if call.is_object and arguments.strip():
                raise UntranslatableAnswer("a tool call goes on behind its end")
            return
        call.id = call.id or stated.identifier
        call.name = call.name or stated.name
        call.is_custom = call.is_custom or stated.custom is not None
        call.opaque = call.opaque or opened_call(None, stated.extra_content, call.name)
        if not call.begun and call.name:
            call.begun = True
            yield CallBegun(call.key, call.id, call.name, call.is_custom)
            yield from [ArgumentsPiece(call.key, fragment) for fragment in call.fragments]
        if arguments:
            call.fragments.append(arguments)
            if call.begun:
                yield ArgumentsPiece(call.key, arguments)
        if call is not self._latest:
            yield from self._ended_if_whole(call)

    def _call_of(self, stated: ToolCall) -> _Call:
        """The call by its index, by its id where the provider counts none, or the latest without either."""
        key: int | str = stated.index if type(stated.index) is int else stated.identifier
        known = self._latest if key == "" else self._known.get(key)
        if not isinstance(known, _Call) or known.is_another(stated):
            known = self._known[key] = _Call(len(self._calls))
            self._calls.append(known)
        return known

    def _ended_if_whole(self, call: _Call) -> Iterator[Event]:
        if call is not self._latest and call.begun and not call.ended and call.is_whole:
            call.ended = True
            yield CallEnd(call.key, call.opaque)

    def _stop(self, reason: str) -> Iterator[Event]:
        """The model has stopped: a call has whatever it wrote as its arguments."""
        yield from self._another("")
        for call in self._calls:
            if not call.begun:
                raise UntranslatableAnswer(_NO_NAME)
            if not call.ended:
                call.ended = True
                yield CallEnd(call.key, call.opaque)
        self._stopped = True
        yield Stopped(_stop(reason, refused=self._refused))

    def _end(self) -> Sequence[Event]:
        """The stream ends; where no reason was given, the arguments of calls have to be whole."""
        if not self._started:
            raise UntranslatableAnswer("its stream ended before it said anything")
        events: list[Event] = []
        if not self._stopped:
            for call in self._calls:
                if not call.ended and not call.is_whole and "".join(call.fragments).strip():
                    raise UntranslatableAnswer("the arguments of a tool call break off")
            events += self._stop("stop")
        else:
            events += self._another("")
        self._done = True
        return events
