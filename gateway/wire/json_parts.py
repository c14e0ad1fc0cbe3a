"""Where the parts of a JSON value stand, to look at them or to splice them; the text was read as JSON before."""

import re
from collections.abc import Collection, Sequence
from typing import Any

import msgspec

from gateway.wire.json_members import Span, find_members
from gateway.wire.json_splice import Splice
from gateway.wire.json_tokens import end_of_value
from gateway.wire.unreadable import UNREADABLE

_SPACE = re.compile(rb"[ \t\r\n]*")
_COMMA_AFTER = re.compile(rb"[ \t\r\n]*,[ \t\r\n]*")
_OBJECT = msgspec.json.Decoder(dict[str, msgspec.Raw])


def members_in(data: bytes, span: Span) -> dict[str, Span]:
    """Where the values of an object stand; empty for anything else."""
    part = data[span[0] : span[1]]
    try:
        decoded: dict[str, Any] = _OBJECT.decode(part)
    except UNREADABLE:
        return {}
    spans, _ = find_members(part, decoded)
    return {name: (span[0] + start, span[0] + end) for name, (start, end) in spans.items()}


def elements_in(data: bytes, span: Span) -> list[Span]:
    """Where the elements of an array stand; empty for anything else."""
    if data[span[0] : span[0] + 1] != b"[":
        return []
    found: list[Span] = []
    position = _after_space(data, span[0] + 1)
    while position < span[1] - 1:
        end = end_of_value(data, position)
        found.append((position, end))
        comma = _COMMA_AFTER.match(data, end)
        if comma is None:
            break
        position = comma.end()
    return found


def without_elements(elements: Sequence[Span], left_out: Collection[int]) -> list[Splice]:
    """The splices that take elements out of an array, each with a comma; one at least has to stay."""
    splices: list[Splice] = []
    index = 0
    while index < len(elements):
        first = index
        while index < len(elements) and index in left_out:
            index += 1
        if index > first:
            is_tail = index == len(elements)
            start = elements[first - 1][1] if is_tail else elements[first][0]
            splices.append(Splice(start, elements[-1][1] if is_tail else elements[index][0], b""))
        index += 1
    return splices


def _after_space(data: bytes, position: int) -> int:
    space = _SPACE.match(data, position)
    return position if space is None else space.end()
