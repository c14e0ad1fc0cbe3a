"""A plan of some resources only, with what they cannot do without."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from gateway.config.resources import Resource
from gateway.config.source import Path

Key = tuple[str, str]

_REFERENCES: Final[Mapping[str, tuple[tuple[Path, str], ...]]] = {
    "teams": ((("trace_collector",), "trace_collectors"),),
    "projects": ((("team",), "teams"), (("trace_collector",), "trace_collectors")),
    "principals": ((("team",), "teams"),),
    "virtual_keys": (
        (("team",), "teams"),
        (("project",), "projects"),
        (("principal",), "principals"),
        (("providers", "*"), "providers"),
        (("policy_rules", "*"), "policy_rules"),
        (("fallback", "chain", "*"), "providers"),
        (("model_aliases", "*", "*"), "providers"),
        (("model_aliases", "*", "*", "balance"), "providers"),
    ),
    "model_aliases": ((("targets", "*"), "providers"), (("targets", "*", "balance"), "providers")),
    "budgets": (
        (("scope", "team"), "teams"),
        (("scope", "project"), "projects"),
        (("scope", "principal"), "principals"),
        (("scope", "virtual_key"), "virtual_keys"),
        (("provider",), "providers"),
    ),
    "settings": ((("value", "chain", "*"), "providers"),),
}
"""Where one resource names another, and of which kind; targets of aliases are `provider/model`."""


def pull_in(targets: Sequence[Key], wanted: Mapping[Key, Resource], there: set[Key]) -> dict[Key, str]:
    """What the targets refer to, directly or not, and is not there yet; each with the address that needs it."""
    pulled: dict[Key, str] = {}
    waiting = [key for key in targets if key in wanted]
    while waiting:
        resource = wanted[waiting.pop()]
        for key in _referred(resource):
            if key in wanted and key not in there and key not in pulled and key not in targets:
                pulled[key] = resource.address
                waiting.append(key)
    return pulled


def _referred(resource: Resource) -> Iterator[Key]:
    for path, kind in _REFERENCES.get(resource.kind, ()):
        for name in _names(resource.spec, path):
            yield kind, name.partition("/")[0] if kind == "providers" else name
    if (resource.kind, resource.name) == ("settings", "trace_collector"):
        yield "trace_collectors", resource.spec["value"]
    if resource.kind in ("prices", "locked_prices"):
        yield "providers", resource.name.partition("/")[0]


def _names(value: Any, path: Path) -> Iterator[str]:
    if not path:
        yield from (value,) if isinstance(value, str) else (value if isinstance(value, Mapping) else ())
        return
    step, *rest = path
    if step == "*":
        inner = value if isinstance(value, list) else value.values() if isinstance(value, Mapping) else ()
        for one in inner:
            yield from _names(one, tuple(rest))
    elif isinstance(value, Mapping) and step in value:
        yield from _names(value[step], tuple(rest))
