"""Whose prompts and answers somebody will be able to read, because of a change."""

from collections.abc import Iterator, Mapping
from typing import Final

from gateway.config.resources import Resource, Spec
from gateway.config.sections.access import Access
from gateway.plan.change import Consequence, ResourceChange
from gateway.plan.words import names

_WIDER: Final = (Access.GRANTS, Access.MAY_WIDEN, Access.WIDENS)
_PATHS: Final[Mapping[str, tuple[str, ...]]] = {
    "virtual_keys": ("content_capture", "project", "team"),
    "teams": ("trace_collector",),
    "projects": ("trace_collector", "team"),
    "trace_collectors": ("endpoint", "headers", "also_to_default"),
    "settings": ("value",),
}
"""Fields that decide who reads what, by kind."""

Resources = Mapping[tuple[str, str], Resource]


def content_read(change: ResourceChange, after: Resources) -> Iterator[Consequence]:
    """The keys whose content will be read where it was not read before, and where."""
    if change.after is None or not _matters(change):
        return
    found: dict[str, list[str]] = {}
    for name, key in _keys(change, after):
        if _is_captured(key, after):
            collector = _collector_of(key, after)
            if _concerns(change, name, key, collector, after):
                found.setdefault(collector, []).append(name)
    for collector in sorted(found):
        text = f"prompts and answers of {names(sorted(found[collector]))} can be read in {_told(collector, after)}"
        yield Consequence("content_recorded", text)


def _keys(change: ResourceChange, after: Resources) -> Iterator[tuple[str, Spec]]:
    """The keys that a change could be about: of a key's own, that key."""
    if change.kind == "virtual_keys":
        yield change.name, after["virtual_keys", change.name].spec
        return
    yield from ((name, one.spec) for (kind, name), one in after.items() if kind == "virtual_keys")


def _matters(change: ResourceChange) -> bool:
    if change.kind == "settings" and change.name not in ("content_capture", "trace_collector"):
        return False
    if change.before is None:
        return change.kind in ("virtual_keys", "settings")
    return any(one.path.split("/")[1] in _PATHS.get(change.kind, ()) and one.access in _WIDER for one in change.changes)


def _concerns(change: ResourceChange, name: str, key: Spec, collector: str, after: Resources) -> bool:
    project = _spec(after, "projects", key.get("project"))
    return {
        "virtual_keys": change.name == name,
        "projects": change.name == key.get("project"),
        "teams": change.name == _team_of(key, project, after),
        "trace_collectors": change.name == collector,
        "settings": True,
    }[change.kind]


def _is_captured(key: Spec, after: Resources) -> bool:
    own = key.get("content_capture", {}).get("enabled")
    if own is not None:
        return bool(own)
    file = _spec(after, "settings", "content_capture").get("value", {})
    return bool(file.get("enabled", False))


def _collector_of(key: Spec, after: Resources) -> str:
    """The project's, the team's, the file's; an empty name is that of the process."""
    project = _spec(after, "projects", key.get("project"))
    team = _spec(after, "teams", _team_of(key, project, after))
    file = _spec(after, "settings", "trace_collector").get("value")
    return project.get("trace_collector") or team.get("trace_collector") or file or ""


def _team_of(key: Spec, project: Spec, after: Resources) -> str | None:
    principal = _spec(after, "principals", key.get("principal"))
    found: str | None = project.get("team") or principal.get("team") or key.get("team")
    return found


def _told(collector: str, after: Resources) -> str:
    if not collector:
        return "the collector of the gateways' OTEL_* variables, if they name one"
    spec = _spec(after, "trace_collectors", collector)
    also = ", and in that of the gateways' OTEL_* variables" if spec.get("also_to_default") else ""
    return f"the trace collector {collector} ({spec.get('endpoint', 'not declared')}){also}"


def _spec(resources: Resources, kind: str, name: str | None) -> Spec:
    found = resources.get((kind, name or ""))
    return {} if found is None else found.spec
