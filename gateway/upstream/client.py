"""HTTP/1.1 to upstreams over asyncio: pooled connections, nothing decoded, no redirect followed.

One pool for the life of the process, by origin: a reload leaves the connections of unchanged providers open. Bodies are
never decompressed, so what arrives is what the provider sent. A request that is cancelled drops its connection at once,
which is how a provider learns that nobody waits any more.
"""

import asyncio
from collections.abc import Awaitable
from typing import NamedTuple
from urllib.parse import SplitResult, urlsplit

from gateway.upstream.connection import Connection
from gateway.upstream.dial import dial
from gateway.upstream.head import opening, request_head
from gateway.upstream.proxy import Proxy, proxy_for
from gateway.upstream.request import Headers, UpstreamRequest

_IDLE_S = 60.0
_SWEPT_EVERY_S = 15.0
_KNOWN_URLS = 4096


class Http1Transport:
    """Carries requests over HTTP/1.1. Construct it inside the running event loop."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._pools: dict[tuple[str, str], list[Connection]] = {}
        self._routes: dict[str, _Route] = {}
        self._sweeper = self._loop.call_later(_SWEPT_EVERY_S, self._sweep)

    async def send(self, request: UpstreamRequest) -> "Http1Response":
        """Sends the request and waits for the response's head. Raises `UpstreamFailure`."""
        timeout_s = request.first_byte_timeout_s
        until = self._loop.time() + timeout_s
        route = self._routes.get(request.url) or self._route(request.url)
        head = request_head(request, route.opening)
        connection = _take(route.pool)
        if connection is None:
            connection = await dial(route.url, route.proxy, min(request.connect_timeout_s, timeout_s))
        try:
            connection.begin(head, request.body)
            while not connection.has_head:
                await connection.wait(until, timeout_s)
        except BaseException:
            connection.abort()
            raise
        return Http1Response(connection, route.pool, request.idle_timeout_s)

    async def close(self) -> None:
        """Closes the idle connections; exchanges under way go on to their end."""
        self._sweeper.cancel()
        pools, self._pools = self._pools, {}
        self._routes.clear()
        for pool in pools.values():
            for connection in pool:
                connection.abort()
            pool.clear()

    def _route(self, written: str) -> "_Route":
        """What depends on a URL alone, remembered: the same few URLs are asked for over and over."""
        url = urlsplit(written)
        proxy = proxy_for(url)
        pool = self._pools.setdefault((url.scheme, url.netloc), [])
        route = _Route(url, proxy, opening(url, absolute=proxy is not None and url.scheme == "http"), pool)
        if len(self._routes) >= _KNOWN_URLS:
            self._routes.clear()
        self._routes[written] = route
        return route

    def _sweep(self) -> None:
        """Drops what was idle for too long."""
        oldest = self._loop.time() - _IDLE_S
        for pool in self._pools.values():
            for connection in [one for one in pool if one.idle_since < oldest or not one.usable]:
                pool.remove(connection)
                connection.abort()
        self._sweeper = self._loop.call_later(_SWEPT_EVERY_S, self._sweep)


class _Route(NamedTuple):
    """What requests to one URL have in common."""

    url: SplitResult
    proxy: Proxy | None
    opening: str
    pool: list[Connection]


class Http1Response:
    """A response whose body is read as it arrives."""

    __slots__ = ("_connection", "_idle_timeout_s", "_pool", "headers", "status")

    def __init__(self, connection: Connection, pool: list[Connection], idle_timeout_s: float) -> None:
        self._connection: Connection | None = connection
        self._pool = pool
        self._idle_timeout_s = idle_timeout_s
        self.status: int = connection.status
        self.headers: Headers = connection.headers

    def read_chunk(self) -> Awaitable[bytes | None]:
        """The next piece of the body exactly as it came, `None` at its end. Raises `UpstreamFailure`."""
        connection = self._connection
        return _nothing() if connection is None else connection.read(self._idle_timeout_s)

    async def read_all(self) -> bytes:
        """The whole body; only for bodies whose length the head bounds. Raises `UpstreamFailure`."""
        connection = self._connection
        if connection is not None and connection.has_all:
            return connection.take_all()
        pieces: list[bytes] = []
        while (piece := await self.read_chunk()) is not None:
            pieces.append(piece)
        return b"".join(pieces)

    async def close(self) -> None:
        """Gives the connection back, or drops it when the body was not read to its end. Doing it twice does nothing."""
        connection, self._connection = self._connection, None
        if connection is not None and connection.release():
            connection.idle_since = asyncio.get_running_loop().time()
            self._pool.append(connection)


async def _nothing() -> None:
    """What a response that is closed still has to give."""


def _take(pool: list[Connection]) -> Connection | None:
    """The connection that was used last, so that those beyond the present need grow old."""
    while pool:
        connection = pool.pop()
        if connection.usable:
            return connection
    return None
