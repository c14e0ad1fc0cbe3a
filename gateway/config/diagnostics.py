"""What is wrong with a file, where, and how to mend it."""

import enum
from collections.abc import Mapping
from typing import Final

import msgspec

from gateway.visible import visible


class Severity(enum.StrEnum):
    """An error keeps the file from being used; a warning does not; a note says what could not be checked."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


class Diagnostic(msgspec.Struct, frozen=True, kw_only=True):
    """One finding. Lines and columns count from 1; `pointer` is a JSON pointer (RFC 6901) into the merged file."""

    code: str
    message: str
    severity: Severity = Severity.ERROR
    file: str | None = None
    line: int | None = None
    column: int | None = None
    pointer: str = ""
    hint: str | None = None

    def __str__(self) -> str:
        place = ":".join(str(part) for part in (self.file, self.line, self.column) if part is not None)
        head = f"{place}: " if place else ""
        hint = f"\n  hint: {visible(self.hint)}" if self.hint else ""
        return f"{visible(head)}{self.severity}[{self.code}] {visible(self.message)}{hint}"

    @property
    def is_error(self) -> bool:
        """Whether the file cannot be used."""
        return self.severity is Severity.ERROR


CODES: Final[Mapping[str, str]] = {
    "file-unreadable": "A file or directory cannot be read, is not UTF-8, or holds no configuration.",
    "yaml-syntax": "The text is not YAML 1.2, or uses a feature that a configuration does not need.",
    "duplicate-key": "A mapping names one key twice.",
    "duplicate-name": "Two files declare the same name.",
    "conflicting-value": "Two files give one setting different values.",
    "bad-patch": "A line of a patch hits nothing, or is not written as one.",
    "reference-missing": "A `${...}` reference leads to nothing.",
    "reference-in-name": "A name, a model or a tag is a `${...}` reference; plans, logs and reports show them.",
    "reference-in-pattern": "A `deny` pattern, which callers are told, is a `${...}` reference.",
    "reference-in-text": "A `${...}` reference stands in free text.",
    "reference-outside": "A `${file:}` reference leads out of the folders that may be read.",
    "reference-syntax": "A `${...}` reference is not written as one.",
    "unknown-field": "A field has no meaning here.",
    "missing-field": "A required field is not there.",
    "wrong-type": "A value has another type than the field takes.",
    "invalid-value": "A value is outside what the field takes.",
    "invalid-name": "A name has characters that names may not have.",
    "unknown-reference": "A name refers to something that the file does not declare.",
    "not-shared": "A file names what another owner has and does not share, or sets what is not its owner's to set.",
    "alias-shadows-provider": "An alias begins with a provider's name and a slash, and hides that provider's model.",
    "alias-shadows-model": "An alias has the name of one of `models`, which no request finds then.",
    "bad-model-name": "One of `models` has a name that no request could find it by.",
    "model-leads-nowhere": "One of `models` says neither where it is served nor between which models it is shared.",
    "model-circle": "The requests of one of `models` come back to it by its own split.",
    "own-model-not-allowed": "A list of allowed models has a name of `models` that leads to nothing which it allows.",
    "nothing-shared": "Something is to stay together where nothing is shared out.",
    "two-affinities": "One of `models` says twice what of its requests stays together.",
    "unknown-arm": "A split names a provider at which the model is not said to be served.",
    "alias-without-base": "An alias for the next provider has no alias that it continues.",
    "tied-aliases": "Two globs among the aliases match the same names, and neither has more literal characters.",
    "bad-regex": "A pattern is not an RE2 regular expression.",
    "unmatched-tools": "A pattern on tools matches no name that a tool can have.",
    "bad-glob": "A glob is malformed.",
    "name-looks-like-another": "Two teams, projects or principals have names that look alike.",
    "short-unary-timeout": "Answers that are no streams are given up before many of them can be there.",
    "unreachable-fallback": "A fallback names a provider that the key may not use, or has nobody to fall back to.",
    "unservable-target": "An alias leads a model to a provider that has no endpoint on which it could answer.",
    "raise-over": "A raise of a budget has ended already.",
    "key-expired": "A virtual key has expired already.",
    "duplicate-secret": "Two virtual keys have one secret.",
    "rotation-without-end": "A rotated secret is accepted without an end, or ends without being accepted.",
    "plain-http": "A trace collector on another host is reached without TLS.",
    "secret-in-clear": "A credential stands in the file itself.",
    "virtual-key-as-credential": "A virtual key stands where a provider's own credential belongs.",
    "unknown-time-zone": "A time zone is not in the IANA database.",
    "invalid-url": "A base URL has parts that it must not have.",
    "deep-class": "A class extends one that extends another.",
    "required-by-class": "A `null` would take away what a class with `required: true` says.",
    "two-classes-for-one": "Two classes are for each of the same people, and a person's line names neither.",
    "no-name-for-key": "The key of a person would have no name, or that of another's.",
    "not-the-persons-key": "A key has the place of the one that a class makes for a person, and is not that person's.",
    "secret-of-no-key": "A principal has the hash of a secret, and no class makes a key for it.",
    "no-provider": "A virtual key reaches no provider.",
    "unpriced-model": "A model that the file names has no price.",
    "unused-locked-price": "A price is locked for a provider that the file does not declare.",
    "moved-locked-price": "A locked price is out of another list than counts, or of another model.",
    "unused-budget": "A budget covers nothing that the file declares.",
    "key-spans-teams": "The project and the principal of a virtual key are of two teams.",
    "empty-price": "A price says nothing.",
    "not-enforced": "The file asks for something that this version checks but does not enforce.",
    "key-without-secret": "A gateway that reads the file itself cannot mint the secret of a key.",
    "bad-move": "A rename leads from something still declared, to something that is not, or across kinds.",
    "development-pepper": "A live key needs a pepper of your own.",
}
"""Every code that a diagnostic can carry, and what it means."""
