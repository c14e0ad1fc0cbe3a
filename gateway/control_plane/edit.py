"""Single changes beside any file: by REST or the command line. The next plan shows them as made outside the file."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import msgspec
from pydantic import ValidationError
from sqlalchemy import Connection

from gateway.config.address import parse_address
from gateway.config.assemble import assemble
from gateway.config.resources import Resource, Spec, read_spec
from gateway.control_plane import state
from gateway.control_plane.audit import Actor
from gateway.control_plane.encryption import Vault
from gateway.plan.live import LiveResource

Key = tuple[str, str]


class EditError(Exception):
    """Nothing was changed. `code` is `not_found`, `invalid`, `conflict`, `protected` or `precondition_failed`."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Edit(msgspec.Struct, frozen=True):
    """Who edits what, when, and which revision of the resource they have seen.

    `expected` is the revision that the resource has to have; 0: that there is none; `None`: whatever it is.
    """

    actor: Actor
    now: int
    expected: int | None = None


def put(connection: Connection, vault: Vault, key: Key, written: Any, edit: Edit, *, owner: str) -> LiveResource:
    """Creates a resource for an owner, or replaces one, which keeps the owner that it has. Raises `EditError`."""

    def change(had: LiveResource | None) -> tuple[Spec, str]:
        try:
            parse_address(".".join(key))
            return read_spec(key[0], written, key[1]), had.owner if had is not None else owner
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False, include_context=False)[0]
            where = ".".join(map(str, first["loc"]))
            said = first["msg"].removeprefix("Value error, ")
            raise EditError("invalid", f"{where}: {said}" if where else said) from None
        except ValueError as error:
            raise EditError("invalid", str(error)) from None

    return _edit(connection, vault, key, edit, change, None)


def hand_over(connection: Connection, vault: Vault, key: Key, edit: Edit, *, owner: str) -> LiveResource:
    """Gives a resource to another owner, whose file may have it from now on. Raises `EditError`."""
    return _edit(connection, vault, key, edit, lambda had: (_there(had, key).resource.spec, owner), "hand over")


def change_spec(
    connection: Connection, vault: Vault, key: Key, edit: Edit, change: Callable[[Spec], Spec], action: str
) -> LiveResource:
    """What a function makes of a resource's spec, which cannot break what refers to it. Raises `EditError`."""
    return _edit(
        connection,
        vault,
        key,
        edit,
        lambda had: (change(_there(had, key).resource.spec), _there(had, key).owner),
        action,
        judge=False,
    )


def delete(connection: Connection, vault: Vault, key: Key, edit: Edit) -> int:
    """Takes a resource away; returns the new revision. Raises `EditError`."""
    revision = state.Revision(connection, vault, edit.actor, now=edit.now)
    had = _there(state.read_one(connection, vault, key), key)
    _check_expected(had, key, edit)
    if had.protected:
        raise EditError("protected", f"{had.resource.address} is protected: set `protected: false` first")
    revision.delete(had)
    number = revision.finish()
    _check_whole(connection, vault, edit.now)
    return number


def _edit(
    connection: Connection,
    vault: Vault,
    key: Key,
    edit: Edit,
    change: Callable[[LiveResource | None], tuple[Spec, str]],
    action: str | None,
    *,
    judge: bool = True,
) -> LiveResource:
    revision = state.Revision(connection, vault, edit.actor, now=edit.now)
    had = state.read_one(connection, vault, key)
    _check_expected(had, key, edit)
    spec, owner = change(had)
    if had is not None and had.resource.spec == spec and had.owner == owner:
        return had
    references = had.applied_references if had is not None else {}
    resource = Resource(key[0], key[1], spec, references)
    revision.put(resource, owner=owner, had=had, action=action)
    revision.finish()
    if judge:
        _check_whole(connection, vault, edit.now)
    return _there(state.read_one(connection, vault, key), key)


def _check_expected(had: LiveResource | None, key: Key, edit: Edit) -> None:
    seen = 0 if had is None else had.revision
    if edit.expected is not None and edit.expected != seen:
        now = "there is none" if had is None else f"it is at revision {seen}, by {had.changed_by}"
        raise EditError("precondition_failed", f"{'.'.join(key)} is not what you have seen: {now}")


def _check_whole(connection: Connection, vault: Vault, now: int) -> None:
    """A change that would leave something broken is rolled back with the transaction."""
    live = state.read_state(connection, vault)
    at = datetime.fromtimestamp(now / 1e6, UTC)
    faults = assemble((one.resource for one in live.resources.values()), now=at).diagnostics
    if wrong := [str(one) for one in faults if one.is_error]:
        raise EditError("conflict", "\n".join(wrong[:10]))


def _there(had: LiveResource | None, key: Key) -> LiveResource:
    if had is None:
        raise EditError("not_found", f"there is no {'.'.join(key)}")
    return had
