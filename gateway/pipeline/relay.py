"""Handing the provider's answer on, byte for byte, while its usage is read off in passing.

Whole bodies while they are small, events with their usage tapped, and bytes of any other kind as they arrive.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Protocol

import msgspec

from gateway import clock
from gateway.errors import GatewayError
from gateway.pipeline.ask import WHOLE_BODY_BYTES, failed
from gateway.pipeline.holds import prompt_bound
from gateway.pipeline.services import Services
from gateway.pipeline.settle import CLIENT_CLOSED, settle
from gateway.pipeline.states import Asked, Ended
from gateway.shapes.openai_usage import find_usage
from gateway.shapes.vendor import Vendor
from gateway.upstream.failure import UpstreamFailure
from gateway.upstream.request import Headers
from gateway.usage import Stated, Usage
from gateway.wire.headers import response_headers
from gateway.wire.received import Received as ReceivedOutput
from gateway.wire.sse import StreamTap, terminal_error_frame

USAGE_NOT_REPORTED = "usage-not-reported"
STREAM_CUT_SHORT = "stream-cut-short"
_TAIL_BYTES = 64 * 1024


class ReplyStream(Protocol):
    """A body as it arrives. `close` ends it early, is idempotent and settles the request."""

    def __aiter__(self) -> AsyncIterator[bytes]:
        """Pieces in the order and size in which they go out."""

    @property
    def has_ended(self) -> bool:
        """Whether the client has everything that its API sends; some clients hang up then, and miss nothing."""

    async def close(self) -> None:
        """Lets go of the upstream and settles."""


class Reply:
    """An answer; exactly one of `data` and `stream` is set. `headers` are the provider's that may pass."""

    __slots__ = ("data", "headers", "status", "stream")

    def __init__(
        self, status: int, headers: Headers, *, data: bytes | None = None, stream: ReplyStream | None = None
    ) -> None:
        self.status = status
        self.headers = headers
        self.data = data
        self.stream = stream


class ResponseAborted(Exception):  # noqa: N818 - a signal to the server, not an error to handle
    """The body broke off after its first byte and no frame can say so: the connection has to be cut."""


async def relay(asked: Asked, services: Services) -> Reply:
    """The reply to a request whose answer is in the client's own shape. Raises `GatewayError` where it breaks off."""
    response, content = asked.response, asked.content
    if content.is_event_stream and not content.is_encoded:
        tap = StreamTap(asked.received.endpoint.shape.read_event, withhold_usage=asked.outbound.withholds_usage)
        headers = response_headers(response.headers)
        stream = kept_alive(EventRelay(asked, services, tap), asked.admitted.key.stream_keepalive_s)
        return Reply(response.status, headers, stream=stream)
    if content.length is None or content.length > WHOLE_BODY_BYTES or content.is_encoded:
        return await _unknown_length(asked, services)
    try:
        body = await response.read_all()
    except UpstreamFailure as failure:
        raise failed(failure, asked.provider_name) from failure
    return _whole(asked, services, body)


async def _unknown_length(asked: Asked, services: Services) -> Reply:
    """JSON is gathered while it is small, anything else (audio, say) goes on as it arrives."""
    response = asked.response
    gathered: list[bytes] = []
    size = 0
    if asked.content.is_json:
        try:
            while size <= WHOLE_BODY_BYTES:
                chunk = await response.read_chunk()
                if chunk is None:
                    return _whole(asked, services, b"".join(gathered))
                gathered.append(chunk)
                size += len(chunk)
        except UpstreamFailure as failure:
            raise failed(failure, asked.provider_name) from failure
    headers = response_headers(response.headers)
    return Reply(response.status, headers, stream=RawRelay(asked, services, gathered))


def _whole(asked: Asked, services: Services, body: bytes) -> Reply:
    received, status = asked.received, asked.response.status
    if received.content is not None:
        received.content.add(body)
    if status < 400:  # noqa: PLR2004 - RFC 9110, section 15
        asked.stated = received.endpoint.shape.read_usage(body)
        if asked.stated is None and received.endpoint.metered:
            asked.usage_warning = USAGE_NOT_REPORTED
    settle(received, services, Ended(status, "ok" if status < 400 else "failed"))  # noqa: PLR2004
    return Reply(status, response_headers(asked.response.headers), data=body)


class Relay:
    """What both kinds share: reading on for a client that left, and ending exactly once."""

    def __init__(self, asked: Asked, services: Services) -> None:
        self._asked = asked
        self._received = asked.received
        self._services = services
        self._response = asked.response
        self._outcome: str | None = None
        self._output = ReceivedOutput()
        content = asked.received.content
        self._keep: Callable[[bytes], None] = _forget if content is None else content.add
        self._drained = 0
        self._ended = False

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        raise NotImplementedError

    @property
    def at_boundary(self) -> bool:
        """Whether what went out so far ends between two events."""
        return True

    @property
    def client_left(self) -> bool:
        """Whether nobody listens any more."""
        return self._received.client_left

    @property
    def has_ended(self) -> bool:
        """See `ReplyStream`."""
        return self._outcome == "ok"

    @property
    def keepalive(self) -> bytes:
        """The bytes that keep an idle connection open, in the client's own shape."""
        return self._received.endpoint.shape.keepalive

    async def close(self) -> None:
        """Lets go of the upstream and settles; idempotent."""
        received = self._received
        if received.trail.is_settled:
            return
        self._read_usage()
        if self._outcome is None and self.has_ended:
            self._outcome = "ok"
        status = CLIENT_CLOSED if self._outcome is None or received.client_left else self._response.status
        outcome = self._outcome or received.cancelled_as
        broke_off = outcome == "failed"
        error_type, error_code = ("provider_error", "upstream_mid_stream_failure") if broke_off else (None, None)
        settle(received, self._services, Ended(status, outcome, error_type, error_code))
        await self._response.close()

    def _read_usage(self) -> None:
        raise NotImplementedError

    def _end_usage(self, *, cut_short: bool) -> None:
        """Says what is wrong with the usage; that of a stream that was cut short becomes what was received of it."""
        asked = self._asked
        if cut_short and self._outcome != "ok":
            asked.usage_warning = STREAM_CUT_SHORT
            asked.stated = received_usage(asked, self._output)
        elif asked.stated is None:
            asked.usage_warning = USAGE_NOT_REPORTED
        elif cut_short:
            asked.usage_warning = STREAM_CUT_SHORT

    def _terminal_frame(self, reason: str, *, at_boundary: bool) -> bytes:
        """The last frame of a stream that broke off; the breaker hears of it too."""
        self._ended = True
        self._outcome = "failed"
        upstream = self._asked.candidate.upstream
        self._services.breakers.of(upstream.provider.name).failed(upstream.circuit)
        error = GatewayError(
            "provider_error",
            f"The provider {upstream.provider.name} broke off: {reason}.",
            code="upstream_mid_stream_failure",
        )
        return terminal_error_frame(
            error, anthropic=self._received.endpoint.shape.vendor is Vendor.ANTHROPIC, at_boundary=at_boundary
        )

    def _is_drained(self, chunk: bytes) -> bool:
        """Counts what is read for a client that left; true when the bound is reached."""
        self._drained += len(chunk)
        return self._drained > self._services.disconnect_drain_bytes


class EventRelay(Relay):
    """Server-sent events, identical and unbuffered; a failure becomes one terminal frame."""

    def __init__(self, asked: Asked, services: Services, tap: StreamTap) -> None:
        super().__init__(asked, services)
        self._tap = tap

    @property
    def at_boundary(self) -> bool:
        """See `Relay`."""
        return self._tap.at_boundary

    @property
    def has_ended(self) -> bool:
        """See `ReplyStream`. A client that hung up earlier is sent nothing, so it cannot have seen the end."""
        return self._outcome == "ok" or (not self._received.client_left and self._tap.finished)

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
                if rest and not self._received.client_left:
                    return rest
                raise StopAsyncIteration
            self._output.count(chunk)
            self._keep(chunk)
            piece = self._tap.feed(chunk)
            if self._received.client_left:
                if self._is_drained(chunk):
                    raise StopAsyncIteration
            elif piece:
                if self._asked.first_token_at is None:
                    self._asked.first_token_at = clock.monotonic()
                return piece

    def _break_off(self, failure: UpstreamFailure) -> bytes:
        at_boundary = self._tap.at_boundary
        # What was held back is a torn event that the client never began; without it the frame stands alone.
        self._tap.end()
        return self._terminal_frame(failure.message, at_boundary=at_boundary)

    def _read_usage(self) -> None:
        self._asked.stated = self._tap.usage
        self._end_usage(cut_short=not self._tap.finished)


class RawRelay(Relay):
    """Any other body. What was gathered before the status went out goes first.

    A JSON body's usage is looked for in its last bytes, since the whole may be larger than memory should hold.
    """

    def __init__(self, asked: Asked, services: Services, gathered: list[bytes]) -> None:
        super().__init__(asked, services)
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
            if not self._received.client_left:
                return chunk
            if self._is_drained(chunk):
                raise StopAsyncIteration

    def _remember(self, chunk: bytes) -> bytes:
        self._keep(chunk)
        if self._watches_tail:
            self._tail = chunk[-_TAIL_BYTES:] if len(chunk) >= _TAIL_BYTES else (self._tail + chunk)[-_TAIL_BYTES:]
        return chunk

    def _read_usage(self) -> None:
        asked = self._asked
        asked.stated = find_usage(self._tail) if self._watches_tail else None
        if asked.stated is None and self._received.endpoint.metered:
            asked.usage_warning = USAGE_NOT_REPORTED


def _forget(_piece: bytes) -> None:
    """What becomes of a piece of an answer that is not captured."""


def received_usage(asked: Asked, received: ReceivedOutput) -> Stated:
    """What a stream that broke off cost: what it reported, but at least the prompt and the output that came."""
    stated = asked.stated or Stated(usage=Usage())
    reported = stated.usage
    prompt = reported.input_tokens or prompt_bound(asked.admitted).tokens
    output = max(reported.output_tokens, received.tokens)
    usage = msgspec.structs.replace(reported, input_tokens=prompt, output_tokens=output)
    return msgspec.structs.replace(stated, usage=usage)


def kept_alive(stream: Relay, after_s: float) -> ReplyStream:
    """A stream that says something after so many seconds of silence; 0: never."""
    return KeptAlive(stream, after_s) if after_s else stream


class KeptAlive:
    """A stream of events that says something while its upstream is silent, only between two events."""

    def __init__(self, inner: Relay, after_s: float) -> None:
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
