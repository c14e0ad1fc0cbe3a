"""`/metrics` for Prometheus."""

import falcon.asgi

from gateway import ids
from gateway.server.response_headers import of_every_response
from gateway.telemetry.metrics import CONTENT_TYPE, Metrics


class MetricsResource:
    """The metrics of this worker, or of all workers together where there are several."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    async def on_get(self, _request: falcon.asgi.Request, response: falcon.asgi.Response) -> None:
        """The text exposition."""
        response.data = self._metrics.render()
        response.content_type = CONTENT_TYPE
        response.set_headers(of_every_response(ids.request_id()))
