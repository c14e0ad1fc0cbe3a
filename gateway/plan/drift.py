"""What was changed behind the file's back: last applied, live and desired, side by side."""

from collections.abc import Iterator, Mapping

from gateway.clock import moment_at
from gateway.config.field_tree import fields_of
from gateway.config.resources import LIFE_CYCLE
from gateway.config.source import steps, value_at
from gateway.plan.change import Drift
from gateway.plan.diff import fields, normal, shown, told
from gateway.plan.live import LiveResource, Removal
from gateway.plan.matching import Matched


def drift_of(
    one: Matched, removal: Removal | None, references: Mapping[str, str], *, is_left: bool = False
) -> Iterator[Drift]:
    """What somebody changed of one resource since a file was applied: field by field, or that it was made or deleted.

    A key's life cycle is the control plane's where the file says nothing of it: that it was disabled or revoked stays
    and is told, that secrets were made or rotated is not told.

    Args:
        one: As it is, beside what the file wants now.
        removal: That it was deleted, where it was.
        references: Those of what was applied.
        is_left: Whether it stays although the file does not have it.
    """
    live = one.live
    if live is None:
        if removal is not None and one.wanted is not None:
            address, when = one.wanted.address, moment_at(removal.removed_at)
            yield Drift(address, "", removal.was or {}, None, "overwritten", removal.removed_by, when)
        return
    address, by, when = live.resource.address, live.changed_by, moment_at(live.changed_at)
    if live.applied is None:
        if one.wanted is None:
            was = shown(live.resource.spec, live.resource.references)
            yield Drift(address, "", None, was, "kept" if is_left else "overwritten", by, when)
        return
    tree = fields_of(live.resource.kind, live.resource.name)
    for change in fields(tree, live.applied, live.resource.spec):
        is_own = _is_own(change.path, live, one)
        if is_own and (change.path != "/state" or one.written is None):
            continue
        effect = "kept" if is_left or is_own else _effect(change.path, live, one)
        seen = told(change, references, live.resource.references)
        yield Drift(address, change.path, seen.before, seen.after, effect, by, when)


def _is_own(path: str, live: LiveResource, one: Matched) -> bool:
    """Whether a field is the control plane's: of a key's life cycle, what the file does not say."""
    field = steps(path)[0]
    said = one.written.spec if one.written is not None else live.applied or {}
    return live.resource.kind == "virtual_keys" and field in LIFE_CYCLE and field not in said


def _effect(place: str, live: LiveResource, one: Matched) -> str:
    if one.wanted is None or one.written is None:
        return "overwritten"
    path = tuple(steps(place))
    there = fields_of(live.resource.kind, live.resource.name).below(path)
    now, wanted = (normal(there, value_at(spec, path)) for spec in (live.resource.spec, one.wanted.spec))
    return "already_matches" if now == wanted else "overwritten"
