"""Entries into the database, each once, with the sums that reports and counters are read from."""

from collections.abc import Iterable, Sequence
from operator import itemgetter
from typing import Any, Final

from sqlalchemy import Connection, Table

from gateway.ledger.entry import LedgerEntry
from gateway.ledger.rows import DAY_HOURS, HOUR_US, row_of
from gateway.storage.insert import add_to_sums, insert_missing
from gateway.storage.tables import DIMENSIONS, TOKENS, charged_by_hour, ledger_entries, spend_by_day, spend_by_hour

_SUMS: Final = ("requests", *TOKENS, "cost_nano_usd")


def insert_entries(connection: Connection, entries: Sequence[LedgerEntry]) -> int:
    """Inserts the entries that are not in the ledger yet, adds exactly those to the sums, and returns how many.

    Args:
        connection: In a transaction of `gateway.storage.engine.writing`; rows and sums become visible together.
        entries: In any order; of two with one `request_id` the first counts.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: See `gateway.storage.engine.is_unavailable`.
    """
    rows: dict[str, dict[str, Any]] = {}
    for entry in entries:
        row = row_of(entry)
        rows.setdefault(row["request_id"], row)
    if not rows:
        return 0
    inserted = insert_missing(connection, ledger_entries, list(rows.values()))
    new = [row for request_id, row in rows.items() if request_id in inserted]
    for table, sums in sums_of(new):
        add_to_sums(connection, table, sums)
    return len(new)


def sums_of(rows: Sequence[dict[str, Any]]) -> tuple[tuple[Table, list[dict[str, Any]]], ...]:
    """What rows of `ledger_entries` add to each table of sums."""
    by_hour = _summed(("hour", *DIMENSIONS), [_first_sum(row) for row in rows])
    by_day = _summed(("day", *DIMENSIONS), [{**row, "day": row["hour"] // DAY_HOURS} for row in by_hour])
    return (spend_by_hour, by_hour), (spend_by_day, by_day), (charged_by_hour, _charges(rows))


def _first_sum(row: dict[str, Any]) -> dict[str, Any]:
    return {**row, "hour": row["occurred_at"] // HOUR_US, "requests": 1}


def _summed(keys: tuple[str, ...], rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows with the same keys added up, without any other member."""
    sums: dict[tuple[Any, ...], Sequence[int]] = {}
    key_of, figures_of = itemgetter(*keys), itemgetter(*_SUMS)
    for row in rows:
        key, figures = key_of(row), figures_of(row)
        known = sums.get(key)
        sums[key] = figures if known is None else [one + other for one, other in zip(known, figures, strict=True)]
    names = (*keys, *_SUMS)
    return [dict(zip(names, (*key, *figures), strict=True)) for key, figures in sums.items()]


def _charges(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    sums: dict[tuple[str, int], int] = {}
    for row in rows:
        hour = row["occurred_at"] // HOUR_US
        for counter, amount in row["budgets"]:
            sums[counter, hour] = sums.get((counter, hour), 0) + amount
    return [{"counter": counter, "hour": hour, "amount": amount} for (counter, hour), amount in sums.items()]
