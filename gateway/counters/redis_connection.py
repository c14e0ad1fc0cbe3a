"""One connection to Redis or Valkey that many callers share: commands leave as they come, answers return in order.

A client with a pool lends a connection to each caller and costs several times the CPU time of the command. Here a
command is one write and one future, and one timer watches the oldest that has no answer yet.
"""

import asyncio
import ssl
from collections import deque
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, cast

import hiredis

from gateway.counters.hold import CounterState
from gateway.counters.redis_address import RedisAddress, Tls
from gateway.counters.redis_refusals import RedisAway, check
from gateway.unread import has_unread

_GRACE_S: Final = 0.01


class RedisConnection(asyncio.Protocol):
    """The connection. `closed` is done when it is gone, and says why."""

    def __init__(self, address: RedisAddress, timeout_s: float) -> None:
        self.address = address
        self._timeout_s = timeout_s
        self._loop = asyncio.get_running_loop()
        self._reader = hiredis.Reader()
        self._transport: asyncio.Transport | None = None
        self._to_send: list[bytes] = []
        self._waiting: deque[tuple[asyncio.Future[Any], float]] = deque()
        self._watch: asyncio.TimerHandle | None = None
        self.closed: asyncio.Future[RedisAway] = self._loop.create_future()

    def send(self, *command: str | bytes) -> asyncio.Future[Any]:
        """Sends one command with the next turn of the event loop.

        Its answer is the future's result, a `hiredis.ReplyError` where Redis refuses. Raises `RedisAway`, here or from
        the future, when the connection is gone.
        """
        if self.closed.done() or self._transport is None:
            why = self.closed.result() if self.closed.done() else RedisAway(f"{self.address} is not connected")
            raise RedisAway(str(why), why.state)
        answer: asyncio.Future[Any] = self._loop.create_future()
        sent_at = self._loop.time()
        self._waiting.append((answer, sent_at))
        if not self._to_send:
            # PERF: what requests ask in one turn of the event loop leaves by one write.
            self._loop.call_soon(self._flush)
        self._to_send.append(hiredis.pack_command(command))  # type: ignore[arg-type] # the stub has one item only
        if self._watch is None:
            self._watch = self._loop.call_at(sent_at + self._timeout_s, self._look)
        return answer

    def abort(self, why: RedisAway) -> None:
        """Ends the connection at once; who still waits gets the reason."""
        if self.closed.done():
            return
        self.closed.set_result(why)
        if self._watch is not None:
            self._watch.cancel()
        if self._transport is not None:
            self._transport.abort()
        for answer, _ in self._waiting:
            if not answer.done():
                answer.set_exception(RedisAway(str(why), why.state))
                answer.exception()  # whoever waits gets it; nobody else has to hear of it
        self._waiting.clear()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the event loop."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Called by the event loop."""
        try:
            self._reader.feed(data)
            while (reply := self._reader.gets()) is not False:
                answer, _ = self._waiting.popleft()
                if not answer.done():
                    answer.set_result(reply)
        except (hiredis.ProtocolError, IndexError):
            self.abort(RedisAway(f"{self.address} does not speak the protocol of Redis", CounterState.REFUSED))

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by the event loop. Since TLS 1.3 a client learns only now that its certificate is refused."""
        if isinstance(exc, ssl.SSLError):
            self.abort(_untrusted(self.address, exc))
        else:
            self.abort(RedisAway(f"{self.address} closed the connection"))

    def _flush(self) -> None:
        if self._transport is not None and not self.closed.done():
            self._transport.write(b"".join(self._to_send))
        self._to_send.clear()

    def _look(self) -> None:
        """Ends the connection where the oldest command waits too long."""
        self._watch = None
        if not self._waiting:
            return
        late = self._waiting[0][1] + self._timeout_s
        now = self._loop.time()
        if now < late:
            self._watch = self._loop.call_at(late, self._look)
        else:
            # Where the event loop itself was late, the command may have left as late, and Redis is not to blame.
            grace_s = max(_GRACE_S, min(now - late, self._timeout_s))
            self._watch = self._loop.call_later(grace_s, self._judge, self._waiting[0][0])

    def _judge(self, oldest: asyncio.Future[Any]) -> None:
        self._watch = None
        if not self._waiting or self._waiting[0][0] is not oldest:
            self._look()
        elif self._transport is not None and has_unread(self._transport):
            self._watch = self._loop.call_later(_GRACE_S, self._judge, oldest)
        else:
            self.abort(RedisAway(f"{self.address} does not answer within {self._timeout_s:g} s"))


async def connect(address: RedisAddress, timeout_s: float, connect_timeout_s: float) -> RedisConnection:
    """Connects, presents the credentials and selects the database.

    Args:
        address: Where to.
        timeout_s: Seconds that any answer may take.
        connect_timeout_s: Seconds that all of this may take.

    Raises:
        RedisAway: Nobody answers there, or refuses.
    """
    connection = RedisConnection(address, timeout_s)
    try:
        async with asyncio.timeout(connect_timeout_s):
            await _open(address, connection)
            for answer in [connection.send(*command) for command in _introduction(address)]:
                check(await answer, address)
    except BaseException as error:
        connection.abort(RedisAway(f"{address} cannot be reached"))
        if isinstance(error, TimeoutError):
            raise RedisAway(f"{address} cannot be reached within {connect_timeout_s:g} s") from error
        if isinstance(error, ssl.SSLError):
            raise _untrusted(address, error) from error
        if isinstance(error, OSError):
            raise RedisAway(f"{address} cannot be reached: {error.strerror or type(error).__name__}") from error
        raise
    return connection


def _untrusted(address: RedisAddress, error: ssl.SSLError) -> RedisAway:
    said = getattr(error, "verify_message", None) or (error.reason or type(error).__name__).replace("_", " ").lower()
    return RedisAway(f"{address} cannot be reached by TLS: {said}", CounterState.TLS)


def _introduction(address: RedisAddress) -> Iterator[tuple[str, ...]]:
    name, password = address.login.username, address.login.password
    if name or password:
        yield ("AUTH", *([name] if name else []), password.reveal() if password else "")
    if address.database:
        yield ("SELECT", str(address.database))


async def _open(address: RedisAddress, connection: RedisConnection) -> None:
    loop = asyncio.get_running_loop()
    if address.path is not None:
        await loop.create_unix_connection(lambda: connection, address.path)
        return
    context = None if address.tls is None else tls_context(address.tls)
    await loop.create_connection(lambda: connection, address.host, address.port, ssl=context)


def tls_context(tls: Tls) -> ssl.SSLContext:
    """What a connection is secured by, from files as they are now: certificates are renewed while a process runs.

    Raises:
        RedisAway: A file cannot be used; the message names it.
    """
    files = [file for file in (tls.ca, tls.certificate, tls.key) if file is not None]
    written = []
    for file in files:
        try:
            written.append(Path(file).stat().st_mtime_ns)
        except OSError as problem:
            raise RedisAway(f"the file {file} cannot be read: {problem.strerror}", CounterState.TLS) from None
    return _context(tls, tuple(written))


@lru_cache(maxsize=4)
def _context(tls: Tls, _written: tuple[int, ...]) -> ssl.SSLContext:
    """PERF: reading the system's certificates takes tens of milliseconds, so each context is made once."""
    try:
        context = ssl.create_default_context(cafile=tls.ca)
    except OSError as problem:  # of which ssl.SSLError is one
        said = f"the file {tls.ca} has no certificates to trust ({type(problem).__name__})"
        raise RedisAway(said, CounterState.TLS) from None
    context.check_hostname = tls.check_hostname
    if tls.certificate is not None:
        try:
            # Without a password an encrypted key would ask for one on the terminal.
            context.load_cert_chain(tls.certificate, tls.key, password="")
        except OSError as problem:
            said = f"the files {tls.certificate} and {tls.key or 'no key'} are no certificate with its key"
            raise RedisAway(f"{said} ({type(problem).__name__})", CounterState.TLS) from None
    return context
