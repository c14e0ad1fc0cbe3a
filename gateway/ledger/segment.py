"""How entries lie in a spool file: records that show whether they are whole.

A record is two marker bytes, the payload's length and its CRC-32 (four bytes each, little-endian), then the payload:
JSON, in which the first marker byte cannot occur. So a reader that meets damage finds the next whole record.
"""

import struct
import zlib
from dataclasses import dataclass
from typing import Final

_MARKER: Final = b"\xff\x4c"
_HEADER: Final = struct.Struct("<2sII")


@dataclass(frozen=True)
class Damage:
    """A stretch that belongs to no whole record, and how many records begin in it, one at the least."""

    begin: int
    end: int
    records: int


@dataclass(frozen=True)
class Scan:
    """What a stretch of a segment holds.

    Args:
        payloads: Of the whole records, in order.
        consumed: Bytes from the beginning that need not be read again.
        damaged: Stretches between or after whole records that belong to none.
    """

    payloads: tuple[bytes, ...]
    consumed: int
    damaged: tuple[Damage, ...]


def frame(payload: bytes) -> bytes:
    """The record of one payload."""
    return _HEADER.pack(_MARKER, len(payload), zlib.crc32(payload)) + payload


def scan(data: bytes, *, complete: bool) -> Scan:
    """Reads the records of `data`, which begins where a record begins.

    Args:
        data: A stretch of a segment.
        complete: Whether nothing follows `data`. A record that is cut off at the end is damage then; otherwise it is
            left for the next stretch.
    """
    payloads: list[bytes] = []
    damaged: list[Damage] = []
    position = 0
    while position < len(data):
        payload = _payload_at(data, position)
        if payload is not None:
            payloads.append(payload)
            position += _HEADER.size + len(payload)
            continue
        following = _next_whole(data, position + 1)
        if following is None and not complete:
            break
        end = len(data) if following is None else following
        damaged.append(Damage(position, end, max(data.count(_MARKER, position, end), 1)))
        position = end
    return Scan(tuple(payloads), position, tuple(damaged))


def _payload_at(data: bytes, position: int) -> bytes | None:
    begin = position + _HEADER.size
    if begin > len(data):
        return None
    marker, length, checksum = _HEADER.unpack_from(data, position)
    if marker != _MARKER or begin + length > len(data):
        return None
    payload = data[begin : begin + length]
    return payload if zlib.crc32(payload) == checksum else None


def _next_whole(data: bytes, position: int) -> int | None:
    while (position := data.find(_MARKER, position)) >= 0:
        if _payload_at(data, position) is not None:
            return position
        position += 1
    return None
