"""Changing a few bytes of a body and leaving every other byte as it was."""

from collections.abc import Sequence
from typing import Final


class Splice:
    """The bytes from `start` up to `end` make way for `replacement`; an insertion has `start == end`. Immutable."""

    __slots__ = ("end", "replacement", "start")

    def __init__(self, start: int, end: int, replacement: bytes) -> None:
        self.start: Final = start
        self.end: Final = end
        self.replacement: Final = replacement

    def __repr__(self) -> str:
        return f"Splice({self.start}, {self.end}, {self.replacement!r})"


def apply(data: bytes, splices: Sequence[Splice]) -> bytes:
    """The body with the splices made. They must not overlap; their order does not matter."""
    if len(splices) == 1:
        (only,) = splices
        return data[: only.start] + only.replacement + data[only.end :]
    pieces: list[bytes] = []
    position = 0
    for splice in sorted(splices, key=lambda one: one.start):
        pieces += (data[position : splice.start], splice.replacement)
        position = splice.end
    pieces.append(data[position:])
    return b"".join(pieces)
