"""`(sensitive)` at a secret's place, as the API shows it: the stored secret stays, while it goes where it went."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from gateway.config.resources import Spec, split_secrets, value_at
from gateway.config.source import pointer, steps
from gateway.plan.change import SENSITIVE

_MAY_CHANGE: Final[Mapping[str, frozenset[str]]] = {
    "providers": frozenset(
        {
            "protected",
            "models",
            "prices_of",
            "price_factor",
            "trust_stated_cost",
            "rate_limits",
            "timeouts",
            "circuit_breaker",
        }
    ),
    "trace_collectors": frozenset({"protected", "description", "sampling_ratio", "also_to_default"}),
}
"""Fields that have no say in where or how a credential goes. Whatever is not here has one."""


def with_kept_secrets(written: Any, stored: Spec) -> tuple[Any, list[str]]:
    """What somebody wrote, with the stored secret where it says `(sensitive)`, or `null` as lists do; and where."""
    kept: list[str] = []
    for place, secret in split_secrets(stored)[1].items():
        *above, last = steps(place)
        around = value_at(written, pointer(above)) if isinstance(written, dict) else None
        if isinstance(around, dict) and around.get(last, ...) in (None, SENSITIVE):
            written = _replaced(written, steps(place), secret)
            kept.append(".".join(steps(place)))
    return written, kept


def decisive_changes(kind: str, before: Spec, after: Spec) -> Iterator[str]:
    """The fields that differ and decide where or how a credential goes."""
    for field in sorted({*before, *after} - _MAY_CHANGE.get(kind, frozenset())):
        if before.get(field) != after.get(field):
            yield field


def _replaced(value: dict[str, Any], path: list[str], new: str) -> dict[str, Any]:
    first, *rest = path
    return {**value, first: _replaced(value[first], rest, new) if rest else new}
