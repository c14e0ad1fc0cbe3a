"""`POST /plans` says what an apply would do; `POST /applies` does it; `GET /applies` is the history."""

import asyncio
import logging
from collections.abc import Collection, Mapping
from typing import Annotated, Any, ClassVar, Final

import falcon.asgi
import msgspec
from sqlalchemy import Connection, select

from gateway import clock
from gateway.config.documents import PlanRequest
from gateway.control_plane import planning
from gateway.control_plane.errors import ApiError
from gateway.control_plane.leaving import told_when_it_leaves
from gateway.control_plane.rest.body import MOST_BYTES_OF_A_CONFIGURATION, read_body
from gateway.control_plane.rest.refusals import as_api_errors
from gateway.control_plane.rest.route import Route, actor_of, answer, owners_of, read_parameters
from gateway.control_plane.services import Services
from gateway.control_plane.tokens import Scope
from gateway.ledger.period import moment_text
from gateway.ledger.report import read_limit
from gateway.plan.guards import Allowed
from gateway.plan.saved import PlanFileError, SavedPlan
from gateway.storage.patience import Patience
from gateway.storage.statements import of_owners
from gateway.storage.tables import applies

_log = logging.getLogger(__name__)

PATIENCE_S: Final = 60
"""How long a plan may take, in seconds."""
_AT_ONCE: Final = 2


class ApplyRequest(msgspec.Struct, frozen=True):
    """A plan as `POST /plans` answered it, what whoever applies it allows, and how long they wait for others."""

    saved: SavedPlan
    allowed: Allowed = Allowed()
    lock_wait_s: Annotated[float, msgspec.Meta(ge=0, le=600)] = 30


class PlansResource:
    """Plans. So many at once: others that ask the control plane find a thread and the processor free."""

    scopes: ClassVar[Mapping[str, Scope]] = {"POST": Scope.PLAN}
    keeps_owners_apart: ClassVar[Collection[str]] = ("POST",)

    def __init__(self, services: Services) -> None:
        self._services = services
        self._turns = asyncio.Semaphore(_AT_ONCE)

    async def on_post(self, request: falcon.asgi.Request, response: falcon.asgi.Response) -> None:
        """The plan, and its sealed desired side, which an apply takes back. Writes nothing."""
        read_parameters(request, ())
        wanted = await read_body(request, PlanRequest, at_most=MOST_BYTES_OF_A_CONFIGURATION)
        patience = Patience(PATIENCE_S)

        def give_up() -> None:
            _log.info("a plan is given up: its client has left")
            patience.end()

        async with told_when_it_leaves(request.scope, give_up), self._turns:
            made = await self._made(wanted, owners_of(request), patience)
        answer(response, made)

    async def _made(self, wanted: PlanRequest, owners: tuple[str, ...] | None, patience: Patience) -> SavedPlan:
        services, now = self._services, clock.microseconds()

        def plan(connection: Connection) -> SavedPlan:
            made = planning.plan(
                connection,
                services.vault,
                wanted,
                now=now,
                control_plane=services.name,
                owners=owners,
                still=patience.check,
            )
            return planning.saved(services.vault, wanted, made)

        try:
            with as_api_errors():
                return await services.database.read(plan, patience=patience)
        except ApiError as error:
            if error.type != "too_slow":
                raise
            message = f"The plan is not made after {PATIENCE_S} s. Plan a part of it (--target), leave --replay away, "
            raise ApiError("too_slow", f"{message}or try again when the control plane has less to do.") from None


class AppliesResource:
    """Applies."""

    scopes: ClassVar[Mapping[str, Scope]] = {"POST": Scope.APPLY, "GET": Scope.VIEW}
    keeps_owners_apart: ClassVar[Collection[str]] = ("POST", "GET")

    def __init__(self, services: Services) -> None:
        self._services = services

    async def on_post(self, request: falcon.asgi.Request, response: falcon.asgi.Response) -> None:
        """Carries a plan out.

        A plan that was applied before is answered alike; the secrets that it made are told once more, within an hour,
        to the token that applied it.
        """
        read_parameters(request, ())
        wanted = await read_body(request, ApplyRequest, at_most=MOST_BYTES_OF_A_CONFIGURATION)
        services, actor, now = self._services, actor_of(request), clock.microseconds()

        def apply(connection: Connection) -> planning.Applied:
            return planning.apply(
                connection,
                services.vault,
                wanted.saved,
                allowed=wanted.allowed,
                actor=actor,
                mint=services.mint,
                now=now,
                lock_wait_s=wanted.lock_wait_s,
                control_plane=services.name,
            )

        try:
            with as_api_errors():
                done = await services.database.write(apply, lock_wait_s=wanted.lock_wait_s)
        except PlanFileError as error:
            raise ApiError("bad_request", str(error)) from None
        minted = {name: secret.reveal() for name, secret in done.minted.items()}
        answer(response, {"revision": done.revision, "already": done.already, "minted": minted})

    async def on_get(self, request: falcon.asgi.Request, response: falcon.asgi.Response) -> None:
        """The newest applies first, without their plans."""
        parameters = read_parameters(request, ("limit",))
        limit = read_limit(parameters, 20, 200)
        columns = [column for column in applies.c if column.name != "plan"]
        statement = select(*columns).where(*of_owners(applies.c.owner, owners_of(request)))
        statement = statement.order_by(applies.c.revision.desc()).limit(limit)
        rows = await self._services.database.read(
            lambda connection: [dict(row) for row in connection.execute(statement).mappings()]
        )
        answer(response, {"applies": [_told(row) for row in rows]})

    async def on_get_one(self, request: falcon.asgi.Request, response: falcon.asgi.Response, plan_id: str) -> None:
        """One apply, with its plan."""
        read_parameters(request, ())
        owners = owners_of(request)
        statement = select(applies).where(applies.c.plan_id == plan_id, *of_owners(applies.c.owner, owners))
        row = await self._services.database.read(
            lambda connection: connection.execute(statement).mappings().one_or_none()
        )
        if row is None:
            raise ApiError("not_found", "No plan of this id was applied.")
        answer(response, {**_told(dict(row)), "plan": plan_for(row["plan"], owners)})


def routes(services: Services) -> tuple[Route, ...]:
    """The routes of these nouns."""
    history = AppliesResource(services)
    return (
        Route("/plans", PlansResource(services)),
        Route("/applies", history),
        Route("/applies/{plan_id}", history, "one"),
    )


def plan_for(plan: Any, owners: Collection[str] | None) -> Any:
    """A plan that was applied, as those who are bound to its owner may see it.

    One that somebody made who is bound to nobody tells of others: who they are, and which of their keys it affects.
    """
    if owners is None or not plan.get("unmanaged"):
        return plan
    changes = [{**one, "consequences": []} for one in plan.get("resource_changes", ())]
    return {**plan, "unmanaged": {}, "warnings": [], "errors": [], "replay": None, "resource_changes": changes}


def _told(row: dict[str, Any]) -> dict[str, Any]:
    return {**row, "applied_at": moment_text(row["applied_at"])}
