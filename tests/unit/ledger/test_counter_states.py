"""What serving processes hold, told through the database."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from gateway.ledger.counter_states import CounterState, latest, leave, report
from gateway.storage.engine import writing
from gateway.storage.tables import counter_nodes, counter_states
from tests.unit.storage.databases import empty

SECOND = 1_000_000
DAY = 86_400 * SECOND


def tell(engine, node, at, **held):
    with writing(engine) as connection:
        states = [CounterState(counter, spent=7, held=amount, resets_at=None) for counter, amount in held.items()]
        report(connection, node, states, at)


def ask(engine, newer_than, counters=None, **more):
    with engine.connect() as connection:
        return latest(connection, counters, newer_than=newer_than, **more)


def rows(engine):
    table = counter_states.c
    with engine.connect() as connection:
        found = connection.execute(select(table.node, table.counter, table.held, table.reported_at))
        return sorted(tuple(row) for row in found)


def test_what_fresh_nodes_hold_is_summed(engine):
    tell(engine, "n1", 100 * SECOND, a=3, b=1, c=0)
    tell(engine, "n2", 101 * SECOND, a=4)

    found = ask(engine, 95 * SECOND, ["a", "b", "c", "unknown"])

    assert found.held == {"a": 7, "b": 1}
    assert (found.fresh, found.silent) == (("n1", "n2"), ())


def test_silent_nodes_are_left_out_and_named(engine):
    tell(engine, "n1", 100 * SECOND, a=3)
    tell(engine, "n2", 120 * SECOND, a=4)

    found = ask(engine, 110 * SECOND, ["a"])

    assert found.held == {"a": 4}
    assert (found.fresh, found.silent) == (("n2",), ("n1",))


def test_an_unchanged_row_is_not_written_again_and_stays_fresh(engine):
    tell(engine, "n1", 100 * SECOND, a=3, b=1)
    tell(engine, "n1", 200 * SECOND, a=3, b=2)

    assert rows(engine) == [("n1", "a", 3, 100 * SECOND), ("n1", "b", 2, 200 * SECOND)]
    assert ask(engine, 190 * SECOND, ["a", "b"]).held == {"a": 3, "b": 2}


def test_gone_counters_are_deleted_and_other_nodes_left_alone(engine):
    tell(engine, "n1", 100 * SECOND, a=3, b=1)
    tell(engine, "n2", 100 * SECOND, a=4)
    tell(engine, "n1", 101 * SECOND, b=1)

    assert [row[:2] for row in rows(engine)] == [("n1", "b"), ("n2", "a")]


def test_counters_are_found_by_the_beginning_of_their_names(engine):
    states = {"budget:a:": 1, "budget:a:each_principal=x": 2, "budget:a;": 4, "budget:a": 8, "budget:b:": 16}
    tell(engine, "n1", 100 * SECOND, **states)

    assert ask(engine, 0, prefix="budget:a:").held == {"budget:a:": 1, "budget:a:each_principal=x": 2}


def test_more_counters_than_a_statement_carries(engine):
    states = {f"c{number}": 1 for number in range(2_500)}
    tell(engine, "n1", 100 * SECOND, **states)

    assert ask(engine, 0, list(states)).held == states
    tell(engine, "n1", 101 * SECOND)
    assert rows(engine) == []


def test_a_node_that_is_silent_for_a_day_is_forgotten(engine):
    tell(engine, "old", 100 * SECOND, a=3)
    tell(engine, "new", 100 * SECOND + DAY, a=4)
    assert len(rows(engine)) == 2

    tell(engine, "new", 101 * SECOND + DAY, a=4)

    assert [row[0] for row in rows(engine)] == ["new"]
    with engine.connect() as connection:
        assert list(connection.scalars(select(counter_nodes.c.node))) == ["new"]


_reports = st.lists(
    st.tuples(st.sampled_from(["n1", "n2"]), st.dictionaries(st.sampled_from("abc"), st.integers(0, 10**15))),
    min_size=1,
    max_size=6,
)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(_reports)
def test_the_last_report_of_each_node_counts(engine, told):
    empty(engine)
    for second, (node, held) in enumerate(told):
        tell(engine, node, second * SECOND, **held)

    last = dict(told)
    expected = {name: sum(held.get(name, 0) for held in last.values()) for name in "abc"}
    assert ask(engine, 0, list("abc")).held == {name: amount for name, amount in expected.items() if amount}


def test_a_node_that_ends_takes_its_rows_along(engine):
    for node in ("n1", "n2"):
        tell(engine, node, 100 * SECOND, a=3)

    with writing(engine) as connection:
        leave(connection, "n1")

    found = ask(engine, 95 * SECOND, ["a"])
    assert (found.held, found.fresh, found.silent) == ({"a": 3}, ("n2",), ())
    assert rows(engine) == [("n2", "a", 3, 100 * SECOND)]
