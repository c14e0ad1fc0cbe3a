"""What a change does to keys by way of what they inherit: of a class, and of who has one.

A class is told once, however many keys have it; whether that lets somebody do more is judged of each key, with
everything that it inherits, before and after.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec

from gateway.config.key_classes import GIVEN, KeyClasses
from gateway.config.referring import Key
from gateway.config.resources import Resource, tree_of
from gateway.config.sections.access import FROM_LEAST, Access, widest
from gateway.plan.access import compared
from gateway.plan.change import Consequence, ResourceChange
from gateway.plan.words import count, names

_KEYS: Final = "virtual_keys"
_CLASSES: Final = "key_classes"
_GIVING: Final = (_CLASSES, "principals", "projects", "teams")
_WIDENED: Final = (Access.WIDENS, Access.MAY_WIDEN)


class _Touched(msgspec.Struct):
    """The keys that one change reaches, and those that may do more by it."""

    access: Access = Access.SAME
    keys: list[str] = []
    wider: list[str] = []


def with_inheritance(
    changes: Sequence[ResourceChange],
    before: Mapping[Key, Resource],
    after: Mapping[Key, Resource],
    told_of: str | None = None,
) -> list[ResourceChange]:
    """Changes of keys, classes and those who have one, judged by what they do to keys.

    Args:
        changes: What happens, judged by itself.
        before: Every resource as it is.
        after: Every resource as it will be.
        told_of: The owner whose keys are named; `None`: everybody's. Others' are judged all the same.
    """
    trees = KeyClasses(tree_of(before.values())), KeyClasses(tree_of(after.values()))
    if not any(trees):
        return [*changes]
    changed = {(one.kind, one.name): one for one in changes}
    touched = {key: _Touched() for key in changed if key[0] in _GIVING}
    if touched:
        for name, had, has in _going_on(before, after, changed):
            _reach(touched, name, (had.spec, has.spec), trees, is_told=told_of in (None, has.owner))
    judged = (_judged(one, touched.get((one.kind, one.name)), before, trees) for one in changes)
    return [_with_nulls(one) for one in judged]


def _going_on(
    before: Mapping[Key, Resource], after: Mapping[Key, Resource], changed: Mapping[Key, ResourceChange]
) -> Iterator[tuple[str, Resource, Resource]]:
    """The keys that are there before and after, under which names ever."""
    for (kind, name), has in after.items():
        if kind == _KEYS:
            change = changed.get((kind, name))
            had = before.get((kind, name if change is None else change.previous_name or name))
            if had is not None:
                yield name, had, has


def _reach(
    touched: Mapping[Key, _Touched],
    name: str,
    specs: tuple[Mapping[str, Any], Mapping[str, Any]],
    trees: tuple[KeyClasses, KeyClasses],
    *,
    is_told: bool,
) -> None:
    """Notes a key at what gives it something, where that changes."""
    had, has = (tree.whole(spec) for spec, tree in zip(specs, trees, strict=True))
    if had == has:
        return
    giving: dict[tuple[str, Any], None] = {}
    for spec, whole, tree in zip(specs, (had, has), trees, strict=True):
        giving |= dict.fromkeys((_CLASSES, one) for one in tree.names_of(spec))
        giving |= {("principals", whole.get("principal")): None, ("projects", whole.get("project")): None}
        giving |= dict.fromkeys(("teams", team) for team in tree.teams_of(whole))
    reached = [touched[key] for key in giving if key in touched]
    if not reached:
        return
    # What the key itself says otherwise is judged at the key.
    own = {member for member in {*specs[0], *specs[1]} if specs[0].get(member) != specs[1].get(member)}
    fields = (one for one in compared(_KEYS, name, had, has) if one.path.split("/")[1] not in own)
    access = widest(one.access for one in fields)
    for one in reached:
        one.access = widest((one.access, access))
        if is_told:
            one.keys.append(name)
            one.wider += [name] if access in _WIDENED else []


def _judged(
    change: ResourceChange,
    touched: _Touched | None,
    before: Mapping[Key, Resource],
    trees: tuple[KeyClasses, KeyClasses],
) -> ResourceChange:
    if touched is not None:
        return _of_giver(change, touched)
    if change.kind != _KEYS or change.before is None or change.after is None:
        return change
    had = before[change.kind, change.previous_name or change.name].spec
    if not (trees[0].names_of(had) or trees[1].names_of(change.after)):
        return change
    found = {
        one.path: one.access for one in compared(_KEYS, change.name, trees[0].whole(had), trees[1].whole(change.after))
    }
    inherited = widest(access for path, access in found.items() if path not in {one.path for one in change.changes})
    fields = [
        msgspec.structs.replace(one, access=inherited if one.path == "/class" else found.get(one.path, Access.SAME))
        for one in change.changes
    ]
    return msgspec.structs.replace(change, changes=fields, access=widest(found.values()))


def _of_giver(change: ResourceChange, touched: _Touched) -> ResourceChange:
    """A class, or who has one: what it gives to keys is judged by them, and all else by itself."""
    given = _given(change.kind)
    fields = [
        msgspec.structs.replace(one, access=min(one.access, touched.access, key=FROM_LEAST.index))
        if one.path.split("/")[1] in given
        else one
        for one in change.changes
    ]
    by_itself = change.access if "update" not in change.actions else widest(one.access for one in fields)
    follows = [*change.consequences]
    if touched.keys:
        text = f"changes {count(len(touched.keys), 'key')}: {names(sorted(touched.keys))}"
        follows.append(Consequence("keys_inherit", text))
    if touched.wider:
        text = f"{count(len(touched.wider), 'key')} may do more: {names(sorted(touched.wider))}"
        follows.append(Consequence("keys_widen", text))
    access = widest((by_itself, touched.access))
    return msgspec.structs.replace(change, changes=fields, access=access, consequences=follows)


def _with_nulls(change: ResourceChange) -> ResourceChange:
    """A change with what it takes away of what is inherited, or no longer does: a `null` is no value that differs."""
    if change.kind not in (_KEYS, _CLASSES) or change.before is None or change.after is None:
        return change
    had, has = ({*_nulls(spec)} for spec in (change.before, change.after))
    follows = [*change.consequences]
    if taken := sorted(has - had):
        follows.append(Consequence("inherits_less", f"takes away what is inherited: {names(taken)}"))
    if back := sorted(had - has):
        follows.append(Consequence("inherits_more", f"no longer takes away what is inherited: {names(back)}"))
    return msgspec.structs.replace(change, consequences=follows)


def _nulls(spec: Any, path: tuple[str, ...] = ()) -> Iterator[str]:
    """Where a `null` is written, as fields are named."""
    if isinstance(spec, Mapping):
        for name, value in spec.items():
            yield from _nulls(value, (*path, name))
    elif spec is None:
        yield ".".join(path)


def _given(kind: str) -> frozenset[str]:
    """The members of a class, or of who has one, by which something is given to keys."""
    return GIVEN if kind == _CLASSES else frozenset({"class"})
