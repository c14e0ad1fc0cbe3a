"""One envelope for every error of the API."""

import logging
from typing import Final

import falcon
import falcon.asgi

from gateway import ids
from gateway.control_plane.errors import ApiError
from gateway.ledger.period import BadParameterError

_log = logging.getLogger(__name__)

_OF_STATUS: Final = {
    404: "not_found",
    405: "method_not_allowed",
    413: "payload_too_large",
    415: "unsupported_media_type",
}


def type_of(error: falcon.HTTPError) -> str:
    """The row of `API_ERROR_TYPES` that one of Falcon's own errors is."""
    return _OF_STATUS.get(error.status_code, "bad_request")


async def on_api_error(
    request: falcon.asgi.Request, response: falcon.asgi.Response, error: ApiError, _params: object
) -> None:
    """What resources raise."""
    _write(request, response, error)


async def on_bad_parameter(
    request: falcon.asgi.Request, response: falcon.asgi.Response, error: BadParameterError, _params: object
) -> None:
    """A parameter of a report that cannot be read."""
    message = f"{error.parameter}: {error}"
    _write(request, response, ApiError("bad_request", message, code="invalid_parameter", param=error.parameter))


async def on_http_error(
    request: falcon.asgi.Request, response: falcon.asgi.Response, error: falcon.HTTPError, _params: object
) -> None:
    """Falcon's own errors: unknown paths, wrong methods, unreadable requests."""
    type_ = type_of(error)
    message = {
        "not_found": "There is nothing at this path.",
        "method_not_allowed": f"This path does not take {request.method}.",
    }.get(type_, error.description or error.title or "The request cannot be read.")
    if error.headers:
        response.set_headers(error.headers)
    _write(request, response, ApiError(type_, message))


async def on_defect(
    request: falcon.asgi.Request, response: falcon.asgi.Response, error: Exception, _params: object
) -> None:
    """Anything else is a defect: logged whole under an id, told in one sentence."""
    request_id = request.context.request_id = getattr(request.context, "request_id", None) or ids.request_id()
    _log.error("request %s failed", request_id, exc_info=error)
    message = f"The control plane failed on this request; its log has the details under {request_id}."
    _write(request, response, ApiError("internal_error", message))


def _write(request: falcon.asgi.Request, response: falcon.asgi.Response, error: ApiError) -> None:
    request.context.error = error.type, error.code
    response.status = error.status
    response.data = error.envelope()
    response.content_type = "application/json"
    response.set_header("Cache-Control", "no-store")
    if error.headers:
        response.set_headers(dict(error.headers))
