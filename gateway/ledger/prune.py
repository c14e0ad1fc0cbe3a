"""Takes the rows of old requests out of the ledger, a month at a time. What they spent stands in the sums.

1. the sums of the month are compared with its rows: where they differ nothing is pruned
2. one short transaction says that the month is pruned. From then on the sums alone are the truth about it, no entry of
   it is inserted any more, whichever version inserts, and in PostgreSQL the table of the month is gone with it
3. what is left of its rows is deleted, a few in each transaction

Wherever it is broken off, the next run goes on. One process prunes at a time, by a lease in the database.
"""

import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Final

import msgspec
from sqlalchemy import Connection, Engine, delete, func, or_, select, update
from sqlalchemy.exc import SQLAlchemyError

from gateway import clock
from gateway.ledger.check import check_spend
from gateway.ledger.period import moment_text
from gateway.ledger.retention import pruned_before
from gateway.storage import partitions
from gateway.storage.engine import reading, writing
from gateway.storage.partitions import month_start
from gateway.storage.tables import ledger_entries, ledger_retention

MOST_ROWS: Final = 500
"""Rows that one transaction deletes: some ten milliseconds, for which SQLite lets nobody else write."""
_REST_S: Final = 0.05
"""Between two of them, so that others who want to write come first."""
_LEASE_US: Final = 300_000_000
_CLOCKS_APART_US: Final = 3_600_000_000


class PruneError(Exception):
    """Nothing more is pruned now; the message says why, and what to do."""


class HeldError(PruneError):
    """Another process prunes, which is as well."""


class Month(msgspec.Struct, frozen=True):
    """Requests of one month that have rows: from when to before when, how many, and what they cost in nano-USD."""

    start: int
    end: int
    requests: int
    cost_nano_usd: int


def prospect(connection: Connection, since: int) -> tuple[Month, ...]:
    """What pruning everything before a moment would take, oldest first.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: The database does not answer.
    """
    found = (_counted(connection, start, end) for start, end in _months(connection, since))
    return tuple(month for month in found if month.requests)


def prune(engine: Engine, since: int, *, go_on: Callable[[], bool] = lambda: True) -> int:
    """Prunes every request before a moment, and returns how many rows went.

    Args:
        engine: Of a migrated database.
        since: Microseconds since the epoch, where a month begins; see `gateway.ledger.retention.kept_since`.
        go_on: Asked between two transactions.

    Raises:
        PruneError: Sums and rows differ, clocks do, or another process prunes (`HeldError`).
        StorageError: Others held the ledger for too long.
        sqlalchemy.exc.SQLAlchemyError: See `gateway.storage.engine.is_unavailable`.
    """
    holder = f"{socket.gethostname()}:{os.getpid()}"
    with writing(engine) as connection:
        _check_clock(connection)
        _hold(connection, holder)
    try:
        if engine.dialect.name == "postgresql":
            partitions.cut(engine, clock.microseconds())
        with reading(engine) as connection:
            months = [*_months(connection, since)]
        return sum(_prune_month(engine, holder, start, end, go_on) for start, end in months if go_on())
    finally:
        with suppress(SQLAlchemyError), writing(engine) as connection:  # a lease that stays ends by itself
            mine = update(ledger_retention).where(ledger_retention.c.holder == holder)
            connection.execute(mine.values(holder="", held_until=0))


def _check_clock(connection: Connection) -> None:
    """A machine whose clock is far ahead would prune what is to be kept, and what came in after it would be refused.

    SQLite has no clock of its own.
    """
    if connection.dialect.name != "postgresql":
        return
    there = int(connection.execute(select(func.extract("epoch", func.clock_timestamp()))).scalar_one() * 1_000_000)
    here = clock.microseconds()
    if abs(here - there) > _CLOCKS_APART_US:
        raise PruneError(
            f"it is {moment_text(here)} by the clock of this machine and {moment_text(there)} by that of the database; "
            "set the one that is wrong"
        )


def _months(connection: Connection, since: int) -> Iterator[tuple[int, int]]:
    """The months before a moment that have rows, and those that lie between them."""
    oldest = connection.scalar(select(func.min(ledger_entries.c.occurred_at)))
    start = since if oldest is None else month_start(max(0, oldest))
    while start < since:
        end = month_start(start, 1)
        yield start, end
        start = end


def _counted(connection: Connection, start: int, end: int) -> Month:
    at, cost = ledger_entries.c.occurred_at, func.coalesce(func.sum(ledger_entries.c.cost_nano_usd), 0)
    requests, spent = connection.execute(select(func.count(), cost).where(at >= start, at < end)).one()
    return Month(start, end, int(requests), int(spent))


def _prune_month(engine: Engine, holder: str, start: int, end: int, go_on: Callable[[], bool]) -> int:
    with reading(engine) as connection:
        month = _counted(connection, start, end)
        if end > pruned_before(connection) and check_spend(connection, start, end):
            raise PruneError(
                f"the sums of {moment_text(start)[:7]} are not what its requests add up to; run `gateway check-ledger "
                "--repair` first"
            )
    _say_pruned(engine, holder, end)
    last: int | None = 0
    while last is not None and go_on():
        last = _delete_some(engine, holder, last, end)
        time.sleep(_REST_S)
    return month.requests


def _say_pruned(engine: Engine, holder: str, before: int) -> None:
    """The month is over; that of a later one that was pruned before stays."""

    def change(connection: Connection) -> None:
        _hold(connection, holder)
        if pruned_before(connection) < before:
            connection.execute(update(ledger_retention).values(pruned_before=before))
            partitions.retain(connection, before)

    partitions.in_a_moment(engine, change)


def _delete_some(engine: Engine, holder: str, start: int, before: int) -> int | None:
    """Deletes the oldest rows from a moment on, and returns that of the last of them; `None` where there were none.

    PERF: what was deleted lies in PostgreSQL's index for a while, and would be passed by again and again.
    """
    rows = ledger_entries.c
    meant = rows.occurred_at >= start, rows.occurred_at < before
    oldest = select(rows.request_id, rows.occurred_at).where(*meant).order_by(rows.occurred_at).limit(MOST_ROWS)
    with writing(engine) as connection:
        _hold(connection, holder)
        found = connection.execute(oldest).all()
        if not found:
            return None
        connection.execute(delete(ledger_entries).where(*meant, rows.request_id.in_([row.request_id for row in found])))
        return int(found[-1].occurred_at)


def _hold(connection: Connection, holder: str) -> None:
    """Takes the lease or keeps it. Raises `HeldError` where another process has it."""
    now, row = clock.microseconds(), ledger_retention.c
    free = or_(row.holder == holder, row.holder == "", row.held_until < now)
    taken = update(ledger_retention).where(free).values(holder=holder, held_until=now + _LEASE_US)
    if connection.execute(taken).rowcount:
        return
    other, until = connection.execute(select(row.holder, row.held_until)).one()
    raise HeldError(f"{other} prunes at present; without a word of it that ends at {moment_text(until)}")
