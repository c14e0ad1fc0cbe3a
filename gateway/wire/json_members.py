"""Where the members of a top-level object stand, and which keys repeat.

The object was decoded before, each value left raw, which proved the syntax and tells how long each value is. Where the
lengths add up to that of a text without white space, they alone say where the values stand. Else a walk goes from key
to key in one step each, however large the values are, as long as no key repeats and none is written with escapes; a
slower, exact walk takes over where that is so.
"""

import re

import msgspec

from gateway.errors import GatewayError
from gateway.wire.json_tokens import end_of_value, text_of_literal

Span = tuple[int, int]
Members = tuple[dict[str, Span], frozenset[str]]

_MAX_MEMBERS = 10_000
_SIGNS = len(',"":')
_PLAIN_KEY = re.compile(rb'[ \t\r\n]*[{,][ \t\r\n]*"([^"\\]*)"[ \t\r\n]*:[ \t\r\n]*')
_END = re.compile(rb"[ \t\r\n]*(?:\{[ \t\r\n]*)?\}")
_OPEN = re.compile(rb"[ \t\r\n]*\{[ \t\r\n]*")
_KEY = re.compile(rb'"([^"\\]*+(?:\\.[^"\\]*+)*+)"[ \t\r\n]*:[ \t\r\n]*')
_NEXT = re.compile(rb"[ \t\r\n]*[,}][ \t\r\n]*")


def find_members(data: bytes, top_level: dict[str, msgspec.Raw]) -> Members:
    """Where each value stands (the last one, where a key repeats), and the keys that repeat.

    Raises `bad_request` for a number of members, or a repeated value, that is beyond all reason.
    """
    if len(top_level) > _MAX_MEMBERS:
        raise _too_many()
    spans = _add_up(data, top_level) or _walk(data, top_level)
    return (spans, frozenset()) if spans is not None else _walk_exactly(data, top_level)


def _add_up(data: bytes, top_level: dict[str, msgspec.Raw]) -> dict[str, Span] | None:
    """PERF: most clients write no white space. `None` where there is any, or a key repeats or is not plain ASCII.

    Each of these makes the text longer than its keys and values and the signs around them, so that nothing is missed.
    """
    spans: dict[str, Span] = {}
    end = 0
    for key, value in top_level.items():
        start = end + len(key) + _SIGNS
        end = start + len(value)
        spans[key] = (start, end)
    return spans if end + 1 == len(data) else None


def _walk(data: bytes, top_level: dict[str, msgspec.Raw]) -> dict[str, Span] | None:
    """PERF: one regular expression and one comparison per member; `None` where a key repeats or is escaped."""
    spans: dict[str, Span] = {}
    position = 0
    while (member := _PLAIN_KEY.match(data, position)) is not None:
        key = member[1].decode()
        start = member.end()
        value = bytes(top_level[key])
        if key in spans or not data.startswith(value, start):
            return None
        position = start + len(value)
        spans[key] = (start, position)
    # A number that only begins like the one that was decoded, or an escaped key, stops the walk before the end.
    return spans if _END.match(data, position) is not None else None


def _walk_exactly(data: bytes, top_level: dict[str, msgspec.Raw]) -> Members:
    spans: dict[str, Span] = {}
    repeated: set[str] = set()
    members = 0
    # A key that repeats may have a large value, which is copied once.
    values: dict[str, bytes] = {}
    following = _OPEN.match(data)
    while following is not None and (key_match := _KEY.match(data, following.end())) is not None:
        members += 1
        if members > _MAX_MEMBERS:
            raise _too_many()
        key = text_of_literal(key_match[1])
        start = key_match.end()
        value = values.get(key)
        if value is None:
            value = values[key] = bytes(top_level[key])
        end = start + len(value)
        following = _NEXT.match(data, end) if data.startswith(value, start) else None
        if following is None:
            end = _end_of_overwritten_value(data, start)
            following = _NEXT.match(data, end)
        if key in spans:
            repeated.add(key)
        spans[key] = (start, end)
    return spans, frozenset(repeated)


def _end_of_overwritten_value(data: bytes, start: int) -> int:
    try:
        return end_of_value(data, start)
    except ValueError:
        raise GatewayError("bad_request", "The body repeats a key whose value is very large; keep one.") from None


def _too_many() -> GatewayError:
    return GatewayError("bad_request", f"The body has more than {_MAX_MEMBERS} top-level keys.")
