"""The Falcon app: routes from the table of endpoints, one set of error handlers."""

from typing import Any

import falcon
import falcon.asgi
from falcon.routing import CompiledRouter

from gateway import ids
from gateway.errors import GatewayError
from gateway.pipeline.services import Services
from gateway.server import error_response
from gateway.server.client_watch import AsgiApp
from gateway.server.drain import Drain
from gateway.server.health import Books, Healthz, Readyz, Standing, Startupz
from gateway.server.llm_resource import LlmResource
from gateway.server.metrics_resource import MetricsResource
from gateway.server.models_resource import ModelsResource
from gateway.server.read_body import BodyReader
from gateway.server.response_headers import of_every_response
from gateway.settings import Settings
from gateway.shapes.endpoints import ENDPOINTS
from gateway.snapshot.holder import Holder
from gateway.snapshot.snapshot import Snapshot


class _Router(CompiledRouter):
    """Falcon's own, but for its answer to OPTIONS: no response of the gateway goes without its headers.

    PERF: a middleware would be asked about every response.
    """

    def map_http_methods(self, resource: object, **kwargs: Any) -> dict[str, Any]:
        methods: dict[str, Any] = super().map_http_methods(resource, **kwargs)
        allowed = ", ".join(sorted(methods))

        async def answer_options(
            _request: falcon.asgi.Request, response: falcon.asgi.Response, **_parameters: object
        ) -> None:
            response.set_headers({"allow": allowed, "content-length": "0", **of_every_response(ids.request_id())})

        return {**methods, "OPTIONS": answer_options}


def create_app(
    settings: Settings,
    holder: Holder[Snapshot],
    services: Services,
    drain: Drain,
    books: Books,
    control_plane: Standing,
) -> AsgiApp:
    """Everything that has a path."""
    app: Any = falcon.asgi.App(router=_Router())
    app.add_error_handler(Exception, error_response.on_defect)
    app.add_error_handler(falcon.HTTPError, error_response.on_http_error)
    app.add_error_handler(GatewayError, error_response.on_gateway_error)
    bodies = BodyReader(settings)
    for endpoint in ENDPOINTS.values():
        app.add_route(
            endpoint.path,
            LlmResource(endpoint, holder, services, bodies, drain, settings.disconnect_drain_s),
        )
    models = ModelsResource(holder)
    app.add_route("/v1/models", models)
    app.add_route("/v1/models/{model:path}", models, suffix="model")
    app.add_route("/healthz", Healthz())
    app.add_route("/startupz", Startupz())
    app.add_route("/readyz", Readyz(holder, drain, services.counters, books, control_plane))
    app.add_route("/metrics", MetricsResource(services.metrics))
    asgi: AsgiApp = app
    return asgi
