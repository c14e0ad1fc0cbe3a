"""Desired resources against the control plane's: the plan. Nothing is asked and nothing is written here."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final, Literal, TypeVar

import msgspec

from gateway.clock import moment_at
from gateway.config.origins import Origins
from gateway.config.referring import Key
from gateway.config.resources import Resource, Spec, inheriting, origins_of
from gateway.config.sections.access import Access
from gateway.config.source import steps, value_at, with_value
from gateway.plan.change import Drift, ResourceChange
from gateway.plan.consequences import Situation, consequences
from gateway.plan.drift import drift_of
from gateway.plan.figures import Figures
from gateway.plan.guards import guards
from gateway.plan.inheritance import with_inheritance
from gateway.plan.live import LiveResource, LiveState
from gateway.plan.matching import Matched, change_of, foreign, match
from gateway.plan.plan import LASTS, Plan, Source, digest_of, summarize
from gateway.plan.revoked import is_revoked, revived
from gateway.plan.secret_history import of_secrets, revives
from gateway.plan.targets import pull_in
from gateway.plan.telling import applied_references, told, with_consequences
from gateway.secret import Secret
from gateway.snapshot.of_resources import verdict

_MOST_UNPRICED = 10
_Item = TypeVar("_Item")


Find = Callable[[Sequence[ResourceChange]], Figures]


class Desired(msgspec.Struct, frozen=True):
    """What a file wants: its owner, its resources, renames from key to key, and where it was read.

    `absent` are the places of credentials that were not at hand there, by JSON pointer: nothing is compared at them.
    With `is_bound`, whoever asks is bound to this owner: others are not told of, and what this owner has acts on its
    own keys alone, from the first such apply on.
    """

    owner: str
    resources: Sequence[Resource]
    moves: Mapping[Key, Key]
    source: Source
    absent: Mapping[Key, Sequence[str]] = {}
    is_bound: bool = False


class Extent(msgspec.Struct, frozen=True):
    """How much of it is planned.

    Args:
        targets: Only these, with what they need; none: everything.
        no_delete: What the file does not have stays, and is counted as skipped.
        drift: Of what was changed outside the file, that which the plan leaves or overwrites, all of it, or none.
        drift_only: Nothing but that.
    """

    targets: Sequence[Key] = ()
    no_delete: bool = False
    drift: Literal["relevant", "all", "none"] = "relevant"
    drift_only: bool = False


EVERYTHING: Final = Extent()


def go_on() -> None:
    """Somebody waits, however long it takes."""


class Write(msgspec.Struct, frozen=True):
    """What an apply does to one row. Specs have their secrets, so a write never leaves the control plane.

    `applied` is the spec as the file has it; `confirm` changes nothing but what counts as last applied.
    """

    action: Literal["put", "delete", "confirm"]
    key: Key
    previous: Key | None
    resource: Resource | None
    applied: Spec | None


class Planned(msgspec.Struct, frozen=True):
    """A plan for people, and the writes that carry it out."""

    plan: Plan
    writes: tuple[Write, ...]
    after: Mapping[Key, Resource]
    """Everything as it would be, of every owner."""
    changes: tuple[ResourceChange, ...]
    """The changes with their values, to find figures for: like a write, they never leave the control plane."""
    origins: Origins


def make_plan(
    desired: Desired,
    live: LiveState,
    *,
    plan_id: str,
    now: int,
    extent: Extent = EVERYTHING,
    figures: Find | None = None,
    looks_for_prices: bool = True,
    still: Callable[[], object] = go_on,
) -> Planned:
    """The plan that makes `live` what `desired` says.

    1. match what the file wants with what its owner has, renames considered
    2. find what changes, and keep to the extent that was asked for
    3. judge the whole as it would be, with what others own
    4. tell the changes without secrets, and with references instead of what they stand for
    5. say in the same way what follows from them, and what an apply needs to be told

    Args:
        desired: One owner's file. What it does not have and the owner has is deleted.
        live: Everything in the control plane, of every owner.
        plan_id: How the plan is called from now on.
        now: Microseconds since the epoch.
        extent: How much of it.
        figures: Finds out what is known of use and spend, of these changes.
        looks_for_prices: Whether models without a price are told, which takes a while in a new process.
        still: Asked again and again; raises where nobody waits for the plan any more.
    """
    live, confines = _confined(live, desired)
    came_from = {new: old for old, new in desired.moves.items() if old in live.resources}
    wanted = {(one.kind, one.name): _of(desired.owner, one, live) for one in desired.resources}
    errors = list(foreign(desired.owner, wanted, live, is_bound=desired.is_bound))
    wanted = {
        key: _with_stored(one, desired, live.resources.get(came_from.get(key, key)))
        for key, one in wanted.items()
        if _is_mine(live, key, desired.owner)
    }
    matched, warnings = match(desired.owner, wanted, live, desired.moves, now)
    targets = extent.targets
    pulled: Mapping[Key, str] = pull_in(targets, wanted, {*live.resources})
    errors += _idle(targets, matched)
    warnings += _revoked(matched)
    warnings += _not_compared(desired, wanted)
    chosen = [one for one in matched if _is_chosen(one, targets, pulled)]
    skipped = [one for one in chosen if one.wanted is None] if extent.no_delete else []
    pairs = [
        (one, change)
        for one in (() if extent.drift_only else _while(still, chosen))
        if not (extent.no_delete and one.wanted is None)
        if (change := change_of(desired.owner, one)) is not None
    ]
    errors += [said for one, _ in pairs if (said := revived(one.live, one.wanted, live.revoked_secrets)) is not None]
    after = _after(live, pairs)
    origins = origins_of([*(one.resource for one in live.resources.values()), *after.values()])
    if pairs and not errors:
        bound = (desired.owner,) if desired.is_bound else None
        judged = verdict(after.values(), moment_at(now), looks_for_prices=looks_for_prices, owners=bound)
        errors += map(str, judged.faults)
        warnings += origins.told(_unpriced(one.message for one in judged.unpriced if one.path[:2] in wanted))
    if pairs and confines:
        warnings.append(f"from this apply on, what {desired.owner} has acts on the keys of {desired.owner} alone")
    seen = {
        (one.kind, one.name): one
        for one in inheriting(after.values())
        if not desired.is_bound or one.owner == desired.owner
    }
    known = figures([change for _, change in pairs]) if figures is not None and pairs else None
    found = with_inheritance(
        [_noted(one, change, pulled, live) for one, change in pairs],
        {key: one.resource for key, one in live.resources.items()},
        after,
        desired.owner if desired.is_bound else None,
    )
    changes = [
        with_consequences(told(one, matched), of_secrets(matched, live.replaced_secrets, now), origins)
        for one, (matched, _) in _while(still, zip(found, pairs, strict=True))
    ]
    if known is not None:
        changes = [
            with_consequences(public, consequences(change, Situation(known, seen, now, public)), origins)
            for change, public in _while(still, zip(found, changes, strict=True))
        ]
    managed = [one for one in live.resources.values() if one.owner == desired.owner]
    drift = [
        edit
        for one in _while(still, chosen)
        for edit in drift_of(
            one, live.removed.get(one.key), applied_references(one), is_left=extent.no_delete and one.wanted is None
        )
    ]
    names = [".".join(key) for key in targets]
    plan = Plan(
        plan_id=plan_id,
        control_plane=live.control_plane,
        lineage=live.lineage,
        revision=live.revision,
        owner=desired.owner,
        created_at=moment_at(now),
        expires_at=moment_at(now) + LASTS,
        as_of=moment_at(known.as_of) if known is not None else None,
        source=desired.source,
        applyable=bool(changes) and not errors and not desired.absent,
        complete=not targets and not skipped and not extent.drift_only and not desired.absent,
        drift_only=extent.drift_only,
        targets=names,
        resource_changes=changes,
        skipped=[".".join(one.key) for one in skipped],
        drift=[one for one in drift if _is_told(one, extent)],
        requires=[] if extent.drift_only else list(guards(changes, managed, drift)),
        unmanaged={} if desired.is_bound else _unmanaged(live, desired.owner),
        matching=len(wanted) - sum(one.after is not None for one in changes),
        errors=errors,
        warnings=warnings,
        summary=summarize(changes, drift, len(skipped)),
        digest=digest_of(
            lineage=live.lineage, revision=live.revision, owner=desired.owner, targets=names, changes=changes
        ),
    )
    return Planned(plan, tuple(_writes(pairs, chosen)) if pairs else (), after, tuple(found), origins)


def _confined(live: LiveState, desired: Desired) -> tuple[LiveState, bool]:
    """The state as it is once the owner is confined; and whether somebody's resources are only from then on."""
    if not desired.is_bound or desired.owner in live.confined:
        return live, False
    found = {
        key: one
        if one.owner != desired.owner
        else msgspec.structs.replace(one, resource=msgspec.structs.replace(one.resource, confined=True))
        for key, one in live.resources.items()
    }
    confines = any(one.owner == desired.owner for one in found.values())
    confined = live.confined | {desired.owner}
    return msgspec.structs.replace(live, resources=found, confined=confined), confines


def _of(owner: str, resource: Resource, live: LiveState) -> Resource:
    return msgspec.structs.replace(resource, owner=owner, confined=owner in live.confined)


def _while(still: Callable[[], object], items: Iterable[_Item]) -> Iterator[_Item]:
    """The items, as long as somebody waits."""
    for one in items:
        still()
        yield one


def _is_told(edit: Drift, extent: Extent) -> bool:
    if extent.drift == "relevant":
        return extent.drift_only or edit.effect != "already_matches"
    return extent.drift == "all"


def _is_mine(live: LiveState, key: Key, owner: str) -> bool:
    there = live.resources.get(key)
    return there is None or there.owner == owner


def _with_stored(resource: Resource, desired: Desired, there: LiveResource | None) -> Resource:
    """What is wanted, with what is stored in place of credentials that were not at hand."""
    spec = resource.spec
    if there is None:
        return resource
    for place in desired.absent.get((resource.kind, resource.name), ()):
        stored = value_at(there.resource.spec, steps(place))
        if isinstance(stored, Secret) and isinstance(value_at(spec, steps(place)), Secret):
            spec = with_value(spec, [*steps(place)], stored)
    return msgspec.structs.replace(resource, spec=spec)


def _not_compared(desired: Desired, wanted: Mapping[Key, Resource]) -> list[str]:
    return [
        f"{'.'.join(key)}: {'.'.join(steps(place))} is not compared, since "
        f"{wanted[key].references.get(place, 'it')} is not set where this was planned; an apply needs it"
        for key, places in desired.absent.items()
        if key in wanted
        for place in places
    ]


def _unmanaged(live: LiveState, owner: str) -> dict[str, int]:
    owners = Counter(one.owner for one in live.resources.values())
    return {other: owners[other] for other in sorted(owners) if other != owner}


def _is_chosen(one: Matched, targets: Sequence[Key], pulled: Mapping[Key, str]) -> bool:
    return not targets or one.key in targets or one.key in pulled or one.previous in targets


def _idle(targets: Sequence[Key], matched: Iterable[Matched]) -> list[str]:
    known = {key for one in matched for key in (one.key, one.previous)}
    return [f"--target: {'.'.join(key)} is neither in the file nor its owner's" for key in targets if key not in known]


def _revoked(matched: Iterable[Matched]) -> list[str]:
    return [
        f"{one.wanted.address} is revoked, which is final: take it out of the file"
        for one in matched
        if one.wanted is not None
        and one.written is not None
        and one.live is not None
        and is_revoked(one.live.resource.spec)
        and not is_revoked(one.written.spec)
    ]


def _after(live: LiveState, pairs: Iterable[tuple[Matched, ResourceChange]]) -> dict[Key, Resource]:
    """Every resource as it would be."""
    after = {key: one.resource for key, one in live.resources.items()}
    for one, _ in pairs:
        after.pop(one.previous or one.key, None)
        if one.wanted is not None:
            after[one.key] = one.wanted
    return after


def _unpriced(messages: Iterable[str]) -> list[str]:
    told = sorted(messages)
    more = len(told) - _MOST_UNPRICED
    return told if more <= 0 else [*told[:_MOST_UNPRICED], f"{more} more models have no price"]


def _noted(one: Matched, change: ResourceChange, pulled: Mapping[Key, str], live: LiveState) -> ResourceChange:
    by = pulled.get((change.kind, change.name))
    if by is not None:
        change = msgspec.structs.replace(change, pulled_in_by=by)
    if revives(one, live.replaced_secrets):
        change = msgspec.structs.replace(change, access=Access.WIDENS)
    return change


def _spec(resource: Resource | None) -> Spec | None:
    return None if resource is None else resource.spec


def _writes(pairs: Iterable[tuple[Matched, ResourceChange]], chosen: Iterable[Matched]) -> Iterable[Write]:
    changed = set()
    for one, _ in pairs:
        changed.add(one.key)
        yield Write(
            "put" if one.wanted is not None else "delete", one.key, one.previous, one.wanted, _spec(one.written)
        )
    for one in chosen:
        if one.key in changed or one.live is None or one.written is None:
            continue
        if (one.live.applied, one.live.applied_references) != (one.written.spec, one.written.references):
            yield Write("confirm", one.key, None, one.wanted, one.written.spec)
