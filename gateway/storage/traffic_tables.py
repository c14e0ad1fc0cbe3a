"""The tables of sums for operations, beside those of `tables`; written in the transaction that inserts the entries."""

from typing import Any

from sqlalchemy import BigInteger, Column, Integer, Table

from gateway.storage.tables import Name, metadata


def _sums_table(name: str, keys: tuple[Column[Any], ...], *figures: str) -> Table:
    return Table(
        name,
        metadata,
        Column("slot", BigInteger, primary_key=True, autoincrement=False),
        *keys,
        Column("bucket", Integer, primary_key=True, autoincrement=False),
        *(Column(figure, BigInteger, nullable=False) for figure in figures),
        sqlite_with_rowid=False,
    )


def _traffic_table(name: str) -> Table:
    status = Column("status", Integer, primary_key=True, autoincrement=False)
    return _sums_table(
        name, (status, *(Column(one, Name, primary_key=True) for one in ("outcome", "error_code"))), "requests"
    )


def _attempts_table(name: str) -> Table:
    keys = tuple(Column(one, Name, primary_key=True) for one in ("provider", "outcome"))
    return _sums_table(name, keys, "attempts", "last_at")


traffic_by_five_minutes = _traffic_table("traffic_by_five_minutes")
"""How many requests ended how, by how long they took (`gateway.ledger.latency`); `slot` counts from the epoch."""
traffic_by_hour = _traffic_table("traffic_by_hour")
"""The same per hour."""
attempts_by_five_minutes = _attempts_table("attempts_by_five_minutes")
"""The same of calls to providers, those that another provider's answer followed included; `last_at` is the moment of
the latest in microseconds."""
attempts_by_hour = _attempts_table("attempts_by_hour")
"""The same per hour."""
