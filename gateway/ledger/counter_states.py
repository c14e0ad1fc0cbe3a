"""What serving processes hold of each counter at present, told through the database.

Every node reports about once a second and writes only what changed; a row of `counter_nodes` says when it last did. A
node that fell silent holds nothing that anybody can rely on: its rows are left out after a while, and forgotten after
a day.
"""

from collections.abc import Collection, Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, Table, delete, func, select
from sqlalchemy.dialects import postgresql, sqlite

from gateway.ledger.storable import stored_text
from gateway.storage.statements import portions
from gateway.storage.tables import counter_nodes, counter_states

FRESH_US: Final = 10_000_000
"""How long what a node reported counts, in microseconds."""

_FORGOTTEN_AFTER_US: Final = 86_400_000_000


class CounterState(msgspec.Struct, frozen=True, gc=False):
    """One counter as one node sees it.

    Args:
        counter: Its name (`gateway.money.budget.counter_key`).
        spent: Nano-USD that this node added to it in its window.
        held: Nano-USD that requests under way on this node hold of it; never what other nodes hold.
        resets_at: When the window ends, in microseconds since the epoch; `None`: never.
    """

    counter: str
    spent: int
    held: int
    resets_at: int | None


class Latest(msgspec.Struct, frozen=True):
    """What is held now: nano-USD by counter, over the nodes that reported lately; `silent` ones are left out."""

    held: dict[str, int]
    fresh: tuple[str, ...]
    silent: tuple[str, ...]


def report(connection: Connection, node: str, states: Sequence[CounterState], at: int) -> None:
    """Makes the rows of one node say what it holds: changed rows are written, rows of gone counters deleted.

    Args:
        connection: In a transaction of `gateway.storage.engine.writing`.
        node: The name of the process, such as `host:pid`; the same for its whole life, and nobody else's.
        states: All counters of the node that anything is held or spent of; no counter twice.
        at: Now, in microseconds since the epoch.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: See `gateway.storage.engine.is_unavailable`.
    """
    node = stored_text(node)
    table = counter_states.c
    known = {
        row.counter: (row.spent, row.held, row.resets_at)
        for row in connection.execute(
            select(table.counter, table.spent, table.held, table.resets_at).where(table.node == node)
        )
    }
    now = {stored_text(one.counter): (one.spent, one.held, one.resets_at) for one in states}
    changed = [
        {"node": node, "counter": counter, "spent": spent, "held": held, "resets_at": resets_at, "reported_at": at}
        for counter, (spent, held, resets_at) in sorted(now.items())
        if known.get(counter) != (spent, held, resets_at)
    ]
    for gone in portions(sorted(known.keys() - now.keys())):
        connection.execute(delete(counter_states).where(table.node == node, table.counter.in_(gone)))
    _upsert(connection, counter_states, changed)
    _upsert(connection, counter_nodes, [{"node": node, "reported_at": at}])
    _forget(connection, at - _FORGOTTEN_AFTER_US)


def leave(connection: Connection, node: str) -> None:
    """Forgets a node that ends, and what it held.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: The database does not answer.
    """
    node = stored_text(node)
    connection.execute(delete(counter_states).where(counter_states.c.node == node))
    connection.execute(delete(counter_nodes).where(counter_nodes.c.node == node))


def latest(
    connection: Connection,
    counters: Collection[str] | None = None,
    *,
    prefix: str | None = None,
    newer_than: int,
) -> Latest:
    """What is held of counters now, summed over the nodes that reported since `newer_than`.

    Args:
        connection: To the migrated database.
        counters: The counters by name; those that nothing is held of are absent from the answer.
        prefix: In place of names: every counter whose name begins with this text of ASCII.
        newer_than: Microseconds since the epoch.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: The database does not answer.
    """
    nodes = list(connection.execute(select(counter_nodes).order_by(counter_nodes.c.node)))
    fresh = tuple(node for node, reported_at in nodes if reported_at >= newer_than)
    table = counter_states.c
    statement = (
        select(table.counter, func.sum(table.held))
        .where(table.node.in_(fresh), table.held != 0)
        .group_by(table.counter)
    )
    held: dict[str, int] = {}
    if prefix is not None:
        behind = prefix[:-1] + chr(ord(prefix[-1]) + 1)
        held = _sums(connection, statement.where(table.counter >= prefix, table.counter < behind))
    asked = {stored_text(counter): counter for counter in counters or ()}
    for names in portions(list(asked)):
        found = _sums(connection, statement.where(table.counter.in_(names)))
        held |= {asked[counter]: amount for counter, amount in found.items()}
    return Latest(held, fresh, tuple(node for node, reported_at in nodes if reported_at < newer_than))


def _sums(connection: Connection, statement: Any) -> dict[str, int]:
    return {counter: int(amount) for counter, amount in connection.execute(statement)}


def _upsert(connection: Connection, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    if not rows:
        return
    statement = (postgresql if connection.dialect.name == "postgresql" else sqlite).insert(table)
    keys = [one.name for one in table.primary_key.columns]
    values = {one.name: statement.excluded[one.name] for one in table.columns if not one.primary_key}
    connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=values), list(rows))


def _forget(connection: Connection, silent_since: int) -> None:
    """Deletes what nodes left behind that have not been heard of for long."""
    gone = list(connection.scalars(select(counter_nodes.c.node).where(counter_nodes.c.reported_at < silent_since)))
    if gone:
        connection.execute(delete(counter_states).where(counter_states.c.node.in_(gone)))
        connection.execute(delete(counter_nodes).where(counter_nodes.c.node.in_(gone)))
