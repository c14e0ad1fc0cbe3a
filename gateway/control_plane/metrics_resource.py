"""`/metrics` of the control plane, for who has `GATEWAY_METRICS_TOKEN` and for nobody else.

Everything of a control plane is for operators, names of tokens among it, so there is no open part as gateways have one.
A token of the API would open more than this, and could not be looked up while the database is away, which is when the
metrics are wanted.
"""

import falcon.asgi

from gateway.control_plane.errors import ApiError
from gateway.control_plane.metrics import ControlPlaneMetrics
from gateway.telemetry.exposition import form_of, is_operator


class MetricsResource:
    """The metrics in the form that is asked for."""

    def __init__(self, metrics: ControlPlaneMetrics, token: str | None) -> None:
        self._metrics = metrics
        self._token = token

    async def on_get(self, request: falcon.asgi.Request, response: falcon.asgi.Response) -> None:
        """The exposition. Raises `ApiError` (`invalid_token`)."""
        if not is_operator(request.get_header("Authorization"), self._token):
            message = "Set GATEWAY_METRICS_TOKEN for the control plane, and send it as `Authorization: Bearer TOKEN`."
            raise ApiError("invalid_token", message, code="metrics_token", headers={"WWW-Authenticate": "Bearer"})
        form = form_of(request.get_header("Accept"), request.get_header("Accept-Encoding"))
        response.data = self._metrics.render(form)
        response.set_headers({**form.headers(), "Cache-Control": "no-store"})
