"""Two specs of one kind, field by field; and what of them people may see."""

from collections.abc import Iterator, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, Final

import msgspec

from gateway.config.field_tree import HASHES, FieldTree
from gateway.config.references import is_reference
from gateway.config.resources import Spec
from gateway.config.sections.marks import Unordered
from gateway.config.source import Path, pointer, steps
from gateway.keys.digest import shown_hash
from gateway.plan.change import SENSITIVE, SENSITIVE_CHANGED, FieldChange
from gateway.secret import Secret

References = Mapping[str, str]
NOTHING_WRITTEN: Final[References] = {}


def same(tree: FieldTree, one: Spec, other: Spec) -> bool:
    """Whether two specs mean the same; `tree` is what is said of their fields."""
    return one == other or normal(tree, one) == normal(tree, other)


def normal(tree: FieldTree | None, value: Any) -> Any:
    """A value with its unordered lists in one order."""
    if isinstance(value, dict):
        return {name: normal(tree and tree.at(name), inner) for name, inner in value.items()}
    if isinstance(value, list):
        inner = [normal(tree and tree.items, one) for one in value]
        return sorted({text(one): one for one in inner}.values(), key=text) if _is_unordered(tree) else inner
    return value


def fields(tree: FieldTree, before: Spec, after: Spec) -> list[FieldChange]:
    """Every field that differs, in the order of their names, with its values: nobody is shown them as they are."""
    return sorted(_differences(tree, before, after, ()), key=lambda one: one.path)


def shown(
    value: Any,
    references: References = NOTHING_WRITTEN,
    path: Path = (),
    *,
    changed: bool = False,
    whole_hashes: bool = False,
) -> Any:
    """A value without what is secret, of the hash of a secret its beginning, and as it is written where that is known.

    `references` are what the file has in place of values, by JSON pointer from the place of which `path` is the way to
    the value. A reference that nodes resolve says nothing and is shown.
    """
    if isinstance(value, Secret):
        if is_reference(value.reveal()):
            return value.reveal()
        return SENSITIVE_CHANGED if changed else SENSITIVE
    if isinstance(value, dict):
        return {
            name: shown(inner, references, (*path, name), whole_hashes=whole_hashes) for name, inner in value.items()
        }
    if isinstance(value, list):
        return [
            shown(inner, references, (*path, index), whole_hashes=whole_hashes) for index, inner in enumerate(value)
        ]
    if references and value is not None and (written := references.get(pointer(path))) is not None:
        return written
    if whole_hashes or not path or path[-1] not in HASHES or not isinstance(value, str):
        return value
    return shown_hash(value)


def told(change: FieldChange, had: References, has: References) -> FieldChange:
    """A field that differs as people see it; `had` and `has` are the references of the specs before and after."""
    path = tuple(steps(change.path))
    before = shown(change.before, had, path, whole_hashes=True)
    after = shown(change.after, has, path, changed=change.before is not None, whole_hashes=True)
    return msgspec.structs.replace(
        change,
        before=before,
        after=after,
        added=_members_shown(change.added, change.after, has, path),
        removed=_members_shown(change.removed, change.before, had, path),
        value=_direction(change) if before != change.before or after != change.after else "",
    )


def text(value: Any) -> str:
    """One text for one value, for sorting and comparing."""
    return msgspec.json.encode(value, order="sorted").decode()


def _differences(tree: FieldTree | None, before: Any, after: Any, path: Path) -> Iterator[FieldChange]:
    if isinstance(before, dict) and isinstance(after, dict):
        for name in sorted({*before, *after}):
            yield from _differences(tree and tree.at(name), before.get(name), after.get(name), (*path, name))
        return
    if _is_unordered(tree) and isinstance(before, list) and isinstance(after, list):
        yield from _members(tree and tree.items, before, after, path)
        return
    if normal(tree, before) == normal(tree, after):
        return
    yield FieldChange(pointer(path), before, after)


def _members(tree: FieldTree | None, before: list[Any], after: list[Any], path: Path) -> Iterator[FieldChange]:
    had = {text(normal(tree, one)): one for one in before}
    has = {text(normal(tree, one)): one for one in after}
    added = [has[one] for one in has if one not in had]
    removed = [had[one] for one in had if one not in has]
    if added or removed:
        yield FieldChange(pointer(path), before, after, added, removed)


def _is_unordered(tree: FieldTree | None) -> bool:
    return tree is not None and tree.mark(Unordered) is not None


def _members_shown(some: list[Any], among: Any, references: References, path: Path) -> list[Any]:
    """Members of a list as people see them, each by its place in the list."""
    return [shown(one, references, (*path, among.index(one))) for one in some]


def _direction(change: FieldChange) -> str:
    """What became of a value that is shown as its reference."""
    if isinstance(change.before, Secret) or isinstance(change.after, Secret) or None in (change.before, change.after):
        return ""
    if change.added or change.removed:
        return ""
    try:
        return "rose" if Decimal(str(change.after)) > Decimal(str(change.before)) else "fell"
    except InvalidOperation:
        return "changed"
