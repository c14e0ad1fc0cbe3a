"""Does a change let somebody do more than before? Every field says in which direction it widens.

A field that is not listed may widen: what nobody has thought about is shown rather than passed over.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

import msgspec

from gateway.config.resources import Resource, Spec
from gateway.plan.change import Access, FieldChange
from gateway.plan.diff import fields, same, text
from gateway.plan.request_access import FIELD, of_rules
from gateway.plan.trace_access import CAPTURE, CAPTURE_OF_KEY, other_readers
from gateway.plan.trace_access import more as _more

Order = Callable[[Any, Any], Access]
"""Compares a field before and after; `None` is a field that is not there."""


def _nothing(_before: Any, _after: Any) -> Access:
    return Access.SAME


def _unknown(_before: Any, _after: Any) -> Access:
    return Access.MAY_WIDEN


def _another(_before: Any, _after: Any) -> Access:
    """Whoever has what belongs to the new value gets in, and did not before."""
    return Access.WIDENS


def _nothing_more(_before: Any, after: Any) -> Access:
    return Access.NARROWS if after is None else Access.WIDENS


def _ceiling(before: Any, after: Any) -> Access:
    """A limit; without one, everything passes."""
    if before is None or after is None:
        return Access.WIDENS if after is None else Access.NARROWS
    return Access.WIDENS if Decimal(str(after)) > Decimal(str(before)) else Access.NARROWS


def _end(before: Any, after: Any) -> Access:
    """A moment at which something stops; without one, it never does."""
    if before is None or after is None:
        return Access.WIDENS if after is None else Access.NARROWS
    return Access.WIDENS if datetime.fromisoformat(after) > datetime.fromisoformat(before) else Access.NARROWS


def _allowed(before: Any, after: Any) -> Access:
    """A list of what is allowed; without one, everything is."""
    if before is None or after is None:
        return Access.WIDENS if after is None else Access.NARROWS
    return Access.WIDENS if _members(after) - _members(before) else _if_fewer(before, after)


def _denied(before: Any, after: Any) -> Access:
    """A list of what is refused; without one, nothing is."""
    return Access.WIDENS if _members(before) - _members(after) else Access.NARROWS


def _if_fewer(before: Any, after: Any) -> Access:
    return Access.NARROWS if _members(before) - _members(after) else Access.SAME


def _members(value: Any) -> set[str]:
    return {text(one) for one in value or ()}


def _steps(*narrow_to_wide: Any) -> Order:
    """A choice, from the narrowest to the widest; the default is given where the field is not there."""
    default, *order = narrow_to_wide

    def compare(before: Any, after: Any) -> Access:
        had = order.index(default if before is None else before)
        has = order.index(default if after is None else after)
        return Access.WIDENS if has > had else Access.NARROWS if has < had else Access.SAME

    return compare


def _each_dimension(before: Any, after: Any) -> Access:
    """Rules of one dimension that come or go whole."""
    return Access.WIDENS if after is None else Access.NARROWS if before is None else Access.MAY_WIDEN


_LIMITS: Final[Mapping[str, Order]] = {
    f"rate_limits{rest}": _ceiling for rest in ("", "/rpm", "/rpd", "/tpm", "/concurrency")
}
_RULES: Final[Mapping[str, Order]] = {
    name: order
    for dimension in ("tools", "mcp", "urls", "models")
    for name, order in (
        (dimension, _each_dimension),
        (f"{dimension}/deny", _denied),
        (f"{dimension}/allow", _allowed),
    )
}


def _shared(before: Any, after: Any) -> Access:
    """Owners whose files may name it; without any, nobody's else."""
    had, has = _members(before), _members(after)
    return Access.WIDENS if has - had and _EVERYBODY not in had else Access.NARROWS


_EVERYBODY: Final = text("*")
_PROTECTED: Final[Mapping[str, Order]] = {
    "protected": _steps(False, True, False),
    "description": _nothing,
    "shared_with": _shared,
}

ORDERS: Final[Mapping[str, Mapping[str, Order]]] = {
    "trace_collectors": {
        **_PROTECTED,
        "endpoint": other_readers,
        "protocol": _nothing,
        "headers": _unknown,
        "sampling_ratio": _more(1),
        "also_to_default": _steps(False, False, True),
    },
    "teams": {**_PROTECTED, "trace_collector": other_readers},
    "projects": {**_PROTECTED, "team": _unknown, "trace_collector": other_readers},
    "principals": {**_PROTECTED, "team": _unknown},
    "providers": {
        **_PROTECTED,
        **_LIMITS,
        "api_key": _nothing,
        "entra/client_secret": _nothing,
        "credentials": _nothing,
        "timeouts": _nothing,
        "circuit_breaker": _nothing,
        "pace_ms": _nothing,
        "latency_ms": _nothing,
    },
    "policy_rules": {**_PROTECTED, **_RULES},
    "virtual_keys": {
        **_PROTECTED,
        **_LIMITS,
        **CAPTURE_OF_KEY,
        "secret_hash": _another,
        "previous_secret_hash": _nothing_more,
        "previous_secret_expires_at": _end,
        "state": _steps("active", "revoked", "disabled", "active"),
        "providers": _allowed,
        "models_allowed": _allowed,
        "policy_rules": _denied,
        "cache": _nothing,
        "on_disconnect": _nothing,
        "stream_keepalive_s": _nothing,
        "unary_keepalive_s": _nothing,
        "fallback/on": _nothing,
        "fallback/timeout_ms": _nothing,
        "fallback/unary_timeout_ms": _nothing,
        "fallback/total_timeout_ms": _nothing,
        "fallback/max_attempts": _nothing,
        "expires_at": _end,
    },
    "budgets": {
        **_PROTECTED,
        "limit_usd": _ceiling,
        "on_breach": _steps("block", "block", "warn"),
        "unpriced": _steps("refuse", "refuse", "allow"),
        "reserve": _unknown,
        "reserve_margin_usd": _unknown,
    },
    "prices": {"": _nothing},
    "locked_prices": {"": _nothing},
    "settings": {
        **CAPTURE,
        "organization": _nothing,
        "trace_collector": other_readers,
        "log_level": _nothing,
        "fallback/on": _nothing,
        "fallback/timeout_ms": _nothing,
        "fallback/unary_timeout_ms": _nothing,
        "fallback/total_timeout_ms": _nothing,
        "fallback/max_attempts": _nothing,
        "on_missing_usage": _steps("charge_estimate", "charge_estimate", "charge_zero"),
        "on_disconnect": _nothing,
        "stream_keepalive_s": _nothing,
        "unary_keepalive_s": _nothing,
    },
}
"""The order of each field, by kind and path; a path covers what is below it unless that is listed too, and the empty
one all of a kind."""

_OF_CREATION: Final[Mapping[str, Access]] = {
    "providers": Access.GRANTS,
    "model_aliases": Access.GRANTS,
    "virtual_keys": Access.GRANTS,
    "policy_rules": Access.NARROWS,
    "budgets": Access.NARROWS,
    "settings": Access.GRANTS,
}
_OF_DELETION: Final[Mapping[str, Access]] = {
    "providers": Access.NARROWS,
    "model_aliases": Access.NARROWS,
    "virtual_keys": Access.NARROWS,
    "policy_rules": Access.WIDENS,
    "budgets": Access.WIDENS,
    "settings": Access.MAY_WIDEN,
}
"""Of a whole resource; kinds that are not listed change nothing by themselves."""

_FROM_LEAST: Final = (Access.SAME, Access.NARROWS, Access.GRANTS, Access.MAY_WIDEN, Access.WIDENS)


class Widening(msgspec.Struct, frozen=True):
    """One way in which more is possible than before; `path` is empty for a whole resource."""

    address: str
    path: str
    access: Access

    def __str__(self) -> str:
        return f"{self.address}{self.path} {'widens' if self.access is Access.WIDENS else 'may widen'}"


def of_creation(resource: Resource) -> Access:
    """What it does that a resource is there from now on."""
    if resource.kind == "settings" and (order := ORDERS["settings"].get(resource.name)) is not None:
        return order(None, resource.spec["value"])
    return _OF_CREATION.get(resource.kind, Access.SAME)


def of_deletion(resource: Resource) -> Access:
    """What it does that a resource is gone."""
    if resource.kind == "settings" and (order := ORDERS["settings"].get(resource.name)) is not None:
        return order(resource.spec["value"], None)
    return _OF_DELETION.get(resource.kind, Access.SAME)


def of_field(kind: str, name: str, change: FieldChange) -> Access:
    """What the change of one field of a resource does."""
    path = change.path.removeprefix("/")
    if kind == "settings":
        path = name + path.removeprefix("value")
    if path == FIELD or path.startswith(f"{FIELD}/"):
        return of_rules(path.removeprefix(FIELD).removeprefix("/"), change.before, change.after)
    orders = ORDERS.get(kind, {})
    while True:
        if (order := orders.get(path)) is not None:
            return order(change.before, change.after)
        if not path:
            return Access.MAY_WIDEN
        path = path.rpartition("/")[0]


def widest(found: Iterable[Access]) -> Access:
    """The one that a reviewer has to see."""
    return max(found, key=_FROM_LEAST.index, default=Access.SAME)


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
    if same(kind, before, after):
        return []
    return [
        msgspec.structs.replace(
            one,
            access=Access.NARROWS if _is_rotation(kind, one, before) else of_field(kind, name, one),
        )
        for one in fields(kind, before, after)
    ]


def _is_rotation(kind: str, change: FieldChange, before: Spec) -> bool:
    """Whether a key goes on to accept, for a while, the secret that it had."""
    rotated = kind == "virtual_keys" and change.path == "/previous_secret_hash"
    return rotated and change.after is not None and change.after == before.get("secret_hash")
