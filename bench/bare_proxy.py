"""The floor: Falcon, Granian and pyreqwest passing requests on, with no rule at all.

`python -m bench.bare_proxy PORT UPSTREAM_URL`
"""

import sys
from collections.abc import AsyncIterator
from functools import partial
from typing import Any

import falcon.asgi
from granian import Granian
from granian.constants import Interfaces, Loops
from granian.log import LogLevels
from pyreqwest.client import Client, ClientBuilder

from bench.agents import PATHS

_STAYS = (b"host", b"content-length", b"connection")


class Proxy:
    """POST, passed on."""

    def __init__(self, upstream: str) -> None:
        self._upstream = upstream
        self._client: Client | None = None

    async def on_post(self, request: falcon.asgi.Request, response: falcon.asgi.Response) -> None:
        """Head and body there, head and body back."""
        if self._client is None:
            self._client = ClientBuilder().gzip(False).brotli(False).zstd(False).deflate(False).build()
        headers = [(n.decode(), v.decode()) for n, v in request.scope["headers"] if n not in _STAYS]
        body = await request.stream.read()
        call = self._client.post(self._upstream + request.path).headers(headers).body_bytes(body)
        exchange = call.streamed_read_buffer_limit(0).build_streamed()
        answer = await exchange.__aenter__()
        response.status = answer.status
        response.set_headers(list(answer.headers.items()))

        async def pieces() -> AsyncIterator[bytes]:
            try:
                while (chunk := await answer.body_reader.read_chunk()) is not None:
                    yield chunk.to_bytes()
            finally:
                await exchange.__aexit__(None, None, None)

        if answer.get_header("content-length"):
            response.data = (await answer.bytes()).to_bytes()
            await exchange.__aexit__(None, None, None)
        else:
            response.stream = pieces()


def app(upstream: str) -> Any:
    """The ASGI callable."""
    proxy = falcon.asgi.App()
    for path in PATHS.values():
        proxy.add_route(path, Proxy(upstream))
    return proxy


if __name__ == "__main__":
    Granian(
        "bare",
        port=int(sys.argv[1]),
        interface=Interfaces.ASGI,
        loop=Loops.uvloop,
        websockets=False,
        backlog=2048,
        backpressure=4096,
        log_level=LogLevels.warning,
    ).serve(target_loader=partial(app, sys.argv[2]), wrap_loader=False)
