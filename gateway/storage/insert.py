"""`INSERT ... ON CONFLICT` of many rows at once.

PERF: statements are text, rows are tuples, and a statement takes many of them: SQLAlchemy's way of a dictionary per row
costs several times what the database does.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import chain
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, Integer, String, Table, exc, func, select, text
from sqlalchemy.types import Boolean

Row = Sequence[Any]
Columns = Mapping[str, Sequence[Any]]
_AT_ONCE: Final = 20
"""Rows per statement of SQLite: Python's lock is free while one runs, and taken again after it."""
_ROWS_AT_ONCE: Final = (64, 32, 16, 8, 4, 2, 1)
"""Rows per statement of SQLite where they are many: few different statements, which the driver keeps prepared."""
_MOST_VALUES: Final = 999
"""Bound by one statement, as older versions of SQLite limit them."""
_LATEST: Final = "last_at"


def insert_missing(connection: Connection, table: Table, columns: Columns) -> set[str]:
    """Inserts the rows whose primary key is not there yet and returns the keys of the others.

    Args:
        connection: In a transaction of `gateway.storage.engine.writing`.
        table: With a primary key of one text column.
        columns: All of the table's, each with one value per row; no key twice; JSON is text.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: See `gateway.storage.engine.is_unavailable`.
    """
    if connection.dialect.name == "postgresql":
        return _insert_missing_into_postgresql(connection, table, columns)
    return _insert_missing_into_sqlite(connection, table, columns)


def add_to_sums(connection: Connection, table: Table, sums: Mapping[tuple[Any, ...], Sequence[int]]) -> None:
    """Adds figures to the row of each primary key, or inserts it.

    The rows are sorted by key first: two transactions that add to the same rows wait for each other in one order, and
    never both.

    Args:
        connection: In a transaction of `gateway.storage.engine.writing`.
        table: Its primary key comes first. Every other column is a sum, or, as `last_at`, the largest of all.
        sums: By key, the other columns in the table's order.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: See `gateway.storage.engine.is_unavailable`.
    """
    if not sums:
        return
    rows = [(*key, *sums[key]) for key in sorted(sums)]
    columns = tuple(column.name for column in table.columns)
    if connection.dialect.name == "postgresql":
        statement = f"{_from_json(table, columns)} {_adding(table, 'GREATEST')}"
        connection.execute(text(statement), {"rows": _records(table, columns, rows)})
        return
    _execute_many(connection, f"{_into(table, columns)} VALUES ", f" {_adding(table, 'max')}", rows)


def _execute_many(connection: Connection, head: str, tail: str, rows: Sequence[Row]) -> None:
    if not rows:
        return
    places = f"({', '.join('?' * len(rows[0]))})"
    whole = len(rows) - len(rows) % _AT_ONCE
    statement = head + ", ".join([places] * _AT_ONCE) + tail
    for begin in range(0, whole, _AT_ONCE):
        connection.exec_driver_sql(statement, tuple(chain.from_iterable(rows[begin : begin + _AT_ONCE])))
    if whole < len(rows):
        connection.exec_driver_sql(head + places + tail, [tuple(row) for row in rows[whole:]])


@lru_cache(maxsize=32)
def _adding(table: Table, larger: str) -> str:
    keys = ", ".join(column.name for column in table.primary_key.columns)
    changed = ", ".join(
        f"{name} = {larger}({table.name}.{name}, excluded.{name})"
        if name == _LATEST
        else f"{name} = {table.name}.{name} + excluded.{name}"
        for name in (column.name for column in table.columns if not column.primary_key)
    )
    return f"ON CONFLICT ({keys}) DO UPDATE SET {changed}"


def _insert_missing_into_sqlite(connection: Connection, table: Table, columns: Columns) -> set[str]:
    """PERF: most of what an insert costs is binding its values, so those that all rows share are bound once for many.

    The transaction holds SQLite's only write lock: what is not there when a statement begins is not there when it ends.
    """
    key = next(iter(table.primary_key.columns)).name
    shared = tuple(name for name, values in columns.items() if name != key and values.count(values[0]) == len(values))
    own = (key, *(name for name in columns if name != key and name not in shared))
    common = [columns[name][0] for name in shared]
    at_once = next(count for count in _ROWS_AT_ONCE if count * len(own) + len(shared) <= _MOST_VALUES or count == 1)
    known: set[str] = set()
    begin, behind = 0, len(columns[key])
    while begin < behind:
        count = next(count for count in _ROWS_AT_ONCE if count <= min(at_once, behind - begin))
        rows = [*zip(*(columns[name][begin : begin + count] for name in own), strict=True)]
        try:
            connection.exec_driver_sql(_insert_of(table, shared, own, count), (*common, *chain.from_iterable(rows)))
        except exc.IntegrityError:
            there = _known(connection, table, columns[key][begin : begin + count])
            known |= there
            for row in rows:
                if row[0] not in there:
                    connection.exec_driver_sql(_insert_of(table, shared, own, 1), (*common, *row))
        begin += count
    return known


@lru_cache(maxsize=64)
def _insert_of(table: Table, shared: tuple[str, ...], own: tuple[str, ...], count: int) -> str:
    """Inserts so many rows: first comes the value of each shared column, then, row by row, those of its own."""
    places = f"({', '.join('?' * len(own))})"
    values = ", ".join([*("?" * len(shared)), "own.*"])
    return f"{_into(table, (*shared, *own))} SELECT {values} FROM (VALUES {', '.join([places] * count)}) AS own"  # noqa: S608 - names of our own


def _known(connection: Connection, table: Table, keys: Sequence[str]) -> set[str]:
    key = next(iter(table.primary_key.columns))
    asked = func.json_each(_json(keys)).table_valued("value")
    return set(connection.scalars(select(key).where(key.in_(select(asked.c.value)))))


def _insert_missing_into_postgresql(connection: Connection, table: Table, columns: Columns) -> set[str]:
    key = next(iter(table.primary_key.columns)).name
    statement = text(f"{_from_json(table, tuple(columns))} ON CONFLICT DO NOTHING RETURNING {key}")
    rows = zip(*columns.values(), strict=True)
    inserted = connection.scalars(statement, {"rows": _records(table, tuple(columns), rows)})
    return set(columns[key]).difference(inserted)


@lru_cache(maxsize=32)
def _from_json(table: Table, columns: tuple[str, ...]) -> str:
    """PERF: the rows travel as one JSON text that the server takes apart, not as thousands of bound parameters."""
    types = ", ".join(f"{name} {_record_type(table, name)}" for name in columns)
    records = f"json_to_recordset(CAST(:rows AS json)) AS records({types})"
    return f"{_into(table, columns)} SELECT {', '.join(columns)} FROM {records}"  # noqa: S608 - names of our own


def _into(table: Table, columns: tuple[str, ...]) -> str:
    return f"INSERT INTO {table.name} ({', '.join(columns)})"


def _records(table: Table, columns: tuple[str, ...], rows: Iterable[Row]) -> str:
    json = [place for place, name in enumerate(columns) if _record_type(table, name) == "jsonb"]
    if not json:
        return _json([dict(zip(columns, row, strict=True)) for row in rows])
    records = []
    for row in rows:
        values = [*row]
        for place in json:
            values[place] = None if row[place] is None else msgspec.Raw(row[place].encode())
        records.append(dict(zip(columns, values, strict=True)))
    return _json(records)


@lru_cache(maxsize=256)
def _record_type(table: Table, name: str) -> str:
    kind = table.columns[name].type
    if isinstance(kind, Boolean):
        return "boolean"
    if isinstance(kind, Integer):
        return "bigint"
    return "text" if isinstance(kind, String) else "jsonb"


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
