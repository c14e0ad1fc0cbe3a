"""The tap over every way of cutting a stream, against a reading of the whole stream line by line."""

import json
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.errors import GatewayError
from gateway.shapes import messages as anthropic
from gateway.shapes import openai_usage as openai
from gateway.shapes.chat import CHAT
from gateway.shapes.messages import MESSAGES
from gateway.shapes.progress import Progress
from gateway.usage import Usage
from gateway.wire.sse import StreamTap

_USAGE = '{"id":"x","choices":[],"usage":{"prompt_tokens":9,"completion_tokens":4,"total_tokens":13}}'
_START, _REST = _USAGE[:22], _USAGE[22:]
_EVENTS = [
    ['data: {"id":"x","choices":[{"index":0,"delta":{"content":"hi"}}],"usage":null}'],
    ['data: {"choices":[],"prompt_filter_results":[1],"usage":null}'],
    ['data: {"choices":[{"delta":{"content":"\\"usage\\":{}"}}]}'],
    ['data: {"choices":[{"delta":{}}],"usage":{"prompt_tokens":2,"completion_tokens":1}}'],
    [f"data: {_USAGE}"],
    [f"data:{_USAGE.replace('[]', '[ ]').replace(':', ' : ')}"],
    [f"data: {_START}", f"data: {_REST}"],
    [": keep-alive"],
    [":", f"data: {_USAGE}"],
    ["event: ping", "data: {}"],
    ["id: 7", "retry: 10", "unknown", "data: [1", "data: ,2]"],
    [""],
    ["data: [DONE]"],
    ["data"],
]


def _line_ends(draw, mixed):
    return draw(st.sampled_from(["\n", "\r\n", "\r"])) if mixed else None


@st.composite
def _streams(draw):
    mixed = draw(st.booleans())
    one = draw(st.sampled_from(["\n", "\r\n", "\r"]))
    text = draw(st.sampled_from(["", "\ufeff"]))
    for event in draw(st.lists(st.sampled_from(_EVENTS), max_size=6)):
        for line in [*event, ""]:
            text += line + (_line_ends(draw, mixed) or one)
    return text[: -len(one)] if draw(st.booleans()) and text.endswith(one) else text


@st.composite
def _chunked(draw):
    stream = draw(_streams()).encode()
    if draw(st.booleans()):
        return stream, [stream[n : n + 1] for n in range(len(stream))]
    cuts = sorted(draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    return stream, [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]


def _without_usage_only(stream: bytes) -> bytes:
    """Line by line, as the specification reads a stream; an event begins with its first field."""
    kept, event, data = b"", b"", []
    for match in re.finditer(rb"[^\r\n]*(?:\r\n|\r|\n|\Z)", stream):
        line = match[0].rstrip(b"\r\n")
        if event:
            event += match[0]
        elif not line or line.startswith(b":"):
            kept += match[0]
            continue
        else:
            event = match[0]
        if line.removeprefix(b"\xef\xbb\xbf").startswith(b"data:"):
            data.append(line.removeprefix(b"\xef\xbb\xbf")[5:].removeprefix(b" "))
        if not line:
            kept += b"" if _is_usage_only(data) else event
            event, data = b"", []
    return kept + (b"" if _is_usage_only(data) else event)


def _is_usage_only(data: list[bytes]) -> bool:
    try:
        chunk = json.loads(b"\n".join(data))
    except ValueError:
        return False
    return isinstance(chunk, dict) and chunk.get("choices") == [] and chunk.get("usage") is not None


# The usage-only chunk ends in LF CR, and the next chunk of the stream begins with an LF of its own.
_MIXED_ENDS = f"data: {_USAGE}\n\rid: 7\ndata: [1]\n\n".encode()


@example((_MIXED_ENDS, [_MIXED_ENDS[:-12], _MIXED_ENDS[-12:]]))
@given(_chunked())
def test_everything_but_the_usage_only_chunk_goes_on_however_the_stream_is_cut(chunked):
    stream, chunks = chunked
    tap = StreamTap(openai.read_event, withhold_usage=True)
    passed = b"".join([*map(tap.feed, chunks), tap.end()])

    assert passed == _without_usage_only(stream)
    if stream != passed:
        assert tap.usage is not None


@given(_chunked())
def test_without_withholding_every_chunk_goes_on_as_it_came(chunked):
    stream, chunks = chunked
    tap = StreamTap(openai.read_event, withhold_usage=False)
    whole = StreamTap(openai.read_event, withhold_usage=False)
    for chunk in chunks:
        assert tap.feed(chunk) is chunk
    whole.feed(stream)

    assert tap.end() == whole.end() == b""
    assert tap.usage == whole.usage


@given(_chunked(), st.booleans())
def test_a_frame_put_in_at_a_boundary_changes_no_event(chunked, withholds):
    _, chunks = chunked
    tap = StreamTap(openai.read_event, withhold_usage=withholds)
    plain, disturbed = b"", b""
    for chunk in chunks:
        passed = tap.feed(chunk)
        plain, disturbed = plain + passed, disturbed + passed
        if tap.at_boundary and plain:
            disturbed += b": ping\n\n"

    assert _dispatched(disturbed) == _dispatched(plain)


def _dispatched(stream: bytes) -> list[bytes]:
    events, data = [], []
    for line in re.split(rb"\r\n|\r|\n", stream.removeprefix(b"\xef\xbb\xbf")):
        if line.startswith(b"data:"):
            data.append(line[5:])
        elif not line and data:
            events.append(b"\n".join(data))
            data = []
    return events


def _chunk(content: str) -> bytes:
    return b'data: {"choices":[{"delta":{"content":"' + content.encode() + b'"}}],"usage":null}\n\n'


def test_an_event_is_held_only_while_it_can_be_the_usage_chunk():
    tap = StreamTap(openai.read_event, withhold_usage=True)

    assert tap.feed(b'data: {"id":"x","choi') == b""
    assert tap.at_boundary
    assert tap.feed(b'ces":[{"del') == b'data: {"id":"x","choices":[{"del'
    assert not tap.at_boundary
    assert tap.feed(b"ta") == b"ta"
    assert tap.feed(b'"}]}\n') == b'"}]}\n'
    assert not tap.at_boundary
    assert tap.feed(b"\n") == b"\n"
    assert tap.at_boundary
    assert tap.feed(b": comment\n") == b": comment\n"
    assert tap.at_boundary
    assert tap.feed(b"data: [D") == b"data: [D"


def test_the_common_chunk_is_the_same_object_even_when_withholding():
    tap = StreamTap(openai.read_event, withhold_usage=True)
    chunk = _chunk("a") + _chunk("b")

    assert tap.feed(chunk) is chunk
    assert tap.at_boundary


def test_what_is_held_when_the_stream_ends_goes_on_and_is_no_boundary():
    tap = StreamTap(openai.read_event, withhold_usage=True)
    tap.feed(_chunk("a") + b'data: {"id":')

    assert tap.at_boundary
    assert tap.end() == b'data: {"id":'
    assert not tap.at_boundary


def test_usage_without_a_final_blank_line_is_read_and_withheld():
    tap = StreamTap(openai.read_event, withhold_usage=True)

    assert tap.feed(f"data: {_USAGE}".encode()) == b""
    assert tap.end() == b""
    assert tap.at_boundary
    assert tap.usage.usage == Usage(input_tokens=9, output_tokens=4)


@pytest.mark.parametrize("size", [1024 * 1024 + 1, 3 * 1024 * 1024])
@pytest.mark.parametrize("withholds", [False, True])
def test_a_large_event_takes_bounded_memory_and_its_usage_is_found_at_its_end(size, withholds):
    tap = StreamTap(openai.read_event, withhold_usage=withholds)
    event = (
        b'event: response.completed\ndata: {"type":"response.completed","response":{"output":"'
        + b"x" * size
        + b'","usage":{"input_tokens":3,"output_tokens":5},"user":null}}\n\n'
    )
    stream = event + b": bye\n\n"
    passed = b""
    for start in range(0, len(stream), 16_384):
        passed += tap.feed(stream[start : start + 16_384])
        assert len(tap._pending) <= 1024 * 1024

    assert passed + tap.end() == stream
    assert tap.usage.usage == Usage(input_tokens=3, output_tokens=5)
    assert tap.at_boundary


_ANTHROPIC = b"".join(
    b"event: " + name + b"\r\ndata: " + data + b"\r\n\r\n"
    for name, data in [
        (
            b"message_start",
            b'{"type":"message_start","message":{"usage":{"input_tokens":10,"cache_creation_input_tokens":2,"cache_read_input_tokens":3,"output_tokens":1}}}',
        ),
        (b"ping", b'{"type": "ping"}'),
        (b"content_block_delta", b'{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"hi"}}'),
        (b"message_delta", b'{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":7}}'),
        (b"message_stop", b'{"type":"message_stop"}'),
    ]
)


@given(st.lists(st.integers(0, len(_ANTHROPIC)), max_size=20).map(sorted))
def test_an_anthropic_stream(cuts):
    tap = StreamTap(anthropic.read_event, withhold_usage=False)
    for start, end in zip([0, *cuts], [*cuts, len(_ANTHROPIC)], strict=True):
        tap.feed(_ANTHROPIC[start:end])

    assert tap.usage.usage == Usage(input_tokens=15, output_tokens=7, cache_read_tokens=3, cache_write_tokens=2)


def _error() -> GatewayError:
    return GatewayError("provider_error", "The provider broke off.", code="upstream_mid_stream_failure")


@pytest.mark.parametrize("shape", [CHAT, MESSAGES], ids=["chat", "messages"])
@pytest.mark.parametrize("torn", [b"", b'data: {"cho', b"data: {}\n", b"data: {}\r", b"data: {}\r\n", b"event: x"])
def test_the_terminal_frame_stands_alone_wherever_the_stream_was_cut(torn, shape):
    tap = StreamTap(openai.read_event, withhold_usage=False)
    passed = tap.feed(_chunk("a") + torn) + tap.end()
    stream = passed + shape.terminal_frame(_error(), Progress(shape.events), at_boundary=tap.at_boundary)
    last = json.loads(_dispatched(stream)[-1])

    assert stream.endswith(b"\n\n")
    assert stream.rindex(b"\nevent: error\ndata: ") > 0
    assert last["error"] == {
        "type": "provider_error",
        "code": "upstream_mid_stream_failure",
        "message": "The provider broke off.",
        "param": None,
    }
    assert last.get("type") == ("error" if shape is MESSAGES else None)


def test_keepalives():
    assert CHAT.keepalive == b": keep-alive\n\n"
    assert MESSAGES.keepalive == b'event: ping\ndata: {"type": "ping"}\n\n'
