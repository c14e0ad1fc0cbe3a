"""`GET /ledger/differences`: what `gateway check-ledger` shows of the sums that reports read."""

from collections.abc import Collection, Mapping
from typing import ClassVar, Final

import falcon.asgi

from gateway.control_plane.rest.route import Route, answer, read_parameters
from gateway.control_plane.services import Services
from gateway.control_plane.tokens import Scope
from gateway.ledger.check import check_sums
from gateway.storage.patience import Patience

_PATIENCE_S: Final = 100.0
"""Seconds in which every entry of the ledger is read."""


class DifferencesResource:
    """Sums of the ledger that are not what its entries add up to."""

    scopes: ClassVar[Mapping[str, Scope]] = {"GET": Scope.ADMIN}
    keeps_owners_apart: ClassVar[Collection[str]] = ()

    def __init__(self, services: Services) -> None:
        self._database = services.database

    async def on_get(self, request: falcon.asgi.Request, response: falcon.asgi.Response) -> None:
        """Every sum that differs. Raises `ApiError`."""
        read_parameters(request, ())
        answer(response, {"differences": await self._database.read(check_sums, patience=Patience(_PATIENCE_S))})


def routes(services: Services) -> tuple[Route, ...]:
    """The routes of this noun."""
    return (Route("/ledger/differences", DifferencesResource(services)),)
