"""What callers notice while Redis is away, refuses, or is another node of a cluster."""

import asyncio
import time

import pytest

from gateway.counters.hold import CountersLost, LedgerState, Restored
from gateway.counters.redis import RedisCounters
from tests.unit.counters.redis_service import (
    BUDGET,
    CONCURRENCY,
    RPM,
    answers,
    command,
    lost,
    reachable,
    settled,
    taken,
    until,
    used,
)

pytestmark = [pytest.mark.service, pytest.mark.skipif(not reachable(), reason="Redis cannot be reached")]


def test_callers_do_not_wait_while_redis_stands_still(server):
    async def run():
        counters = RedisCounters(server.url)
        await taken(counters, (RPM, 1))
        server.freeze()
        began = time.monotonic()
        assert await lost(counters)
        assert time.monotonic() - began < 0.5
        await until(lambda: asyncio.sleep(0, counters.fault is not None))
        assert "does not answer within 0.25 s" in counters.fault
        began = time.monotonic()
        assert all([await lost(counters) for _ in range(100)])
        assert time.monotonic() - began < 0.1
        server.thaw()
        await until(lambda: answers(counters))
        assert counters.fault is None
        await counters.close()

    asyncio.run(run())


def test_a_redis_that_was_never_there_is_told_at_once_and_found_later(server):
    server.stop()

    async def run():
        counters = RedisCounters(server.url)
        began = time.monotonic()
        await counters.start()
        assert time.monotonic() - began < 0.4
        assert counters.fault.startswith(f"Redis at 127.0.0.1:{server.port} cannot be reached")
        with pytest.raises(CountersLost, match="cannot be reached"):
            await counters.restore(LedgerState({BUDGET.key: Restored(1, None)}))
        server.start()
        await until(lambda: answers(counters))
        await counters.close()
        assert await lost(counters)

    asyncio.run(run())


def test_wrong_credentials_are_told_without_them(start_redis):
    server = start_redis("--requirepass", "correct")

    async def run():
        for url in (
            f"redis://:hunter2@127.0.0.1:{server.port}",
            f"redis://hunter1:hunter2@127.0.0.1:{server.port}/3",
            server.url,
        ):
            counters = RedisCounters(url)
            await counters.start()
            assert "refuses" in counters.fault
            assert "hunter" not in counters.fault
            await counters.close()
        counters = RedisCounters(f"redis://:correct@127.0.0.1:{server.port}/3")
        await taken(counters, (RPM, 1))
        await counters.close()

    asyncio.run(run())


def test_any_node_of_a_cluster_leads_to_the_one_with_the_keys(start_redis):
    one, other = (start_redis("--cluster-enabled", "yes") for _ in range(2))

    async def run():
        await command(other.url, "CLUSTER", "ADDSLOTSRANGE", "0", "16383")
        await command(one.url, "CLUSTER", "MEET", "127.0.0.1", str(other.port))

        async def joined():
            told = [await command(server.url, "CLUSTER", "INFO") for server in (one, other)]
            return all(b"cluster_state:ok" in text for text in told)

        await until(joined, 30)
        counters = RedisCounters(one.url)
        lease = await taken(counters, (RPM, 1), (CONCURRENCY, 1), (BUDGET, 1))
        lease.settle({BUDGET.key: 1})
        await settled(counters)
        assert await used(counters, RPM, CONCURRENCY, BUDGET) == [1, 0, 1]
        assert counters._link.connection.address.port == other.port
        await counters.close()

    asyncio.run(run())
