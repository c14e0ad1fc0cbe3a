"""The revisions of a control plane: who made them, what they touched, and what there was at each of them."""

from collections.abc import Collection, Mapping
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, func, or_, select

from gateway.config.documents import PlanRequest
from gateway.config.referring import Key
from gateway.config.resources import LIFE_CYCLE, ROTATION, Resource, join_secrets
from gateway.control_plane import state
from gateway.control_plane.encryption import Vault
from gateway.plan.live import LiveState
from gateway.storage.statements import of_owners
from gateway.storage.tables import applies, audit_log, changes, revisions


class UnknownRevisionError(Exception):
    """A revision is not known, or not any more; the message says which are."""


class RevisionRow(msgspec.Struct, frozen=True, kw_only=True):
    """One revision. `made_at` is microseconds since the epoch; an apply has an `owner`, and perhaps a `commit`.

    `changes` counts what was touched by action; `address` is given where that was one resource. Of a revision that was
    made before an upgrade, neither the actor nor what it touched is kept; of those that nothing leads back to, the
    actor alone is.
    """

    revision: int
    made_at: int
    actor: str | None
    owner: str | None
    commit: str | None
    plan_id: str | None
    changes: Mapping[str, int]
    address: str | None


def history(
    connection: Connection, *, before: int | None, limit: int, owners: Collection[str] | None = None
) -> tuple[RevisionRow, ...]:
    """Revisions, the newest first, those before one perhaps; with all that they touched as long as it is kept.

    Those who are bound to owners get what was done to what is, or was, theirs.
    """
    statement = select(revisions).order_by(revisions.c.revision.desc()).limit(limit)
    if before is not None:
        statement = statement.where(revisions.c.revision < before)
    if owners is not None:
        statement = statement.where(revisions.c.revision.in_(select(changes.c.revision).where(_of(owners))))
    found = connection.execute(statement).all()
    numbers = [row.revision for row in found]
    commit = applies.c.plan["source"]["commit"].as_string().label("commit")
    applied = {
        row.revision: row
        for row in connection.execute(
            select(applies.c.revision, applies.c.owner, applies.c.plan_id, commit).where(
                applies.c.revision.in_(numbers), *of_owners(applies.c.owner, owners)
            )
        )
    }
    touched = _touched(connection, numbers, owners)
    return tuple(
        RevisionRow(
            revision=row.revision,
            made_at=row.made_at,
            actor=row.actor or None,
            owner=of.owner if (of := applied.get(row.revision)) is not None else None,
            commit=of.commit if of is not None else None,
            plan_id=of.plan_id if of is not None else None,
            changes=touched.get(row.revision, ({}, None))[0],
            address=touched.get(row.revision, ({}, None))[1],
        )
        for row in found
    )


def _of(owners: Collection[str]) -> ColumnElement[bool]:
    """Of what revisions touched, what was these owners', or is theirs by what the audit log says."""
    table = changes.c
    told = audit_log.c.revision == table.revision, audit_log.c.address == table.kind + "." + table.name
    became = select(audit_log.c.id).where(*told, audit_log.c.owner.in_(owners)).exists()
    return or_(table.owner.in_(owners), became)


def _touched(
    connection: Connection, numbers: Collection[int], owners: Collection[str] | None
) -> dict[int, tuple[dict[str, int], str | None]]:
    """By revision, how many of which action, and the only address where there is one."""
    table = changes.c
    # What was renamed is there under both names; under the new one there was nothing.
    meant: list[ColumnElement[bool]] = [table.revision.in_(numbers), (table.action != "move") | table.id.is_not(None)]
    if owners is not None:
        meant.append(_of(owners))
    counted = func.count().label("number")
    one = (func.min(table.kind).label("kind"), func.min(table.name).label("name"))
    statement = select(table.revision, table.action, counted, *one).where(*meant).group_by(table.revision, table.action)
    statement = statement.order_by(func.count().desc(), table.action)
    found: dict[int, tuple[dict[str, int], str | None]] = {}
    for row in connection.execute(statement):
        known, _ = found.get(row.revision, ({}, None))
        alone = not known and row.number == 1
        found[row.revision] = ({**known, row.action: row.number}, f"{row.kind}.{row.name}" if alone else None)
    return found


class Wanted(msgspec.Struct, frozen=True):
    """What an owner had, as a file would say it now, what has another name by now, and what is another owner's now."""

    resources: list[Resource]
    moves: dict[Key, Key]
    given_away: list[Key]


def wanted_at(connection: Connection, vault: Vault, live: LiveState, request: PlanRequest) -> Wanted:
    """What an owner had at a revision.

    Life goes on: a key keeps the secret and the state that it has. One that is gone has the secret of then only where
    the file had its hash, and nothing speaks against it. What another owner has by now stays with them, whatever they
    call it. Raises `UnknownRevisionError`.
    """
    found = _at(connection, vault, live, request.to_revision or 0)
    of_others = {(kind, one.resource.id) for (kind, _), one in live.resources.items() if one.owner != request.owner}
    had = {key: resource for key, (resource, owner) in found.items() if owner == request.owner}
    mine = {key: resource for key, resource in had.items() if (key[0], resource.id) not in of_others}
    called = {(kind, one.resource.id): (kind, name) for (kind, name), one in live.resources.items()}
    moves: dict[Key, Key] = {}
    for key, resource in mine.items():
        there = called.get((key[0], resource.id))
        if there is not None and there != key and there not in mine:
            moves[there] = key
    return Wanted([_without_life(one, live, called) for one in mine.values()], moves, sorted(had.keys() - mine.keys()))


def _at(connection: Connection, vault: Vault, live: LiveState, revision: int) -> dict[Key, tuple[Resource, str]]:
    """Everything as it was: what there is, with every change since taken back, the newest first."""
    oldest = state.position(connection).oldest_change
    if not oldest <= revision <= live.revision:
        raise UnknownRevisionError(f"revision {revision} is not known: {oldest} to {live.revision} are")
    found = {key: (one.resource, one.owner) for key, one in live.resources.items()}
    since = select(changes).where(changes.c.revision > revision).order_by(changes.c.revision.desc())
    for row in connection.execute(since):
        key = (row.kind, row.name)
        if row.id is None:
            found.pop(key, None)
        else:
            spec = join_secrets(row.spec, vault.unseal(row.sealed))
            found[key] = (Resource(row.kind, row.name, spec, row.written_references, row.id), row.owner)
    return found


def _without_life(resource: Resource, live: LiveState, called: Mapping[Key, Key]) -> Resource:
    if resource.kind != "virtual_keys":
        return resource
    is_there = (resource.kind, resource.id) in called
    digest = resource.spec.get("secret_hash")
    is_over = resource.id in live.kept_secrets or live.is_spent(digest)
    left = LIFE_CYCLE if is_there else (*ROTATION, *(("secret_hash",) if is_over else ()))
    spec: dict[str, Any] = {name: value for name, value in resource.spec.items() if name not in left}
    return msgspec.structs.replace(resource, spec=spec)
