"""Does a change let somebody do more than before? What the models say of each field decides."""

from collections.abc import Iterable
from typing import Any

import msgspec

from gateway.config.field_tree import FieldTree, fields_of, kind_of, tree_of_file
from gateway.config.resources import Resource, Spec
from gateway.config.sections.access import Access, Order, widest
from gateway.config.source import steps
from gateway.plan.change import FieldChange
from gateway.plan.diff import fields, same


class Widening(msgspec.Struct, frozen=True):
    """One way in which more is possible than before; `path` is empty for a whole resource."""

    address: str
    path: str
    access: Access

    def __str__(self) -> str:
        return f"{self.address}{self.path} {'widens' if self.access is Access.WIDENS else 'may widen'}"


def of_creation(resource: Resource) -> Access:
    """What it does that a resource is there from now on."""
    if resource.kind != "settings":
        return kind_of(resource.kind).created
    access = _compared(tree_of_file().members[resource.name], None, resource.spec["value"])
    return Access.GRANTS if access is None else access


def of_deletion(resource: Resource) -> Access:
    """What it does that a resource is gone."""
    if resource.kind != "settings":
        return kind_of(resource.kind).deleted
    access = _compared(tree_of_file().members[resource.name], resource.spec["value"], None)
    return Access.MAY_WIDEN if access is None else access


def of_field(kind: str, name: str, change: FieldChange) -> Access:
    """What the change of one field of a resource does; of what the models do not know, nobody can say."""
    path = tuple(steps(change.path))
    along = fields_of(kind, name).along(path)
    for depth in reversed(range(len(along))):
        order = along[depth].mark(Order)
        below = path[depth:] if order is not None and order.is_of_whole else ()
        access = _compared(along[depth], _within(below, change.before), _within(below, change.after))
        if access is not None:
            return access
    return Access.MAY_WIDEN


def _compared(field: FieldTree, before: Any, after: Any) -> Access | None:
    """What a field's own order says; `None` where it has none."""
    order = field.mark(Order)
    if order is None:
        return None
    if order.compare is not None:
        return order.compare(before, after)
    members = ((one, (before or {}).get(name), (after or {}).get(name)) for name, one in field.members.items())
    return widest(_compared(member, had, has) or Access.MAY_WIDEN for member, had, has in members if had != has)


def _within(path: tuple[str, ...], value: Any) -> Any:
    """What stands at a path, as the whole in which it does."""
    for step in reversed(path):
        value = {step: value}
    return value


def widenings(before: Iterable[Resource], after: Iterable[Resource]) -> list[Widening]:
    """Every way in which a configuration allows, or may allow, more than the one before."""
    had = {one.address: one for one in before}
    has = {one.address: one for one in after}
    found = [
        Widening(one.address, "", access)
        for judge, these, others in ((of_creation, has, had), (of_deletion, had, has))
        for one in these.values()
        if one.address not in others and (access := judge(one)) is not Access.SAME
    ]
    for address in had.keys() & has.keys():
        found += [
            Widening(address, change.path, change.access)
            for change in compared(had[address].kind, had[address].name, had[address].spec, has[address].spec)
        ]
    return sorted(
        (one for one in found if one.access in (Access.WIDENS, Access.MAY_WIDEN)),
        key=lambda one: (one.address, one.path),
    )


def compared(kind: str, name: str, before: Spec, after: Spec) -> list[FieldChange]:
    """Every field that differs, each with what it does to access."""
    tree = fields_of(kind, name)
    if same(tree, before, after):
        return []
    return [
        msgspec.structs.replace(
            one,
            access=Access.NARROWS if _is_rotation(kind, one, before) else of_field(kind, name, one),
        )
        for one in fields(tree, before, after)
    ]


def _is_rotation(kind: str, change: FieldChange, before: Spec) -> bool:
    """Whether a key goes on to accept, for a while, the secret that it had."""
    rotated = kind == "virtual_keys" and change.path == "/previous_secret_hash"
    return rotated and change.after is not None and change.after == before.get("secret_hash")
