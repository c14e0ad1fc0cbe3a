"""A process that is cut off from Redis while others are not: what it has served is counted once when it is back."""

import asyncio
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import pytest

from gateway.counters.hold import Restored
from gateway.counters.redis import RedisCounters, Spending
from tests.support.relay import Relay
from tests.unit.counters.redis_service import (
    BUDGET,
    CONCURRENCY,
    PATIENT_S,
    URL,
    opened,
    prefix,
    reachable,
    settled,
    taken,
    until,
)

pytestmark = [pytest.mark.service, pytest.mark.skipif(not reachable(), reason="Redis cannot be reached")]


@asynccontextmanager
async def cut_off_able(own, ledger):
    """Counters that reach Redis by a relay, and that relay; `ledger` says what is to be restored."""
    relay = Relay(urlsplit(URL).port)
    url = f"redis://127.0.0.1:{relay.port}{urlsplit(URL).path}"

    async def rebuild():
        await counters.restore({BUDGET.key: Restored(ledger["spent"], None)})

    counters = RedisCounters(url, prefix=own, on_data_loss=rebuild, timeout_s=PATIENT_S)
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


@pytest.mark.parametrize("restored", [False, True], ids=["nobody rebuilt", "another rebuilt meanwhile"])
@pytest.mark.parametrize("late", [0, 5], ids=["in the ledger", "not all of it then"])
def test_what_ended_while_cut_off_is_counted_once(restored, late):
    async def run():
        own, ledger = prefix(), {"spent": 0}
        async with opened(prefix=own) as other, cut_off_able(own, ledger) as (counters, relay):
            leases = [await taken(counters, (CONCURRENCY, 1), (BUDGET, 100))]
            leases += [await taken(counters, (BUDGET, 100)) for _ in range(2)]
            await cut(counters, relay)
            for lease in leases[:2]:
                lease.settle({BUDGET.key: 30})
            if restored:
                await other.restore({BUDGET.key: Restored(60 - late, None)})
            ledger["spent"] = 60

            await is_back(counters, relay)

            assert await other.spending([BUDGET]) == [Spending(60, 100)]
            leases[2].settle({BUDGET.key: 7})
            await settled(counters)
            assert await other.spending([BUDGET]) == [Spending(67, 0)]
            assert await other.used(CONCURRENCY) == 0

    asyncio.run(run())


@pytest.mark.parametrize("restored", [False, True], ids=["nobody rebuilt", "another rebuilt meanwhile"])
def test_what_was_served_uncounted_is_counted_once(restored):
    async def run():
        own, ledger = prefix(), {"spent": 0}
        async with opened(prefix=own) as other, cut_off_able(own, ledger) as (counters, relay):
            await taken(counters, (BUDGET, 100))
            await cut(counters, relay)
            counters.charge([(BUDGET, 40)])
            if restored:
                await other.restore({BUDGET.key: Restored(40, None)})
            ledger["spent"] = 40

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


def test_what_another_rebuilds_between_looking_and_settling_is_not_counted_twice():
    async def run():
        own, ledger = prefix(), {"spent": 0}
        async with opened(prefix=own) as other, cut_off_able(own, ledger) as (counters, relay):
            leases = [await taken(counters, (BUDGET, 100)) for _ in range(2)]
            await cut(counters, relay)
            for lease in leases:
                lease.settle({BUDGET.key: 30})
            ledger["spent"] = 60
            look, looks = counters._is_overtaken, []

            async def look_and_be_late(connection):
                looks.append(await look(connection))
                if len(looks) == 1:
                    await other.restore({BUDGET.key: Restored(60, None)})
                return looks[-1]

            counters._is_overtaken = look_and_be_late

            await is_back(counters, relay)

            assert looks == [False, True]
            assert await other.spending([BUDGET]) == [Spending(60, 0)]

    asyncio.run(run())
