"""Taking server-sent events apart (https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing)."""

import re
from collections.abc import Iterator
from typing import Final

ENDS_EVENT: Final = (b"\n\n", b"\n\r\n", b"\r\r")
BLANK_LINE: Final = re.compile(rb"(?>\r\n|\r|\n)(?>\r\n|\r|\n)")
LINE_END: Final = re.compile(rb"\r\n|\r|\n")
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_LARGEST_EVENT = 16 * 1024 * 1024


class EventTooLarge(ValueError):  # noqa: N818 - a failure of the other side
    """An event grew beyond what memory should hold."""


class EventSplitter:
    """Whole events out of a stream that comes in pieces."""

    def __init__(self) -> None:
        self._pending = b""

    def feed(self, chunk: bytes) -> list[tuple[str, bytes]]:
        """Name and data of each event that this piece completes. Raises `EventTooLarge`."""
        gathered = self._pending + chunk
        position = 0
        events: list[tuple[str, bytes]] = []
        for match in BLANK_LINE.finditer(gathered):
            event = gathered[position : match.end()]
            position = match.end()
            data = event_data(event)
            if data:
                events.append((event_name(event), data))
        self._pending = gathered[position:]
        if len(self._pending) > _LARGEST_EVENT:
            raise EventTooLarge
        return events

    def end(self) -> list[tuple[str, bytes]]:
        """The event that the stream ended in, whose blank line never came."""
        pending, self._pending = self._pending, b""
        data = event_data(pending)
        return [(event_name(pending), data)] if data else []


def events_in(stream: bytes, *, whole: bool) -> Iterator[tuple[str, bytes]]:
    """Name ("" where there is none) and data of each event; with `whole`, only of events whose end has come."""
    for event in events_of(stream):
        if not whole or event.endswith(ENDS_EVENT):
            yield event_name(event), event_data(event)


def event_name(event: bytes) -> str:
    """The name of one event, the last that it states."""
    name = ""
    for line in LINE_END.split(event):
        if line.startswith(b"event:"):
            name = line[6:].removeprefix(b" ").decode("latin-1")
    return name


def events_of(stream: bytes) -> Iterator[bytes]:
    """Whole events, each with the blank line that ends it; what stands after the last blank line comes last."""
    position = 0
    for match in BLANK_LINE.finditer(stream):
        yield stream[position : match.end()]
        position = match.end()
    if position < len(stream):
        yield stream[position:]


def event_data(event: bytes) -> bytes:
    """The `data` of one event."""
    event = event.removeprefix(_BYTE_ORDER_MARK)
    return b"\n".join(line[5:].removeprefix(b" ") for line in LINE_END.split(event) if line.startswith(b"data:"))
