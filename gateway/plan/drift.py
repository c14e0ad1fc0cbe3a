"""What was changed behind the file's back: last applied, live and desired, side by side."""

from collections.abc import Iterator, Mapping
from typing import Any

from gateway.config.resources import LIFE_CYCLE, Spec
from gateway.plan.change import Drift
from gateway.plan.diff import fields, normal, told
from gateway.plan.live import LiveResource


def drift_of(live: LiveResource, desired: Spec | None, written: Mapping[str, str]) -> Iterator[Drift]:
    """The fields of one resource that somebody changed since a file was applied; `desired` is what the file wants now.

    `written` are the references of what was applied.

    A key's life cycle is the control plane's where the file says nothing of it, and so is no drift there.
    """
    kind = live.resource.kind
    if live.applied is None:
        return
    for change in fields(kind, live.applied, live.resource.spec):
        field = change.path.split("/")[1]
        if kind == "virtual_keys" and field in LIFE_CYCLE and field not in live.applied:
            continue
        seen = told(change, written, live.resource.references)
        yield Drift(
            address=live.resource.address,
            path=change.path,
            last_applied=seen.before,
            live=seen.after,
            effect=_effect(kind, change.path, live.resource.spec, desired),
            changed_by=live.changed_by,
            changed_at=live.changed_at,
        )


def _effect(kind: str, path: str, live: Spec, desired: Spec | None) -> str:
    if desired is None:
        return "overwritten"
    now, wanted = _at(live, path), _at(desired, path)
    return "already_matches" if normal(kind, now) == normal(kind, wanted) else "overwritten"


def _at(spec: Spec, path: str) -> Any:
    value: Any = spec
    for step in path.split("/")[1:]:
        name = step.replace("~1", "/").replace("~0", "~")
        value = value.get(name) if isinstance(value, dict) else None
    return value
