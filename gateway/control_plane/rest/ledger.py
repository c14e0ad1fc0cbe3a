"""`GET /ledger/differences`: what `gateway check-ledger` shows of the sums that reports read."""

from collections.abc import Collection, Mapping, Sequence
from typing import ClassVar, Final

import falcon.asgi
from sqlalchemy import Connection

from gateway.control_plane.rest.route import Route, answer, read_parameters
from gateway.control_plane.services import Services
from gateway.control_plane.tokens import Scope
from gateway.ledger.check import Difference, check_sums
from gateway.ledger.retention import told_pruned
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
        """Every sum that differs, and the moment before which none is compared. Raises `ApiError`."""
        read_parameters(request, ())
        found, before = await self._database.read(_checked, patience=Patience(_PATIENCE_S))
        answer(response, {"differences": found, "pruned_before": before})


def _checked(connection: Connection) -> tuple[Sequence[Difference], str | None]:
    return check_sums(connection), told_pruned(connection)


def routes(services: Services) -> tuple[Route, ...]:
    """The routes of this noun."""
    return (Route("/ledger/differences", DifferencesResource(services)),)
