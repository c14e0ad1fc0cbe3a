"""Server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html): tapped, never rewritten."""

import re
from collections.abc import Callable
from typing import Any

import msgspec

from gateway.errors import GatewayError
from gateway.usage import Stated
from gateway.wire.json_tail import usage_object
from gateway.wire.sse_events import BLANK_LINE, ENDS_EVENT, LINE_END, event_data, events_of
from gateway.wire.unreadable import UNREADABLE

ReadEvent = Callable[[Stated | None, bytes], Stated | None]

_MAX_EVENT_BYTES = 1024 * 1024
_KEPT_OF_LARGE_EVENT = 64 * 1024
_HEAD_OF_LARGE_EVENT = 256
_TERMINAL = frozenset(
    (
        "message_stop",
        "response.completed",
        "response.failed",
        "response.incomplete",
        "image_generation.completed",
        "image_edit.completed",
        "transcript.text.done",
        "speech.audio.done",
    )
)
_LONGEST_BLANK_LINE = 4
_LEAD = re.compile(rb"(?:(?::[^\r\n]*)?(?:\r\n|\r|\n))*")
_HAS_CHOICES = re.compile(rb'"choices"\s*:\s*\[\s*[^\]\s]')


class StreamTap:
    """Reads usage off a stream in passing.

    With `withhold_usage` the usage-only chunk of an OpenAI stream (no choices, and usage that is not null) does not go
    on: the gateway asked for it, the client did not. An event that comes in pieces is then held for as long as it can
    still turn out to be that chunk. Everything else goes on at once and as it came.

    Memory is bounded: an event over 1 MiB goes on, and only its last 64 KiB are kept to look for its usage.
    """

    __slots__ = (
        "_awaits_line_feed",
        "_head",
        "_last_events",
        "_passed",
        "_pending",
        "_quiet",
        "_read_event",
        "_withholds",
        "usage",
    )

    def __init__(self, read_event: ReadEvent, *, withhold_usage: bool) -> None:
        self._read_event = read_event
        self._withholds = withhold_usage
        self._pending = b""  # the event that has begun and not ended
        self._passed = 0  # how many bytes of it went on
        self._head = b""  # its first bytes, when it is too large to be kept whole
        self._awaits_line_feed = False  # the withheld event ended in CR; an LF now would still belong to it
        self._quiet = True  # neither of these
        self._last_events = b""
        self.usage: Stated | None = None

    @property
    def at_boundary(self) -> bool:
        """Whether what went on so far ends between two events."""
        return self._passed == 0

    @property
    def finished(self) -> bool:
        """Whether the last event so far is one that ends a stream of its API."""
        last = b""
        for event in events_of(self._last_events):
            if b"data:" in event:
                last = event
        return _is_terminal(last)

    def feed(self, chunk: bytes) -> bytes:
        """What goes on now that this chunk has come."""
        if self._quiet and chunk.endswith(ENDS_EVENT):
            # PERF: nearly every chunk of nearly every provider holds whole events, and no usage.
            if b"data:" in chunk:
                self._last_events = chunk
            return self._read(chunk, self._withholds) if b'"usage"' in chunk else chunk
        passing = self._gather(chunk)
        return passing if self._withholds else chunk

    def end(self) -> bytes:
        """The stream is over: what was held back and goes on after all."""
        pending, passed = self._pending, self._passed
        self._pending = b""
        if self._head:
            self._read_large(pending)
            return b""
        self._remember(pending)
        passing = self._read(pending, self._withholds and not passed)[passed:]
        self._passed += len(passing)
        return passing

    def _gather(self, chunk: bytes) -> bytes:
        """Puts events together that come in pieces; returns what goes on if this stream is withheld from."""
        if self._awaits_line_feed and chunk:
            self._awaits_line_feed = False
            chunk = chunk.removeprefix(b"\n")
        search_from = max(0, len(self._pending) - _LONGEST_BLANK_LINE + 1)
        gathered = self._pending + chunk
        position = 0
        passing: list[bytes] = []
        ends = [match.end() for match in BLANK_LINE.finditer(gathered, search_from)]
        if ends and self._passed:
            position = ends[0]
            passing.append(gathered[self._passed : position])
            self._finish_passed_event(gathered[:position])
        if ends and ends[-1] > position:
            events = gathered[position : ends[-1]]
            self._remember(events)
            passing.append(self._read(events, self._withholds))
            position = ends[-1]
        if position < len(gathered):
            self._awaits_line_feed = False
        passing.append(self._begin(gathered[position:]))
        self._quiet = not self._pending and not self._awaits_line_feed
        return b"".join(passing)

    def _begin(self, rest: bytes) -> bytes:
        """Takes in an event that has not ended; returns what of it goes on."""
        lead = b""
        if self._passed == 0:
            # Blank lines and comments before the first field are no part of an event.
            lead = rest[: _end_of_lead(rest)]
            rest = rest[len(lead) :]
        passing = b""
        if self._passed or not self._withholds or not _may_be_usage_only(rest):
            passing = rest[self._passed :]
            self._passed = len(rest)
        if len(rest) > _MAX_EVENT_BYTES or self._head:
            self._head = self._head or rest[:_HEAD_OF_LARGE_EVENT]
            rest = rest[-_KEPT_OF_LARGE_EVENT:]
            self._passed = len(rest)
        self._pending = rest
        return lead + passing

    def _finish_passed_event(self, event: bytes) -> None:
        if self._head:
            self._read_large(event)
        else:
            self._remember(event)
            self._read(event, withholds=False)
        self._passed = 0

    def _remember(self, events: bytes) -> None:
        if b"data:" in events:
            self._last_events = events

    def _read_large(self, tail: bytes) -> None:
        self._last_events, self._head = self._head, b""
        found = usage_object(tail)
        if found is not None:
            self.usage = self._read_event(self.usage, b'{"usage":' + found + b"}")

    def _read(self, events: bytes, withholds: bool) -> bytes:
        """Reads the usage in whole events; returns them, without those that are withheld."""
        if events.count(b'"usage"') == events.count(b'"usage":null'):
            return events
        passing: list[bytes] = []
        withheld = False
        for event in events_of(events):
            if b'"usage"' in event:
                data = event_data(event)
                self.usage = self._read_event(self.usage, data)
                if withholds and _is_usage_only(data):
                    withheld = True
                    passing.append(event[: _end_of_lead(event)])
                    self._awaits_line_feed = event.endswith(b"\r")
                    self._quiet = not self._awaits_line_feed
                    continue
            passing.append(event)
            self._awaits_line_feed = False
        return b"".join(passing) if withheld else events


class _Chunk(msgspec.Struct):
    choices: Any = None
    usage: Any = None


class _Typed(msgspec.Struct):
    type: Any = None


_decode_chunk = msgspec.json.Decoder(_Chunk).decode
_decode_typed = msgspec.json.Decoder(_Typed).decode


def _is_usage_only(data: bytes) -> bool:
    try:
        chunk = _decode_chunk(data)
    except UNREADABLE:
        return False
    return bool(chunk.choices == [] and chunk.usage is not None)


def _may_be_usage_only(start: bytes) -> bool:
    if len(start) > _MAX_EVENT_BYTES or _HAS_CHOICES.search(start) is not None:
        return False
    data = event_data(start).lstrip()
    return not data or data.startswith(b"{")


def _is_terminal(event: bytes) -> bool:
    lines = LINE_END.split(event)
    if any(line[6:].strip().decode("latin-1") in _TERMINAL for line in lines if line.startswith(b"event:")):
        return True
    data = event_data(event)
    if data == b"[DONE]":
        return True
    try:
        type_ = _decode_typed(data).type
    except UNREADABLE:
        return False
    return isinstance(type_, str) and type_ in _TERMINAL


def _end_of_lead(event: bytes) -> int:
    match = _LEAD.match(event)
    return 0 if match is None else match.end()


def terminal_error_frame(error: GatewayError, *, anthropic: bool, at_boundary: bool) -> bytes:
    """The last frame of a stream whose upstream died: an `error` event in the client's shape.

    When the stream was cut within an event, a blank line goes first. It hands the torn event to the client's parser,
    which fails on it as it would on a cut connection; without it the frame would melt into the torn event and be lost.
    """
    frame = b"event: error\ndata: " + error.envelope(anthropic=anthropic) + b"\n\n"
    return frame if at_boundary else b"\n\n" + frame
