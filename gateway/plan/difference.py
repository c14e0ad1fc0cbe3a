"""Two configurations compared in the words of a plan: what the second does where the first is in force.

No control plane is asked. What follows from the two alone is told; what only use and spend would tell is not.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from gateway.config.origins import Origins
from gateway.config.referring import Key
from gateway.config.resources import Resource, inheriting, origins_of
from gateway.plan.change import ResourceChange
from gateway.plan.consequences import Situation, consequences
from gateway.plan.figures import Figures
from gateway.plan.inheritance import with_inheritance
from gateway.plan.live import LiveResource, LiveState
from gateway.plan.matching import Matched, change_of, match
from gateway.plan.plan import Summary, summarize
from gateway.plan.telling import told, with_consequences

FORMAT_VERSION: Final = "1.0"
"""Minor versions add members that readers ignore, major ones are refused."""


class Side(msgspec.Struct, frozen=True):
    """One of the two as it was named, the first digits of its commit where a commit was named, and its owner."""

    name: str
    commit: str | None = None
    owner: str | None = None

    def __str__(self) -> str:
        return self.name if self.commit is None else f"{self.name} ({self.commit})"


class Configuration(msgspec.Struct, frozen=True):
    """What one side declares, credentials as they are written, and its renames from key to key."""

    side: Side
    resources: Sequence[Resource]
    moves: Mapping[Key, Key] = {}


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """What `after` has otherwise than `before`. `matching` counts the resources that are the same in both."""

    format_version: str = FORMAT_VERSION
    before: Side
    after: Side
    resource_changes: list[ResourceChange]
    matching: int
    summary: Summary

    @property
    def is_empty(self) -> bool:
        """Whether both say the same."""
        return not self.resource_changes and self.before.owner == self.after.owner


def difference(before: Configuration, after: Configuration, *, now: int) -> Difference:
    """What the second has otherwise than the first.

    Unlike a plan, it takes each side for all that there is: a key whose state the second does not say is active there.
    `now` is in microseconds since the epoch.
    """
    had = {(one.kind, one.name): one for one in before.resources}
    has = {(one.kind, one.name): one for one in after.resources}
    live = LiveState("", 0, {key: LiveResource(one, "", 0, one.spec, False, "", now) for key, one in had.items()})
    matched, _ = match("", has, live, _moves(before, after), now, keeps_life_cycle=False)
    pairs = [(one, change) for one in matched if (change := change_of("", one)) is not None]
    found = with_inheritance([change for _, change in pairs], had, has)
    seen = {(one.kind, one.name): one for one in inheriting(has.values())}
    origins = origins_of([*had.values(), *has.values()])
    changes = [
        _told(change, one, seen, origins, now=now, owner=after.side.owner)
        for change, (one, _) in zip(found, pairs, strict=True)
    ]
    return Difference(
        before=before.side,
        after=after.side,
        resource_changes=changes,
        matching=len(has) - sum(one.after is not None for one in changes),
        summary=summarize(changes, [], 0),
    )


def _moves(before: Configuration, after: Configuration) -> dict[Key, Key]:
    """The renames of the second; and those of the first taken back, where the second has the old name again."""
    has = {(one.kind, one.name) for one in after.resources}
    back = {new: old for old, new in before.moves.items() if old in has and new not in has}
    return {**back, **after.moves}


def _told(
    change: ResourceChange,
    one: Matched,
    seen: Mapping[Key, Resource],
    origins: Origins,
    *,
    now: int,
    owner: str | None,
) -> ResourceChange:
    public = told(change, one)
    follows = consequences(change, Situation(Figures(now), seen, now, public))
    # Without an owner nothing is applied, and so no secret made.
    public = msgspec.structs.replace(public, owner=owner or "", mints_secret=public.mints_secret and owner is not None)
    return with_consequences(public, follows, origins)
