"""What the control plane's metrics tell of its database, looked up once in a while: a scrape waits for nobody."""

import asyncio
from collections import Counter
from contextlib import suppress
from typing import Final

from sqlalchemy import Connection

from gateway import clock
from gateway.control_plane import nodes, state, tokens
from gateway.control_plane.database import Database
from gateway.control_plane.errors import ApiError
from gateway.control_plane.metrics import ControlPlaneMetrics
from gateway.control_plane.tokens import Token

LOOK_EVERY_S: Final = 5.0


class Standing:
    """`start` in the event loop, `close` before it ends."""

    def __init__(self, database: Database, metrics: ControlPlaneMetrics) -> None:
        self._database = database
        self._metrics = metrics
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begins to look."""
        self._task = asyncio.get_running_loop().create_task(self._look())

    async def close(self) -> None:
        """Stops looking."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def _look(self) -> None:
        while True:
            # What was told before stands while the database is away; `Database` tells that it is.
            with suppress(ApiError):
                revision, states, ending = await self._database.read(_found)
                self._metrics.standing(revision, states, ending)
            await asyncio.sleep(LOOK_EVERY_S)


def _found(connection: Connection) -> tuple[int, Counter[str], tuple[Token, ...]]:
    revision, now = state.position(connection).revision, clock.microseconds()
    states = Counter(one.state(revision, now) for one in nodes.nodes(connection))
    return revision, states, tokens.with_an_end(connection, now)
