"""Taking server-sent events apart (https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing)."""

import re
from collections.abc import Iterator
from typing import Final

ENDS_EVENT: Final = (b"\n\n", b"\n\r\n", b"\r\r")
BLANK_LINE: Final = re.compile(rb"(?>\r\n|\r|\n)(?>\r\n|\r|\n)")
LINE_END: Final = re.compile(rb"\r\n|\r|\n")
SEAM: Final = 3
"""Bytes before a piece that may be the beginning of a blank line that ends in it."""

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_LARGEST_EVENT = 16 * 1024 * 1024


class EventTooLarge(ValueError):  # noqa: N818 - a failure of the other side
    """An event grew beyond what memory should hold."""


class RawEvents:
    """Whole events, each with the blank line that ends it, out of a stream that comes in pieces.

    Work is linear in the bytes of the stream, whatever the pieces: each byte is searched once, but for the few before
    a seam, and joined once.
    """

    __slots__ = ("_pieces", "_seam", "size")

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._seam = b""
        self.size = 0
        """Bytes of the event that has begun and not ended."""

    def feed(self, chunk: bytes) -> bytes:
        """The events that this piece ends, one behind the other as they came; empty while there is none."""
        seam = self._seam
        if not has_blank_line(seam + chunk if seam else chunk):
            self._pieces.append(chunk)
            self.size += len(chunk)
            self._seam = chunk[-SEAM:] if len(chunk) >= SEAM else (seam + chunk)[-SEAM:]
            return b""
        if self._pieces:
            self._pieces.append(chunk)
            chunk = b"".join(self._pieces)
        end = _end_of_last(chunk, max(0, self.size - SEAM))
        self._keep(chunk[end:])
        return chunk[:end]

    def shed(self, kept: int) -> bytes:
        """Lets go of the event that has begun; returns its first bytes, as many as asked for."""
        head = b"".join(self._pieces)[:kept]
        self._keep(self._seam)
        return head

    def end(self) -> bytes:
        """The event that the stream ended in, whose blank line never came."""
        rest = b"".join(self._pieces)
        self._keep(b"")
        return rest

    def _keep(self, rest: bytes) -> None:
        self._pieces = [rest] if rest else []
        self._seam = rest[-SEAM:]
        self.size = len(rest)


class EventSplitter:
    """Name and data of the events of a stream that comes in pieces."""

    __slots__ = ("_events",)

    def __init__(self) -> None:
        self._events = RawEvents()

    @property
    def size(self) -> int:
        """Bytes of the event that has begun and not ended."""
        return self._events.size

    def feed(self, chunk: bytes) -> list[tuple[str, bytes]]:
        """Name and data of each event that this piece completes. Raises `EventTooLarge`."""
        whole = self._events.feed(chunk)
        events = [parts for event in events_of(whole) if (parts := event_parts(event))[1]]
        if self._events.size > _LARGEST_EVENT:
            raise EventTooLarge
        return events

    def end(self) -> list[tuple[str, bytes]]:
        """The event that the stream ended in, whose blank line never came."""
        parts = event_parts(self._events.end())
        return [parts] if parts[1] else []


def has_blank_line(stream: bytes) -> bool:
    """Whether an event ends in these bytes. PERF: nearly every stream has line feeds alone, which are found faster."""
    return b"\n\n" in stream or (b"\r" in stream and BLANK_LINE.search(stream) is not None)


def _end_of_last(stream: bytes, search_from: int) -> int:
    """Where the last event ends whose blank line has come."""
    if b"\r" not in stream:
        return stream.rfind(b"\n\n") + 2
    end = 0
    for match in BLANK_LINE.finditer(stream, search_from):
        end = match.end()
    return end


def event_parts(event: bytes) -> tuple[str, bytes]:
    """Name ("" where there is none; the last that it states) and data of one event."""
    name, data = "", []
    for line in event.removeprefix(_BYTE_ORDER_MARK).splitlines():
        if line.startswith(b"data:"):
            data.append(line[5:].removeprefix(b" "))
        elif line.startswith(b"event:"):
            name = line[6:].removeprefix(b" ").decode("latin-1")
    return name, data[0] if len(data) == 1 else b"\n".join(data)


def events_in(stream: bytes, *, whole: bool) -> Iterator[tuple[str, bytes]]:
    """Name ("" where there is none) and data of each event; with `whole`, only of events whose end has come."""
    for event in events_of(stream):
        if not whole or event.endswith(ENDS_EVENT):
            yield event_parts(event)


def events_of(stream: bytes) -> Iterator[bytes]:
    """Whole events, each with the blank line that ends it; what stands after the last blank line comes last."""
    position = 0
    if b"\r" not in stream:
        # PERF: see `has_blank_line`.
        while (found := stream.find(b"\n\n", position)) >= 0:
            yield stream[position : found + 2]
            position = found + 2
    else:
        for match in BLANK_LINE.finditer(stream):
            yield stream[position : match.end()]
            position = match.end()
    if position < len(stream):
        yield stream[position:]


def event_data(event: bytes) -> bytes:
    """The `data` of one event."""
    return event_parts(event)[1]
