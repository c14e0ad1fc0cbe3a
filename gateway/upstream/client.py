"""HTTP/1.1 to upstreams over asyncio: pooled connections, nothing decoded, no redirect followed.

One pool for the life of the process, by origin: a reload leaves the connections of unchanged providers open. Bodies are
never decompressed, so what arrives is what the provider sent. A request that is cancelled drops its connection at once,
which is how a provider learns that nobody waits any more.
"""

import asyncio
import math
from collections.abc import Awaitable
from functools import partial
from typing import NamedTuple
from urllib.parse import SplitResult, urlsplit

from gateway.upstream.connection import Connection
from gateway.upstream.dial import dial
from gateway.upstream.head import opening, request_head
from gateway.upstream.pool import Pool, PoolState
from gateway.upstream.proxy import Proxy, proxy_for
from gateway.upstream.request import Headers, UpstreamRequest

_IDLE_S = 60.0
_SWEPT_EVERY_S = 15.0
_KNOWN_URLS = 4096
MOST_CONNECTIONS = 4096


class Http1Transport:
    """Carries requests over HTTP/1.1. Construct it inside the running event loop.

    At most `most_connections` are open to one origin at a time; further calls wait for one for as long as connecting
    may take.
    """

    def __init__(self, most_connections: int = MOST_CONNECTIONS) -> None:
        self._loop = asyncio.get_running_loop()
        self._most_connections = most_connections
        self._pools: dict[tuple[str, str], Pool] = {}
        self._routes: dict[str, _Route] = {}
        self._sweeper = self._loop.call_later(_SWEPT_EVERY_S, self._sweep)

    async def send(self, request: UpstreamRequest) -> "Http1Response":
        """Sends the request and waits for the response's head. Raises `UpstreamFailure`."""
        timeout_s = request.first_byte_timeout_s
        until = self._loop.time() + timeout_s
        route = self._routes.get(request.url) or self._route(request.url)
        head = request_head(request, route.opening)
        pool = route.pool
        connection = pool.take()
        if connection is None:
            connect_s = min(request.connect_timeout_s, timeout_s)
            connection = await pool.open(partial(dial, route.url, route.proxy, connect_s), connect_s)
        try:
            connection.begin(head, request.body)
            if request.upload is not None:
                await connection.send_up(request.upload, request.idle_timeout_s)
                until = self._loop.time() + timeout_s
            while not connection.has_head:
                await connection.wait(until, timeout_s)
        except BaseException:
            connection.abort()
            pool.is_gone()
            raise
        return Http1Response(connection, pool, request.idle_timeout_s)

    def states(self) -> dict[str, PoolState]:
        """By origin, what its connections do."""
        return {pool.origin: pool.state for pool in self._pools.values()}

    async def close(self) -> None:
        """Closes the idle connections; exchanges under way go on to their end."""
        self._sweeper.cancel()
        pools, self._pools = self._pools, {}
        self._routes.clear()
        for pool in pools.values():
            pool.drop_idle(math.inf)

    def _route(self, written: str) -> "_Route":
        """What depends on a URL alone, remembered: the same few URLs are asked for over and over."""
        url = urlsplit(written)
        proxy = proxy_for(url)
        pool = self._pools.get((url.scheme, url.netloc))
        if pool is None:
            origin = f"{url.scheme}://{url.netloc.rpartition('@')[2]}"
            pool = self._pools[url.scheme, url.netloc] = Pool(origin, self._most_connections)
        through = proxy if url.scheme == "http" else None
        route = _Route(url, proxy, opening(url, through), pool)
        if len(self._routes) >= _KNOWN_URLS:
            self._routes.clear()
        self._routes[written] = route
        return route

    def _sweep(self) -> None:
        """Drops what was idle for too long."""
        oldest = self._loop.time() - _IDLE_S
        for pool in self._pools.values():
            pool.drop_idle(oldest)
        self._sweeper = self._loop.call_later(_SWEPT_EVERY_S, self._sweep)


class _Route(NamedTuple):
    """What requests to one URL have in common."""

    url: SplitResult
    proxy: Proxy | None
    opening: str
    pool: Pool


class Http1Response:
    """A response whose body is read as it arrives."""

    __slots__ = ("_connection", "_idle_timeout_s", "_pool", "headers", "status")

    def __init__(self, connection: Connection, pool: Pool, idle_timeout_s: float) -> None:
        self._connection: Connection | None = connection
        self._pool = pool
        self._idle_timeout_s = idle_timeout_s
        self.status: int = connection.status
        self.headers: Headers = connection.headers

    @property
    def was_held_back(self) -> bool:
        """See `UpstreamResponse`."""
        return self._connection is not None and self._connection.was_held_back

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
        if connection is None:
            return
        if connection.release():
            self._pool.give_back(connection, asyncio.get_running_loop().time())
        else:
            self._pool.is_gone()


async def _nothing() -> None:
    """What a response that is closed still has to give."""
