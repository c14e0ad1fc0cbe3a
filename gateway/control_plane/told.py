"""What both apps of the control plane tell the layer around them of a request, for its metrics and access log."""

from typing import Any, Final

import falcon.asgi
from falcon.routing import CompiledRouter

TOLD: Final = "gateway.told"
"""Where the ASGI scope has what apps tell of a request."""

UNKNOWN: Final = "unknown"
"""The route of what leads nowhere."""


class Told:
    """What the apps tell of a request: where it led, who asked by which token, and what went wrong."""

    __slots__ = ("error_code", "error_type", "request_id", "route", "token", "token_id")

    def __init__(self) -> None:
        self.route = UNKNOWN
        self.request_id = ""
        self.token: str | None = None
        self.token_id: str | None = None
        self.error_type: str | None = None
        self.error_code: str | None = None


class Tell:
    """Falcon middleware of both apps: tells the layer around them where a request led.

    Args:
        router: That of the app. It is asked where a request would have led that was refused before it got there.
    """

    def __init__(self, router: CompiledRouter) -> None:
        self._router = router

    async def process_response(
        self, request: falcon.asgi.Request, _response: falcon.asgi.Response, _resource: Any, _succeeded: bool
    ) -> None:
        """Once for every request, whatever became of it."""
        told: Told | None = request.scope.get(TOLD)
        if told is None:
            return
        told.route = request.uri_template or self._template(request) or UNKNOWN
        told.request_id = getattr(request.context, "request_id", "")
        told.error_type, told.error_code = getattr(request.context, "error", (None, None))
        token = getattr(request.context, "token", None) or getattr(request.context, "refused_token", None)
        if token is not None:
            told.token, told.token_id = token.name, token.id

    def _template(self, request: falcon.asgi.Request) -> str | None:
        found = self._router.find(request.path, request)
        return None if found is None else found[3]
