"""Which server has the counters: one of those that were named, or the master that Sentinels name."""

import asyncio
from collections import deque
from typing import Final, Protocol

import msgspec

from gateway.counters.hold import CounterState
from gateway.counters.redis_address import RedisAddress, RedisService
from gateway.counters.redis_connection import RedisConnection, connect
from gateway.counters.redis_refusals import RedisAway, check

_LOOK_EVERY_S: Final = 1.0


class Whereabouts(Protocol):
    """Finds the server, again and again."""

    async def find(self) -> RedisAddress:
        """Where to connect to now. Raises `RedisAway` where nobody knows."""

    async def watch(self, connection: RedisConnection) -> None:
        """Ends the connection when the counters are elsewhere; returns once it is gone."""


def whereabouts(service: RedisService, timeout_s: float, connect_timeout_s: float) -> Whereabouts:
    """By Sentinels where the URL names some. An answer may take so many seconds, a connection so many more."""
    if service.master:
        return Sentinels(service, timeout_s, connect_timeout_s)
    return NamedServers(service)


class NamedServers:
    """The servers of the URL in turn, since nodes of a cluster may be gone."""

    def __init__(self, service: RedisService) -> None:
        self._addresses = deque(service.addresses)

    async def find(self) -> RedisAddress:
        """The next one."""
        self._addresses.rotate(-1)
        return self._addresses[-1]

    async def watch(self, connection: RedisConnection) -> None:
        """A server that has nothing to say on the matter refuses by itself: as a replica, or with MOVED."""
        await asyncio.wait([connection.closed])


class Sentinels:
    """Asks Sentinels for the master, and goes on asking while it is used.

    A master that was cut off may not know that another took its place, and a Sentinel that was may still name the old
    one: who took over later has the higher epoch (https://redis.io/docs/latest/develop/reference/sentinel-clients/).
    """

    def __init__(self, service: RedisService, timeout_s: float, connect_timeout_s: float) -> None:
        self._service = service
        self._timeouts = timeout_s, connect_timeout_s
        self._addresses = deque(service.addresses)
        self._asked: RedisConnection | None = None
        self._epoch = 0

    async def find(self) -> RedisAddress:
        """The master by the first Sentinel that is not behind what is known; by the least behind where all are."""
        named: list[tuple[int, RedisAddress]] = []
        reasons: list[str] = []
        for _ in range(len(self._addresses)):
            try:
                named.append(await self._ask())
            except RedisAway as away:
                reasons.append(str(away).replace("Redis at", "Sentinel at"))
                self._pass_over(away)
                continue
            if named[-1][0] >= self._epoch:
                break
            self._pass_over(RedisAway("another knows more"))
        if not named:
            raise RedisAway(f"no Sentinel names {self._service}: {'; '.join(reasons)}", CounterState.NO_MASTER)
        self._epoch, master = max(named, key=lambda one: one[0])
        return master

    async def watch(self, connection: RedisConnection) -> None:
        """Ends the connection when a Sentinel names a later master. While none answers, it goes on."""
        try:
            while not connection.closed.done():
                await asyncio.wait([connection.closed], timeout=_LOOK_EVERY_S)
                try:
                    epoch, master = await self._ask()
                except RedisAway as away:
                    self._pass_over(away)
                    continue
                if epoch > self._epoch and master != connection.address:
                    connection.abort(RedisAway(f"{connection.address} is no longer {self._service}"))
        finally:
            self._forget(RedisAway("enough was asked"))

    async def _ask(self) -> tuple[int, RedisAddress]:
        """The epoch and the address of the master as one Sentinel knows them."""
        sentinel = self._addresses[0]
        if self._asked is None or self._asked.closed.done():
            self._asked = await connect(sentinel, *self._timeouts)
        told = check(await self._asked.send("SENTINEL", "MASTER", self._service.master), sentinel)
        said = {name.decode(): value.decode() for name, value in zip(told[::2], told[1::2], strict=True)}
        master = msgspec.structs.replace(self._service.server, host=said["ip"], port=int(said["port"]))
        return int(said["config-epoch"]), master

    def _pass_over(self, why: RedisAway) -> None:
        self._forget(why)
        self._addresses.rotate(-1)

    def _forget(self, why: RedisAway) -> None:
        if self._asked is not None:
            self._asked.abort(why)
            self._asked = None
