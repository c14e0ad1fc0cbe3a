"""Patterns that users write: RE2 expressions and globs, both in linear time (https://github.com/google/re2)."""

import enum
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final, Protocol

import re2


class Regexp(Protocol):
    """A compiled expression."""

    def search(self, text: str | bytes) -> object | None:
        """A match anywhere in the text (as bytes: in UTF-8), or `None`."""

    def sub(self, replacement: str, text: str) -> str:
        """The text with every match replaced. Raises `UnicodeEncodeError` for half of a surrogate pair."""


def _options() -> Any:
    options = re2.Options()
    options.log_errors = False
    options.never_capture = True
    options.max_mem = 8 * 1024 * 1024
    return options


@lru_cache(maxsize=10_000)
def compile_re2(pattern: str) -> Regexp:
    """The expression, case-sensitive and not anchored. Raises `ValueError` with RE2's own reason."""
    try:
        compiled: Regexp = re2.compile(pattern, _options())
    except re2.error as error:
        reason = error.args[0] if error.args else "malformed"
        text = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
        msg = f"{pattern!r} is not an RE2 expression: {text}"
        raise ValueError(msg) from error
    return compiled


@lru_cache(maxsize=10_000)
def compile_glob(glob: str) -> Callable[[str], bool]:
    """A matcher of whole texts: `*` any characters, `?` one, `[a-z]` and `[!a-z]` classes. Raises `ValueError`."""
    translated = glob_expression(glob)
    try:
        expression = compile_re2(translated)
    except ValueError:
        msg = f"{glob!r} is not a glob: a class such as `[z-a]` holds nothing, or it is too long"
        raise ValueError(msg) from None

    def matches(text: str) -> bool:
        return expression.search(text.encode("utf-8", "surrogatepass")) is not None

    return matches


def glob_expression(glob: str) -> str:
    """The RE2 expression that matches what a glob does. Raises `ValueError` where a class is not closed."""
    return rf"(?s)^(?:{_translate(glob)})$"


def is_glob(text: str) -> bool:
    """Whether a text stands for others than itself."""
    return not _SIGNS.isdisjoint(text)


def literals(glob: str) -> int:
    """How many characters of a glob stand for themselves. Raises `ValueError`."""
    return sum(isinstance(one, str) for one in _signs(glob))


def may_meet(one: str, other: str) -> bool:
    """Whether there may be a text that two globs match. Raises `ValueError`."""
    left, right = _signs(one), _signs(other)

    # From the ends of both: whether what is left of one and of the other may be the same text.
    below = [all(sign is _Sign.ANY_TEXT for sign in right[at:]) for at in range(len(right) + 1)]
    for here in reversed(left):
        row = [here is _Sign.ANY_TEXT and below[-1]]
        for at in range(len(right) - 1, -1, -1):
            there = right[at]
            if here is _Sign.ANY_TEXT or there is _Sign.ANY_TEXT:
                row.append(below[at] or row[-1])
            else:
                is_same = here == there or not (isinstance(here, str) and isinstance(there, str))
                row.append(is_same and below[at + 1])
        below = row[::-1]
    return below[0]


class _Sign(enum.Enum):
    """What a sign of a glob stands for."""

    ANY_TEXT = "*"
    ONE = "?"


_SIGNS: Final = frozenset("*?[")


def _signs(glob: str) -> tuple["str | _Sign", ...]:
    """What a glob has, from left to right: characters, and signs for others; a class may be any one character."""
    found: list[str | _Sign] = []
    index = 0
    while index < len(glob):
        char = glob[index]
        if char == "[":
            index = _end_of_class(glob, index)
        found.append(_Sign.ANY_TEXT if char == "*" else _Sign.ONE if char in "?[" else char)
        index += 1
    return tuple(found)


def _end_of_class(glob: str, index: int) -> int:
    """Where the class ends that begins there; a `]` that comes first belongs to it."""
    end = glob.find("]", index + 2 + glob.startswith("!", index + 1))
    if end < 0:
        msg = f"{glob!r} has a `[` that is not closed"
        raise ValueError(msg)
    return end


def _translate(glob: str) -> str:
    pieces: list[str] = []
    index = 0
    while index < len(glob):
        char = glob[index]
        if char == "[":
            negated = glob.startswith("!", index + 1)
            begin = index + 1 + negated
            end = _end_of_class(glob, index)
            pieces.append(f"[{'^' if negated else ''}{_class(glob[begin:end])}]")
            index = end
        else:
            pieces.append({"*": ".*", "?": "."}.get(char) or re2.escape(char))
        index += 1
    return "".join(pieces)


def _class(inside: str) -> str:
    """What stands in a class, with only `-` between two characters left special."""
    return "".join("\\" + char if char in "\\[]^" else char for char in inside)
