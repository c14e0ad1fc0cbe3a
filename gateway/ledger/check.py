"""Does everything that is derived from the ledger's entries still say what they say? And if not, made so again.

Derived are the sums per hour and per day, which reports read, what was charged to counters per hour, from which
counters are rebuilt, and the sums of traffic, which operations read.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, CursorResult, Select, Table, delete, select, text

from gateway.ledger.query import FIGURES, figures_of
from gateway.ledger.rows import DAY_HOURS, HOUR_US, attempts_of, entry_of
from gateway.ledger.sums import SUMS, Key, Sums, add_up, per_day, sums_of, traffic_of
from gateway.storage.insert import add_to_sums
from gateway.storage.tables import (
    DIMENSIONS,
    charged_by_hour,
    further_by_day,
    further_by_hour,
    ledger_entries,
    spend_by_day,
    spend_by_hour,
)
from gateway.telemetry.decision_record import DecisionRecord

_TRAFFIC: Final = ("occurred_at", "status", "outcome", "error_code", "duration_ms", "attempts")
_ROWS_AT_ONCE: Final = 5_000


class Difference(msgspec.Struct, frozen=True):
    """One sum that is not what the entries add up to; nano-USD, or for `requests` and tokens their number.

    `what` names the sum, such as `spend_by_hour 492600 cost_nano_usd`.
    """

    what: str
    kept: int
    true: int


def check_sums(connection: Connection) -> tuple[Difference, ...]:
    """Every sum that differs, in order.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: The database does not answer.
    """
    true_hours = _true_hours(connection)
    found = list(_compared(spend_by_hour, "hour", _kept(connection, spend_by_hour, "hour"), true_hours))
    true_days: dict[int, tuple[int, ...]] = {}
    for hour, figures in true_hours.items():
        known = true_days.get(hour // DAY_HOURS, (0,) * len(figures))
        true_days[hour // DAY_HOURS] = tuple(one + other for one, other in zip(known, figures, strict=True))
    found += _compared(spend_by_day, "day", _kept(connection, spend_by_day, "day"), true_days)
    true_further = _true_further(connection)
    found += _compared_by_key(connection, further_by_hour, true_further)
    found += _compared_by_key(connection, further_by_day, per_day(true_further))
    found += _compared_by_key(connection, charged_by_hour, _true_charges(connection))
    for table, true in _true_traffic(connection).items():
        found += _compared_by_key(connection, table, true)
    return tuple(found)


def mend_sums(connection: Connection) -> None:
    """Makes all sums anew from the entries, while nobody else can add to them.

    Args:
        connection: In a transaction of `gateway.storage.engine.writing`.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: The database does not answer.
    """
    if connection.dialect.name == "postgresql":
        names = ", ".join(table.name for table in SUMS)
        connection.execute(text(f"LOCK TABLE {names} IN EXCLUSIVE MODE"))
    for table in SUMS:
        connection.execute(delete(table))
    entries = _streamed(connection, select(ledger_entries)).mappings()
    for some in entries.partitions(_ROWS_AT_ONCE):
        records = [entry_of(dict(row)) for row in some]
        for table, sums in sums_of(records):
            add_to_sums(connection, table, sums)


def _streamed(connection: Connection, statement: Select[Any]) -> CursorResult[Any]:
    """The rows of one statement, a few at a time.

    The option is the statement's alone: on the connection it would hold for every later statement, and PostgreSQL
    opens no cursor for one that writes.
    """
    return connection.execute(statement, execution_options={"yield_per": _ROWS_AT_ONCE})


def _true_hours(connection: Connection) -> dict[int, tuple[int, ...]]:
    hour = ledger_entries.c.occurred_at // HOUR_US
    rows: Iterable[Any] = connection.execute(select(hour, *figures_of(ledger_entries)).group_by(hour))
    return {int(at): tuple(map(int, sums)) for at, *sums in rows}


def _kept(connection: Connection, table: Table, period: str) -> dict[int, tuple[int, ...]]:
    at = table.c[period]
    rows: Iterable[Any] = connection.execute(select(at, *figures_of(table)).group_by(at))
    return {int(at): tuple(map(int, sums)) for at, *sums in rows}


def _compared(
    table: Table, period: str, kept: dict[int, tuple[int, ...]], true: dict[int, tuple[int, ...]]
) -> list[Difference]:
    nothing: Sequence[int] = (0,) * len(FIGURES)
    return [
        Difference(f"{table.name} {period} {at} {name}", was, should)
        for at in sorted(kept.keys() | true.keys())
        for name, was, should in zip(FIGURES, kept.get(at, nothing), true.get(at, nothing), strict=True)
        if was != should
    ]


def _compared_by_key(connection: Connection, table: Table, true: Sums) -> list[Difference]:
    width = len(table.primary_key.columns)
    names = [column.name for column in table.columns][width:]
    kept = {tuple(row[:width]): row[width:] for row in connection.execute(select(table))}
    nothing: Sequence[int] = (0,) * len(names)
    return [
        Difference(f"{table.name} {_shown(key)}{f' {name}' if len(names) > 1 else ''}", int(was), should)
        for key in sorted(kept.keys() | true.keys())
        for name, was, should in zip(names, kept.get(key, nothing), true.get(key, nothing), strict=True)
        if was != should
    ]


def _shown(key: Key) -> str:
    """The numbers of a key, which say when, before its texts."""
    return " ".join(map(str, sorted(key, key=lambda part: isinstance(part, str))))


def _true_charges(connection: Connection) -> Sums:
    entries = ledger_entries.c
    statement = select(entries.occurred_at, entries.budgets).where(entries.cost_nano_usd > 0)
    charges: dict[tuple[str, int], tuple[int]] = {}
    rows: Iterable[Any] = _streamed(connection, statement)
    for occurred_at, budgets in rows:
        for counter, amount in budgets:
            key = counter, occurred_at // HOUR_US
            charges[key] = (charges.get(key, (0,))[0] + amount,)
    return charges


def _true_further(connection: Connection) -> Sums:
    entries = ledger_entries.c
    who = (entries[name] for name in DIMENSIONS)
    statement = select(entries.occurred_at, entries.further, *who).where(entries.further.is_not(None))
    sums: dict[Key, tuple[int]] = {}
    rows: Iterable[Any] = _streamed(connection, statement)
    for occurred_at, further, *named in rows:
        for kind, amount in further.items():
            key = occurred_at // HOUR_US, *named, kind
            sums[key] = (sums.get(key, (0,))[0] + amount,)
    return sums


def _true_traffic(connection: Connection) -> Mapping[Table, Sums]:
    true: dict[Table, dict[Key, Sequence[int]]] = {}
    columns = (ledger_entries.c[name] for name in _TRAFFIC)
    rows = _streamed(connection, select(*columns)).mappings()
    for some in rows.partitions(_ROWS_AT_ONCE):
        records = [DecisionRecord(request_id="", **{**row, "attempts": attempts_of(row["attempts"])}) for row in some]
        for table, sums in traffic_of(records):
            add_up(table, sums, true.setdefault(table, {}))
    return true
