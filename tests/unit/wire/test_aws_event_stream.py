import contextlib
import struct
import uuid
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.wire.aws_event_stream import EventStreamDecoder, EventStreamError, Message, StreamFailed, event_of
from tests.support import aws_frames

MESSAGE = st.tuples(
    st.dictionaries(st.text(min_size=1, max_size=20), st.text(max_size=50), max_size=4), st.binary(max_size=200)
)


def decode(stream: bytes) -> list[Message]:
    decoder = EventStreamDecoder()
    messages = decoder.feed(stream)
    decoder.end()
    return messages


@given(st.lists(MESSAGE, max_size=5), st.data())
def test_messages_come_out_whole_wherever_the_stream_is_split(messages, data):
    stream = b"".join(
        aws_frames.frame(b"".join(aws_frames.text(*pair) for pair in headers.items()), payload)
        for headers, payload in messages
    )
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    decoder = EventStreamDecoder()
    decoded = []
    for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        decoded += decoder.feed(stream[start:end])
    decoder.end()

    assert [(dict(message.headers), message.payload) for message in decoded] == messages


def test_one_byte_at_a_time():
    decoder = EventStreamDecoder()
    stream = aws_frames.event("chunk", {"a": 1}) * 2

    assert sum(len(decoder.feed(bytes([byte]))) for byte in stream) == 2


def test_headers_of_every_type():
    identifier = uuid.uuid4()
    headers = b"".join(
        (
            aws_frames.header("true", 0, b""),
            aws_frames.header("false", 1, b""),
            aws_frames.header("byte", 2, struct.pack(">b", -7)),
            aws_frames.header("short", 3, struct.pack(">h", -300)),
            aws_frames.header("integer", 4, struct.pack(">i", -70_000)),
            aws_frames.header("long", 5, struct.pack(">q", -(2**40))),
            aws_frames.header("bytes", 6, b"\x00\x02\xff\x00"),
            aws_frames.header("string", 7, b"\x00\x02\xc3\xa9"),
            aws_frames.header("timestamp", 8, struct.pack(">q", 1_440_938_160_000)),
            aws_frames.header("uuid", 9, identifier.bytes),
        )
    )

    (message,) = decode(aws_frames.frame(headers, b""))

    assert message.headers == {
        "true": True,
        "false": False,
        "byte": -7,
        "short": -300,
        "integer": -70_000,
        "long": -(2**40),
        "bytes": b"\xff\x00",
        "string": "é",
        "timestamp": 1_440_938_160_000,
        "uuid": identifier,
    }


def test_the_frames_of_smithys_specification():
    """The empty message and the one with a JSON payload of the published examples."""
    empty = bytes.fromhex("00000010 00000000 05c248eb 7d98c8ff")
    with_payload = bytes.fromhex(
        "0000003d 00000020 07fd8396 0c636f6e74656e742d74797065 07 0010"
        "6170706c69636174696f6e2f6a736f6e 7b27666f6f273a27626172277d 8d9c08b1"
    )

    assert decode(empty + with_payload) == [
        Message({}, b""),
        Message({"content-type": "application/json"}, b"{'foo':'bar'}"),
    ]


@given(st.integers(0), st.integers(1, 255))
def test_a_flipped_byte_is_found(position, flip):
    stream = bytearray(aws_frames.event("chunk", {"bytes": "eyJ0eXBlIjoicGluZyJ9"}))
    stream[position % len(stream)] ^= flip

    with pytest.raises(EventStreamError):
        decode(bytes(stream))


def test_good_messages_before_a_bad_one_are_not_lost():
    good = aws_frames.event("chunk", {})
    decoder = EventStreamDecoder()

    assert len(decoder.feed(good + good[:-1] + b"\x00")) == 1
    with pytest.raises(EventStreamError, match="checksum"):
        decoder.feed(b"")
    with pytest.raises(EventStreamError, match="checksum"):
        decoder.end()


def test_a_stream_that_breaks_off_is_an_error():
    decoder = EventStreamDecoder()
    decoder.feed(aws_frames.event("chunk", {})[:20])

    with pytest.raises(EventStreamError, match="20 bytes into a frame"):
        decoder.end()


def prelude(total: int, headers: int) -> bytes:
    lengths = struct.pack(">II", total, headers)
    return lengths + struct.pack(">I", zlib.crc32(lengths))


@pytest.mark.parametrize(
    ("stream", "problem"),
    [
        (prelude(16 * 1024 * 1024 + 1, 0), "larger than"),
        (prelude(15, 0), "contradict"),
        (prelude(40, 25), "contradict"),
        (prelude(0, 0), "contradict"),
    ],
)
def test_lengths_are_judged_before_anything_is_gathered(stream, problem):
    with pytest.raises(EventStreamError, match=problem):
        EventStreamDecoder().feed(stream)


@pytest.mark.parametrize(
    "headers",
    [
        b"\x05ab",
        aws_frames.header("a", 10, b""),
        aws_frames.header("a", 7, b"\x00\x09abc"),
        aws_frames.header("a", 7, b"\x00\x01\xff"),
        aws_frames.header("a", 9, b"short"),
        aws_frames.header("a", 5, b"short"),
        aws_frames.header("", 0, b""),
        aws_frames.header("a", 0, b"") * 2,
        b"\x01a",
    ],
)
def test_malformed_headers_are_refused(headers):
    with pytest.raises(EventStreamError):
        decode(aws_frames.frame(headers, b""))


@given(st.binary(max_size=300))
def test_arbitrary_headers_never_raise_anything_else(headers):
    with contextlib.suppress(EventStreamError):
        decode(aws_frames.frame(headers, b""))


def test_an_event_is_its_name_and_payload():
    (message,) = decode(aws_frames.event("messageStart", {"role": "assistant"}))

    assert event_of(message) == ("messageStart", b'{"role": "assistant"}')


@pytest.mark.parametrize("payload", [{"message": "Slow down"}, {}, [], {"message": 5}])
def test_an_exception_is_raised_with_its_type(payload):
    (message,) = decode(aws_frames.exception("throttlingException", payload))

    with pytest.raises(StreamFailed) as raised:
        event_of(message)

    said = payload.get("message") if isinstance(payload, dict) else ""
    assert (raised.value.type, raised.value.message) == (
        "throttlingException",
        said if isinstance(said, str) else "",
    )


def test_an_unmodelled_error_is_raised_with_its_code():
    headers = b"".join(
        aws_frames.text(*pair)
        for pair in ((":message-type", "error"), (":error-code", "Internal"), (":error-message", "Oh"))
    )
    (message,) = decode(aws_frames.frame(headers, b""))

    with pytest.raises(StreamFailed, match="Internal: Oh"):
        event_of(message)


@pytest.mark.parametrize(
    "headers", [b"", aws_frames.text(":message-type", "event"), aws_frames.header(":message-type", 0, b"")]
)
def test_a_message_without_a_kind_or_name_is_refused(headers):
    (message,) = decode(aws_frames.frame(headers, b""))

    with pytest.raises(EventStreamError):
        event_of(message)


def test_it_agrees_with_botocore():
    eventstream = pytest.importorskip("botocore.eventstream")
    stream = aws_frames.event("chunk", {"bytes": "AAAA"}) * 3
    buffer = eventstream.EventStreamBuffer()
    buffer.add_data(stream)

    assert [(message.headers, message.payload) for message in buffer] == [
        (dict(message.headers), message.payload) for message in decode(stream)
    ]
