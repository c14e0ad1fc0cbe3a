"""Noticing that a client has left or dawdles, which neither Granian nor Falcon tells on its own.

After the body, Granian's `receive` stays silent until the client disconnects, and `send` to a client that left neither
raises nor cancels. So this layer around Falcon waits on `receive` for it, and hands a cancellation to the request.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from gateway.errors import GatewayError
from gateway.pipeline.reply import ResponseAborted

Scope = dict[str, Any]
Event = dict[str, Any]
Receive = Callable[[], Awaitable[Event]]
Send = Callable[[Event], Awaitable[None]]
AsgiApp = Callable[[Scope, Receive, Send], Awaitable[None]]

SCOPE_KEY = "gateway.client"

_LOOK_AFTER_S = 0.25
"""PERF: a request that is answered sooner never pays for a task that waits for its client to leave."""


_PATIENCE = 10
"""How many times the longest pause a whole body may take, so that nobody trickles for ever."""


class ClientLayer:
    """The outermost ASGI layer."""

    def __init__(self, app: AsgiApp, body_timeout_s: float) -> None:
        self._app = app
        self._body_timeout_s = body_timeout_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Runs one request; cancellations that this layer caused, and cut connections, end here without noise."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        client = ClientWatch(receive, self._body_timeout_s)
        scope[SCOPE_KEY] = client
        try:
            await self._app(scope, client.receive, send)
        except asyncio.CancelledError:
            if not client.cancelled_by_us:
                raise
        except ResponseAborted:
            # Returning without the last body event makes Granian cut the connection, which is the point.
            return
        finally:
            await client.close()


class ClientWatch:
    """What is known of the client of one request.

    PERF: one timer serves both questions, whether the client dawdles while its body is read and whether it left after.
    """

    __slots__ = (
        "_began",
        "_body_timeout_s",
        "_dawdles",
        "_loop",
        "_on_leave",
        "_receive",
        "_since",
        "_task",
        "_timer",
        "_watcher",
        "at_end",
        "cancelled_by_us",
    )

    def __init__(self, receive: Receive, body_timeout_s: float) -> None:
        self._receive = receive
        self._body_timeout_s = body_timeout_s
        self._loop = asyncio.get_running_loop()
        self._task: asyncio.Task[Any] | None = asyncio.current_task(self._loop)
        self._began = self._since = self._loop.time()
        self._timer: asyncio.TimerHandle | None = self._loop.call_later(_LOOK_AFTER_S, self._look)
        self._dawdles = False
        self._on_leave: Callable[[], None] | None = None
        self._watcher: asyncio.Task[None] | None = None
        self.at_end: Callable[[], Awaitable[None]] | None = None
        self.cancelled_by_us = False

    async def receive(self) -> Event:
        """The next event of the request; raises `request_timeout` when the client pauses too long in its body."""
        self._since = self._loop.time()
        try:
            return await self._receive()
        except asyncio.CancelledError:
            if self._dawdles and self._task is not None and self._task.uncancel() == 0:
                message = f"The request body paused for {self._body_timeout_s:g} s."
                raise GatewayError("request_timeout", message) from None
            raise

    def on_leave(self, callback: Callable[[], None]) -> None:
        """Calls back once when the client disconnects. To be set when the body has been read to its end."""
        self._on_leave = callback

    def cancel_request(self) -> None:
        """Ends the request's task."""
        self.cancelled_by_us = True
        if self._task is not None:
            self._task.cancel()

    async def close(self) -> None:
        """Stops watching and runs what has to run at the end of the request."""
        if self._timer is not None:
            self._timer.cancel()
        if self._watcher is not None:
            self._watcher.cancel()
        at_end, self.at_end = self.at_end, None
        if at_end is not None:
            await at_end()
        # PERF: these refer back to here; without them no cycle is left to the garbage collector.
        self._on_leave = self._task = None

    def _look(self) -> None:
        """The request has taken a while: is it the client's body, or the upstream?"""
        self._timer = None
        if self._on_leave is not None:
            self._watcher = self._loop.create_task(self._watch())
        elif not self._is_too_slow():
            self._timer = self._loop.call_later(_LOOK_AFTER_S, self._look)
        elif self._task is not None:
            self._dawdles = True
            self._task.cancel()

    def _is_too_slow(self) -> bool:
        now = self._loop.time()
        return now - self._since >= self._body_timeout_s or now - self._began >= self._body_timeout_s * _PATIENCE

    async def _watch(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        if self._on_leave is not None:
            self._on_leave()
