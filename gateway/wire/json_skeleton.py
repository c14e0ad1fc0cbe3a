"""A JSON text that is too large to be kept, without the texts in it that make it so: pictures in base64, say."""

import re
from typing import Final

LONGEST_TEXT: Final = 1024
"""Bytes of a string that is kept; a longer one is empty in the skeleton."""

MOST_BYTES: Final = 1024 * 1024
"""The largest skeleton that is kept."""

# PERF: what stands before the next long string, all of it in one go; a string that this takes has at most 1,020 bytes.
_SHORT: Final = re.compile(rb'(?:[^"]*+"[^"\\]{0,500}+(?:\\.[^"\\]{0,128}+){0,4}+")*+', re.DOTALL)
_INSIDE: Final = re.compile(rb'[^"\\]*+(?:\\.[^"\\]*+)*+', re.DOTALL)
_QUOTE: Final = b'"'
_OUTSIDE: Final = -1


class Skeleton:
    """What is left of a JSON text, fed in whatever pieces it comes. Work is linear in its bytes, memory is bounded.

    What stands before the text, such as the name of a field, may stand there as long as it has no quotes.
    """

    __slots__ = ("_begin", "_escape", "_is_long", "_is_too_large", "_kept")

    def __init__(self) -> None:
        self._kept = bytearray()
        self._begin = _OUTSIDE  # where in `_kept` the string begins that has not ended
        self._escape = b""  # a backslash that ended a piece
        self._is_long = False
        self._is_too_large = False

    @property
    def text(self) -> bytes | None:
        """The skeleton; `None` where it is too large itself."""
        return None if self._is_too_large else bytes(self._kept)

    def feed(self, piece: bytes) -> None:
        """The next piece of the text came."""
        if self._is_too_large:
            return
        piece, self._escape = self._escape + piece, b""
        at = 0
        while at < len(piece):
            at = self._outside(piece, at) if self._begin == _OUTSIDE else self._inside(piece, at)
        if len(self._kept) > MOST_BYTES:
            self._is_too_large = True
            self._kept.clear()

    def _outside(self, piece: bytes, at: int) -> int:
        match = _SHORT.match(piece, at)
        quote = piece.find(_QUOTE, at if match is None else match.end())
        if quote < 0:
            self._kept += piece[at:]
            return len(piece)
        self._kept += piece[at : quote + 1]
        self._begin, self._is_long = len(self._kept), False
        return quote + 1

    def _inside(self, piece: bytes, at: int) -> int:
        end = _end_of_text(piece, at)
        kept = self._kept
        if not self._is_long:
            self._is_long = len(kept) - self._begin + end - at > LONGEST_TEXT
            if self._is_long:
                del kept[self._begin :]
            else:
                kept += piece[at:end]
        if end == len(piece):
            return end
        if piece.startswith(_QUOTE, end):
            kept += _QUOTE
            self._begin = _OUTSIDE
            return end + 1
        self._escape = piece[end:]
        return len(piece)


def _end_of_text(piece: bytes, at: int) -> int:
    """Where a string ends in whose inside `at` lies: at its quote, at the end of the piece, or at a backslash there."""
    quote = piece.find(_QUOTE, at)
    end = len(piece) if quote < 0 else quote
    # PERF: what makes a text large is mostly base64, without any escape.
    if piece.find(b"\\", at, end) < 0:
        return end
    match = _INSIDE.match(piece, at)
    return at if match is None else match.end()
