"""Reading a request's body: bounded, decompressed, and turned into the facts that the stages judge by."""

import asyncio
from collections.abc import Callable

import falcon.asgi

from gateway.errors import GatewayError
from gateway.pipeline.exchange import Exchange
from gateway.server.client_watch import ClientWatch
from gateway.settings import Settings
from gateway.shapes.endpoints import BodyForm
from gateway.wire.content_encoding import decode
from gateway.wire.json_body import JsonBody
from gateway.wire.multipart import MultipartBody
from gateway.wire.request_body import RequestBody

_SMALL = 64 * 1024
"""Bodies up to this size do not queue for memory; the bound on concurrent requests is their bound too."""


class BodyReader:
    """Reads bodies for one worker, and keeps what all of them hold together under a bound."""

    def __init__(self, settings: Settings) -> None:
        self._limit = settings.max_request_body_bytes
        bound = max(settings.max_buffered_body_bytes, settings.max_request_body_bytes)
        self._memory = _BodyMemory(bound, settings.body_timeout_s / 2)

    async def read(
        self, request: falcon.asgi.Request, client: ClientWatch, exchange: Exchange, on_leave: Callable[[], None]
    ) -> RequestBody:
        """The body of an exchange; once it is here, `on_leave` hears of a client that goes.

        Raises 400, 408, 413, 415 or 503; a length that is too large is refused unread.
        """
        length = request.content_length
        if length is not None and length > self._limit:
            raise _too_large(self._limit)
        if length is not None and length <= _SMALL:
            # PERF: a small body mostly comes whole with one event; Falcon's stream is for large ones.
            data = await client.read(length)
        else:
            data = await self._read_large(request, exchange)
        if length is not None and len(data) < length:
            raise GatewayError("bad_request", f"The body ended after {len(data)} of {length} bytes.")
        client.on_leave(on_leave)
        encoding = exchange.header_map.get(b"content-encoding")
        if encoding:
            compressed = len(data)
            data = decode(data, encoding.decode("latin-1"), self._limit)
            await self._memory.take(max(0, len(data) - compressed), exchange)
        content_type = exchange.header_map.get(b"content-type", b"")
        if exchange.endpoint.body is BodyForm.MULTIPART:
            return MultipartBody(data, content_type.decode("latin-1"))
        if content_type and b"json" not in content_type.lower():
            raise GatewayError("unsupported_media_type", f"{exchange.endpoint.path} reads application/json.")
        return JsonBody(data, exchange.endpoint.shape.declares.judged)

    def release(self, exchange: Exchange) -> None:
        """Gives back the memory that a body held; idempotent."""
        self._memory.release(exchange)

    async def _read_large(self, request: falcon.asgi.Request, exchange: Exchange) -> bytes:
        """Memory is taken as the pieces come, so that announcing a large body costs nobody anything."""
        pieces: list[bytes] = []
        size = 0
        async for piece in request.stream:
            size += len(piece)
            if size > self._limit:
                raise _too_large(self._limit)
            await self._memory.take(len(piece), exchange)
            pieces.append(piece)
        return b"".join(pieces)


class _BodyMemory:
    """A bound on the bytes of all large bodies together: whoever comes too late waits its turn, but not for ever."""

    def __init__(self, bound: int, patience_s: float) -> None:
        self._free = bound
        self._patience_s = patience_s
        self._held: dict[Exchange, int] = {}
        self._waiting: list[tuple[int, asyncio.Future[None]]] = []

    async def take(self, size: int, exchange: Exchange) -> None:
        """Takes more memory for an exchange; raises `overloaded` when none becomes free in time."""
        while self._free < size:
            turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append((size, turn))
            try:
                await asyncio.wait_for(turn, self._patience_s)
            except TimeoutError:
                message = "The gateway holds as many request bodies as it may; try again."
                raise GatewayError("overloaded", message, headers={"retry-after": "1"}) from None
            finally:
                self._waiting = [entry for entry in self._waiting if entry[1] is not turn]
        self._free -= size
        self._held[exchange] = self._held.get(exchange, 0) + size

    def release(self, exchange: Exchange) -> None:
        """Gives back what an exchange took, and lets those go on for whom it is enough."""
        self._free += self._held.pop(exchange, 0)
        free = self._free
        for size, turn in self._waiting:
            if size > free:
                break
            free -= size
            if not turn.done():
                turn.set_result(None)


def _too_large(limit: int) -> GatewayError:
    return GatewayError("payload_too_large", f"The request body is larger than {limit} bytes.")
