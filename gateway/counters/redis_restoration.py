"""Sets the SPEND counters in Redis to what the ledger knows; of all processes that find this needed, one does it.

Sums, and up to which number they have what each process settled, come from the ledger as of one moment, and both are
put into Redis before anything is counted on top. A settlement that comes with a number up to that one is in the sums;
one with a later number is not. So each counts once, wherever its entry was when the ledger was read: in the database,
in a spool, or not yet written.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import suppress
from itertools import islice
from typing import Any, Final, TypeVar

from gateway import ids
from gateway.counters.hold import CounterState, LedgerState
from gateway.counters.redis_connection import RedisConnection
from gateway.counters.redis_holds import pack, unpacked_restored
from gateway.counters.redis_refusals import RedisAway
from gateway.counters.redis_script import RedisScript

_AT_ONCE: Final = 500
_EXTEND_EVERY_S: Final = 2.0

_Item = TypeVar("_Item")


class RedisRestoration:
    """Restores by the `ledger`, which brings itself up to date and says what it knows."""

    def __init__(self, script: RedisScript, ledger: Callable[[], Awaitable[LedgerState]]) -> None:
        self._script = script
        self._ledger = ledger

    async def attempt(self, connection: RedisConnection, server: str, wanting: str, *, pause_s: float = 0.0) -> bool:
        """Restores, unless another process is about to or has done so; says whether it did.

        What is counted goes on until the ledger has been read, and again, as another generation, some moments later.

        Args:
            connection: To Redis.
            server: Whom it leads to.
            wanting: The generation whose data is not whole; empty where there is none.
            pause_s: How long others get to bring what they know before the ledger is read.

        Raises:
            RedisAway: It cannot be done at present.
        """
        claim = ids.ulid()
        if not await self._script.call(connection, "claim", wanting.encode(), claim):
            return False
        try:
            known = await self._known(connection, claim, pause_s)
            while await self._claimed(connection, claim, "wipe"):
                pass
            for about in portions(known):
                await self._claimed(connection, claim, "restore", pack(about))
            await self._claimed(connection, claim, "mark", pack((ids.ulid(), server)))
        except BaseException:
            with suppress(RedisAway):
                self._script.post(connection, "forsake", lease=claim)
            raise
        return True

    async def _known(self, connection: RedisConnection, claim: str, pause_s: float) -> LedgerState:
        """What the ledger knows, while others are told that somebody is at it."""
        reading = asyncio.ensure_future(self._read(pause_s))
        try:
            while not reading.done():
                await self._claimed(connection, claim, "extend")
                await asyncio.wait({reading}, timeout=_EXTEND_EVERY_S)
            return reading.result()
        finally:
            reading.cancel()

    async def _read(self, pause_s: float) -> LedgerState:
        await asyncio.sleep(pause_s)
        try:
            return await self._ledger()
        except Exception as error:
            # Only its type is told: the message is somebody else's and may hold a secret.
            said = f"the counters could not be rebuilt ({type(error).__name__})"
            raise RedisAway(said, CounterState.REBUILDING) from error

    async def _claimed(self, connection: RedisConnection, claim: str, operation: str, about: bytes = b"") -> Any:
        told = await self._script.call(connection, operation, about, claim)
        if told is None:
            raise lost(connection)
        return told


def lost(connection: RedisConnection) -> RedisAway:
    """What is said where Redis does not have what it had."""
    return RedisAway(f"{connection.address} has lost its data", CounterState.REBUILDING)


def portions(known: LedgerState) -> Iterator[tuple[list[Any], list[Any]]]:
    """What the ledger knows as the script reads it, as much at a time as one call may take: first of all processes."""
    for processes in chunks(known.settled.items()):
        yield processes, []
    for counters in chunks(known.spent.items()):
        yield [], unpacked_restored(counters)


def chunks(items: Iterable[_Item]) -> Iterator[list[_Item]]:
    """The items, as many at a time as one call may take without keeping others waiting."""
    remaining = iter(items)
    while some := list(islice(remaining, _AT_ONCE)):
        yield some
