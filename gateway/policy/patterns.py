"""Patterns that users write: RE2 expressions and globs, both in linear time (https://github.com/google/re2)."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any, Protocol

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
    translated = _translate(glob)
    try:
        expression = compile_re2(rf"(?s)^(?:{translated})$")
    except ValueError:
        msg = f"{glob!r} is not a glob: a class such as `[z-a]` holds nothing, or it is too long"
        raise ValueError(msg) from None

    def matches(text: str) -> bool:
        return expression.search(text.encode("utf-8", "surrogatepass")) is not None

    return matches


def _translate(glob: str) -> str:
    pieces: list[str] = []
    index = 0
    while index < len(glob):
        char = glob[index]
        if char == "[":
            negated = glob.startswith("!", index + 1)
            begin = index + 1 + negated
            # A `]` that comes first belongs to the class.
            end = glob.find("]", begin + 1)
            if end < 0:
                msg = f"{glob!r} has a `[` that is not closed"
                raise ValueError(msg)
            pieces.append(f"[{'^' if negated else ''}{_class(glob[begin:end])}]")
            index = end
        else:
            pieces.append({"*": ".*", "?": "."}.get(char) or re2.escape(char))
        index += 1
    return "".join(pieces)


def _class(inside: str) -> str:
    """What stands in a class, with only `-` between two characters left special."""
    return "".join("\\" + char if char in "\\[]^" else char for char in inside)
