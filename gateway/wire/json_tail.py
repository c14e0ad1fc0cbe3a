"""Usage of a large JSON answer of which only the last bytes were kept.

Raw bytes `"usage":` cannot stand inside a JSON string, since its quotes would be escaped there: they are always a key.
Whose key it is, is told by the brackets that close behind its value: one for the answer itself, two for the `response`
inside an event.
"""

import re

from gateway.wire.json_tokens import end_of_value

_KEY = b'"usage"'
_USAGE = re.compile(rb'(?<!\\)"usage"[ \t\r\n]*:[ \t\r\n]*(?=\{)')
_BRACKET = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"|([\[\]{}])')
_OUTERMOST = (1, 2)
_CANDIDATES = 8


def usage_object(tail: bytes) -> bytes | None:
    """The outermost `usage` object, given the end of a JSON text (what follows the text may not hold brackets)."""
    outermost: tuple[int, bytes] | None = None
    position = len(tail)
    for _ in range(_CANDIDATES):
        position = tail.rfind(_KEY, 0, position)
        match = _USAGE.match(tail, position) if position >= 0 else None
        if match is None:
            continue
        try:
            end = end_of_value(tail, match.end())
        except ValueError:  # it does not end here
            continue
        depth = _closing_behind(tail, end)
        if depth in _OUTERMOST and (outermost is None or depth < outermost[0]):
            outermost = depth, tail[match.end() : end]
    return None if outermost is None else outermost[1]


def _closing_behind(tail: bytes, position: int) -> int:
    depth = 0
    for token in _BRACKET.finditer(tail, position):
        if token[1] is not None:
            depth += 1 if token[1] in b"]}" else -1
    return depth
