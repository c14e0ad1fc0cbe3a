"""A virtual key and its classes as one.

What a key does not say, its classes do: its own class and what that extends, its principal's, and that of the team of
its project or else of its principal. The nearest counts, member by member. `null` takes away what those behind say. Of
lists that deny, all are added up; of lists that allow, each has to be met (`Combined` marks both on the fields).
"""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import cached_property
from typing import Any, Final

import msgspec

from gateway.config.field_tree import FieldTree, tree_of_file
from gateway.config.findings import Checked, Finding
from gateway.config.sections.access import ENFORCED, Order
from gateway.config.sections.marks import Combined, Refers
from gateway.config.sections.virtual_keys import KeyClass, KeySettings
from gateway.config.source import Path, value_at
from gateway.policy.patterns import glob_expression

SECTION: Final = "key_classes"
_KEYS: Final = "virtual_keys"
_OF_THE_CLASS: Final = frozenset({*KeyClass.model_fields} - {*KeySettings.model_fields} | {"protected", "description"})
"""Members that say something of a class itself, and nothing of its keys."""
GIVEN: Final = frozenset({*KeyClass.model_fields} - _OF_THE_CLASS | {"extends"})
"""Members of a class by which it gives something to its keys."""
_ATTRIBUTION: Final = ("project", "principal", "team")


class Layer(msgspec.Struct, frozen=True):
    """What one class says: its name, its members, and whether they may be taken away."""

    name: str
    says: Mapping[str, Any]
    is_required: bool

    @property
    def path(self) -> Path:
        """Where it stands."""
        return SECTION, self.name


class Effective(msgspec.Struct, frozen=True):
    """A key, or a class that extends another, with everything that it inherits.

    `refused` are the paths of `null` where a class that is required has something.
    """

    tree: Any
    refused: tuple[tuple[Path, str], ...] = ()


class KeyClasses:
    """The classes of a merged tree, which may be at fault anywhere: what is not as it should be gives nothing."""

    def __init__(self, tree: Any = None) -> None:
        self._classes = {name: one for name, one in _section(tree, SECTION).items() if isinstance(one, Mapping)}
        self._layers = {name: self._chain(name) for name in self._classes}
        teams = _section(tree, "teams")
        self._of_teams = {name: found for name, one in teams.items() if (found := _class(one))}
        people = _section(tree, "principals") if self._classes else {}
        projects = _section(tree, "projects") if self._classes else {}
        self._of_principals = {name: found for name, one in people.items() if (found := _class(one))}
        self._teams_of_principals = {name: team for name, one in people.items() if (team := _text(one, "team"))}
        self._teams_of_projects = {name: team for name, one in projects.items() if (team := _text(one, "team"))}

    def __bool__(self) -> bool:
        return bool(self._classes)

    @cached_property
    def class_trees(self) -> Mapping[str, Effective]:
        """Every class with what it extends."""
        return {name: self._over(one, self._layers[name][1:]) for name, one in self._classes.items()}

    def written(self, name: str) -> Mapping[str, Any]:
        """A class as it is written."""
        return self._classes[name]

    def names_of(self, written: Any) -> tuple[str, ...]:
        """The classes of a key, the nearest first."""
        return tuple(one.name for one in self._layers_of(written))

    def teams_of(self, whole: Mapping[str, Any]) -> tuple[str, ...]:
        """The teams that may give a key a class: its project's, its principal's, its own."""
        found = (
            self._teams_of_projects.get(_text(whole, "project") or ""),
            self._teams_of_principals.get(_text(whole, "principal") or ""),
            _text(whole, "team"),
        )
        return tuple(one for one in found if one is not None)

    def key(self, written: Any) -> Effective:
        """A key, as it is written, with what it inherits."""
        if layers := self._layers_of(written):
            return self._over(written, layers)
        # What a class says that another owner declares is not known here, nor whether it has what `null` takes away.
        return Effective(without_nulls(written) if _class(written) is not None else written)

    def whole(self, written: Any) -> dict[str, Any]:
        """A key with what it inherits, as it would be written without a class."""
        return without_class(self.key(written).tree)

    def written_at(self, path: Path, keys: Mapping[str, Any]) -> Path:
        """Where that stands which is found at a path of a key, or of a class, with what it inherits."""
        if len(path) < 3 or path[0] not in (_KEYS, SECTION):  # noqa: PLR2004 - section, name and a member
            return path
        name = str(path[1])
        written = keys.get(name) if path[0] == _KEYS else self._classes.get(name)
        if not isinstance(written, Mapping):
            return path
        layers = self._layers_of(written) if path[0] == _KEYS else self._layers.get(name, ())[1:]
        if not layers:
            return path
        whole = self._over(written, layers).tree
        sources = [(path[:2], written), *((one.path, one.says) for one in layers)]
        return _stands_at(path[2:], whole, sources) or path

    def faults(self, keys: Mapping[str, Any]) -> Iterator[Checked]:
        """What is wrong with the classes themselves, and with what keys and classes take away."""
        for name, one in self._classes.items():
            if (extended := _text(one, "extends")) == name:
                message = f"the class {name} extends itself"
                yield Checked(Finding("deep-class", message, (SECTION, name, "extends"), "Take it out."))
            elif extended is not None and _text(self._classes.get(extended), "extends"):
                message = f"the class {extended} extends one itself; there is one level"
                hint = f"Extend {_text(self._classes[extended], 'extends')}, or say in {name} what it is about."
                yield Checked(Finding("deep-class", message, (SECTION, name, "extends"), hint))
        if any(one.is_required for layers in self._layers.values() for one in layers):
            for name, whole in self.class_trees.items():
                yield from _refused(whole, (SECTION, name))
            for name, written in keys.items():
                yield from _refused(self.key(written), (_KEYS, name))

    def _chain(self, name: str) -> tuple[Layer, ...]:
        found = []
        extended = _text(self._classes[name], "extends")
        for one in (name, extended):
            if one in self._classes and one is not None:
                says = self._classes[one]
                found.append(Layer(one, of_a_key(says), says.get("required") is True))
        return tuple(found)

    def _layers_of(self, written: Any) -> tuple[Layer, ...]:
        if not self._classes or not isinstance(written, Mapping):
            return ()
        own = self._layers.get(_class(written) or "", ())
        of_principal = self._of_principals.get(_nearest("principal", written, own) or "")
        of_both = (*own, *self._layers.get(of_principal or "", ()))
        project, principal, team = (_nearest(member, written, of_both) for member in _ATTRIBUTION)
        paying = self._teams_of_projects.get(project or "") or self._teams_of_principals.get(principal or "") or team
        of_team = self._of_teams.get(paying or "")
        if of_principal is None and of_team is None:
            return own
        found = {one.name: one for one in own}
        for name in (of_principal, of_team):
            for one in self._layers.get(name or "", ()):
                found.setdefault(one.name, one)
        return tuple(found.values())

    def _over(self, written: Mapping[str, Any], layers: tuple[Layer, ...]) -> Effective:
        tree: Any = dict(written)
        taken: list[Path] = []
        refused: list[tuple[Path, str]] = []
        apart: list[Rule] = []
        for one in layers:
            before = len(taken)
            tree = _merged(tree, one.says, _SETTINGS, (), taken, apart)
            if one.is_required:
                refused += [(path, one.name) for path in taken[before:]]
        for path in dict.fromkeys(taken):
            tree = _without(tree, path)
        if apart:
            rules = [{"models": {"allow": _expressions(globs), **_said(mode)}} for globs, mode in apart]
            had = tree.get("policy_rules")
            tree["policy_rules"] = [*(had if isinstance(had, list) else ()), *rules]
        return Effective(tree, tuple(refused))


Rule = tuple[list[Any], Any]
"""An allow list that has to be met beside another: its globs and its mode."""


def _expressions(globs: list[Any]) -> list[str]:
    """What does not match as a glob does matches nothing; that is told where it is written."""
    found = []
    for one in globs:
        with suppress(ValueError):
            found.append(glob_expression(str(one)))
    return found


def _said(mode: Any) -> dict[str, Any]:
    return {} if mode == "enforce" else {"mode": mode}


_SETTINGS: Final = tree_of_file().members[SECTION].entries or FieldTree()


def of_a_key(says: Mapping[str, Any]) -> dict[str, Any]:
    """What a class says of its keys."""
    return {member: value for member, value in says.items() if member not in _OF_THE_CLASS}


def without_class(one: Mapping[str, Any]) -> dict[str, Any]:
    """A key, or who has a class, but for naming it."""
    return {member: value for member, value in one.items() if member != "class"}


def without_nulls(value: Any) -> Any:
    """What is written, without what it takes away."""
    if isinstance(value, Mapping):
        return {name: without_nulls(one) for name, one in value.items() if one is not None}
    return value


def _refused(whole: Effective, at: Path) -> Iterator[Checked]:
    for path, name in whole.refused:
        message = f"the class {name} is required: what it says cannot be taken away"
        hint = f"Leave it out, or write a value; {SECTION}.{name} has `required: true`."
        yield Checked(Finding("required-by-class", message, (*at, *path), hint))


def _merged(near: Any, far: Any, tree: FieldTree | None, path: Path, taken: list[Path], apart: list[Rule]) -> Any:
    """`near` with what only `far` says; `taken` gets the paths of `null` that took something away.

    `apart` gets lists of globs that have to be met beside the nearest one.
    """
    if near is None:
        if far is not None:
            taken.append(path)
        return None
    if far is None:
        return near
    if tree is not None and (combined := tree.mark(Combined)) is not None:
        return _combined(near, far, tree, combined, apart)
    if not isinstance(near, Mapping) or not isinstance(far, Mapping) or tree is None:
        return near
    if tree.members:
        return _members_merged(near, far, tree, path, taken, apart)
    taken += [(*path, name) for name in far if name in near and near[name] is None and far[name] is not None]
    return {**far, **near}


def _members_merged(
    near: Mapping[str, Any],
    far: Mapping[str, Any],
    tree: FieldTree,
    path: Path,
    taken: list[Path],
    apart: list[Rule],
) -> dict[str, Any]:
    found = dict(near)
    for name, value in far.items():
        if name in found:
            found[name] = _merged(found[name], value, tree.members.get(name), (*path, name), taken, apart)
        else:
            found[name] = value
    if "mode" in found and _has_modes(tree) and near.get("mode") != far.get("mode"):
        # Where one enforces and another warns, it is enforced.
        del found["mode"]
    return found


def _has_modes(tree: FieldTree) -> bool:
    mode = tree.members.get("mode")
    return mode is not None and mode.mark(Order) is ENFORCED


def _combined(near: Any, far: Any, tree: FieldTree, combined: Combined, apart: list[Rule]) -> Any:
    if combined.how == "adds":
        return [*near, *(one for one in far if one not in near)] if _are_lists(near, far) else near
    refers = tree.items.mark(Refers) if tree.items is not None else None
    (had, mode), (behind, mode_behind) = _allow_list(near), _allow_list(far)
    if had is None or behind is None:
        return near
    both = [one for one in had if one in behind]
    is_met = len(both) == len(had)
    if refers is None or refers.form != "glob":
        return both
    if mode == mode_behind and (is_met or len(both) == len(behind)):
        return near if is_met else far
    if not (is_met and mode_behind == "warn"):
        apart.append((behind, mode_behind))
    return near


def _allow_list(written: Any) -> tuple[list[Any] | None, Any]:
    """An allow list with its mode, in either of its forms."""
    if isinstance(written, Mapping):
        written, mode = written.get("allow"), written.get("mode", "enforce")
    else:
        mode = "enforce"
    return (written if isinstance(written, list) else None), mode


def _are_lists(*some: Any) -> bool:
    return all(isinstance(one, list) for one in some)


def _stands_at(path: Path, whole: Any, sources: list[tuple[Path, Any]]) -> Path | None:
    """The way to what stands at a path of the whole, in the nearest source that has it, as far as one has."""
    found: Path | None = None
    for step in path:
        item = value_at(whole, (step,))
        ahead = [
            ((*at, inner), node[inner])
            for at, node in sources
            for inner in _steps(node, step, item)
            if node[inner] is not None
        ]
        if not ahead:
            return found
        whole, sources, found = item, ahead, ahead[0][0]
    return found


def _steps(node: Any, step: str | int, item: Any) -> Iterator[Any]:
    """How a step of the whole is made in one source: in a list, to the same item."""
    if isinstance(node, Mapping):
        if step in node:
            yield step
    elif isinstance(node, list) and item in node:
        yield node.index(item)


def _without(tree: Any, path: Path) -> Any:
    first, *rest = path
    if not isinstance(tree, Mapping) or first not in tree:
        return tree
    if rest:
        return {**tree, first: _without(tree[first], tuple(rest))}
    return {name: value for name, value in tree.items() if name != first}


def _nearest(member: str, written: Mapping[str, Any], layers: tuple[Layer, ...]) -> str | None:
    for says in (written, *(one.says for one in layers)):
        if member in says:
            return _text(says, member)
    return None


def _section(tree: Any, name: str) -> Mapping[str, Any]:
    found = tree.get(name) if isinstance(tree, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def _class(one: Any) -> str | None:
    return _text(one, "class")


def _text(one: Any, member: str) -> str | None:
    found = one.get(member) if isinstance(one, Mapping) else None
    return found if isinstance(found, str) else None
