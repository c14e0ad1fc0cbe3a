"""What the models say of every field, found by the path at which it stands: the marks of their annotations as a tree.

References, sets, secrets and what widens are each known from here alone, so that a new section or field says it once,
in its annotation, and every engine goes by it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Final, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from gateway.config.address import KINDS
from gateway.config.model import Config
from gateway.config.sections.marks import Kind, ShownInPart
from gateway.config.source import Path
from gateway.secret import Secret

Mark = TypeVar("Mark")

WRAPPED: Final = {"model_aliases": "targets", "settings": "value"}
"""The member of a spec that holds what stands in the file by itself, by kind."""
SETTINGS: Final = tuple(
    name for name in Config.model_fields if name not in {*KINDS, "version", "owner", "moved"}
)  # fmt: skip
"""The file's own fields that a control plane keeps, each a resource of the kind `settings`."""
EACH: Final = "*"
"""The step to every item of a list, or to every value of a mapping."""
NAMES: Final = "{}"
"""The step to every name of a mapping."""


@dataclass(frozen=True)
class FieldTree:
    """A field with what may stand in it: members of a section by their names, items of a list, entries of a mapping.

    Where a field may be one of several things, all of them are there.
    """

    marks: tuple[object, ...] = ()
    is_secret: bool = False
    reads: frozenset[type] = frozenset()
    """What it takes beside text, of numbers and truth values."""
    members: Mapping[str, "FieldTree"] = field(default_factory=dict)
    items: "FieldTree | None" = None
    names: "FieldTree | None" = None
    entries: "FieldTree | None" = None

    def mark(self, of: type[Mark]) -> Mark | None:
        """What it says of one kind, where it says that: the outermost annotation counts."""
        for one in reversed(self.marks):
            if isinstance(one, of):
                return one
        return None

    def at(self, step: str | int) -> "FieldTree | None":
        """What stands one step below: in a member, an item or an entry of any name."""
        if isinstance(step, int) or (step == EACH and self.items is not None):
            return self.items
        return self.members.get(step) or self.entries

    def along(self, path: Path) -> Sequence["FieldTree"]:
        """This field and those below it on the way to a path, as far as there are any."""
        found = [self]
        for step in path:
            below = found[-1].at(step)
            if below is None:
                break
            found.append(below)
        return found

    def below(self, path: Path) -> "FieldTree | None":
        """What stands at a path; `None` where nothing is known to."""
        found = self.along(path)
        return found[-1] if len(found) > len(path) else None

    def only(self, wanted: Callable[["FieldTree"], bool]) -> "FieldTree | None":
        """The branches that lead to fields of some kind; `None` where there are none."""
        members = {name: kept for name, one in self.members.items() if (kept := one.only(wanted)) is not None}
        items, names, entries = (one and one.only(wanted) for one in (self.items, self.names, self.entries))
        if wanted(self) or members or items or names or entries:
            return FieldTree(self.marks, self.is_secret, self.reads, members, items, names, entries)
        return None

    def paths(self, above: Path = ()) -> "list[tuple[Path, FieldTree]]":
        """Every field with its path."""
        below = [*self.members.items(), (EACH, self.items), (NAMES, self.names), (EACH, self.entries)]
        inner = [found for step, one in below if one is not None for found in one.paths((*above, step))]
        return [(above, self), *inner]


@cache
def tree_of_file() -> FieldTree:
    """The whole file."""
    return tree_of(Config)


def fields_of(kind: str, name: str = "") -> FieldTree:
    """What stands in the spec of a resource. The name counts where a setting is meant."""
    return _fields_of(kind, name if kind == "settings" else "")


@cache
def _fields_of(kind: str, name: str) -> FieldTree:
    if kind == "settings":
        inner = tree_of_file().members.get(name, FieldTree())
        return FieldTree(members={WRAPPED[kind]: inner})
    section = tree_of_file().members.get(kind, FieldTree())
    entry = section.entries or FieldTree()
    return FieldTree(members={WRAPPED[kind]: entry}) if kind in WRAPPED else entry


@cache
def kind_of(kind: str) -> Kind:
    """What is said of a section's entries as a whole."""
    found = tree_of_file().members[kind].mark(Kind)
    if found is None:
        msg = f"the section {kind} does not say what kind of thing it has"
        raise TypeError(msg)
    return found


def tree_of(annotation: Any) -> FieldTree:
    """What is said of a type and of all that may stand in a value of it."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        inner = tree_of(arguments[0])
        return _with(inner, arguments[1:])
    if origin in (Union, UnionType):
        return _merged([tree_of(one) for one in arguments if one is not NoneType])
    if origin is list:
        return FieldTree(items=tree_of(arguments[0]))
    if origin in (dict, Mapping):
        return FieldTree(names=tree_of(arguments[0]), entries=tree_of(arguments[1]))
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        fields = annotation.model_fields.items()
        return FieldTree(members={info.alias or name: _of_field(info) for name, info in fields})
    return FieldTree(is_secret=annotation is Secret, reads=frozenset({annotation} & {int, bool, float}))


def _of_field(info: FieldInfo) -> FieldTree:
    return _with(tree_of(info.annotation), info.metadata)


def _with(tree: FieldTree, marks: Sequence[object]) -> FieldTree:
    """Pydantic's own marks stay out: no engine asks for them."""
    own = [one for one in marks if type(one).__module__.startswith("gateway.config.sections")]
    return FieldTree(
        (*tree.marks, *own), tree.is_secret, tree.reads, tree.members, tree.items, tree.names, tree.entries
    )


def _merged(branches: Sequence[FieldTree]) -> FieldTree:
    if len(branches) == 1:
        return branches[0]
    members: dict[str, list[FieldTree]] = {}
    for one in branches:
        for name, inner in one.members.items():
            members.setdefault(name, []).append(inner)
    parts = [[part for one in branches if (part := getattr(one, name))] for name in ("items", "names", "entries")]
    return FieldTree(
        tuple(dict.fromkeys(mark for one in branches for mark in one.marks)),
        any(one.is_secret for one in branches),
        frozenset().union(*(one.reads for one in branches)),
        {name: _merged(some) for name, some in members.items()},
        *(_merged(some) if some else None for some in parts),
    )


HASHES: Final = frozenset(path[-1] for path, one in tree_of_file().paths() if one.mark(ShownInPart) is not None)
"""Names of the fields of which people are shown the beginning."""
