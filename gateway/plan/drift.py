"""What was changed behind the file's back: last applied, live and desired, side by side."""

from collections.abc import Iterator

from gateway.config.resources import LIFE_CYCLE, Spec, value_at
from gateway.plan.change import Drift
from gateway.plan.diff import fields, normal, shown
from gateway.plan.live import LiveResource


def drift_of(live: LiveResource, desired: Spec | None) -> Iterator[Drift]:
    """The fields of one resource that somebody changed since a file was applied; `desired` is what the file wants now.

    A key's life cycle is the control plane's where the file says nothing of it, and so is no drift there.
    """
    kind = live.resource.kind
    if live.applied is None:
        return
    for change in fields(kind, live.applied, live.resource.spec):
        field = change.path.split("/")[1]
        if kind == "virtual_keys" and field in LIFE_CYCLE and field not in live.applied:
            continue
        yield Drift(
            address=live.resource.address,
            path=change.path,
            last_applied=change.before,
            live=change.after,
            effect=_effect(kind, change.path, live.resource.spec, desired),
            changed_by=live.changed_by,
            changed_at=live.changed_at,
        )


def _effect(kind: str, path: str, live: Spec, desired: Spec | None) -> str:
    if desired is None:
        return "overwritten"
    now, wanted = value_at(live, path), value_at(desired, path)
    if shown(now) == shown(wanted) and normal(kind, now) == normal(kind, wanted):
        return "already_matches"
    return "overwritten"
