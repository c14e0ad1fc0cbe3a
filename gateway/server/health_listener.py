"""Probes and `/metrics` on a port of their own: answered however many connections the gateway's own port holds.

The server stops accepting at its bound of connections, so whoever probes there cannot tell a full gateway from a dead
one. Here a connection carries one request and is closed, within seconds whatever its client does.
"""

import asyncio
from http import HTTPStatus
from typing import Any, Final

from gateway.server.client_watch import AsgiApp, Event
from gateway.server.metrics_resource import OPERATORS_ONLY

PATHS: Final = ("/healthz", "/startupz", "/readyz", "/metrics")
"""All that is answered there: what speaks of the process, to its operators."""

_PATIENCE_S = 5.0
_LARGEST_HEAD = 16 * 1024


async def serve_health(app: AsgiApp, host: str, port: int) -> asyncio.Server:
    """Answers there, with what `app` says to these paths, until the server is closed.

    Several workers share the port; any of them answers. Raises `OSError` where it cannot be listened on.
    """

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(_PATIENCE_S):
                writer.write(await _answer(app, await reader.readuntil(b"\r\n\r\n")))
                await writer.drain()
        except (TimeoutError, OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # whoever asked has gone, or asks nothing
        finally:
            writer.close()

    return await asyncio.start_server(serve, host, port, reuse_port=True, limit=_LARGEST_HEAD)


async def _answer(app: AsgiApp, head: bytes) -> bytes:
    """The response to a request without a body."""
    line, _, fields = head.partition(b"\r\n")
    words = line.decode("latin-1").split(" ")
    method, target = (words[0], words[1]) if len(words) == 3 else ("", "")  # noqa: PLR2004 - RFC 9112, section 3
    path, _, query = target.partition("?")
    if method not in ("GET", "HEAD"):
        return _written(HTTPStatus.METHOD_NOT_ALLOWED, [(b"allow", b"GET, HEAD")], b"")
    if path not in PATHS:
        return _written(HTTPStatus.NOT_FOUND, [], b"")
    scope: dict[str, Any] = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [*_headers(fields), (b"host", b"localhost")],
        "extensions": {OPERATORS_ONLY: {}},
    }
    said: list[Event] = []

    async def receive() -> Event:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(event: Event) -> None:
        said.append(event)

    await app(scope, receive, send)
    start, *bodies = said
    return _written(HTTPStatus(start["status"]), start["headers"], b"".join(one.get("body", b"") for one in bodies))


def _headers(fields: bytes) -> list[tuple[bytes, bytes]]:
    """What decides about the form of an answer, as ASGI has it; nothing else of a probe's head matters."""
    named = (line.partition(b":") for line in fields.split(b"\r\n"))
    read = [(name.strip().lower(), value.strip()) for name, _, value in named]
    return [field for field in read if field[0] in (b"accept", b"accept-encoding")]


def _written(status: HTTPStatus, headers: list[tuple[bytes, bytes]], body: bytes) -> bytes:
    kept = [(name, value) for name, value in headers if name not in (b"connection", b"keep-alive")]
    if not any(name == b"content-length" for name, _ in kept):
        kept.append((b"content-length", str(len(body)).encode()))
    fields = b"".join(b"%s: %s\r\n" % field for field in (*kept, (b"connection", b"close")))
    return f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() + fields + b"\r\n" + body
