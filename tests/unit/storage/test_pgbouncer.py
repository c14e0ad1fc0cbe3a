"""PostgreSQL behind PgBouncer in transaction mode: another server connection may carry each transaction."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import func, select, text

from gateway.ledger.insert import insert_entries
from gateway.ledger.pace import FAST
from gateway.ledger.query import spend
from gateway.storage.engine import open_engine, reading, writing
from gateway.storage.migrate import current_revision, head_revision, upgrade
from gateway.storage.patience import Patience, at_most
from gateway.storage.tables import ledger_entries
from tests.support.pgbouncer import PgBouncer
from tests.unit.ledger.ledger_entries import HOUR, NOON, assert_sums_agree, entry
from tests.unit.storage.databases import postgresql_database

pytestmark = pytest.mark.service

NODES, TURNS = 6, 15


@pytest.fixture
def url(tmp_path):
    with postgresql_database() as behind:
        bouncer = PgBouncer(tmp_path, behind)
        yield bouncer.url
        bouncer.stop()


def test_a_statement_that_is_repeated_is_never_another_s(url):
    def node(number):
        engine = open_engine(url)
        for turn in range(10 * TURNS):
            with engine.begin() as connection:
                assert connection.scalar(text(f"SELECT {number} + :turn"), {"turn": turn}) == number + turn
        engine.dispose()

    with ThreadPoolExecutor(NODES) as threads:
        for done in [threads.submit(node, number) for number in range(NODES)]:
            done.result()


def test_nodes_that_share_connections_write_and_read_what_is_theirs(url):
    def node(number):
        engine = open_engine(url)
        for turn in range(TURNS):
            with writing(engine) as connection:
                own = entry(f"grq_{number}_{turn}", virtual_key=f"key-{number}", cost_nano_usd=1)
                assert insert_entries(connection, [own], FAST) == 1
            with reading(engine) as connection, at_most(connection, Patience(10)):
                found = spend(connection, ("virtual_key",), start=NOON, end=NOON + HOUR)
            assert {row.group: row.requests for row in found}[f"key-{number}",] == turn + 1
        engine.dispose()

    engine = open_engine(url)
    assert upgrade(engine)
    assert current_revision(engine) == head_revision()
    with ThreadPoolExecutor(NODES) as threads:
        for done in [threads.submit(node, number) for number in range(NODES)]:
            done.result()

    with engine.connect() as connection:
        assert connection.scalar(select(func.count()).select_from(ledger_entries)) == NODES * TURNS
    assert_sums_agree(engine)
    engine.dispose()
