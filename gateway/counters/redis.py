"""Counters in Redis or Valkey (7 or later), for many workers and machines. `hold.lua` says how they are kept there.

A reservation is one call, atomic over all of its holds, by the clock of the server. It makes a record with a deadline,
a lease, which this process puts off while the request runs: what a process that died had held is given back when its
leases are over. How leases end is queued and sent in batches, again and again until Redis has acknowledged it.

The marker, a key with the name of the data's generation, tells when data was lost; the generation belongs to one Redis
process, since another (which may have started from an older copy, or be a replica that took over) may lack some of it.
Then

1. this process takes again what its open leases hold,
2. one of all sets the SPEND counters to what the ledger knows (`redis_restoration`), which begins a generation,
3. this process settles what those sums lack (`redis_settlements`),

and reserves only afterwards. Of what is settled nothing counts in another generation than the one that was known. The
limits of rates begin anew.
"""

import asyncio
import enum
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

import msgspec

from gateway import clock, ids
from gateway.counters.hold import (
    CountersLost,
    CounterState,
    Dimension,
    Hold,
    Lease,
    LedgerState,
    Limit,
    Refusal,
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
    read_refusal,
    read_spent,
    unpacked_restored,
)
from gateway.counters.redis_lease import RedisLease
from gateway.counters.redis_link import RedisLink
from gateway.counters.redis_refusals import RedisAway, check
from gateway.counters.redis_restoration import RedisRestoration, chunks, lost, portions
from gateway.counters.redis_script import RedisScript
from gateway.counters.redis_settlements import RedisSettlements, Settlement

_ATTEMPTS: Final = 2
_LOOK_EVERY_S: Final = 1.0
_RENEWALS_A_LEASE: Final = 3
_OTHERS_S: Final = 2.0
"""How long others get to take again what they hold, where it was lost, before one restores."""
_LAGGING_S: Final = 1.0
"""What was written to the ledger has been settled for as long; where it has not, whoever was to do so is gone."""
_LAGGING_BESIDE_S: Final = 10.0
"""The same of gateways that number nothing: what of theirs is settled later counts twice."""
_PATIENCE_S: Final = 60.0
_POLL_S: Final = 0.02
_FAREWELL_S: Final = 2.0
_PROBE_S: Final = 60
_PROBE_CEILING: Final = 2**40


class _Reached(enum.IntEnum):
    """Whether the counters have what the ledger knows, as `reached` of the script says it."""

    ALL = 1
    NOT = 0
    UNKNOWN = -1
    """They lack some of it; gateways that number nothing may be about to settle it."""


class Spending(msgspec.Struct, frozen=True):
    """What counts against a SPEND limit, in nano-USD: what is `spent`, and what open leases have `held`."""

    spent: int
    held: int


class RedisCounters:
    """A `CounterStore` in Redis.

    Args:
        service: Where Redis is, or a URL as `parse_redis_url` reads it. Any node of a cluster will do.
        prefix: What the keys of one deployment begin with. Its hash tag keeps them on one node of a cluster.
        ledger: Called where the counters have to be set to what the ledger knows. It brings that up to date and says
            it; what it raises is tried again. `None`: the ledger knows nothing.
        lease_s: Seconds after which the holds of a process that died are given back.
        timeout_s: Seconds that any answer may take.
        queue_bound: So many ended leases wait for Redis at most; beyond it the counters are restored as after a loss.
        time: Seconds since the epoch; `None`: the clock of the server, which all processes share.

    Raises:
        ValueError: The URL cannot be read, or the prefix has no hash tag.
    """

    def __init__(
        self,
        service: RedisService | str,
        *,
        prefix: str = "{gw:default}:",
        ledger: Callable[[], Awaitable[LedgerState]] | None = None,
        lease_s: float = 60.0,
        timeout_s: float = 0.25,
        queue_bound: int = 100_000,
        time: Callable[[], float] | None = None,
    ) -> None:
        opening = prefix.find("{")
        if opening < 0 or prefix.find("}", opening) <= opening + 1:
            raise ValueError(f"the prefix {prefix!r} needs a hash tag, such as {{gw:default}}:")
        self._shared_as = "@" + prefix[opening + 1 : prefix.index("}", opening)]
        self._process = ids.ulid() + self._shared_as
        self._renew_every_s = lease_s / _RENEWALS_A_LEASE
        self._script = RedisScript(prefix, lease_s, time)
        known = parse_redis_url(service) if isinstance(service, str) else service
        self._link = RedisLink(known, timeout_s, self._attend)
        self._settlements = RedisSettlements(self._process, self._script, self._usable, self._rejoin, queue_bound)
        self._restoration = RedisRestoration(self._script, ledger or _knows_nothing)
        self._connection: RedisConnection | None = None
        self._server = ""
        self._known_since = 0.0
        self._stale: asyncio.Future[None] | None = None
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
            generation = self._script.generation
            reply = await self._take(connection, holds, packed)
            if reply is not None:
                return reply
            self._rejoin(connection, generation)
        raise CountersLost("Redis has lost its data")

    async def restore(self, known: LedgerState) -> None:
        """Restores the counters where they lack something of what the ledger knows. Raises `CountersLost`.

        They do where a process ended before it had settled what it wrote to the ledger, and where a file has a budget
        that was in none when they were restored last.

        While gateways of the version before count beside, which number nothing, nobody knows which of their settlements
        the ledger has: so counters are raised and never set, and set once those are gone.
        """
        known = self._of_sharers(known)
        waited_s, reached = 0.0, await self._reached(known)
        while waited_s < (_LAGGING_S if reached is _Reached.NOT else _LAGGING_BESIDE_S):
            if reached is _Reached.ALL or (reached is _Reached.UNKNOWN and not known.spent):
                return
            await asyncio.sleep(_LAGGING_S)
            waited_s, reached = waited_s + _LAGGING_S, await self._reached(known)
        if reached is _Reached.NOT:
            await self.restore_anew()
        elif reached is _Reached.UNKNOWN:
            await self._raise(known)

    async def look(self, settled: Mapping[str, int]) -> None:
        """The same by what the ledger knows of processes alone, unless somebody has restored lately."""
        if asyncio.get_running_loop().time() - self._known_since > _PATIENCE_S:
            await self.restore(LedgerState({}, settled))

    async def restore_anew(self) -> None:
        """Sets all SPEND counters to what the ledger knows and what is not in it yet. Raises `CountersLost`."""
        connection = await self._ready()
        outdated = self._script.generation
        try:
            while self._script.generation == outdated:
                if await self._restoration.attempt(connection, self._server, outdated):
                    self._rejoin(connection, outdated)
                    with suppress(CountersLost):  # it is done, also where it took longer than callers wait
                        await self._ready()
                    return
                await asyncio.sleep(_POLL_S)
        except RedisAway as away:
            raise CountersLost(str(away)) from away

    def settled_until(self) -> str | None:
        """`PROCESS:NUMBER` of the last settlement that counted money; `None`: there was none."""
        last = self._settlements.last
        return f"{self._process}:{last}" if last else None

    def recorded(self, settled: Mapping[str, int]) -> None:
        """Tells up to which of its settlements each process is in the ledger."""
        if self._process in settled:
            self._settlements.recorded(settled[self._process])

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
        for some in chunks(limits):
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

    def _of_sharers(self, known: LedgerState) -> LedgerState:
        """Without processes that lead to the same ledger and count elsewhere."""
        settled = {process: number for process, number in known.settled.items() if process.endswith(self._shared_as)}
        return LedgerState(known.spent, settled)

    def _usable(self) -> RedisConnection | None:
        """The connection over which settlements go."""
        connection = self._connection
        return None if connection is None or connection.closed.done() else connection

    async def _reached(self, known: LedgerState) -> "_Reached":
        """Whether the counters have all that the ledger knows."""
        for about in portions(known):
            told = await self._of_generation("reached", pack(about))
            if told != _Reached.ALL:
                return _Reached(told or _Reached.NOT)
        return _Reached.ALL

    async def _raise(self, known: LedgerState) -> None:
        for some in chunks(known.spent.items()):
            await self._of_generation("raise", pack(unpacked_restored(some)))

    async def _of_generation(self, operation: str, about: bytes) -> Any:
        """What the script says of the data that is known; `None` where it is no longer that."""
        connection = await self._ready()
        generation = self._script.generation
        told = await self._call(connection, operation, about)
        if told is None:
            self._rejoin(connection, generation)
        return told

    def _rejoin(self, connection: RedisConnection, generation: str) -> None:
        """The data is no longer that of a generation: keeps callers away until it is known what it is."""
        if connection is self._connection and generation == self._script.generation and self._stale is not None:
            self._connection = None
            self._settlements.take_back()
            self._link.leave(lost(connection))
            self._stale.set_result(None)

    async def _attend(self, connection: RedisConnection) -> RedisAway:
        """Prepares a connection and looks after it until it is gone; says why it went. Raises `RedisAway`."""
        check(await connection.send("SCRIPT", "LOAD", SOURCE), connection.address)
        self._server = await _server_id(connection)
        await self._join(connection)
        return await self._look_after(connection)

    async def _join(self, connection: RedisConnection) -> None:
        """Brings Redis what this process knows and Redis lacks, and lets callers have the connection."""
        self._connection = None
        generation, counted = await self._agree(connection)
        is_other = generation != self._script.generation
        if is_other:
            await self._adopt(connection, list(self._open))
            self._known_since = asyncio.get_running_loop().time()
        self._script.generation = generation
        self._settlements.resume(counted, is_other=is_other)
        self._stale = asyncio.get_running_loop().create_future()
        self._connection = connection
        self._settlements.ship()
        await self._prove(connection)
        if not self._stale.done():
            self._link.open(connection)

    async def _agree(self, connection: RedisConnection) -> tuple[str, int]:
        """Waits for data that is whole, or restores it; its generation, and up to which number this process counts."""
        known, adopts = self._script.generation, True
        while True:
            about = pack((self._server, self._settlements.last == 0))
            told = await self._script.call(connection, "begin", about, self._process)
            generation, counted, server, restored_by = (one.decode() for one in told)
            is_there = bool(generation) and (not self._server or server in {"", self._server})
            if is_there and self._settlements.reaches(int(counted)):
                return generation, int(counted)
            if adopts:
                await self._adopt(connection, list(self._open))
                adopts = False
            pause_s = 0.0 if is_there or not known else _OTHERS_S
            attempt = self._restoration.attempt
            if restored_by or not await attempt(connection, self._server, generation, pause_s=pause_s):
                await asyncio.sleep(_POLL_S)

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
            return  # lost meanwhile, which the next look notices
        await self._script.call(connection, "settle", pack([(lease, [0] * len(holds), 0)]), self._process)

    async def _look_after(self, connection: RedisConnection) -> RedisAway:
        """Puts off the deadlines of open leases, and notices a Redis that has gone or has lost its data."""
        loop = asyncio.get_running_loop()
        renew_at = loop.time()
        while not connection.closed.done():
            if self._stale is None or self._stale.done():
                await self._join(connection)
                continue
            leases = []
            if loop.time() >= renew_at:
                leases, renew_at = list(self._open), loop.time() + self._renew_every_s
            await self._renew(connection, leases)
            pause = min(_LOOK_EVERY_S, max(0.0, renew_at - loop.time()))
            watched = (connection.closed, self._stale)
            await asyncio.wait(watched, timeout=pause, return_when=asyncio.FIRST_COMPLETED)
        return connection.closed.result()

    async def _renew(self, connection: RedisConnection, leases: Sequence[str]) -> None:
        generation = self._script.generation
        for some in chunks(leases) if leases else [[]]:
            gauges = {name for lease in some if lease in self._open for name in gauges_of(self._open[lease].holds)}
            unknown = await self._script.call(connection, "renew", pack((some, list(gauges))))
            if unknown is None:
                self._rejoin(connection, generation)
                return
            await self._adopt(connection, [lease.decode() for lease in unknown])

    async def _adopt(self, connection: RedisConnection, leases: Sequence[str]) -> None:
        for some in chunks(leases):
            held = [self._open[lease] for lease in some if lease in self._open]
            about = pack([(lease.id, lease.taken_at, msgspec.Raw(lease.packed)) for lease in held])
            await self._script.call(connection, "adopt", about)


async def _knows_nothing() -> LedgerState:
    return LedgerState({})


async def _server_id(connection: RedisConnection) -> str:
    """Names the process that answers; empty where it may not be asked."""
    told = await connection.send("INFO", "server")
    lines = bytes(told).decode().splitlines() if isinstance(told, bytes) else []
    return next((line.partition(":")[2] for line in lines if line.startswith("run_id:")), "")
