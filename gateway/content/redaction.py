"""Hiding and shortening what goes out as an attribute: first hidden, then shortened, so that no half secret is left."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import msgspec

from gateway.policy.patterns import Regexp

HIDDEN: Final = "[redacted]"
CUT: Final = "[truncated]"
_SHORTEST: Final = 64


class Redaction(msgspec.Struct, frozen=True):
    """Patterns whose matches are hidden, and how many bytes an attribute may have."""

    patterns: tuple[Regexp, ...]
    max_attribute_bytes: int

    def written(self, items: Sequence[Any]) -> tuple[str, bool]:
        """Items as JSON within the bound, and whether something was cut.

        Where not all fit, the last ones say most: they come first, and one that is long gets half of the room left.
        """
        most = self.max_attribute_bytes
        if len(_json(items)) <= most:
            text = _json([self._shown(one) for one in items])
            if len(text) <= most:
                return text.decode(), False
        kept: list[bytes] = []
        left = most - 2
        for item in reversed(items):
            text = _within(self._shown(item), left // 2)
            if not text:
                break
            kept.append(text)
            left -= len(text) + 1
        return (b"[" + b",".join(reversed(kept)) + b"]").decode(), True

    def _shown(self, item: Any) -> Any:
        return _mapped(item, self._hidden) if self.patterns else item

    def _hidden(self, value: str) -> str:
        for pattern in self.patterns:
            value = pattern.sub(HIDDEN, value)
        return value


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
