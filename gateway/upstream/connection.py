"""One HTTP/1.1 connection to an upstream: one exchange after the other, parsed by llhttp.

Bytes are handed on as they arrive: a piece of a body is what one read from the socket brought of it. One timer per
connection, which re-arms itself only when it fires, serves all exchanges on it.
"""

import asyncio
import enum
from collections import deque
from typing import cast

import httptools

from gateway.unread import has_unread
from gateway.upstream.failure import FailureKind, UpstreamFailure
from gateway.upstream.request import Headers, Upload

_LARGEST_HEAD = 256 * 1024
_PAUSE_ABOVE = 256 * 1024
_RESUME_BELOW = 64 * 1024
_WRITTEN_AT_ONCE = 64 * 1024
_HELD_BACK_S = 1.0
_READS_WITHIN_S = 0.01
"""How soon the event loop reads what waits to be read, where it was late or the process stood still."""
_HEAD_TOO_LARGE = "the head of the response is too large"
_CONTINUE, _SWITCHING_PROTOCOLS, _OK = 100, 101, 200


class ConnectionState(enum.StrEnum):
    """Idle, asked and waiting for a head, in the middle of an answer, at its end, or gone."""

    IDLE = "idle"
    ASKED = "asked"
    ANSWERING = "answering"
    COMPLETE = "complete"
    CLOSED = "closed"


class Connection:
    """Carries one exchange at a time: `begin`, `wait` until it `has_head`, `read`, and then `release` or `abort`.

    PERF: an `asyncio.Protocol` in all but its base, which would keep it from being compiled to a class of fixed layout.
    """

    __slots__ = (
        "_buffered",
        "_busy",
        "_complete",
        "_deadline",
        "_failure",
        "_head_bytes",
        "_held_back_s",
        "_is_full",
        "_loop",
        "_parser",
        "_paused",
        "_paused_at",
        "_pieces",
        "_reusable",
        "_timeout_s",
        "_timer",
        "_timer_at",
        "_transport",
        "_waiter",
        "has_head",
        "headers",
        "idle_since",
        "status",
    )

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._waiter: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0.0
        self._deadline = 0.0
        self._timeout_s = 0.0
        self._busy = False
        self._paused = False
        self._paused_at = 0.0
        self._is_full = False
        self._reset()
        self.idle_since = 0.0

    def __repr__(self) -> str:
        return f"Connection({self.state})"

    @property
    def state(self) -> ConnectionState:
        """Where it stands."""
        if not self.usable:
            return ConnectionState.CLOSED
        if not self._busy:
            return ConnectionState.IDLE
        if self._complete:
            return ConnectionState.COMPLETE
        return ConnectionState.ANSWERING if self.has_head else ConnectionState.ASKED

    def _reset(self) -> None:
        self.status = 0
        self.headers: Headers = []
        self._head_bytes = 0
        self.has_head = False
        self._complete = False
        self._reusable = True
        self._failure: UpstreamFailure | None = None
        self._pieces: deque[bytes] = deque()
        self._buffered = 0
        self._held_back_s = 0.0

    @property
    def usable(self) -> bool:
        """Whether another exchange may begin here."""
        return self._transport is not None and not self._transport.is_closing()

    def begin(self, head: bytes, body: bytes) -> None:
        """Sends a request."""
        transport = self._transport
        assert transport is not None  # noqa: S101 - callers look at `usable`
        self._reset()
        self._busy = True
        if len(body) <= _WRITTEN_AT_ONCE:
            transport.write(head + body)
        else:
            transport.write(head)
            transport.write(body)

    async def send_up(self, upload: Upload, timeout_s: float) -> None:
        """Sends a long body behind the head that began, each piece once the one before is nearly gone.

        It ends early where the upstream answers before it has all. Raises `UpstreamFailure`, also where nothing of it
        was taken for so many seconds, or it cannot be read.
        """
        pieces = upload.pieces()
        while True:
            try:
                piece = await asyncio.to_thread(next, pieces, None)
            except OSError as problem:
                raise UpstreamFailure(FailureKind.PROTOCOL, f"the upload cannot be read: {problem.strerror}") from None
            if piece is None:
                return
            while self._is_full and not self.has_head:
                await self.wait(self._loop.time() + timeout_s, timeout_s)
            if self.has_head:
                self._reusable = False
                return
            if self._failure is not None:
                raise self._failure
            cast("asyncio.Transport", self._transport).write(piece)

    def wait(self, until: float, timeout_s: float) -> asyncio.Future[None]:
        """What is done when more has come. It fails at a time of the loop, `timeout_s` after the wait began.

        Raises `UpstreamFailure`, here or when it is awaited.
        """
        if self._failure is not None:
            raise self._failure
        self._deadline, self._timeout_s = until, timeout_s
        if self._timer is None or until < self._timer_at:
            self._arm()
        waiter = self._waiter = self._loop.create_future()
        return waiter

    async def read(self, timeout_s: float) -> bytes | None:
        """The next piece of the body, `None` at its end. Raises `UpstreamFailure`."""
        while not self._pieces:
            if self._complete:
                return None
            await self.wait(self._loop.time() + timeout_s, timeout_s)
        piece = self._pieces.popleft()
        self._buffered -= len(piece)
        if self._paused and self._buffered < _RESUME_BELOW:
            self._held_back_s = max(self._held_back_s, self._loop.time() - self._paused_at)
            if self.usable:
                self._paused = False
                cast("asyncio.Transport", self._transport).resume_reading()
        return piece

    @property
    def was_held_back(self) -> bool:
        """Whether nobody read for so long that the upstream may have given up for that."""
        return self._held_back_s >= _HELD_BACK_S

    @property
    def has_all(self) -> bool:
        """Whether nothing more is to come of the body, and it never had to be held back."""
        return self._complete and not self._paused

    def take_all(self) -> bytes:
        """What was not read yet of a body of which the connection `has_all`."""
        pieces = self._pieces
        body = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        pieces.clear()
        self._buffered = 0
        return body

    def release(self) -> bool:
        """Ends the exchange; true when the connection can take another one. Else it is dropped."""
        self._busy = False
        transport = self._transport
        if (
            transport is not None
            and self._complete
            and self._reusable
            and not self._paused
            and not transport.is_closing()
            and transport.get_write_buffer_size() == 0
        ):
            self._pieces.clear()
            return True
        self.abort()
        return False

    def abort(self) -> None:
        """Drops the connection at once, whatever is under way."""
        self._busy = False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._transport is not None:
            self._transport.abort()

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer_at = self._deadline
        self._timer = self._loop.call_at(self._deadline, self._check_time)

    def _check_time(self) -> None:
        self._timer = None
        if self._waiter is None or self._waiter.done():
            return
        if self._loop.time() < self._deadline:
            self._arm()
        elif self._transport is not None and not self._paused and has_unread(self._transport):
            self._timer_at = self._loop.time() + _READS_WITHIN_S
            self._timer = self._loop.call_at(self._timer_at, self._check_time)
        else:
            missing = "took nothing for" if self._is_full else "no response within"
            if self.has_head:
                missing = "silent for"
            self._fail(FailureKind.TIMEOUT, f"{missing} {self._timeout_s:g} s")

    def _fail(self, kind: FailureKind, message: str) -> None:
        if self._failure is None:
            self._failure = UpstreamFailure(kind, message)
        busy = self._busy
        self.abort()
        self._busy = busy
        self._wake()

    def _wake(self) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            if self._failure is not None and not self._pieces:
                waiter.set_exception(self._failure)
            else:
                waiter.set_result(None)

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection is open."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Bytes came. On an idle connection nobody asked for any: it is not to be trusted any more."""
        if not self._busy:
            self.abort()
            return
        if not self.has_head:
            self._head_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            # Behind the end of a response there may be anything; the response is whole all the same.
            self._reusable = False
            if not self._complete:
                self._fail(FailureKind.PROTOCOL, "the response is not HTTP")
        else:
            if self._head_bytes > _LARGEST_HEAD and not self.has_head:
                self._fail(FailureKind.PROTOCOL, _HEAD_TOO_LARGE)
            elif self._buffered > _PAUSE_ABOVE and not self._paused and self.usable:
                self._paused, self._paused_at = True, self._loop.time()
                cast("asyncio.Transport", self._transport).pause_reading()
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        self._transport = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if not self._busy or self._complete:
            return
        if self.has_head and exc is None and self._ends_with_connection():
            self._complete = True
            self._reusable = False
        elif self._failure is None:
            where = "in the middle of the answer" if self._head_bytes else "before an answer came"
            self._failure = UpstreamFailure(FailureKind.NETWORK, f"the connection closed {where}")
        self._wake()

    def eof_received(self) -> None:
        """The upstream sends nothing more: the event loop closes the connection."""

    def pause_writing(self) -> None:
        """More of the request waits than the event loop likes: a long body stops here, others are in memory anyway."""
        self._is_full = True

    def resume_writing(self) -> None:
        """That is over."""
        self._is_full = False
        if not self.has_head:
            self._wake()

    def _ends_with_connection(self) -> bool:
        """Whether the body has neither length nor chunks (RFC 9112, section 6.3), so that the end of all is its end."""
        return not any(name in ("content-length", "transfer-encoding") for name, _ in self.headers)

    def _size_of_head(self) -> int:
        """Bytes of the fields of a head that came together with some of its body."""
        return sum(len(name) + len(value) for name, value in self.headers)

    # What the parser calls.

    def on_message_begin(self) -> None:
        """A response begins; a second one was not asked for."""
        if self._complete:
            self._reusable = False

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header field, or a trailer, which is left out."""
        if not self.has_head:
            self.headers.append((name.decode("latin-1").lower(), value.decode("latin-1")))

    def on_headers_complete(self) -> None:
        """The head is whole."""
        if self._complete:
            return
        status = self._parser.get_status_code()
        if self._head_bytes > _LARGEST_HEAD and self._size_of_head() > _LARGEST_HEAD:
            self._fail(FailureKind.PROTOCOL, _HEAD_TOO_LARGE)
        elif status >= _OK:
            self.status = status
            self.has_head = True
        elif status == _SWITCHING_PROTOCOLS:
            self._fail(FailureKind.PROTOCOL, "the upstream switched to another protocol")

    def on_body(self, body: bytes) -> None:
        """A piece of the body."""
        if not self._complete:
            self._pieces.append(body)
            self._buffered += len(body)

    def on_message_complete(self) -> None:
        """The response is whole; an interim one (RFC 9110, section 15.2) makes way for the next."""
        if not self.has_head:
            self.headers.clear()
        elif not self._complete:
            self._complete = True
            self._reusable = self._parser.should_keep_alive()
