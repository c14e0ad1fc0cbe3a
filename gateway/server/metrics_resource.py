"""`/metrics` for Prometheus."""

from typing import Final

import falcon.asgi
from pydantic import SecretStr

from gateway import ids
from gateway.server.response_headers import of_every_response
from gateway.telemetry.exposition import form_of, is_operator
from gateway.telemetry.metrics import Metrics

OPERATORS_ONLY: Final = "gateway.operators_only"
"""The ASGI extension that says that a request came where operators alone are: on the health port."""


class MetricsResource:
    """The metrics of this worker, or of all workers together where there are several.

    What names budgets or money is for operators: on the health port, or with the token.
    """

    def __init__(self, metrics: Metrics, token: SecretStr | None) -> None:
        self._metrics = metrics
        self._token = None if token is None else token.get_secret_value()

    async def on_get(self, request: falcon.asgi.Request, response: falcon.asgi.Response) -> None:
        """The exposition in the form that is asked for: OpenMetrics or text, as it is or by gzip."""
        form = form_of(request.get_header("accept"), request.get_header("accept-encoding"))
        is_private = OPERATORS_ONLY in request.scope.get("extensions", ()) or is_operator(
            request.get_header("authorization"), self._token
        )
        response.data = await self._metrics.scrape(private=is_private, form=form)
        response.set_headers({**of_every_response(ids.request_id()), **form.headers()})
