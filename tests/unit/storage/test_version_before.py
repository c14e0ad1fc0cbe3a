"""A ledger and a control plane that the version before made and filled, by its own commands and under its own traffic.

It served six calls and two streams of one person, three calls of another, each for a cent, and refused two calls.
"""

from pathlib import Path

import msgspec
import pytest
from sqlalchemy import func, inspect, select, text

from gateway.control_plane import tokens
from gateway.counters.hold import Restored
from gateway.ledger.check import check_sums, mend_sums
from gateway.ledger.prune import prune
from gateway.ledger.query import entries, spend
from gateway.ledger.rebuild import counters_in_force
from gateway.money.budget import CompiledBudget, Scope
from gateway.money.window import Window
from gateway.storage.engine import open_engine, writing
from gateway.storage.migrate import current_revision, upgrade
from gateway.storage.partitions import month_start
from gateway.storage.tables import ledger_entries, resources
from gateway.usage import Usage
from tests.unit.ledger.ledger_entries import HOUR, entry, put
from tests.unit.storage.databases import fill

DUMPS = Path(__file__).parent / "version_before"
CENT = 10_000_000


@pytest.fixture
def before(empty_database_url):
    """Its database, not yet migrated."""
    engine = open_engine(empty_database_url)
    fill(engine, DUMPS)
    assert current_revision(engine) == "console_sessions"
    yield engine
    engine.dispose()


def everything(connection):
    return entries(connection, limit=100, newest_first=False).entries


def test_what_it_kept_is_there_after_the_upgrade(before):
    assert upgrade(before)

    with before.connect() as connection:
        known = everything(connection)
        moment = known[0].occurred_at
        rows = spend(connection, ("team", "end_user"), start=0, end=moment + HOUR)
        cap = CompiledBudget(name="cap", scope=Scope("team", "engineering"), window=Window("month"), limit=1)
        counters = counters_in_force(connection, [cap], moment / 1_000_000)
        assert check_sums(connection) == ()
        assert connection.scalar(select(func.count()).select_from(resources)) == 11
        assert [token.name for token in tokens.all_tokens(connection)] == ["ci"]

    assert len(known) == 13
    assert {(one.served, one.usage.further) for one in known} == {(None, msgspec.UNSET)}
    assert [(row.group, row.requests, row.cost_nano_usd) for row in rows] == [
        (("engineering", "ada"), 10, 8 * CENT),
        (("engineering", "ben"), 3, 3 * CENT),
    ]
    assert list(counters.values()) == [Restored(11 * CENT, cap.window.span(moment / 1_000_000).end)]


def test_what_it_kept_can_be_pruned_and_stays_spent(before):
    upgrade(before)
    cap = CompiledBudget(name="cap", scope=Scope("team", "engineering"), window=Window("month"), limit=1)

    def told():
        with before.connect() as connection:
            rows = spend(connection, ("team", "virtual_key", "day"), start=0, end=moment // HOUR * HOUR + HOUR)
            return rows, counters_in_force(connection, [cap], moment / 1_000_000), check_sums(connection)

    with before.connect() as connection:
        moment = everything(connection)[0].occurred_at
    kept = told()

    assert prune(before, month_start(moment, 1)) == 13

    assert told() == kept
    with writing(before) as connection:
        assert connection.scalar(select(func.count()).select_from(ledger_entries)) == 0
        mend_sums(connection)
    assert told() == kept


def test_it_goes_on_inserting_and_reading_beside_the_new_one(before):
    """With the columns that it knows."""
    columns = ", ".join(column["name"] for column in inspect(before).get_columns("ledger_entries"))
    others = columns.replace("request_id", "request_id || '-again'")
    upgrade(before)
    put(before, entry("grq_new", usage=Usage(input_tokens=1, further={"web_searches": 2})))

    with writing(before) as connection:
        copies = (
            f"INSERT INTO ledger_entries ({columns}) SELECT {others} FROM ledger_entries WHERE team = 'engineering'"  # noqa: S608
        )
        connection.execute(text(copies))
        mend_sums(connection)

    with before.connect() as connection:
        assert connection.scalar(select(func.count()).select_from(ledger_entries)) == 27
        assert connection.execute(text(f"SELECT {columns} FROM ledger_entries")).all()  # noqa: S608 - names of our own
        again = [one for one in everything(connection) if one.request_id.endswith("-again")]
        assert {(one.served, one.usage.further) for one in again} == {(None, msgspec.UNSET)}
        assert check_sums(connection) == ()
