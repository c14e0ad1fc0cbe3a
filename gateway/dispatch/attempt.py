"""One try at one provider: address it, add its credential, send, and wait for the head of its answer."""

from collections.abc import Awaitable

from gateway.providers.base import Provider, with_query
from gateway.providers.credentials.base import Signer
from gateway.shapes.endpoints import Endpoint
from gateway.telemetry.trace_context import TraceContext
from gateway.upstream.request import UpstreamRequest, UpstreamResponse
from gateway.wire.headers import request_headers


def attempt(
    provider: Provider,
    endpoint: Endpoint,
    model: str,
    body: bytes,
    client_headers: list[tuple[bytes, bytes]],
    query: bytes,
    trace: TraceContext,
    *,
    stream: bool,
    translated: bool,
    first_byte_timeout_s: float,
) -> Awaitable[UpstreamResponse]:
    """Sends the request to the provider; to be awaited. Raises `UpstreamFailure`.

    What a client says in headers and query to another company's API stays behind on a `translated` lane.
    """
    headers = request_headers(client_headers)
    if translated:
        headers = [header for header in headers if not header[0].startswith(_OF_ONE_API)]
        query = b""
    provider.prepare_headers(headers, endpoint)
    headers.append(("accept-encoding", "identity"))
    headers.append(("traceparent", trace.traceparent))
    if trace.state is not None:
        headers.append(("tracestate", trace.state))
    url = provider.url(endpoint, model, stream=stream)
    timeouts = provider.timeouts
    request = UpstreamRequest(
        method="POST",
        url=with_query(url, query) if query else url,
        headers=headers,
        body=provider.adapt(endpoint, body, headers, stream=stream),
        connect_timeout_s=timeouts.connect_s,
        first_byte_timeout_s=first_byte_timeout_s,
        idle_timeout_s=timeouts.idle_s,
    )
    return provider.transport.send(request) if provider.signer is None else _signed(provider, provider.signer, request)


async def _signed(provider: Provider, signer: Signer, request: UpstreamRequest) -> UpstreamResponse:
    await signer.sign(request)
    return await provider.transport.send(request)


_OF_ONE_API = ("anthropic-", "openai-", "x-stainless-", "x-goog-", "x-amzn-", "x-ms-")
