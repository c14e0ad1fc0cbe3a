"""Bearer tokens of the API: made once, stored as a digest, each with a scope.

A token is 256 random bits behind a prefix that says its scope, so its SHA-256 gives nothing away and needs no pepper.
Looking one up takes the same work whatever was presented: one digest, one query, one comparison.
"""

import hashlib
import hmac
import secrets
from collections.abc import Collection
from enum import StrEnum
from typing import Any, Final, Literal

import msgspec
from pydantic import TypeAdapter, ValidationError
from sqlalchemy import Connection, insert, or_, select, update

from gateway import clock, ids
from gateway.config.sections.base import Name
from gateway.control_plane import audit
from gateway.control_plane.audit import Actor
from gateway.ledger.storable import stored_text
from gateway.secret import Secret
from gateway.storage.tables import admin_tokens, control_plane_state

LASTS_US: Final = 90 * 24 * 3_600 * 1_000_000
"""How long a token works where nobody says otherwise; those of gateways work on."""
ENDING_US: Final = 14 * 24 * 3_600 * 1_000_000
"""How long before its end a token is warned of."""

SOMEBODY: Final = Actor("somebody with the database")

_RANDOM_BYTES = 32
_USE_NOTED_EVERY_US = 60_000_000
_NO_DIGEST = "0" * 64
_OF_OWNERS: Final = "owners:"
"""What the digests of bound tokens begin with: versions that know of no owners find none of these tokens, rather than
let them do everything."""


class Scope(StrEnum):
    """What a token may do. `plan` includes `view`, `apply` includes `plan`, and `admin` includes everything.

    `gateway` is for serving processes: it reads what they serve, credentials included, and nothing else.
    """

    GATEWAY = "gateway"
    VIEW = "view"
    PLAN = "plan"
    APPLY = "apply"
    ADMIN = "admin"

    def covers(self, other: "Scope") -> bool:
        """Whether this scope includes another."""
        if self is Scope.ADMIN or self is other:
            return True
        order = (Scope.VIEW, Scope.PLAN, Scope.APPLY)
        return self in order and other in order and order.index(self) >= order.index(other)

    @property
    def prefix(self) -> str:
        """How tokens of this scope begin, so that people and scanners of repositories see what they found."""
        return f"lw_{self}_"


class Token(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a token. Moments are microseconds since the epoch.

    A token that is bound to `owners` reads and changes what is theirs alone; `None`: it is bound to nobody.
    """

    id: str
    name: str
    scope: Scope
    created_at: int
    owners: tuple[str, ...] | None = None
    expires_at: int | None = None
    last_used_at: int | None = None
    revoked_at: int | None = None

    def state(self, now: int) -> str:
        """`active`, `expired` or `revoked`."""
        if self.revoked_at is not None:
            return "revoked"
        return "expired" if self.expires_at is not None and self.expires_at <= now else "active"

    @property
    def ends(self) -> str | None:
        """When it stops working, as text; `None`: never."""
        return None if self.expires_at is None else clock.iso_of_microseconds(self.expires_at)[:19] + "Z"

    @property
    def warning(self) -> dict[str, str | None]:
        """What is told of one that ends soon."""
        return {"name": self.name, "scope": self.scope, "expires_at": self.ends}


class TokenError(ValueError):
    """Nothing was changed; the message says why."""


def create(
    connection: Connection,
    name: str,
    scope: Scope,
    *,
    now: int,
    expires_at: int | None = None,
    owners: Collection[str] = (),
    by: Actor = SOMEBODY,
) -> tuple[Token, Secret]:
    """Makes a token; this is the only time that its secret is at hand.

    Args:
        connection: In a transaction of `gateway.storage.engine.writing`.
        name: What it is for; no other active token has it.
        scope: What it may do.
        now: Microseconds since the epoch.
        expires_at: When it stops working; `None`: never.
        owners: Whose resources it is bound to; none: it is bound to nobody.
        by: Who makes it, for the audit log.

    Raises:
        TokenError: The name is empty, too long, unprintable or taken, or an owner is none.
    """
    if not name.strip() or stored_text(name) != name or not name.isprintable():
        raise TokenError("a token's name is printable text of at most 255 bytes")
    if any(one.state(now) == "active" for one in _found(connection, admin_tokens.c.name == name)):
        raise TokenError(f"an active token is named {name!r} already; revoke it first, or choose another name")
    bound = tuple(sorted(set(owners))) or None
    if wrong := [one for one in bound or () if not is_owner(one)]:
        raise TokenError(f"{wrong[0][:80]!r} is no owner's name: letters, digits and . _ @ : + - , 128 at most")
    if bound is not None and scope is Scope.GATEWAY:
        raise TokenError("a gateway serves every owner: a token of the scope gateway is bound to none")
    id_ = f"tok_{ids.ulid()}"
    token = Token(id=id_, name=name, scope=scope, created_at=now, owners=bound, expires_at=expires_at)
    secret = scope.prefix + secrets.token_urlsafe(_RANDOM_BYTES)
    digest = _digest(secret) if bound is None else _OF_OWNERS + _digest(secret)
    connection.execute(
        insert(admin_tokens).values({**msgspec.structs.asdict(token), "scope": scope.value, "digest": digest})
    )
    _audit(connection, by, "create token", token)
    return token, Secret(secret)


def all_tokens(connection: Connection) -> tuple[Token, ...]:
    """Every token, oldest first."""
    return _found(connection)


def ending(connection: Connection, now: int) -> tuple[Token, ...]:
    """Those that still work and will end within `ENDING_US`, the first to end first."""
    return tuple(one for one in with_an_end(connection, now) if (one.expires_at or 0) <= now + ENDING_US)


def with_an_end(connection: Connection, now: int) -> tuple[Token, ...]:
    """Those that still work and have an end, the first to end first."""
    found = _found(connection, admin_tokens.c.expires_at > now, admin_tokens.c.revoked_at.is_(None))
    return tuple(sorted(found, key=lambda one: (one.expires_at or 0, one.id)))


def revoke(connection: Connection, id_or_name: str, *, now: int, by: Actor = SOMEBODY) -> tuple[Token, ...]:
    """Ends tokens at once: the one of an id, or all of a name that still work. Returns those that it ended.

    Args:
        connection: In a transaction of `gateway.storage.engine.writing`.
        id_or_name: As `tokens list` shows it.
        now: Microseconds since the epoch.
        by: Who ends them, for the audit log.

    Raises:
        TokenError: There is no such token.
    """
    wanted = stored_text(id_or_name)
    found = _found(connection, or_(admin_tokens.c.id == wanted, admin_tokens.c.name == wanted))
    if not found:
        raise TokenError(f"there is no token with the id or name {id_or_name!r}; see: gateway tokens list")
    ended = tuple(msgspec.structs.replace(one, revoked_at=now) for one in found if one.revoked_at is None)
    statement = update(admin_tokens).where(admin_tokens.c.id.in_([one.id for one in ended]))
    connection.execute(statement.values(revoked_at=now))
    for one in ended:
        _audit(connection, by, "revoke token", one)
    return ended


def find(connection: Connection, presented: str) -> Token | None:
    """The token that a text is, whatever its state, with the same work for every text."""
    digest = _digest(presented)
    kept = admin_tokens.c.digest.in_((digest, _OF_OWNERS + digest))
    row = connection.execute(select(admin_tokens).where(kept)).mappings().one_or_none()
    known = hmac.compare_digest(digest, _NO_DIGEST if row is None else row["digest"].removeprefix(_OF_OWNERS))
    return _token(row) if known and row is not None else None


def by_id(connection: Connection, id_: str) -> Token | None:
    """The token of an id, whatever its state."""
    return next(iter(_found(connection, admin_tokens.c.id == id_)), None)


def is_use_due(token: Token, now: int) -> bool:
    """Whether `last_used_at` is old enough to be written anew; it is kept to the minute."""
    return token.last_used_at is None or now - token.last_used_at >= _USE_NOTED_EVERY_US


def note_use(connection: Connection, token: Token, now: int) -> None:
    """Writes when a token was last used, in a transaction of `gateway.storage.engine.writing`."""
    connection.execute(update(admin_tokens).where(admin_tokens.c.id == token.id).values(last_used_at=now))


def is_owner(text: str) -> bool:
    """Whether a file could name this owner."""
    try:
        TypeAdapter(Name).validate_python(text)
    except ValidationError:
        return False
    return True


def _audit(connection: Connection, by: Actor, action: Literal["create token", "revoke token"], token: Token) -> None:
    at = token.created_at if token.revoked_at is None else token.revoked_at
    told = {"id": token.id, "scope": token.scope, "owners": token.owners, "expires_at": token.ends}
    before, after = (None, told) if token.revoked_at is None else (told, None)
    revision = connection.scalar(select(control_plane_state.c.revision)) or 0
    row = audit.row(by, action, f"tokens.{token.name}", at=at, revision=revision, before=before, after=after)
    audit.write(connection, row)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _found(connection: Connection, *conditions: Any) -> tuple[Token, ...]:
    statement = select(admin_tokens).where(*conditions).order_by(admin_tokens.c.created_at, admin_tokens.c.id)
    return tuple(_token(row) for row in connection.execute(statement).mappings())


def _token(row: Any) -> Token:
    members = {name: row[name] for name in Token.__struct_fields__}
    owners = None if members["owners"] is None else tuple(members["owners"])
    return Token(**{**members, "scope": Scope(members["scope"]), "owners": owners})
