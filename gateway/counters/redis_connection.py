"""One connection to Redis or Valkey that many callers share: commands leave as they come, answers return in order.

A client with a pool lends a connection to each caller and costs several times the CPU time of the command. Here a
command is one write and one future, and one timer watches the oldest that has no answer yet.
"""

import asyncio
import ssl
from collections import deque
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Final, cast
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

import hiredis
import msgspec

from gateway.secret import Secret

_GRACE_S: Final = 0.01
_LONGEST_MESSAGE: Final = 200
_SCHEMES: Final = {"redis": False, "valkey": False, "rediss": True, "valkeys": True, "unix": False}
_EXAMPLES: Final = "`redis://user:password@host:6379/0`, `rediss://...` for TLS, or `unix:///path/to/socket?db=0`"


class RedisAway(Exception):  # noqa: N818 - what happened is told, who decides is the caller
    """Redis does not answer, or not as it should. The message is for the operator and holds no secret."""


class RedisMoved(RedisAway):
    """The keys live on another node of the cluster, at `host` and `port`."""

    def __init__(self, host: str, port: int) -> None:
        super().__init__(f"the keys moved to {host}:{port}")
        self.host = host
        self.port = port


class RedisAddress(msgspec.Struct, frozen=True, kw_only=True):
    """Where Redis is, and as whom to speak to it. As text: where it is, without the credentials."""

    host: str = "localhost"
    port: int = 6379
    path: str | None = None
    database: int = 0
    username: str | None = None
    password: Secret | None = None
    tls: bool = False
    certificates: str | None = None
    """The file with the certificates to trust; `None`: those of the system."""

    def __str__(self) -> str:
        return f"Redis at {self.path or f'{self.host}:{self.port}'}"


def parse_redis_url(url: str) -> RedisAddress:
    """Reads `redis://`, `rediss://` (TLS), `valkey://`, `valkeys://` or `unix://`.

    The query knows `db` (number of the database) and `ssl_ca_certs` (file with the certificates to trust).

    Raises:
        ValueError: The URL cannot be read. The message does not repeat it, since it may hold a password.
    """
    try:
        return _address(urlsplit(url))
    except ValueError:
        # Not chained: what the standard library says may quote the password.
        raise ValueError(f"the URL of Redis cannot be read; it looks like {_EXAMPLES}") from None


def _address(parts: SplitResult) -> RedisAddress:
    options = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    database = options.pop("db", "0" if parts.scheme == "unix" else parts.path.strip("/") or "0")
    certificates = options.pop("ssl_ca_certs", None)
    if options or parts.scheme not in _SCHEMES or (parts.scheme == "unix" and not parts.path):
        raise ValueError
    return RedisAddress(
        host=parts.hostname or "localhost",
        port=parts.port or 6379,
        path=unquote(parts.path) if parts.scheme == "unix" else None,
        database=int(database),
        username=unquote(parts.username) if parts.username else None,
        password=Secret(unquote(parts.password)) if parts.password else None,
        tls=_SCHEMES[parts.scheme],
        certificates=certificates,
    )


class RedisConnection(asyncio.Protocol):
    """The connection. `closed` is done when it is gone, and says why."""

    def __init__(self, address: RedisAddress, timeout_s: float) -> None:
        self.address = address
        self._timeout_s = timeout_s
        self._loop = asyncio.get_running_loop()
        self._reader = hiredis.Reader()
        self._transport: asyncio.Transport | None = None
        self._waiting: deque[tuple[asyncio.Future[Any], float]] = deque()
        self._watch: asyncio.TimerHandle | None = None
        self.closed: asyncio.Future[str] = self._loop.create_future()

    def send(self, *command: str | bytes) -> asyncio.Future[Any]:
        """Sends one command at once; its answer is the future's result, a `hiredis.ReplyError` where Redis refuses.

        Raises `RedisAway`, here or from the future, when the connection is gone.
        """
        if self.closed.done() or self._transport is None:
            raise RedisAway(self.closed.result() if self.closed.done() else f"{self.address} is not connected")
        answer: asyncio.Future[Any] = self._loop.create_future()
        sent_at = self._loop.time()
        self._waiting.append((answer, sent_at))
        self._transport.write(hiredis.pack_command(command))  # type: ignore[arg-type] # the stub has one item only
        if self._watch is None:
            self._watch = self._loop.call_at(sent_at + self._timeout_s, self._look)
        return answer

    def abort(self, reason: str) -> None:
        """Ends the connection at once; who still waits gets `RedisAway` with the reason."""
        if self.closed.done():
            return
        self.closed.set_result(reason)
        if self._watch is not None:
            self._watch.cancel()
        if self._transport is not None:
            self._transport.abort()
        for answer, _ in self._waiting:
            if not answer.done():
                answer.set_exception(RedisAway(reason))
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
            self.abort(f"{self.address} does not speak the protocol of Redis")

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - how it ended makes no difference
        """Called by the event loop."""
        self.abort(f"{self.address} closed the connection")

    def _look(self) -> None:
        """Ends the connection where the oldest command waits too long."""
        self._watch = None
        if not self._waiting:
            return
        late = self._waiting[0][1] + self._timeout_s
        if self._loop.time() < late:
            self._watch = self._loop.call_at(late, self._look)
        else:
            # Where the event loop itself was late, the answer may have come and not have been read.
            self._watch = self._loop.call_later(_GRACE_S, self._judge, self._waiting[0][0])

    def _judge(self, oldest: asyncio.Future[Any]) -> None:
        self._watch = None
        if self._waiting and self._waiting[0][0] is oldest:
            self.abort(f"{self.address} does not answer within {self._timeout_s:g} s")
        else:
            self._look()


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
        connection.abort(f"{address} cannot be reached")
        if isinstance(error, TimeoutError):
            raise RedisAway(f"{address} cannot be reached within {connect_timeout_s:g} s") from error
        if isinstance(error, OSError):
            raise RedisAway(f"{address} cannot be reached: {error.strerror or type(error).__name__}") from error
        raise
    return connection


def check(reply: Any, address: RedisAddress) -> Any:
    """The reply itself; raises `RedisAway` or `RedisMoved` where it is an error."""
    if not isinstance(reply, hiredis.ReplyError):
        return reply
    said = str(reply).splitlines()[0]
    code, _, rest = said.partition(" ")
    if code == "MOVED":
        host, _, port = rest.split(" ")[-1].rpartition(":")
        raise RedisMoved(host or address.host, int(port))
    if code in {"WRONGPASS", "NOAUTH", "NOPERM"} or "AUTH" in said:
        # An unknown command is quoted with its arguments, and those of AUTH are secret.
        raise RedisAway(f"{address} refuses the credentials ({code})")
    raise RedisAway(f"{address} refuses: {said[:_LONGEST_MESSAGE]}")


def _introduction(address: RedisAddress) -> Iterator[tuple[str, ...]]:
    if address.password is not None:
        user = [address.username] if address.username else []
        yield ("AUTH", *user, address.password.reveal())
    if address.database:
        yield ("SELECT", str(address.database))


async def _open(address: RedisAddress, connection: RedisConnection) -> None:
    loop = asyncio.get_running_loop()
    if address.path is not None:
        await loop.create_unix_connection(lambda: connection, address.path)
        return
    context = _trust(address.certificates) if address.tls else None
    await loop.create_connection(lambda: connection, address.host, address.port, ssl=context)


@lru_cache(maxsize=4)
def _trust(certificates: str | None) -> ssl.SSLContext:
    """PERF: reading the system's certificates takes tens of milliseconds, so each context is made once."""
    return ssl.create_default_context(cafile=certificates)
