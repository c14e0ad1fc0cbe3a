"""Members of JSON objects that nobody knows, or that stand there twice: by their place, such as `saved.plan.colour`."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Final

from msgspec import inspect

_LONGEST: Final = 200


class _Repeating(dict[str, Any]):
    """An object that has a member twice."""

    name: str


def unique(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """An object from its members, for `json.loads`; `first_repeated` finds those that had one twice."""
    made = dict(pairs)
    if len(made) == len(pairs):
        return made
    repeating, seen = _Repeating(made), set[str]()
    repeating.name = next(name for name, _ in pairs if name in seen or seen.add(name))  # type: ignore[func-returns-value]
    return repeating


def first_repeated(tree: Any, place: str = "") -> str | None:
    """The first member that its object has twice; `None`: there is none."""
    if isinstance(tree, _Repeating):
        return _within(place, tree.name)
    for step, inner in _inner(tree):
        if (found := first_repeated(inner, _within(place, step))) is not None:
            return found
    return None


def first_unknown(tree: Any, type_: type) -> str | None:
    """The first member that a value of this type has not; `None`: all are known. The tree has to fit the type."""
    known = _known(type_)
    return None if known is None else known.first_unknown(tree, "")


class _Known:
    """What is to be looked at in values of one type: members of an object, or the values within a list or mapping."""

    def __init__(self) -> None:
        self.members: Mapping[str, _Known | None] | None = None
        self.within: _Known | None = None

    def first_unknown(self, tree: Any, place: str) -> str | None:
        if self.members is not None and isinstance(tree, dict):
            for name, inner in tree.items():
                if name not in self.members:
                    return _within(place, name)
                known = self.members[name]
                if known is not None and (found := known.first_unknown(inner, _within(place, name))) is not None:
                    return found
        elif self.within is not None:
            for step, inner in _inner(tree):
                if (found := self.within.first_unknown(inner, _within(place, step))) is not None:
                    return found
        return None


@cache
def _known(type_: type) -> _Known | None:
    return _of(inspect.type_info(type_))


def _of(found: inspect.Type) -> _Known | None:
    """`None` where nothing below has members that are to be known."""
    if isinstance(found, inspect.UnionType):
        return next((known for one in found.types if (known := _of(one)) is not None), None)
    known = _Known()
    if isinstance(found, inspect.StructType):
        known.members = {field.encode_name: _of(field.type) for field in found.fields}
        return known
    if isinstance(found, inspect.ListType | inspect.VarTupleType):
        known.within = _of(found.item_type)
    elif isinstance(found, inspect.DictType):
        known.within = _of(found.value_type)
    return None if known.within is None else known


def _inner(tree: Any) -> Sequence[tuple[str, Any]]:
    if isinstance(tree, dict):
        return tuple(tree.items())
    return tuple((str(index), inner) for index, inner in enumerate(tree)) if isinstance(tree, list) else ()


def _within(place: str, step: str) -> str:
    shown = step if step.isprintable() else ascii(step)[1:-1]
    return (f"{place}.{shown}" if place else shown)[:_LONGEST]
