"""What lets scripts of other sites call the API: the Fetch standard's CORS protocol, around the app where it is wanted.

The virtual key comes in a header that a script sets, never in a cookie, so nothing here ever allows credentials.
"""

import re
from collections.abc import Sequence
from typing import Final

from gateway import ids
from gateway.server.client_watch import AsgiApp, Event, Receive, Scope, Send
from gateway.server.health_listener import PATHS
from gateway.server.response_headers import of_every_response

ANY: Final = "*"
"""Whatever site a script comes from."""

_METHODS: Final = b"DELETE, GET, HEAD, POST"
_KEPT_S: Final = b"7200"
"""How long a browser need not ask again; Chromium keeps it for no longer."""

_TOKEN: Final = re.compile(rb"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
"""RFC 9110, section 5.6.2."""

_VARY: Final = (b"vary", b"Origin")
_EXPOSED: Final = (b"access-control-expose-headers", b"*")
"""All of them: what a client must not see of a provider's headers does not come this far."""

_Fields = list[tuple[bytes, bytes]]


class CrossOrigin:
    """An ASGI layer that answers preflights, and says in all other answers which site's scripts may read them.

    Probes and `/metrics` are left out: they speak of the process, to its operators.

    Args:
        origins: As browsers write them (RFC 6454), or `ANY` alone.
    """

    def __init__(self, app: AsgiApp, origins: Sequence[str]) -> None:
        self._app = app
        self._any = ANY in origins
        self._origins = frozenset(origin.encode() for origin in origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Runs one request."""
        if scope["type"] != "http" or scope["path"] in PATHS:
            await self._app(scope, receive, send)
            return
        sent: dict[bytes, bytes] = dict(scope["headers"])
        granted = self._granted(sent.get(b"origin"))
        if scope["method"] == "OPTIONS" and granted and b"access-control-request-method" in sent:
            await _answer_preflight(sent.get(b"access-control-request-headers", b""), granted, send)
            return
        if granted:
            # Some providers refuse scripts of other sites. That is decided here: they are called by the gateway.
            scope["headers"] = [field for field in scope["headers"] if field[0] != b"origin"]
        said = [*granted, _EXPOSED, _VARY] if granted else [_VARY]

        async def send_with(event: Event) -> None:
            if event["type"] == "http.response.start":
                event["headers"] = [*event["headers"], *said]
            await send(event)

        await self._app(scope, receive, send_with)

    def _granted(self, origin: bytes | None) -> _Fields:
        """What tells a browser that the scripts of this site may read the answer; empty where they may not."""
        if origin is None or not (self._any or origin in self._origins):
            return []
        return [(b"access-control-allow-origin", ANY.encode() if self._any else origin)]


async def _answer_preflight(asked: bytes, granted: _Fields, send: Send) -> None:
    """Lets the browser send what it asked to send; whether that is served, the answer to it says.

    Headers are named since `*` does not cover `Authorization` (Fetch, section 3.3.4).
    """
    said = of_every_response(ids.request_id()).items()
    fields = [(name.encode(), value.encode()) for name, value in said]
    fields += [*granted, (b"access-control-allow-methods", _METHODS), (b"access-control-max-age", _KEPT_S), _VARY]
    names = [name.strip() for name in asked.split(b",")]
    if all(map(_TOKEN.fullmatch, names)):
        fields.append((b"access-control-allow-headers", b", ".join(names)))
    await send({"type": "http.response.start", "status": 204, "headers": fields})
    await send({"type": "http.response.body", "body": b""})
