"""Gateways of the version before beside new ones, on one Redis and one ledger: they number nothing of what they settle."""

import asyncio
from contextlib import asynccontextmanager

import pytest

from gateway.counters import redis
from gateway.counters.hold import Dimension, Hold, LedgerState, Limit, Restored
from gateway.counters.redis import Spending
from gateway.counters.redis_holds import pack, pack_holds
from tests.unit.counters.rates import SECOND, Clock
from tests.unit.counters.redis_service import BUDGET, Before, Ledger, opened, prefix, reachable, settled, taken

pytestmark = [pytest.mark.service, pytest.mark.skipif(not reachable(), reason="Redis cannot be reached")]


@pytest.fixture(autouse=True)
def soon(monkeypatch):
    monkeypatch.setattr(redis, "_LAGGING_S", 0.01)


class Fleet:
    """A new gateway and one of the version before."""

    def __init__(self, counters, before, ledger, clock):
        self.counters, self.before, self.ledger, self.clock = counters, before, ledger, clock

    async def serve_before(self, lease, amount):
        """The version before serves a request: it has settled it as soon as what is returned has been awaited."""
        await self.before.call("reserve", pack_holds([Hold(BUDGET, 50)]), lease)
        return self.before.call("settle", pack([(lease, [amount])]))

    async def look(self):
        """Both put off what they hold, as they do each second."""
        await self.before.call("renew", pack(([], [])))
        await self.counters._renew(self.counters._connection, [])

    async def restore(self):
        await self.counters.restore(self.ledger.state())

    async def spending(self):
        await settled(self.counters)
        return (await self.counters.spending([BUDGET]))[0]


@asynccontextmanager
async def fleet():
    own, clock, ledger = prefix(), Clock(), Ledger()
    async with opened(prefix=own, time=clock, ledger=ledger.read) as counters:
        await counters.start()
        both = Fleet(counters, Before(counters, own, clock), ledger, clock)
        await both.look()
        yield both


def test_what_the_version_before_settles_late_counts_once_and_what_it_has_not_written_is_kept():
    async def run():
        async with fleet() as both:
            await (await both.serve_before("unwritten", 7))
            late = await both.serve_before("late", 30)
            both.ledger.write(30, "")
            restoring = asyncio.ensure_future(both.restore())
            await asyncio.sleep(0.1)
            assert not restoring.done()
            await late
            await restoring
            assert await both.spending() == Spending(37, 0)

    asyncio.run(run())


def test_what_the_version_before_never_settles_is_made_up_for_and_all_is_exact_once_it_is_gone(monkeypatch):
    monkeypatch.setattr(redis, "_LAGGING_BESIDE_S", 0.05)

    async def run():
        async with fleet() as both:
            await (await both.serve_before("unwritten", 7))
            killed = await both.serve_before("killed", 30)
            killed.close()
            both.ledger.write(30, "")
            lease = await taken(both.counters, (BUDGET, 50))
            lease.settle({BUDGET.key: 4})
            await both.restore()
            assert await both.spending() == Spending(30, 50)

            both.ledger.write(7, "")
            both.clock.pass_by(61 * SECOND)
            await both.counters._renew(both.counters._connection, [])
            await both.counters.restore(LedgerState({}, {both.counters._process: 0}))
            assert (await both.spending()).spent == 41  # of which the ledger does not have four yet

    asyncio.run(run())


def test_a_counter_that_is_not_there_gets_what_the_ledger_knows_beside_those_that_are_raised(monkeypatch):
    monkeypatch.setattr(redis, "_LAGGING_BESIDE_S", 0.05)
    other = Limit(key="budget:other:2026-11", dimension=Dimension.SPEND, ceiling=1_000_000_000, window_s=0)

    async def run():
        async with fleet() as both:
            await (await both.serve_before("unwritten", 7))
            await both.counters.restore(LedgerState({BUDGET.key: Restored(30, None), other.key: Restored(9, None)}, {}))
            assert await both.counters.spending([BUDGET, other]) == [Spending(30, 0), Spending(9, 0)]

    asyncio.run(run())


def test_counters_are_set_where_nobody_of_the_version_before_is_beside():
    async def run():
        async with fleet() as both:
            both.clock.pass_by(61 * SECOND)
            generation = both.counters._script.generation
            await both.counters.restore(LedgerState({}, {both.counters._process: 0}))
            assert both.counters._script.generation != generation
            generation = both.counters._script.generation
            await both.counters._renew(both.counters._connection, [])
            await both.counters.restore(LedgerState({}, {both.counters._process: 0}))
            assert both.counters._script.generation == generation

    asyncio.run(run())
