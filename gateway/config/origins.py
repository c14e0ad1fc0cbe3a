"""Values that came from references, and how people are told of them: as the references.

Where a value stands by itself it is shown as what was written, by its path. In sentences that somebody composed, such
as diagnostics, what was read gives way to what was written; a sentence about a value that came from a reference could
hold any part of it, and so is replaced where its words are not those of a rule.
"""

import re
from collections.abc import Mapping
from functools import cached_property
from typing import Any, Final

import msgspec

from gateway.config.diagnostics import CODES
from gateway.config.findings import Checked, Finding
from gateway.config.references import named, parts
from gateway.config.source import Path, value_at
from gateway.secret import Secret

_SHORTEST: Final = 4
"""Characters; what is shorter stands in sentences by chance."""
_SURELY_MEANT: Final = 12
"""Characters; what is shorter is replaced only where it is a word of its own."""
_NUMBER: Final = re.compile(r"[-+]?\d{1,15}(\.\d{1,15})?")
_WORDS_OF_A_RULE: Final = frozenset(
    {
        "wrong-type",
        "missing-field",
        "unknown-field",
        "invalid-value",
        "secret-in-clear",
        "virtual-key-as-credential",
        "reference-missing",
        "reference-outside",
        "reference-syntax",
        "reference-in-name",
        "reference-in-pattern",
        "reference-in-text",
    }
)
"""Codes of findings that say what belongs somewhere, never what stands there."""


class Origins:
    """What was written in place of values, by their paths, with what was read for it."""

    def __init__(self, places: Mapping[Path, tuple[str, str]]) -> None:
        self.places = places

    @classmethod
    def within(cls, tree: Any, written: Mapping[Path, str]) -> "Origins":
        """Those of a tree; `written` are texts by path."""
        found = {path: (text, value_at(tree, path)) for path, text in written.items()}
        return cls({path: (text, _text(value)) for path, (text, value) in found.items() if value is not None})

    def with_those_of(self, others: "Origins") -> "Origins":
        """Both."""
        return Origins({**self.places, **others.places})

    def checked(self, one: Checked) -> Checked:
        """A finding as people may read it."""
        return msgspec.structs.replace(one, finding=self.finding(one.finding)) if self.places else one

    def finding(self, found: Finding) -> Finding:
        """A finding as people may read it."""
        written = self._of(found.path)
        if written is None:
            hint = None if found.hint is None else self.sentence(found.hint)
            return msgspec.structs.replace(found, message=self.sentence(found.message), hint=hint)
        if found.code in _WORDS_OF_A_RULE:
            hint = found.hint if found.hint and not found.hint.startswith("Did you mean") else None
            if found.code == "wrong-type":
                hint = "What the reference gives is read as this field wants it: a number, or true or false."
            return msgspec.structs.replace(found, message=self.sentence(found.message), hint=hint)
        meaning = CODES[found.code].removesuffix(".")
        message = f"{meaning[0].lower()}{meaning[1:]}; the value comes from {', '.join(named(written))}"
        return msgspec.structs.replace(found, message=message, hint=None)

    def sentence(self, text: str) -> str:
        """A sentence with what was written in place of what was read."""
        if self._pattern is None:
            return text
        return self._pattern.sub(lambda match: self._by_value[match[0]], text)

    def told(self, value: Any) -> Any:
        """Plain data with every text in it as a sentence."""
        if isinstance(value, str):
            return self.sentence(value)
        if isinstance(value, Mapping):
            return {name: self.told(inner) for name, inner in value.items()}
        return [self.told(inner) for inner in value] if isinstance(value, list | tuple) else value

    def _of(self, path: Path) -> str | None:
        """What is written at a path, or at the first place within it."""
        if (at := self.places.get(path)) is not None:
            return at[0]
        return next((text for place, (text, _) in self.places.items() if place[: len(path)] == path != ()), None)

    @cached_property
    def _by_value(self) -> Mapping[str, str]:
        found: dict[str, str] = {}
        for written, value in self.places.values():
            if written == value:
                continue
            for text, read in ((written, value), *parts(written, value)):
                for spelling in (read, repr(read)[1:-1]):
                    if len(spelling) >= _SHORTEST and not _NUMBER.fullmatch(spelling):
                        found.setdefault(spelling, text)
        return found

    @cached_property
    def _pattern(self) -> re.Pattern[str] | None:
        spellings = sorted(self._by_value, key=len, reverse=True)
        return re.compile("|".join(map(_spelled, spellings))) if spellings else None


NOWHERE: Final = Origins({})
"""Nothing came from a reference."""


def _text(value: Any) -> str:
    return value.reveal() if isinstance(value, Secret) else str(value)


def _spelled(text: str) -> str:
    return re.escape(text) if len(text) >= _SURELY_MEANT else rf"(?<!\w){re.escape(text)}(?!\w)"
