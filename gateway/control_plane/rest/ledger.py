"""`/unpriced` and `/ledger/differences`: what `gateway report unpriced` and `gateway check-ledger` show."""

from collections.abc import Collection, Mapping
from typing import ClassVar, Final

import falcon.asgi

from gateway import clock
from gateway.control_plane.rest.route import Route, answer, owners_of, read_parameters
from gateway.control_plane.services import Services
from gateway.control_plane.tokens import Scope
from gateway.ledger import unpriced
from gateway.ledger.check import check_sums

_PATIENCE_S: Final = 30.0
_PATIENCE_FOR_ALL_S: Final = 100.0
"""Seconds in which every entry of the ledger is read."""


class UnpricedResource:
    """Models that were used without a price."""

    scopes: ClassVar[Mapping[str, Scope]] = {"GET": Scope.VIEW}
    keeps_owners_apart: ClassVar[Collection[str]] = ("GET",)

    def __init__(self, services: Services) -> None:
        self._database = services.database

    async def on_get(self, request: falcon.asgi.Request, response: falcon.asgi.Response) -> None:
        """Each model, the most requests first. Raises `ApiError`, `BadParameterError`."""
        parameters = read_parameters(request, unpriced.PARAMETERS)
        question = unpriced.read_question(parameters, clock.utc_now(), owners=owners_of(request))
        found = await self._database.read(
            lambda connection: unpriced.unpriced(connection, question), at_most_s=_PATIENCE_S
        )
        answer(response, {"unpriced": unpriced.document(found)})


class DifferencesResource:
    """Sums of the ledger that are not what its entries add up to."""

    scopes: ClassVar[Mapping[str, Scope]] = {"GET": Scope.ADMIN}
    keeps_owners_apart: ClassVar[Collection[str]] = ()

    def __init__(self, services: Services) -> None:
        self._database = services.database

    async def on_get(self, request: falcon.asgi.Request, response: falcon.asgi.Response) -> None:
        """Every sum that differs. Raises `ApiError`."""
        read_parameters(request, ())
        answer(response, {"differences": await self._database.read(check_sums, at_most_s=_PATIENCE_FOR_ALL_S)})


def routes(services: Services) -> tuple[Route, ...]:
    """The routes of these nouns."""
    return (
        Route("/unpriced", UnpricedResource(services)),
        Route("/ledger/differences", DifferencesResource(services)),
    )
