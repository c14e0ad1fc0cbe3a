"""Where resources name one another: what they refer to, and how they read once something has another name."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from gateway.config.resources import Resource, Spec
from gateway.config.source import Path

Key = tuple[str, str]
"""Kind and name."""

_MEMBERS: Final = "{}"
"""The step to the names of the members of a mapping; `*` is the step to each of its values."""

_TARGETS: Final = (("*",), ("*", "balance", _MEMBERS))

REFERENCES: Final[Mapping[str, tuple[tuple[Path, str], ...]]] = {
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
        *((("model_aliases", "*", *path), "providers") for path in _TARGETS),
    ),
    "model_aliases": tuple((("targets", *path), "providers") for path in _TARGETS),
    "budgets": (
        (("scope", "organization"), "organizations"),
        (("scope", "team"), "teams"),
        (("scope", "project"), "projects"),
        (("scope", "principal"), "principals"),
        (("scope", "virtual_key"), "virtual_keys"),
        (("provider",), "providers"),
    ),
    "settings": ((("value", "chain", "*"), "providers"),),
}
"""Where one resource names another, and of which kind; targets of aliases are `provider/model`. The organization is no
resource of its own: a setting has its name."""

_COLLECTOR: Final = ((("value",), "trace_collectors"),)
PRICES: Final = ("prices", "locked_prices")
"""Kinds that are named after a provider and a model of it."""
_GLOBS: Final = {"virtual_keys": (("models_allowed", "*"),)}
"""Where a pattern may begin with the name of a provider and a slash."""


def referred(resource: Resource) -> Iterator[Key]:
    """What a resource names."""
    for path, kind in _references(resource.kind, resource.name):
        for name in _names(resource.spec, path):
            yield kind, _split(kind, name)[0]
    if resource.kind in PRICES:
        yield "providers", resource.name.partition("/")[0]


def renamed(kind: str, name: str, spec: Spec, names: Mapping[Key, str]) -> Spec:
    """A resource's spec as it reads when what it names has other names; `names` are the new ones."""
    if not names:
        return spec
    for path, of in _references(kind, name):
        spec = _replaced(spec, path, lambda text, of=of: _renamed(of, text, names))
    for path in _GLOBS.get(kind, ()):
        spec = _replaced(spec, path, lambda text: _renamed("providers", text, names) if "/" in text else text)
    return spec


def prices_renamed(key: Key, names: Mapping[Key, str]) -> Key:
    """The name of a price once its provider has another."""
    kind, name = key
    return (kind, _renamed("providers", name, names)) if kind in PRICES else key


def _references(kind: str, name: str) -> tuple[tuple[Path, str], ...]:
    return _COLLECTOR if (kind, name) == ("settings", "trace_collector") else REFERENCES.get(kind, ())


def _split(kind: str, name: str) -> tuple[str, str]:
    """The name that a reference begins with, and what follows it."""
    if kind != "providers":
        return name, ""
    provider, slash, model = name.partition("/")
    return provider, slash + model


def _renamed(kind: str, text: str, names: Mapping[Key, str]) -> str:
    name, rest = _split(kind, text)
    return names.get((kind, name), name) + rest


def _names(value: Any, path: Path) -> Iterator[str]:
    if not path:
        yield from (value,) if isinstance(value, str) else ()
        return
    step, rest = path[0], path[1:]
    if step == "*":
        for one in value if isinstance(value, list) else value.values() if isinstance(value, Mapping) else ():
            yield from _names(one, rest)
    elif isinstance(value, Mapping):
        if step == _MEMBERS:
            yield from value
        elif step in value:
            yield from _names(value[step], rest)


def _replaced(value: Any, path: Path, rename: Any) -> Any:
    if not path:
        return rename(value) if isinstance(value, str) else value
    step, rest = path[0], path[1:]
    if isinstance(value, list) and step == "*":
        return [_replaced(one, rest, rename) for one in value]
    if not isinstance(value, Mapping):
        return value
    if step == _MEMBERS:
        return {rename(name): one for name, one in value.items()}
    if step == "*":
        return {name: _replaced(one, rest, rename) for name, one in value.items()}
    return {**value, step: _replaced(value[step], rest, rename)} if step in value else value
