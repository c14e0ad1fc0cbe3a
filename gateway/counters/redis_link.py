"""Keeps one connection to Redis: connects, connects anew, and says why it cannot."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

import msgspec

from gateway.counters.hold import CountersLost, CounterState
from gateway.counters.redis_address import RedisService
from gateway.counters.redis_connection import RedisConnection, connect
from gateway.counters.redis_refusals import RedisAway, RedisMoved
from gateway.counters.redis_whereabouts import whereabouts

_CONNECT_TIMEOUTS: Final = 4
"""A connection may take so many times what an answer may take: it needs several, and nobody waits for it."""
_PAUSES_S: Final = (0.0, 0.05, 0.1, 0.2, 0.5, 1.0)

_log = logging.getLogger(__name__)


class RedisLink:
    """The connection that is in use, or the reason why there is none.

    Args:
        service: Where Redis is.
        timeout_s: Seconds that an answer may take, and that a caller waits for a connection that was just lost.
        attend: Prepares each new connection, calls `open`, looks after it, and says why it went; or raises `RedisAway`.
    """

    def __init__(
        self, service: RedisService, timeout_s: float, attend: Callable[[RedisConnection], Awaitable[RedisAway]]
    ) -> None:
        self._service = service
        self._timeout_s = timeout_s
        self._connect_timeout_s = _CONNECT_TIMEOUTS * timeout_s
        self._whereabouts = whereabouts(service, timeout_s, self._connect_timeout_s)
        self._attend = attend
        self._decided = asyncio.Event()
        self._moment: asyncio.TimerHandle | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._opened = False
        self.connection: RedisConnection | None = None
        self.fault: RedisAway | None = None
        """Why there is none, once that is known."""

    def start(self) -> None:
        """Begins to connect, in the background; doing it twice does nothing."""
        if self._keeper is None:
            self.leave(RedisAway(f"{self._service} cannot be reached within {self._timeout_s:g} s"))
            self._keeper = asyncio.create_task(self._keep())

    async def ready(self) -> RedisConnection:
        """The connection. Waits for one that is about to come, not while Redis is known to be away.

        Raises:
            CountersLost: There is none.
        """
        if self.connection is not None and self.connection.closed.done():
            self.leave(self.connection.closed.result())
        await self._decided.wait()
        if self.connection is None:
            raise CountersLost(str(self.fault or f"{self._service} cannot be reached"))
        return self.connection

    def open(self, connection: RedisConnection) -> None:
        """Lets callers have the connection."""
        self.connection, self._opened = connection, True
        self._decide(None)

    def leave(self, reason: RedisAway) -> None:
        """Keeps callers from the connection; they wait a moment for `open` before they are told that there is none."""
        self.connection = None
        self._decided.clear()
        self._cancel_moment()
        self._moment = asyncio.get_running_loop().call_later(self._timeout_s, self._decide, reason)

    async def close(self) -> None:
        """Ends the connection and makes no other."""
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.gather(self._keeper, return_exceptions=True)
            await asyncio.sleep(0)  # the transport ends in the next turn of the loop
        self.connection = None
        self._decide(RedisAway("the counters are closed"))

    async def _keep(self) -> None:
        elsewhere: RedisMoved | None = None
        failures = 0
        while True:
            try:
                reason = await self._serve(elsewhere)
            except RedisAway as away:
                reason = away
            except Exception as error:  # noqa: BLE001 - a bug is told as a fault, and tried again
                _log.exception("the counters in Redis cannot be used")
                said = f"{self._service} cannot be used ({type(error).__name__})"
                reason = RedisAway(said, CounterState.REFUSED)
            is_sent_on = isinstance(reason, RedisMoved) and elsewhere is None
            elsewhere = reason if isinstance(reason, RedisMoved) else None
            if self._opened:
                failures, self._opened = 0, False
                if self.connection is not None:
                    self.leave(reason)
            elif failures and not is_sent_on:
                self._decide(reason)
            if is_sent_on:
                continue
            await asyncio.sleep(_PAUSES_S[min(failures, len(_PAUSES_S) - 1)])
            failures += 1

    async def _serve(self, elsewhere: RedisMoved | None) -> RedisAway:
        """Uses one connection until it is gone; says why it went. `elsewhere` is where a node has sent it."""
        address = await self._whereabouts.find()
        if elsewhere is not None:
            address = msgspec.structs.replace(address, host=elsewhere.host, port=elsewhere.port)
        connection = await connect(address, self._timeout_s, self._connect_timeout_s)
        watching = asyncio.create_task(self._whereabouts.watch(connection))
        try:
            return await self._attend(connection)
        finally:
            connection.abort(RedisAway(f"{address} was left"))
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)

    def _decide(self, fault: RedisAway | None) -> None:
        self._cancel_moment()
        self.fault = fault
        self._decided.set()

    def _cancel_moment(self) -> None:
        if self._moment is not None:
            self._moment.cancel()
            self._moment = None
