"""HTTP to upstreams through pyreqwest, the only module that knows of it.

One client, and so one connection pool, for each set of deadlines, kept for the life of the process: a reload leaves the
connections of unchanged providers open. Bodies are never decompressed and redirects never followed, so what arrives is
what the provider sent.

pyreqwest 0.15 lets go of a cancelled call without aborting it while its head is awaited: the connection stays until the
provider answers, or until the client's own read timeout, which is therefore set as a backstop. Closing a response whose
head has come ends its connection at once.
"""

import asyncio
from datetime import timedelta

from pyreqwest.client import Client, ClientBuilder
from pyreqwest.exceptions import PyreqwestError
from pyreqwest.request import StreamRequest
from pyreqwest.response import Response, ResponseBodyReader

from gateway.upstream.failure import FailureKind, UpstreamFailure
from gateway.upstream.pyreqwest_errors import translate
from gateway.upstream.request import Headers, UpstreamRequest

_BACKSTOP_S = 1.0
_POOL_IDLE = timedelta(seconds=60)
_TCP_KEEPALIVE = timedelta(seconds=30)


class PyreqwestTransport:
    """Carries requests over HTTP/1.1, pooled. Construct it inside the running event loop."""

    def __init__(self) -> None:
        self._clients: dict[tuple[float, float], Client] = {}

    async def send(self, request: UpstreamRequest) -> "PyreqwestResponse":
        """Sends the request and waits for the response's head. Raises `UpstreamFailure`."""
        deadlines = (request.connect_timeout_s, max(request.first_byte_timeout_s, request.idle_timeout_s))
        client = self._clients.get(deadlines) or self._new_client(deadlines)
        watchdog = _Watchdog()
        watchdog.watch(request.first_byte_timeout_s)
        try:
            builder = client.request(request.method, request.url).headers(request.headers).body_bytes(request.body)
            if not request.expects_whole:
                # Else the head would wait for up to 64 KiB of the body; for a whole answer that saves a thread switch.
                builder = builder.streamed_read_buffer_limit(0)
            exchange = builder.build_streamed()
            response = await exchange.__aenter__()
        except asyncio.CancelledError:
            if watchdog.took_over():
                raise UpstreamFailure(
                    FailureKind.TIMEOUT, f"no response within {request.first_byte_timeout_s:g} s"
                ) from None
            raise
        except PyreqwestError as error:
            watchdog.close()
            raise translate(error) from error
        except BaseException:
            watchdog.close()
            raise
        watchdog.rest()
        return PyreqwestResponse(exchange, response, watchdog, request.idle_timeout_s)

    async def close(self) -> None:
        """Closes every pool; requests under way fail."""
        clients, self._clients = self._clients, {}
        for client in clients.values():
            await client.close()

    def _new_client(self, deadlines: tuple[float, float]) -> Client:
        connect_timeout_s, longest_silence_s = deadlines
        client = (
            ClientBuilder()
            .connect_timeout(timedelta(seconds=connect_timeout_s))
            .read_timeout(timedelta(seconds=longest_silence_s + _BACKSTOP_S))
            .pool_idle_timeout(_POOL_IDLE)
            .tcp_keepalive(_TCP_KEEPALIVE)
            .follow_redirects(enable=False)
            .referer(enable=False)
            .gzip(enable=False)
            .brotli(enable=False)
            .zstd(enable=False)
            .deflate(enable=False)
            .build()
        )
        self._clients[deadlines] = client
        return client


class PyreqwestResponse:
    """A response whose body is read as it arrives."""

    __slots__ = ("_exchange", "_idle_timeout_s", "_reader", "_response", "_watchdog", "headers", "status")

    def __init__(
        self, exchange: StreamRequest, response: Response, watchdog: "_Watchdog", idle_timeout_s: float
    ) -> None:
        self._exchange: StreamRequest | None = exchange
        self._response = response
        self._reader: ResponseBodyReader | None = None
        self._watchdog = watchdog
        self._idle_timeout_s = idle_timeout_s
        self.status: int = response.status
        self.headers: Headers = list(response.headers.items())

    async def read_chunk(self) -> bytes | None:
        """The next piece of the body exactly as it came, `None` at its end. Raises `UpstreamFailure`."""
        reader = self._reader
        if reader is None:
            reader = self._reader = self._response.body_reader
        self._watchdog.watch(self._idle_timeout_s)
        try:
            chunk = await reader.read_chunk()
        except asyncio.CancelledError:
            raise self._timed_out() or asyncio.CancelledError from None
        except PyreqwestError as error:
            raise translate(error) from error
        finally:
            self._watchdog.rest()
        return None if chunk is None else chunk.to_bytes()

    async def read_all(self) -> bytes:
        """The whole body, in one step; only for bodies whose length the head bounds. Raises `UpstreamFailure`."""
        self._watchdog.watch(self._idle_timeout_s)
        try:
            body = await self._response.bytes()
        except asyncio.CancelledError:
            raise self._timed_out() or asyncio.CancelledError from None
        except PyreqwestError as error:
            raise translate(error) from error
        finally:
            self._watchdog.rest()
        return body.to_bytes()

    async def close(self) -> None:
        """Gives the connection back, or drops it when the body was not read to its end. Doing it twice does nothing."""
        exchange, self._exchange = self._exchange, None
        self._watchdog.close()
        if exchange is not None:
            await exchange.__aexit__(None, None, None)

    def _timed_out(self) -> UpstreamFailure | None:
        if self._watchdog.took_over():
            return UpstreamFailure(FailureKind.TIMEOUT, f"silent for {self._idle_timeout_s:g} s")
        return None


class _Watchdog:
    """Cancels the waiting task when an upstream stays silent too long.

    PERF: `asyncio.timeout` costs about as much as all judging of a request together; one timer that re-arms itself only
    when it fires serves a whole stream.
    """

    __slots__ = ("_deadline", "_fired", "_loop", "_task", "_timer")

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._task: asyncio.Task[object] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._deadline = 0.0
        self._fired = False

    def watch(self, seconds: float) -> None:
        """From now on the current task may wait this long."""
        self._task = asyncio.current_task(self._loop)
        deadline = self._loop.time() + seconds
        timer = self._timer
        if timer is None or deadline < self._deadline:
            if timer is not None:
                timer.cancel()
            self._timer = self._loop.call_at(deadline, self._check)
        self._deadline = deadline

    def rest(self) -> None:
        """Nothing is waited for at present."""
        self._task = None

    def took_over(self) -> bool:
        """Whether it was the watchdog that cancelled the task; if so the cancellation is taken back."""
        task = asyncio.current_task()
        if self._fired and task is not None and task.uncancel() == 0:
            return True
        self.close()
        return False

    def close(self) -> None:
        """Ends watching for good."""
        self._task = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _check(self) -> None:
        self._timer = None
        if self._task is None:
            return
        if self._loop.time() < self._deadline:
            self._timer = self._loop.call_at(self._deadline, self._check)
            return
        self._fired = True
        self._task.cancel()
