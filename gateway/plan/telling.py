"""Changes as people are told of them: without secrets, and with references in place of what they stood for."""

from collections.abc import Mapping

import msgspec

from gateway.config.origins import Origins, value_at
from gateway.config.resources import Spec
from gateway.config.source import steps
from gateway.plan import diff
from gateway.plan.change import ResourceChange
from gateway.plan.matching import Matched


def told(change: ResourceChange, one: Matched, origins: Origins) -> ResourceChange:
    """A change that was found and judged with its values; `origins` are of everything before and after."""
    had = _references(one.live.resource.references, one.live.resource.spec, one) if one.live is not None else {}
    has = one.wanted.references if one.wanted is not None else {}
    return msgspec.structs.replace(
        change,
        before=None if change.before is None else diff.shown(change.before, had, whole_hashes=True),
        after=None if change.after is None else diff.shown(change.after, has, whole_hashes=True),
        changes=[diff.told(field, had, has) for field in change.changes],
        consequences=[
            msgspec.structs.replace(follows, text=origins.sentence(follows.text)) for follows in change.consequences
        ],
    )


def applied_references(one: Matched) -> Mapping[str, str]:
    """What the file had in place of values when it was applied last."""
    if one.live is None or one.live.applied is None:
        return {}
    return _references(one.live.applied_references, one.live.applied, one)


def _references(known: Mapping[str, str], spec: Spec, one: Matched) -> Mapping[str, str]:
    """What is known of a spec, and what the file says of values that are the same in both."""
    if one.wanted is None or not one.wanted.references:
        return known
    wanted = one.wanted
    same = {
        place: text
        for place, text in wanted.references.items()
        if (value := value_at(spec, _steps(place))) is not None and value == value_at(wanted.spec, _steps(place))
    }
    return {**same, **known}


def _steps(place: str) -> tuple[str, ...]:
    return tuple(steps(place))
