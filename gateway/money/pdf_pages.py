"""How many pages a PDF has: its page objects (ISO 32000-2, 7.7.3.3), also those in object streams (7.5.7)."""

import binascii
import zlib
from typing import Final

import re2

BEGINS: Final = b"JVBERi0"
"""What the base64 of every PDF begins with: `%PDF-`."""

LONGEST: Final = 8 * 1024 * 1024
"""Bytes of base64 that are looked through; in a longer file, pages are not counted."""

_MOST_INFLATED = 16 * 1024 * 1024
_PAGE = re2.compile(rb"/Type[ \t\r\n\f\x00]*/Page[^A-Za-z]")
_OBJECT_STREAM = re2.compile(rb"/Type[ \t\r\n\f\x00]*/ObjStm")
_STREAM = b"stream"


def pages_in(encoded: bytes) -> int | None:
    """The pages of a PDF in base64; `None` where they cannot be told: it is too long, encrypted or broken."""
    if len(encoded) > LONGEST:
        return None
    try:
        pdf = binascii.a2b_base64(encoded)
    except binascii.Error:
        return None
    if b"/Encrypt" in pdf:
        return None
    pages, left = len(_PAGE.findall(pdf)), _MOST_INFLATED
    for found in _OBJECT_STREAM.finditer(pdf):
        begin = pdf.find(_STREAM, found.end())
        objects = b"" if begin < 0 else _inflated(pdf, begin + len(_STREAM), left)
        if objects is None:
            return None
        left -= len(objects)
        pages += len(_PAGE.findall(objects))
    return pages or None


def _inflated(pdf: bytes, begin: int, most: int) -> bytes | None:
    """What is compressed there; `None` where it is not, or becomes longer than is left to it."""
    while pdf[begin : begin + 1] in (b"\r", b"\n"):
        begin += 1
    reading = zlib.decompressobj()
    try:
        inflated = reading.decompress(pdf[begin:], max(most, 1))
    except zlib.error:
        return None
    return inflated if reading.eof else None
