"""`Idempotency-Key`: a change that is asked for once more is not made once more; its answer is told again.

The answer is kept in the transaction of the change, sealed (it can have a new secret in it), for a day. Refusals are
not kept: nothing was changed, so they may turn out otherwise
(https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/).
"""

from collections.abc import Callable
from typing import Final

import msgspec
from sqlalchemy import Connection, delete, insert, select

from gateway.control_plane import state
from gateway.control_plane.edit import EditError
from gateway.control_plane.encryption import Vault
from gateway.storage.tables import kept_answers

KEPT_US: Final = 24 * 3600 * 1_000_000


class Asked(msgspec.Struct, frozen=True):
    """Who asks under which key, a digest of everything that they ask for, and when in microseconds since the epoch."""

    token_id: str
    key: str
    digest: str
    now: int


class Told(msgspec.Struct, frozen=True):
    """The answer to a change: its JSON body, and the revision that the `ETag` names."""

    body: msgspec.Raw
    revision: int | None = None


def once(connection: Connection, vault: Vault, asked: Asked | None, change: Callable[[Connection], Told]) -> Told:
    """Makes the change, unless it was made under this key already. Raises what `change` does, and `EditError`."""
    if asked is None:
        return change(connection)
    state.lock(connection)
    connection.execute(delete(kept_answers).where(kept_answers.c.at < asked.now - KEPT_US))
    mine = (kept_answers.c.token_id == asked.token_id) & (kept_answers.c.idempotency_key == asked.key)
    kept = connection.execute(select(kept_answers).where(mine)).first()
    if kept is not None:
        if kept.digest != asked.digest:
            raise EditError("conflict", "this Idempotency-Key was used for another request; take a new one for this")
        return msgspec.json.decode(vault.unseal_bytes(kept.sealed), type=Told)
    told = change(connection)
    row = {"token_id": asked.token_id, "idempotency_key": asked.key, "digest": asked.digest, "at": asked.now}
    connection.execute(insert(kept_answers).values(sealed=vault.seal_bytes(msgspec.json.encode(told)), **row))
    return told
