"""The index of what providers keep: whose an id is, who holds it, and what is said while nobody can tell."""

import asyncio

import pytest

from gateway import clock
from gateway.ledger.counter_states import report
from gateway.ledger.object_index import ObjectIndex
from gateway.ledger.spool import Spool
from gateway.ledger.stored_entry import IndexLostError, StoredObject, decode, encode, is_encoded
from gateway.ledger.stored_objects import find, keep, page
from gateway.ledger.writer import LedgerWriter
from gateway.storage.engine import open_engine, writing
from tests.unit.ledger.ledger_entries import payload


def stored(id_="resp_1", **members):
    usual = {"kind": "response", "virtual_key": "dev", "provider": "openai", "created_at": 1}
    return StoredObject(id=id_, **{**usual, **members})


def write(engine, *objects):
    with writing(engine) as connection:
        keep(connection, objects)


def found(engine, *ids, key="dev"):
    with engine.connect() as connection:
        return find(connection, key, ids)


def test_an_id_belongs_to_the_key_that_made_it(engine):
    write(engine, stored(), stored(virtual_key="other", provider="azure"))

    assert found(engine, "resp_1", "resp_2") == {"resp_1": stored()}
    assert found(engine, "resp_1", key="other")["resp_1"].provider == "azure"
    assert found(engine, "resp_1", key="third") == {}


def test_of_two_entries_of_one_id_the_later_counts(engine):
    write(engine, stored(), stored(provider="azure"))
    assert found(engine, "resp_1")["resp_1"].provider == "azure"
    write(engine, stored(is_gone=True), stored("resp_2"), stored("resp_2", is_gone=True))
    assert found(engine, "resp_1", "resp_2") == {}


def test_many_ids_are_found_at_once(engine):
    write(engine, *(stored(f"msg_{number}") for number in range(1200)))

    assert len(found(engine, *(f"msg_{number}" for number in range(1300)))) == 1200


def test_pages_go_both_ways_through_one_kind_of_one_key(engine):
    write(engine, *(stored(f"f{number}", kind="file", created_at=number // 2) for number in range(6)))
    write(engine, stored("other", virtual_key="other", kind="file"), stored("response"))

    def ids(behind=None, *, ascending=False, limit=4):
        with engine.connect() as connection:
            return [one.id for one in page(connection, "dev", "file", limit, behind=behind, ascending=ascending)]

    assert ids() == ["f5", "f4", "f3", "f2"]
    assert ids(stored("f2", created_at=1)) == ["f1", "f0"]
    assert ids(stored("f2", created_at=1), ascending=True) == ["f3", "f4", "f5"]


def test_an_id_is_what_the_database_takes_however_long_it_is(engine):
    long = "x" * 300
    write(engine, stored(long))
    assert found(engine, long)[long].id == long


def test_an_entry_of_the_spool_is_told_from_a_record():
    assert decode(encode(stored())) == stored()
    assert is_encoded(encode(stored()))
    assert not is_encoded(payload())


def run(spool, engine, work, **more):
    """Does some work with an index whose writer runs, and ships everything."""

    async def all_of_it():
        writer = LedgerWriter(spool, engine, **more)
        writer.start()
        index = ObjectIndex(writer, engine)
        try:
            return await work(index)
        finally:
            index.close()
            await writer.close(30)

    return asyncio.run(all_of_it())


@pytest.fixture
def spool(tmp_path):
    opened = Spool(tmp_path / "spool", max_bytes=2**20)
    yield opened
    opened.close()


def test_what_is_remembered_is_in_the_database_beside_the_ledgers_entries(engine, spool):
    async def work(index):
        spool.append(payload())
        await index.remember([stored(), stored("resp_2")])
        index.note([stored(is_gone=True)])
        assert await index.find("dev", ["resp_1", "resp_2"]) == {"resp_2": stored("resp_2")}

    run(spool, engine, work)
    assert found(engine, "resp_1", "resp_2") == {"resp_2": stored("resp_2")}
    assert spool.depth == 0


def test_whoever_asks_another_node_finds_it_at_once(engine, spool):
    async def work(index):
        # It polls once in an hour: that it is woken is what is asked here. A slow machine may take longer than the wait.
        await index.remember([stored()])
        while not await asyncio.to_thread(found, engine, "resp_1"):
            await asyncio.sleep(0.01)

    run(spool, engine, work, poll_s=3600)


def test_while_the_database_is_away_this_node_alone_serves_the_id(tmp_path, spool):
    away = open_engine("postgresql://nobody@127.0.0.1:1/nowhere")

    async def work(index):
        await index.remember([stored()])
        assert await index.find("dev", ["resp_1"]) == {"resp_1": stored()}
        for lost in (index.find("dev", ["resp_2"]), index.page("dev", "file", 1, behind=None, ascending=False)):
            with pytest.raises(IndexLostError):
                await lost
        with pytest.raises(IndexLostError):
            await ObjectIndex(index._writer, away).find("dev", ["resp_1"])

    async def all_of_it():
        writer = LedgerWriter(spool, away)
        index = ObjectIndex(writer, away)
        writer.start()
        await work(index)
        index.close()
        await writer.close(0)

    asyncio.run(all_of_it())
    away.dispose()
    assert spool.depth == 1


def test_an_id_is_unknown_for_certain_only_while_every_node_is_heard_of(engine, spool):
    def heard(ago_s):
        with writing(engine) as connection:
            report(connection, "elsewhere:1", [], clock.microseconds() - int(ago_s * 1e6))

    async def work(index):
        heard(1)
        assert await index.find("dev", ["resp_1"]) == {}
        heard(60)
        with pytest.raises(IndexLostError):
            await index.find("dev", ["resp_1"])
        heard(3600)
        assert await index.find("dev", ["resp_1"]) == {}

    run(spool, engine, work)
