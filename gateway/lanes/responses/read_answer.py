"""An answer of OpenAI's Responses, whole or in events.

Sources: https://platform.openai.com/docs/api-reference/responses/object and
https://platform.openai.com/docs/api-reference/responses-streaming. Items of tools that the provider runs are passed
over; new kinds of items, parts and events are too. What an item is is said by the event that ends it: the last event of
a stream may have an empty output.
"""

from collections.abc import Iterator, Sequence
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
from gateway.lanes.base import Asked, UntranslatableAnswer, identifier, said, says_nothing
from gateway.lanes.call_arguments import written
from gateway.lanes.conversation import Opaque, Origin
from gateway.lanes.lenient import Reader
from gateway.lanes.provider_error import failed_within
from gateway.shapes import openai_usage
from gateway.shapes.ending import Stop
from gateway.shapes.responses import EVENTS

_CALLS: Final = ("function_call", "custom_tool_call")
_WHAT: Final = "response of OpenAI's"
_BETWEEN: Final = "\n\n"


class _Part(msgspec.Struct):
    """A part of a message, or of what was thought."""

    type: Any = None
    text: Any = None
    refusal: Any = None
    annotations: Any = None


class _Item(msgspec.Struct):
    """An item; its type says which members it has."""

    type: Any = None
    id: Any = None
    call_id: Any = None
    name: Any = None
    arguments: Any = None
    input: Any = None
    content: list[_Part] | None = None
    summary: list[_Part] | None = None
    encrypted_content: Any = None

    @property
    def call(self) -> tuple[str, str]:
        """Id and name of a call, empty where they are not there."""
        return identifier(self.call_id), said(self.name)

    @property
    def written(self) -> str:
        """What a call was written with."""
        return written(self.input if self.type == "custom_tool_call" else self.arguments)


class _Incomplete(msgspec.Struct):
    reason: Any = None


class _Response(msgspec.Struct):
    id: Any = None
    status: Any = None
    output: list[_Item] | None = None
    incomplete_details: _Incomplete | None = None
    error: Any = None
    usage: Any = None


class _Event(msgspec.Struct):
    """Any event; its type says which members it has."""

    type: str = ""
    output_index: Any = None
    content_index: Any = None
    summary_index: Any = None
    delta: Any = None
    item: _Item | None = None
    annotation: Any = None
    response: _Response | None = None


_read = Reader(_Response, _WHAT)
_read_event = Reader(_Event, f"event of a {_WHAT}")


def read_answer(body: bytes, asked: Asked) -> Answer:
    """See `ProviderSide`."""
    response = _read(body)
    if response.output is None or response.status in ("failed", "cancelled"):
        raise _failed(response)
    blocks = [block for item in response.output for block in _blocks(item, asked)]
    stated = openai_usage.read_body(body)
    usage = stated.usage if stated is not None and response.usage is not None else None
    refuses = any(isinstance(block, Refused) for block in blocks)
    return Answer(blocks, said(response.id), _stop(response, calls=_has_call(blocks), refuses=refuses), None, usage)


def _failed(response: _Response) -> UntranslatableAnswer:
    """The failure, in the words that the response has for it."""
    return failed_within(msgspec.json.encode({"error": response.error}))


def _has_call(blocks: Sequence[Block]) -> bool:
    return any(isinstance(block, Called) for block in blocks)


def _stop(response: _Response, *, calls: bool, refuses: bool) -> Stop:
    """Why the model stopped; a response that is not complete says what stopped it, and a refusal is complete."""
    if response.status == "incomplete":
        reason = "" if response.incomplete_details is None else said(response.incomplete_details.reason)
        return EVENTS.stops.get(reason, Stop.LENGTH)
    if refuses:
        return Stop.FILTERED
    return Stop.TOOL_CALL if calls else Stop.FINISHED


def _blocks(item: _Item, asked: Asked) -> Iterator[Block]:
    if item.type == "message":
        for part in item.content or ():
            if part.type == "refusal":
                yield Refused(said(part.refusal))
            elif part.type == "output_text":
                yield SaidText(said(part.text), tuple(_citations(part.annotations)))
    elif item.type == "reasoning":
        thought = _BETWEEN.join(_thought(item))
        opaque = _encrypted(item, asked)
        if thought or opaque is not None:
            yield Thought(thought, opaque)
    elif item.type in _CALLS and not says_nothing(*item.call, item.written):
        yield Called(*item.call, item.written, is_custom=item.type == "custom_tool_call")


def _thought(item: _Item) -> list[str]:
    """What is shown of reasoning: a summary, or where there is none, the reasoning that open models show."""
    shown = [said(part.text) for part in item.summary or ()]
    return [words for words in shown or [said(part.text) for part in item.content or ()] if words]


def _encrypted(item: _Item, asked: Asked) -> Opaque | None:
    content = said(item.encrypted_content)
    if not content:
        return None
    return Opaque(Origin.OPENAI + asked.provider, {"id": said(item.id), "encrypted_content": content})


def _citations(annotations: Any) -> Iterator[Citation]:
    for annotation in annotations if isinstance(annotations, list) else ():
        citation = _citation(annotation)
        if citation is not None:
            yield citation


def _citation(annotation: Any) -> Citation | None:
    """A place on the web; files that OpenAI's servers hold have no URL."""
    if not isinstance(annotation, dict) or annotation.get("type") != "url_citation":
        return None
    url, places = said(annotation.get("url")), (annotation.get("start_index"), annotation.get("end_index"))
    start, end = (place if type(place) is int else None for place in places)
    return Citation(url, said(annotation.get("title")), start, end) if url else None


def _message(item: _Item, asked: Asked) -> Iterator[Event]:
    """A message of which nothing has come before it was whole."""
    for block in _blocks(item, asked):
        if isinstance(block, SaidText):
            yield TextPiece(block.text)
            yield from map(Cited, block.citations)
            yield TextEnd()
        elif isinstance(block, Refused):
            yield RefusalPiece(block.text)


class ResponseEvents:
    """See `StreamReader`. The stream's proper end is `response.completed` or `response.incomplete`."""

    __slots__ = ("_asked", "_begun", "_calls", "_parts", "_pieces", "_refuses", "finished")

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self._begun = False
        self._calls: set[int] = set()
        self._pieces: dict[int, list[str]] = {}
        self._parts: dict[int, int] = {}
        self._refuses = False
        self.finished = False

    def feed(self, event: str, data: bytes) -> Sequence[Event]:
        """See `StreamReader.feed`."""
        if data.strip() == b"[DONE]":
            return ()
        happened = _read_event(data)
        kind = happened.type or event
        if kind == "error":
            raise failed_within(data)
        if kind == "response.failed":
            raise _failed(happened.response or _Response())
        return tuple(self._events(kind, happened, data))

    def _events(self, kind: str, happened: _Event, data: bytes) -> Iterator[Event]:
        response = happened.response
        index = happened.output_index if type(happened.output_index) is int else 0
        if kind == "response.created" and not self._begun:
            self._begun = True
            yield Begun("" if response is None else said(response.id))
        elif kind == "response.output_item.added" and happened.item is not None:
            yield from self._item_added(index, happened.item)
        elif kind == "response.output_item.done" and happened.item is not None:
            yield from self._item_done(index, happened.item)
        elif kind in ("response.completed", "response.incomplete"):
            yield from self._end(response or _Response(), data)
        elif kind == "response.output_text.annotation.added":
            citation = _citation(happened.annotation)
            if citation is not None:
                yield Cited(citation)
        elif kind == "response.output_text.done":
            yield TextEnd()
        elif isinstance(happened.delta, str) and happened.delta:
            yield from self._delta(kind, index, happened)

    def _delta(self, kind: str, index: int, happened: _Event) -> Iterator[Event]:
        pieces = self._pieces.setdefault(index, [])
        if kind == "response.output_text.delta":
            pieces.append(happened.delta)
            yield TextPiece(happened.delta)
        elif kind == "response.refusal.delta":
            pieces.append(happened.delta)
            self._refuses = True
            yield RefusalPiece(happened.delta)
        elif kind in ("response.reasoning_summary_text.delta", "response.reasoning_text.delta"):
            place = happened.summary_index if type(happened.summary_index) is int else happened.content_index
            place = place if type(place) is int else 0
            begins_anew = bool(pieces) and place != self._parts.get(index, place)
            self._parts[index] = place
            pieces.append(happened.delta)
            yield ThoughtPiece(_BETWEEN + happened.delta if begins_anew else happened.delta)
        elif kind in ("response.function_call_arguments.delta", "response.custom_tool_call_input.delta"):
            pieces.append(happened.delta)
            yield ArgumentsPiece(index, happened.delta)

    def _item_added(self, index: int, item: _Item) -> Iterator[Event]:
        self._pieces[index] = []
        if item.type in _CALLS and item.call[1]:
            yield from self._begin_call(index, item)

    def _begin_call(self, index: int, item: _Item) -> Iterator[Event]:
        self._calls.add(index)
        yield CallBegun(index, *item.call, is_custom=item.type == "custom_tool_call")

    def _item_done(self, index: int, item: _Item) -> Iterator[Event]:
        """What the item says and no event before it has."""
        has_said = bool(self._pieces.pop(index, None))
        if item.type in _CALLS:
            yield from self._call_done(index, item, has_said=has_said)
        elif item.type == "reasoning":
            thought, opaque = _BETWEEN.join(_thought(item)), _encrypted(item, self._asked)
            if not has_said and thought:
                yield ThoughtPiece(thought)
            if has_said or thought or opaque is not None:
                yield ThoughtEnd(opaque)
        elif item.type == "message" and not has_said:
            self._refuses = self._refuses or any(part.type == "refusal" for part in item.content or ())
            yield from _message(item, self._asked)

    def _call_done(self, index: int, item: _Item, *, has_said: bool) -> Iterator[Event]:
        if index not in self._calls:
            if says_nothing(*item.call, item.written):
                return
            yield from self._begin_call(index, item)
        if not has_said and item.written:
            yield ArgumentsPiece(index, item.written)
        yield CallEnd(index)

    def _end(self, response: _Response, data: bytes) -> Iterator[Event]:
        self.finished = True
        yield Stopped(_stop(response, calls=bool(self._calls), refuses=self._refuses))
        stated = openai_usage.read_event(None, data)
        if stated is not None and response.usage is not None:
            yield UsageStated(stated.usage)
