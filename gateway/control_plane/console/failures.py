"""What went wrong, as a page."""

import logging
from http import HTTPStatus
from typing import Any

import falcon
import falcon.asgi

from gateway import ids
from gateway.control_plane.console.address import Address
from gateway.control_plane.console.guard import SignInNeededError
from gateway.control_plane.console.rendering import Renderer
from gateway.control_plane.error_response import type_of
from gateway.control_plane.errors import ApiError
from gateway.ledger.period import BadParameterError

_log = logging.getLogger(__name__)


class Failures:
    """Falcon's error handlers of the console."""

    def __init__(self, renderer: Renderer) -> None:
        self._renderer = renderer

    def handle(self, app: Any) -> None:
        """Installs them."""
        app.add_error_handler(Exception, self._on_defect)
        app.add_error_handler(falcon.HTTPError, self._on_http_error)
        app.add_error_handler(BadParameterError, self._on_bad_parameter)
        app.add_error_handler(ApiError, self._on_api_error)
        app.add_error_handler(SignInNeededError, self._on_sign_in_needed)

    async def _on_sign_in_needed(
        self, request: falcon.asgi.Request, response: falcon.asgi.Response, error: SignInNeededError, _params: object
    ) -> None:
        """Over a link on another site a browser leaves the cookie away; sent here once more, it brings it."""
        if error.again:
            self._renderer.render(request, response, "again.html", target=error.target)
            return
        response.status = HTTPStatus.SEE_OTHER
        response.location = Address("/console/sign-in", {}).link(next=error.target or None)

    async def _on_api_error(
        self, request: falcon.asgi.Request, response: falcon.asgi.Response, error: ApiError, _params: object
    ) -> None:
        request.context.error = error.type, error.code
        self._show(request, response, error.status, error.message)

    async def _on_bad_parameter(
        self, request: falcon.asgi.Request, response: falcon.asgi.Response, error: BadParameterError, _params: object
    ) -> None:
        request.context.error = "bad_request", "invalid_parameter"
        self._show(request, response, 400, f"{error.parameter}: {error}")

    async def _on_http_error(
        self, request: falcon.asgi.Request, response: falcon.asgi.Response, error: falcon.HTTPError, _params: object
    ) -> None:
        request.context.error = type_of(error), type_of(error)
        message = {404: "There is no such page.", 405: f"This page does not take {request.method}."}
        if error.headers:
            response.set_headers(error.headers)
        self._show(request, response, error.status_code, message.get(error.status_code, error.description or ""))

    async def _on_defect(
        self, request: falcon.asgi.Request, response: falcon.asgi.Response, error: Exception, _params: object
    ) -> None:
        request_id = request.context.request_id = getattr(request.context, "request_id", None) or ids.request_id()
        request.context.error = "internal_error", "internal_error"
        _log.error("page %s failed", request_id, exc_info=error)
        message = f"The console failed on this page; the log of the control plane has the details under {request_id}."
        self._show(request, response, 500, message)

    def _show(self, request: falcon.asgi.Request, response: falcon.asgi.Response, status: int, message: str) -> None:
        response.status = status
        title = HTTPStatus(status).phrase
        self._renderer.render(request, response, "failure.html", title=title, message=message)
