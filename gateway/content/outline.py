"""What a span says of an answer beside its usage: its id, and why the model stopped."""

from collections import deque
from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

import msgspec

from gateway.content.answers import end_of_response, finish_reason
from gateway.shapes.shape import Shape
from gateway.turns import LONG_BYTES
from gateway.wire.sse_events import event_data, events_of
from gateway.wire.unreadable import UNREADABLE

OUTLINED: Final = frozenset(("chat_completions", "completions", "messages", "responses", "generate_content"))
"""Endpoints whose answers have ids, and reasons why they end."""

_LAST_PIECES: Final = 8
_LAST_BYTES: Final = 64 * 1024
_FIRST_EVENTS, _LAST_EVENTS = 4, 64
_SPACE: Final = 256
_MOST_CHOICES: Final = 128
"""The most that chat completions give (https://platform.openai.com/docs/api-reference/chat/create#n)."""


class Outline(NamedTuple):
    """The provider's id of an answer, and a reason for each of its choices that stopped, in their order."""

    answer_id: str | None = None
    finish_reasons: tuple[str, ...] = ()


class AnswerEnds:
    """The first and the last pieces of an answer as its provider sends it.

    PERF: a stream is not read whole for this; its first event has the id, and its last ones have the reasons.
    """

    __slots__ = ("_first", "_is_torn", "_last")

    def __init__(self) -> None:
        self._first = b""
        self._last: deque[bytes] | None = None
        self._is_torn = False

    def add(self, piece: bytes) -> None:
        """The next piece came."""
        if not self._first:
            self._first = piece
            return
        if self._last is None:
            self._last = deque(maxlen=_LAST_PIECES)
        elif len(self._last) == _LAST_PIECES:
            self._is_torn = True
        self._last.append(piece)

    def read(self, shape: Shape) -> Outline:
        """What they say, in an API's words; a whole body that is long says nothing."""
        first = last = self._first
        if self._last is not None:
            last = b"".join(self._last)
            if not self._is_torn:
                first = last = first + last
        if first[:1] == b"{" or first[:_SPACE].lstrip()[:1] == b"{":
            whole = None if self._is_torn or len(first) > LONG_BYTES else _read(first)
            return Outline() if whole is None else Outline(_id_of(whole), _reasons_of(shape, whole))
        events = list(events_of(last[-_LAST_BYTES:]))[-_LAST_EVENTS:]
        reasons: dict[int, str] = {}
        for said in _all_of(events):
            reasons.update(_reasons(shape, said))
        begun = list(events_of(first[:_LAST_BYTES]))[:_FIRST_EVENTS]
        return Outline(next(filter(None, map(_id_of, _all_of(begun))), None), _ordered(reasons))


class _Choice(msgspec.Struct, gc=False):
    index: Any = None
    finish_reason: Any = None


class _Candidate(msgspec.Struct, gc=False):
    index: Any = None
    finish_reason: Any = msgspec.field(default=None, name="finishReason")


class _Item(msgspec.Struct, gc=False):
    type: Any = None


class _Inner(msgspec.Struct, gc=False):
    """The message of `message_start`, and the response of an event of Responses."""

    id: Any = None
    status: Any = None
    incomplete_details: Any = None
    output: list[_Item] | None = None


class _Said(msgspec.Struct, gc=False):
    """A whole answer, or an event of a stream, of any API."""

    id: Any = None
    choices: list[_Choice] | None = None
    stop_reason: Any = None
    stop_reason_of_converse: Any = msgspec.field(default=None, name="stopReason")
    delta: Any = None
    message: _Inner | None = None
    response: _Inner | None = None
    status: Any = None
    incomplete_details: Any = None
    output: list[_Item] | None = None
    candidates: list[_Candidate] | None = None
    id_of_google: Any = msgspec.field(default=None, name="responseId")


_decode = msgspec.json.Decoder(_Said).decode
_ENDED: Final = ("completed", "incomplete")
_CALLS: Final = ("function_call", "custom_tool_call")


def _read(data: bytes) -> _Said | None:
    try:
        return _decode(data)
    except UNREADABLE:
        return None


def _all_of(events: Iterable[bytes]) -> Iterable[_Said]:
    return (said for event in events if (said := _read(event_data(event))) is not None)


def _id_of(said: _Said) -> str | None:
    inner = said.message or said.response
    found = (said.id or said.id_of_google) if inner is None else inner.id
    return found if isinstance(found, str) and found else None


def _reasons_of(shape: Shape, whole: _Said) -> tuple[str, ...]:
    choices = whole.choices
    if choices is not None and len(choices) == 1 and isinstance(choices[0].finish_reason, str):
        # PERF: nearly every answer.
        return (finish_reason(shape, choices[0].finish_reason),) if choices[0].finish_reason else ()
    return _ordered(_reasons(shape, whole))


def _reasons(shape: Shape, said: _Said) -> Mapping[int, str]:
    """Why its choices stopped, as far as it says so, by their index."""
    if said.choices is not None or said.candidates is not None:
        return {
            one.index if type(one.index) is int else 0: finish_reason(shape, one.finish_reason)
            for one in (*(said.choices or ()), *(said.candidates or ()))
            if isinstance(one.finish_reason, str) and one.finish_reason
        }
    answer = said if said.response is None else said.response
    if answer.status in _ENDED:
        called = any(one.type in _CALLS for one in answer.output or ())
        return {0: end_of_response(answer.status, answer.incomplete_details, called=called)}
    delta = said.delta.get("stop_reason") if isinstance(said.delta, dict) else None
    stated = said.stop_reason or said.stop_reason_of_converse or delta
    return {0: finish_reason(shape, stated)} if isinstance(stated, str) else {}


def _ordered(reasons: Mapping[int, str]) -> tuple[str, ...]:
    return tuple(reasons[index] for index in sorted(reasons)[:_MOST_CHOICES])
