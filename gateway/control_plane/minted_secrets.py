"""The secrets of an apply whose answer may have been lost: kept sealed for an hour, told once more, then destroyed."""

from collections.abc import Mapping
from typing import Final

import msgspec
from sqlalchemy import Connection, delete, select

from gateway.control_plane import audit
from gateway.control_plane.audit import Actor
from gateway.control_plane.encryption import Vault
from gateway.secret import Secret
from gateway.storage.tables import applies, minted_secrets

KEPT_US: Final = 3_600 * 1_000_000
"""How long they are kept."""

_NOBODY: Final = Actor("control plane")


def keep(
    connection: Connection, vault: Vault, plan_id: str, minted: Mapping[str, Secret], actor: Actor, now: int
) -> None:
    """Keeps what an apply made, in its transaction, for whoever applied."""
    plain = {name: secret.reveal() for name, secret in minted.items()}
    sealed = vault.seal_bytes(msgspec.json.encode(plain))
    row = {"plan_id": plan_id, "token_id": actor.token_id, "at": now, "sealed": sealed}
    connection.execute(minted_secrets.insert().values(row))
    _tell(connection, "keep secrets", plan_id, actor, now)


def hand_out(connection: Connection, vault: Vault, plan_id: str, actor: Actor, now: int) -> dict[str, Secret]:
    """What is kept of an apply, once, to the token that applied; to others, and ever after, nothing.

    Raises `EncryptionError`.
    """
    expire(connection, now)
    mine = (minted_secrets.c.plan_id == plan_id) & (minted_secrets.c.token_id == actor.token_id)
    row = connection.execute(select(minted_secrets).where(mine)).one_or_none()
    # Of two that ask at one moment, the one whose statement deletes the row is told.
    if row is None or not connection.execute(delete(minted_secrets).where(mine)).rowcount:
        return {}
    plain = msgspec.json.decode(vault.unseal_bytes(row.sealed), type=dict[str, str])
    _tell(connection, "hand out secrets", plan_id, actor, now)
    return {name: Secret(text) for name, text in plain.items()}


def expire(connection: Connection, now: int) -> None:
    """Destroys what has been kept for long enough."""
    over = list(connection.scalars(select(minted_secrets.c.plan_id).where(minted_secrets.c.at < now - KEPT_US)))
    for plan_id in over:
        if connection.execute(delete(minted_secrets).where(minted_secrets.c.plan_id == plan_id)).rowcount:
            _tell(connection, "destroy secrets", plan_id, _NOBODY, now)


def _tell(connection: Connection, action: str, plan_id: str, actor: Actor, now: int) -> None:
    of = connection.execute(select(applies.c.revision, applies.c.owner).where(applies.c.plan_id == plan_id)).one()
    made = audit.row(actor, action, f"applies.{plan_id}", at=now, revision=of.revision, owner=of.owner)
    audit.write(connection, made)
