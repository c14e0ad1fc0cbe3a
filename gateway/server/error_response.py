"""One envelope for every error, in the caller's shape."""

import logging

import falcon
import falcon.asgi

from gateway import clock, ids
from gateway.errors import GatewayError
from gateway.plan.words import count
from gateway.server.response_headers import of_every_response
from gateway.shapes import generate_content, messages
from gateway.shapes.shape import Envelope
from gateway.shapes.shape import envelope as openai_envelope
from gateway.telemetry.access_log import AGENT, Callers
from gateway.telemetry.metrics import Metrics
from gateway.visible import visible

_log = logging.getLogger(__name__)

_QUIET_S = 1.0
"""Of requests that lead nowhere one in so many seconds is logged, with how many there were besides."""
_LONGEST_TOLD = 200

_EXPECTED = frozenset(("websocket_unsupported",))
"""What clients ask for whose base URL is right: Codex tries at the start of every session."""

_OF_STATUS = {404: "not_found", 405: "method_not_allowed", 413: "payload_too_large", 415: "unsupported_media_type"}


def write(response: falcon.asgi.Response, error: GatewayError, envelope: Envelope) -> None:
    """Puts an error into a response that has not begun, in the form that the caller's clients read."""
    response.status = error.status
    response.stream = None
    response.data = envelope(error)
    response.content_type = "application/json"
    if error.headers:
        response.set_headers(dict(error.headers))


async def on_gateway_error(
    request: falcon.asgi.Request, response: falcon.asgi.Response, error: GatewayError, _params: object
) -> None:
    """Errors of resources other than the LLM resource, which has headers of its own to add."""
    _stamp(request, response)
    write(response, error, _envelope_for(request))


class HttpErrors:
    """Errors of requests that no resource was asked for: unknown paths, wrong methods, unreadable heads.

    Each is counted, and once in a while one is logged: a client with a wrong base URL is found by that.
    """

    def __init__(self, metrics: Metrics, callers: Callers) -> None:
        self._metrics = metrics
        self._callers = callers
        self._logged_at = -_QUIET_S
        self._unlogged = 0

    async def answer(
        self, request: falcon.asgi.Request, response: falcon.asgi.Response, error: falcon.HTTPError, _params: object
    ) -> None:
        """Falcon's own errors."""
        type_ = _OF_STATUS.get(error.status_code, "bad_request")
        message = {
            "not_found": f"There is nothing at {request.path}; see docs/request.md for the paths of the gateway.",
            "method_not_allowed": f"{request.path} does not take {request.method}.",
        }.get(type_, error.description or error.title or "The request cannot be read.")
        if error.headers:
            response.set_headers(error.headers)
        self.refuse(request, response, GatewayError(type_, message))

    def refuse(self, request: falcon.asgi.Request, response: falcon.asgi.Response, error: GatewayError) -> None:
        """Answers, counts and tells."""
        request_id = _stamp(request, response)
        write(response, error, _envelope_for(request))
        self._metrics.nothing_there(error.status, error.type)
        if error.type not in _EXPECTED:
            self._tell(request, error.status, request_id)

    def _tell(self, request: falcon.asgi.Request, status: int, request_id: str) -> None:
        now = clock.monotonic()
        if now - self._logged_at < _QUIET_S:
            self._unlogged += 1
            return
        beside = f", and {count(self._unlogged, 'such request')} before it" if self._unlogged else ""
        asked = visible(f"{request.method} {request.path}")[:_LONGEST_TOLD]
        headers = request.scope["headers"]
        caller = self._callers.caller(request.scope["client"][0], dict(headers).get(AGENT), headers)
        agent = visible(caller.user_agent or "nobody who says who it is")[:_LONGEST_TOLD]
        _log.warning("%d for %s from %s at %s (%s)%s", status, asked, agent, caller.client_address, request_id, beside)
        self._logged_at, self._unlogged = now, 0


async def on_defect(
    request: falcon.asgi.Request, response: falcon.asgi.Response, error: Exception, _params: object
) -> None:
    """Anything else is a defect of the gateway: logged whole under the request id, told in one sentence."""
    request_id = _stamp(request, response)
    _log.error("request %s failed", request_id, exc_info=error)
    message = f"The gateway failed on this request; its log has the details under {request_id}."
    write(response, GatewayError("internal_error", message), _envelope_for(request))


def _stamp(request: falcon.asgi.Request, response: falcon.asgi.Response) -> str:
    request_id: str = getattr(request.context, "request_id", None) or ids.request_id()
    response.set_headers(of_every_response(request_id))
    return request_id


def _envelope_for(request: falcon.asgi.Request) -> Envelope:
    """The form of errors for who asks at a path that may lead nowhere."""
    if request.path.startswith("/v1/messages") or request.get_header("anthropic-version") is not None:
        return messages.envelope
    if request.path.startswith(_OF_GOOGLE) or request.get_header("x-goog-api-key") is not None:
        return generate_content.envelope
    return openai_envelope


_OF_GOOGLE = ("/v1beta", "/v1alpha")
