"""Work that goes on after its request: who looks after it, on both databases."""

import asyncio

import pytest
from sqlalchemy import delete, select, update

from gateway import clock
from gateway.ledger.open_jobs import LEASE_US, Held, JobStore, OpenJob, add, claim, remove, replace
from gateway.ledger.stored_entry import IndexLostError
from gateway.storage.engine import open_engine, writing
from gateway.storage.tables import open_jobs
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
        assert claim(connection, "b", 50, 150) == ([], [])
        assert claim(connection, "a", 50, 120) == ([job(), job("grq_2")], [])
        assert claim(connection, "b", 110, 210) == ([], [])
        replace(connection, job(object_id="batch_1"))
        remove(connection, "grq_2")
        assert claim(connection, "b", 121, 221) == ([job(object_id="batch_1")], [])
        assert claim(connection, "a", 130, 230) == ([], [])
        remove(connection, "grq_1")


UNREADABLE = {
    "torn": '{"id":"grq_1","kind":"ba',
    "no JSON": "",
    "a nesting without end": "[" * 100_000,
    "a member that is missing": '{"id":"grq_1"}',
    "a kind of a newer version": {"kind": "fine_tuning"},
    "an endpoint of a newer version": {"endpoint": "videos"},
}


@pytest.mark.parametrize("written", UNREADABLE.values(), ids=UNREADABLE)
def test_a_row_that_cannot_be_read_stops_no_other_and_waits_for_whoever_can(engine, written):
    with writing(engine) as connection:
        for id_ in ("grq_1", "grq_2", "grq_3"):
            add(connection, job(id_), "gone", 100)
        if isinstance(written, str):
            connection.execute(update(open_jobs).where(open_jobs.c.id == "grq_2").values(job=written))
        else:
            replace(connection, job("grq_2", **written))
        kept = connection.scalar(select(open_jobs.c.job).where(open_jobs.c.id == "grq_2"))

        assert claim(connection, "a", 200, 300) == ([job(), job("grq_3")], ["grq_2"])
        # Nobody has its lease: another process, which may be newer, sees it at once.
        assert claim(connection, "b", 201, 301) == ([], ["grq_2"])
        assert claim(connection, "a", 202, 302) == ([job(), job("grq_3")], ["grq_2"])
        assert connection.scalar(select(open_jobs.c.job).where(open_jobs.c.id == "grq_2")) == kept

        replace(connection, job("grq_2"))
        assert claim(connection, "b", 203, 303) == ([job("grq_2")], [])
        connection.execute(delete(open_jobs))


def test_a_store_writes_reads_and_says_when_it_cannot(engine):
    store, others = JobStore(engine, "a"), JobStore(engine, "b")

    async def use():
        await store.add(job("grq_3"))
        began = job("grq_3", object_id="batch_1")
        await store.replace(began)
        assert await others.claim() == ([], [])
        assert await store.claim() == ([began], [])
        await store.remove("grq_3")
        assert await store.claim() == ([], [])
        away = JobStore(open_engine("sqlite:////nowhere/at/all.db", makes_directory=False), "c")
        with pytest.raises(IndexLostError):
            await away.claim()
        away.close()

    asyncio.run(use())
    store.close()
    others.close()
    assert LEASE_US < 60_000_000 < clock.microseconds()
