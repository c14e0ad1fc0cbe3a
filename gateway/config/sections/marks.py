"""What an annotation says of a field beside its type. Generic engines read it: `gateway.config.field_tree` finds it.

`gateway.config.sections.access` has the other half: in which direction a field widens.
"""

from dataclasses import dataclass
from typing import Final, Literal

from gateway.config.diagnostics import Severity
from gateway.config.sections.access import Access


@dataclass(frozen=True)
class Kind:
    """What is said of a section's entries as a whole.

    `noun` is what people call one of them. `created` and `deleted` say what it does to access that one comes or goes.
    """

    noun: str
    created: Access = Access.SAME
    deleted: Access = Access.SAME


@dataclass(frozen=True)
class Refers:
    """A text that names an entry of a section, or `organizations`.

    `form` is how: by its name, as `provider/model`, or as a glob that may begin with a provider and a slash. What
    `may_be_gone` names something that need not be there.
    """

    kind: str
    form: Literal["name", "model", "glob"] = "name"
    may_be_gone: bool = False


@dataclass(frozen=True)
class RefersBeside:
    """What the names of a mapping refer to instead, where the section has another field too."""

    field: str
    refers: Refers


@dataclass(frozen=True)
class Unordered:
    """A list whose order means nothing, and where the same thing twice means no more than once."""


@dataclass(frozen=True)
class ShownInPart:
    """A text of which people are shown the beginning, since they compare it: the hash of a secret."""


@dataclass(frozen=True)
class Written:
    """What is read by people as it is written, so that `${...}` has no place in it, nor in anything below it."""

    code: str
    message: str
    hint: str
    severity: Severity = Severity.ERROR


@dataclass(frozen=True)
class Combined:
    """How a list of a key and those of its classes are one, where the nearest does not simply count.

    `adds`: what any of them has. `all_apply`: what all of them have; a list of globs is met where each of the lists is.
    """

    how: Literal["adds", "all_apply"]


@dataclass(frozen=True)
class CalledElsewhere:
    """What other tools call a field: who writes that is told our name."""

    names: tuple[str, ...]


@dataclass(frozen=True)
class Mistaken:
    """A text that people write here by mistake, as a regular expression from its beginning; and what is wrong with it.

    The message never quotes the text, which may be a secret. Without a hint, the field's description is one.
    """

    pattern: str
    message: str
    hint: str | None = None


UNORDERED: Final = Unordered()
ADDS: Final = Combined("adds")
ALL_APPLY: Final = Combined("all_apply")
SHOWN_IN_PART: Final = ShownInPart()
NAME_ITSELF: Final = Written("reference-in-name", "a name cannot come from a reference", "Write the name itself.")
TAG_ITSELF: Final = Written(
    "reference-in-name",
    "a tag cannot come from a reference",
    "Write the tag itself: budgets, reports and traces show it.",
)
MODEL_ITSELF: Final = Written(
    "reference-in-name",
    "a model's name cannot come from a reference",
    "Write the model itself: metrics, reports and answers show it.",
)
PATTERN_ITSELF: Final = Written(
    "reference-in-pattern",
    "a pattern that denies cannot come from a reference: callers whom it refuses are told it",
    "Write the pattern itself.",
)
TOLD_ITSELF: Final = Written(
    "reference-in-text", "what clients are told cannot come from a reference", "Write the text itself."
)
TEXT_ITSELF: Final = Written(
    "reference-in-text",
    "free text comes from a reference, which is all that plans and the console show of it",
    "Write the text itself.",
    Severity.WARNING,
)
