"""Server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html): tapped, never rewritten."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from gateway.errors import GatewayError
from gateway.usage import Usage
from gateway.wire.shape import Shape

ReadEvent = Callable[[Usage | None, bytes], Usage | None]

_MAX_EVENT_BYTES = 1024 * 1024
_ENDS_EVENT = (b"\n\n", b"\n\r\n", b"\r\r")
_BLANK_LINE = re.compile(rb"(?>\r\n|\r|\n)(?>\r\n|\r|\n)")
_LINE_END = re.compile(rb"\r\n|\r|\n")
_TERMINAL = (b"[DONE]", b"message_stop", b"response.completed", b"response.failed", b"response.incomplete")
_NO_CHOICES = re.compile(rb'"choices"\s*:\s*\[\s*\]')
_HAS_CHOICES = re.compile(rb'"choices"\s*:\s*\[\s*[^\]\s]')
_LONGEST_BLANK_LINE = 4


class StreamTap:
    """Reads usage off a stream in passing.

    `feed` returns what may go on now: the very chunk that came, except for the one event that nobody asked for when
    `withhold_usage` says that the gateway asked for it itself. `usage` is what was stated so far, `finished` whether
    the stream's own terminal event came, `at_boundary` whether what went on ends between two events.
    """

    __slots__ = ("_filter", "_overlong", "_pending", "_read_event", "at_boundary", "finished", "usage")

    def __init__(self, read_event: ReadEvent, *, withhold_usage: bool) -> None:
        self._read_event = read_event
        self._filter = _UsageFilter() if withhold_usage else None
        self._pending = b""
        self._overlong = False
        self.usage: Usage | None = None
        self.finished = False
        self.at_boundary = True

    def feed(self, chunk: bytes) -> bytes:
        """What goes on of the stream now that this chunk has come."""
        if not self._pending and not self._overlong and chunk.endswith(_ENDS_EVENT):
            # PERF: nearly every chunk of nearly every provider holds whole events, and nothing to read.
            self._inspect(chunk)
            boundary = True
        else:
            boundary = self._gather(chunk)
        if self._filter is None:
            self.at_boundary = boundary
            return chunk
        passing = self._filter.feed(chunk)
        self.at_boundary = self._filter.at_boundary
        return passing

    def end(self) -> bytes:
        """The stream is over: what was held back and goes on after all."""
        self._inspect(self._pending)
        self._pending = b""
        return b"" if self._filter is None else self._filter.end()

    def _gather(self, chunk: bytes) -> bool:
        """Collects an event that comes in pieces; true when nothing of one is left over."""
        search_from = max(0, len(self._pending) - _LONGEST_BLANK_LINE)
        gathered = self._pending + chunk
        end = _end_of_last_event(gathered, search_from)
        if end:
            if not self._overlong:
                self._inspect(gathered[:end])
            self._overlong = False
            gathered = gathered[end:]
        if len(gathered) > _MAX_EVENT_BYTES:
            self._overlong = True
            gathered = gathered[-_LONGEST_BLANK_LINE:]
        self._pending = gathered
        return not gathered

    def _inspect(self, events: bytes) -> None:
        if b'"usage"' in events and events.count(b'"usage"') != events.count(b'"usage":null'):
            for event in _events(events):
                if b'"usage"' in event:
                    self.usage = self._read_event(self.usage, _data(event))
        if not self.finished and any(mark in events for mark in _TERMINAL):
            self.finished = True


class _UsageFilter:
    """Takes the usage-only chunk out of an OpenAI stream: no choices, and usage that is not null.

    An event that came in part is held only while it can still turn out to be that chunk.
    """

    __slots__ = ("_held", "_releasing", "at_boundary")

    def __init__(self) -> None:
        self._held = b""
        self._releasing = False
        self.at_boundary = True

    def feed(self, chunk: bytes) -> bytes:
        if not self._held and not self._releasing and chunk.endswith(_ENDS_EVENT):
            if _NO_CHOICES.search(chunk) is None:
                self.at_boundary = True
                return chunk
            return b"".join(event for event in _events(chunk) if not _is_usage_only(event))
        held, self._held = self._held + chunk, b""
        passing: list[bytes] = []
        if self._releasing:
            first = _BLANK_LINE.search(held)
            if first is None:
                self.at_boundary = False
                return held
            self._releasing = False
            passing.append(held[: first.end()])
            held = held[first.end() :]
        end = _end_of_last_event(held, 0)
        passing += [event for event in _events(held[:end]) if not _is_usage_only(event)]
        rest = held[end:]
        if rest and not _may_be_usage_only(rest):
            self._releasing = True
            passing.append(rest)
            rest = b""
        self._held = rest
        self.at_boundary = not self._releasing
        return b"".join(passing)

    def end(self) -> bytes:
        held, self._held = self._held, b""
        return b"" if held and _is_usage_only(held) else held


class _Chunk(msgspec.Struct):
    choices: list[Any] | None = None
    usage: Any = None


_decode_chunk = msgspec.json.Decoder(_Chunk).decode


def _is_usage_only(event: bytes) -> bool:
    if _NO_CHOICES.search(event) is None:
        return False
    try:
        chunk = _decode_chunk(_data(event))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return chunk.choices == [] and chunk.usage is not None


def _may_be_usage_only(start: bytes) -> bool:
    if len(start) > _MAX_EVENT_BYTES or _HAS_CHOICES.search(start) is not None:
        return False
    data = _data(start).lstrip()
    return not data or data.startswith(b"{")


def _events(stream: bytes) -> Iterator[bytes]:
    """Whole events, each with the blank line that ends it; what stands after the last blank line comes last."""
    position = 0
    for match in _BLANK_LINE.finditer(stream):
        yield stream[position : match.end()]
        position = match.end()
    if position < len(stream):
        yield stream[position:]


def _data(event: bytes) -> bytes:
    """The `data` of one event."""
    lines = [line[5:].removeprefix(b" ") for line in _LINE_END.split(event) if line.startswith(b"data:")]
    return b"\n".join(lines)


def _end_of_last_event(stream: bytes, start: int) -> int:
    end = 0
    for match in _BLANK_LINE.finditer(stream, start):
        end = match.end()
    return end


def terminal_error_frame(error: GatewayError, *, anthropic: bool, at_boundary: bool) -> bytes:
    """The last frame of a stream whose upstream died: an `error` event in the client's shape.

    When the stream was cut within an event, a blank line goes first. It hands the torn event to the client's parser,
    which fails on it as it would on a cut connection; without it the frame would melt into the torn event and be lost.
    """
    frame = b"event: error\ndata: " + error.envelope(anthropic=anthropic) + b"\n\n"
    return frame if at_boundary else b"\n\n" + frame


def keepalive(shape: Shape) -> bytes:
    """What keeps an idle stream open: a `ping` event, which Anthropic's clients know, or else a comment."""
    return b'event: ping\ndata: {"type": "ping"}\n\n' if shape is Shape.ANTHROPIC else b": keep-alive\n\n"
