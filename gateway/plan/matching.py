"""Which live resource a desired one stands for, and what has to happen to it."""

from collections.abc import Iterator, Mapping
from typing import Final

import msgspec

from gateway.config.address import KINDS
from gateway.config.field_tree import fields_of
from gateway.config.referring import Key, prices_renamed, renamed
from gateway.config.resources import LIFE_CYCLE, Resource, Spec
from gateway.config.sections.access import Access, widest
from gateway.plan.access import compared, of_creation, of_deletion
from gateway.plan.change import FieldChange, ResourceChange
from gateway.plan.diff import same
from gateway.plan.live import KEPT_US, KeptSecret, LiveResource, LiveState

CHOOSE_ANOTHER: Final = "names are one for all owners, so choose another, or have it handed over (gateway adopt)"
_ORGANIZATION: Final = ("settings", "organization")


class Matched(msgspec.Struct, frozen=True):
    """One resource on both sides; `None` where a side has none.

    `written` is what the file has, `wanted` the same with what the control plane keeps of a key. `before` is the live
    spec with the names that others have in the file: what is compared, since a rename by itself changes nothing.
    """

    key: Key
    live: LiveResource | None
    before: Spec | None
    written: Resource | None
    wanted: Resource | None
    restores: KeptSecret | None = None
    """The secret that a new key has as it is what a key was that is gone."""

    @property
    def previous(self) -> Key | None:
        """The name that it has in the control plane, where that is another."""
        if self.live is None:
            return None
        had = (self.live.resource.kind, self.live.resource.name)
        return had if had != self.key else None


def match(
    owner: str,
    wanted: Mapping[Key, Resource],
    live: LiveState,
    moves: Mapping[Key, Key],
    now: int,
    *,
    keeps_life_cycle: bool = True,
) -> tuple[list[Matched], list[str]]:
    """Every resource that is the owner's or that the owner wants, in the order of kinds and names; and warnings.

    A rename counts where the old name is live and wanted no more, and the new one is not live; once it is done it says
    nothing. So it is where a name is wanted again that something live had before: a rename is taken back. Prices follow
    their provider, and another name of the organization renames it. `keeps_life_cycle`: what the file does not say of a
    key's life is as it is live.
    """
    managed = {key: one for key, one in live.resources.items() if one.owner == owner}
    came_from: dict[Key, Key] = {}
    warnings: list[str] = []
    for old, new in moves.items():
        if old in managed and old not in wanted and new not in live.resources:
            came_from[new] = old
        elif old in live.resources and old not in managed:
            warnings.append(f"{'.'.join(old)} is not moved: it belongs to {live.resources[old].owner}")
    came_from |= _taken_back(wanted, managed, live, came_from)
    names = {old: new[1] for new, old in came_from.items()}
    if _ORGANIZATION in wanted and _ORGANIZATION in managed:
        names["organizations", managed[_ORGANIZATION].resource.spec["value"]] = wanted[_ORGANIZATION].spec["value"]
    for old in managed:
        new = prices_renamed(old, names)
        if new != old and new in wanted and new not in live.resources:
            came_from.setdefault(new, old)
    moved = set(came_from.values())
    found = []
    for key in {*wanted, *managed} - moved:
        there = managed.get(came_from.get(key, key))
        before = None if there is None else renamed(*key, there.resource.spec, names)
        written = wanted.get(key)
        restores = _restored(owner, written, live, now) if there is None else None
        lasting = _with_life_cycle(written, there, restores) if keeps_life_cycle else written
        found.append(Matched(key, there, before, written, lasting, restores))
    return sorted(found, key=lambda one: (KINDS.index(one.key[0]), one.key[1])), warnings


def _taken_back(
    wanted: Mapping[Key, Resource], managed: Mapping[Key, LiveResource], live: LiveState, moved: Mapping[Key, Key]
) -> dict[Key, Key]:
    """By the name that is wanted, the name of what had it last and is wanted under its present one no more."""
    if not live.stood_for:
        return {}
    gone = managed.keys() - wanted.keys() - {*moved.values()}
    by_id = {(old[0], managed[old].resource.id): old for old in gone}
    new = sorted(key for key in wanted.keys() - moved.keys() if key not in live.resources)
    found: dict[Key, Key] = {}
    for key in new:
        old = by_id.pop((key[0], live.stood_for.get(key, key[1])), None)
        if old is not None:
            found[key] = old
    return found


def foreign(owner: str, wanted: Mapping[Key, Resource], live: LiveState, *, is_bound: bool) -> Iterator[str]:
    """What the owner wants and somebody else has; whoever is bound to the owner adopts nothing."""
    for key, one in wanted.items():
        there = live.resources.get(key)
        if there is not None and there.owner != owner:
            yield (
                f"{one.address} belongs to {there.owner}, and this file's owner is {owner}: "
                + (CHOOSE_ANOTHER if is_bound else f"choose another name, or adopt it: gateway adopt {'/'.join(key)}")
            )


def change_of(owner: str, one: Matched) -> ResourceChange | None:
    """What happens to a resource; `None`: nothing."""
    kind, name = one.key
    if one.wanted is None:
        if one.live is None:
            return None
        access = of_deletion(one.live.resource)
        return _change(owner, one, ["delete"], access, before=one.before)
    if one.live is None or one.before is None:
        mints = kind == "virtual_keys" and "secret_hash" not in one.wanted.spec
        access = of_creation(one.wanted) if one.restores is None else Access.WIDENS
        after = one.wanted.spec
        return _change(owner, one, ["create"], access, after=after, mints_secret=mints)
    before, after = one.before, one.wanted.spec
    fields = compared(kind, name, before, after)
    actions = ["move"] if one.previous is not None else []
    if kind == "providers" and before.get("type") != after.get("type"):
        actions.append("replace")
    elif fields or not same(fields_of(kind, name), one.live.resource.spec, after):
        actions.append("update")
    if not actions:
        return None
    access = widest(change.access for change in fields)
    return _change(owner, one, actions, access, before=before, after=after, changes=fields)


def _change(
    owner: str,
    one: Matched,
    actions: list[str],
    access: Access,
    *,
    before: Spec | None = None,
    after: Spec | None = None,
    changes: list[FieldChange] | None = None,
    mints_secret: bool = False,
) -> ResourceChange:
    return ResourceChange(
        address=".".join(one.key),
        previous_address=".".join(one.previous) if one.previous is not None else None,
        kind=one.key[0],
        name=one.key[1],
        owner=owner,
        actions=actions,
        before=before,
        after=after,
        changes=changes or [],
        access=access,
        revision=one.live.revision if one.live is not None else 0,
        mints_secret=mints_secret,
    )


def _restored(owner: str, written: Resource | None, live: LiveState, now: int) -> KeptSecret | None:
    """The secret that its owner's key had before it was taken away, if nothing speaks against it."""
    if written is None or written.kind != "virtual_keys" or "secret_hash" in written.spec:
        return None
    kept = live.kept_secrets.get(live.stood_for.get((written.kind, written.name), written.name))
    if kept is None or kept.owner != owner or kept.removed_at < now - KEPT_US:
        return None
    return None if live.is_spent(kept.secret_hash) else kept


def _with_life_cycle(
    wanted: Resource | None, live: LiveResource | None, restores: KeptSecret | None
) -> Resource | None:
    """A key with what the file does not say of its life: its secret, its rotation, its state."""
    if wanted is None or wanted.kind != "virtual_keys":
        return wanted
    if restores is not None:
        state = {} if restores.state == "active" else {"state": restores.state}
        return msgspec.structs.replace(wanted, spec={**state, **wanted.spec, "secret_hash": restores.secret_hash})
    if live is None:
        return wanted
    kept: Spec = {
        name: live.resource.spec[name] for name in LIFE_CYCLE if name in live.resource.spec and name not in wanted.spec
    }
    spec = {**wanted.spec, **kept}
    if spec.get("secret_hash") == spec.get("previous_secret_hash"):
        # The file went back to the secret before a rotation.
        spec = {name: value for name, value in spec.items() if not name.startswith("previous_secret_")}
    return msgspec.structs.replace(wanted, spec=spec)
