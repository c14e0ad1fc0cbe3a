"""Two specs of one kind, field by field."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from gateway.config.references import is_reference
from gateway.config.resources import Spec
from gateway.config.source import Path, pointer
from gateway.plan.change import SENSITIVE, SENSITIVE_CHANGED, FieldChange
from gateway.secret import Secret

UNORDERED: Final[Mapping[str, tuple[Path, ...]]] = {
    "providers": (("models",),),
    "policy_rules": (("*", "deny"), ("*", "allow")),
    "virtual_keys": (
        ("models_allowed",),
        ("tags",),
        ("policy_rules",),
        ("policy_rules", "*", "*", "deny"),
        ("policy_rules", "*", "*", "allow"),
        ("fallback", "on"),
        ("content_capture", "redact"),
    ),
    "settings": (("value", "on"), ("value", "redact")),
}
"""Lists whose order means nothing, by kind and path; `*` is any step. All others are sequences."""


def same(kind: str, one: Spec, other: Spec) -> bool:
    """Whether two specs mean the same."""
    return one == other or normal(kind, one) == normal(kind, other)


def normal(kind: str, value: Any, path: Path = ()) -> Any:
    """A value with its unordered lists in one order."""
    if isinstance(value, Mapping):
        return {name: normal(kind, inner, (*path, name)) for name, inner in value.items()}
    if isinstance(value, list):
        inner = [normal(kind, one, (*path, "*")) for one in value]
        return sorted({text(one): one for one in inner}.values(), key=text) if is_unordered(kind, path) else inner
    return value


def is_unordered(kind: str, path: Path) -> bool:
    """Whether the list at a path is a set."""
    return any(_matches(pattern, path) for pattern in UNORDERED.get(kind, ()))


def fields(kind: str, before: Spec, after: Spec) -> list[FieldChange]:
    """Every field that differs, in the order of their names."""
    return sorted(_differences(kind, before, after, ()), key=lambda one: one.path)


def shown(value: Any, *, changed: bool = False) -> Any:
    """A value without what is secret. A reference that nodes resolve says nothing and is shown."""
    if isinstance(value, Secret):
        if is_reference(value.reveal()):
            return value.reveal()
        return SENSITIVE_CHANGED if changed else SENSITIVE
    if isinstance(value, Mapping):
        return {name: shown(inner) for name, inner in value.items()}
    return [shown(inner) for inner in value] if isinstance(value, list) else value


def text(value: Any) -> str:
    """One text for one value, for sorting and comparing."""
    return msgspec.json.encode(value, order="sorted").decode()


def _differences(kind: str, before: Any, after: Any, path: Path) -> Iterator[FieldChange]:
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for name in sorted({*before, *after}):
            yield from _differences(kind, before.get(name), after.get(name), (*path, name))
        return
    if is_unordered(kind, path) and isinstance(before, list) and isinstance(after, list):
        yield from _members(kind, before, after, path)
        return
    if normal(kind, before, path) == normal(kind, after, path):
        return
    yield FieldChange(pointer(path), shown(before), shown(after, changed=before is not None))


def _members(kind: str, before: list[Any], after: list[Any], path: Path) -> Iterator[FieldChange]:
    inner = (*path, "*")
    had = {text(normal(kind, one, inner)): one for one in before}
    has = {text(normal(kind, one, inner)): one for one in after}
    added = [has[one] for one in has if one not in had]
    removed = [had[one] for one in had if one not in has]
    if added or removed:
        yield FieldChange(pointer(path), before, after, added, removed)


def _matches(pattern: Path, path: Path) -> bool:
    return len(pattern) == len(path) and all(wanted in ("*", step) for wanted, step in zip(pattern, path, strict=True))
