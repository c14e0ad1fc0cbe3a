"""The few things about JSON text that a parser does not tell: where a value ends, what a literal says.

All of it takes well-formed JSON for granted (RFC 8259); a parser has judged it before. Strings are matched without
backtracking, so that megabytes of text take neither stack nor memory.
"""

import codecs
import json
import re
from collections.abc import Generator
from typing import Final

from gateway.turns import at_once

STRING: Final = re.compile(rb'"([^"\\]*+(?:\\.[^"\\]*+)*+)"')
"""A string; its group is the literal between the quotes."""

STEP: Final = 32 * 1024
"""Bytes that are looked at in one step of work that is done in steps, between which others may go first."""

_LITERAL = re.compile(rb'[^"\\]*+(?:\\.[^"\\]*+)*+', re.DOTALL)
_SCALAR = re.compile(rb"[^ \t\r\n,\]}]+")
_TOKEN = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"|([\[{])|(")|([\]}])')
_OPENING, _CUT_OFF = 1, 2
"""Groups of `_TOKEN`: a bracket that opens, and the quote of a string that goes on beyond what was looked at."""

_SIGN = re.compile(rb'["\[{\]}]')
_MAX_TOKENS = 500_000
_MAX_LONE_SURROGATES = 10_000
_HEX = rb"[0-9a-fA-F]{2}"
_HIGH = rb"\\u[dD][89abAB]" + _HEX
_LOW = rb"\\u[dD][c-fC-F]" + _HEX
_WITHOUT_LONE_SURROGATE = re.compile(
    rb"(?:[^\\]++|\\[^u]|\\u(?![dD][89a-fA-F])[0-9a-fA-F]{4}|" + _HIGH + _LOW + rb")*+", re.DOTALL
)
_LONE_SURROGATE = re.compile(rb"(?:[^\\]++|\\(?!u[dD][89a-fA-F]).|" + _HIGH + _LOW + rb")*+", re.DOTALL)
_LONE_SURROGATE = re.compile(_HIGH + rb"(?!" + _LOW + rb")|" + _LOW)
_REPLACEMENT = rb"\ufffd"


def end_of_value(data: bytes, start: int) -> int:
    """The offset behind the value that begins at `start`. Raises `ValueError` where finding it would take too long."""
    first = data[start : start + 1]
    if first == b'"':
        match = STRING.match(data, start, start + STEP)
        return at_once(end_of_string(data, start)) + 1 if match is None else match.end()
    if first not in (b"{", b"["):
        match = _SCALAR.match(data, start)
        return start if match is None else match.end()
    depth = 0
    # PERF: nearly every value ends within one step.
    for token in _TOKEN.finditer(data, start, start + STEP):
        kind = token.lastindex
        if kind is None:
            continue
        if kind == _OPENING:
            depth += 1
        elif kind == _CUT_OFF:
            break
        else:
            depth -= 1
            if depth == 0:
                return token.end()
    return _end_in_steps(data, start)


def _end_in_steps(data: bytes, start: int) -> int:
    depth, signs, position = 0, 0, start
    while position < len(data) and signs < _MAX_TOKENS:
        sign = _SIGN.search(data, position, position + STEP)
        if sign is None:
            position += STEP
            continue
        signs += 1
        position = sign.end()
        if sign[0] == b'"':
            position = at_once(end_of_string(data, sign.start())) + 1
        elif sign[0] in (b"{", b"["):
            depth += 1
        else:
            depth -= 1
            if depth == 0:
                return position
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


def text_in_steps(data: bytes, start: int, end: int) -> Generator[None, None, str]:
    """The text of these bytes; those that are not UTF-8 become U+FFFD."""
    if end - start <= STEP:
        return data[start:end].decode("utf-8", "replace")
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    pieces: list[str] = []
    for position in range(start, end, STEP):
        pieces.append(decoder.decode(data[position : min(position + STEP, end)]))
        yield
    pieces.append(decoder.decode(b"", final=True))
    return "".join(pieces)


def text_of_literal(literal: bytes) -> str:
    """What a string says, given the bytes between its quotes; bytes that are not UTF-8 become U+FFFD."""
    return without_escapes(literal.decode("utf-8", "replace"))


def without_escapes(text: str) -> str:
    """What a string says, given what stands between its quotes."""
    return str(json.loads(f'"{text}"')) if "\\" in text else text


def without_lone_surrogates(data: bytes) -> bytes:
    """The text with U+FFFD in the place of escaped halves of surrogate pairs, of the same length throughout.

    No text that means anything has more than ten thousand of them; those beyond stay.
    """
    if b"\\ud" not in data and b"\\uD" not in data:
        return data
    pieces: list[bytes] = []
    position = begun = replaced = 0
    while replaced < _MAX_LONE_SURROGATES:
        before = position
        run = _WITHOUT_LONE_SURROGATE.match(data, position, position + STEP)
        position = position if run is None else run.end()
        if _LONE_SURROGATE.match(data, position) is not None:
            pieces += (data[begun:position], _REPLACEMENT)
            position = begun = position + len(_REPLACEMENT)
            replaced += 1
        elif position == before:
            break
    pieces.append(data[begun:])
    return b"".join(pieces)
