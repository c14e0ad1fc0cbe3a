"""Who changed what. Rows are made without secrets, in the transaction of the change that they tell of."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, and_, or_, select

from gateway import ids
from gateway.ledger.storable import stored_text
from gateway.plan.live import Removal
from gateway.storage.statements import of_owners, portions
from gateway.storage.tables import applies, audit_log

Key = tuple[str, str]


class Actor(msgspec.Struct, frozen=True):
    """Who acts: the name of a token, or a user of the command line; and the request, where there is one.

    `owners` are those that the token is bound to; `None`: it is bound to nobody. `token_id` tells tokens of one name
    apart.
    """

    name: str
    request_id: str = ""
    owners: tuple[str, ...] | None = None
    token_id: str = ""


class AuditEntry(msgspec.Struct, frozen=True):
    """One change. `at` is microseconds since the epoch."""

    id: str
    at: int
    actor: str
    request_id: str
    action: str
    address: str
    revision: int
    before: Any
    after: Any
    owner: str | None = None
    """Whose it was; unknown of what versions without owners noted, and of tokens."""


def row(
    actor: Actor,
    action: str,
    address: str,
    *,
    at: int,
    revision: int,
    before: Any = None,
    after: Any = None,
    owner: str | None = None,
) -> dict[str, Any]:
    """A row to insert; `before` and `after` have no secrets any more."""
    return {
        "id": f"aud_{ids.ulid()}",
        "at": at,
        "actor": stored_text(actor.name),
        "request_id": actor.request_id,
        "action": action,
        "address": address,
        "revision": revision,
        "before": before,
        "after": after,
        "owner": owner,
    }


def write(connection: Connection, *rows: Mapping[str, Any]) -> None:
    """Inserts rows."""
    if rows:
        connection.execute(audit_log.insert(), [dict(one) for one in rows])


def page(
    connection: Connection,
    *,
    limit: int,
    before: tuple[int, str] | None = None,
    address: str | None = None,
    actor: str | None = None,
    owners: Collection[str] | None = None,
) -> tuple[AuditEntry, ...]:
    """The newest entries first, of owners perhaps; `before` is the moment and id of the last one of the page before."""
    conditions = of_owners(audit_log.c.owner, owners)
    if before is not None:
        at, id_ = before
        conditions.append(or_(audit_log.c.at < at, and_(audit_log.c.at == at, audit_log.c.id < id_)))
    if address is not None:
        conditions.append(audit_log.c.address == address)
    if actor is not None:
        conditions.append(audit_log.c.actor == actor)
    order = (audit_log.c.at.desc(), audit_log.c.id.desc())
    statement = select(audit_log).where(*conditions).order_by(*order).limit(limit)
    return tuple(AuditEntry(**one) for one in connection.execute(statement).mappings())


def latest(connection: Connection, address: str, actions: Collection[str]) -> AuditEntry | None:
    """The newest entry of a resource that tells of one of these actions."""
    ours = and_(audit_log.c.address == address, audit_log.c.action.in_(actions))
    statement = select(audit_log).where(ours).order_by(audit_log.c.at.desc()).limit(1)
    found = connection.execute(statement).mappings().one_or_none()
    return None if found is None else AuditEntry(**found)


def had_before(connection: Connection, keys: Collection[Key]) -> set[Key]:
    """Of kinds and names, those that some resource had."""
    addresses = {".".join(key): key for key in keys}
    found: set[Key] = set()
    for some in portions([*addresses]):
        told = select(audit_log.c.address).where(audit_log.c.address.in_(some)).distinct()
        found |= {addresses[address] for address in connection.scalars(told)}
    return found


def removed_outside(connection: Connection, keys: Sequence[Key], owner: str) -> dict[Key, Removal]:
    """Of resources that are not there, those of an owner that a single change deleted, and no apply."""
    found: dict[str, AuditEntry] = {}
    addresses = {".".join(key): key for key in keys}
    for some in portions([*addresses]):
        ours = and_(audit_log.c.address.in_(some), audit_log.c.owner == owner)
        deleted = and_(ours, audit_log.c.action == "delete")
        rows = connection.execute(select(audit_log).where(deleted).order_by(audit_log.c.at)).mappings()
        found |= {row["address"]: AuditEntry(**row) for row in rows}
    revisions = [*{one.revision for one in found.values()}]
    applied: set[int] = set()
    for numbers in portions(revisions):
        applied |= {*connection.scalars(select(applies.c.revision).where(applies.c.revision.in_(numbers)))}
    return {
        addresses[address]: Removal(one.before, one.actor, one.at)
        for address, one in found.items()
        if one.revision not in applied
    }
