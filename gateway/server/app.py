"""The Falcon app: routes from the table of endpoints, one set of error handlers."""

from typing import Any, Final, cast

import falcon
import falcon.asgi
from falcon.routing import CompiledRouter

from gateway import ids
from gateway.errors import GatewayError
from gateway.pipeline.relay import ReplyStream
from gateway.pipeline.services import Services
from gateway.server import error_response
from gateway.server.client_watch import AsgiApp, Receive, Scope, Send
from gateway.server.cross_origin import CrossOrigin
from gateway.server.drain import Drain
from gateway.server.health import Books, Healthz, Readyz, Standing, Startupz
from gateway.server.llm_resource import LlmResource, request_of
from gateway.server.metrics_resource import MetricsResource
from gateway.server.models_resource import ModelsResource
from gateway.server.read_body import BodyReader
from gateway.server.response_headers import of_every_response
from gateway.server.stored_resource import StoredResource
from gateway.server.upload_spool import UploadSpool
from gateway.settings import Settings
from gateway.shapes.addresses import Address, address_of
from gateway.shapes.endpoints import ENDPOINTS, Endpoint
from gateway.shapes.stored_endpoints import STORED
from gateway.snapshot.holder import Holder
from gateway.snapshot.snapshot import Snapshot
from gateway.telemetry.access_log import Callers
from gateway.wire.request_head import HeadFaultKind, asks_for_websocket, head_fault, path_fault


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


class _App(falcon.asgi.App[falcon.asgi.Request, falcon.asgi.Response]):
    """Falcon's own, with a short way to the resources that are called all the time.

    PERF: at each request Falcon looks for middleware, cookies, media types and callbacks, of which there are none, and
    for the route; that takes as long as several stages together, and so does a request object that nobody asks. All
    else goes Falcon's way.
    """

    def __init__(self, most_head_bytes: int, errors: error_response.HttpErrors) -> None:
        super().__init__(router=_Router())
        self._errors = errors
        self._most_head_bytes = most_head_bytes
        self._called: dict[bytes, LlmResource] = {}
        self._addressed: dict[str, LlmResource] = {}

    def add_called(self, endpoint: Endpoint, resource: LlmResource, beside: StoredResource | None) -> None:
        """The resource of an endpoint, to which a POST goes straight, and what answers other methods at its path.

        It answers at paths that name the model, too.
        """
        self._addressed[endpoint.name] = resource
        if not endpoint.is_addressed:
            for path in (endpoint.path, *endpoint.also):
                self.add_route(path, beside or resource)
                self._called[path.encode()] = resource

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # type: ignore[override]
        target: bytes = scope["raw_path"]
        resource = self._called.get(target)
        fault = head_fault(
            scope["http_version"], target, scope["query_string"], scope["headers"], self._most_head_bytes
        ) or (None if resource is not None else path_fault(target, _NAMED_BELOW))
        if fault is not None:
            # Where a body ends that is coded in another way, whoever stands in between may see in another place.
            headers = {"connection": "close"} if fault.kind is HeadFaultKind.TRANSFER_CODING else {}
            await self._refuse(GatewayError(fault.kind, fault.message, headers=headers), scope, receive, send)
            return
        address: Address | None = None
        if resource is None and scope["method"] == "POST":
            address = address_of(target)
            resource = None if address is None else self._addressed[address.endpoint.name]
        if resource is None or scope["method"] != "POST":
            if scope["method"] == "GET" and (target == _REALTIME or asks_for_websocket(scope["headers"])):
                await self._refuse(_websocket_unsupported(target), scope, receive, send)
                return
            await super().__call__(scope, receive, send)
            return
        response = falcon.asgi.Response(options=self.resp_options)
        try:
            await resource.answer(scope, response, address=address)
        except Exception as error:
            if not await self._handle_exception(request_of(scope, receive), response, error, {}):
                raise
        await _send(response, send, self.resp_options.default_media_type)

    async def _refuse(self, error: GatewayError, scope: Scope, receive: Receive, send: Send) -> None:
        request = falcon.asgi.Request(scope, receive, first_event=await receive(), options=self.req_options)
        response = falcon.asgi.Response(options=self.resp_options)
        self._errors.refuse(request, response, error)
        await _send(response, send, self.resp_options.default_media_type)


_NAMED_BELOW: Final = (b"/v1/models/", b"/v1beta/models/", b"/model/", b"/openai/deployments/")
"""Where a segment of a path is a name that somebody gave, with slashes in it perhaps."""

_CONNECTIVITY_CHECKS: Final = ("/", "/api/hello")
"""What clients ask for before their first call, without a key, to see that their base URL leads somewhere."""

_REALTIME: Final = b"/v1/realtime"
"""An API that there is over WebSockets and WebRTC alone."""

_BODILESS = frozenset((100, 101, 204, 304))
"""Statuses of responses without a body (RFC 9110, section 6.4.1)."""


def _websocket_unsupported(target: bytes) -> GatewayError:
    message = (
        "The Realtime API is not served. POST /v1/responses or /v1/chat/completions answers over HTTP, with "
        '`"stream": true` as it comes; /v1/audio/transcriptions and /v1/audio/speech hear and speak.'
        if target == _REALTIME
        else 'WebSockets are not served. POST the request over HTTP, with `"stream": true` for events as they come.'
    )
    # RFC 9110, section 15.5.22: the answer names the protocol to use.
    headers = {"upgrade": "HTTP/1.1", "connection": "upgrade, close"}
    return GatewayError("websocket_unsupported", message, headers=headers)


async def _send(response: falcon.asgi.Response, send: Send, media_type: str | None) -> None:
    """Sends a response as Falcon does: whole, or piece by piece."""
    status, stream, data = response.status, response.stream, response._data or b""  # noqa: SLF001 - see below
    if type(status) is not int:
        status = response.status_code
    is_bodiless = status in _BODILESS
    if is_bodiless:
        data, media_type = b"", None
    elif stream is None:
        response._headers["content-length"] = str(len(data))  # noqa: SLF001 - as below, what Falcon's own app uses
    headers = response._asgi_headers(media_type)  # noqa: SLF001
    await send({"type": "http.response.start", "status": status, "headers": headers})
    if stream is not None and not is_bodiless:
        relayed = cast("ReplyStream", stream)
        try:
            async for piece in relayed:
                await send({"type": "http.response.body", "body": piece, "more_body": True})
        finally:
            await relayed.close()
    await send({"type": "http.response.body", "body": data})


def create_app(
    settings: Settings,
    holder: Holder[Snapshot],
    services: Services,
    drain: Drain,
    books: Books,
    control_plane: Standing,
    uploads: UploadSpool,
) -> AsgiApp:
    """Everything that has a path."""
    callers = Callers(settings.node, settings.trusted_proxies)
    errors = error_response.HttpErrors(services.metrics, callers)
    app: Any = _App(settings.max_header_bytes, errors)
    app.add_error_handler(Exception, error_response.on_defect)
    app.add_error_handler(falcon.HTTPError, errors.answer)
    app.add_error_handler(GatewayError, error_response.on_gateway_error)
    bodies = BodyReader(settings, uploads)

    def resource(endpoint: Endpoint) -> LlmResource:
        return LlmResource(endpoint, holder, services, bodies, drain, settings.disconnect_drain_s)

    by_path: dict[str, list[Endpoint]] = {}
    for row in STORED:
        by_path.setdefault(row.path, []).append(row)
    for endpoint in ENDPOINTS.values():
        called = resource(endpoint)
        beside = by_path.pop(endpoint.path, None)
        app.add_called(endpoint, called, None if beside is None else StoredResource(beside, resource, called))
    for path, rows in by_path.items():
        app.add_route(path, StoredResource(rows, resource, None))
    models = ModelsResource(holder, services)
    for version in ("v1", "v1beta"):
        app.add_route(f"/{version}/models", models)
        app.add_route(f"/{version}/models/{{model:path}}", models, suffix="model")
    alive = Healthz()
    for path in ("/healthz", *_CONNECTIVITY_CHECKS):
        app.add_route(path, alive)
    app.add_route("/startupz", Startupz())
    app.add_route("/readyz", Readyz(holder, drain, services.counters, books, control_plane))
    app.add_route("/metrics", MetricsResource(services.metrics, settings.metrics_token))
    asgi: AsgiApp = app
    return CrossOrigin(asgi, settings.cors_origins) if settings.cors_origins else asgi
