"""Server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html): tapped, never rewritten."""

import re
from collections.abc import Callable
from typing import Any

import msgspec

from gateway.usage import Stated
from gateway.wire.json_skeleton import Skeleton
from gateway.wire.json_tail import usage_object
from gateway.wire.sse_events import BLANK_LINE, ENDS_EVENT, LINE_END, SEAM, event_data, events_of, has_blank_line
from gateway.wire.unreadable import UNREADABLE

ReadEvent = Callable[[Stated | None, bytes], Stated | None]

_MAX_EVENT_BYTES = 1024 * 1024
_KEPT_OF_LARGE_EVENT = 64 * 1024
_LEADS = (b":", b"\r", b"\n")
_LEAD = re.compile(rb"(?:(?::[^\r\n]*)?(?:\r\n|\r|\n))*")
_HAS_CHOICES = re.compile(rb'"choices"\s{0,8}:\s{0,8}\[\s{0,8}[^\]\s]')
_LONGEST_CHOICES = 64
_DATA_BEGINS_WITHIN = 1024
_USAGE, _NO_USAGE = b'"usage', b'"usage":null'
"""Google's is called `usageMetadata`."""


class StreamTap:
    """Reads usage off a stream in passing.

    With `withhold_usage` the usage-only chunk of an OpenAI stream (no choices, and usage that is not null) does not go
    on: the gateway asked for it, the client did not. An event that comes in pieces is then held for as long as it can
    still turn out to be that chunk. Everything else goes on at once and as it came.

    Memory is bounded: an event over 1 MiB goes on, and what is kept of it is its skeleton without long texts, and its
    end, at least 64 KiB, in which its usage is looked for where the skeleton is too large. Work is linear in the bytes
    of the stream, whatever the pieces: of an event that comes in many, only what is new is looked at.
    """

    __slots__ = (
        "_awaits_line_feed",
        "_data_begins",
        "_passed",
        "_pending",
        "_quiet",
        "_read_event",
        "_searched",
        "_skeleton",
        "_withholds",
        "usage",
    )

    def __init__(self, read_event: ReadEvent, *, withhold_usage: bool) -> None:
        self._read_event = read_event
        self._withholds = withhold_usage
        self._pending = bytearray()  # the event that has begun and not ended
        self._passed = 0  # how many bytes of it went on
        self._searched = 0  # how many were searched for choices
        self._data_begins = False  # whether its data began, as an object
        self._skeleton: Skeleton | None = None  # what is left of it, when it is too large to be kept whole
        self._awaits_line_feed = False  # the withheld event ended in CR; an LF now would still belong to it
        self._quiet = True  # neither of these
        self.usage: Stated | None = None

    @property
    def at_boundary(self) -> bool:
        """Whether what went on so far ends between two events."""
        return self._passed == 0

    def feed(self, chunk: bytes) -> bytes:
        """What goes on now that this chunk has come."""
        if self._quiet and chunk.endswith(ENDS_EVENT):
            # PERF: nearly every chunk of nearly every provider holds whole events, and no usage.
            found = chunk.find(_USAGE)
            if found < 0 or (chunk.startswith(_NO_USAGE, found) and chunk.find(_USAGE, found + 1) < 0):
                return chunk
            return self._read(chunk, self._withholds)
        passing = self._gather(chunk)
        return passing if self._withholds else chunk

    def end(self) -> bytes:
        """The stream is over: what was held back and goes on after all."""
        pending, passed = bytes(self._pending), self._passed
        self._pending.clear()
        if self._skeleton is not None:
            self._read_large(self._skeleton, pending)
            return b""
        passing = self._read(pending, self._withholds and not passed)[passed:]
        self._passed += len(passing)
        return passing

    def _gather(self, chunk: bytes) -> bytes:
        """Puts events together that come in pieces; returns what goes on if this stream is withheld from."""
        if self._awaits_line_feed and chunk:
            self._awaits_line_feed = False
            chunk = chunk.removeprefix(b"\n")
        pending = self._pending
        search_from = max(0, len(pending) - SEAM)
        pending += chunk
        if not has_blank_line(bytes(pending[search_from:])):
            if pending:
                self._awaits_line_feed = False
            piece = self._begin(len(chunk))
            self._quiet = not pending and not self._awaits_line_feed
            return piece
        gathered = bytes(pending)
        position = 0
        passing: list[bytes] = []
        ends = [match.end() for match in BLANK_LINE.finditer(gathered, search_from)]
        if self._passed:
            position = ends[0]
            passing.append(gathered[self._passed : position])
            self._finish_passed_event(gathered[:position])
        if ends[-1] > position:
            events = gathered[position : ends[-1]]
            passing.append(self._read(events, self._withholds))
            position = ends[-1]
        if position < len(gathered):
            self._awaits_line_feed = False
        self._pending = bytearray(gathered[position:])
        self._searched, self._data_begins = 0, False
        passing.append(self._begin(len(self._pending)))
        self._quiet = not self._pending and not self._awaits_line_feed
        return b"".join(passing)

    def _begin(self, added: int) -> bytes:
        """Takes in so many more bytes of an event that has not ended; returns what goes on of it."""
        pending = self._pending
        lead = b"" if self._passed else self._take_lead(added)
        passing = b""
        if self._passed or not self._withholds or not self._may_be_usage_only(added):
            passing = bytes(pending[self._passed :]) if self._withholds else b""
            self._passed = len(pending)
        if len(pending) > _MAX_EVENT_BYTES or self._skeleton is not None:
            if self._skeleton is None:
                self._skeleton, added = Skeleton(), len(pending)
            self._skeleton.feed(bytes(pending[len(pending) - added :]))
            if len(pending) > 2 * _KEPT_OF_LARGE_EVENT:
                del pending[:-_KEPT_OF_LARGE_EVENT]
            self._passed = len(pending)
        return lead + passing

    def _take_lead(self, added: int) -> bytes:
        """Takes off the blank lines and comments before the first field, which are no part of an event."""
        pending = self._pending
        if not pending.startswith(_LEADS):
            return b""
        if pending.startswith(b":") and LINE_END.search(pending, len(pending) - added) is None:
            return b""  # a comment that goes on
        lead = bytes(pending[: _end_of_lead(pending)])
        if lead:
            del pending[: len(lead)]
            self._searched = 0
        return lead

    def _may_be_usage_only(self, added: int) -> bool:
        pending = self._pending
        if len(pending) > _MAX_EVENT_BYTES:
            return False
        search_from = max(0, self._searched - _LONGEST_CHOICES)
        self._searched = len(pending)
        if _HAS_CHOICES.search(pending, search_from) is not None:
            return False
        if not self._data_begins and len(pending) - added < _DATA_BEGINS_WITHIN:
            data = event_data(bytes(pending[:_DATA_BEGINS_WITHIN])).lstrip()
            self._data_begins = bool(data)
            return not data or data.startswith(b"{")
        return True

    def _finish_passed_event(self, event: bytes) -> None:
        if self._skeleton is not None:
            self._skeleton.feed(event[self._passed :])
            self._read_large(self._skeleton, event)
        else:
            self._read(event, withholds=False)
        self._passed = 0

    def _read_large(self, skeleton: Skeleton, tail: bytes) -> None:
        self._skeleton = None
        if skeleton.text is not None:
            self.usage = self._read_event(self.usage, event_data(skeleton.text))
            return
        found = usage_object(tail)
        if found is not None:
            self.usage = self._read_event(self.usage, b'{"usage":' + found + b"}")

    def _read(self, events: bytes, withholds: bool) -> bytes:
        """Reads the usage in whole events; returns them, without those that are withheld."""
        if events.count(_USAGE) == events.count(_NO_USAGE):
            return events
        passing: list[bytes] = []
        withheld = False
        for event in events_of(events):
            if _USAGE in event:
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


_decode_chunk = msgspec.json.Decoder(_Chunk).decode


def _is_usage_only(data: bytes) -> bool:
    try:
        chunk = _decode_chunk(data)
    except UNREADABLE:
        return False
    return bool(chunk.choices == [] and chunk.usage is not None)


def _end_of_lead(event: bytes | bytearray) -> int:
    match = _LEAD.match(event)
    return 0 if match is None else match.end()
