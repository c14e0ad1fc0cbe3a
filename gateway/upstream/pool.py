"""The connections to one origin: who has one, which are idle, and who waits since there may be no more."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from gateway.upstream.connection import Connection
from gateway.upstream.failure import FailureKind, UpstreamFailure


class PoolState(NamedTuple):
    """How many connections carry a call, how many are idle, and how many calls wait for one."""

    active: int
    idle: int
    waiting: int


class Pool:
    """At most `most` connections to `origin`, such as `https://api.openai.com`.

    What is taken or opened is given back, or said to be gone, exactly once.
    """

    __slots__ = ("_idle", "_most", "_open", "_waiting", "origin")

    def __init__(self, origin: str, most: int) -> None:
        self.origin = origin
        self._most = most
        self._open = 0
        self._idle: list[Connection] = []
        self._waiting: deque[asyncio.Future[None]] = deque()

    def __repr__(self) -> str:
        active, idle, waiting = self.state
        return f"Pool({self.origin}: {active} active, {idle} idle, {waiting} waiting, at most {self._most})"

    @property
    def state(self) -> PoolState:
        """What it looks like now."""
        return PoolState(self._open - len(self._idle), len(self._idle), len(self._waiting))

    def take(self) -> Connection | None:
        """The connection that was used last, so that those beyond the present need grow old; `None` if none is idle."""
        while self._idle:
            connection = self._idle.pop()
            if connection.usable:
                return connection
            self.is_gone()
        return None

    async def open(self, dial: Callable[[], Awaitable[Connection]], timeout_s: float) -> Connection:
        """A new connection, or the first that comes free where there may be no more. Raises `UpstreamFailure`."""
        try:
            async with asyncio.timeout(timeout_s):
                while self._open >= self._most:
                    await self._turn()
                    if (found := self.take()) is not None:
                        return found
        except TimeoutError:
            message = f"all {self._most} connections to it are in use"
            raise UpstreamFailure(FailureKind.CONNECT, message) from None
        self._open += 1
        try:
            return await dial()
        except BaseException:
            self.is_gone()
            raise

    def give_back(self, connection: Connection, now: float) -> None:
        """Another call may have it."""
        connection.idle_since = now
        self._idle.append(connection)
        self._wake()

    def is_gone(self) -> None:
        """A connection was dropped."""
        self._open -= 1
        self._wake()

    def drop_idle(self, before: float) -> None:
        """Closes what has been idle since before a moment, and forgets what the other side has closed."""
        for connection in [one for one in self._idle if one.idle_since < before or not one.usable]:
            self._idle.remove(connection)
            connection.abort()
            self.is_gone()

    async def _turn(self) -> None:
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._wake()  # it was this one's turn, and somebody else's now
            raise
        finally:
            if turn in self._waiting:
                self._waiting.remove(turn)

    def _wake(self) -> None:
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
