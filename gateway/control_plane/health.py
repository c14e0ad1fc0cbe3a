"""Liveness and readiness of the control plane, without a token."""

import falcon.asgi

from gateway import clock
from gateway.control_plane import tokens
from gateway.control_plane.database import Database
from gateway.control_plane.rest.route import answer
from gateway.storage.engine import StorageError
from gateway.storage.ready import check_ready


class Healthz:
    """The process runs its event loop."""

    async def on_get(self, _request: falcon.asgi.Request, response: falcon.asgi.Response) -> None:
        """Always 200."""
        answer(response, {"status": "ok"})

    on_head = on_get


class Readyz:
    """Whether the database can be asked, and why not."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def on_get(self, _request: falcon.asgi.Request, response: falcon.asgi.Response) -> None:
        """200, with the tokens that end within 14 days, or 503 with the reason."""
        try:
            await self._database.inspect(check_ready)
        except StorageError as error:
            answer(response, {"status": "not ready", "reason": str(error)})
            response.status = 503
            return
        ending = await self._database.read(lambda connection: tokens.ending(connection, clock.microseconds()))
        told = [one.warning for one in ending]
        answer(response, {"status": "ready", **({"tokens_ending": told} if told else {})})

    on_head = on_get
