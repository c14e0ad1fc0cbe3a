"""Work that goes on after its request: who looks after it, on both databases."""

import asyncio

import pytest

from gateway import clock
from gateway.ledger.open_jobs import LEASE_US, Held, JobStore, OpenJob, add, claim, remove, replace
from gateway.ledger.stored_entry import IndexLostError
from gateway.storage.engine import open_engine, writing
from gateway.telemetry.decision_record import DecisionRecord


def job(id_="grq_1", **more):
    record = DecisionRecord(request_id=id_, status=200, outcome="ok", occurred_at=7, tags=("a=b",))
    held = Held("budget:b:2026-11", 5, 10, 99, blocks=True)
    members = {"kind": "batch", "virtual_key": "dev", "provider": "one", "endpoint": "chat_completions", **more}
    return OpenJob(id=id_, record=record, holds=(held,), models=("gpt-5",), **members)


def test_one_process_looks_after_it_until_its_lease_is_over(engine):
    with writing(engine) as connection:
        add(connection, job(), "a", 100)
        add(connection, job("grq_2"), "a", 100)
        assert claim(connection, "b", 50, 150) == []
        assert claim(connection, "a", 50, 120) == [job(), job("grq_2")]
        assert claim(connection, "b", 110, 210) == []
        replace(connection, job(object_id="batch_1"))
        remove(connection, "grq_2")
        assert claim(connection, "b", 121, 221) == [job(object_id="batch_1")]
        assert claim(connection, "a", 130, 230) == []
        remove(connection, "grq_1")


def test_a_store_writes_reads_and_says_when_it_cannot(engine):
    store, others = JobStore(engine, "a"), JobStore(engine, "b")

    async def use():
        await store.add(job("grq_3"))
        began = job("grq_3", object_id="batch_1")
        await store.replace(began)
        assert await others.claim() == []
        assert await store.claim() == [began]
        await store.remove("grq_3")
        assert await store.claim() == []
        away = JobStore(open_engine("sqlite:////nowhere/at/all.db", makes_directory=False), "c")
        with pytest.raises(IndexLostError):
            await away.claim()
        away.close()

    asyncio.run(use())
    store.close()
    others.close()
    assert LEASE_US < 60_000_000 < clock.microseconds()
