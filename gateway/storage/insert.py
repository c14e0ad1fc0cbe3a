"""`INSERT ... ON CONFLICT`, which both databases have and SQLAlchemy spells once per database."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import BigInteger, Column, Connection, Integer, String, Table, Text, bindparam, column, func, select
from sqlalchemy.dialects import postgresql, sqlite

Rows = Sequence[Mapping[str, Any]]


def insert_missing(connection: Connection, table: Table, rows: Rows) -> set[str]:
    """Inserts the rows whose primary key is not there yet and returns the keys of those.

    Args:
        connection: In a transaction of `gateway.storage.engine.writing`.
        table: With a primary key of one text column.
        rows: One member per column of `table`; no key twice.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: See `gateway.storage.engine.is_unavailable`.
    """
    key = next(iter(table.primary_key.columns))
    if connection.dialect.name == "postgresql":
        return _insert_missing_into_postgresql(connection, table, key, rows)
    # The transaction holds SQLite's only write lock, so what is not there now is not there in the next statement.
    asked = func.json_each(_json([row[key.name] for row in rows])).table_valued("value")
    known = set(connection.scalars(select(key).where(key.in_(select(asked.c.value)))))
    new = [row for row in rows if row[key.name] not in known]
    if new:
        connection.execute(table.insert(), new)
    return {row[key.name] for row in new}


def add_to_sums(connection: Connection, table: Table, rows: Rows) -> None:
    """Adds each row's figures to the row of the same primary key, or inserts it.

    The rows are sorted by key first: two transactions that add to the same rows wait for each other in one order, and
    never both.

    Args:
        connection: In a transaction of `gateway.storage.engine.writing`.
        table: Every column outside of its primary key is a sum.
        rows: One member per column of `table`; no key twice.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: See `gateway.storage.engine.is_unavailable`.
    """
    if not rows:
        return
    keys = [one.name for one in table.primary_key.columns]
    statement = (postgresql if connection.dialect.name == "postgresql" else sqlite).insert(table)
    sums = {one.name: one + statement.excluded[one.name] for one in table.columns if not one.primary_key}
    ordered = sorted(rows, key=lambda row: [row[name] for name in keys])
    connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=sums), ordered)


def _insert_missing_into_postgresql(connection: Connection, table: Table, key: Column[Any], rows: Rows) -> set[str]:
    """PERF: the rows travel as one JSON text that the server takes apart, not as thousands of bound parameters."""
    records = (
        func.json_to_recordset(bindparam("rows", type_=Text()).cast(postgresql.JSON))
        .table_valued(*(column(one.name, _record_type(one)) for one in table.columns), name="records")
        .render_derived(with_types=True)
    )
    names = [one.name for one in table.columns]
    statement = postgresql.insert(table).from_select(names, select(*records.columns)).on_conflict_do_nothing()
    return set(connection.scalars(statement.returning(key), {"rows": _json(rows)}))


def _record_type(one: Column[Any]) -> BigInteger | Text | postgresql.JSONB:
    if isinstance(one.type, Integer):
        return BigInteger()
    return Text() if isinstance(one.type, String) else postgresql.JSONB()


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
