"""`GET /budgets`: what `gateway budgets` shows."""

from collections.abc import Collection, Mapping
from typing import ClassVar

import falcon.asgi

from gateway import clock
from gateway.control_plane.errors import ApiError
from gateway.control_plane.known_budgets import known_budgets
from gateway.control_plane.rest.route import Route, answer, owners_of, read_parameters
from gateway.control_plane.services import Services
from gateway.control_plane.tokens import Scope
from gateway.ledger.budget_report import DEFAULT_LIMIT, MAX_LIMIT, budget_report, document
from gateway.ledger.report import read_limit


class BudgetsResource:
    """Where budgets stand."""

    scopes: ClassVar[Mapping[str, Scope]] = {"GET": Scope.VIEW}
    keeps_owners_apart: ClassVar[Collection[str]] = ("GET",)

    def __init__(self, services: Services) -> None:
        self._services = services

    async def on_get(self, request: falcon.asgi.Request, response: falcon.asgi.Response) -> None:
        """Every budget of the configuration in its present window. Raises `ApiError`, `BadParameterError`."""
        limit = read_limit(read_parameters(request, ("limit",)), DEFAULT_LIMIT, MAX_LIMIT)
        known = await known_budgets(self._services, owners_of(request))
        if known is None:
            message = "There is no configuration: apply one, or start the control plane with --config."
            raise ApiError("not_found", message, code="no_configuration")
        report = await self._services.database.read(
            lambda connection: budget_report(connection, known.budgets, now=clock.now(), limit=limit)
        )
        state = {"config": "stale" if known.problems else "current", "diagnostics": known.problems}
        answer(response, {**document(report), **state})


def routes(services: Services) -> tuple[Route, ...]:
    """The routes of this noun."""
    return (Route("/budgets", BudgetsResource(services)),)
