"""The door of the console: headers on every answer, the session behind the cookie, and who may do what.

Default deny: a page answers only the methods that its `scopes` name, to a session whose token covers them. What
changes something is a POST from a page of this console with the session's form token in it.
"""

import hmac
import logging
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

import falcon
import falcon.asgi

from gateway import clock, ids
from gateway.control_plane import tokens
from gateway.control_plane.authentication import check_open_to
from gateway.control_plane.console import sessions
from gateway.control_plane.console.form import came_from_elsewhere, is_own_origin, read_form
from gateway.control_plane.console.sessions import Session
from gateway.control_plane.database import Database
from gateway.control_plane.errors import ApiError
from gateway.control_plane.tokens import Scope

_log = logging.getLogger(__name__)

HEADERS: Final[Mapping[str, str]] = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
"""On every answer of the console; only files that never change may be kept."""

REFRESH: Final = "Console-Refresh"
"""The header of requests that the console's script makes by itself."""


class SignInNeededError(Exception):
    """Nobody is signed in. `again` asks for the same page once more, which brings the cookie along."""

    def __init__(self, target: str, *, again: bool = False) -> None:
        super().__init__(target)
        self.target = target
        self.again = again


class Cookies:
    """The names and attributes of cookies; over TLS a name that no other host and no plain HTTP can set."""

    def __init__(self, *, secure: bool) -> None:
        self.secure = secure
        prefix = "__Host-" if secure else ""
        self.session = f"{prefix}gateway_console"
        self.sign_in = f"{prefix}gateway_console_sign_in"

    def get(self, request: falcon.asgi.Request, name: str) -> str:
        """The value of a cookie, empty where there is none."""
        values = request.get_cookie_values(name) or [""]
        return values[0] if len(values) == 1 else ""

    def set(self, response: falcon.asgi.Response, name: str, value: str) -> None:
        """Sets one that ends with the browser."""
        response.set_cookie(name, value, path="/", http_only=True, same_site="Strict", secure=self.secure)

    def unset(self, response: falcon.asgi.Response, name: str) -> None:
        """Takes one away."""
        response.set_cookie(name, "", max_age=0, path="/", http_only=True, same_site="Strict", secure=self.secure)


class Guard:
    """Falcon middleware. A resource with `is_public` is open to everybody."""

    def __init__(self, database: Database, cookies: Cookies) -> None:
        self._database = database
        self._cookies = cookies

    async def process_request(self, request: falcon.asgi.Request, response: falcon.asgi.Response) -> None:
        """Sets the headers, before anything can fail; HEAD is answered by whoever answers GET."""
        response.set_headers(dict(HEADERS))
        request.context.request_id = ids.request_id()
        request.context.session = None
        request.context.method = request.method
        if request.method == "HEAD":
            request.method = "GET"

    async def process_response(
        self, request: falcon.asgi.Request, _response: falcon.asgi.Response, _resource: Any, _succeeded: bool
    ) -> None:
        """Lets Falcon leave the body of the answer to a HEAD away."""
        request.method = request.context.method

    async def process_resource(
        self, request: falcon.asgi.Request, _response: falcon.asgi.Response, resource: Any, _params: object
    ) -> None:
        """Judges the request. Raises `SignInNeededError` and `ApiError`."""
        needed = resource.scopes.get(request.method)
        if needed is None:
            raise falcon.HTTPMethodNotAllowed([*resource.scopes, *(["HEAD"] if "GET" in resource.scopes else [])])
        if request.method == "POST":
            _check_origin(request, over_tls=self._cookies.secure)
            request.context.form = await read_form(request)
        if resource.is_public:
            return
        session = await self._session(request)
        if session is None:
            raise SignInNeededError(_target(request), again=came_from_elsewhere(request))
        request.context.session, request.context.token = session, session.token
        if request.method == "POST":
            _check_form_token(request.context.form, session)
        if not session.token.scope.covers(needed):
            raise ApiError(
                "insufficient_scope", f"This needs a token of scope {needed}; you signed in with {session.token.scope}."
            )
        check_open_to(session.token, resource, request.method)

    async def _session(self, request: falcon.asgi.Request) -> Session | None:
        presented, now = self._cookies.get(request, self._cookies.session), clock.microseconds()
        found = await self._database.read(lambda connection: sessions.find(connection, presented, now))
        # A page that a script asks for again, with nobody there perhaps, keeps no session open.
        if found is not None and found.is_use_due(now) and request.get_header(REFRESH) is None:
            await self._note_use(found, now)
        return found

    async def _note_use(self, session: Session, now: int) -> None:
        def note(connection: Any) -> None:
            sessions.note_use(connection, session, now)
            tokens.note_use(connection, session.token, now)

        try:
            await self._database.write(note)
        except ApiError:
            # Whoever may read is not kept from it because nothing can be written at present.
            _log.warning("the use of a session of the token %s could not be noted", session.token.id)


def may_sign_in(scope: Scope) -> bool:
    """Whether a token of a scope opens the console; one of a gateway does not."""
    return scope.covers(Scope.VIEW)


def _check_origin(request: falcon.asgi.Request, *, over_tls: bool) -> None:
    if not is_own_origin(request, over_tls=over_tls):
        message = "This form does not come from a page of this console. Open the page anew and try again."
        raise ApiError("insufficient_scope", message, code="foreign_origin")


def _check_form_token(form: Mapping[str, str], session: Session) -> None:
    if not hmac.compare_digest(form.get("form_token", "").encode(), session.csrf.encode()):
        message = "This page was opened before you signed in. Open it anew and try again."
        raise ApiError("insufficient_scope", message, code="stale_form")


def _target(request: falcon.asgi.Request) -> str:
    """The page that was asked for, to come back to; after a form that cannot be sent again, none."""
    if request.method != "GET":
        return ""
    path = quote(request.path, safe="/@:+-._~")
    return f"{path}?{request.query_string}" if request.query_string else path
