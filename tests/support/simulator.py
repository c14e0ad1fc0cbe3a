"""The simulator without a gateway around it: asked directly, or by the official SDKs through an in-process transport."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import msgspec
from anthropic import AsyncAnthropic
from openai import AsyncOpenAI

from gateway.config.sections.providers import SimulatorProvider
from gateway.providers.registry import ProviderSet
from gateway.upstream.request import Transport, UpstreamRequest, UpstreamResponse


class NoTransport:
    """A provider under test sends nothing."""

    async def send(self, request: UpstreamRequest) -> UpstreamResponse:
        raise AssertionError(f"sent to {request.url}")


class Answer(msgspec.Struct, frozen=True):
    """What came back, in the pieces in which it came."""

    status: int
    headers: dict[str, str]
    chunks: list[bytes]

    @property
    def body(self) -> bytes:
        return b"".join(self.chunks)

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def simulator(**section: Any) -> Transport:
    written = SimulatorProvider.model_validate({"type": "simulator", **section})
    return ProviderSet(NoTransport()).build({"sim": written})["sim"].transport


def request(path: str, body: Any, **deadlines: float) -> UpstreamRequest:
    """`body` is sent as it is when it is bytes, as JSON otherwise. The deadlines are generous unless given."""
    return UpstreamRequest(
        method="POST",
        url=f"simulator://sim{path}",
        headers=[("content-type", "application/json")],
        body=body if isinstance(body, bytes) else json.dumps(body).encode(),
        **{"connect_timeout_s": 30, "first_byte_timeout_s": 30, "idle_timeout_s": 30, **deadlines},
    )


def ask(path: str, body: Any, *, transport: Transport | None = None, **deadlines: float) -> Answer:
    """The whole answer. Raises what the transport raises."""

    async def exchange() -> Answer:
        response = await (transport or simulator()).send(request(path, body, **deadlines))
        chunks = []
        while (chunk := await response.read_chunk()) is not None:
            chunks.append(chunk)
        return Answer(response.status, dict(response.headers), chunks)

    return asyncio.run(exchange())


class _Body(httpx2.AsyncByteStream):
    def __init__(self, response: UpstreamResponse) -> None:
        self._response = response

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while (chunk := await self._response.read_chunk()) is not None:
            yield chunk

    async def aclose(self) -> None:
        await self._response.close()


class InProcess(httpx2.AsyncBaseTransport):
    """Hands the bytes that an SDK writes to the simulator, and the simulator's bytes to the SDK."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        sent = UpstreamRequest(
            method=request.method,
            url=str(request.url),
            headers=[(name.lower(), value) for name, value in request.headers.multi_items()],
            body=await request.aread(),
            connect_timeout_s=30,
            first_byte_timeout_s=30,
            idle_timeout_s=30,
        )
        response = await self._transport.send(sent)
        return httpx2.Response(response.status, headers=response.headers, stream=_Body(response))


def openai_sdk(**section: Any) -> AsyncOpenAI:
    client = httpx2.AsyncClient(transport=InProcess(simulator(**section)))
    return AsyncOpenAI(api_key="any", base_url="http://simulator/v1", http_client=client, max_retries=0)


def anthropic_sdk(**section: Any) -> AsyncAnthropic:
    client = httpx2.AsyncClient(transport=InProcess(simulator(**section)))
    return AsyncAnthropic(api_key="any", base_url="http://simulator", http_client=client, max_retries=0)
