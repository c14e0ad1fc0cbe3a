"""What the counters in Redis promise while it answers: the semantics of those in memory, for many processes."""

import asyncio
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.counters.hold import Dimension, Hold, LedgerState, Limit, Refusal, Restored
from gateway.counters.memory import MemoryCounters
from gateway.counters.redis import RedisCounters, Spending
from gateway.counters.redis_holds import pack
from tests.unit.counters.redis_service import (
    BUDGET,
    CONCURRENCY,
    PATIENT_S,
    RPM,
    TPM,
    URL,
    command,
    keys_of,
    opened,
    prefix,
    reachable,
    settled,
    take,
    taken,
    used,
    worker,
)

pytestmark = [pytest.mark.service, pytest.mark.skipif(not reachable(), reason="Redis cannot be reached")]

CENT = 10_000_000


def test_as_many_as_the_ceiling_pass_and_a_refused_batch_takes_nothing():
    async def run():
        async with opened() as counters:
            outcomes = await asyncio.gather(*[take(counters, (TPM, 10), (RPM, 1)) for _ in range(7)])
            assert [isinstance(outcome, Refusal) for outcome in outcomes] == [False] * 5 + [True] * 2
            assert outcomes[5].hold.limit is RPM
            assert outcomes[5].retry_after_s > 0
            assert await used(counters, RPM, TPM) == [5, 50]

    asyncio.run(run())


def test_ending_a_lease_counts_once():
    async def run():
        async with opened() as counters:
            lease = await taken(counters, (RPM, 1), (TPM, 500), (CONCURRENCY, 1), (BUDGET, CENT))
            assert lease.spent == {BUDGET.key: CENT}
            lease.settle({TPM.key: 120, BUDGET.key: 7})
            lease.settle({TPM.key: 0, BUDGET.key: 5})
            lease.cancel()
            assert lease.settled == {BUDGET.key: 7}
            await settled(counters)
            assert await used(counters, RPM, TPM, CONCURRENCY, BUDGET) == [1, 120, 0, 7]
            assert await counters.spending([BUDGET]) == [Spending(7, 0)]

    asyncio.run(run())


def test_a_settlement_that_arrives_twice_counts_once():
    async def run():
        async with opened() as counters:
            lease = await taken(counters, (TPM, 500), (CONCURRENCY, 1), (BUDGET, CENT))
            other = await taken(counters, (TPM, 100), (CONCURRENCY, 1), (BUDGET, CENT))
            for _ in range(2):
                about = pack([(lease.id, [300, -1, 5], 1)])
                assert await counters._script.call(counters._connection, "settle", about, "process") == 1
            assert await used(counters, TPM, CONCURRENCY, BUDGET) == [400, 1, CENT + 5]
            other.cancel()

    asyncio.run(run())


def test_what_nobody_corrects_keeps_what_was_held():
    async def run():
        async with opened() as counters:
            (await taken(counters, (TPM, 500), (BUDGET, CENT))).settle({})
            await settled(counters)
            assert await counters.spending([BUDGET]) == [Spending(CENT, 0)]
            assert await counters.used(TPM) == 500

    asyncio.run(run())


def test_a_slot_given_back_is_free_for_the_next_reservation():
    async def run():
        async with opened() as counters:
            for _ in range(20):
                (await taken(counters, (CONCURRENCY, 2))).settle({})

    asyncio.run(run())


def test_a_reservation_that_nobody_waited_for_is_given_back():
    async def run():
        async with opened() as counters:
            await counters.start()
            asking = asyncio.create_task(take(counters, (CONCURRENCY, 1), (RPM, 1), (BUDGET, CENT)))
            await asyncio.sleep(0)
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)
            await settled(counters)
            assert await used(counters, CONCURRENCY, RPM, BUDGET) == [0, 0, 0]

    asyncio.run(run())


def test_sums_are_exact_beyond_the_numbers_of_lua():
    async def run():
        huge = Limit(key="budget:organization", dimension=Dimension.SPEND, ceiling=2**62, window_s=0)
        async with opened() as counters:
            await counters.restore(LedgerState({huge.key: Restored(2**60 + 1, None)}))
            lease = await taken(counters, (huge, 3))
            assert lease.spent == {huge.key: 2**60 + 4}
            lease.settle({huge.key: 2})
            await settled(counters)
            assert await counters.used(huge) == 2**60 + 3

    asyncio.run(run())


def test_every_key_ends_some_day():
    async def run():
        async with opened(prefix=(own := prefix())) as counters:
            monthly = Limit(
                key="budget:monthly", dimension=Dimension.SPEND, ceiling=10, window_s=0, resets_at=int(time.time()) + 9
            )
            await taken(counters, (RPM, 1), (TPM, 9), (CONCURRENCY, 1), (BUDGET, CENT), (monthly, 1))
            keys = await keys_of(own)
            assert len(keys) == 11
            assert min([await command(URL, "PTTL", key) for key in keys]) > 0

    asyncio.run(run())


def test_a_forgotten_script_is_sent_again():
    async def run():
        async with opened() as counters:
            lease = await taken(counters, (CONCURRENCY, 1))
            await command(URL, "SCRIPT", "FLUSH")
            await taken(counters, (CONCURRENCY, 1))
            await command(URL, "SCRIPT", "FLUSH")
            lease.settle({})
            await settled(counters)
            assert await counters.used(CONCURRENCY) == 1
            assert counters.fault is None

    asyncio.run(run())


def test_two_limits_are_taken_together_under_concurrency():
    async def run():
        wide = Limit(key="wide", dimension=Dimension.SPEND, ceiling=30, window_s=0)
        narrow = Limit(key="narrow", dimension=Dimension.CONCURRENCY, ceiling=20, window_s=0)
        own = prefix()
        async with opened(prefix=own) as one, opened(prefix=own) as other:
            asked = [take(counters, (wide, 1), (narrow, 1)) for counters in (one, other) * 50]
            outcomes = await asyncio.gather(*asked)
            assert sum(not isinstance(outcome, Refusal) for outcome in outcomes) == 20
            assert await used(one, wide, narrow) == [20, 20]

    asyncio.run(run())


def test_five_hundred_cents_against_a_dollar_from_four_processes():
    own = prefix()
    workers = [worker(own, 125) for _ in range(4)]
    passed = [int(process.communicate(timeout=60)[0]) for process in workers]

    async def run():
        async with opened(prefix=own) as counters:
            assert await counters.used(BUDGET) == BUDGET.ceiling

    asyncio.run(run())
    assert sum(passed) == 100


class Clock:
    def __init__(self):
        self.now = 1_700_000_000.0

    def __call__(self):
        return self.now


LIMITS = [
    *[
        Limit(key=f"window:{number}", dimension=Dimension.TPM, ceiling=ceiling, window_s=window)
        for number, (ceiling, window) in enumerate([(20, 1), (50, 60), (10**8, 60), (60, 86_400)])
    ],
    Limit(key="gauge", dimension=Dimension.CONCURRENCY, ceiling=40, window_s=0),
    Limit(key="block", dimension=Dimension.SPEND, ceiling=200, window_s=0),
    Limit(key="warn", dimension=Dimension.SPEND, ceiling=20, window_s=0, blocks=False, resets_at=4_000_000_000),
]
AMOUNTS = st.integers(0, 30) | st.integers(0, 3 * 10**7)
HOLDS = st.lists(st.tuples(st.sampled_from(LIMITS), st.integers(0, 30) | AMOUNTS), min_size=1, max_size=5)
STEPS = st.one_of(
    st.tuples(st.just("reserve"), HOLDS),
    st.tuples(st.just("settle"), st.integers(0, 20), st.dictionaries(st.sampled_from(LIMITS), AMOUNTS)),
    st.tuples(st.just("cancel"), st.integers(0, 20)),
    st.tuples(st.just("wait"), st.floats(0, 2) | st.floats(0, 150) | st.floats(0, 10**5)),
)


async def compare(counters, clock, steps):
    """Does the same with counters in memory and in Redis, and sees the same."""
    memory = MemoryCounters(clock)
    leases = []
    await command(URL, "DEL", *{*await keys_of(counters.own)}.difference(counters.keeps) or ["none"])
    for step, *about in steps:
        if step == "wait":
            clock.now += about[0]
        elif step == "reserve":
            holds = [Hold(limit, amount) for limit, amount in about[0]]
            expected, outcome = memory.try_reserve(holds), await counters.reserve(holds)
            if isinstance(expected, Refusal):
                assert outcome == expected
            else:
                assert outcome.spent == expected.spent
                leases.append((expected, outcome))
        elif leases:
            for lease in leases[about[0] % len(leases)]:
                if step == "settle":
                    lease.settle({limit.key: amount for limit, amount in about[1].items()})
                else:
                    lease.cancel()
        counters._settlements.ship()
        assert await used(counters, *LIMITS) == [memory.used(limit) for limit in LIMITS]


def test_any_order_of_operations_is_the_same_as_in_memory():
    clock, own = Clock(), prefix()
    with asyncio.Runner() as runner:
        counters = runner.run(made(own, clock))

        @given(st.lists(STEPS, max_size=25))
        def check(steps):
            runner.run(compare(counters, clock, steps))

        check()
        runner.run(counters.close())
        runner.run(forget(own))


async def forget(own):
    await command(URL, "DEL", *await keys_of(own), "none")


async def made(own, clock):
    counters = RedisCounters(URL, prefix=own, time=clock, lease_s=10**8, timeout_s=PATIENT_S)
    counters.own = own
    counters.keeps = {own + "marker", own + "settled"}
    await counters.start()
    return counters
