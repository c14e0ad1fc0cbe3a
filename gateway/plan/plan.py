"""A plan: everything that an apply would do, why it may be refused, and nothing that is secret."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec

from gateway.config.sections.access import Access
from gateway.plan.change import Drift, ResourceChange
from gateway.plan.replay import Replay

FORMAT_VERSION: Final = "2.0"
"""Minor versions add members that readers ignore, major ones are refused."""
LASTS: Final = timedelta(hours=24)
"""How long a saved plan can be applied."""
_SHOWN_OF_LINEAGE: Final = slice(10, 16)
"""Where a ULID has its random characters."""


class Source(msgspec.Struct, frozen=True):
    """Where the desired side comes from: a digest of everything that was read, and the git commit.

    The commit ends with `+dirty` where it does not have what was read.
    """

    digest: str
    commit: str | None = None


class Guard(msgspec.Struct, frozen=True):
    """Why an apply is refused unless somebody says otherwise, and how; without a flag, nobody can."""

    code: str
    text: str
    addresses: list[str]
    flag: str | None = None
    only_if_asked: bool = False
    """Refuses only under the flag of the same name, such as `--no-widen`."""


class Summary(msgspec.Struct, frozen=True):
    """How many of each."""

    create: int = 0
    update: int = 0
    replace: int = 0
    move: int = 0
    delete: int = 0
    widens: int = 0
    may_widen: int = 0
    refuses_traffic: int = 0
    outside_edits: int = 0
    skipped: int = 0

    @property
    def changes(self) -> int:
        """Resources that an apply would touch."""
        return self.create + self.update + self.replace + self.move + self.delete


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What `apply` would do to one owner's resources at one revision of one control plane.

    `control_plane` is its name, `None` where it has none; `lineage` tells it from every other. `errors` are what is
    wrong with the whole as it would be; a plan with errors cannot be applied. `applyable`: an apply would do something,
    and no error is in its way. `complete`: it covers everything that the owner has. `unmanaged` counts what others own,
    by owner. `digest` covers what would be done, and neither times nor figures: two plans with one digest do the same.
    """

    format_version: str = FORMAT_VERSION
    plan_id: str
    control_plane: str | None = None
    lineage: str
    revision: int
    owner: str
    created_at: datetime
    expires_at: datetime
    as_of: datetime | None
    source: Source
    applyable: bool
    complete: bool
    targets: list[str]
    resource_changes: list[ResourceChange]
    drift_only: bool = False
    """Whether only that was looked for which was changed outside the file."""
    skipped: list[str] = []
    """What the file does not have and is left nevertheless, because that was asked for."""
    drift: list[Drift]
    requires: list[Guard]
    unmanaged: dict[str, int]
    matching: int
    errors: list[str]
    warnings: list[str]
    summary: Summary
    digest: str
    replay: Replay | None = None

    @property
    def is_empty(self) -> bool:
        """Whether an apply would do nothing."""
        return not self.resource_changes

    @property
    def where(self) -> str:
        """The control plane as people know it."""
        if self.control_plane is None and not self.lineage:
            return "a new control plane"
        return self.control_plane or f"control plane {self.lineage[_SHOWN_OF_LINEAGE].lower()}"


def summarize(changes: Iterable[ResourceChange], drift: Sequence[Drift], skipped: int) -> Summary:
    """The numbers of a plan."""
    counted: dict[str, int] = dict.fromkeys(("create", "update", "replace", "move", "delete"), 0)
    widens = may_widen = refuses = 0
    for one in changes:
        counted[one.actions[0]] += 1
        widens += one.access is Access.WIDENS
        may_widen += one.access is Access.MAY_WIDEN
        refuses += any(follows.refuses_traffic for follows in one.consequences)
    overwritten = sum(one.effect == "overwritten" for one in drift)
    return Summary(
        **counted,
        widens=widens,
        may_widen=may_widen,
        refuses_traffic=refuses,
        outside_edits=overwritten,
        skipped=skipped,
    )


def digest_of(
    *, lineage: str, revision: int, owner: str, targets: Sequence[str], changes: Iterable[ResourceChange]
) -> str:
    """`sha256:` and what a plan would do; `changes` are judged without their consequences."""
    deeds = [msgspec.structs.replace(one, consequences=[]) for one in changes]
    whole: Mapping[str, Any] = {
        "lineage": lineage,
        "revision": revision,
        "owner": owner,
        "targets": targets,
        "changes": deeds,
    }
    return "sha256:" + hashlib.sha256(msgspec.json.encode(whole, order="sorted")).hexdigest()
