"""Questions to the ledger."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.ledger.query import Cursor, Scope, charged, entries, spend, spent
from gateway.ledger.storable import stored_text
from gateway.telemetry.decision_record import Charge
from tests.unit.ledger.ledger_entries import HOUR, NOON, any_entry, entry, put
from tests.unit.storage.databases import empty

FOREVER = {"start": 0, "end": 2 * NOON}


def test_spend_is_grouped_and_ordered(engine):
    put(
        engine,
        entry("grq_1", team="b", model="x", cost_nano_usd=1),
        entry("grq_2", team="a", model="x", cost_nano_usd=10),
        entry("grq_3", team="a", model="y", cost_nano_usd=100),
        entry("grq_4", team="a", model="x", cost_nano_usd=1000, occurred_at=NOON + 5 * HOUR),
        entry("grq_5", team="", model="", cost_nano_usd=0, status=429, outcome="refused"),
    )

    with engine.connect() as connection:
        by_team = spend(connection, ("team",), **FOREVER)
        by_both = spend(connection, ("team", "model"), **FOREVER)
        of_one = spend(connection, ("model",), scope=Scope(team="a"), **FOREVER)
        of_nobody = spend(connection, (), scope=Scope(team=""), **FOREVER)

    assert [(row.group, row.requests, row.cost_nano_usd) for row in by_team] == [
        (("",), 1, 0),
        (("a",), 3, 1110),
        (("b",), 1, 1),
    ]
    assert [(row.group, row.cost_nano_usd) for row in by_both] == [
        (("", ""), 0),
        (("a", "x"), 1010),
        (("a", "y"), 100),
        (("b", "x"), 1),
    ]
    assert [(row.group, row.cost_nano_usd) for row in of_one] == [(("x",), 1010), (("y",), 100)]
    assert [row.requests for row in of_nobody] == [1]


def test_days_are_days_in_utc(engine):
    midnight = NOON + 12 * HOUR
    put(engine, entry("grq_1", occurred_at=midnight - 1), entry("grq_2", occurred_at=midnight))

    with engine.connect() as connection:
        days = spend(connection, ("day", "team"), **FOREVER)
        inside = spend(connection, ("day",), start=midnight - 2, end=midnight + 2)

    assert [row.group for row in days] == [("2026-01-01", "core"), ("2026-01-02", "core")]
    assert [row.group for row in inside] == [("2026-01-01",), ("2026-01-02",)]


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        (NOON - 1, NOON + 2 * HOUR + 1, {"before", "first", "last of hour", "next hour", "third hour"}),
        (NOON, NOON + 2 * HOUR, {"first", "last of hour", "next hour"}),
        (NOON, NOON + HOUR, {"first", "last of hour"}),
        (NOON + 1, NOON + HOUR, {"last of hour"}),
        (NOON, NOON + 1, {"first"}),
        (NOON + 1, NOON + 2, set()),
        (NOON, NOON, set()),
        (NOON + HOUR - 1, NOON + HOUR + 1, {"last of hour", "next hour"}),
        (NOON + HOUR, NOON, set()),
        (NOON - 1, NOON + 1, {"before", "first"}),
        (NOON - 12 * HOUR, NOON + 12 * HOUR, {"before", "first", "last of hour", "next hour", "third hour"}),
        (NOON - 37 * HOUR + 1, NOON + 61 * HOUR, {"before", "first", "last of hour", "next hour", "third hour"}),
        (NOON + 12 * HOUR, NOON + 36 * HOUR, set()),
    ],
)
def test_a_period_has_its_first_microsecond_and_not_its_end(engine, start, end, expected):
    moments = {
        "before": NOON - 1,
        "first": NOON,
        "last of hour": NOON + HOUR - 1,
        "next hour": NOON + HOUR,
        "third hour": NOON + 2 * HOUR,
    }
    put(engine, *(entry(name, occurred_at=at, model=name, end_user="u") for name, at in moments.items()))

    with engine.connect() as connection:
        found = {row.group[0] for row in spend(connection, ("model",), start=start, end=end)}
        total = spent(connection, Scope(), start=start, end=end)
        of_person = spent(connection, Scope(end_user="u"), start=start, end=end)
        charges = charged(connection, ["budget:core:month", "other"], start=start, end=end)

    assert found == expected
    assert total.requests == of_person.requests == len(expected)
    assert total.cost_nano_usd == of_person.cost_nano_usd == 290_000 * len(expected)
    assert charges == ({"budget:core:month": 290_000 * len(expected)} if expected else {})


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    st.lists(any_entry, max_size=12, unique_by=lambda one: one.request_id),
    st.integers(NOON - 60 * HOUR, NOON + 20 * HOUR),
    st.integers(0, 100 * HOUR),
)
def test_any_period_is_the_sum_of_its_entries(engine, known, start, length):
    empty(engine)
    put(engine, *known)
    inside = [one for one in known if start <= one.occurred_at < start + length]

    with engine.connect() as connection:
        total = spent(connection, Scope(provider="openai"), start=start, end=start + length)
        charges = charged(connection, ["one", "two"], start=start, end=start + length)

    of_provider = [one for one in inside if one.provider == "openai"]
    assert total.requests == len(of_provider)
    assert total.cost_nano_usd == sum(one.cost_nano_usd for one in of_provider)
    assert total.usage.reasoning_tokens == sum(one.usage.reasoning_tokens for one in of_provider)
    expected = {}
    for charge in (charge for one in inside for charge in one.budgets):
        expected[charge.counter] = expected.get(charge.counter, 0) + charge.amount
    assert charges == expected


def test_scopes_and_counters_are_found_under_names_of_any_length(engine):
    name = "person" * 100
    put(engine, entry(end_user=name, budgets=(Charge(name, 7),)))

    with engine.connect() as connection:
        assert spent(connection, Scope(end_user=name), **FOREVER).requests == 1
        assert charged(connection, [name], **FOREVER) == {name: 7}
        assert entries(connection, limit=1).entries[0].end_user == stored_text(name)


@pytest.mark.parametrize("newest_first", [True, False])
def test_pages_show_every_entry_once_in_order(engine, newest_first):
    known = [entry(f"grq_{number:02d}", occurred_at=NOON + number // 4) for number in range(23)]
    put(engine, *known)
    seen, cursor = [], None

    with engine.connect() as connection:
        while True:
            page = entries(connection, limit=5, cursor=cursor, newest_first=newest_first)
            seen += [one.request_id for one in page.entries]
            cursor = page.following
            if cursor is None:
                break

    expected = [one.request_id for one in known]
    assert seen == (expected[::-1] if newest_first else expected)


def test_pages_can_be_of_a_scope_and_a_period(engine):
    put(engine, *(entry(f"grq_{n}", occurred_at=NOON + n, team="ab"[n % 2]) for n in range(8)))

    with engine.connect() as connection:
        page = entries(connection, limit=2, scope=Scope(team="a"), start=NOON + 1, end=NOON + 7)
        none = entries(connection, limit=2, cursor=Cursor(0, ""))

    assert [one.request_id for one in page.entries] == ["grq_6", "grq_4"]
    assert page.following == Cursor(NOON + 4, "grq_4")
    assert none.entries == ()
    assert none.following is None
