"""Calls of `hold.lua`: every change of the counters in Redis is one of them."""

import asyncio
from collections.abc import Callable
from typing import Any, Final

import hiredis

from gateway.counters.redis_connection import RedisConnection
from gateway.counters.redis_holds import DIGEST, SOURCE
from gateway.counters.redis_refusals import RedisAway, check

_SECOND: Final = 1_000_000
_KEY_COUNT: Final = "3"


class RedisScript:
    """The script with what is the same in every call.

    Args:
        prefix: What every key begins with, its hash tag included.
        lease_s: Seconds that a lease lasts from its last renewal.
        time: Seconds since the epoch; `None`: the clock of the server.
    """

    def __init__(self, prefix: str, lease_s: float, time: Callable[[], float] | None) -> None:
        self._keys = (prefix + "marker", prefix + "deadlines", prefix + "absent")
        self._lease = str(int(lease_s * _SECOND))
        self._time = time
        self.generation = ""
        """Names the data that the caller knows; changes when data was lost."""

    def post(
        self, connection: RedisConnection, operation: str, about: bytes = b"", lease: str = "", *, whole: bool = False
    ) -> asyncio.Future[Any]:
        """Sends one call at once, with the `whole` script or its digest. Raises `RedisAway`."""
        now = "" if self._time is None else str(int(self._time() * _SECOND))
        script = ("EVAL", SOURCE) if whole else ("EVALSHA", DIGEST)
        return connection.send(
            *script, _KEY_COUNT, *self._keys, operation, now, self.generation, self._lease, about, lease
        )

    async def call(self, connection: RedisConnection, operation: str, about: bytes = b"", lease: str = "") -> Any:
        """Sends one call and returns its answer.

        Raises `RedisAway`; a connection that answers with an error is given up, since the next answer would be too.
        """
        reply = await self.post(connection, operation, about, lease)
        if is_unknown_script(reply):
            reply = await self.post(connection, operation, about, lease, whole=True)
        try:
            return check(reply, connection.address)
        except RedisAway as away:
            connection.abort(away)
            raise


def is_unknown_script(reply: Any) -> bool:
    """Whether Redis has forgotten the script, and nothing has happened."""
    return isinstance(reply, hiredis.ReplyError) and str(reply).startswith("NOSCRIPT")
