"""What a plan consists of.

A plan never holds a secret, nor what a reference stood for: changes are found and judged with their values, and shown
without them, by `gateway.plan.telling`, before they become part of a plan.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import msgspec

from gateway.config.sections.access import Access

SENSITIVE: Final = "(sensitive)"
SENSITIVE_CHANGED: Final = "(sensitive, changed)"


class FieldChange(msgspec.Struct, frozen=True, omit_defaults=True):
    """One field, by JSON pointer in the spec. `None` stands for a field that is not there, and so has its default.

    Where the order of a list means nothing, `added` and `removed` say what changes.
    """

    path: str
    before: Any = None
    after: Any = None
    added: list[Any] = []
    removed: list[Any] = []
    access: Access = Access.SAME
    value: str = ""
    """Of a field that is shown as a reference, what became of its value: `rose`, `fell` or `changed`."""


class Consequence(msgspec.Struct, frozen=True, omit_defaults=True):
    """What will happen because of a change, as far as the live state tells."""

    code: str
    text: str
    refuses_traffic: bool = False


class ResourceChange(msgspec.Struct, frozen=True):
    """What happens to one resource.

    `actions` are `create`, `update`, `delete`, `replace` and `move`; a move may come with an update. `before` and
    `after` are whole specs; `revision` is the live resource's, 0 for a new one.
    """

    address: str
    previous_address: str | None
    kind: str
    name: str
    owner: str
    actions: list[str]
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None
    changes: list[FieldChange]
    access: Access
    revision: int = 0
    consequences: list[Consequence] = []
    mints_secret: bool = False
    pulled_in_by: str | None = None

    @property
    def previous_name(self) -> str | None:
        """What it is called before the change, where that is another name."""
        return None if self.previous_address is None else self.previous_address.partition(".")[2]

    @property
    def symbol(self) -> str:
        """`+`, `~`, `-` or `-/+`."""
        if "replace" in self.actions:
            return "-/+"
        return {"create": "+", "delete": "-"}.get(self.actions[0], "~")


class Drift(msgspec.Struct, frozen=True):
    """What was changed since the file was last applied, behind its back.

    An empty path is the whole resource, which was made where it was not applied, and deleted where it is not live.
    """

    address: str
    path: str
    last_applied: Any
    live: Any
    effect: str
    """`overwritten`, `kept` or `already_matches`."""
    changed_by: str
    changed_at: datetime
