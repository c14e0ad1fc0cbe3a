"""One try at one provider: address it, add its credential, send, and wait for the head of its answer."""

from gateway.providers.base import Provider, with_query
from gateway.telemetry.trace_context import TraceContext
from gateway.upstream.request import UpstreamRequest, UpstreamResponse
from gateway.wire.endpoints import Endpoint
from gateway.wire.headers import request_headers


async def attempt(
    provider: Provider,
    endpoint: Endpoint,
    model: str,
    body: bytes,
    client_headers: list[tuple[bytes, bytes]],
    query: bytes,
    trace: TraceContext,
) -> UpstreamResponse:
    """Sends the request to the provider. Raises `UpstreamFailure`."""
    headers = request_headers(client_headers)
    provider.prepare_headers(headers, endpoint)
    headers.append(("accept-encoding", "identity"))
    headers.append(("traceparent", trace.traceparent))
    if trace.state is not None:
        headers.append(("tracestate", trace.state))
    url = provider.url(endpoint, model)
    timeouts = provider.timeouts
    return await provider.transport.send(
        UpstreamRequest(
            method="POST",
            url=with_query(url, query) if query else url,
            headers=headers,
            body=body,
            connect_timeout_s=timeouts.connect_s,
            first_byte_timeout_s=timeouts.first_byte_s,
            idle_timeout_s=timeouts.idle_s,
        )
    )
