"""Bodies that go on as they arrive: events with their usage tapped, and bytes of any other kind."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Protocol

import msgspec

from gateway import clock
from gateway.errors import GatewayError
from gateway.pipeline.budget import prompt_bound
from gateway.pipeline.exchange import Exchange
from gateway.pipeline.reply import ResponseAborted
from gateway.pipeline.services import Services
from gateway.pipeline.settle import CLIENT_CLOSED, settle
from gateway.shapes.openai_usage import find_usage
from gateway.shapes.vendor import Vendor
from gateway.upstream.failure import UpstreamFailure
from gateway.upstream.request import UpstreamResponse
from gateway.usage import Usage
from gateway.wire.received import Received
from gateway.wire.sse import StreamTap, terminal_error_frame

_TAIL_BYTES = 64 * 1024


class Relay:
    """What both kinds share: reading on for a client that left, and ending exactly once."""

    def __init__(self, exchange: Exchange, services: Services, response: UpstreamResponse) -> None:
        self._exchange = exchange
        self._services = services
        self._response = response
        self._outcome: str | None = None
        self._received = Received()
        self._keep: Callable[[bytes], None] = _forget if exchange.content is None else exchange.content.add
        self._drained = 0
        self._ended = False

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        raise NotImplementedError

    @property
    def client_left(self) -> bool:
        """Whether nobody listens any more."""
        return self._exchange.client_left

    @property
    def has_ended(self) -> bool:
        """See `ReplyStream`."""
        return self._outcome == "ok"

    @property
    def keepalive(self) -> bytes:
        """The bytes that keep an idle connection open, in the client's own shape."""
        return self._exchange.endpoint.shape.keepalive

    async def close(self) -> None:
        """Lets go of the upstream and settles; idempotent."""
        if self._exchange.settled:
            return
        self._read_usage()
        exchange = self._exchange
        if self._outcome is None and self.has_ended:
            self._outcome = "ok"
        status = CLIENT_CLOSED if self._outcome is None or exchange.client_left else self._response.status
        outcome = self._outcome or exchange.cancelled_as
        error_code = "upstream_mid_stream_failure" if outcome == "failed" else None
        settle(
            exchange,
            self._services,
            status=status,
            outcome=outcome,
            error_type="provider_error" if error_code else None,
            error_code=error_code,
        )
        await self._response.close()

    def _read_usage(self) -> None:
        raise NotImplementedError

    def _end_usage(self, *, cut_short: bool) -> None:
        """Says what is wrong with the usage; that of a stream that was cut short becomes what was received of it."""
        exchange = self._exchange
        if cut_short and self._outcome != "ok":
            exchange.usage_warning = "stream-cut-short"
            exchange.usage = received_usage(exchange, self._received)
        elif exchange.usage is None:
            exchange.usage_warning = "usage-not-reported"
        elif cut_short:
            exchange.usage_warning = "stream-cut-short"

    def _terminal_frame(self, reason: str, *, at_boundary: bool) -> bytes:
        """The last frame of a stream that broke off; the breaker hears of it too."""
        self._ended = True
        self._outcome = "failed"
        exchange = self._exchange
        upstream = exchange.candidate.upstream
        self._services.breakers.of(upstream.provider.name).failed(upstream.circuit)
        error = GatewayError(
            "provider_error",
            f"The provider {upstream.provider.name} broke off: {reason}.",
            code="upstream_mid_stream_failure",
        )
        return terminal_error_frame(
            error, anthropic=exchange.endpoint.shape.vendor is Vendor.ANTHROPIC, at_boundary=at_boundary
        )

    def _is_drained(self, chunk: bytes) -> bool:
        """Counts what is read for a client that left; true when the bound is reached."""
        self._drained += len(chunk)
        return self._drained > self._services.disconnect_drain_bytes


class EventRelay(Relay):
    """Server-sent events, identical and unbuffered; a failure becomes one terminal frame."""

    def __init__(self, exchange: Exchange, services: Services, response: UpstreamResponse, tap: StreamTap) -> None:
        super().__init__(exchange, services, response)
        self._tap = tap

    @property
    def at_boundary(self) -> bool:
        """Whether what went out so far ends between two events."""
        return self._tap.at_boundary

    @property
    def has_ended(self) -> bool:
        """See `ReplyStream`. A client that hung up earlier is sent nothing, so it cannot have seen the end."""
        return self._outcome == "ok" or (not self._exchange.client_left and self._tap.finished)

    async def __anext__(self) -> bytes:
        if self._ended:
            raise StopAsyncIteration
        while True:
            try:
                chunk = await self._response.read_chunk()
            except UpstreamFailure as failure:
                return self._break_off(failure)
            if chunk is None:
                self._ended = True
                self._outcome = "ok"
                rest = self._tap.end()
                if rest and not self._exchange.client_left:
                    return rest
                raise StopAsyncIteration
            self._received.count(chunk)
            self._keep(chunk)
            piece = self._tap.feed(chunk)
            if self._exchange.client_left:
                if self._is_drained(chunk):
                    raise StopAsyncIteration
            elif piece:
                if self._exchange.first_token_at is None:
                    self._exchange.first_token_at = clock.monotonic()
                return piece

    def _break_off(self, failure: UpstreamFailure) -> bytes:
        at_boundary = self._tap.at_boundary
        # What was held back is a torn event that the client never began; without it the frame stands alone.
        self._tap.end()
        return self._terminal_frame(failure.message, at_boundary=at_boundary)

    def _read_usage(self) -> None:
        self._exchange.state(self._tap.usage)
        self._end_usage(cut_short=not self._tap.finished)


class RawRelay(Relay):
    """Any other body. What was gathered before the status went out goes first.

    A JSON body's usage is looked for in its last bytes, since the whole may be larger than memory should hold.
    """

    def __init__(
        self, exchange: Exchange, services: Services, response: UpstreamResponse, gathered: list[bytes]
    ) -> None:
        super().__init__(exchange, services, response)
        self._gathered = list(reversed(gathered))
        self._tail = b""
        self._watches_tail = bool(gathered)

    async def __anext__(self) -> bytes:
        if self._gathered:
            return self._remember(self._gathered.pop())
        while True:
            try:
                chunk = await self._response.read_chunk()
            except UpstreamFailure as failure:
                self._outcome = "failed"
                raise ResponseAborted from failure
            if chunk is None:
                self._outcome = "ok"
                raise StopAsyncIteration
            self._remember(chunk)
            if not self._exchange.client_left:
                return chunk
            if self._is_drained(chunk):
                raise StopAsyncIteration

    def _remember(self, chunk: bytes) -> bytes:
        self._keep(chunk)
        if self._watches_tail:
            self._tail = chunk[-_TAIL_BYTES:] if len(chunk) >= _TAIL_BYTES else (self._tail + chunk)[-_TAIL_BYTES:]
        return chunk

    def _read_usage(self) -> None:
        exchange = self._exchange
        exchange.state(find_usage(self._tail) if self._watches_tail else None)
        if exchange.usage is None and exchange.endpoint.metered:
            exchange.usage_warning = "usage-not-reported"


def _forget(_piece: bytes) -> None:
    """What becomes of a piece of an answer that is not captured."""


def received_usage(exchange: Exchange, received: Received) -> Usage:
    """The usage of a stream that broke off: what it reported, but at least the prompt and the output that came."""
    reported = exchange.usage or Usage()
    prompt = reported.input_tokens or prompt_bound(exchange).tokens
    output = max(reported.output_tokens, received.tokens)
    return msgspec.structs.replace(reported, input_tokens=prompt, output_tokens=output)


class PausingStream(Protocol):
    """A stream of events that can be told between which bytes something else may go."""

    @property
    def at_boundary(self) -> bool:
        """Whether what went out so far ends between two events."""

    @property
    def client_left(self) -> bool:
        """Whether nobody listens any more."""

    @property
    def has_ended(self) -> bool:
        """Whether the client has everything."""

    @property
    def keepalive(self) -> bytes:
        """The bytes that keep an idle connection open."""

    async def __anext__(self) -> bytes:
        """The next bytes."""

    async def close(self) -> None:
        """Lets go of the upstream."""


class KeptAlive:
    """A stream of events that says something while its upstream is silent, only between two events."""

    def __init__(self, inner: PausingStream, after_s: float) -> None:
        self._inner = inner
        self._after_s = after_s
        self._next: asyncio.Task[bytes] | None = None

    @property
    def has_ended(self) -> bool:
        """See `ReplyStream`."""
        return self._inner.has_ended

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        while True:
            if self._next is None:
                self._next = asyncio.ensure_future(self._inner.__anext__())
            done, _ = await asyncio.wait((self._next,), timeout=self._after_s)
            if done:
                task, self._next = self._next, None
                try:
                    return task.result()
                except StopAsyncIteration:
                    raise StopAsyncIteration from None
            if self._inner.at_boundary and not self._inner.client_left:
                return self._inner.keepalive

    async def close(self) -> None:
        """Stops waiting for the upstream and closes the stream."""
        task, self._next = self._next, None
        if task is not None:
            task.cancel()
            # What it raises was meant for a client that is gone.
            await asyncio.gather(task, return_exceptions=True)
        await self._inner.close()
