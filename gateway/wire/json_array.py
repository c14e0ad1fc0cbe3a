"""The elements of a JSON array that comes in pieces, each as soon as it is whole."""

import re
from typing import Final

_LARGEST: Final = 16 * 1024 * 1024
_IN_ELEMENT: Final = 2
"""How deep an element of the array is."""

_STRUCTURE: Final = re.compile(rb'["\[\]{}]')
_IN_STRING: Final = re.compile(rb'["\\]')


class ArrayElements:
    """Takes an array of objects apart. Work is linear in the bytes of the stream, whatever the pieces.

    An element beyond 16 MiB is left out: memory is bounded. `has_begun` says that the array has, `is_closed` that its
    end came, `at_boundary` that what came ends between two elements, `count` how many there were.
    """

    __slots__ = ("_depth", "_escaped", "_in_string", "_pieces", "_size", "count", "has_begun", "is_closed")

    def __init__(self) -> None:
        self._depth = 0
        self._in_string = False
        self._escaped = False
        self._pieces: list[bytes] = []
        self._size = 0
        self.count = 0
        self.has_begun = False
        self.is_closed = False

    @property
    def at_boundary(self) -> bool:
        """Whether what came so far ends between two elements."""
        return self._depth <= 1 and not self._in_string

    def feed(self, chunk: bytes) -> list[bytes]:
        """The elements that this piece completes."""
        found: list[bytes] = []
        start = position = 0
        while position < len(chunk):
            if self._in_string:
                position = self._through_string(chunk, position)
                continue
            sign = _STRUCTURE.search(chunk, position)
            if sign is None:
                break
            position = sign.end()
            if sign[0] == b'"':
                self._in_string = True
            elif sign[0] in b"[{":
                start = self._opened(sign.start(), start)
            else:
                self._depth -= 1
                self.is_closed = self._depth == 0
                if self._depth == 1:
                    self._keep(chunk[start:position])
                    found += self._whole()
        if self._depth > 1:
            self._keep(chunk[start:])
        return found

    def _opened(self, at: int, start: int) -> int:
        """Where the present element begins in this piece."""
        self._depth += 1
        self.has_begun = True
        return at if self._depth == _IN_ELEMENT else start

    def _through_string(self, chunk: bytes, position: int) -> int:
        """Where to look on, in a string or behind it."""
        if self._escaped:
            self._escaped = False
            return position + 1
        sign = _IN_STRING.search(chunk, position)
        if sign is None:
            return len(chunk)
        self._escaped = sign[0] == b"\\"
        self._in_string = self._escaped
        return sign.end()

    def _keep(self, piece: bytes) -> None:
        self._size += len(piece)
        if self._size > _LARGEST:
            self._pieces.clear()
        else:
            self._pieces.append(piece)

    def _whole(self) -> list[bytes]:
        element, is_large = b"".join(self._pieces), self._size > _LARGEST
        self._pieces.clear()
        self._size = 0
        self.count += 1
        return [] if is_large else [element]
