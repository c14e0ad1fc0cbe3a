"""Bearer tokens of the API: made once, stored as a digest, each with a scope.

A token is 256 random bits behind a prefix, so its SHA-256 gives nothing away and needs no pepper. Looking one up takes
the same work whatever was presented: one digest, one query, one comparison.
"""

import hashlib
import hmac
import secrets
from enum import StrEnum
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, insert, or_, select, update

from gateway import ids
from gateway.ledger.storable import stored_text
from gateway.secret import Secret
from gateway.storage.tables import admin_tokens

PREFIX: Final = "lw_admin_"
"""How tokens begin, so that scanners of repositories find them."""

_RANDOM_BYTES = 32
_USE_NOTED_EVERY_US = 60_000_000
_NO_DIGEST = "0" * 64


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


class Token(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a token. Moments are microseconds since the epoch."""

    id: str
    name: str
    scope: Scope
    created_at: int
    expires_at: int | None = None
    last_used_at: int | None = None
    revoked_at: int | None = None

    def state(self, now: int) -> str:
        """`active`, `expired` or `revoked`."""
        if self.revoked_at is not None:
            return "revoked"
        return "expired" if self.expires_at is not None and self.expires_at <= now else "active"


class TokenError(ValueError):
    """Nothing was changed; the message says why."""


def create(
    connection: Connection, name: str, scope: Scope, *, now: int, expires_at: int | None = None
) -> tuple[Token, Secret]:
    """Makes a token; this is the only time that its secret is at hand.

    Args:
        connection: In a transaction of `gateway.storage.engine.writing`.
        name: What it is for; no other active token has it.
        scope: What it may do.
        now: Microseconds since the epoch.
        expires_at: When it stops working; `None`: never.

    Raises:
        TokenError: The name is empty, too long, unprintable or taken.
    """
    if not name.strip() or stored_text(name) != name or not name.isprintable():
        raise TokenError("a token's name is printable text of at most 255 bytes")
    if any(one.state(now) == "active" for one in _found(connection, admin_tokens.c.name == name)):
        raise TokenError(f"an active token is named {name!r} already; revoke it first, or choose another name")
    token = Token(id=f"tok_{ids.ulid()}", name=name, scope=scope, created_at=now, expires_at=expires_at)
    secret = PREFIX + secrets.token_urlsafe(_RANDOM_BYTES)
    row = {**msgspec.structs.asdict(token), "scope": scope.value, "digest": _digest(secret)}
    connection.execute(insert(admin_tokens).values(row))
    return token, Secret(secret)


def all_tokens(connection: Connection) -> tuple[Token, ...]:
    """Every token, oldest first."""
    return _found(connection)


def revoke(connection: Connection, id_or_name: str, *, now: int) -> tuple[Token, ...]:
    """Ends tokens at once: the one of an id, or all of a name that still work. Returns those that it ended.

    Args:
        connection: In a transaction of `gateway.storage.engine.writing`.
        id_or_name: As `tokens list` shows it.
        now: Microseconds since the epoch.

    Raises:
        TokenError: There is no such token.
    """
    wanted = stored_text(id_or_name)
    found = _found(connection, or_(admin_tokens.c.id == wanted, admin_tokens.c.name == wanted))
    if not found:
        raise TokenError(f"there is no token with the id or name {id_or_name!r}; see: gateway tokens list")
    ended = tuple(one for one in found if one.revoked_at is None)
    statement = update(admin_tokens).where(admin_tokens.c.id.in_([one.id for one in ended]))
    connection.execute(statement.values(revoked_at=now))
    return tuple(msgspec.structs.replace(one, revoked_at=now) for one in ended)


def find(connection: Connection, presented: str) -> Token | None:
    """The token that a text is, whatever its state, with the same work for every text."""
    digest = _digest(presented)
    row = connection.execute(select(admin_tokens).where(admin_tokens.c.digest == digest)).mappings().one_or_none()
    known = hmac.compare_digest(digest, _NO_DIGEST if row is None else row["digest"])
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


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _found(connection: Connection, *conditions: Any) -> tuple[Token, ...]:
    statement = select(admin_tokens).where(*conditions).order_by(admin_tokens.c.created_at, admin_tokens.c.id)
    return tuple(_token(row) for row in connection.execute(statement).mappings())


def _token(row: Any) -> Token:
    members = {name: row[name] for name in Token.__struct_fields__}
    return Token(**{**members, "scope": Scope(members["scope"])})
