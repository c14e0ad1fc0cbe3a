"""Calls that the gateway makes for itself: to look after what goes on at a provider, and to read what it judges."""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Final

from gateway.pipeline.ask import WHOLE_BODY_BYTES
from gateway.providers.base import Provider, with_query
from gateway.shapes.endpoints import Endpoint
from gateway.shapes.stored_endpoints import STORED, of_request
from gateway.shapes.vendor import Vendor
from gateway.upstream.failure import FailureKind, UpstreamFailure
from gateway.upstream.request import Headers, Upload, UpstreamRequest, UpstreamResponse

_ROWS: Final = {row.name: row for row in STORED}
_ANTHROPIC: Final = (("anthropic-version", "2023-06-01"), ("anthropic-beta", "files-api-2025-04-14"))


async def call(
    provider: Provider,
    row: str,
    parts: Mapping[str, str],
    *,
    query: bytes = b"",
    upload: Upload | None = None,
    content_type: str = "",
) -> UpstreamResponse:
    """The head of the answer of one row of `STORED`. Raises `UpstreamFailure`."""
    endpoint = of_request(_ROWS[row], parts)
    headers: Headers = [] if upload is None else [("content-type", content_type)]
    if endpoint.shape.vendor is Vendor.ANTHROPIC:
        headers += _ANTHROPIC
    return await send(provider, endpoint, headers, query=query, upload=upload)


async def send(
    provider: Provider,
    endpoint: Endpoint,
    headers: Headers,
    further: Sequence[tuple[str, str]] = (),
    *,
    query: bytes = b"",
    upload: Upload | None = None,
) -> UpstreamResponse:
    """The head of the answer of an endpoint whose requests have no body but an upload. Raises `UpstreamFailure`.

    Args:
        provider: Who is asked.
        endpoint: What it is asked for.
        headers: Those of the caller, to which credentials are added.
        further: Those that no configured header replaces.
        query: What the URL asks for besides.
        upload: What goes up.
    """
    provider.prepare_headers(headers, endpoint)
    headers += [("accept-encoding", "identity"), *further]
    timeouts = provider.timeouts
    request = UpstreamRequest(
        method=endpoint.method,
        url=with_query(provider.url(endpoint, "", stream=False), query),
        headers=headers,
        body=b"",
        connect_timeout_s=timeouts.connect_s,
        first_byte_timeout_s=timeouts.first_byte_s,
        idle_timeout_s=timeouts.idle_s,
        upload=upload,
    )
    if provider.signer is not None:
        await provider.signer.sign(request)
    return await provider.transport.send(request)


async def pieces_of(response: UpstreamResponse) -> AsyncIterator[bytes]:
    """A body as it comes. Raises `UpstreamFailure`."""
    while (piece := await response.read_chunk()) is not None:
        yield piece


async def lines_of(response: UpstreamResponse, longest: int) -> AsyncIterator[bytes]:
    """The lines of a body that are not empty. Raises `UpstreamFailure`, also for one that is too long."""
    begun: list[bytes] = []
    size = 0
    async for piece in pieces_of(response):
        first, *others = piece.split(b"\n")
        begun.append(first)
        size += len(first)
        if size > longest:
            raise UpstreamFailure(FailureKind.PROTOCOL, f"a line of its results has more than {longest} bytes")
        for following in others:
            line = b"".join(begun)
            begun, size = [following], len(following)
            if line.strip():
                yield line
    line = b"".join(begun)
    if line.strip():
        yield line


async def whole_of(response: UpstreamResponse, most: int = WHOLE_BODY_BYTES, too_long: str = "") -> bytes:
    """A whole body, after which the response is closed. Raises `UpstreamFailure`; `too_long` says why, where it is."""
    pieces: list[bytes] = []
    size = 0
    try:
        async for piece in pieces_of(response):
            pieces.append(piece)
            size += len(piece)
            if size > most:
                raise UpstreamFailure(FailureKind.PROTOCOL, too_long or f"its answer has more than {most} bytes")
    finally:
        await response.close()
    return b"".join(pieces)
