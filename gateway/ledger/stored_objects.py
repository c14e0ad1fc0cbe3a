"""The index of what providers keep: which key made a response, a file or a conversation, and who holds it.

An id belongs to the key that made it. Two providers may give the same one, so it says nothing without its key.
"""

from collections.abc import Collection, Iterable, Sequence
from typing import Any, Final

from sqlalchemy import Connection, and_, delete, func, or_, select
from sqlalchemy.dialects import postgresql, sqlite

from gateway.ledger.counter_states import FRESH_US
from gateway.ledger.storable import stored_text
from gateway.ledger.stored_entry import StoredObject
from gateway.storage.statements import portions
from gateway.storage.tables import counter_nodes, stored_objects

_FORGIVEN_US: Final = 900_000_000
"""For so long after a node fell silent it may still hold entries in its spool that nobody else knows of."""


def keep(connection: Connection, entries: Iterable[StoredObject]) -> None:
    """Writes what is new, and takes out what is gone; of two entries of one id the later counts.

    Args:
        connection: In a transaction of `gateway.storage.engine.writing`.
        entries: In the order in which they were made.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: See `gateway.storage.engine.is_unavailable`.
    """
    latest = {(stored_text(one.virtual_key), stored_text(one.id)): one for one in entries}
    table = stored_objects.c
    gone = [key for key, one in sorted(latest.items()) if one.is_gone]
    for key, id_ in gone:
        connection.execute(delete(stored_objects).where(table.virtual_key == key, table.id == id_))
    # In one order, so that two transactions never wait for each other.
    rows: list[dict[str, Any]] = [
        {
            "virtual_key": key,
            "id": id_,
            "kind": stored_text(one.kind),
            "provider": stored_text(one.provider),
            "created_at": one.created_at,
            "digest": one.digest,
        }
        for (key, id_), one in sorted(latest.items())
        if not one.is_gone
    ]
    if not rows:
        return
    statement = (postgresql if connection.dialect.name == "postgresql" else sqlite).insert(stored_objects)
    values = {name: statement.excluded[name] for name in ("kind", "provider", "created_at", "digest")}
    connection.execute(statement.on_conflict_do_update(index_elements=["virtual_key", "id"], set_=values), rows)


def find(connection: Connection, virtual_key: str, ids: Collection[str]) -> dict[str, StoredObject]:
    """Those of some ids that are a key's own.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: The database does not answer.
    """
    table = stored_objects.c
    asked = {stored_text(id_): id_ for id_ in ids}
    found: dict[str, StoredObject] = {}
    for some in portions(list(asked)):
        chosen = select(stored_objects).where(table.virtual_key == stored_text(virtual_key), table.id.in_(some))
        for row in connection.execute(chosen).mappings():
            found[asked[row["id"]]] = StoredObject(**{**row, "id": asked[row["id"]], "virtual_key": virtual_key})
    return found


def page(
    connection: Connection, virtual_key: str, kind: str, limit: int, *, behind: StoredObject | None, ascending: bool
) -> Sequence[StoredObject]:
    """A key's own objects of one kind by when they were made, newest first unless `ascending`.

    Args:
        connection: To the migrated database.
        virtual_key: The identity of the key.
        kind: What is listed.
        limit: How many at most.
        behind: The last one of the page before.
        ascending: Whether the oldest come first.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: The database does not answer.
    """
    table = stored_objects.c
    chosen = select(stored_objects).where(table.virtual_key == stored_text(virtual_key), table.kind == kind)
    if behind is not None:
        at, id_ = behind.created_at, stored_text(behind.id)
        if ascending:
            chosen = chosen.where(or_(table.created_at > at, and_(table.created_at == at, table.id > id_)))
        else:
            chosen = chosen.where(or_(table.created_at < at, and_(table.created_at == at, table.id < id_)))
    order = (table.created_at, table.id) if ascending else (table.created_at.desc(), table.id.desc())
    rows = connection.execute(chosen.order_by(*order).limit(limit)).mappings()
    return [StoredObject(**row) for row in rows]


def may_be_unwritten(connection: Connection, now: int) -> bool:
    """Whether a node fell silent lately, so that its spool may have entries that are not in the database.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: The database does not answer.
    """
    reported_at = counter_nodes.c.reported_at
    silent = select(func.count()).where(reported_at < now - FRESH_US, reported_at >= now - _FORGIVEN_US)
    return bool(connection.scalar(silent))
