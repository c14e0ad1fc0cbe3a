"""How long a recording is, by its first bytes and its size, without decoding it.

WAVE says its bytes for a second (http://soundfile.sapp.org/doc/WaveFormat). Of MPEG layer III the first frame's header
says the bit rate (http://www.mp3-tech.org/programmer/frame_header.html); where it varies, nothing is told. PCM is as
OpenAI sends it: 16 bits, 24,000 times a second.
"""

from typing import Final

HEAD_BYTES: Final = 4 * 1024
"""The first bytes that are needed, at most."""

_PCM_BYTES_PER_S: Final = 48_000
_PCM: Final = ("audio/pcm", "audio/l16")
_KBPS_OF_MPEG_1: Final = (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_KBPS_OF_MPEG_2: Final = (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
_RIFF_BYTES, _FORMAT_BYTES, _TAG_BYTES, _HEADER_BYTES = 12, 32, 10, 4
_LAYER_3, _MPEG_1, _RESERVED = 1, 3, 1


def length_ms(media_type: str, head: bytes, size: int) -> int | None:
    """Milliseconds of a recording of so many bytes, rounded up; `None` where they cannot be told.

    Args:
        media_type: What it is said to be, in lower case.
        head: Its first bytes, `HEAD_BYTES` of them or all.
        size: All of its bytes.
    """
    if head.startswith(b"RIFF") and head[8:_RIFF_BYTES] == b"WAVE":
        return _of_wave(head, size)
    if media_type.startswith(_PCM):
        return _divide_up(size * 1000, _PCM_BYTES_PER_S)
    return _of_mpeg(head, size)


def _of_wave(head: bytes, size: int) -> int | None:
    if head[_RIFF_BYTES : _RIFF_BYTES + 4] != b"fmt " or len(head) < _FORMAT_BYTES:
        return None
    per_second = int.from_bytes(head[28:_FORMAT_BYTES], "little")
    return _divide_up(size * 1000, per_second) if per_second else None


def _of_mpeg(head: bytes, size: int) -> int | None:
    begin = 0
    if head.startswith(b"ID3") and len(head) >= _TAG_BYTES:
        begin = _TAG_BYTES + sum((byte & 0x7F) << shift for byte, shift in zip(head[6:10], (21, 14, 7, 0), strict=True))
    header = head[begin : begin + _HEADER_BYTES]
    if len(header) < _HEADER_BYTES or header[0] != 0xFF or header[1] & 0xE0 != 0xE0:  # noqa: PLR2004 - the sync word
        return None
    version, layer, rate = header[1] >> 3 & 3, header[1] >> 1 & 3, (header[2] >> 4) - 1
    rates = _KBPS_OF_MPEG_1 if version == _MPEG_1 else _KBPS_OF_MPEG_2
    if version == _RESERVED or layer != _LAYER_3 or not 0 <= rate < len(rates):
        return None
    if b"Xing" in head[begin : begin + 64] or b"VBRI" in head[begin : begin + 64]:
        return None
    # Thousands of bits for a second are bits for a millisecond.
    return _divide_up((size - begin) * 8, rates[rate])


def _divide_up(amount: int, by: int) -> int:
    return max(-(-amount // by), 0)
