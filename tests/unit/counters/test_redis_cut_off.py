"""A process that is cut off from Redis while others are not: what it has served is counted once when it is back."""

import asyncio
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import pytest

from gateway.counters import redis
from gateway.counters.redis import RedisCounters, Spending
from tests.support.relay import Relay
from tests.unit.counters.redis_service import (
    BUDGET,
    CONCURRENCY,
    PATIENT_S,
    URL,
    Ledger,
    opened,
    prefix,
    reachable,
    settled,
    taken,
    until,
)

pytestmark = [pytest.mark.service, pytest.mark.skipif(not reachable(), reason="Redis cannot be reached")]


@pytest.fixture(autouse=True)
def soon(monkeypatch):
    """Nobody else is waited for who might have something to bring."""
    monkeypatch.setattr(redis, "_OTHERS_S", 0.1)
    monkeypatch.setattr(redis, "_LAGGING_S", 0.1)


@asynccontextmanager
async def cut_off_able(own, ledger):
    """Counters that reach Redis by a relay, and that relay."""
    relay = Relay(urlsplit(URL).port)
    url = f"redis://127.0.0.1:{relay.port}{urlsplit(URL).path}"
    counters = RedisCounters(url, prefix=own, ledger=ledger.read, timeout_s=PATIENT_S)
    try:
        yield counters, relay
    finally:
        await counters.close()
        relay.close()


async def cut(counters, relay):
    relay.cut()
    await until(lambda: asyncio.sleep(0, counters.fault is not None))


async def is_back(counters, relay):
    relay.mend()
    await until(lambda: asyncio.sleep(0, counters.fault is None))
    await settled(counters)


@pytest.mark.parametrize("restored", [False, True], ids=["nobody restored", "another restored meanwhile"])
@pytest.mark.parametrize("written", [0, 1, 2], ids=["nothing in the ledger", "one in the ledger", "both in the ledger"])
def test_what_ended_while_cut_off_is_counted_once(restored, written):
    async def run():
        own, ledger = prefix(), Ledger()
        async with opened(prefix=own, ledger=ledger.read) as other, cut_off_able(own, ledger) as (counters, relay):
            leases = [await taken(counters, (CONCURRENCY, 1), (BUDGET, 100))]
            leases += [await taken(counters, (BUDGET, 100)) for _ in range(2)]
            await cut(counters, relay)
            for number, lease in enumerate(leases[:2]):
                lease.settle({BUDGET.key: 30})
                if number < written:
                    ledger.write(30, counters.settled_until())
            if restored:
                await other.restore_anew()
                assert (await other.spending([BUDGET]))[0].spent == 30 * written

            await is_back(counters, relay)

            assert await other.spending([BUDGET]) == [Spending(60, 100)]
            leases[2].settle({BUDGET.key: 7})
            await settled(counters)
            assert await other.spending([BUDGET]) == [Spending(67, 0)]
            assert await other.used(CONCURRENCY) == 0

    asyncio.run(run())


@pytest.mark.parametrize("restored", [False, True], ids=["nobody restored", "another restored meanwhile"])
def test_what_was_served_uncounted_is_counted_once(restored):
    async def run():
        own, ledger = prefix(), Ledger()
        async with opened(prefix=own, ledger=ledger.read) as other, cut_off_able(own, ledger) as (counters, relay):
            await taken(counters, (BUDGET, 100))
            await cut(counters, relay)
            counters.charge([(BUDGET, 40)])
            ledger.write(40, counters.settled_until())
            if restored:
                await other.restore(ledger.state())

            await is_back(counters, relay)
            assert await other.spending([BUDGET]) == [Spending(40, 100)]

            counters.charge([(BUDGET, 5)])  # of one that ended only now
            batch = [*counters._settlements._waiting]
            await settled(counters)
            counters._settlements._waiting.extend(batch)  # as where its acknowledgement was lost
            counters._settlements.ship()
            await settled(counters)
            assert await other.spending([BUDGET]) == [Spending(45, 100)]

    asyncio.run(run())
