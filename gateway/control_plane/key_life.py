"""The life of virtual keys: rotated, disabled, enabled, revoked, given an end. The file need not change for it."""

from datetime import UTC, datetime
from typing import Any, Final

import msgspec
from sqlalchemy import Connection

from gateway.config.resources import Spec
from gateway.control_plane import audit, key_peppers, past_secrets, state
from gateway.control_plane.edit import Edit, EditError, change_spec, put
from gateway.control_plane.encryption import Vault
from gateway.control_plane.planning import Mint
from gateway.plan.live import LiveResource
from gateway.secret import Secret

DEFAULT_GRACE_S: Final = 24 * 3_600
"""How long the secret before a rotation works on."""
MOST_GRACE_S: Final = 366 * 86_400

_KIND: Final = "virtual_keys"


def mint_key(
    connection: Connection, vault: Vault, name: str, edit: Edit, *, mint: Mint, written: Any, owner: str
) -> tuple[LiveResource, Secret]:
    """Makes a key that is not there yet, with a new secret. Raises `EditError`."""
    if not isinstance(written, dict) or "secret_hash" in written:
        raise EditError("invalid", "the spec is a mapping without `secret_hash`: the secret is made here")
    try:
        secret, digest = mint(written.get("environment", "live"))
    except (ValueError, TypeError) as error:
        raise EditError("invalid", str(error)) from None
    key_peppers.note(connection, mint.fingerprint, edit.now)
    how = msgspec.structs.replace(edit, expected=0)
    return put(connection, vault, (_KIND, name), {**written, "secret_hash": digest}, how, owner=owner), secret


def rotate(
    connection: Connection, vault: Vault, name: str, edit: Edit, *, mint: Mint, grace_s: int = DEFAULT_GRACE_S
) -> tuple[LiveResource, Secret]:
    """Gives a key a new secret; the old one is accepted for a while. Raises `EditError`."""
    made: list[Secret] = []
    key_peppers.note(connection, mint.fingerprint, edit.now)

    def change(spec: Spec) -> Spec:
        _refuse_revoked(spec, name)
        try:
            secret, digest = mint(spec.get("environment", "live"))
        except ValueError as error:
            raise EditError("invalid", str(error)) from None
        made.append(secret)
        kept = {field: value for field, value in spec.items() if not field.startswith("previous_secret_")}
        if grace_s > 0 and "secret_hash" in spec:
            kept["previous_secret_hash"] = spec["secret_hash"]
            kept["previous_secret_expires_at"] = _text(edit.now // 1_000_000 + grace_s)
        return {**kept, "secret_hash": digest}

    return change_spec(connection, vault, (_KIND, name), edit, change, "rotate"), made[0]


def disable(connection: Connection, vault: Vault, name: str, edit: Edit) -> LiveResource:
    """Refuses every request of a key until it is enabled. Raises `EditError`."""

    def change(spec: Spec) -> Spec:
        _refuse_revoked(spec, name)
        return {**spec, "state": "disabled"}

    return change_spec(connection, vault, (_KIND, name), edit, change, "disable")


def enable(connection: Connection, vault: Vault, name: str, edit: Edit) -> LiveResource:
    """Lifts `disable`. Raises `EditError`."""

    def change(spec: Spec) -> Spec:
        _refuse_revoked(spec, name)
        return {field: value for field, value in spec.items() if field != "state"}

    return change_spec(connection, vault, (_KIND, name), edit, change, "enable")


def revoke(connection: Connection, vault: Vault, name: str, edit: Edit) -> LiveResource:
    """Ends a key for good. Raises `EditError`."""
    return change_spec(connection, vault, (_KIND, name), edit, lambda spec: {**spec, "state": "revoked"}, "revoke")


def expire(connection: Connection, vault: Vault, name: str, edit: Edit, *, at_s: int | None) -> LiveResource:
    """Gives a key an end, in seconds since the epoch, or takes it away. Raises `EditError`."""

    def change(spec: Spec) -> Spec:
        rest = {field: value for field, value in spec.items() if field != "expires_at"}
        return rest if at_s is None else {**rest, "expires_at": _text(at_s)}

    return change_spec(connection, vault, (_KIND, name), edit, change, "expire")


def purge(connection: Connection, name: str, edit: Edit) -> int:
    """Ends at once what is kept of keys of this name that are gone: nothing brings their secrets back.

    Returns the revision, which stays. Raises `EditError`.
    """
    at, owners = state.lock(connection), edit.actor.owners
    rows = past_secrets.kept(connection).values()
    mine = [one for one in rows if name in (one.name, one.id) and (owners is None or one.owner in owners)]
    if not mine:
        raise EditError(
            "not_found", f"nothing is kept of a key {name}: it is there, was not minted, or is gone for long"
        )
    past_secrets.purge(connection, mine, edit.now)
    for one in mine:
        address = f"{_KIND}.{one.name}"
        row = audit.row(edit.actor, "purge", address, at=edit.now, revision=at.revision, owner=one.owner)
        audit.write(connection, row)
    return at.revision


def _refuse_revoked(spec: Spec, name: str) -> None:
    if spec.get("state") == "revoked":
        raise EditError("conflict", f"{name} is revoked, which is final: make a new key")


def _text(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")
