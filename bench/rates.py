"""What a rate costs: microseconds of CPU for one reservation of one limit, in memory and in Redis.

`python -m bench.rates`; with BENCH_REDIS_URL there are rows for Redis too: the whole round trip as the gateway sees it,
and what the script takes of it, by Redis' own clock.
"""

import asyncio
import os
import time
from typing import Final

from gateway.counters.hold import Dimension, Hold, Limit
from gateway.counters.memory import MemoryCounters
from gateway.counters.redis import RedisCounters
from gateway.counters.redis_address import parse_redis_url
from gateway.counters.redis_connection import RedisConnection, connect
from gateway.counters.redis_refusals import RedisAway

TURNS: Final = 20_000
IN_REDIS: Final = 5_000
CEILINGS: Final = (60, 999, 1_000, 2_000_000)
LINE: Final = "{:>8}  {:>9}  {:>8}  {:>12}  {:>14}"


class Clock:
    """Seconds that pass as the bench says."""

    def __init__(self) -> None:
        self.now = 1_700_000_000.0

    def __call__(self) -> float:
        """The moment."""
        return self.now


def _limit(ceiling: int, name: str) -> Limit:
    return Limit(key=f"key:{name}:rpm", dimension=Dimension.RPM, ceiling=ceiling, window_s=60)


def in_memory() -> None:
    """A window that is full all the time: each request takes the place of one that has just left; and one beyond it."""
    for ceiling in CEILINGS:
        for state, pause in (("full", 60 / ceiling), ("refused", 0.0)):
            clock = Clock()
            counters, hold = MemoryCounters(clock), [Hold(_limit(ceiling, "a"), max(1, ceiling // 1_000))]
            for _ in range(min(ceiling, 1_100)):
                counters.try_reserve(hold)
                clock.now += pause * hold[0].amount
            began = time.process_time()
            for _ in range(TURNS):
                counters.try_reserve(hold)
                clock.now += pause * hold[0].amount
            took = (time.process_time() - began) / TURNS * 1e6
            print(LINE.format("memory", ceiling, state, f"{took:.2f}", ""))


async def in_redis(url: str) -> None:
    """The same in Redis."""
    connection = await connect(parse_redis_url(url).addresses[0], 5, 5)
    for ceiling in CEILINGS:
        for state, pause in (("full", 60 / ceiling), ("refused", 0.0)):
            clock = Clock()
            counters = RedisCounters(url, prefix=f"{{bench:{ceiling}:{state}}}:", time=clock, timeout_s=5)
            hold = [Hold(_limit(ceiling, "a"), max(1, ceiling // 1_000))]
            for _ in range(min(ceiling, 1_100)):
                await counters.reserve(hold)
                clock.now += pause * hold[0].amount
            before, began = await _script_us(connection), time.perf_counter()
            for _ in range(IN_REDIS):
                await counters.reserve(hold)
                clock.now += pause * hold[0].amount
            took = (time.perf_counter() - began) / IN_REDIS * 1e6
            script = (await _script_us(connection) - before) / IN_REDIS
            print(LINE.format("Redis", ceiling, state, f"{took:.2f}", f"{script:.2f}"))
            await counters.close()
    connection.abort(RedisAway("done"))


async def _script_us(connection: RedisConnection) -> int:
    """Microseconds that Redis has spent in scripts so far."""
    told = bytes(await connection.send("INFO", "commandstats")).decode().splitlines()
    stats = next((line for line in told if line.startswith("cmdstat_evalsha:")), "")
    return next((int(part.removeprefix("usec=")) for part in stats.split(",") if part.startswith("usec=")), 0)


if __name__ == "__main__":
    print(LINE.format("home", "ceiling", "state", "us a request", "us in the script"))
    in_memory()
    if redis := os.environ.get("BENCH_REDIS_URL"):
        asyncio.run(in_redis(redis))
