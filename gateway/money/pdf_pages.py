"""What a PDF has at most for a model to read, told without a reader of PDF: its pages and its text.

Pages are page objects (ISO 32000-2, 7.7.3.3), also those in object streams (7.5.7), or as many as a `Count` or all
`Kids` say, whichever is most; where several `Kids` name one thing more than once, or are not written where they belong,
as many as anybody reads. Text is what stands in a stream from its first operator that shows text (9.4) on. What
calls itself an image is looked at no further than its beginning, unless there is text in that.
"""

import binascii
import re
import zlib
from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

import re2

from gateway.turns import paced

BEGINS: Final = b"JVBERi0"
"""What the base64 of every PDF begins with: `%PDF-`."""

LONGEST: Final = 8 * 1024 * 1024
"""Bytes of base64 that are looked through; a longer file is not read."""

MOST_STREAMS: Final = 10_000
"""Streams that are looked through; a file with more is not read."""

_MOST_INFLATED: Final = 16 * 1024 * 1024
_MOST_FOUND: Final = 20_000
_STEP: Final = 64 * 1024
_STREAM: Final = re.compile(rb"stream(?:\r\n|\n|\r)")
_END: Final = b"endstream"
_PAGE: Final = re2.compile(rb"/Type[ \t\r\n\f\x00]*/Page[^A-Za-z]")
_COUNT: Final = re2.compile(rb"/Count[ \t\r\n\f\x00]*\+?([0-9]{1,7})")
_KIDS: Final = re2.compile(rb"/Kids[ \t\r\n\f\x00]*(?:\[([^\]]*)\])?")
_KID: Final = re2.compile(rb"([0-9]+)[ \t\r\n\f\x00]+[0-9]+[ \t\r\n\f\x00]+R")
_IMAGE: Final = re.compile(rb"/Subtype[ \t\r\n\f\x00]*/Image\b")
_SHOWS_TEXT: Final = re2.compile(rb"(?:^|[ \t\r\n\f\x00>)\]])BT[ \t\r\n\f\x00/(\[<0-9.+-]|[)>\]][ \t\r\n\f\x00]*T[jJ]")
_UNREADABLE: Final = re2.compile(
    rb"/Encrypt|/(?:LZW|ASCII85|ASCIIHex|RunLength)Decode|/(?:A85|AHx|LZW|RL)\b|/[A-Za-z0-9]*#[0-9A-Fa-f]{2}"
)
"""What cannot be read here: other filters, and names that are written with escapes (7.3.5)."""


class Reading(NamedTuple):
    """The pages of a PDF, and the bytes of all of its text."""

    pages: int
    text_bytes: int


class _TooMuchError(Exception):
    """More comes out of it than is looked through."""


def read_pdf(encoded: bytes) -> Reading | None:
    """What a PDF in base64 has; `None` where it cannot be told: too long, encrypted, or written in another way."""
    if len(encoded) > LONGEST:
        return None
    try:
        pdf = binascii.a2b_base64(encoded)
    except binascii.Error:
        return None
    if pdf.count(_END) > MOST_STREAMS:
        return None
    objects: list[bytes] = []
    text = 0
    try:
        for is_content, piece in _pieces(pdf):
            if not is_content:
                objects.append(piece)
            elif (shown := _SHOWS_TEXT.search(piece)) is not None:
                text += len(piece) - shown.start()
        pages = _pages(b"\n".join(objects))
    except _TooMuchError:
        return Reading(0, _MOST_INFLATED)
    except zlib.error:
        return None
    return Reading(pages, text) if pages else None


def _pages(objects: bytes) -> int:
    """The pages that objects speak of; 0 where that cannot be told. Raises `_TooMuchError`."""
    if _UNREADABLE.search(objects) is not None:
        return 0
    pages = sum(1 for _ in _found(_PAGE, objects))
    counted = max((int(count[1]) for count in _found(_COUNT, objects)), default=0)
    return max(pages, counted, _named([kids[1] for kids in _found(_KIDS, objects)]))


def _named(lists: Sequence[bytes | None]) -> int:
    """How many pages trees of pages name at most. Raises `_TooMuchError` where a part may stand in several places."""
    named = [kid[1] for kids in lists if kids is not None for kid in _found(_KID, kids)]
    if None in lists or (len(lists) > 1 and len(set(named)) < len(named)):
        raise _TooMuchError
    return len(named)


def _found(pattern: Any, objects: bytes) -> Iterator[Any]:
    for number, found in enumerate(paced(pattern.finditer(objects))):
        if number == _MOST_FOUND:
            raise _TooMuchError
        yield found


def _pieces(pdf: bytes) -> Iterator[tuple[bool, bytes]]:
    """What is outside of streams and in streams of objects; and, as content, what is in others. Each is read once.

    Raises `_TooMuchError`, and `zlib.error` for what is broken.
    """
    view, left, at = memoryview(pdf), _MOST_INFLATED, 0
    while (mark := _STREAM.search(pdf, at)) is not None:
        outside, begin = pdf[at : mark.start()], mark.end()
        yield False, outside
        end = at = pdf.find(_END, begin)
        if end < 0:
            raise zlib.error("a stream has no end")
        at += len(_END)
        dictionary = outside[max(outside.rfind(b"obj"), 0) :]
        has_objects = b"/ObjStm" in dictionary
        is_image = not has_objects and _IMAGE.search(dictionary) is not None
        try:
            inflated = _inflated(view[begin:end], left, is_image=is_image)
        except zlib.error:
            if has_objects or b"/Fl" in dictionary:
                raise
            inflated = b"" if is_image else pdf[begin:end]
        left -= len(inflated)
        yield not has_objects, inflated
    yield False, pdf[at:]


def _inflated(stream: memoryview, most: int, *, is_image: bool) -> bytes:
    """What is compressed there, nothing of an image.

    Raises `_TooMuchError`, and `zlib.error` where it is not compressed or has no end.
    """
    if is_image and _SHOWS_TEXT.search(zlib.decompressobj().decompress(stream[:_STEP], _STEP)) is None:
        return b""
    reading, pieces, size = zlib.decompressobj(), [], 0
    for at in range(0, len(stream), _STEP):
        piece = reading.decompress(stream[at : at + _STEP], most - size + 1)
        pieces.append(piece)
        size += len(piece)
        if size > most:
            raise _TooMuchError
        if reading.eof:
            return b"".join(pieces)
    raise zlib.error("it has no end")
