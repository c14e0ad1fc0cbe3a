"""Events out of a stream that comes in pieces, against a reading of the whole, and how much work the pieces make."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.shapes import openai_usage, progress
from gateway.shapes.chat import CHAT
from gateway.shapes.progress import Progress
from gateway.wire import sse, sse_events
from gateway.wire.sse import StreamTap
from gateway.wire.sse_events import EventSplitter, EventTooLarge


def _reference(stream: bytes) -> list[tuple[str, bytes]]:
    """Line by line, as the specification reads a whole stream; the event that it ends in counts too."""
    events, name, data = [], "", []
    for line in [*re.split(rb"\r\n|\r|\n", stream.removeprefix(b"\xef\xbb\xbf")), b""]:
        if line.startswith(b"data:"):
            data.append(line[5:].removeprefix(b" "))
        elif line.startswith(b"event:"):
            name = line[6:].removeprefix(b" ").decode("latin-1")
        elif not line:
            if b"\n".join(data):
                events.append((name, b"\n".join(data)))
            name, data = "", []
    return events


_LINES = [
    b"",
    b"",
    b": comment",
    b"event: ping",
    b"event:message_stop",
    b"data: {}",
    b'data:{"a":[1]}',
    b"data: [DONE]",
    b"data",
    b"id: 1",
]


@st.composite
def _cut_streams(draw):
    ends = draw(st.sampled_from([[b"\n"], [b"\r\n"], [b"\r"], [b"\n", b"\r\n", b"\r"]]))
    lines = draw(st.lists(st.tuples(st.sampled_from(_LINES), st.sampled_from(ends)), max_size=20))
    stream = draw(st.sampled_from([b"", b"\xef\xbb\xbf"])) + b"".join(line + end for line, end in lines)
    if draw(st.booleans()):
        stream = stream[: draw(st.integers(0, len(stream)))]
    cuts = sorted(draw(st.lists(st.integers(0, len(stream)), max_size=10)))
    if draw(st.booleans()):
        cuts = list(range(len(stream)))
    return stream, [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]


@given(_cut_streams())
def test_the_same_events_come_out_however_a_stream_is_cut(cut):
    stream, pieces = cut
    splitter = EventSplitter()
    events = [event for piece in pieces for event in splitter.feed(piece)] + splitter.end()

    assert events == _reference(stream)


def test_every_cut_of_a_stream_in_three():
    stream = b"event: a\r\ndata: 1\r\n\r\n:\r\rdata: 2\ndata: 3\n\n\n\r\ndata: 4\r\r\ndata: 5"
    for first in range(len(stream) + 1):
        for second in range(first, len(stream) + 1):
            splitter = EventSplitter()
            pieces = stream[:first], stream[first:second], stream[second:]
            events = [event for piece in pieces for event in splitter.feed(piece)] + splitter.end()
            assert events == _reference(stream), (first, second)


def test_an_event_that_never_ends_is_given_up():
    splitter = EventSplitter()
    with pytest.raises(EventTooLarge):
        for _ in range(300):
            splitter.feed(b"data: " + b"x" * 65_536)


class _Work:
    """How many bytes the modules looked at, in all."""

    def __init__(self, monkeypatch):
        self.done = 0
        for module in (sse, sse_events, progress):
            for name in ("has_blank_line", "_end_of_last", "event_parts", "event_data", "_end_of_lead", "events_of"):
                if hasattr(module, name):
                    monkeypatch.setattr(module, name, self._counted(getattr(module, name)))
            for name in ("BLANK_LINE", "LINE_END", "_HAS_CHOICES", "_LEAD"):
                if hasattr(module, name):
                    monkeypatch.setattr(module, name, _Pattern(self, getattr(module, name)))

    def _counted(self, function):
        def counted(stream, *rest):
            self.done += len(stream) - (rest[0] if rest else 0)
            return function(stream, *rest)

        return counted


class _Pattern:
    def __init__(self, work, pattern):
        self._work, self._pattern = work, pattern

    def __getattr__(self, name):
        def counted(stream, start=0):
            self._work.done += len(stream) - start
            return getattr(self._pattern, name)(stream, start)

        return counted if name != "split" else self._pattern.split


_PART = b"aaaa" * 64


def _long(size):
    """A long text; in the shortest pieces each byte costs a hundred times as much time, and some of it tells as much."""
    return _PART * (3500 if size >= 256 else 800)


@pytest.mark.looks_inside
@pytest.mark.parametrize("make", [EventSplitter, lambda: Progress(CHAT.events)])
@pytest.mark.parametrize("line_end", [b"\n", b"\r\n"])
@pytest.mark.parametrize("size", [16, 256, 4096])
def test_splitting_looks_at_each_byte_a_few_times_at_most(make, line_end, size, monkeypatch):
    stream = b'data: {"x":"' + _long(size) + b'"}' + line_end * 2 + b"data: {}" + line_end * 2
    work, splitter = _Work(monkeypatch), make()
    for start in range(0, len(stream), size):
        splitter.feed(stream[start : start + size])
        if isinstance(splitter, Progress):
            _ = splitter.only_openings

    assert work.done < 8 * len(stream)


@pytest.mark.looks_inside
@pytest.mark.parametrize("withholds", [False, True])
@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b'data: {"x":"', b'"}\n\n'),
        (b'data: {"choices":[{"x":"', b'"}]}\r\n\r\n'),
        (b": a long comment ", b"\n\n"),
        (b"id: ", b"\ndata: {}\n\n"),
        (b'data: {"choices": [' + b" " * 10_000, b"]}\n\n"),
    ],
)
@pytest.mark.parametrize("size", [64, 256, 4096])
def test_the_tap_looks_at_each_byte_a_few_times_at_most(withholds, before, after, size, monkeypatch):
    stream = (before + _long(size) + after) * 2
    work, tap = _Work(monkeypatch), StreamTap(openai_usage.read_event, withhold_usage=withholds)
    passed = b"".join(tap.feed(stream[start : start + size]) for start in range(0, len(stream), size))

    assert passed + tap.end() == stream
    assert work.done < 8 * len(stream)
