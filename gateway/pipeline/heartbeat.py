"""White space before an answer that takes long, so that nobody on the way takes the connection for dead.

JSON may begin with any of it (RFC 8259, section 2). With the first space the status goes out: whatever comes of the
request after that stands in the body alone.
"""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from typing import Any, Final

from gateway.errors import GatewayError
from gateway.pipeline.relay import Reply, ReplyStream, shut_down
from gateway.pipeline.services import Services
from gateway.pipeline.settle import CLIENT_CLOSED, settle, settle_refused
from gateway.pipeline.states import Ended, Received
from gateway.shapes.endpoints import Endpoint
from gateway.wire.request_body import RequestBody

_BEAT: Final = b" "


def is_whole_json(endpoint: Endpoint, body: RequestBody) -> bool:
    """Whether the answer to a request is one JSON value, and nothing else."""
    return not (body.stream or endpoint.is_stored or endpoint.name.startswith("audio_"))


async def with_heartbeat(
    answer: Coroutine[Any, Any, Reply], received: Received, services: Services, after_s: float
) -> Reply:
    """The answer, if it comes within so many seconds; else a body that begins with a space each time they have passed.

    Raises `GatewayError` as the answer does, in that time.
    """
    task = asyncio.ensure_future(answer)
    try:
        done, _ = await asyncio.wait((task,), timeout=after_s)
    except asyncio.CancelledError:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        raise
    if done:
        return task.result()
    return Reply(200, [("content-type", "application/json")], stream=Heartbeat(task, received, services, after_s))


class Heartbeat:
    """Spaces until an answer is there, and then that, or the error in its place."""

    def __init__(self, task: "asyncio.Task[Reply]", received: Received, services: Services, after_s: float) -> None:
        self._task = task
        self._received = received
        self._services = services
        self._after_s = after_s
        self._rest: ReplyStream | None = None
        self._is_over = False
        self._has_begun = False

    @property
    def has_ended(self) -> bool:
        """See `ReplyStream`."""
        return self._is_over if self._rest is None else self._rest.has_ended

    @property
    def awaits_usage(self) -> bool:
        """See `ReplyStream`."""
        return self._rest is not None and self._rest.awaits_usage

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        if self._rest is not None:
            return await self._rest.__aiter__().__anext__()
        if not self._has_begun:
            # So many seconds have passed by now.
            self._has_begun = True
            return _BEAT
        while not self._is_over:
            try:
                done, _ = await asyncio.wait((self._task,), timeout=self._after_s)
            except asyncio.CancelledError:
                if self._received.client_left or not self._received.takes_back_shut_down():
                    raise
                self._task.cancel()
                await asyncio.gather(self._task, return_exceptions=True)
                return self._refused(shut_down())
            if done:
                try:
                    return await self._begun(self._task.result())
                except GatewayError as error:
                    return self._refused(error)
            if not self._received.client_left:
                return _BEAT
        raise StopAsyncIteration

    async def close(self) -> None:
        """Ends the request, wherever it is; idempotent."""
        if not self._task.done():
            self._task.cancel()
        [ended] = await asyncio.gather(self._task, return_exceptions=True)
        if isinstance(ended, Reply) and ended.stream is not None:
            await ended.stream.close()
        settle(self._received, self._services, Ended(CLIENT_CLOSED, self._received.cancelled_as))
        self._received.trail.let_go()

    async def _begun(self, reply: Reply) -> bytes:
        """The answer's body, or the first piece of a long one."""
        if any(name == "content-encoding" for name, _ in reply.headers):
            raise GatewayError("provider_error", "The provider's answer came compressed, behind the head of another.")
        if reply.stream is None:
            self._is_over = True
            return reply.data or b""
        self._rest = reply.stream
        return await self._rest.__aiter__().__anext__()

    def _refused(self, error: GatewayError) -> bytes:
        self._is_over = True
        settle_refused(self._received, self._services, error)
        return self._received.endpoint.shape.envelope(error)
