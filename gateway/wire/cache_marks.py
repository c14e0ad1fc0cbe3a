"""Prompt-cache marks in a body: taking them out, or setting them where the caller set none.

Marks are Anthropic's `cache_control` (https://docs.anthropic.com/en/docs/build-with-claude/prompt-caching), which other
providers took over. What a tool is called with, and the schemas of tools and answers, are the caller's own data: a
`cache_control` in there is none.
"""

import re
from collections.abc import Iterator

from gateway.turns import at_once
from gateway.wire.json_members import Span
from gateway.wire.json_parts import elements_in, members_in
from gateway.wire.json_splice import Splice
from gateway.wire.json_tokens import STEP, end_of_string, end_of_value, text_of_literal

_MARK = "cache_control"
_EPHEMERAL = b'"cache_control":{"type":"ephemeral"}'
_OWN_DATA = frozenset(("input", "input_schema", "parameters", "schema", "arguments", "metadata"))
_STRING = re.compile(rb'"([^"\\]*+(?:\\.[^"\\]*+)*+)"([ \t\r\n]*:[ \t\r\n]*)?')
_COLON = re.compile(rb"[ \t\r\n]*:[ \t\r\n]*")
_BEFORE_VALUE = (b":", b" ", b"\n", b"\r", b"\t")
_COMMA_BEFORE = re.compile(rb",[ \t\r\n]*\Z")
_COMMA_AFTER = re.compile(rb"[ \t\r\n]*,[ \t\r\n]*")
_LONGEST_SPACE = 1024


def without_marks(data: bytes) -> list[Splice]:
    """The splices that take every mark out of a JSON body, at any depth."""
    if b"cache" not in data and b"\\u" not in data:
        return []
    splices: list[Splice] = []
    taken = 0
    for start, end in _marks(data):
        before = _COMMA_BEFORE.search(data, max(taken, start - _LONGEST_SPACE), start)
        after = _COMMA_AFTER.match(data, end) if before is None else None
        taken = end if after is None else after.end()
        splices.append(Splice(start if before is None else before.start(), taken, b""))
    return splices


def with_marks(data: bytes) -> list[Splice]:
    """The splices that mark the last system block and the last user block of an Anthropic body.

    The system prompt is left alone where the caller marked something in it, and so are the messages.
    """
    members = members_in(data, (0, len(data)))
    system, messages = members.get("system"), members.get("messages")
    splices = [] if system is None or _has_mark(data, system) else _mark_last(data, system)
    if messages is not None and data[messages[0] : messages[0] + 1] == b"[" and not _has_mark(data, messages):
        for message in reversed(elements_in(data, messages)):
            facts = members_in(data, message)
            role, content = facts.get("role"), facts.get("content")
            if role is not None and data[role[0] : role[1]] == b'"user"':
                return splices if content is None else [*splices, *_mark_last(data, content)]
    return splices


def marks_in(data: bytes) -> Iterator[Span]:
    """Where the value of each mark stands."""
    for start, end in _marks(data):
        colon = _STRING.match(data, start, end)
        if colon is not None:
            yield colon.end(), end


def _mark_last(data: bytes, content: Span) -> list[Splice]:
    """Marks the last block of a list, or makes a text into a block that is marked; an empty text cannot be."""
    start, end = content
    first = data[start : start + 1]
    if first == b'"' and end - start > len('""'):
        return [Splice(start, start, b'[{"type":"text","text":'), Splice(end, end, b"," + _EPHEMERAL + b"}]")]
    if first != b"[":
        return []
    blocks = elements_in(data, content)
    if not blocks or data[blocks[-1][0] : blocks[-1][0] + 1] != b"{":
        return []
    facts = members_in(data, blocks[-1])
    text = facts.get("text")
    if not facts or (text is not None and data[text[0] : text[1]] == b'""'):
        return []
    inside = blocks[-1][0] + 1
    return [Splice(inside, inside, _EPHEMERAL + b",")]


def _marks(data: bytes) -> Iterator[Span]:
    """Where each mark stands, from its key to the end of its value."""
    position = 0
    while (start := data.find(b'"', position)) >= 0:
        string = _STRING.match(data, start, start + STEP)
        if string is None:
            # So long a string is no key that is meant here.
            position = at_once(end_of_string(data, start)) + 1
            continue
        position = string.end()
        if string[2] is None or position == start + STEP:
            # Here it is no key, or the step ends in the space behind it.
            end = string.end(1) + 1
            colon = _COLON.match(data, end) if data[end : end + 1] in _BEFORE_VALUE else None
            if colon is None:
                continue
            position = colon.end()
        key = string[1].decode("utf-8", "replace") if b"\\" not in string[1] else text_of_literal(string[1])
        if key == _MARK:
            position = end_of_value(data, position)
            yield start, position
        elif key in _OWN_DATA and data[position : position + 1] in (b"{", b"["):
            position = end_of_value(data, position)


def _has_mark(data: bytes, span: Span) -> bool:
    return next(_marks(data[span[0] : span[1]]), None) is not None
