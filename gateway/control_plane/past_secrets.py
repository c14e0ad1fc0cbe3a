"""What keys answered to: secrets that another took the place of, for good; those of keys that are gone, for a while.

A key that was minted and is taken away keeps its secret for `KEPT_US`: when its owner takes that back, clients go on
with the secret that they have. One that was revoked or replaced never comes back that way.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Connection, Table, delete, select

from gateway.config.resources import Resource
from gateway.plan.live import KEPT_US, KeptSecret, LiveResource
from gateway.plan.revoked import is_revoked
from gateway.plan.secret_history import is_minted
from gateway.storage.insert import insert_missing
from gateway.storage.tables import removed_keys, replaced_secrets, revoked_secrets


def replaced(connection: Connection) -> frozenset[str]:
    """The hashes of secrets that another took the place of."""
    return frozenset(connection.scalars(select(replaced_secrets.c.secret_hash)))


def is_replaced(connection: Connection, secret_hash: str) -> bool:
    """Whether another secret took the place of this one."""
    return (
        connection.scalar(select(replaced_secrets.c.address).where(replaced_secrets.c.secret_hash == secret_hash))
        is not None
    )


def kept(connection: Connection) -> dict[str, KeptSecret]:
    """The secrets of keys that are gone, by the ids of these."""
    return {row["id"]: KeptSecret(**row) for row in connection.execute(select(removed_keys)).mappings()}


def remember(
    connection: Connection,
    *,
    removed: Iterable[LiveResource],
    changed: Iterable[tuple[LiveResource | None, Resource]],
    ids: Mapping[str, str],
    by: str,
    now: int,
) -> None:
    """Keeps what keys answered to before a revision, in its transaction.

    Args:
        connection: In a transaction of `gateway.storage.engine.writing`.
        removed: The keys that are gone.
        changed: The keys as they were and are; `None` for new ones.
        ids: The ids of the new ones, by name.
        by: Who makes the revision.
        now: Microseconds since the epoch.
    """
    past: dict[str, str] = {}
    there = {row.id: row for row in connection.execute(select(removed_keys))}
    over = {id_ for id_, row in there.items() if row.removed_at < now - KEPT_US}
    for had, has in changed:
        digest = has.spec.get("secret_hash")
        if had is not None and (before := had.resource.spec.get("secret_hash")) not in (None, digest):
            past[before] = has.address
        if had is None and (row := there.get(ids[has.name])) is not None:
            over.add(row.id)
            if row.secret_hash == digest:
                there.pop(row.id)
    past |= {there[id_].secret_hash: f"virtual_keys.{there[id_].name}" for id_ in over if id_ in there}
    if over:
        connection.execute(delete(removed_keys).where(removed_keys.c.id.in_(over)))
    _add(connection, replaced_secrets, past, "replaced_at", now)
    rows = [_row(one, by, now) for one in removed if is_minted(one) and not is_revoked(one.resource.spec)]
    if rows:
        connection.execute(delete(removed_keys).where(removed_keys.c.id.in_([row["id"] for row in rows])))
        connection.execute(removed_keys.insert(), rows)


def purge(connection: Connection, some: Iterable[KeptSecret], now: int) -> None:
    """Ends for good what is kept of keys that are gone: nothing brings these secrets back."""
    addresses = {one.secret_hash: f"virtual_keys.{one.name}" for one in some}
    revoke(connection, addresses, now)
    connection.execute(delete(removed_keys).where(removed_keys.c.secret_hash.in_([*addresses])))


def revoke(connection: Connection, addresses: Mapping[str, str], now: int) -> None:
    """Remembers hashes that no key may answer to any more, each with the address that it was of."""
    _add(connection, revoked_secrets, addresses, "revoked_at", now)


def _row(key: LiveResource, by: str, now: int) -> dict[str, object]:
    spec = key.resource.spec
    return {
        "id": key.resource.id,
        "name": key.resource.name,
        "owner": key.owner,
        "secret_hash": spec["secret_hash"],
        "state": spec.get("state", "active"),
        "removed_by": by,
        "removed_at": now,
    }


def _add(connection: Connection, table: Table, addresses: Mapping[str, str], moment: str, now: int) -> None:
    if addresses:
        columns: dict[str, list[Any]] = {
            "secret_hash": [*addresses],
            "address": [*addresses.values()],
            moment: [now] * len(addresses),
        }
        insert_missing(connection, table, columns)
