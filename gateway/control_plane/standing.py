"""What the control plane's metrics tell of its database, looked up once in a while: a scrape waits for nobody."""

from collections import Counter
from typing import Final

from sqlalchemy import Connection

from gateway import clock
from gateway.control_plane import nodes, state, tokens
from gateway.control_plane.database import Database
from gateway.control_plane.lookout import Lookout
from gateway.control_plane.metrics import ControlPlaneMetrics
from gateway.control_plane.tokens import Token

LOOK_EVERY_S: Final = 5.0


class Standing(Lookout):
    """What was told before stands while the database is away."""

    def __init__(self, database: Database, metrics: ControlPlaneMetrics) -> None:
        super().__init__(self._look_once, LOOK_EVERY_S)
        self._database = database
        self._metrics = metrics

    async def _look_once(self) -> None:
        self._metrics.standing(*await self._database.read(_found))


def _found(connection: Connection) -> tuple[int, Counter[str], tuple[Token, ...]]:
    revision, now = state.position(connection).revision, clock.microseconds()
    states = Counter(one.state(revision, now) for one in nodes.nodes(connection))
    return revision, states, tokens.with_an_end(connection, now)
