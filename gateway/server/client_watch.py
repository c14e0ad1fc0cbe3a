"""Noticing that a client has left or dawdles, which neither Granian nor Falcon tells on its own.

After the body, Granian's `receive` stays silent until the client disconnects, and `send` to a client that left neither
raises nor cancels. So this layer around Falcon waits on `receive` for it, and hands a cancellation to the request.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final

from gateway.errors import GatewayError
from gateway.pipeline.relay import ResponseAborted

Scope = dict[str, Any]
Event = dict[str, Any]
Receive = Callable[[], Awaitable[Event]]
Send = Callable[[Event], Awaitable[None]]
AsgiApp = Callable[[Scope, Receive, Send], Awaitable[None]]

SCOPE_KEY = "gateway.client"

_LOOK_EVERY_S = 0.25
"""PERF: a request that is answered sooner never pays for a task that waits for its client to leave."""

_BODILESS = frozenset(("GET", "HEAD"))

BODY_FOLLOWS: Final[Event] = {"type": "http.request", "body": b"", "more_body": True}
"""The event that comes first, before anything of the body."""

_PATIENCE = 10
"""How many times the longest pause a whole body may take, so that nobody trickles for ever."""
_SLOWEST = 64 * 1024
"""Bytes a second of an upload, which may take longer than that."""


class ClientLayer:
    """The outermost ASGI layer. Construct it inside the running event loop.

    PERF: one timer looks after the clients of all requests, while there are any.
    """

    def __init__(self, app: AsgiApp, body_timeout_s: float) -> None:
        self._app = app
        self._body_timeout_s = body_timeout_s
        self._loop = asyncio.get_running_loop()
        self._clients: set[ClientWatch] = set()
        self._sweeps = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Runs one request; cancellations that this layer caused, and cut connections, end here without noise."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if scope["http_version"] == "1":
            # Granian's name for HTTP/1.0, which Falcon does not know.
            scope["http_version"] = "1.0"
        client = scope[SCOPE_KEY] = ClientWatch(receive, self._loop, self._body_timeout_s)
        self._clients.add(client)
        if not self._sweeps:
            self._sweeps = True
            self._loop.call_later(_LOOK_EVERY_S, self._sweep)
        failure: BaseException | None = None
        try:
            await self._app(scope, client.receive if scope["method"] in _BODILESS else client.begin, send)
        except ResponseAborted:
            # Returning without the last body event makes Granian cut the connection, which is the point.
            pass
        except BaseException as error:  # noqa: BLE001 - raised below: compiled code cannot await in a `finally`
            if not (client.cancelled_by_us and isinstance(error, asyncio.CancelledError)):
                failure = error
        self._clients.discard(client)
        rest = client.close()
        if rest is not None:
            await rest
        if failure is not None:
            raise failure

    def _sweep(self) -> None:
        """Looks at the clients that no task watches yet."""
        now = self._loop.time()
        self._clients.difference_update([client for client in self._clients if client.look(now)])
        self._sweeps = bool(self._clients)
        if self._sweeps:
            self._loop.call_later(_LOOK_EVERY_S, self._sweep)


class ClientWatch:
    """What is known of the client of one request: whether it dawdles while its body is read, and whether it left."""

    __slots__ = (
        "_began",
        "_begun",
        "_body_timeout_s",
        "_dawdles",
        "_longest_s",
        "_loop",
        "_on_leave",
        "_receive",
        "_since",
        "_task",
        "_watcher",
        "at_end",
        "cancelled_by_us",
    )

    def __init__(self, receive: Receive, loop: asyncio.AbstractEventLoop, body_timeout_s: float) -> None:
        self._receive = receive
        self._body_timeout_s = body_timeout_s
        self._longest_s = body_timeout_s * _PATIENCE
        self._loop = loop
        self._task: asyncio.Task[Any] | None = asyncio.current_task(loop)
        self._began = self._since = loop.time()
        self._begun = False
        self._dawdles = False
        self._on_leave: Callable[[], None] | None = None
        self._watcher: asyncio.Task[None] | None = None
        self.at_end: Callable[[], Awaitable[None] | None] | None = None
        self.cancelled_by_us = False

    async def begin(self) -> Event:
        """As `receive`, but the first event is empty and comes at once.

        Falcon waits for one before it looks at the head, and a stranger, an unknown path or a body that says it is too
        large shall be refused without a byte of it.
        """
        if self._begun:
            return await self.receive()
        self._begun = True
        return BODY_FOLLOWS

    async def receive(self) -> Event:
        """The next event of the request; raises `request_timeout` when the client pauses too long in its body."""
        self._since = self._loop.time()
        try:
            return await self._receive()
        except asyncio.CancelledError:
            self._raise_if_it_dawdles()
            raise

    async def read(self, length: int) -> bytes:
        """A body of so many bytes, or what came of it before its client left. Raises as `receive`."""
        data = b""
        while len(data) < length:
            # PERF: as `receive`, without a coroutine of its own.
            self._since = self._loop.time()
            try:
                event = await self._receive()
            except asyncio.CancelledError:
                self._raise_if_it_dawdles()
                raise
            if event["type"] == "http.disconnect":
                break
            data = data + event["body"] if data else event["body"]
            if not event.get("more_body", False):
                break
        return data

    def expect(self, size: int) -> None:
        """An upload of such a size may take as long as it takes a slow client."""
        self._longest_s = max(self._longest_s, size / _SLOWEST)

    def _raise_if_it_dawdles(self) -> None:
        if self._dawdles and self._task is not None and self._task.uncancel() == 0:
            message = f"The request body paused for {self._body_timeout_s:g} s."
            raise GatewayError("request_timeout", message) from None

    def on_leave(self, callback: Callable[[], None]) -> None:
        """Calls back once when the client disconnects. To be set when the body has been read to its end."""
        self._on_leave = callback

    def cancel_request(self) -> None:
        """Ends the request's task."""
        self.cancelled_by_us = True
        if self._task is not None:
            self._task.cancel()

    def close(self) -> Awaitable[None] | None:
        """Stops watching, and begins what has to happen at the end of the request: the rest of it is to be awaited."""
        if self._watcher is not None:
            self._watcher.cancel()
        at_end, self.at_end = self.at_end, None
        # PERF: these refer back to here; without them no cycle is left to the garbage collector.
        self._on_leave = self._task = None
        return None if at_end is None else at_end()

    def look(self, now: float) -> bool:
        """A request that has taken a while gets a task that waits for its client to leave; a slow body is ended.

        Returns:
            Whether it need not be looked at again.
        """
        if now - self._began < _LOOK_EVERY_S:
            return False
        if self._on_leave is not None:
            self._watcher = self._loop.create_task(self._watch())
            return True
        if not self._is_too_slow(now):
            return False
        if self._task is not None:
            self._dawdles = True
            self._task.cancel()
        return True

    def _is_too_slow(self, now: float) -> bool:
        return now - self._since >= self._body_timeout_s or now - self._began >= self._longest_s

    async def _watch(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        if self._on_leave is not None:
            self._on_leave()
