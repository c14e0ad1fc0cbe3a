"""The few things about JSON text that a parser does not tell: where a value ends, what a literal says.

All of it takes well-formed JSON for granted (RFC 8259); a parser has judged it before. Strings are matched without
backtracking, so that megabytes of text take neither stack nor memory.
"""

import json
import re
from collections.abc import Generator
from itertools import islice
from typing import Final

STRING: Final = re.compile(rb'"([^"\\]*+(?:\\.[^"\\]*+)*+)"')
"""A string; its group is the literal between the quotes."""

STEP: Final = 32 * 1024
"""Bytes that are looked at in one step of work that is done in steps, between which others may go first."""

_LITERAL = re.compile(rb'[^"\\]*+(?:\\.[^"\\]*+)*+', re.DOTALL)
_SCALAR = re.compile(rb"[^ \t\r\n,\]}]+")
_TOKEN = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"|([\[{])|[\]}]')
_MAX_TOKENS = 500_000
_MAX_LONE_SURROGATES = 10_000
_HEX = rb"[0-9a-fA-F]{2}"
_HIGH = rb"\\u[dD][89abAB]" + _HEX
_LOW = rb"\\u[dD][c-fC-F]" + _HEX
_TO_LONE_SURROGATE = re.compile(
    rb"(?:[^\\]++|\\(?!u[dD][89a-fA-F]).|" + _HIGH + _LOW + rb")*+(?:" + _HIGH + rb"|" + _LOW + rb")"
)
_REPLACEMENT = rb"\ufffd"


def end_of_value(data: bytes, start: int) -> int:
    """The offset behind the value that begins at `start`. Raises `ValueError` where finding it would take too long."""
    first = data[start : start + 1]
    if first not in (b"{", b"["):
        match = (STRING if first == b'"' else _SCALAR).match(data, start)
        return start if match is None else match.end()
    depth = 0
    for token in islice(_TOKEN.finditer(data, start), _MAX_TOKENS):
        if token[1] is not None:
            depth += 1
        elif not data.startswith(b'"', token.start()):
            depth -= 1
            if depth == 0:
                return token.end()
    raise ValueError("the value holds too many others")


def end_of_string(data: bytes, start: int) -> Generator[None, None, int]:
    """Where the string that begins at a quote ends: at its other quote, or at the end of a malformed text; in steps."""
    end = start + 1
    while True:
        run = _LITERAL.match(data, end, end + STEP)
        before, end = end, end if run is None else run.end()
        if end == before or data.startswith(b'"', end):
            return end
        yield None


def text_of_literal(literal: bytes) -> str:
    """What a string says, given the bytes between its quotes; bytes that are not UTF-8 become U+FFFD."""
    text = literal.decode("utf-8", "replace")
    return str(json.loads(f'"{text}"')) if "\\" in text else text


def without_lone_surrogates(data: bytes) -> bytes:
    """The text with U+FFFD in the place of escaped halves of surrogate pairs, of the same length throughout.

    No text that means anything has more than ten thousand of them; those beyond stay.
    """
    if b"\\ud" not in data and b"\\uD" not in data:
        return data
    pieces: list[bytes] = []
    position = 0
    for _ in range(_MAX_LONE_SURROGATES):
        match = _TO_LONE_SURROGATE.match(data, position)
        if match is None:
            break
        pieces += (data[position : match.end() - len(_REPLACEMENT)], _REPLACEMENT)
        position = match.end()
    pieces.append(data[position:])
    return b"".join(pieces)
