"""What was used without a price: what costs leave out, and what budgets refused for it."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, case, func, or_

from gateway.ledger import by_request, names
from gateway.ledger.by_request import RequestsQuestion
from gateway.ledger.report import Parameters
from gateway.storage.tables import IS_UNPRICED, ledger_entries
from gateway.telemetry.decision_record import UNPRICED

REFUSED_AS_UNPRICED: Final = "model_unpriced"
"""The code of a refusal of what has no price, under a budget that needs one."""


class Unpriced(msgspec.Struct, frozen=True, kw_only=True):
    """One model at one provider.

    `what` names what was used and has no price: the model itself, or kinds of usage and services of it. `requests` were
    answered, `refused` were not, as a budget needs a price; moments are microseconds since the epoch.
    """

    provider: str
    provider_type: str
    model: str
    what: tuple[str, ...]
    requests: int
    refused: int
    input_tokens: int
    output_tokens: int
    first_at: int
    last_at: int


def read_question(parameters: Parameters, now: datetime, *, owners: tuple[str, ...] | None = None) -> RequestsQuestion:
    """The question that parameters in words ask, as `by_request.read_question`."""
    return by_request.read_question(parameters, now, "summed", owners=owners)


def unpriced(connection: Connection, question: RequestsQuestion) -> tuple[Unpriced, ...]:
    """What was used or asked for without a price, the most requests first. Raises as `by_request.groups_of`."""
    columns, known = ledger_entries.c, names.read(connection)
    is_refused = columns.error_code == REFUSED_AS_UNPRICED
    figures = (
        func.sum(case((is_refused, 0), else_=1)).label("requests"),
        func.sum(case((is_refused, 1), else_=0)).label("refused"),
        func.sum(columns.input_tokens).label("input_tokens"),
        func.sum(columns.output_tokens).label("output_tokens"),
    )
    by = (columns.provider, columns.provider_type, columns.model, columns.usage_warning)
    rows = by_request.groups_of(connection, question, known, by, figures, or_(IS_UNPRICED, is_refused))
    return _by_model([{**row, "provider": known.name_of("providers", row["provider"])} for row in rows])


def document(found: Sequence[Unpriced]) -> list[dict[str, Any]]:
    """The rows for machines."""
    return [by_request.told(one) for one in found]


def read_document(told: Iterable[Mapping[str, Any]]) -> tuple[Unpriced, ...]:
    """The rows that somebody else made a document of."""
    return tuple(Unpriced(**by_request.read_told(one)) for one in told)


def csv_text(found: Sequence[Unpriced]) -> str:
    """The rows as CSV (RFC 4180) with a line of names."""
    return by_request.csv_text(Unpriced.__struct_fields__, document(found))


def _by_model(rows: Iterable[Mapping[str, Any]]) -> tuple[Unpriced, ...]:
    """One row for each model, whatever was said of its requests."""
    found: dict[tuple[str, str, str], Unpriced] = {}
    for row in rows:
        key = (row["provider"], row["provider_type"], row["model"])
        known = found.get(key)
        what = _named(row["usage_warning"])
        figures = {name: int(row[name]) for name in ("requests", "refused", "input_tokens", "output_tokens")}
        first_at, last_at = int(row["first_at"]), int(row["last_at"])
        if known is not None:
            what = tuple(dict.fromkeys((*known.what, *what)))
            figures = {name: count + getattr(known, name) for name, count in figures.items()}
            first_at, last_at = min(first_at, known.first_at), max(last_at, known.last_at)
        provider, provider_type, model = key
        found[key] = Unpriced(
            provider=provider,
            provider_type=provider_type,
            model=model,
            what=what,
            first_at=first_at,
            last_at=last_at,
            **figures,
        )
    return tuple(sorted(found.values(), key=lambda one: (-one.requests, -one.refused, one.provider, one.model)))


def _named(warning: str) -> tuple[str, ...]:
    """What a usage warning says has no price."""
    _, begins, rest = warning.partition(UNPRICED)
    return tuple(rest.partition("; ")[0].split(", ")) if begins else ()
