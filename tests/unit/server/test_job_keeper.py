"""Who looks after what goes on at providers: each of it is charged once, whatever comes in between."""

import asyncio
import re

import pytest

from gateway.counters.memory import MemoryCounters
from gateway.ledger.open_jobs import Claimed, OpenJob
from gateway.pipeline.deferred import Outcome
from gateway.server import job_keeper
from gateway.server.job_keeper import JobKeeper
from gateway.telemetry.decision_record import DecisionRecord
from gateway.telemetry.metrics import Metrics


def job(id_):
    record = DecisionRecord(request_id=id_, status=200, outcome="ok", occurred_at=1)
    members = {"kind": "batch", "virtual_key": "dev", "provider": "one", "endpoint": "responses"}
    return OpenJob(id=id_, object_id=f"at-{id_}", record=record, **members)


class Store:
    """A table in memory; `claims` is awaited by a claim that has read it already."""

    def __init__(self, *ids):
        self.rows = {one: job(one) for one in ids}
        self.claims = None
        self.unreadable = []
        self.fails = False

    async def add(self, one):
        self.rows[one.id] = one
        if self.fails:
            await asyncio.sleep(60)

    async def replace(self, one):
        self.rows[one.id] = one

    async def remove(self, id_):
        self.rows.pop(id_, None)

    async def claim(self):
        rows = list(self.rows.values())
        if self.claims is not None:
            await self.claims.wait()
        return Claimed(rows, self.unreadable)

    def close(self):
        pass


class World:
    """Services and a snapshot, of which a keeper that is told what `look` sees uses hardly anything."""

    def __init__(self):
        self.counters, self.metrics = MemoryCounters(), Metrics()

    current = None


@pytest.fixture
def seen(monkeypatch):
    """What `look` says, by id, once `may_look` is set; and what was charged."""

    class Seen:
        def __init__(self):
            self.says, self.charged, self.may_look = {}, [], asyncio.Event()

    seen = Seen()

    async def look(one, _snapshot, _services):
        said = seen.says.get(one.id)
        await seen.may_look.wait()
        if isinstance(said, Exception):
            raise said
        return said

    monkeypatch.setattr(job_keeper, "look", look)
    monkeypatch.setattr(job_keeper, "conclude", lambda one, *_: seen.charged.append(one.id))
    return seen


async def keeping(store, interval_s=0.01):
    keeper = JobKeeper(store, interval_s)
    await keeper.start(World(), World())
    return keeper


async def until(found):
    async with asyncio.timeout(5):
        while not found():
            await asyncio.sleep(0.005)


def test_two_who_look_at_once_charge_once(seen):
    async def use():
        store = Store("a")
        seen.says = {"a": Outcome()}
        keeper = await keeping(store)
        await asyncio.sleep(0.05)  # the keeper is looking
        asked = asyncio.ensure_future(keeper.seen("at-a"))
        await asyncio.sleep(0)
        seen.may_look.set()
        await asked
        await until(lambda: not store.rows)
        await keeper.close()

    asyncio.run(use())
    assert seen.charged == ["a"]


def test_what_another_took_over_meanwhile_is_charged_there(seen):
    async def use():
        store = Store("a")
        seen.says = {"a": Outcome()}
        keeper = await keeping(store, 60)
        asked = asyncio.ensure_future(keeper.seen("at-a"))
        await asyncio.sleep(0)
        store.rows.clear()
        await keeper._claim(World())
        seen.may_look.set()
        await asked
        await keeper.close()

    asyncio.run(use())
    assert seen.charged == []


def test_a_claim_under_way_brings_nothing_back(seen):
    async def use():
        store = Store("a", "b")
        seen.says = {"a": Outcome()}
        seen.may_look.set()
        keeper = await keeping(store, 60)
        store.claims = asyncio.Event()
        claiming = asyncio.ensure_future(keeper._claim(World()))
        await asyncio.sleep(0)
        await keeper.seen("at-a")
        await keeper.drop(job("b"))
        store.claims.set()
        await claiming
        await keeper.seen("at-a")
        assert not keeper._watched
        await keeper.close()

    asyncio.run(use())
    assert seen.charged == ["a"]


def test_an_answer_that_nobody_understands_holds_up_no_other(seen, caplog):
    async def use():
        store = Store("a", "b")
        seen.says = {"a": ValueError("odd"), "b": Outcome()}
        seen.may_look.set()
        keeper = await keeping(store, 0.2)
        await until(lambda: list(store.rows) == ["a"])
        await keeper.close()

    asyncio.run(use())
    assert seen.charged == ["b"]
    assert caplog.text.count("at-a at one cannot be understood") == 1


def test_what_cannot_be_charged_is_tried_again_after_a_while_and_holds_up_no_other(seen, monkeypatch):
    tried = []

    def conclude(one, *_):
        tried.append(one.id)
        if one.id == "a":
            raise ValueError("a defect")

    monkeypatch.setattr(job_keeper, "conclude", conclude)

    async def use():
        store = Store("a", "b")
        seen.says = {"a": Outcome(), "b": Outcome()}
        seen.may_look.set()
        keeper = await keeping(store, interval_s=0.3)
        await until(lambda: "b" not in store.rows and "a" in tried)
        await asyncio.sleep(0.1)
        assert tried.count("a") == 1
        await until(lambda: tried.count("a") == 2)
        await keeper.close()

    asyncio.run(use())


def test_who_leaves_before_it_is_written_down_leaves_nothing(seen):
    async def use():
        store = Store()
        store.fails = True
        keeper = await keeping(store, 0.01)
        opening = asyncio.ensure_future(keeper.open(job("a"), None))
        await asyncio.sleep(0)
        opening.cancel()
        with pytest.raises(asyncio.CancelledError):
            await opening
        assert store.rows
        await until(lambda: not store.rows)
        await keeper.close()

    asyncio.run(use())
    assert seen.charged == []


def test_what_cannot_be_read_is_told_once_and_counted_until_it_can(seen, caplog):
    def counted(world):
        told = world.metrics.render(private=False).decode()
        return re.search(r"^gateway_open_jobs_unreadable (\S+)$", told, re.MULTILINE)[1]

    async def use():
        store, world = Store("a"), World()
        store.unreadable = ["b", "c"]
        seen.says = {"a": Outcome()}
        seen.may_look.set()
        keeper = JobKeeper(store, 0.01)
        await keeper.start(world, world)
        await until(lambda: not store.rows)
        await keeper._claim(world)
        assert counted(world) == "2.0"
        store.unreadable = []
        await keeper._claim(world)
        assert counted(world) == "0.0"
        await keeper.close()

    asyncio.run(use())
    assert seen.charged == ["a"]
    told = [one.getMessage() for one in caplog.records if one.levelname == "ERROR"]
    assert [one.split()[0] for one in told] == ["b", "c"]
