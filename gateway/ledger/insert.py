"""Records into the database, each once, with the sums that reports, counters and operations are read from."""

from collections.abc import Sequence

from sqlalchemy import Connection

from gateway.ledger.rows import COLUMNS, Row, row_of
from gateway.ledger.storable import kept
from gateway.ledger.sums import sums_of
from gateway.ledger.turns import turns
from gateway.storage.insert import add_to_sums, insert_missing
from gateway.storage.tables import ledger_entries
from gateway.telemetry.decision_record import DecisionRecord


def insert_entries(connection: Connection, entries: Sequence[DecisionRecord]) -> int:
    """Inserts the entries that are not in the ledger yet, adds exactly those to the sums, and returns how many.

    Args:
        connection: In a transaction of `gateway.storage.engine.writing`; rows and sums become visible together.
        entries: In any order; of two with one `request_id` the first counts.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: See `gateway.storage.engine.is_unavailable`.
    """
    records: dict[str, DecisionRecord] = {}
    rows: dict[str, Row] = {}
    for entry in turns(entries):
        record = kept(entry)
        if record.request_id not in records:
            records[record.request_id] = record
            rows[record.request_id] = row_of(record)
    if not records:
        return 0
    inserted = insert_missing(connection, ledger_entries, COLUMNS, rows)
    if len(inserted) < len(rows):
        records = {key: record for key, record in records.items() if key in inserted}
        rows = {key: row for key, row in rows.items() if key in inserted}
    for table, sums in sums_of(list(records.values()), list(rows.values())).items():
        add_to_sums(connection, table, sums)
    return len(inserted)
