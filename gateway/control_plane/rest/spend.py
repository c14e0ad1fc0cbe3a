"""`GET /spend`, `/spend/unpriced` and `/warnings`: what `gateway spend` and `gateway report` report."""

from collections.abc import Collection, Mapping
from typing import ClassVar, Final

import falcon.asgi

from gateway import clock
from gateway.control_plane.rest.route import Route, answer, owners_of, read_parameters
from gateway.control_plane.services import Services
from gateway.control_plane.tokens import Scope
from gateway.ledger import by_request, report, unpriced, warned
from gateway.ledger.query import FROM_ENTRIES
from gateway.storage.patience import Patience

PATIENCE_S: Final = 30.0
"""Seconds for a report that is summed request by request."""


class SpendResource:
    """Sums of the ledger."""

    scopes: ClassVar[Mapping[str, Scope]] = {"GET": Scope.VIEW}
    keeps_owners_apart: ClassVar[Collection[str]] = ("GET",)

    def __init__(self, services: Services) -> None:
        self._database = services.database

    async def on_get(self, request: falcon.asgi.Request, response: falcon.asgi.Response) -> None:
        """The report of the query's parameters. Raises `ApiError`, `BadParameterError`."""
        parameters = read_parameters(request, report.SPEND_PARAMETERS)
        question = report.read_question(parameters, clock.utc_now(), owners=owners_of(request))
        patience = None if FROM_ENTRIES.isdisjoint(question.by) else Patience(PATIENCE_S)
        found = await self._database.read(
            lambda connection: report.spend_report(connection, question), patience=patience
        )
        answer(response, report.document(found))


class UnpricedResource:
    """What was used without a price."""

    scopes: ClassVar[Mapping[str, Scope]] = {"GET": Scope.VIEW}
    keeps_owners_apart: ClassVar[Collection[str]] = ("GET",)

    def __init__(self, services: Services) -> None:
        self._database = services.database

    async def on_get(self, request: falcon.asgi.Request, response: falcon.asgi.Response) -> None:
        """Every model that was used without a price. Raises `ApiError`, `BadParameterError`."""
        parameters = read_parameters(request, by_request.PARAMETERS)
        question = unpriced.read_question(parameters, clock.utc_now(), owners=owners_of(request))
        found = await self._database.read(
            lambda connection: unpriced.unpriced(connection, question), patience=Patience(PATIENCE_S)
        )
        answer(response, {"models": unpriced.document(found)})


class WarningsResource:
    """What rules and limits that only warn would have refused."""

    scopes: ClassVar[Mapping[str, Scope]] = {"GET": Scope.VIEW}
    keeps_owners_apart: ClassVar[Collection[str]] = ("GET",)

    def __init__(self, services: Services) -> None:
        self._database = services.database

    async def on_get(self, request: falcon.asgi.Request, response: falcon.asgi.Response) -> None:
        """Requests by key and rule. Raises `ApiError`, `BadParameterError`."""
        parameters = read_parameters(request, by_request.PARAMETERS)
        question = warned.read_question(parameters, clock.utc_now(), owners=owners_of(request))
        found = await self._database.read(
            lambda connection: warned.warned_requests(connection, question), patience=Patience(PATIENCE_S)
        )
        answer(response, {"warnings": warned.document(found)})


def routes(services: Services) -> tuple[Route, ...]:
    """The routes of this noun."""
    return (
        Route("/spend", SpendResource(services)),
        Route("/spend/unpriced", UnpricedResource(services)),
        Route("/warnings", WarningsResource(services)),
    )
