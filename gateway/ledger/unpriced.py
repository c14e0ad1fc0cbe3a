"""What was used without a price: what costs leave out, and what budgets refused for it."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, case, func, or_, select

from gateway import clock
from gateway.ledger import names
from gateway.ledger.period import BadParameterError, Period, parse_period
from gateway.ledger.report import FILTERS, Parameters, inert, read_one, read_scope
from gateway.ledger.retention import check_kept
from gateway.ledger.scope import Scope
from gateway.storage.tables import IS_UNPRICED, ledger_entries
from gateway.telemetry.decision_record import UNPRICED

PARAMETERS: Final = ("from", "to", "timezone", *FILTERS)
REFUSED_AS_UNPRICED: Final = "model_unpriced"
"""The code of a refusal of what has no price, under a budget that needs one."""

_MOST_DAYS: Final = 92
_MOST_GROUPS: Final = 100_000
_DAY_US: Final = 86_400_000_000


class UnpricedQuestion(msgspec.Struct, frozen=True):
    """Which period, and whose requests."""

    period: Period
    scope: Scope


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


def read_question(parameters: Parameters, now: datetime, *, owners: tuple[str, ...] | None = None) -> UnpricedQuestion:
    """The question that parameters in words ask, of the keys of owners perhaps; those of `PARAMETERS` are known.

    Raises `BadParameterError`.
    """
    first, last = read_one(parameters, "from"), read_one(parameters, "to")
    period = parse_period(first, last, now=now, zone=read_one(parameters, "timezone") or "UTC")
    if period.end - period.start > _MOST_DAYS * _DAY_US:
        raise BadParameterError("from", f"this is summed request by request, for {_MOST_DAYS} days at once")
    return UnpricedQuestion(period, read_scope(parameters, owners=owners))


def unpriced(connection: Connection, question: UnpricedQuestion) -> tuple[Unpriced, ...]:
    """What was used or asked for without a price, the most requests first.

    Raises:
        BadParameterError: There are more models than anybody could read, or requests of the period are pruned.
        sqlalchemy.exc.SQLAlchemyError: The database does not answer.
    """
    check_kept(connection, question.period.start, "this is summed request by request")
    columns, period, known = ledger_entries.c, question.period, names.read(connection)
    groups = (columns.provider, columns.provider_type, columns.model, columns.usage_warning)
    is_refused = columns.error_code == REFUSED_AS_UNPRICED
    statement = (
        select(
            *groups,
            func.sum(case((is_refused, 0), else_=1)).label("requests"),
            func.sum(case((is_refused, 1), else_=0)).label("refused"),
            func.sum(columns.input_tokens).label("input_tokens"),
            func.sum(columns.output_tokens).label("output_tokens"),
            func.min(columns.occurred_at).label("first_at"),
            func.max(columns.occurred_at).label("last_at"),
        )
        .where(columns.occurred_at >= period.start, columns.occurred_at < period.end)
        .where(or_(IS_UNPRICED, is_refused), *question.scope.conditions(ledger_entries, known))
        .group_by(*groups)
        .limit(_MOST_GROUPS + 1)
    )
    rows = connection.execute(statement).mappings().all()
    if len(rows) > _MOST_GROUPS:
        raise BadParameterError("from", f"there are more than {_MOST_GROUPS:,} groups; ask for a shorter period")
    return _by_model([{**row, "provider": known.name_of("providers", row["provider"])} for row in rows])


def document(found: Sequence[Unpriced]) -> list[dict[str, Any]]:
    """The rows for machines."""
    return [
        {
            **msgspec.structs.asdict(one),
            "first_at": clock.iso_of_microseconds(one.first_at),
            "last_at": clock.iso_of_microseconds(one.last_at),
        }
        for one in found
    ]


def read_document(told: Iterable[Mapping[str, Any]]) -> tuple[Unpriced, ...]:
    """The rows that somebody else made a document of."""
    return tuple(
        Unpriced(
            **{
                **one,
                "what": tuple(one["what"]),
                "first_at": clock.microseconds_of(datetime.fromisoformat(one["first_at"])),
                "last_at": clock.microseconds_of(datetime.fromisoformat(one["last_at"])),
            }
        )
        for one in told
    )


def csv_text(found: Sequence[Unpriced]) -> str:
    """The rows as CSV (RFC 4180) with a line of names."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(Unpriced.__struct_fields__)
    for one in document(found):
        writer.writerow(
            [
                inert("; ".join(value) if isinstance(value, tuple) else value) if name in _TEXTS else value
                for name, value in one.items()
            ]
        )
    return out.getvalue()


_TEXTS: Final = ("provider", "provider_type", "model", "what")


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
