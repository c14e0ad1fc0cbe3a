"""Does everything that is derived from the ledger's entries still say what they say? And if not, made so again.

Derived are the sums per hour and per day, which reports read, what was charged to counters per hour, from which
counters are rebuilt, and the sums of traffic, which operations read. Of a time whose requests are pruned they are the
truth themselves: they are neither compared nor made again.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, CursorResult, Select, Table, Text, cast, delete, select, text
from sqlalchemy.sql.elements import ColumnElement

from gateway.ledger.query import FIGURES, figures_of
from gateway.ledger.retention import pruned_before
from gateway.ledger.rows import DAY_HOURS, HOUR_US, attempts_of, entry_of
from gateway.ledger.sums import FIVE_MINUTES_US, SUMS, WITH_LATEST, Key, Sums, add_up, per_day, sums_of, traffic_of
from gateway.storage.insert import add_to_sums
from gateway.storage.tables import (
    DIMENSIONS,
    charged_by_hour,
    further_by_day,
    further_by_hour,
    ledger_entries,
    ledger_retention,
    spend_by_day,
    spend_by_hour,
)
from gateway.storage.traffic_tables import (
    attempts_by_five_minutes,
    attempts_by_hour,
    traffic_by_five_minutes,
    traffic_by_hour,
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
    start = pruned_before(connection)
    found = [*check_spend(connection, start, None)]
    for table, true in _true_traffic(connection, start).items():
        found += _compared_by_key(connection, table, true, (start, None))
    return tuple(found)


def check_spend(connection: Connection, start: int, end: int | None) -> tuple[Difference, ...]:
    """Every sum of spend and of charges that differs, of the time from a moment to before another.

    Args:
        connection: To the migrated database.
        start: Microseconds since the epoch, where a day begins.
        end: The same; `None`: to the end.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: The database does not answer.
    """
    bounds = (start, end)
    true_hours = _true_hours(connection, bounds)
    found = list(_compared(spend_by_hour, "hour", _kept(connection, spend_by_hour, "hour", bounds), true_hours))
    true_days: dict[int, tuple[int, ...]] = {}
    for hour, figures in true_hours.items():
        known = true_days.get(hour // DAY_HOURS, (0,) * len(figures))
        true_days[hour // DAY_HOURS] = tuple(one + other for one, other in zip(known, figures, strict=True))
    found += _compared(spend_by_day, "day", _kept(connection, spend_by_day, "day", bounds), true_days)
    true_further = _true_further(connection, bounds)
    found += _compared_by_key(connection, further_by_hour, true_further, bounds)
    found += _compared_by_key(connection, further_by_day, per_day(true_further), bounds)
    found += _compared_by_key(connection, charged_by_hour, _true_charges(connection, bounds), bounds)
    return tuple(found)


def mend_sums(connection: Connection) -> None:
    """Makes all sums anew from the entries, while nobody else can add to them, nor prune what they are made from.

    Args:
        connection: In a transaction of `gateway.storage.engine.writing`.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: The database does not answer.
    """
    start = connection.scalar(select(ledger_retention.c.pruned_before).with_for_update()) or 0
    if connection.dialect.name == "postgresql":
        names = ", ".join(table.name for table in SUMS)
        connection.execute(text(f"LOCK TABLE {names} IN EXCLUSIVE MODE"))
    for table in SUMS:
        connection.execute(delete(table).where(*_within(table, (start, None))))
    kept = ledger_entries.c.occurred_at >= start
    entries = _streamed(connection, select(ledger_entries).where(kept)).mappings()
    for some in entries.partitions(_ROWS_AT_ONCE):
        records = [entry_of(dict(row)) for row in some]
        for table, sums in sums_of(records):
            add_to_sums(connection, table, _made(table, sums, start))


_Bounds = tuple[int, int | None]
_DAY_US: Final = DAY_HOURS * HOUR_US
_TIMES: Final[Mapping[Table, tuple[str, int]]] = {
    spend_by_hour: ("hour", HOUR_US),
    spend_by_day: ("day", _DAY_US),
    further_by_hour: ("hour", HOUR_US),
    further_by_day: ("day", _DAY_US),
    charged_by_hour: ("hour", HOUR_US),
    traffic_by_five_minutes: ("slot", FIVE_MINUTES_US),
    traffic_by_hour: ("slot", HOUR_US),
    attempts_by_five_minutes: ("slot", FIVE_MINUTES_US),
    attempts_by_hour: ("slot", HOUR_US),
}
"""The column of each table of sums that says when, and how many microseconds one of it is."""


def _first(table: Table, start: int) -> int:
    """From where on the rows of a table are made from the entries of a moment and later.

    An attempt counts when it ended: those of the last requests before that moment, which may have no rows any more, did
    within a day.
    """
    return (start + _DAY_US if start and table in WITH_LATEST else start) // _TIMES[table][1]


def _within(table: Table, bounds: _Bounds) -> list[ColumnElement[bool]]:
    name, unit = _TIMES[table]
    start, end = bounds
    return [table.c[name] >= _first(table, start), *([] if end is None else [table.c[name] < end // unit])]


def _made(table: Table, sums: Sums, start: int) -> Sums:
    """What belongs to the rows of a table that are made from entries."""
    if not start or table not in WITH_LATEST:
        return sums
    first = _first(table, start)
    return {key: figures for key, figures in sums.items() if key[0] >= first}


def _happened(bounds: _Bounds) -> list[ColumnElement[bool]]:
    at, (start, end) = ledger_entries.c.occurred_at, bounds
    return [at >= start, *([] if end is None else [at < end])]


def _streamed(connection: Connection, statement: Select[Any]) -> CursorResult[Any]:
    """The rows of one statement, a few at a time.

    The option is the statement's alone: on the connection it would hold for every later statement, and PostgreSQL
    opens no cursor for one that writes.
    """
    return connection.execute(statement, execution_options={"yield_per": _ROWS_AT_ONCE})


def _true_hours(connection: Connection, bounds: _Bounds) -> dict[int, tuple[int, ...]]:
    hour = ledger_entries.c.occurred_at // HOUR_US
    statement = select(hour, *figures_of(ledger_entries)).where(*_happened(bounds)).group_by(hour)
    rows: Iterable[Any] = connection.execute(statement)
    return {int(at): tuple(map(int, sums)) for at, *sums in rows}


def _kept(connection: Connection, table: Table, period: str, bounds: _Bounds) -> dict[int, tuple[int, ...]]:
    at = table.c[period]
    statement = select(at, *figures_of(table)).where(*_within(table, bounds)).group_by(at)
    rows: Iterable[Any] = connection.execute(statement)
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


def _compared_by_key(connection: Connection, table: Table, true: Sums, bounds: _Bounds) -> list[Difference]:
    width = len(table.primary_key.columns)
    names = [column.name for column in table.columns][width:]
    rows = connection.execute(select(table).where(*_within(table, bounds)))
    kept, true = {tuple(row[:width]): row[width:] for row in rows}, _made(table, true, bounds[0])
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


def _true_charges(connection: Connection, bounds: _Bounds) -> Sums:
    entries = ledger_entries.c
    # What cost nothing may count tokens and requests.
    charges_something = cast(entries.budgets, Text) != "[]"
    statement = select(entries.occurred_at, entries.budgets).where(charges_something, *_happened(bounds))
    charges: dict[tuple[str, int], tuple[int]] = {}
    rows: Iterable[Any] = _streamed(connection, statement)
    for occurred_at, budgets in rows:
        for counter, amount in budgets:
            key = counter, occurred_at // HOUR_US
            charges[key] = (charges.get(key, (0,))[0] + amount,)
    return charges


def _true_further(connection: Connection, bounds: _Bounds) -> Sums:
    entries = ledger_entries.c
    who = (entries[name] for name in DIMENSIONS)
    meant = entries.further.is_not(None), *_happened(bounds)
    statement = select(entries.occurred_at, entries.further, *who).where(*meant)
    sums: dict[Key, tuple[int]] = {}
    rows: Iterable[Any] = _streamed(connection, statement)
    for occurred_at, further, *named in rows:
        for kind, amount in further.items():
            key = occurred_at // HOUR_US, *named, kind
            sums[key] = (sums.get(key, (0,))[0] + amount,)
    return sums


def _true_traffic(connection: Connection, start: int) -> Mapping[Table, Sums]:
    true: dict[Table, dict[Key, Sequence[int]]] = {}
    columns = (ledger_entries.c[name] for name in _TRAFFIC)
    rows = _streamed(connection, select(*columns).where(ledger_entries.c.occurred_at >= start)).mappings()
    for some in rows.partitions(_ROWS_AT_ONCE):
        records = [DecisionRecord(request_id="", **{**row, "attempts": attempts_of(row["attempts"])}) for row in some]
        for table, sums in traffic_of(records):
            add_up(table, sums, true.setdefault(table, {}))
    return true
