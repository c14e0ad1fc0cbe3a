"""What reports have in common that the ledger answers request by request: for some months, in so many groups."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec
from sqlalchemy import ColumnElement, Connection, RowMapping, func, select

from gateway import clock
from gateway.ledger.names import Names
from gateway.ledger.period import BadParameterError, Period, parse_period
from gateway.ledger.report import FILTERS, Parameters, inert, read_one, read_scope
from gateway.ledger.retention import check_kept
from gateway.ledger.scope import Scope
from gateway.storage.tables import ledger_entries

PARAMETERS: Final = ("from", "to", "timezone", *FILTERS)

_MOST_DAYS: Final = 92
_MOST_GROUPS: Final = 100_000
_DAY_US: Final = 86_400_000_000
_MOMENTS: Final = ("first_at", "last_at")


class RequestsQuestion(msgspec.Struct, frozen=True):
    """Which period, and whose requests; `how` is what is done with each of them, for people."""

    period: Period
    scope: Scope
    how: str

    @property
    def why(self) -> str:
        """Why not everything can be asked."""
        return f"this is {self.how} request by request"


def read_question(
    parameters: Parameters, now: datetime, how: str, *, owners: tuple[str, ...] | None = None
) -> RequestsQuestion:
    """The question that parameters in words ask, of the keys of owners perhaps; those of `PARAMETERS` are known.

    Raises `BadParameterError`.
    """
    first, last = read_one(parameters, "from"), read_one(parameters, "to")
    period = parse_period(first, last, now=now, zone=read_one(parameters, "timezone") or "UTC")
    question = RequestsQuestion(period, read_scope(parameters, owners=owners), how)
    if period.end - period.start > _MOST_DAYS * _DAY_US:
        raise BadParameterError("from", f"{question.why}, for {_MOST_DAYS} days at once")
    return question


def groups_of(
    connection: Connection,
    question: RequestsQuestion,
    known: Names,
    by: Sequence[ColumnElement[Any]],
    figures: Sequence[ColumnElement[Any]],
    which: ColumnElement[bool],
) -> Sequence[RowMapping]:
    """The requests of a question, those alone that `which` says, as groups `by` columns with their `figures`.

    Each has the moments of its first and its last request, `first_at` and `last_at`.

    Raises:
        BadParameterError: There are more groups than anybody could read, or requests of the period are pruned.
        sqlalchemy.exc.SQLAlchemyError: The database does not answer.
    """
    period, occurred_at = question.period, ledger_entries.c.occurred_at
    check_kept(connection, period.start, question.why)
    statement = (
        select(*by, *figures, func.min(occurred_at).label("first_at"), func.max(occurred_at).label("last_at"))
        .where(occurred_at >= period.start, occurred_at < period.end)
        .where(which, *question.scope.conditions(ledger_entries, known))
        .group_by(*by)
        .limit(_MOST_GROUPS + 1)
    )
    rows = connection.execute(statement).mappings().all()
    if len(rows) > _MOST_GROUPS:
        raise BadParameterError("from", f"there are more than {_MOST_GROUPS:,} groups; ask for a shorter period")
    return rows


def told(row: msgspec.Struct) -> dict[str, Any]:
    """A row for machines, its moments as RFC 3339 has them."""
    members = msgspec.structs.asdict(row)
    return members | {name: clock.iso_of_microseconds(members[name]) for name in _MOMENTS}


def read_told(members: Mapping[str, Any]) -> dict[str, Any]:
    """The members of a row that somebody told: its moments in microseconds since the epoch, its lists as tuples."""
    found = {name: tuple(value) if isinstance(value, list) else value for name, value in members.items()}
    return found | {name: clock.microseconds_of(datetime.fromisoformat(members[name])) for name in _MOMENTS}


def csv_text(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> str:
    """Rows as CSV (RFC 4180) with a line of names; what is several texts is one, with semicolons between."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(columns)
    for row in rows:
        writer.writerow([_cell(row[name]) for name in columns])
    return out.getvalue()


def _cell(value: Any) -> Any:
    value = "; ".join(value) if isinstance(value, tuple) else value
    return inert(value) if isinstance(value, str) else value
