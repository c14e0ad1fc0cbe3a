"""`/metrics` for Prometheus."""

import gzip
import hmac
from typing import Final

import falcon.asgi
from pydantic import SecretStr

from gateway import ids
from gateway.server.response_headers import of_every_response
from gateway.telemetry.metrics import CONTENT_TYPE, OPEN_METRICS_TYPE, Metrics

OPERATORS_ONLY: Final = "gateway.operators_only"
"""The ASGI extension that says that a request came where operators alone are: on the health port."""

_FASTEST = 1
_BEARER = "Bearer "


class MetricsResource:
    """The metrics of this worker, or of all workers together where there are several.

    What names budgets or money is for operators: on the health port, or with the token.
    """

    def __init__(self, metrics: Metrics, token: SecretStr | None) -> None:
        self._metrics = metrics
        self._token = None if token is None else f"{_BEARER}{token.get_secret_value()}".encode()

    async def on_get(self, request: falcon.asgi.Request, response: falcon.asgi.Response) -> None:
        """The exposition in the form that is asked for: OpenMetrics or text, as it is or by gzip."""
        is_open_metrics = "application/openmetrics-text" in (request.get_header("accept") or "")
        data = self._metrics.render(private=self._is_operator(request), open_metrics=is_open_metrics)
        response.set_headers({**of_every_response(ids.request_id()), "vary": "accept, accept-encoding, authorization"})
        if "gzip" in (request.get_header("accept-encoding") or ""):
            data = gzip.compress(data, _FASTEST)
            response.set_header("content-encoding", "gzip")
        response.data = data
        response.content_type = OPEN_METRICS_TYPE if is_open_metrics else CONTENT_TYPE

    def _is_operator(self, request: falcon.asgi.Request) -> bool:
        if OPERATORS_ONLY in request.scope.get("extensions", ()):
            return True
        given = (request.get_header("authorization") or "").encode()
        return self._token is not None and hmac.compare_digest(given, self._token)
