"""What was changed behind the file's back: last applied, live and desired, side by side."""

from collections.abc import Iterator, Mapping

from gateway.config.origins import value_at
from gateway.config.resources import LIFE_CYCLE
from gateway.config.source import steps
from gateway.plan.change import Drift
from gateway.plan.diff import fields, normal, told
from gateway.plan.live import LiveResource
from gateway.plan.matching import Matched
from gateway.plan.words import at


def drift_of(live: LiveResource, one: Matched, references: Mapping[str, str]) -> Iterator[Drift]:
    """The fields of one resource that somebody changed since a file was applied.

    A key's life cycle is the control plane's where the file says nothing of it: that it was disabled or revoked stays
    and is told, that secrets were made or rotated is not told.

    Args:
        live: As it is.
        one: The same, beside what the file wants now.
        references: Those of what was applied.
    """
    kind = live.resource.kind
    if live.applied is None:
        return
    for change in fields(kind, live.applied, live.resource.spec):
        effect = _effect(change.path, live, one)
        if effect == "kept" and change.path != "/state":
            continue
        seen = told(change, references, live.resource.references)
        yield Drift(
            address=live.resource.address,
            path=change.path,
            last_applied=seen.before,
            live=seen.after,
            effect=effect,
            changed_by=live.changed_by,
            changed_at=at(live.changed_at),
        )


def _effect(path: str, live: LiveResource, one: Matched) -> str:
    if one.wanted is None or one.written is None:
        return "overwritten"
    kind = live.resource.kind
    field = steps(path)[0]
    if kind == "virtual_keys" and field in LIFE_CYCLE and field not in one.written.spec:
        return "kept"
    now, wanted = (normal(kind, value_at(spec, steps(path))) for spec in (live.resource.spec, one.wanted.spec))
    return "already_matches" if now == wanted else "overwritten"
