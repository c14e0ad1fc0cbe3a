"""How an answer comes to its end: the stages that a stream goes through, and the one value that says how it ended.

An API's module has its `Events`: a row for each type of event that its reference names, and what a whole body says of
its own failure. `Progress` (gateway/shapes/progress.py) reads a stream by these rows; `ending_of` reads a whole body.

The shape of an error inside an answer, by API:
https://platform.openai.com/docs/api-reference/responses-streaming/error,
https://docs.anthropic.com/en/api/errors#streaming, and the object `error` of everything that is made after OpenAI.
"""

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from gateway.shapes.told import decode_body
from gateway.wire.unreadable import UNREADABLE

_ERROR: Final = b"error"


class Stage(enum.IntEnum):
    """How far an answer has come.

    While it is `OPENING` nothing was said, and another provider may still be asked. From `COMPLETE` on the client has
    all of the content; figures of usage may still come. `ENDED` is the API's own last event.
    """

    OPENING = 0
    CONTENT = 1
    COMPLETE = 2
    ENDED = 3


class How(enum.StrEnum):
    """How an answer ended: the provider finished it, said that it failed, broke off, or the client went before."""

    COMPLETE = "complete"
    FAILED = "failed"
    CUT = "cut"
    LEFT = "left"


class Stop(enum.StrEnum):
    """Why a model stopped, whatever the API calls it; the first five are the words of OpenTelemetry's conventions."""

    FINISHED = "stop"
    LENGTH = "length"
    TOOL_CALL = "tool_call"
    FILTERED = "content_filter"
    FAILED = "error"
    PAUSED = "pause"
    MALFORMED = "malformed"


@dataclass(frozen=True)
class StatedError:
    """An error in the provider's own words; what it does not say is `None`."""

    message: str | None = None
    type: str | None = None
    code: str | None = None


@dataclass(frozen=True)
class Ending:
    """How an answer ended, and the provider's own error where it stated one."""

    how: How
    error: StatedError | None = None


@dataclass(frozen=True)
class Event:
    """What one type of event means for the answer.

    `text` says that its `delta` is what the model wrote. `how` is set where the event ends the answer. With `stating`
    the row holds only where the event's `delta` states that member; otherwise the event changes nothing. `closes` says
    that a part of the answer is whole, which may have been the last.
    """

    stage: Stage
    text: bool = False
    how: How | None = None
    stating: str | None = None
    closes: bool = False


OPENING: Final = Event(Stage.OPENING)
CONTENT: Final = Event(Stage.CONTENT)
TEXT: Final = Event(Stage.CONTENT, text=True)
CLOSES: Final = Event(Stage.CONTENT, closes=True)
COMPLETES: Final = Event(Stage.COMPLETE)
ENDS: Final = Event(Stage.ENDED, how=How.COMPLETE)
FAILS: Final = Event(Stage.ENDED, how=How.FAILED)


@dataclass(frozen=True, kw_only=True)
class Events:
    """The events of one API's streams, and what its whole bodies say of their end.

    Args:
        rows: By the event's `type`, or its name where its data states none. A type that is not here is content.
        stops: What each stop reason means.
        needs_end: Whether a stream whose content is complete is still cut without the API's last event; servers that
            are made after OpenAI's chat do not all send `[DONE]`.
        large: What an event of no known type is that is too large to be read.
        statuses: How a whole answer ended, by its `status`; one that is not here is complete.
        signs_of_failure: Bytes of which one stands in every event that may say of a failure, for a search before any is
            read; follows from `stops`.
    """

    rows: Mapping[str, Event]
    stops: Mapping[str, Stop] = field(default_factory=dict)
    needs_end: bool = True
    large: Event = TEXT
    statuses: Mapping[str, How] = field(default_factory=dict)

    signs_of_failure: tuple[bytes, ...] = field(init=False)

    def __post_init__(self) -> None:
        reasons = [reason.encode() for reason, stop in self.stops.items() if stop is Stop.FAILED]
        signs = (_ERROR, *(reason for reason in reasons if _ERROR not in reason))
        object.__setattr__(self, "signs_of_failure", signs)


NO_EVENTS: Final = Events(rows={"error": FAILS})
"""Of an API that has no stream."""


_decode_any = msgspec.json.Decoder(dict[str, Any]).decode
_COMPLETE: Final = Ending(How.COMPLETE)
_EXCEPTION: Final = "Exception"


def ending_of(body: bytes, events: Events) -> Ending:
    """How a whole answer under status 200 ended: failed where it is nothing but an error, else complete.

    What is no JSON object says nothing of its end, and is complete.
    """
    # PERF: `in` raises an exception to itself before it looks for bytes.
    if body.find(b'"error"') < 0:
        return _COMPLETE
    try:
        said = decode_body(body)
    except UNREADABLE:
        return _COMPLETE
    how = events.statuses.get(said.status) if isinstance(said.status, str) else None
    if how is None:
        only_error = said.type == "error" or (_is_error(said.error) and not said.choices)
        how = How.FAILED if only_error else How.COMPLETE
    return _COMPLETE if how is How.COMPLETE else Ending(how, _of_object(said.error, said.message, said.code))


def stated_error(data: bytes, name: str = "") -> StatedError | None:
    """The error that the data of an event states: under `error`, inside its `response`, or in its own members.

    `name` is the event's, the type of an error that states none, as AWS' exceptions. Data that is no JSON is the
    message.
    """
    try:
        event = _decode_any(data)
    except UNREADABLE:
        return StatedError(message=data.decode(errors="replace"))
    response = event.get("response")
    error = event.get("error") or (response.get("error") if isinstance(response, dict) else None)
    kind = name if name.endswith(_EXCEPTION) else event.get("type")
    return _of_object(error, event.get("message"), event.get("code"), None if kind == "error" else kind)


def _is_error(stated: Any) -> bool:
    return isinstance(stated, dict | str) and bool(stated)


def _of_object(error: Any, message: Any, code: Any, kind: Any = None) -> StatedError | None:
    """What `error` says; where there is none, what stands beside the place for it, with the type given."""
    if isinstance(error, str) and error:
        return StatedError(message=error, code=_text(code))
    if isinstance(error, dict) and error:
        # Google says the type as `status`.
        kind = error.get("type") or error.get("status")
        return StatedError(_text(error.get("message")), _text(kind), _text(error.get("code")))
    if message is None and code is None:
        return None
    return StatedError(_text(message), _text(kind), _text(code))


def _text(stated: Any) -> str | None:
    """A text, or a number in its digits, as some state codes; `None` for anything else."""
    if isinstance(stated, str):
        return stated
    return str(stated) if type(stated) is int else None
