"""The resources of the control plane: read, and written as one new revision or not at all."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, Row, and_, delete, exc, select, text, tuple_, update

from gateway import ids
from gateway.config.referring import referred
from gateway.config.resources import Resource, Spec, join_secrets, split_secrets, still_true
from gateway.config.source import Path
from gateway.control_plane import audit, past_secrets
from gateway.control_plane.audit import Actor
from gateway.control_plane.encryption import Vault
from gateway.ledger import names
from gateway.plan.diff import shown
from gateway.plan.live import LiveResource, LiveState
from gateway.plan.revoked import is_revoked, revived, secrets_of
from gateway.storage.statements import of_owners, portions
from gateway.storage.tables import (
    audit_log,
    changes,
    confined_owners,
    control_plane_state,
    resources,
    revisions,
    revoked_secrets,
)

Key = tuple[str, str]

KEPT_REVISIONS = 10_000
"""How many revisions can be told change by change, and led back to; gateways that are further behind get everything."""

_ORGANIZATION: Final = ("settings", "organization")


class LockedError(Exception):
    """Somebody else is applying at this moment."""


class RevokedError(Exception):
    """A change would bring back a key or a secret that was revoked; the message says which."""


class Position(msgspec.Struct, frozen=True):
    """Which control plane it is and how far; from `oldest_change` on, revisions can be told change by change.

    `identity` is the revision's own, which a revision of the same number in a restored database has not.
    """

    lineage: str
    revision: int
    changed_at: int
    oldest_change: int
    identity: str


def position(connection: Connection) -> Position:
    """Where the control plane is."""
    return _position(connection.execute(select(control_plane_state)).one())


def read_state(connection: Connection, vault: Vault) -> LiveState:
    """Everything, with its secrets. Raises `EncryptionError`."""
    at = position(connection)
    rows = connection.execute(select(resources)).mappings()
    confined = owners_confined(connection)
    found = (live_resource(row, vault, confined) for row in rows)
    by_key = {(one.resource.kind, one.resource.name): one for one in found}
    return LiveState(
        at.lineage,
        at.revision,
        by_key,
        revoked_secrets=_revoked_secrets(connection),
        replaced_secrets=past_secrets.replaced(connection),
        kept_secrets=past_secrets.kept(connection),
        stood_for=names.read(connection).ids,
        confined=confined,
    )


def owners_confined(connection: Connection) -> frozenset[str]:
    """The owners for whom a bound token has written: what they have acts on their own keys alone."""
    return frozenset(connection.scalars(select(confined_owners.c.owner)))


def read_one(
    connection: Connection, vault: Vault, key: Key, *, owners: Collection[str] | None = None
) -> LiveResource | None:
    """One resource, with its secrets; for those who are bound to owners, only if it is theirs."""
    meant = (_is(key), *of_owners(resources.c.owner, owners))
    row = connection.execute(select(resources).where(*meant)).mappings().one_or_none()
    return None if row is None else live_resource(row, vault, owners_confined(connection))


def read_some(connection: Connection, vault: Vault, keys: Sequence[Key]) -> list[LiveResource]:
    """Those of them that there are."""
    found: list[LiveResource] = []
    confined = owners_confined(connection)
    for portion in portions(keys):
        some = tuple_(resources.c.kind, resources.c.name).in_(portion)
        rows = connection.execute(select(resources).where(some)).mappings()
        found += [live_resource(row, vault, confined) for row in rows]
    return found


def page(
    connection: Connection,
    *,
    kind: str | None,
    owner: str | None,
    owners: Collection[str] | None = None,
    after: Key | None,
    limit: int,
    whole_hashes: bool = False,
) -> list[dict[str, Any]]:
    """Resources by kind and name as people see them, those of `owners` alone perhaps.

    Of secrets only the places are known, of hashes the beginnings.
    """
    conditions = [
        column == wanted for column, wanted in ((resources.c.kind, kind), (resources.c.owner, owner)) if wanted
    ]
    conditions += of_owners(resources.c.owner, owners)
    if after is not None:
        conditions.append(tuple_(resources.c.kind, resources.c.name) > tuple_(*after))
    statement = select(resources).where(*conditions).order_by(resources.c.kind, resources.c.name).limit(limit)
    return [_for_people(dict(row), whole_hashes=whole_hashes) for row in connection.execute(statement).mappings()]


def named_of_others(connection: Connection, owners: Collection[str]) -> list[str]:
    """The addresses of what these owners' resources name and others have, in their order."""
    theirs = connection.execute(
        select(resources.c.kind, resources.c.name, resources.c.spec).where(resources.c.owner.in_(owners))
    )
    named = {key for row in theirs for key in referred(Resource(row.kind, row.name, row.spec))}
    found: set[Key] = set()
    for some in portions(sorted(named)):
        meant = and_(tuple_(resources.c.kind, resources.c.name).in_(some), resources.c.owner.not_in(owners))
        found |= {
            (row.kind, row.name) for row in connection.execute(select(resources.c.kind, resources.c.name).where(meant))
        }
    return [".".join(key) for key in sorted(found)]


def _for_people(row: dict[str, Any], *, whole_hashes: bool) -> dict[str, Any]:
    """A row with its references in place of what they stood for."""
    references = still_true(row["written_references"], row["spec"], row["applied_spec"])
    spec = shown(row["spec"], references, whole_hashes=whole_hashes)
    return {**row, "spec": spec, "written_references": references}


def live_resource(row: Any, vault: Vault, confined: Collection[str]) -> LiveResource:
    """A row as the plan sees it."""
    applied = row["applied_spec"]
    if applied is not None:
        applied = join_secrets(applied, vault.unseal(row["applied_sealed"] or ""))
    spec = join_secrets(row["spec"], vault.unseal(row["sealed"]))
    references = still_true(row["written_references"], spec, applied)
    return LiveResource(
        resource=Resource(
            row["kind"], row["name"], spec, references, row["id"], row["owner"], row["owner"] in confined
        ),
        owner=row["owner"],
        revision=row["revision"],
        applied=applied,
        protected=bool(row["protected"]),
        changed_by=row["changed_by"],
        changed_at=row["changed_at"],
        created_at=row["created_at"],
        applied_references=row["written_references"],
    )


class Revision:
    """Writes of one transaction, which become one new revision when they are finished.

    Made inside `gateway.storage.engine.writing`; from then on nobody else writes resources.
    """

    def __init__(
        self, connection: Connection, vault: Vault, actor: Actor, *, now: int, lock_wait_s: float = 10
    ) -> None:
        """Raises `LockedError` where another writer does not finish within `lock_wait_s` seconds."""
        self._connection = connection
        self._vault = vault
        self._actor = actor
        self._now = now
        self.before = lock(connection, lock_wait_s)
        self.number = self.before.revision + 1
        self._rows: dict[Key, dict[str, Any]] = {}
        self._gone: set[Key] = set()
        self._before: dict[Key, LiveResource | None] = {}
        self._actions: dict[Key, str] = {}
        self._owners: set[str] = set()
        self._audit: list[dict[str, Any]] = []
        self._keys: list[tuple[LiveResource | None, Resource]] = []
        self._removed_keys: list[LiveResource] = []

    def put(
        self,
        resource: Resource,
        *,
        owner: str,
        had: LiveResource | None,
        applied: Spec | None = None,
        action: str | None = None,
    ) -> None:
        """Creates or replaces a resource; `had` may be of another name. `applied` is what a file says, if one does."""
        key = (resource.kind, resource.name)
        public, secrets = split_secrets(resource.spec)
        sealed = self._vault.seal(secrets)
        by_file = applied if applied is not None else (had.applied if had is not None else None)
        applied_pair = self._applied_pair(by_file)
        row = {
            "kind": resource.kind,
            "name": resource.name,
            "spec": public,
            "sealed": sealed,
            "written_references": dict(resource.references),
            "owner": owner,
            "protected": int(bool(resource.spec.get("protected"))),
            "revision": self.number,
            "created_at": had.created_at if had is not None else self._now,
            "changed_at": self._now,
            "changed_by": self._actor.name,
            "applied_spec": applied_pair[0],
            "applied_sealed": applied_pair[1],
            "id": had.resource.id if had is not None else "",
        }
        if resource.kind == "virtual_keys":
            self._keys.append((had, resource))
        self._rows[key] = row
        self._gone.add(key)
        action = action or ("create" if had is None else "update")
        old = key if had is None else (had.resource.kind, had.resource.name)
        self._touch(old, action, had)
        if old != key:
            self._gone.add(old)
            self._touch(key, action, None)
        self._owners.add(owner)
        self._tell(action, had, resource, owner)

    def delete(self, had: LiveResource, action: str = "delete") -> None:
        """Takes a resource away."""
        key = (had.resource.kind, had.resource.name)
        self._gone.add(key)
        if had.resource.kind == "virtual_keys":
            self._removed_keys.append(had)
        self._touch(key, action, had)
        self._owners.add(had.owner)
        self._tell(action, had, None, had.owner)

    def confirm(self, applied: Spec, references: Mapping[str, str], had: LiveResource) -> None:
        """What counts as applied; the resource itself stays as it is, and so does its revision."""
        public, sealed = self._applied_pair(applied)
        members = {"applied_spec": public, "applied_sealed": sealed, "written_references": dict(references)}
        key = (had.resource.kind, had.resource.name)
        self._connection.execute(update(resources).where(_is(key)).values(members))

    def finish(self) -> int:
        """Writes everything; returns the revision, which stays where nothing was written. Raises `RevokedError`."""
        if not self._before:
            return self.before.revision
        self._keep_revoked()
        self._identify()
        if self._keys or self._removed_keys:
            self._remember_secrets()
        for portion in portions(sorted(self._gone)):
            some = tuple_(resources.c.kind, resources.c.name).in_(portion)
            self._connection.execute(delete(resources).where(some))
        if self._rows:
            self._connection.execute(resources.insert(), [*self._rows.values()])
        self._confine()
        self._connection.execute(changes.insert(), [self._change_of(key) for key in sorted(self._before)])
        audit.write(self._connection, *self._audit)
        at = {"revision": self.number, "identity": ids.ulid()}
        self._connection.execute(revisions.insert().values(made_at=self._now, actor=self._actor.name, **at))
        self._connection.execute(update(control_plane_state).values(changed_at=self._now, **at))
        self._forget_the_oldest()
        return self.number

    def _forget_the_oldest(self) -> None:
        """What revisions touched that nobody is told of any more."""
        oldest = self.number - KEPT_REVISIONS
        if oldest > self.before.oldest_change:
            self._connection.execute(delete(changes).where(changes.c.revision <= oldest))
            self._connection.execute(update(control_plane_state).values(oldest_change=oldest))

    def _confine(self) -> None:
        """From the first thing on that a bound token writes, all that its owner has acts on its own keys alone."""
        if self._actor.owners is None:
            return
        for owner in sorted(self._owners - owners_confined(self._connection)):
            theirs = select(resources.c.kind, resources.c.name).where(resources.c.owner == owner)
            others = [
                key for row in self._connection.execute(theirs) if (key := (row.kind, row.name)) not in self._before
            ]
            for had in read_some(self._connection, self._vault, others):
                self._touch((had.resource.kind, had.resource.name), "confine", had)
            self._connection.execute(confined_owners.insert().values(owner=owner, since=self.number))

    def _touch(self, key: Key, action: str, had: LiveResource | None) -> None:
        self._before.setdefault(key, had)
        self._actions[key] = action

    def _change_of(self, key: Key) -> dict[str, Any]:
        """What became of a resource, and what it was before."""
        row: dict[str, Any] = {"revision": self.number, "kind": key[0], "name": key[1], "action": self._actions[key]}
        had = self._before[key]
        if had is None:
            return row | dict.fromkeys(("id", "owner", "spec", "sealed", "written_references"))
        public, secrets = split_secrets(had.resource.spec)
        return row | {
            "id": had.resource.id,
            "owner": had.owner,
            "spec": public,
            "sealed": self._vault.seal(secrets),
            "written_references": dict(had.resource.references),
        }

    def _identify(self) -> None:
        """Gives what is new an id, and remembers what names stand for."""
        known = names.read(self._connection)
        new = [key for key, row in self._rows.items() if not row["id"]]
        given = {key: row["id"] for key, row in self._rows.items() if row["id"]}
        given |= known.ids_for(new, self._living(new, known) | {(kind, id_) for (kind, _), id_ in given.items()})
        if (setting := self._rows.get(_ORGANIZATION)) is not None:
            name = setting["spec"]["value"]
            given[_ORGANIZATION] = setting["id"] or name
            given["organizations", name] = given[_ORGANIZATION]
        for key, row in self._rows.items():
            row["id"] = given[key]
        given.pop(_ORGANIZATION, None)
        renamed = [key for key in given if self._actions.get(key) == "move"]
        known.write(self._connection, given, self.number, audit.had_before(self._connection, renamed))

    def _living(self, new: Iterable[Key], known: names.Names) -> set[Key]:
        """Of the ids that names of new resources could mean, those that are somebody's under another name."""
        if known.is_empty:
            return set()
        wanted = {(kind, known.id_of(kind, name)) for kind, name in new}
        bearers = {bearer for kind, id_ in wanted for bearer in ((kind, id_), *known.bearers(kind, id_))}
        found: set[Key] = set()
        for portion in portions(sorted(bearers - self._gone)):
            some = tuple_(resources.c.kind, resources.c.name).in_(portion)
            found |= {
                (row.kind, row.id)
                for row in self._connection.execute(select(resources.c.kind, resources.c.id).where(some))
            }
        return found

    def _remember_secrets(self) -> None:
        ids_of_keys = {name: row["id"] for (kind, name), row in self._rows.items() if kind == "virtual_keys"}
        past_secrets.remember(
            self._connection,
            removed=self._removed_keys,
            changed=self._keys,
            ids=ids_of_keys,
            by=self._actor.name,
            now=self._now,
        )

    def _keep_revoked(self) -> None:
        """Remembers what is revoked, and refuses what would come back."""
        if not self._keys:
            return
        known = _revoked_secrets(self._connection)
        now_revoked: dict[str, str] = {}
        for had, resource in self._keys:
            if is_revoked(resource.spec) and (had is None or not is_revoked(had.resource.spec)):
                specs = [resource.spec] if had is None else [had.resource.spec, resource.spec]
                now_revoked.update({one: resource.address for spec in specs for one in secrets_of(spec)})
        for had, resource in self._keys:
            if (said := revived(had, resource, known | now_revoked.keys())) is not None:
                raise RevokedError(said)
        past_secrets.revoke(self._connection, now_revoked, self._now)

    def _tell(self, action: str, had: LiveResource | None, has: Resource | None, owner: str) -> None:
        changed: Any = None if has is None else _redacted(had, has)
        told: Any = None if had is None else shown(had.resource.spec, had.resource.references)
        if had is not None and had.owner != owner:
            told, changed = {"owner": had.owner}, {"owner": owner}
        elif had is not None and has is not None and had.resource.name != has.name:
            told, changed = {"name": had.resource.name, **told}, {"name": has.name, **changed}
        address = has.address if has is not None else had.resource.address if had is not None else ""
        made = audit.row(
            self._actor, action, address, at=self._now, revision=self.number, before=told, after=changed, owner=owner
        )
        self._audit.append(made)

    def _applied_pair(self, applied: Spec | None) -> tuple[Any, str | None]:
        if applied is None:
            return None, None
        public, secrets = split_secrets(applied)
        return public, self._vault.seal(secrets)


def moved_since(connection: Connection, revision: int, owners: Collection[str] | None, limit: int = 5) -> list[str]:
    """Who changed what after a revision, of owners perhaps, newest first, for the message that a plan is stale."""
    statement = select(audit_log).where(audit_log.c.revision > revision, *of_owners(audit_log.c.owner, owners))
    statement = statement.order_by(audit_log.c.at.desc()).limit(limit)
    return [
        f"{row.address} ({row.action} by {row.actor}, revision {row.revision})" for row in connection.execute(statement)
    ]


def _redacted(had: LiveResource | None, has: Resource) -> Any:
    """The new spec as people see it; a secret that is another than before says so."""

    def against(new: Any, old: Any, path: Path) -> Any:
        if isinstance(new, dict):
            was = old if isinstance(old, dict) else {}
            return {name: against(inner, was.get(name), (*path, name)) for name, inner in new.items()}
        return shown(new, has.references, path, changed=had is not None and new != old)

    return against(has.spec, None if had is None else had.resource.spec, ())


def lock(connection: Connection, wait_s: float = 10) -> Position:
    """Nobody else writes resources until the transaction ends. Raises `LockedError` after `wait_s` seconds.

    SQLite's transaction holds the only write lock already; in PostgreSQL the row is the lock.
    """
    statement = select(control_plane_state)
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"SET LOCAL lock_timeout = '{int(wait_s * 1000)}ms'"))
        statement = statement.with_for_update()
    try:
        return _position(connection.execute(statement).one())
    except exc.OperationalError as error:
        if getattr(error.orig, "sqlstate", None) == "55P03":
            raise LockedError from None
        raise


def _position(row: Row[Any]) -> Position:
    return Position(row.lineage, row.revision, row.changed_at, row.oldest_change, row.identity)


def _revoked_secrets(connection: Connection) -> frozenset[str]:
    return frozenset(connection.scalars(select(revoked_secrets.c.secret_hash)))


def _is(key: Key) -> Any:
    return and_(resources.c.kind == key[0], resources.c.name == key[1])
