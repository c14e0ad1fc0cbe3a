"""Rates in memory and in Redis, against a plain list of what passed."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.counters import meter as meter_module
from gateway.counters.hold import Dimension, Hold, Limit, Refusal
from gateway.counters.memory import MemoryCounters
from gateway.counters.meter import MOST, Meter
from gateway.counters.redis import RedisCounters
from gateway.counters.redis_holds import SOURCE, pack
from tests.unit.counters.rates import LIMITS, SECOND, STEPS, Clock, keeps_its_promise, spaced
from tests.unit.counters.redis_service import PATIENT_S, URL, Before, command, keys_of, prefix, reachable

needs_redis = [pytest.mark.service, pytest.mark.skipif(not reachable(), reason="Redis cannot be reached")]


@pytest.fixture(params=["memory", pytest.param("redis", marks=needs_redis)])
def rates(request):
    """Runs a check with counters of its own, again and again."""
    with asyncio.Runner() as runner:
        own, clock = prefix(), Clock()
        shared = None
        if request.param == "redis":
            shared = RedisCounters(URL, prefix=own, time=clock, lease_s=10**8, timeout_s=PATIENT_S)
            runner.run(shared.start())

        async def settle(lease, amounts):
            lease.settle(amounts)
            if shared is not None:
                await shared._settlements.drained()

        async def empty():
            if shared is None:
                return MemoryCounters(clock)
            await command(URL, "DEL", *[key for key in await keys_of(own) if not key.endswith("marker")], "none")
            return shared

        def run(check):
            async def with_counters():
                counters = await empty()
                await check(counters.reserve, settle, clock)

            runner.run(with_counters())

        yield run
        if shared is not None:
            runner.run(shared.close())
            runner.run(command(URL, "DEL", *runner.run(keys_of(own)), "none"))


def test_never_more_than_the_ceiling_passes_in_any_window_and_nothing_else_is_refused(rates):
    @given(LIMITS, STEPS)
    def promise(limit, steps):
        rates(lambda *home: keeps_its_promise(*home, limit, steps))

    promise()


@pytest.mark.parametrize(("ceiling", "length"), [(1, 60), (1, 86_400), (3, 60), (50, 86_400), (999, 60)])
def test_whoever_leaves_a_ceiling_th_of_the_window_between_two_requests_is_never_refused(rates, ceiling, length):
    limit = Limit(key="key:a", dimension=Dimension.RPD, ceiling=ceiling, window_s=length)

    async def evenly(reserve, _settle, clock):
        began = clock.at
        for moment in spaced(limit, 2 * ceiling + 3):
            clock.at = began + moment
            assert not isinstance(await reserve([Hold(limit, 1)]), Refusal)

    rates(evenly)


def test_fifty_a_day_are_fifty_in_any_24_hours(rates):
    limit = Limit(key="key:a", dimension=Dimension.RPD, ceiling=50, window_s=86_400)

    async def at_night(reserve, _settle, clock):
        hour = 3_600 * SECOND
        passed = []
        for number in range(100):
            clock.pass_by(hour // 3 if number % 2 else 0)
            if not isinstance(await reserve([Hold(limit, 1)]), Refusal):
                passed.append(clock.at)
        assert len([moment for moment in passed if moment > clock.at - 24 * hour]) == 50

    rates(at_night)


def test_a_meter_is_bounded_whatever_is_given_back():
    many, at = Meter(60 * SECOND), 0
    for at in range(50_000):
        many.take(at, 15_000, 1_000_000)
        many.correct(-14_990, at, at, 1_000_000)
    assert len(many._times) <= MOST
    assert many.total == 500_000

    few = Meter(60 * SECOND)
    for at in range(999):
        few.take(at, 1, 999)
    assert len(few._times) + 1 == 999
    assert few.fits_after(at, 1, 999) == 60 * SECOND - at


@given(st.lists(st.tuples(st.integers(-5, 50), st.integers(0, 3)), max_size=60))
def test_a_clock_that_goes_back_lets_no_more_pass(steps):
    meter, at, passed = Meter(100), 1_000, 0
    for forward, amount in steps:
        at += forward
        if meter.used(at) + amount <= 5:
            meter.take(at, amount, 5)
            passed += amount
        assert meter.total <= 5
    assert sum(meter._amounts) + meter._newest == meter.total <= passed


def test_both_homes_remember_together_alike():
    figures = (meter_module.EXACT_BELOW, meter_module._PARTS, meter_module.MOST)

    assert "local EXACT_BELOW, PARTS, MOST = {}, {}, {}".format(*figures) in SOURCE


LIMIT = Limit(key="key:a:rpm", dimension=Dimension.RPM, ceiling=50, window_s=60)


@pytest.mark.service
@pytest.mark.skipif(not reachable(), reason="Redis cannot be reached")
def test_nodes_of_the_version_before_may_run_beside_until_all_are_new():
    """Each of them counts apart, so that at most twice the ceiling passes; and their leases do not disturb each other."""
    own, clock = prefix(), Clock()

    async def run():
        shared = RedisCounters(URL, prefix=own, time=clock, lease_s=60, timeout_s=PATIENT_S)
        await shared.start()
        before = Before(shared, own, clock).call
        held = pack([(1, "window:60:key:a:rpm", 1, 50, 60), (2, "gauge:key:a:concurrency", 1, 500, 0)])
        gauge = Limit(key="key:a:concurrency", dimension=Dimension.CONCURRENCY, ceiling=500, window_s=0)
        passed = 0
        for number in range(200):
            clock.pass_by(200_000)
            if number % 2:
                passed += (await before("reserve", held, f"lease-{number}"))[0] == 0
            else:
                passed += not isinstance(await shared.reserve([Hold(LIMIT, 1), Hold(gauge, 1)]), Refusal)
        assert passed == 2 * LIMIT.ceiling
        assert await shared.used(gauge) == passed

        await before("settle", pack([("lease-1", [-1, -1])]))
        assert await shared.used(gauge) == passed - 1
        # What nobody renewed is given back by whoever comes next, be it of either version.
        shared._open.clear()
        clock.pass_by(90 * SECOND)
        await before("reserve", held, "last")
        for _ in range(8):
            await shared.reserve([Hold(LIMIT, 1)])
        assert await shared.used(gauge) == 1
        await shared.close()
        await command(URL, "DEL", *await keys_of(own), "none")

    asyncio.run(run())
