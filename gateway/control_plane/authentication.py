"""Who calls the API, and whether the resource that they ask is open to them.

Default deny: every path under the API's prefix wants a token, unknown ones too, and a resource answers only the methods
that its `scopes` name. Tokens are read from `Authorization: Bearer` alone, so none ends up in a log of URLs or is sent
along by a browser. The API reads no cookie, not even the console's, so cross-site requests have nothing to ride on; the
console has a guard of its own (`console.guard`).
"""

import logging
from typing import Any, Final

import falcon
import falcon.asgi

from gateway import clock, ids
from gateway.control_plane import tokens
from gateway.control_plane.database import Database
from gateway.control_plane.errors import ApiError
from gateway.control_plane.rest.route import PREFIX
from gateway.control_plane.tokens import Token

ENDS_AT: Final = "Gateway-Token-Expires-At"
"""The response header that says when the token of the caller ends; absent where it does not."""

_log = logging.getLogger(__name__)

_REFUSALS: Final = {
    "revoked": "This token was revoked.",
    "expired": "This token has expired; `gateway tokens create` makes a new one.",
}


class Authentication:
    """Falcon middleware."""

    def __init__(self, database: Database, trusted: Token | None = None) -> None:
        self._database = database
        self._trusted = trusted

    async def process_request(self, request: falcon.asgi.Request, response: falcon.asgi.Response) -> None:
        """Finds the token, with the same work for every text. Raises `ApiError` (`invalid_token`)."""
        if not _is_of_api(request.path):
            return
        request.context.request_id = ids.request_id()
        if self._trusted is not None:
            request.context.token = self._trusted
            return
        presented = _bearer(request.get_header("Authorization"))
        now = int(clock.now() * 1_000_000)
        token = await self._database.read(lambda connection: tokens.find(connection, presented or ""))
        if presented is None:
            raise _invalid(
                "Send a token as `Authorization: Bearer TOKEN`; `gateway tokens create` makes one.", "missing"
            )
        if token is None:
            raise _invalid("This token is unknown.", "unknown")
        state = token.state(now)
        if state != "active":
            # For the log alone: `token` is who may act.
            request.context.refused_token = token
            raise _invalid(_REFUSALS[state], state)
        if tokens.is_use_due(token, now):
            await self._note_use(token, now)
        request.context.token = token
        if token.ends is not None:
            response.set_header(ENDS_AT, token.ends)

    async def process_resource(
        self, request: falcon.asgi.Request, _response: falcon.asgi.Response, resource: Any, _params: object
    ) -> None:
        """Compares scopes. Raises `ApiError` (`insufficient_scope`)."""
        if not _is_of_api(request.path):
            return
        token: Token = request.context.token
        needed = resource.scopes.get(request.method)
        if needed is None:
            raise falcon.HTTPMethodNotAllowed(list(resource.scopes))
        if not token.scope.covers(needed):
            raise ApiError(
                "insufficient_scope",
                f"This needs a token of scope {needed}; this one has {token.scope}.",
                headers={"WWW-Authenticate": f'Bearer error="insufficient_scope", scope="{needed}"'},
            )
        check_open_to(token, resource, request.method)

    async def _note_use(self, token: Token, now: int) -> None:
        try:
            await self._database.write(lambda connection: tokens.note_use(connection, token, now))
        except ApiError:
            # Whoever may read is not kept from it because nothing can be written at present.
            _log.warning("the use of the token %s could not be noted", token.id)


def check_open_to(token: Token, resource: Any, method: str) -> None:
    """Default deny: a bound token is let through to methods that keep owners apart by themselves. Raises `ApiError`."""
    if token.owners is not None and method not in getattr(resource, "keeps_owners_apart", ()):
        message = f"This tells of every owner; the token is bound to {', '.join(token.owners)}."
        raise ApiError("insufficient_scope", message, code="bound_token")


def _is_of_api(path: str) -> bool:
    return path == PREFIX or path.startswith(f"{PREFIX}/")


def _bearer(header: str | None) -> str | None:
    """The token of an `Authorization` header (RFC 6750, section 2.1); `None` where there is none."""
    scheme, _, token = (header or "").partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None


def _invalid(message: str, why: str) -> ApiError:
    challenge = "Bearer" if why == "missing" else 'Bearer error="invalid_token"'
    return ApiError("invalid_token", message, code=f"token_{why}", headers={"WWW-Authenticate": challenge})
