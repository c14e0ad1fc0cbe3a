"""Counters in Redis or Valkey (7 or later), for many workers and machines. `hold.lua` says how they are kept there.

A reservation is one call, atomic over all of its holds, by the clock of the server. It makes a record with a deadline,
a lease, which this process puts off while the request runs: what a process that died had held is given back when its
leases are over. How leases end is queued and sent in batches, again and again until Redis has acknowledged it.

The marker, a key with the name of the data's generation, tells when data was lost: then, and whenever another Redis
process answers (which may have started from an older copy, or be a replica that took over), this process

1. settles again what was acknowledged in the last seconds, which does nothing where it is known,
2. takes again what its open leases hold,
3. lets its owner raise the SPEND counters to what the ledger knows,
4. sets the marker where there is none,

and reserves only afterwards. The limits of rates begin anew.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Final, TypeVar

import msgspec

from gateway import clock, ids
from gateway.counters.hold import (
    CountersLost,
    CounterState,
    Dimension,
    Hold,
    Lease,
    Limit,
    Refusal,
    Restored,
    Standing,
)
from gateway.counters.redis_address import RedisService, parse_redis_url
from gateway.counters.redis_connection import RedisConnection
from gateway.counters.redis_holds import (
    SOURCE,
    gauges_of,
    kind_and_name,
    pack,
    pack_holds,
    pack_restored,
    pack_sums,
    read_refusal,
    read_spent,
)
from gateway.counters.redis_lease import RedisLease
from gateway.counters.redis_link import RedisLink
from gateway.counters.redis_refusals import RedisAway, check
from gateway.counters.redis_script import RedisScript
from gateway.counters.redis_settlements import RedisSettlements, Settlement

_ATTEMPTS: Final = 2
_LOOK_EVERY_S: Final = 1.0
_RENEWALS_A_LEASE: Final = 3
_AT_ONCE: Final = 500
_FAREWELL_S: Final = 2.0
_PROBE_S: Final = 60
_PROBE_CEILING: Final = 2**40

_Item = TypeVar("_Item")


class Spending(msgspec.Struct, frozen=True):
    """What counts against a SPEND limit, in nano-USD: what is `spent`, and what open leases have `held`."""

    spent: int
    held: int


class RedisCounters:
    """A `CounterStore` in Redis.

    Args:
        service: Where Redis is, or a URL as `parse_redis_url` reads it. Any node of a cluster will do.
        prefix: What the keys of one deployment begin with. Its hash tag keeps them on one node of a cluster.
        on_data_loss: Called before reservations go on when Redis has lost its data, or may have, or is empty at the
            first start. It brings the ledger up to date and calls `restore`; what it raises is tried again.
        lease_s: Seconds after which the holds of a process that died are given back.
        timeout_s: Seconds that any answer may take.
        queue_bound: So many ended leases wait for Redis at most; beyond it the counters are rebuilt as after a loss.
        time: Seconds since the epoch; `None`: the clock of the server, which all processes share.

    Raises:
        ValueError: The URL cannot be read, or the prefix has no hash tag.
    """

    def __init__(
        self,
        service: RedisService | str,
        *,
        prefix: str = "{gw:default}:",
        on_data_loss: Callable[[], Awaitable[None]] | None = None,
        lease_s: float = 60.0,
        timeout_s: float = 0.25,
        queue_bound: int = 100_000,
        time: Callable[[], float] | None = None,
    ) -> None:
        opening = prefix.find("{")
        if opening < 0 or prefix.find("}", opening) <= opening + 1:
            raise ValueError(f"the prefix {prefix!r} needs a hash tag, such as {{gw:default}}:")
        self._on_data_loss = on_data_loss
        self._restorations_key = prefix + "restorations"
        self._restorations: int | None = None
        self._renew_every_s = lease_s / _RENEWALS_A_LEASE
        self._script = RedisScript(prefix, lease_s, time)
        known = parse_redis_url(service) if isinstance(service, str) else service
        self._link = RedisLink(known, timeout_s, self._attend)
        self._settlements = RedisSettlements(self._script, self._usable, queue_bound)
        self._connection: RedisConnection | None = None
        self._server: str | None = None
        self._open: dict[str, RedisLease] = {}
        self._closed = False

    @property
    def fault(self) -> str | None:
        """Why Redis does not answer at present, without any secret; `None` while it does and before `start`."""
        return None if self._link.fault is None else str(self._link.fault)

    @property
    def state(self) -> CounterState:
        """The same for machines."""
        return CounterState.COUNTED if self._link.fault is None else self._link.fault.state

    async def start(self) -> None:
        """Connects. Returns when Redis answers or `fault` says why it does not; using the store does it too."""
        self._link.start()
        try:
            await self._link.ready()
        except CountersLost:
            return

    async def reserve(self, holds: Sequence[Hold]) -> Lease | Refusal:
        """Takes every hold or none, in one call. Amounts are below 2^53. Raises `CountersLost`."""
        packed = pack_holds(holds)
        for _ in range(_ATTEMPTS):
            connection = await self._ready()
            reply = await self._take(connection, holds, packed)
            if reply is not None:
                return reply
            connection.abort(_lost(connection))
        raise CountersLost("Redis has lost its data")

    async def restore(self, spent: Mapping[str, Restored]) -> None:
        """Raises what is spent of each SPEND counter to what the ledger knows; what is held counts on top of it.

        What this process has settled before is counted first, so that nothing of it is counted twice. Each counter is
        raised atomically. Raises `CountersLost`.
        """
        connection = self._usable() or await self._ready()
        self._settlements.ship(everything=True)
        self._settlements.hold_against(None)
        for some in _chunks(spent.items()):
            self._restorations = int(await self._call(connection, "restore", pack_restored(some)))

    def charge(self, spent: Sequence[tuple[Limit, int]]) -> None:
        """Counts under SPEND limits what a request consumed that holds nothing; once, when Redis answers."""
        if not self._closed:
            holds = [Hold(limit, amount) for limit, amount in spent]
            self._settlements.add(Settlement(ids.ulid(), [hold.amount for hold in holds], holds, untaken=True))

    async def used(self, limit: Limit) -> int:
        """How much of a limit is used now, in its own unit. Raises `CountersLost`."""
        return sum(map(int, (await self._read([limit]))[0]))

    async def spending(self, limits: Sequence[Limit]) -> list[Spending]:
        """What is spent and held of SPEND limits, in their order. Raises `CountersLost`."""
        return [Spending(int(spent), int(held)) for spent, held in await self._read(limits)]

    async def rewrite(self, sums: Mapping[str, tuple[int, int]]) -> int:
        """Replaces what is spent of SPEND counters: by key, the sum that is expected there and the new one.

        A counter that has moved on meanwhile is left alone. Returns how many were replaced. Raises `CountersLost`.
        """
        connection = await self._ready()
        replaced = 0
        for some in _chunks(sums.items()):
            replaced += int(await self._call(connection, "rewrite", pack_sums(some)))
        return replaced

    def standings(self) -> Iterator[Standing]:
        """The SPEND counters that open leases of this process hold something of."""
        held: dict[str, int] = {}
        limits: dict[str, Limit] = {}
        for lease in self._open.values():
            for hold in lease.holds:
                if hold.limit.dimension is Dimension.SPEND and hold.amount:
                    limits[hold.limit.key] = hold.limit
                    held[hold.limit.key] = held.get(hold.limit.key, 0) + hold.amount
        return (Standing(key, amount, limits[key].resets_at) for key, amount in held.items())

    async def close(self) -> None:
        """Sends what is still to be settled, for at most two seconds, and lets go of the connection."""
        if self._closed:
            return
        try:
            async with asyncio.timeout(_FAREWELL_S):
                await self._settlements.drained()
        except TimeoutError:
            pass
        self._closed = True
        self._settlements.stop()
        await self._link.close()

    def _end(self, lease: RedisLease, amounts: list[int]) -> bool:
        if self._open.pop(lease.id, None) is None:
            return False
        if not self._closed:
            self._settlements.add(Settlement(lease.id, amounts, lease.holds))
        return True

    async def _take(
        self, connection: RedisConnection, holds: Sequence[Hold], packed: bytes
    ) -> RedisLease | Refusal | None:
        """One attempt; `None` when the data was lost."""
        self._settlements.ship()
        lease = ids.ulid()
        try:
            reply = await self._script.call(connection, "reserve", packed, lease)
        except BaseException as error:
            # Nobody will end a lease whose making was not heard of; if it was made, this undoes it.
            self._settlements.add(Settlement(lease, [0] * len(holds), holds))
            if isinstance(error, RedisAway):
                raise CountersLost(str(error)) from error
            raise
        if reply is None:
            return None
        position, now, *told = reply
        if position:
            return read_refusal(holds, position - 1, told)
        taken = self._open[lease] = RedisLease(self._end, lease, tuple(holds), packed, now, *read_spent(holds, told))
        return taken

    async def _read(self, limits: Sequence[Limit]) -> list[list[Any]]:
        connection = await self._ready()
        told: list[list[Any]] = []
        for some in _chunks(limits):
            told += await self._call(connection, "read", pack([kind_and_name(limit) for limit in some]))
        return told

    async def _ready(self) -> RedisConnection:
        if self._closed:
            raise CountersLost("the counters are closed")
        self._link.start()
        return await self._link.ready()

    async def _call(self, connection: RedisConnection, operation: str, about: bytes) -> Any:
        try:
            return await self._script.call(connection, operation, about)
        except RedisAway as away:
            raise CountersLost(str(away)) from away

    def _usable(self) -> RedisConnection | None:
        """The connection, also while the counters are being rebuilt."""
        connection = self._connection
        return None if connection is None or connection.closed.done() else connection

    async def _attend(self, connection: RedisConnection) -> RedisAway:
        """Prepares a connection and looks after it until it is gone; says why it went. Raises `RedisAway`."""
        check(await connection.send("SCRIPT", "LOAD", SOURCE), connection.address)
        server = await _server_id(connection)
        generation = await self._script.call(connection, "begin")
        known = self._script.generation
        # Another process may have taken over, of which some of what was settled never heard; so may one without a name.
        another = bool(known) and (server is None or server != self._server)
        lost = generation is None or another or known not in {"", generation.decode()}
        if another:
            self._settlements.settle_again()
        overtaken = await self._is_overtaken(connection)
        if overtaken:
            self._settlements.leave_spend_to_the_ledger()
        self._settlements.hold_against(self._restorations)
        self._connection = connection
        self._settlements.ship()
        if lost or overtaken or self._settlements.forgotten:
            generation = await self._rebuild(connection)
        self._server = server
        self._script.generation = generation.decode()
        await self._prove(connection)
        self._link.open(connection)
        return await self._look_after(connection)

    async def _prove(self, connection: RedisConnection) -> None:
        """Counts once and takes it back: a Redis that answers may be out of memory, a replica, or permit too little."""
        soon = int(clock.now()) + _PROBE_S
        limits = [
            Limit(key="probe", dimension=Dimension.RPM, ceiling=_PROBE_CEILING, window_s=_PROBE_S),
            Limit(key="probe", dimension=Dimension.CONCURRENCY, ceiling=_PROBE_CEILING, window_s=0),
            Limit(key="probe", dimension=Dimension.SPEND, ceiling=_PROBE_CEILING, window_s=0, resets_at=soon),
        ]
        lease, holds = ids.ulid(), [Hold(limit, 1) for limit in limits]
        if await self._script.call(connection, "reserve", pack_holds(holds), lease) is None:
            raise _lost(connection)
        await self._script.call(connection, "settle", pack([(lease, [0] * len(holds))]))

    async def _is_overtaken(self, connection: RedisConnection) -> bool:
        """Whether somebody brought counters up to the ledger while this process had something to settle.

        Rows of what waits here may have been counted by that.
        """
        told = check(await connection.send("GET", self._restorations_key), connection.address)
        before, self._restorations = self._restorations, int(told or 0)
        return before is not None and before != self._restorations and len(self._settlements) > 0

    async def _rebuild(self, connection: RedisConnection) -> bytes:
        """Brings back what this process knows; returns the generation of the data."""
        forgotten = self._settlements.forgotten
        await self._adopt(connection, list(self._open))
        if self._on_data_loss is not None:
            try:
                await self._on_data_loss()
            except Exception as error:
                # Only its type is told: the message is somebody else's and may hold a secret.
                said = f"the counters could not be rebuilt ({type(error).__name__})"
                raise RedisAway(said, CounterState.REBUILDING) from error
        self._settlements.forgotten -= forgotten
        self._script.generation = ids.ulid()
        generation: bytes = await self._script.call(connection, "mark")
        return generation

    async def _look_after(self, connection: RedisConnection) -> RedisAway:
        """Puts off the deadlines of open leases, and notices a Redis that has gone or has lost its data."""
        loop = asyncio.get_running_loop()
        renew_at = loop.time()
        while not connection.closed.done():
            leases = []
            if loop.time() >= renew_at:
                leases, renew_at = list(self._open), loop.time() + self._renew_every_s
            await self._renew(connection, leases)
            pause = min(_LOOK_EVERY_S, max(0.0, renew_at - loop.time()))
            await asyncio.wait([connection.closed], timeout=pause)
        return connection.closed.result()

    async def _renew(self, connection: RedisConnection, leases: Sequence[str]) -> None:
        for some in _chunks(leases) if leases else [[]]:
            gauges = {name for lease in some if lease in self._open for name in gauges_of(self._open[lease].holds)}
            told = await self._script.call(connection, "renew", pack((some, list(gauges))))
            if told is None:
                raise _lost(connection)
            unknown, restorations = told
            self._restorations = int(restorations)
            await self._adopt(connection, [lease.decode() for lease in unknown])

    async def _adopt(self, connection: RedisConnection, leases: Sequence[str]) -> None:
        for some in _chunks(leases):
            held = [self._open[lease] for lease in some if lease in self._open]
            about = pack([(lease.id, lease.taken_at, msgspec.Raw(lease.packed)) for lease in held])
            await self._script.call(connection, "adopt", about)


def _lost(connection: RedisConnection) -> RedisAway:
    return RedisAway(f"{connection.address} has lost its data", CounterState.REBUILDING)


async def _server_id(connection: RedisConnection) -> str | None:
    """Names the process that answers; `None` where it may not be asked."""
    told = await connection.send("INFO", "server")
    lines = bytes(told).decode().splitlines() if isinstance(told, bytes) else []
    return next((line.partition(":")[2] for line in lines if line.startswith("run_id:")), None)


def _chunks(items: Iterable[_Item]) -> Iterator[list[_Item]]:
    remaining = iter(items)
    while some := list(islice(remaining, _AT_ONCE)):
        yield some
