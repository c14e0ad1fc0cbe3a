"""Signing in with a token of the control plane, and out again."""

import hmac
import logging
import re
import secrets
from collections.abc import Mapping
from typing import ClassVar, Final

import falcon.asgi
from sqlalchemy import Connection

from gateway import clock
from gateway.control_plane import tokens
from gateway.control_plane.console import sessions
from gateway.control_plane.console.attempts import Attempts
from gateway.control_plane.console.guard import may_sign_in
from gateway.control_plane.console.rendering import Console
from gateway.control_plane.tokens import Scope, Token

_RANDOM_BYTES: Final = 32
_REFUSED: Final = (
    "This token is unknown, expired or revoked, or a gateway's own. The command gateway tokens create makes one."
)
_SEE_OTHER: Final = 303
_FORM_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{43}")

_log = logging.getLogger(__name__)


class SignIn:
    """The form. A random value in a cookie and in the form keeps others from signing somebody in as themselves."""

    scopes: ClassVar[Mapping[str, Scope]] = {"GET": Scope.VIEW, "POST": Scope.VIEW}
    is_public: ClassVar = True

    def __init__(self, console: Console) -> None:
        self._console = console
        self._attempts = Attempts()

    async def on_get(self, request: falcon.asgi.Request, response: falcon.asgi.Response) -> None:
        """The empty form."""
        self._show(request, response, safe_target(request.get_param("next") or ""))

    async def on_post(self, request: falcon.asgi.Request, response: falcon.asgi.Response) -> None:
        """Opens a session and goes on to where somebody wanted to."""
        form, address = request.context.form, request.remote_addr
        target = safe_target(form.get("next", ""))
        id_ = await self._begin(request, form)
        if id_ is None:
            self._refuse(request, response, target, address)
            return
        cookies = self._console.cookies
        cookies.set(response, cookies.session, id_)
        cookies.unset(response, cookies.sign_in)
        response.status, response.location = _SEE_OTHER, target

    async def _begin(self, request: falcon.asgi.Request, form: Mapping[str, str]) -> str | None:
        """A new session; whatever was sent, the work is that of one look-up."""
        cookies, now = self._console.cookies, clock.microseconds()
        expected = cookies.get(request, cookies.sign_in)
        is_own_form = bool(expected) and hmac.compare_digest(form.get("form_token", "").encode(), expected.encode())
        presented = form.get("token", "").strip()
        database = self._console.services.database
        token = await database.read(lambda connection: tokens.find(connection, presented))
        fault = _fault(token, now, is_own_form=is_own_form)
        if token is None or fault is not None:
            request.context.error, request.context.refused_token = fault, token
            return None
        request.context.token = token
        found, replaced = token, cookies.get(request, cookies.session)

        def begin(connection: Connection) -> str:
            tokens.note_use(connection, found, now)
            sessions.end(connection, replaced)
            return sessions.begin(connection, found, now)

        id_ = await database.write(begin)
        _log.info("the token %s signed in to the console from %s", token.id, request.remote_addr)
        return id_

    def _refuse(self, request: falcon.asgi.Request, response: falcon.asgi.Response, target: str, address: str) -> None:
        """Says so, and to an address that fails often, when to try again. Only failures wait, never a good token."""
        wait_s = self._attempts.wait_s(address)
        if wait_s:
            response.status = 429
            response.set_header("Retry-After", str(wait_s))
            self._show(request, response, target, f"Too many failed attempts from {address}. Try again in {wait_s} s.")
            return
        self._attempts.failed(address)
        _log.warning("a sign-in to the console from %s was refused", address)
        response.status = 403
        self._show(request, response, target, _REFUSED)

    def _show(
        self, request: falcon.asgi.Request, response: falcon.asgi.Response, target: str, problem: str = ""
    ) -> None:
        cookies = self._console.cookies
        # Several sign-in pages of one browser share a value, so that each of them works.
        had = cookies.get(request, cookies.sign_in)
        form_token = had if _FORM_TOKEN.fullmatch(had) else secrets.token_urlsafe(_RANDOM_BYTES)
        cookies.set(response, cookies.sign_in, form_token)
        self._console.renderer.render(
            request, response, "sign_in.html", target=target, form_token=form_token, problem=problem
        )


def _fault(token: Token | None, now: int, *, is_own_form: bool) -> tuple[str, str] | None:
    """Why nobody is signed in, as type and code of an error, for metrics and the log: the page does not tell it."""
    if token is None:
        return "invalid_token", "token_unknown"
    state = token.state(now)
    if state != "active":
        return "invalid_token", f"token_{state}"
    if not may_sign_in(token.scope):
        return "insufficient_scope", "insufficient_scope"
    return None if is_own_form else ("insufficient_scope", "stale_form")


class SignOut:
    """The end of a session."""

    scopes: ClassVar[Mapping[str, Scope]] = {"POST": Scope.VIEW}
    keeps_owners_apart: ClassVar = ("POST",)
    is_public: ClassVar = False

    def __init__(self, console: Console) -> None:
        self._console = console

    async def on_post(self, request: falcon.asgi.Request, response: falcon.asgi.Response) -> None:
        """Deletes it."""
        cookies, token = self._console.cookies, request.context.session.token
        presented = cookies.get(request, cookies.session)
        await self._console.services.database.write(lambda connection: sessions.end(connection, presented))
        _log.info("the token %s signed out of the console from %s", token.id, request.remote_addr)
        cookies.unset(response, cookies.session)
        response.status, response.location = _SEE_OTHER, "/console/sign-in"


def safe_target(target: str) -> str:
    """A page of the console to go on to; anything else is the first page."""
    is_page = target == "/console" or target.startswith(("/console/", "/console?"))
    return target if is_page and target.isascii() and target.isprintable() and "\\" not in target else "/console"
