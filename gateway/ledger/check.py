"""Does everything that is derived from the ledger's entries still say what they say? And if not, made so again.

Derived are the sums per hour and per day, which reports read, and what was charged to counters per hour, from which
counters are rebuilt.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, Table, delete, func, select, text

from gateway.ledger.insert import sums_of
from gateway.ledger.rows import DAY_HOURS, HOUR_US
from gateway.storage.insert import add_to_sums
from gateway.storage.tables import TOKENS, charged_by_hour, ledger_entries, spend_by_day, spend_by_hour

_FIGURES: Final = ("requests", *TOKENS, "cost_nano_usd")
_ROWS_AT_ONCE: Final = 5_000


class Difference(msgspec.Struct, frozen=True):
    """One sum that is not what the entries add up to; nano-USD, or for `requests` and tokens their number.

    `what` names the sum, such as `spend_by_hour 492600 cost_nano_usd`.
    """

    what: str
    kept: int
    true: int


def check_sums(connection: Connection) -> tuple[Difference, ...]:
    """Every sum of every hour, day and counter that differs, in order.

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
    true_charges = _true_charges(connection)
    table = charged_by_hour.c
    kept = {(row.counter, row.hour): int(row.amount) for row in connection.execute(select(charged_by_hour))}
    found += [
        Difference(f"{table.amount.table.name} {hour} {counter}", kept.get((counter, hour), 0), true)
        for (counter, hour), true in sorted((dict.fromkeys(kept, 0) | true_charges).items())
        if kept.get((counter, hour), 0) != true
    ]
    return tuple(found)


def mend_sums(connection: Connection) -> None:
    """Makes all sums anew from the entries, while nobody else can add to them.

    Args:
        connection: In a transaction of `gateway.storage.engine.writing`.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: The database does not answer.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text("LOCK TABLE spend_by_hour, spend_by_day, charged_by_hour IN EXCLUSIVE MODE"))
    for table in (spend_by_hour, spend_by_day, charged_by_hour):
        connection.execute(delete(table))
    entries = connection.execution_options(yield_per=_ROWS_AT_ONCE).execute(select(ledger_entries)).mappings()
    for some in entries.partitions(_ROWS_AT_ONCE):
        for table, rows in sums_of([dict(row) for row in some]):
            add_to_sums(connection, table, rows)


def _true_hours(connection: Connection) -> dict[int, tuple[int, ...]]:
    hour = ledger_entries.c.occurred_at // HOUR_US
    figures = (func.count(), *(func.sum(ledger_entries.c[name]) for name in _FIGURES[1:]))
    rows: Iterable[Any] = connection.execute(select(hour, *figures).group_by(hour))
    return {int(at): tuple(map(int, sums)) for at, *sums in rows}


def _kept(connection: Connection, table: Table, period: str) -> dict[int, tuple[int, ...]]:
    columns = table.c
    figures = (func.sum(columns[name]) for name in _FIGURES)
    rows: Iterable[Any] = connection.execute(select(columns[period], *figures).group_by(columns[period]))
    return {int(at): tuple(map(int, sums)) for at, *sums in rows}


def _compared(
    table: Table, period: str, kept: dict[int, tuple[int, ...]], true: dict[int, tuple[int, ...]]
) -> list[Difference]:
    nothing: Sequence[int] = (0,) * len(_FIGURES)
    return [
        Difference(f"{table.name} {period} {at} {name}", was, should)
        for at in sorted(kept.keys() | true.keys())
        for name, was, should in zip(_FIGURES, kept.get(at, nothing), true.get(at, nothing), strict=True)
        if was != should
    ]


def _true_charges(connection: Connection) -> dict[tuple[str, int], int]:
    charges: dict[tuple[str, int], int] = {}
    statement = select(ledger_entries.c.occurred_at, ledger_entries.c.budgets).where(ledger_entries.c.cost_nano_usd > 0)
    for occurred_at, budgets in connection.execution_options(yield_per=_ROWS_AT_ONCE).execute(statement):
        for counter, amount in budgets:
            key = counter, occurred_at // HOUR_US
            charges[key] = charges.get(key, 0) + amount
    return charges
