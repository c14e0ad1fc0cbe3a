"""Where resources name one another: what they refer to, and how they read once something has another name."""

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any, Final, NamedTuple

from gateway.config.address import KINDS
from gateway.config.field_tree import FieldTree, fields_of, tree_of_file
from gateway.config.resources import Resource, Spec
from gateway.config.sections.marks import Refers, RefersBeside
from gateway.config.source import Path

Key = tuple[str, str]
"""Kind and name."""

PRICES: Final = tuple(
    kind
    for kind in KINDS
    if kind != "settings"
    and (names := tree_of_file().members[kind].names) is not None
    and names.mark(Refers) is not None
)
"""Kinds that are named after a provider and a model of it."""

SECTION_OF: Final[Mapping[str, str]] = {
    name: refers.kind
    for name, one in fields_of("budgets").members["scope"].members.items()
    if (refers := one.mark(Refers)) is not None
}
"""Where the entries are declared that a budget's scope names. The organization is no resource of its own: a setting has
its name, and `organizations` is what it is called."""


def referred(resource: Resource) -> Iterator[Key]:
    """What a resource names."""
    for refers, text, _, _ in named_in(resource.spec, _naming(resource.kind, resource.name)):
        if refers.form != "glob":
            yield refers.kind, split(refers, text)[0]
    if resource.kind in PRICES:
        yield "providers", resource.name.partition("/")[0]


class Named(NamedTuple):
    """A text that names something; `is_member` says that it is the name of a member at its path."""

    refers: Refers
    text: str
    path: Path
    is_member: bool


def named_in(value: Any, tree: FieldTree | None, path: Path = ()) -> list[Named]:
    """Every text in a value that names something."""
    found: list[Named] = []
    if tree is not None:
        _find_named(value, tree, path, found)
    return found


def _find_named(value: Any, tree: FieldTree, path: Path, found: list[Named]) -> None:
    # PERF: twenty thousand keys are looked through here; the tree has far fewer fields than they.
    if isinstance(value, str):
        if (refers := tree.mark(Refers)) is not None:
            found.append(Named(refers, value, path, is_member=False))
    elif isinstance(value, list) and tree.items is not None:
        for index, one in enumerate(value):
            _find_named(one, tree.items, (*path, index), found)
    elif isinstance(value, Mapping):
        _find_named_members(value, tree, path, found)


def _find_named_members(value: Mapping[str, Any], tree: FieldTree, path: Path, found: list[Named]) -> None:
    if tree.names is not None and (refers := tree.names.mark(Refers)) is not None:
        found += [Named(refers, name, (*path, name), is_member=True) for name in value]
    if tree.entries is not None:
        for name, one in value.items():
            _find_named(one, tree.entries, (*path, name), found)
    for name, below in tree.members.items():
        if name in value:
            begun = len(found)
            _find_named(value[name], below, (*path, name), found)
            if (instead := _instead(below, value)) is not None:
                found[begun:] = [one._replace(refers=instead) for one in found[begun:]]


def _instead(tree: FieldTree, beside: Mapping[str, Any]) -> Refers | None:
    """What a field names in such a section, where that is not what it names in others."""
    other = tree.mark(RefersBeside)
    return other.refers if other is not None and beside.get(other.field) else None


def renamed(kind: str, name: str, spec: Spec, names: Mapping[Key, str]) -> Spec:
    """A resource's spec as it reads when what it names has other names; `names` are the new ones."""
    tree = _naming(kind, name)
    if not names or tree is None:
        return spec
    found: Spec = _replaced(spec, tree, lambda refers, text: _renamed(refers, text, names))
    return found


def prices_renamed(key: Key, names: Mapping[Key, str]) -> Key:
    """The name of a price once its provider has another."""
    kind, name = key
    return (kind, _renamed(_OF_PRICE, name, names)) if kind in PRICES else key


_OF_PRICE: Final = Refers("providers", "model")


def _naming(kind: str, name: str) -> FieldTree | None:
    """The fields of a resource in which something is named."""
    return _naming_of_a_kind(kind, name if kind == "settings" else "")


@cache
def _naming_of_a_kind(kind: str, setting: str) -> FieldTree | None:
    return fields_of(kind, setting).only(_names_something)


@cache
def naming_section(section: str) -> FieldTree | None:
    """The fields of a section, or a setting, as the file has it, in which something is named."""
    return tree_of_file().members[section].only(_names_something)


def split(refers: Refers, text: str) -> tuple[str, str]:
    """The name that a reference begins with, and what follows it."""
    if refers.form == "name":
        return text, ""
    provider, slash, model = text.partition("/")
    return (provider, slash + model) if slash else ("", text)


def _names_something(tree: FieldTree) -> bool:
    return tree.mark(Refers) is not None


def _renamed(refers: Refers, text: str, names: Mapping[Key, str]) -> str:
    name, rest = split(refers, text)
    return names.get((refers.kind, name), name) + rest


def _replaced(
    value: Any, tree: FieldTree | None, rename: Callable[[Refers, str], str], instead: Refers | None = None
) -> Any:
    if tree is None:
        return value
    if isinstance(value, str):
        return value if (refers := tree.mark(Refers)) is None else rename(refers, value)
    if isinstance(value, list):
        return [_replaced(one, tree.items, rename) for one in value]
    if not isinstance(value, Mapping):
        return value
    refers = instead or (None if tree.names is None else tree.names.mark(Refers))
    return {
        name if refers is None else rename(refers, name): _replaced(
            one, below := tree.at(name), rename, None if below is None else _instead(below, value)
        )
        for name, one in value.items()
    }
