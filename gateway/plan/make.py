"""Desired resources against the control plane's: the plan. Nothing is asked and nothing is written here."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Literal

import msgspec

from gateway.config.origins import Origins
from gateway.config.referring import Key
from gateway.config.resources import Resource, Spec, origins_of
from gateway.plan.change import ResourceChange
from gateway.plan.consequences import Situation, consequences
from gateway.plan.drift import drift_of
from gateway.plan.figures import Figures
from gateway.plan.guards import guards
from gateway.plan.live import LiveState
from gateway.plan.matching import Matched, change_of, foreign, match
from gateway.plan.plan import LASTS, Plan, Source, digest_of, summarize
from gateway.plan.revoked import is_revoked, revived
from gateway.plan.targets import pull_in
from gateway.plan.telling import applied_references, told
from gateway.plan.words import at
from gateway.snapshot.of_resources import faults

_MICROSECONDS = 1_000_000


Find = Callable[[Sequence[ResourceChange]], Figures]


class Desired(msgspec.Struct, frozen=True):
    """What a file wants: its owner, its resources, renames from key to key, and where it was read.

    With `is_bound`, whoever asks is bound to this owner: others are not told of, and what this owner has acts on its
    own keys alone, from the first such apply on.
    """

    owner: str
    resources: Sequence[Resource]
    moves: Mapping[Key, Key]
    source: Source
    is_bound: bool = False


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
    targets: Sequence[Key] = (),
    figures: Find | None = None,
) -> Planned:
    """The plan that makes `live` what `desired` says.

    1. match what the file wants with what its owner has, renames considered
    2. find what changes, and keep to the targets and what they need
    3. judge the whole as it would be, with what others own
    4. say what follows from the changes, and what an apply needs to be told
    5. tell all of it without secrets, and references instead of what they stand for

    Args:
        desired: One owner's file. What it does not have and the owner has is deleted.
        live: Everything in the control plane, of every owner.
        plan_id: How the plan is called from now on.
        now: Microseconds since the epoch.
        targets: Only these; none: everything.
        figures: Finds out what is known of use and spend, of these changes.
    """
    live, confines = _confined(live, desired)
    wanted = {(one.kind, one.name): _of(desired.owner, one, live) for one in desired.resources}
    errors = list(foreign(desired.owner, wanted, live))
    wanted = {key: one for key, one in wanted.items() if _is_mine(live, key, desired.owner)}
    matched, warnings = match(desired.owner, wanted, live, desired.moves)
    pulled: Mapping[Key, str] = pull_in(targets, wanted, {*live.resources})
    warnings += _idle(targets, matched)
    warnings += _revoked(matched)
    chosen = [one for one in matched if _is_chosen(one, targets, pulled)]
    pairs = [(one, change) for one in chosen if (change := change_of(desired.owner, one)) is not None]
    errors += [said for one, _ in pairs if (said := revived(one.live, one.wanted, live.revoked_secrets)) is not None]
    after = _after(live, pairs)
    if pairs and not errors:
        errors += _faults(after.values(), now, (desired.owner,) if desired.is_bound else None)
    if pairs and confines:
        warnings.append(f"from this apply on, what {desired.owner} has acts on the keys of {desired.owner} alone")
    seen = after if not desired.is_bound else {key: one for key, one in after.items() if one.owner == desired.owner}
    known = figures([change for _, change in pairs]) if figures is not None and pairs else None
    found = [_with_consequences(change, seen, known, pulled, now) for _, change in pairs]
    origins = origins_of([*(one.resource for one in live.resources.values()), *after.values()])
    changes = [told(one, matched, origins) for one, (matched, _) in zip(found, pairs, strict=True)]
    managed = [one for one in live.resources.values() if one.owner == desired.owner]
    drift = [
        edit for one in matched if one.live is not None for edit in drift_of(one.live, one, applied_references(one))
    ]
    names = [".".join(key) for key in targets]
    plan = Plan(
        plan_id=plan_id,
        control_plane=live.control_plane,
        lineage=live.lineage,
        revision=live.revision,
        owner=desired.owner,
        created_at=at(now),
        expires_at=at(now) + LASTS,
        as_of=at(known.as_of) if known is not None else None,
        source=desired.source,
        applyable=bool(changes) and not errors,
        complete=not targets,
        targets=names,
        resource_changes=changes,
        drift=drift,
        requires=list(guards(changes, managed)),
        unmanaged={} if desired.is_bound else _unmanaged(live, desired.owner),
        matching=len(wanted) - sum(one.after is not None for one in changes),
        errors=errors,
        warnings=warnings,
        summary=summarize(changes, drift),
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


def _is_mine(live: LiveState, key: Key, owner: str) -> bool:
    there = live.resources.get(key)
    return there is None or there.owner == owner


def _unmanaged(live: LiveState, owner: str) -> dict[str, int]:
    owners = Counter(one.owner for one in live.resources.values())
    return {other: owners[other] for other in sorted(owners) if other != owner}


def _is_chosen(one: Matched, targets: Sequence[Key], pulled: Mapping[Key, str]) -> bool:
    return not targets or one.key in targets or one.key in pulled or one.previous in targets


def _idle(targets: Sequence[Key], matched: Iterable[Matched]) -> list[str]:
    known = {key for one in matched for key in (one.key, one.previous)}
    return [f"{'.'.join(key)} is neither in the file nor its owner's" for key in targets if key not in known]


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


def _faults(after: Iterable[Resource], now: int, owners: Collection[str] | None) -> list[str]:
    at = datetime.fromtimestamp(now / _MICROSECONDS, UTC)
    return [str(one) for one in faults(after, at, owners)]


def _with_consequences(
    change: ResourceChange,
    after: Mapping[Key, Resource],
    figures: Figures | None,
    pulled: Mapping[Key, str],
    now: int,
) -> ResourceChange:
    follows = consequences(change, Situation(figures, after, now)) if figures is not None else []
    return msgspec.structs.replace(change, consequences=follows, pulled_in_by=pulled.get((change.kind, change.name)))


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
