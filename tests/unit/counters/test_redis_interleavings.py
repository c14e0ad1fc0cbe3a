"""Whatever order serving, writing, losing and restoring come in: in the end every settlement is counted once."""

import asyncio

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gateway.counters import redis, redis_settlements
from gateway.counters.hold import CountersLost, Hold, Refusal
from gateway.counters.redis import RedisCounters, Spending
from gateway.counters.redis_refusals import RedisAway
from tests.unit.counters.redis_service import (
    BUDGET,
    CONCURRENCY,
    PATIENT_S,
    URL,
    Ledger,
    emptied,
    prefix,
    reachable,
    settled,
    until,
)

pytestmark = [pytest.mark.service, pytest.mark.skipif(not reachable(), reason="Redis cannot be reached")]

NODES = 3
NODE = st.integers(0, NODES - 1)
STEPS = st.one_of(
    st.tuples(st.just("begin"), NODE),
    st.tuples(st.just("end"), NODE),
    st.tuples(st.just("charge"), NODE),
    st.tuples(st.just("enter"), NODE),
    st.tuples(st.just("pass_by"), st.integers(0, 12)),
    st.tuples(st.just("wait"), st.integers(0, 30)),
    st.tuples(st.just("empty"), st.just(0)),
    st.tuples(st.just("break_off"), NODE),
    st.tuples(st.just("forget"), NODE),
    st.tuples(st.just("kill"), NODE),
    st.tuples(st.just("look"), NODE),
    st.tuples(st.just("restore"), NODE),
)


class Nodes:
    """Processes that share counters and a ledger; each writes its entries in its order, some time after they ended."""

    def __init__(self):
        self.ledger, self.prefix = Ledger(), prefix()
        self.served = 0
        self.killed = False
        self.spools = []
        self.tasks = set()
        self.counters = [self.new() for _ in range(NODES)]
        self.open = [[] for _ in range(NODES)]

    def new(self):
        spool = []
        counters = RedisCounters(URL, prefix=self.prefix, ledger=lambda: self.read(spool), timeout_s=PATIENT_S)
        counters.spool = spool
        self.spools.append(counters.spool)
        return counters

    async def start(self):
        for counters in self.counters:
            await counters.start()

    async def read(self, spool):
        """Some time passes before it is read, and before Redis hears of it; who reads has written its own before."""
        await asyncio.sleep(0.001)
        self.write(spool, len(spool))
        state = self.ledger.state()
        await asyncio.sleep(0.002)
        return state

    def write(self, spool, count=1):
        for amount, settled_until in spool[:count]:
            self.ledger.write(amount, settled_until)
        del spool[:count]
        for counters in self.counters:
            counters.recorded(self.ledger.settled)

    def ended(self, counters, amount):
        self.served += amount
        counters.spool.append((amount, counters.settled_until()))

    async def reserve(self, node):
        held = [Hold(CONCURRENCY, 0), Hold(BUDGET, 50)]
        lease = await self.counters[node].reserve(held)
        assert not isinstance(lease, Refusal)
        self.open[node].append((self.counters[node], lease))

    async def take(self, step, about):
        """One step; what takes long goes on beside the next ones."""
        await getattr(self, step)(about)

    def amount(self):
        """Another one each time, so that a sum tells what it is of."""
        return 2 ** (self.served.bit_length() % 20)

    async def begin(self, node):
        self.beside(self.reserve(node))

    async def end(self, node):
        if self.open[node]:
            counters, lease = self.open[node].pop(0)
            if counters is self.counters[node]:
                amount = self.amount()
                lease.settle({BUDGET.key: amount})
                self.ended(counters, amount)

    async def charge(self, node):
        amount = self.amount()
        self.counters[node].charge([(BUDGET, amount)])
        self.ended(self.counters[node], amount)

    async def enter(self, node):
        self.write(self.counters[node].spool)

    async def pass_by(self, turns):
        for _ in range(turns):
            await asyncio.sleep(0)

    async def wait(self, milliseconds):
        await asyncio.sleep(milliseconds / 1000)

    async def empty(self, _):
        self.beside(emptied(self.prefix))

    async def break_off(self, node):
        if (connection := self.counters[node]._usable()) is not None:
            connection.abort(RedisAway("a cable was pulled"))

    async def forget(self, node):
        """As where more was to be kept than may be."""
        self.counters[node]._settlements._kept.clear()

    async def kill(self, node):
        self.killed = True
        self.silence(self.counters[node])
        self.counters[node] = self.new()
        self.beside(self.counters[node].start())

    async def look(self, node):
        self.beside(self.counters[node].restore(self.ledger.state()))

    async def restore(self, node):
        self.beside(self.counters[node].restore_anew())

    def silence(self, counters):
        """It hears and says nothing any more."""
        counters._settlements.stop()
        counters._settlements.ship = counters._settlements.add = lambda *_: None
        if (connection := counters._usable()) is not None:
            connection.abort(RedisAway("killed"))
        self.beside(counters._link.close())

    def beside(self, doing):
        task = asyncio.ensure_future(doing)
        self.tasks.add(task)
        task.add_done_callback(self.over)

    def over(self, task):
        self.tasks.discard(task)
        if not task.cancelled() and (failure := task.exception()) is not None:
            assert isinstance(failure, CountersLost), failure

    async def counts_once(self):
        """Of who lives, before anything more is written; of who was killed, once who looks has found it."""
        while self.tasks:
            await asyncio.sleep(0.005)
        for leases in self.open:
            for counters, lease in leases:
                if counters in self.counters:
                    lease.cancel()
        if not self.killed:
            assert await self.counted() == self.served
        for spool in self.spools:
            self.write(spool, len(spool))
        await self.counters[0].restore(self.ledger.state())
        assert await self.counted() == self.ledger.spent == self.served

    async def counted(self):
        """What Redis says once everybody has settled with it."""

        async def is_back():
            return all([await self.asked(counters) for counters in self.counters])

        await until(is_back)
        for counters in self.counters:
            await settled(counters)
        (spending,) = await self.counters[1].spending([BUDGET])
        return spending.spent

    async def asked(self, counters):
        try:
            await counters.spending([BUDGET])
            lease = await counters.reserve([Hold(BUDGET, 0)])
        except CountersLost:
            return False
        lease.cancel()
        return True

    async def close(self):
        for counters in self.counters:
            await counters.close()
        await emptied(self.prefix)


@pytest.fixture(autouse=True)
def soon(monkeypatch):
    """What others get time for is left to chance."""
    monkeypatch.setattr(redis, "_OTHERS_S", 0.01)
    monkeypatch.setattr(redis, "_LAGGING_S", 0.01)
    monkeypatch.setattr(redis, "_LOOK_EVERY_S", 0.05)
    monkeypatch.setattr(redis, "_POLL_S", 0.002)
    monkeypatch.setattr(redis_settlements, "_RESTORING_S", 0.005)


@settings(max_examples=25)
@given(st.lists(STEPS, min_size=5, max_size=40))
@example([("charge", 0), ("wait", 20), ("enter", 0), ("kill", 0), ("empty", 0), ("charge", 1), ("wait", 30)])
@example([("charge", 0), ("charge", 1), ("charge", 2), ("wait", 30), ("empty", 0), ("wait", 30)])
@example([("begin", 0), ("wait", 20), ("empty", 0), ("end", 0), ("restore", 1), ("enter", 0), ("look", 2)])
def test_every_settlement_counts_once(steps):
    async def run():
        nodes = Nodes()
        try:
            await nodes.start()
            for step, about in steps:
                await nodes.take(step, about)
            await nodes.counts_once()
        finally:
            await nodes.close()

    asyncio.run(run())


def test_sums_say_what_they_are_of():
    async def run():
        nodes = Nodes()
        await nodes.start()
        await nodes.take("charge", 0)
        await nodes.take("charge", 1)
        await nodes.counts_once()
        assert await nodes.counters[2].spending([BUDGET]) == [Spending(3, 0)]
        await nodes.close()

    asyncio.run(run())
