"""`gateway adopt-id`: ids from elsewhere become a key's own."""

import pytest
from sqlalchemy import insert

from gateway.ledger.stored_objects import find, page
from gateway.storage.engine import open_engine, writing
from gateway.storage.tables import identities
from tests.unit.storage.databases import database_url

__all__ = ["database_url"]


@pytest.fixture
def engine(database_url):
    opened = open_engine(database_url)
    yield opened
    opened.dispose()


def held(engine, key, *ids):
    with engine.connect() as connection:
        return {one.id: (one.kind, one.provider) for one in find(connection, key, ids).values()}


def test_each_key_that_is_named_has_the_ids(gateway, engine, database_url):
    ids = ("pmpt_1", "file-1", "vs_1")
    done = gateway("adopt-id", *ids, "--key", "dev", "--key", "ops", "--provider", "openai", "--database", database_url)

    assert (done.code, done.err) == (0, "3 ids of openai for dev, ops.\n")
    kinds = {"pmpt_1": ("prompt", "openai"), "file-1": ("file", "openai"), "vs_1": ("vector_store", "openai")}
    assert held(engine, "dev", *ids) == held(engine, "ops", *ids) == kinds
    with engine.connect() as connection:
        assert [one.id for one in page(connection, "dev", "file", 9, behind=None, ascending=False)] == ["file-1"]


def test_what_an_id_is_has_to_be_said_where_nobody_can_see_it(gateway, engine, database_url):
    arguments = ("adopt-id", "mine", "--key", "dev", "--provider", "ours", "--database", database_url)

    refused = gateway(*arguments)
    assert refused.code == 1
    assert "say with --kind what 'mine' is" in refused.err
    assert gateway(*arguments, "--kind", "file").code == 0
    assert held(engine, "dev", "mine") == {"mine": ("file", "ours")}


def test_a_renamed_key_has_them_under_what_it_is(gateway, engine, database_url):
    with writing(engine) as connection:
        connection.execute(insert(identities), [{"kind": "virtual_keys", "name": "new", "id": "old", "revision": 1}])

    assert gateway("adopt-id", "file-1", "--key", "new", "--provider", "openai", "--database", database_url).code == 0
    assert held(engine, "old", "file-1")
    assert not held(engine, "new", "file-1")
