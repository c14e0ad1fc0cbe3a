"""What validation and checks find, before it has a place in a file."""

from collections.abc import Collection
from datetime import datetime

import msgspec

from gateway.config.diagnostics import Severity
from gateway.config.source import Path


class Finding(msgspec.Struct, frozen=True):
    """What is wrong at one path.

    `at_key` says that the key is meant, not its value; `section` where stands what a reference leads to, or should;
    `whose` is the owner of what another owner's file names.
    """

    code: str
    message: str
    path: Path
    hint: str | None = None
    at_key: bool = False
    section: str | None = None
    whose: str | None = None


class Checked(msgspec.Struct, frozen=True):
    """A finding with its severity."""

    finding: Finding
    severity: Severity = Severity.ERROR


class Facts(msgspec.Struct, frozen=True):
    """What checks need beside the configuration.

    `hidden` are the paths of values that are references through and through, `key_names` the names of all keys that
    the file declares, `strict` makes errors of secrets in clear.
    """

    hidden: frozenset[Path]
    key_names: Collection[str]
    now: datetime
    strict: bool
