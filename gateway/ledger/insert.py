"""Records into the database, each once, with the sums that reports, counters and operations are read from."""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import Connection

from gateway.ledger.rows import columns_of
from gateway.ledger.storable import kept
from gateway.ledger.sums import sums_of
from gateway.storage.insert import add_to_sums, insert_missing
from gateway.storage.tables import ledger_entries
from gateway.telemetry.decision_record import DecisionRecord

_TOGETHER: Final = 256
"""Entries whose rows are made at once: Python's lock is taken meanwhile, and free while the database inserts them."""


def insert_entries(connection: Connection, entries: Sequence[DecisionRecord]) -> int:
    """Inserts the entries that are not in the ledger yet, adds exactly those to the sums, and returns how many.

    Args:
        connection: In a transaction of `gateway.storage.engine.writing`; rows and sums become visible together.
        entries: In any order; of two with one `request_id` the first counts.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: See `gateway.storage.engine.is_unavailable`.
    """
    records = [*map(kept, entries)]
    by_id = {record.request_id: record for record in reversed(records)}
    if len(by_id) < len(records):
        records = [*by_id.values()]
    if not records:
        return 0
    known: set[str] = set()
    for begin in range(0, len(records), _TOGETHER):
        known |= insert_missing(connection, ledger_entries, columns_of(records[begin : begin + _TOGETHER]))
    if known:
        records = [record for record in records if record.request_id not in known]
    for table, sums in sums_of(records):
        add_to_sums(connection, table, sums)
    return len(records)
