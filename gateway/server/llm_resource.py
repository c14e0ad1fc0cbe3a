"""The one resource behind every LLM path: HTTP in, the walk through the stages, HTTP out."""

import asyncio
from collections.abc import AsyncIterator, Awaitable

import falcon.asgi

from gateway import ids
from gateway.errors import GatewayError
from gateway.pipeline.relay import Reply, ReplyStream, shut_down
from gateway.pipeline.run import run
from gateway.pipeline.services import Services
from gateway.pipeline.states import SHUT_DOWN, Received
from gateway.server import error_response
from gateway.server.client_watch import BODY_FOLLOWS, SCOPE_KEY, ClientWatch, Receive, Scope
from gateway.server.drain import Drain
from gateway.server.invoke_model_stream import MEDIA_TYPE, InvokeModelStream
from gateway.server.read_body import BodyReader
from gateway.server.response_headers import of_gateway
from gateway.shapes.addresses import Address, Form
from gateway.shapes.endpoints import Endpoint
from gateway.snapshot.holder import Holder
from gateway.snapshot.snapshot import Snapshot
from gateway.upstream.request import Headers
from gateway.wire.request_body import RequestBody

_USAGE_WAIT_S = 2.0
_REQUEST_ID = "gateway.request_id"


class LlmResource:
    """One endpoint of a table."""

    def __init__(
        self,
        endpoint: Endpoint,
        holder: Holder[Snapshot],
        services: Services,
        bodies: BodyReader,
        drain: Drain,
        disconnect_drain_s: float,
    ) -> None:
        self._endpoint = endpoint
        self._holder = holder
        self._services = services
        self.bodies = bodies
        self._drain = drain
        self.disconnect_drain_s = disconnect_drain_s

    async def on_post(self, request: falcon.asgi.Request, response: falcon.asgi.Response) -> None:
        """What Falcon calls; see `answer`."""
        await self.answer_at(request, response, self._endpoint)

    async def answer_at(self, request: falcon.asgi.Request, response: falcon.asgi.Response, endpoint: Endpoint) -> None:
        """The same where the path names something; `endpoint` is the resource's own as this request calls it."""
        try:
            await self.answer(request.scope, response, endpoint)
        finally:
            request.context.request_id = request.scope.get(_REQUEST_ID)

    async def answer(
        self,
        scope: Scope,
        response: falcon.asgi.Response,
        endpoint: Endpoint | None = None,
        address: Address | None = None,
    ) -> None:
        """Runs the pipeline; its reply or its refusal becomes the response. `address` is what the path says."""
        request_id = scope[_REQUEST_ID] = ids.request_id()
        received = Received(
            self._holder.current,
            endpoint or self._endpoint,
            scope["headers"],
            scope["query_string"],
            request_id,
            scope["client"][0],
            address,
        )
        client: ClientWatch = scope[SCOPE_KEY]
        call = _Call(self, scope, client, received)
        self._drain.enter(call)
        client.at_end = call.end
        try:
            reply = call.reply = await run(received, self._services, call.read_body)
        except GatewayError as error:
            error_response.write(response, error, self._endpoint.shape.envelope)
            response.set_headers(of_gateway(received))
            return
        except asyncio.CancelledError:
            if not received.takes_back_shut_down():
                raise
            error_response.write(response, shut_down(), self._endpoint.shape.envelope)
            response.set_headers(of_gateway(received))
            return
        _write(response, reply, received)

    def forget(self, call: "_Call") -> None:
        """Lets go of what a call held here."""
        self._drain.leave(call)
        self.bodies.release(call.received)


class _Call:
    """One request at the resource: what happens when its client leaves, the worker goes, or it is over."""

    __slots__ = ("_resource", "client", "received", "reply", "scope")

    def __init__(self, resource: LlmResource, scope: Scope, client: ClientWatch, received: Received) -> None:
        self._resource = resource
        self.scope = scope
        self.client = client
        self.received = received
        self.reply: Reply | None = None

    def read_body(self) -> Awaitable[RequestBody]:
        """Reads the body; from then on the client may leave."""
        return self._resource.bodies.read(self.client, self.received, self.pieces, self.client_left)

    def pieces(self) -> AsyncIterator[bytes]:
        """The body as it comes."""
        return aiter(request_of(self.scope, self.client.receive).stream)

    def shut_down(self) -> None:
        self.received.cancelled_as = SHUT_DOWN
        self.client.cancel_request()

    def client_left(self) -> None:
        """Cancels the request, or lets the upstream speak to its end, up to a bound.

        A client that has all of the content leaves nothing behind but the figures of its usage, which are waited for
        whatever the file says: else leaving early would be a way not to pay.
        """
        trail = self.received.trail
        stream = None if self.reply is None else self.reply.stream
        has_ended = stream is not None and stream.has_ended
        drains = trail.key is not None and trail.key.drains and trail.candidate is not None
        awaits_usage = stream is not None and stream.awaits_usage
        if has_ended or not (drains or awaits_usage):
            self.client.cancel_request()
            return
        self.received.client_left = drains
        wait_s = max(_USAGE_WAIT_S if awaits_usage else 0.0, self._resource.disconnect_drain_s if drains else 0.0)
        asyncio.get_running_loop().call_later(wait_s, self.client.cancel_request)

    def end(self) -> Awaitable[None] | None:
        if self.reply is None or self.reply.stream is None:
            self._resource.forget(self)
            self.received.trail.let_go()
            return None
        return self._end(self.reply.stream)

    async def _end(self, stream: ReplyStream) -> None:
        try:
            await stream.close()
        finally:
            self._resource.forget(self)


def request_of(scope: Scope, receive: Receive) -> falcon.asgi.Request:
    """The request as Falcon has it, for those few of which more is asked than their head and a short body."""
    request = falcon.asgi.Request(scope, receive, first_event=BODY_FOLLOWS)
    request.context.request_id = scope.get(_REQUEST_ID)
    return request


def _write(response: falcon.asgi.Response, reply: Reply, received: Received) -> None:
    # PERF: names are in lower case and values are text already; Falcon's own setter would look at each of them again.
    headers = response._headers  # noqa: SLF001 - see above
    headers.update(reply.headers)
    if len(headers) < len(reply.headers):
        headers.update(_joined(reply.headers))
    headers.update(of_gateway(received))
    response.status = reply.status
    if reply.stream is not None:
        address = received.address
        if address is not None and address.form is Form.BEDROCK and _has_events(headers):
            headers["content-type"] = MEDIA_TYPE
            response.stream = InvokeModelStream(reply.stream)
            return
        response.stream = aiter(reply.stream)
    else:
        response._data = reply.data  # noqa: SLF001 - as above


def _has_events(headers: dict[str, str]) -> bool:
    return headers.get("content-type", "").lower().startswith("text/event-stream")


def _joined(headers: Headers) -> dict[str, str]:
    """Fields that come several times as one field with commas (RFC 9110, section 5.3)."""
    joined: dict[str, str] = {}
    for name, value in headers:
        known = joined.get(name)
        joined[name] = value if known is None else f"{known}, {value}"
    return joined
