"""Plans made and plans carried out, in the database: what the REST API and the command line both call."""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import msgspec
from pydantic import ValidationError
from sqlalchemy import Connection, select

from gateway import ids
from gateway.clock import moment_at
from gateway.config.address import parse_address
from gateway.config.documents import PlanRequest
from gateway.config.resources import Resource, read_spec
from gateway.control_plane import audit, key_peppers, minted_secrets, state
from gateway.control_plane.audit import Actor
from gateway.control_plane.encryption import EncryptionError, Vault
from gateway.control_plane.figures import figures
from gateway.control_plane.former_names import names_of_others
from gateway.control_plane.history import UnknownRevisionError, wanted_at
from gateway.plan.change import Drift, ResourceChange
from gateway.plan.figures import Figures
from gateway.plan.guards import Allowed, refusals
from gateway.plan.live import LiveState
from gateway.plan.make import Desired, Extent, Planned, Write, go_on, make_plan
from gateway.plan.plan import Plan, Source
from gateway.plan.replay import Replay
from gateway.plan.saved import SavedPlan, fingerprint
from gateway.plan.words import moment
from gateway.secret import Secret
from gateway.storage.tables import applies


class Mint(Protocol):
    """What makes secrets of keys, under a pepper with a fingerprint."""

    @property
    def fingerprint(self) -> str:
        """That of the pepper."""

    def __call__(self, environment: str, /) -> tuple[Secret, str]:
        """A secret for an environment, and its hash. Raises `ValueError`, saying why not."""


class PlanError(Exception):
    """Why nothing was planned or applied. `code` is `invalid`, `stale`, `guard` or `foreign`."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Applied(msgspec.Struct, frozen=True):
    """What an apply did. `minted` are the secrets of new keys, by name; `already` says that it was done before."""

    plan: Plan
    revision: int
    minted: dict[str, Secret]
    already: bool = False


class _Sealed(msgspec.Struct, frozen=True):
    request: PlanRequest
    fingerprint: str


def plan(
    connection: Connection,
    vault: Vault,
    request: PlanRequest,
    *,
    now: int,
    control_plane: str | None = None,
    owners: tuple[str, ...] | None = None,
    still: Callable[[], object] = go_on,
) -> Plan:
    """What an apply would do; reads only. To apply it takes what `saved` adds.

    Args:
        connection: To the database of the control plane.
        vault: Of its secrets.
        request: What a file wants.
        now: Microseconds since the epoch.
        control_plane: Its name.
        owners: Those that whoever asks is bound to; `None`: to nobody.
        still: Asked again and again; raises where nobody waits for the plan any more.

    Raises:
        PlanError: The request cannot be read (`invalid`), or is of an owner that somebody is not bound to (`foreign`).
        EncryptionError: The control plane has no key, or not the one that its secrets need.
    """
    _check_owner(request, owners)
    live = _live(connection, vault, control_plane)
    planned = _planned(connection, vault, live, request, owners, plan_id=f"pl_{ids.ulid()}", now=now, still=still)
    made = planned.plan
    if request.replay_days and not made.is_empty and not made.errors:
        from gateway.control_plane.replay import replay  # noqa: PLC0415 - it brings the whole way of a request

        before = [one.resource for one in live.resources.values()]
        keys = [one for one in planned.changes if one.kind == "virtual_keys"]
        renamed = {one.previous_name: one.name for one in keys if one.previous_name is not None}
        after = planned.after.values()
        days = request.replay_days
        found = replay(connection, before, after, renamed=renamed, days=days, now=now, owners=owners, still=still)
        shown = msgspec.convert(planned.origins.told(msgspec.to_builtins(found)), Replay)
        made = msgspec.structs.replace(made, replay=shown)
    return made


def saved(vault: Vault, request: PlanRequest, made: Plan) -> SavedPlan:
    """A plan with what an apply takes: the request that it is of, sealed. Raises `EncryptionError`."""
    return SavedPlan(made, vault.seal_bytes(msgspec.json.encode(_Sealed(request, fingerprint(made)))))


def plan_of_nothing(request: PlanRequest, *, now: int, control_plane: str | None = None) -> Plan:
    """The plan for a control plane that is not there yet. Raises `PlanError`."""
    nothing = LiveState("", 0, {}, control_plane=control_plane)
    desired, extent = _desired(request)
    return make_plan(desired, nothing, plan_id=f"pl_{ids.ulid()}", now=now, extent=extent).plan


def apply(
    connection: Connection,
    vault: Vault,
    saved: SavedPlan,
    *,
    allowed: Allowed,
    actor: Actor,
    mint: Mint,
    now: int,
    lock_wait_s: float = 30,
    control_plane: str | None = None,
) -> Applied:
    """Carries a plan out, in the caller's transaction of `gateway.storage.engine.writing`.

    1. unseal what the plan was made from, and see that what it shows was not changed
    2. a plan that was applied before is answered with what it did then, and, once, with the secrets that it made
    3. hold the control plane; refuse where it is not where the plan left it
    4. plan again: it has to come to the same
    5. ask the guards
    6. write everything as one revision

    Raises:
        PlanError: See its codes; nothing was written.
        LockedError: Somebody else applies at this moment.
        EncryptionError: The plan was made under a key that is not there.
    """
    request = _unsealed(vault, saved)
    _check_owner(request, actor.owners)
    if request.absent:
        raise PlanError("invalid", "the plan was made without credentials that the file names: plan where they are set")
    if (done := _applied_before(connection, saved.plan.plan_id)) is not None:
        minted = minted_secrets.hand_out(connection, vault, saved.plan.plan_id, actor, now)
        return Applied(saved.plan, done, minted, already=True)
    revision = state.Revision(connection, vault, actor, now=now, lock_wait_s=lock_wait_s)
    _check_fresh(connection, revision.before, saved.plan, actor, now)
    live = _live(connection, vault, control_plane)
    planned = _planned(
        connection, vault, live, request, actor.owners, plan_id=saved.plan.plan_id, now=now, looks_for_prices=False
    )
    if planned.plan.errors:
        raise PlanError("invalid", "\n".join(planned.plan.errors))
    if planned.plan.digest != saved.plan.digest:
        raise PlanError("stale", "the plan would do something else by now, perhaps after an upgrade: make it anew")
    if refused := refusals(planned.plan, allowed):
        raise PlanError("guard", "\n".join(refused))
    minted = {}
    for write in planned.writes:
        _carry_out(revision, live, write, request.owner, _minting(mint, minted))
    number = revision.finish()
    if minted:
        key_peppers.note(connection, mint.fingerprint, now)
    if not planned.plan.is_empty:
        _remember(connection, planned.plan, number, actor, now)
    minted_secrets.expire(connection, now)
    if minted:
        minted_secrets.keep(connection, vault, planned.plan.plan_id, minted, actor, now)
    return Applied(planned.plan, number, minted)


def _check_owner(request: PlanRequest, owners: tuple[str, ...] | None) -> None:
    if owners is not None and request.owner not in owners:
        raise PlanError("foreign", f"the token is bound to {', '.join(owners)}, and this is a file of {request.owner}")


def _planned(
    connection: Connection,
    vault: Vault,
    live: LiveState,
    request: PlanRequest,
    owners: tuple[str, ...] | None,
    *,
    plan_id: str,
    now: int,
    looks_for_prices: bool = True,
    still: Callable[[], object] = go_on,
) -> Planned:
    desired, extent = _desired(request, still)
    given_away: list[str] = []
    if request.to_revision is not None:
        desired, given_away = _desired_then(connection, vault, live, request, desired)
    desired = msgspec.structs.replace(desired, is_bound=owners is not None)
    # What a plan tells is of its owner alone, however many the token is bound to.
    told = None if owners is None else (request.owner,)
    absent = [(one.kind, one.name) for one in desired.resources if (one.kind, one.name) not in live.resources]
    removed = audit.removed_outside(connection, absent, request.owner) if live.revision else {}
    live = msgspec.structs.replace(live, removed=removed)

    def find(changes: Sequence[ResourceChange]) -> Figures:
        return figures(connection, live, changes, now, told)

    made = make_plan(
        desired,
        live,
        plan_id=plan_id,
        now=now,
        extent=extent,
        figures=find,
        looks_for_prices=looks_for_prices,
        still=still,
    )
    if owners is not None:
        taken = names_of_others(connection, (key for key in made.after if key not in live.resources), owners)
        if taken:
            named = msgspec.structs.replace(made.plan, errors=[*made.plan.errors, *taken], applyable=False)
            made = msgspec.structs.replace(made, plan=named)
    drift = [_with_author(connection, one) for one in made.plan.drift]
    warnings = [*made.plan.warnings, *given_away]
    return msgspec.structs.replace(made, plan=msgspec.structs.replace(made.plan, drift=drift, warnings=warnings))


def _live(connection: Connection, vault: Vault, control_plane: str | None) -> LiveState:
    return msgspec.structs.replace(state.read_state(connection, vault), control_plane=control_plane)


def _with_author(connection: Connection, found: Drift) -> Drift:
    """Who changed the state of a key that is left as it is: others may have changed the key since."""
    if found.effect != "kept":
        return found
    ended = audit.latest(connection, found.address, ("disable", "revoke"))
    if ended is None:
        return found
    return msgspec.structs.replace(found, changed_by=ended.actor, changed_at=moment_at(ended.at))


def _address(written: str) -> tuple[str, str]:
    try:
        return parse_address(written)
    except ValueError as error:
        raise PlanError("invalid", str(error)) from None


def _desired(request: PlanRequest, still: Callable[[], object] = go_on) -> tuple[Desired, Extent]:
    extent = Extent([_address(one) for one in request.targets], request.no_delete, request.drift, request.drift_only)
    moves = {_address(old): _address(new) for old, new in request.moves}
    resources = []
    for one in request.resources:
        still()
        resources.append(_checked(one.resource()))
    if len({one.address for one in resources}) != len(resources):
        raise PlanError("invalid", "a resource is there twice")
    source = Source(request.digest, request.commit)
    absent: dict[tuple[str, str], list[str]] = {}
    for address, place in request.absent:
        absent.setdefault(_address(address), []).append(place)
    return Desired(request.owner, resources, moves, source, absent), extent


def _desired_then(
    connection: Connection, vault: Vault, live: LiveState, request: PlanRequest, desired: Desired
) -> tuple[Desired, list[str]]:
    """What is wanted then, and what is said of what is not led back to."""
    if request.resources or request.moves:
        raise PlanError("invalid", "a plan to a revision takes no resources and no renames: they are those of then")
    try:
        then = wanted_at(connection, vault, live, request)
    except UnknownRevisionError as error:
        raise PlanError("invalid", str(error)) from None
    said = [f"{'.'.join(key)} was given to another owner since, and stays theirs" for key in then.given_away]
    return msgspec.structs.replace(desired, resources=then.resources, moves=then.moves), said


def _checked(resource: Resource) -> Resource:
    """What comes from outside is brought into the normal form here, whatever the sender did."""
    try:
        parse_address(resource.address)
        written = resource.spec["value"] if resource.kind == "settings" else _written(resource)
        spec = read_spec(resource.kind, written, resource.name)
        # What a resource is, whose and since when, is the control plane's to say.
        return Resource(resource.kind, resource.name, spec, resource.references)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        raise PlanError("invalid", f"{resource.address}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from None
    except (ValueError, KeyError, TypeError) as error:
        raise PlanError("invalid", f"{resource.address}: {error}") from None


def _written(resource: Resource) -> Any:
    return resource.spec["targets"] if resource.kind == "model_aliases" else resource.spec


def _unsealed(vault: Vault, saved: SavedPlan) -> PlanRequest:
    try:
        sealed = msgspec.json.decode(vault.unseal_bytes(saved.sealed), type=_Sealed)
    except EncryptionError:
        raise PlanError(
            "invalid", "the plan was made by another control plane, or before its encryption keys were replaced"
        ) from None
    except msgspec.DecodeError:
        raise PlanError("stale", "the plan was made by another version of the gateway: make it anew") from None
    if sealed.fingerprint != fingerprint(saved.plan):
        raise PlanError("invalid", "the plan was changed after it was made, or is damaged: make it anew")
    return sealed.request


def _applied_before(connection: Connection, plan_id: str) -> int | None:
    found: int | None = connection.scalar(select(applies.c.revision).where(applies.c.plan_id == plan_id))
    return found


def _check_fresh(connection: Connection, here: state.Position, made: Plan, actor: Actor, now: int) -> None:
    if made.lineage != here.lineage:
        raise PlanError("stale", "the plan was made against another control plane")
    if made.revision != here.revision:
        moved = state.moved_since(connection, made.revision, actor.owners)
        listed = f": {'; '.join(moved)}" if moved else ""
        message = f"the control plane moved from revision {made.revision} to {here.revision}{listed}. Plan again"
        raise PlanError("stale", message)
    if moment_at(now) > made.expires_at:
        raise PlanError("stale", f"the plan could be applied until {moment(made.expires_at)}: make it anew")


def _carry_out(
    revision: state.Revision, live: LiveState, write: Write, owner: str, minted: Callable[[Resource], Resource]
) -> None:
    had = live.resources.get(write.previous or write.key)
    if write.action == "delete" and had is not None:
        revision.delete(had)
    elif write.action == "confirm" and had is not None and write.applied is not None:
        revision.confirm(write.applied, write.resource.references if write.resource is not None else {}, had)
    elif write.resource is not None:
        action = None if write.previous is None else "move"
        revision.put(minted(write.resource), owner=owner, had=had, applied=write.applied, action=action)


def _minting(mint: Mint, minted: dict[str, Secret]) -> Callable[[Resource], Resource]:
    def with_secret(resource: Resource) -> Resource:
        if resource.kind != "virtual_keys" or "secret_hash" in resource.spec:
            return resource
        try:
            secret, digest = mint(resource.spec.get("environment", "live"))
        except ValueError as error:
            raise PlanError("invalid", f"{resource.address}: {error}, or give it a `secret_hash`") from None
        minted[resource.name] = secret
        return msgspec.structs.replace(resource, spec={**resource.spec, "secret_hash": digest})

    return with_secret


def _remember(connection: Connection, done: Plan, number: int, actor: Actor, now: int) -> None:
    row = {
        "plan_id": done.plan_id,
        "revision": number,
        "owner": done.owner,
        "digest": done.digest,
        "actor": actor.name,
        "applied_at": now,
        "plan": msgspec.to_builtins(done),
    }
    connection.execute(applies.insert().values(row))
