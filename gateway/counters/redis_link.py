"""Keeps one connection to Redis: connects, connects anew, and says why it cannot."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

import msgspec

from gateway.counters.hold import CountersLost
from gateway.counters.redis_connection import RedisAddress, RedisAway, RedisConnection, RedisMoved, connect

_CONNECT_TIMEOUTS: Final = 4
"""A connection may take so many times what an answer may take: it needs several, and nobody waits for it."""
_PAUSES_S: Final = (0.0, 0.05, 0.1, 0.2, 0.5, 1.0)

_log = logging.getLogger(__name__)


class RedisLink:
    """The connection that is in use, or the reason why there is none.

    Args:
        address: Where Redis is.
        timeout_s: Seconds that an answer may take, and that a caller waits for a connection that was just lost.
        attend: Prepares each new connection, calls `open`, and looks after it until it raises `RedisAway`.
    """

    def __init__(
        self, address: RedisAddress, timeout_s: float, attend: Callable[[RedisConnection], Awaitable[None]]
    ) -> None:
        self._address = address
        self._timeout_s = timeout_s
        self._attend = attend
        self._decided = asyncio.Event()
        self._moment: asyncio.TimerHandle | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._opened = False
        self.connection: RedisConnection | None = None
        self.fault: str | None = None

    def start(self) -> None:
        """Begins to connect, in the background; doing it twice does nothing."""
        if self._keeper is None:
            self._leave(f"{self._address} cannot be reached within {self._timeout_s:g} s")
            self._keeper = asyncio.create_task(self._keep())

    async def ready(self) -> RedisConnection:
        """The connection. Waits for one that is about to come, not while Redis is known to be away.

        Raises:
            CountersLost: There is none.
        """
        if self.connection is not None and self.connection.closed.done():
            self._leave(self.connection.closed.result())
        await self._decided.wait()
        if self.connection is None:
            raise CountersLost(self.fault or f"{self._address} cannot be reached")
        return self.connection

    def open(self, connection: RedisConnection) -> None:
        """Lets callers have the connection."""
        self.connection, self._opened = connection, True
        self._decide(None)

    async def close(self) -> None:
        """Ends the connection and makes no other."""
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.gather(self._keeper, return_exceptions=True)
            await asyncio.sleep(0)  # the transport ends in the next turn of the loop
        self.connection = None
        self._decide("the counters are closed")

    async def _keep(self) -> None:
        here = self._address
        failures = 0
        while True:
            try:
                await self._serve(here)
            except RedisMoved as moved:
                here, reason = msgspec.structs.replace(self._address, host=moved.host, port=moved.port), str(moved)
            except RedisAway as away:
                here, reason = self._address, str(away)
            except Exception as error:  # noqa: BLE001 - a bug is told as a fault, and tried again
                _log.exception("the counters in Redis cannot be used")
                here, reason = self._address, f"{self._address} cannot be used ({type(error).__name__})"
            if self._opened:
                failures, self._opened = 0, False
                if self.connection is not None:
                    self._leave(reason)
            elif failures:
                self._decide(reason)
            await asyncio.sleep(_PAUSES_S[min(failures, len(_PAUSES_S) - 1)])
            failures += 1

    async def _serve(self, address: RedisAddress) -> None:
        connection = await connect(address, self._timeout_s, _CONNECT_TIMEOUTS * self._timeout_s)
        try:
            await self._attend(connection)
        finally:
            connection.abort(f"{address} was left")

    def _leave(self, reason: str) -> None:
        """Gives a new connection a moment before callers are told that there is none."""
        self.connection = None
        self._decided.clear()
        self._cancel_moment()
        self._moment = asyncio.get_running_loop().call_later(self._timeout_s, self._decide, reason)

    def _decide(self, fault: str | None) -> None:
        self._cancel_moment()
        self.fault = fault
        self._decided.set()

    def _cancel_moment(self) -> None:
        if self._moment is not None:
            self._moment.cancel()
            self._moment = None
