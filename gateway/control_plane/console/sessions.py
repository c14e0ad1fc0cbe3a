"""Who is signed in to the console: a random id in a cookie, of which the database knows a digest.

A session stands for the token that it was begun with, asks for it anew on every request, and so ends with it.
"""

import hashlib
import hmac
import secrets
from typing import Final

import msgspec
from sqlalchemy import Connection, delete, insert, or_, select, update

from gateway.control_plane import tokens
from gateway.control_plane.tokens import Token
from gateway.storage.console_tables import console_sessions

LASTS_US: Final = 24 * 3_600 * 1_000_000
"""How long a session lasts at most."""
IDLE_US: Final = 8 * 3_600 * 1_000_000
"""How long it lasts without any request."""

_RANDOM_BYTES: Final = 32
_SEEN_NOTED_EVERY_US: Final = 60_000_000


class Session(msgspec.Struct, frozen=True):
    """One that is open. Moments are microseconds since the epoch; `csrf` is what its forms prove themselves with."""

    digest: str
    token: Token
    csrf: str
    last_seen_at: int
    expires_at: int

    def is_use_due(self, now: int) -> bool:
        """Whether `last_seen_at` is old enough to be written anew; it is kept to the minute."""
        return now - self.last_seen_at >= _SEEN_NOTED_EVERY_US


def begin(connection: Connection, token: Token, now: int) -> str:
    """Opens a session for a token and returns its id; sessions that are over are forgotten.

    Args:
        connection: In a transaction of `gateway.storage.engine.writing`.
        token: One that is active.
        now: Microseconds since the epoch.
    """
    table = console_sessions.c
    over = or_(table.expires_at <= now, table.last_seen_at <= now - IDLE_US)
    connection.execute(delete(console_sessions).where(over))
    id_ = secrets.token_urlsafe(_RANDOM_BYTES)
    ends = min(now + LASTS_US, now + LASTS_US if token.expires_at is None else token.expires_at)
    row = {"digest": _digest(id_), "token_id": token.id, "created_at": now, "last_seen_at": now, "expires_at": ends}
    connection.execute(insert(console_sessions).values(row))
    return id_


def find(connection: Connection, presented: str, now: int) -> Session | None:
    """The open session of an id whose token still works; the work is the same for every text."""
    digest, table = _digest(presented), console_sessions.c
    row = connection.execute(select(console_sessions).where(table.digest == digest)).one_or_none()
    token = tokens.by_id(connection, "" if row is None else row.token_id)
    if row is None or token is None or token.state(now) != "active":
        return None
    if row.expires_at <= now or row.last_seen_at <= now - IDLE_US:
        return None
    return Session(digest, token, _csrf(presented), row.last_seen_at, row.expires_at)


def note_use(connection: Connection, session: Session, now: int) -> None:
    """Writes when a session was last used, in a transaction of `gateway.storage.engine.writing`."""
    mine = console_sessions.c.digest == session.digest
    connection.execute(update(console_sessions).where(mine).values(last_seen_at=now))


def end(connection: Connection, presented: str) -> None:
    """Ends the session of an id, if there is one, in a transaction of `gateway.storage.engine.writing`."""
    connection.execute(delete(console_sessions).where(console_sessions.c.digest == _digest(presented)))


def _csrf(id_: str) -> str:
    """Only whoever has the cookie can work it out, and it does not give the cookie away."""
    return hmac.new(id_.encode("utf-8", "surrogatepass"), b"form", hashlib.sha256).hexdigest()


def _digest(id_: str) -> str:
    return hashlib.sha256(id_.encode("utf-8", "surrogatepass")).hexdigest()
