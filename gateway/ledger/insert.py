"""Records into the database, each once, with the sums that reports, counters and operations are read from."""

from collections.abc import Sequence

from sqlalchemy import Connection, Table

from gateway.ledger.pace import Pace
from gateway.ledger.rows import columns_of
from gateway.ledger.storable import kept
from gateway.ledger.sums import Key, add_up, sums_of
from gateway.storage.insert import add_to_sums, insert_missing
from gateway.storage.tables import ledger_entries
from gateway.telemetry.decision_record import DecisionRecord
from gateway.turns import turns


def insert_entries(connection: Connection, entries: Sequence[DecisionRecord], pace: Pace) -> int:
    """Inserts the entries that are not in the ledger yet, adds exactly those to the sums, and returns how many.

    Args:
        connection: In a transaction of `gateway.storage.engine.writing`; rows and sums become visible together.
        entries: In any order; of two with one `request_id` the first counts.
        pace: Its rests lie within the transaction: whoever waits for a lock of SQLite waits for them too.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: See `gateway.storage.engine.is_unavailable`.
    """
    records: list[DecisionRecord] = []
    for begin in turns(range(0, len(entries), pace.inserted), 1, pace.rest_s):
        records += _insert(connection, entries[begin : begin + pace.inserted])
    sums: dict[Table, dict[Key, Sequence[int]]] = {}
    for begin in turns(range(0, len(records), pace.summed), 1, pace.rest_s):
        for table, parts in sums_of(records[begin : begin + pace.summed]):
            add_up(table, parts, sums.setdefault(table, {}))
    for table, of_table in sums.items():
        add_to_sums(connection, table, of_table)
    return len(records)


def _insert(connection: Connection, entries: Sequence[DecisionRecord]) -> list[DecisionRecord]:
    """Inserts those that are not there yet, and returns them as they are kept."""
    records = [*map(kept, entries)]
    by_id = {record.request_id: record for record in reversed(records)}
    if len(by_id) < len(records):
        records = [*by_id.values()]
    known = insert_missing(connection, ledger_entries, columns_of(records))
    return [record for record in records if record.request_id not in known] if known else records
