"""Single changes beside any file: by REST or the command line. The next plan shows them as made outside the file."""

from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from typing import Any

import msgspec
from pydantic import ValidationError
from sqlalchemy import Connection

from gateway.clock import moment_at
from gateway.config.address import parse_address
from gateway.config.field_tree import WRAPPED
from gateway.config.judge import SAID_OF_OTHERS
from gateway.config.resources import Resource, Spec, read_spec
from gateway.control_plane import past_secrets, state
from gateway.control_plane.audit import Actor
from gateway.control_plane.encryption import Vault
from gateway.control_plane.former_names import names_of_others
from gateway.control_plane.kept_values import decisive_changes, with_kept_values
from gateway.plan.live import LiveResource, LiveState
from gateway.plan.matching import CHOOSE_ANOTHER
from gateway.plan.revoked import secrets_of
from gateway.snapshot.of_resources import faults

Key = tuple[str, str]


class EditError(Exception):
    """Nothing was changed.

    `code` is `not_found`, `invalid`, `conflict`, `protected`, `foreign` or `precondition_failed`.
    """

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
    """Creates a resource for an owner, or replaces one, which keeps the owner that it has.

    Where it says `(sensitive)`, the secret that is stored stays, as long as nothing changes where or how it goes.
    Raises `EditError`.
    """

    def change(had: LiveResource | None) -> tuple[Spec, str]:
        try:
            return _read(connection, key, written, had), had.owner if had is not None else owner
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
    had = _there(state.read_one(connection, vault, key, owners=edit.actor.owners), key)
    _check_expected(had, key, edit)
    if had.protected:
        raise EditError("protected", f"{had.resource.address} is protected: set `protected: false` first")
    revision.delete(had)
    number = revision.finish()
    _check_whole(connection, vault, edit, key, had)
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
    # What is not judged creates nothing either: it confines nobody.
    actor = edit.actor if judge else msgspec.structs.replace(edit.actor, owners=None)
    revision = state.Revision(connection, vault, actor, now=edit.now)
    had = state.read_one(connection, vault, key, owners=edit.actor.owners)
    _check_expected(had, key, edit)
    spec, owner = change(had)
    _check_owner(connection, vault, edit, key, had, owner)
    if had is not None and had.resource.spec == spec and had.owner == owner:
        return had
    references = had.applied_references if had is not None else {}
    resource = Resource(key[0], key[1], spec, references)
    revision.put(resource, owner=owner, had=had, action=action)
    revision.finish()
    if judge:
        _check_whole(connection, vault, edit, key, had)
    return _there(state.read_one(connection, vault, key), key)


def _check_owner(
    connection: Connection, vault: Vault, edit: Edit, key: Key, had: LiveResource | None, owner: str
) -> None:
    """Whoever is bound to owners gives nothing to others, and takes no name that is, or was, another's."""
    owners = edit.actor.owners
    if owners is None:
        return
    if owner not in owners:
        raise EditError("foreign", f"the token is bound to {', '.join(owners)}, and this would be of {owner}")
    if had is None and state.read_one(connection, vault, key) is not None:
        raise EditError("conflict", f"{'.'.join(key)} is another owner's: {CHOOSE_ANOTHER}")
    if had is None and (taken := names_of_others(connection, (key,), owners)):
        raise EditError("conflict", taken[0])


def _check_expected(had: LiveResource | None, key: Key, edit: Edit) -> None:
    seen = 0 if had is None else had.revision
    if edit.expected is not None and edit.expected != seen:
        now = "there is none" if had is None else f"it is at revision {seen}, by {had.changed_by}"
        why = "is there already" if edit.expected == 0 else "is not what you have seen"
        raise EditError("precondition_failed", f"{'.'.join(key)} {why}: {now}")


def _read(connection: Connection, key: Key, written: Any, had: LiveResource | None) -> Spec:
    """The spec that somebody wrote. Raises `ValueError`, of which `ValidationError` is one."""
    parse_address(".".join(key))
    filled, kept = (written, []) if had is None else with_kept_values(written, had.resource)
    spec = read_spec(key[0], _as_in_a_file(key[0], filled), key[1])
    if had is not None and kept and (changed := [*decisive_changes(key[0], had.resource.spec, spec)]):
        fields = ", ".join(changed)
        raise ValueError(f"{kept[0]}: (sensitive) keeps a secret only while {fields} stays as it is: write the secret")
    if key[0] == "virtual_keys" and "secret_hash" not in spec:
        raise ValueError("secret_hash: a key without one answers to nobody; POST /virtual-keys mints a secret")
    _refuse_replaced(connection, key, spec, had)
    return spec


def _refuse_replaced(connection: Connection, key: Key, spec: Spec, had: LiveResource | None) -> None:
    """A secret that was rotated away comes back by a plan, which says so, and not in passing. Raises `ValueError`."""
    if key[0] != "virtual_keys" or (had is not None and spec["secret_hash"] in secrets_of(had.resource.spec)):
        return
    if past_secrets.is_replaced(connection, spec["secret_hash"]):
        raise ValueError(
            "secret_hash: another secret took the place of this one, so a plan alone brings it back, which says so; "
            "rotating a key mints a new one"
        )


def _as_in_a_file(kind: str, written: Any) -> Any:
    """What a file has at this place, of what the API shows: of an alias its targets, of a setting its value."""
    member = WRAPPED.get(kind)
    return written[member] if isinstance(written, Mapping) and {*written} == {member} else written


def _check_whole(connection: Connection, vault: Vault, edit: Edit, key: Key, had: LiveResource | None) -> None:
    """A change that no gateway could serve is rolled back with the transaction.

    What was wrong before, which an earlier version may have let in, does not stand in the way of mending it.
    """
    live, at = state.read_state(connection, vault), moment_at(edit.now)
    owners = edit.actor.owners
    wrong = _told(live, at, owners)
    if not wrong:
        return
    before = {one: there for one, there in live.resources.items() if one != key}
    if had is not None:
        before[key] = had
    was_wrong = _told(msgspec.structs.replace(live, resources=before), at, owners)
    if new := [text for text in wrong if text not in was_wrong]:
        # Said of the resource itself it is a mistake in it; said of another, the two do not fit.
        own = f"{'.'.join(key)}: "
        alone = all(text.startswith(own) and wrong[text] not in SAID_OF_OTHERS for text in new)
        raise EditError("invalid" if alone else "conflict", "\n".join(new[:10]))


def _told(live: LiveState, at: datetime, owners: Collection[str] | None) -> dict[str, str]:
    """Faults as text, with their codes, as they are told to those who are bound to owners."""
    found = faults((one.resource for one in live.resources.values()), at, owners)
    return {str(one): getattr(one, "code", "") for one in found}


def _there(had: LiveResource | None, key: Key) -> LiveResource:
    if had is None:
        raise EditError("not_found", f"there is no {'.'.join(key)}")
    return had
