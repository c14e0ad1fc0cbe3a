"""Where the parts of a JSON value stand, to look at them or to splice them; the text was read as JSON before."""

import re
from collections.abc import Collection, Mapping, Sequence
from operator import itemgetter
from typing import Any, NamedTuple

import msgspec

from gateway.errors import GatewayError
from gateway.wire.json_members import Span, find_members
from gateway.wire.json_splice import Splice
from gateway.wire.json_tokens import end_of_value, text_of_literal, without_lone_surrogates
from gateway.wire.unreadable import UNREADABLE

_SPACE = re.compile(rb"[ \t\r\n]*")
_KEY_BEFORE = re.compile(rb'(,[ \t\r\n]*+)?("[^"\\]*+(?:\\.[^"\\]*+)*+")[ \t\r\n]*+:[ \t\r\n]*+\Z')
_LONGEST_ESCAPE = len("\\u0061")
_USUAL_SPACE = 64
_LONGEST_KEY = 4096
_COMMA_AFTER = re.compile(rb"[ \t\r\n]*,[ \t\r\n]*")
_OBJECT = msgspec.json.Decoder(dict[str, msgspec.Raw])


def members_in(data: bytes, span: Span) -> dict[str, Span]:
    """Where the values of an object stand; empty for anything else."""
    found = _object(data, span)
    return {} if found is None else found.members


def without_member(data: bytes, name: str, value: Span) -> Splice:
    """The splice that takes a member out of its object, with one of its commas. Raises `bad_request`."""
    return without_members(data, {name: value})[0]


def without_members(data: bytes, values: Mapping[str, Span]) -> list[Splice]:
    """The splices that take members out of one object, each with a comma of its own. Raises `bad_request`."""
    splices: list[Splice] = []
    taken = 0
    for name, value in sorted(values.items(), key=itemgetter(1)):
        key = _key_before(data, name, value)
        if key[1] is not None and key.start() >= taken:
            splices.append(Splice(key.start(), value[1], b""))
        else:
            # The first member, or one whose comma went with the members before it.
            after = _COMMA_AFTER.match(data, value[1])
            splices.append(Splice(key.start(2), value[1] if after is None else after.end(), b""))
        taken = splices[-1].end
    return splices


def _key_before(data: bytes, name: str, value: Span) -> re.Match[bytes]:
    """The key of a member whose value stands there, with the comma before it."""
    # PERF: nearly every key stands right before its value; to look further takes a hundred times as long.
    for length in (_LONGEST_ESCAPE * len(name) + _USUAL_SPACE, _LONGEST_KEY):
        key = _KEY_BEFORE.search(data, max(0, value[0] - length), value[0])
        if key is not None and text_of_literal(key[2][1:-1]) == name:
            return key
    raise GatewayError("bad_request", f"The body has too much white space around {name!r}.", param=name)


class Object(NamedTuple):
    """An object within a text: where it stands, where the values of its members do, and which names repeat."""

    span: Span
    members: dict[str, Span]
    repeated: frozenset[str]

    def without(self, data: bytes, name: str) -> Splice:
        """The splice that takes a member out. Raises `bad_request` for one that stands in too much white space."""
        return without_member(data, name, self.members[name])

    def renamed(self, data: bytes, name: str, other: str) -> Splice:
        """The splice that calls a member by another name. Raises as `without` does."""
        return Splice(*_key_before(data, name, self.members[name]).span(2), msgspec.json.encode(other))

    def with_member(self, name: str, written: bytes) -> Splice:
        """The splice that adds a member, before all others."""
        inside = self.span[0] + 1
        comma = b"," if self.members else b""
        return Splice(inside, inside, msgspec.json.encode(name) + b":" + written + comma)


def object_at(data: bytes, path: Sequence[str]) -> Object | None:
    """The object to which these names lead from the top of a JSON text; `None` where there is none."""
    span = (_after_space(data, 0), len(data))
    found = _object(data, span)
    for name in path:
        if found is None or name not in found.members:
            return None
        found = _object(data, found.members[name])
    return found


def _object(data: bytes, span: Span) -> Object | None:
    part = data[span[0] : span[1]]
    decoded: dict[str, Any]
    try:
        decoded = _OBJECT.decode(part)
    except UNREADABLE:
        # Halves of surrogate pairs, which some clients write, keep nobody from what stands beside them.
        part = without_lone_surrogates(part)
        try:
            decoded = _OBJECT.decode(part)
        except UNREADABLE:
            return None
    spans, repeated = find_members(part, decoded)
    members = {name: (span[0] + start, span[0] + end) for name, (start, end) in spans.items()}
    return Object(span, members, repeated)


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
