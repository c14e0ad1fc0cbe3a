"""Which settlements of shared counters the ledger has, by process: up to a number, since each ends up there in order.

A process numbers what it settles in the order in which it writes entries, its spool keeps that order, and so does who
ships it. So one number for each process says of every settlement whether it is in the sums
(`gateway.counters.redis_settlements`). Its name ends with that of the counters it shares, since others may be counted
from the same ledger.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Final

import msgspec
from sqlalchemy import Connection, delete, select, text

from gateway.storage.tables import settled_until
from gateway.telemetry.decision_record import DecisionRecord

_SETTLED: Final = re.compile(r"([0-9A-Z]{26}@[^@]{1,100}):([0-9]{1,18})")
_FORGOTTEN_AFTER_US: Final = 86_400_000_000
"""One that is there says so itself when counters are set to the ledger; one that is gone may have left entries."""

_RAISE: Final = text(
    "INSERT INTO settled_until (process, number, told_at) VALUES (:process, :number, :at) "
    "ON CONFLICT (process) DO UPDATE SET number = excluded.number, told_at = excluded.told_at "
    "WHERE settled_until.number <= excluded.number"
)


def settled_by(entries: Iterable[DecisionRecord]) -> dict[str, int]:
    """Up to which number these entries, which lie in their order, have what each process settled."""
    found: dict[str, int] = {}
    for entry in entries:
        if entry.settled_until is not msgspec.UNSET:
            for process, number in parsed(entry.settled_until).items():
                found[process] = max(number, found.get(process, 0))
    return found


def parsed(settled: str) -> dict[str, int]:
    """Process and number of a text such as `01K...@gw:default:153`; nothing of any other."""
    found = _SETTLED.fullmatch(settled)
    return {} if found is None else {found[1]: int(found[2])}


def raise_settled(connection: Connection, settled: Mapping[str, int], at: int) -> None:
    """Keeps up to which number each process is in the ledger; never a lower one than before.

    Args:
        connection: In the transaction of `gateway.storage.engine.writing` that adds their entries to the sums.
        settled: By process.
        at: Now, in microseconds since the epoch.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: See `gateway.storage.engine.is_unavailable`.
    """
    rows = [{"process": process, "number": settled[process], "at": at} for process in sorted(settled)]
    if rows:
        connection.execute(_RAISE, rows)


def forget_settled(connection: Connection, at: int) -> None:
    """Forgets processes that have told nothing for a day, which are gone or idle; `at` is now, in microseconds.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: See `gateway.storage.engine.is_unavailable`.
    """
    connection.execute(delete(settled_until).where(settled_until.c.told_at < at - _FORGOTTEN_AFTER_US))


def all_settled(connection: Connection, since: int = 0) -> dict[str, int]:
    """By process, up to which number its settlements are in the ledger.

    Args:
        connection: To the migrated database.
        since: Only of processes that have told it from then on, in microseconds since the epoch.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: The database does not answer.
    """
    table = settled_until.c
    chosen = select(table.process, table.number).where(table.told_at >= since)
    return {process: int(number) for process, number in connection.execute(chosen)}
