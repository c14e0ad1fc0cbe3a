import struct

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.wire.audio_length import HEAD_BYTES, length_ms

ID3 = b"ID3\x04\x00\x00\x00\x00\x00\x22" + b"TSSE" + b"\x00" * 30
MPEG_1_128, MPEG_2_160, MPEG_2_32 = b"\xff\xfb\x90\xc4", b"\xff\xf3\xe4\xc4", b"\xff\xf3\x44\xc4"


def wave(rate, bits=16, channels=1):
    per_second = rate * channels * bits // 8
    form = struct.pack("<HHIIHH", 1, channels, rate, per_second, channels * bits // 8, bits)
    return b"RIFF\xff\xff\xff\xffWAVEfmt " + struct.pack("<I", 16) + form + b"data"


@pytest.mark.parametrize(
    ("media_type", "head", "size", "ms"),
    [
        ("audio/mpeg", MPEG_1_128, 160_000, 10_000),
        ("audio/mpeg", MPEG_2_160, 200_000, 10_000),
        ("audio/mpeg", MPEG_2_32, 40_001, 10_001),
        ("audio/mpeg", ID3 + MPEG_1_128, 160_044, 10_000),
        ("application/octet-stream", MPEG_1_128, 16_000, 1_000),
        ("audio/mpeg", ID3, 44, None),
        ("audio/mpeg", MPEG_1_128 + b"\x00" * 32 + b"Xing", 160_000, None),
        ("audio/mpeg", b"\xff\xfb\xf0\xc4", 160_000, None),
        ("audio/mpeg", b"\xff\xfd\x90\xc4", 160_000, None),
        ("audio/wav", wave(24_000), 480_000, 10_000),
        ("audio/x-wav", wave(16_000, channels=2), 64_000, 1_000),
        ("audio/wav", wave(0), 64_000, None),
        ("audio/pcm", b"\x00\x01", 480_000, 10_000),
        ("audio/pcm;rate=24000", b"", 0, 0),
        ("audio/ogg", b"OggS", 10_000, None),
        ("audio/aac", b"\xff\xf1\x50\x80", 10_000, None),
        ("audio/flac", b"fLaC", 10_000, None),
        ("", b"", 0, None),
    ],
)
def test_how_long_a_recording_is(media_type, head, size, ms):
    assert length_ms(media_type, head, size) == ms


@given(st.sampled_from([b"", b"RIFF1234WAVE", ID3, b"\xff"]), st.binary(max_size=64), st.integers(0, 10**9))
@example(b"RIFF1234WAVE", b"fmt " + b"\xff" * 16, 10)
@example(b"", b"ID3\x04\x00\x00\x7f\x7f\x7f\x7f" + MPEG_1_128, 10)
def test_whatever_it_begins_with_it_has_a_length_or_none(begin, rest, size):
    length = length_ms("audio/mpeg", (begin + rest)[:HEAD_BYTES], size)

    assert length is None or length >= 0
