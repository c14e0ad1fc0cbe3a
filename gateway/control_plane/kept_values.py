"""`(sensitive)` at a secret's place, as the API shows it: what is stored stays, while it goes where it went."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from gateway.config.resources import Resource, Spec, split_secrets
from gateway.config.source import steps, value_at, with_value
from gateway.plan.change import SENSITIVE

_MAY_CHANGE: Final[Mapping[str, frozenset[str]]] = {
    "providers": frozenset(
        {
            "protected",
            "shared_with",
            "models",
            "prices_of",
            "price_factor",
            "trust_stated_cost",
            "rate_limits",
            "timeouts",
            "circuit_breaker",
        }
    ),
    "trace_collectors": frozenset({"protected", "shared_with", "description", "sampling_ratio", "also_to_default"}),
}
"""Fields that have no say in where or how a credential goes. Whatever is not here has one."""


def with_kept_values(written: Any, stored: Resource) -> tuple[Any, list[str]]:
    """What somebody wrote, with what is stored in place of what the API shows for it; and which secrets.

    A secret is shown as `(sensitive)`, in lists as `null`, and any value that came from a reference as the reference.
    """
    kept: list[str] = []
    public, secrets = split_secrets(stored.spec)
    for place in sorted({*secrets, *stored.references}):
        path = steps(place)
        here, reference = value_at(written, path), stored.references.get(place)
        if place in secrets:
            is_there = here is not None or path[-1] in (value_at(written, path[:-1]) or ())
            if is_there and here in (SENSITIVE, None, reference):
                written = with_value(written, path, secrets[place])
                kept.append(".".join(path))
        elif here is not None and here == reference:
            written = with_value(written, path, value_at(public, path))
    return written, kept


def decisive_changes(kind: str, before: Spec, after: Spec) -> Iterator[str]:
    """The fields that differ and decide where or how a credential goes."""
    for field in sorted({*before, *after} - _MAY_CHANGE.get(kind, frozenset())):
        if before.get(field) != after.get(field):
            yield field
