"""Changes as people are told of them: without secrets, and with references in place of what they stood for."""

from collections.abc import Iterable, Mapping

import msgspec

from gateway.config.field_tree import fields_of
from gateway.config.origins import Origins
from gateway.config.resources import Spec
from gateway.config.sections.access import Access
from gateway.config.source import steps, value_at
from gateway.plan import diff
from gateway.plan.change import Consequence, FieldChange, ResourceChange
from gateway.plan.matching import Matched


def told(change: ResourceChange, one: Matched) -> ResourceChange:
    """A change that was found and judged with its values."""
    had = _references(one.live.resource.references, one.live.resource.spec, one) if one.live is not None else {}
    has = one.wanted.references if one.wanted is not None else {}
    return msgspec.structs.replace(
        change,
        before=None if one.live is None else diff.shown(one.live.resource.spec, had, whole_hashes=True),
        after=None if change.after is None else diff.shown(change.after, has, whole_hashes=True),
        changes=[diff.told(field, had, has) for field in _with_renames(change, one)],
    )


def with_consequences(change: ResourceChange, follows: Iterable[Consequence], origins: Origins) -> ResourceChange:
    """A change as people are told of it, with more that follows; `origins` are of everything before and after."""
    sentences = [msgspec.structs.replace(one, text=origins.sentence(one.text)) for one in follows]
    return msgspec.structs.replace(change, consequences=[*change.consequences, *sentences])


def applied_references(one: Matched) -> Mapping[str, str]:
    """What the file had in place of values when it was applied last."""
    if one.live is None or one.live.applied is None:
        return {}
    return _references(one.live.applied_references, one.live.applied, one)


def _with_renames(change: ResourceChange, one: Matched) -> list[FieldChange]:
    """The fields that differ as they stand, those too that only follow a rename, which do nothing to access."""
    if one.live is None or one.live.resource.spec == one.before or change.after is None:
        return change.changes
    judged = {field.path: field for field in change.changes}
    stand = {
        field.path: field
        for field in diff.fields(fields_of(change.kind, change.name), one.live.resource.spec, change.after)
    }
    access = {path: judged[path].access if path in judged else Access.SAME for path in stand}
    found = {path: msgspec.structs.replace(field, access=access[path]) for path, field in stand.items()}
    return sorted({**judged, **found}.values(), key=lambda field: field.path)


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
