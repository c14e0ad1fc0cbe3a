"""Hiding and shortening what goes out as an attribute: first hidden, then shortened, so that no half secret is left."""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec

from gateway.policy.patterns import Regexp, compile_re2

HIDDEN: Final = "[redacted]"
CUT: Final = "[truncated]"
_SHORTEST: Final = 64
_ALSO_AS_TEXT: Final = ("arguments", "response", "server_tool_call_response")
"""Members whose structure mostly was the text of somebody's JSON, which patterns are written for."""
_OF_WHOLE_TEXTS: Final = re.compile(r"\\[AzZQEC]|\(\?[a-zA-Z]*-?[a-zA-Z]*[mU-]")


class Redaction(msgspec.Struct, frozen=True):
    """Patterns whose matches are hidden, and how many bytes an attribute may have.

    `somewhere` matches lines of text wherever a pattern matches one of them, and maybe where none does; `None` where
    there is no such pattern.
    """

    patterns: tuple[Regexp, ...]
    max_attribute_bytes: int
    somewhere: Regexp | None = None

    def written(self, items: Sequence[Any]) -> tuple[str, bool]:
        """Items as JSON within the bound, and whether something was cut.

        Where not all fit, the last ones say most: they come first, and one that is long gets half of the room left.
        """
        most = self.max_attribute_bytes
        shown = self._hiding if self._might_match(items) else _as_it_is
        if len(_json(items)) <= most:
            text = _json([shown(one) for one in items])
            if len(text) <= most:
                return text.decode(), False
        kept: list[bytes] = []
        left = most - 2
        for item in reversed(items):
            text = _within(shown(item), left // 2)
            if not text:
                break
            kept.append(text)
            left -= len(text) + 1
        return (b"[" + b",".join(reversed(kept)) + b"]").decode(), True

    def _might_match(self, items: Sequence[Any]) -> bool:
        """PERF: mostly nothing is to be hidden, and asking once is far cheaper than asking string by string."""
        if self.somewhere is None:
            return bool(self.patterns)
        return self.somewhere.search("\n".join(_texts(items))) is not None

    def _hiding(self, item: Any) -> Any:
        return self._hidden_as_text(_mapped(item, self._hidden))

    def _hidden_as_text(self, value: Any) -> Any:
        """A value in which text stands in the place of what a pattern matches only when it is written as JSON."""
        if isinstance(value, Mapping):
            return {
                name: self._text_or(inner) if name in _ALSO_AS_TEXT else self._hidden_as_text(inner)
                for name, inner in value.items()
            }
        return [self._hidden_as_text(inner) for inner in value] if isinstance(value, list) else value

    def _text_or(self, value: Any) -> Any:
        """The spelling in which every pattern is hidden that matches in any; nothing of the value where none is."""
        matching = {
            text: {index for index, pattern in enumerate(self.patterns) if pattern.search(text)}
            for text in _spellings(value)
        }
        every = set().union(*matching.values())
        if not every:
            return value
        return next((self._hidden(text) for text, found in matching.items() if found == every), HIDDEN)

    def _hidden(self, value: str) -> str:
        for pattern in self.patterns:
            value = pattern.sub(HIDDEN, value)
        return value


def redaction(patterns: Sequence[str], max_attribute_bytes: int) -> Redaction:
    """Patterns that are known to be RE2."""
    compiled = tuple(compile_re2(pattern) for pattern in patterns)
    return Redaction(compiled, max_attribute_bytes, _somewhere(patterns))


def _somewhere(patterns: Sequence[str]) -> Regexp | None:
    r"""All patterns as one, in which `^` and `$` are the ends of lines; not where they say `\A`, `\z` or flags."""
    if not patterns or any(_OF_WHOLE_TEXTS.search(pattern) for pattern in patterns):
        return None
    try:
        return compile_re2("(?m)" + "|".join(f"(?:{pattern})" for pattern in patterns))
    except ValueError:
        return None  # together they are too large


def _texts(value: Any) -> Iterator[str]:
    """Every string and number of a value, names included."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            yield name
            yield from _texts(inner)
            if name in _ALSO_AS_TEXT:
                yield from _spellings(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _texts(inner)
    elif isinstance(value, int | float):
        yield str(value)


def _spellings(value: Any) -> Iterator[str]:
    """A structure as JSON, with white space and without."""
    if isinstance(value, Mapping | list):
        yield json.dumps(value, ensure_ascii=False)
        yield json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _as_it_is(item: Any) -> Any:
    return item


def _mapped(value: Any, change: Callable[[str], str]) -> Any:
    """A value with every string in it changed, names included; a number that would be changed becomes a string."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, Mapping):
        return {change(name): _mapped(inner, change) for name, inner in value.items()}
    if isinstance(value, list):
        return [_mapped(inner, change) for inner in value]
    if isinstance(value, int | float) and not isinstance(value, bool):
        text = str(value)
        changed = change(text)
        return value if changed == text else changed
    return value


def _shortener(longest: int) -> Callable[[str], str]:
    def shorten(text: str) -> str:
        return text if len(text) <= longest else text[: longest - len(CUT)] + CUT

    return shorten


def _within(item: Any, most: int) -> bytes:
    """An item as JSON, its strings shortened until it fits; nothing where that does not do."""
    text = _json(item)
    longest = most
    while len(text) > most and longest > _SHORTEST:
        longest //= 2
        item = _mapped(item, _shortener(longest))
        text = _json(item)
    return text if len(text) <= most else b""


def _json(value: Any) -> bytes:
    return msgspec.json.encode(value)
