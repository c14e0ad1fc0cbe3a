"""Questions to the ledger."""

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import product
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event, text

from gateway.ledger import finding, pages
from gateway.ledger.query import Cursor, Scope, charged, entries, spend, spent
from gateway.ledger.scope import Fate
from gateway.ledger.storable import stored_text
from gateway.storage.engine import open_engine
from gateway.storage.patience import Patience, TooSlowError, at_most
from gateway.telemetry.decision_record import Charge, DecisionRecord
from gateway.usage import Served
from tests.support.sqlite import migrated
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


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
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


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    known=st.lists(any_entry, max_size=12, unique_by=lambda one: one.request_id),
    by=st.sampled_from(
        [("hour",), ("hour", "team"), ("end_user",), ("served_model", "provider"), ("service_tier", "day"), ("tag",)]
    ),
    start=st.integers(NOON - 30 * HOUR, NOON + 3 * HOUR),
    length=st.sampled_from([0, HOUR // 2, HOUR, 30 * HOUR, 60 * HOUR]),
)
def test_every_dimension_keeps_apart_what_its_entries_say(engine, known, by, start, length):
    empty(engine)
    put(engine, *known)

    with engine.connect() as connection:
        rows = spend(connection, by, start=start, end=start + length)

    def values(one, name):
        moment = f"{datetime.fromtimestamp(one.occurred_at // 1_000_000, UTC):%Y-%m-%dT%H:00:00Z}"
        served = one.served or Served()
        told = {"hour": moment, "day": moment[:10], "served_model": served.model, "service_tier": served.service_tier}
        if name == "tag":
            return sorted(set(one.tags)) or [""]
        return [stored_text(told.get(name, getattr(one, name, None)) or "")]

    expected = {}
    for one in known:
        if start <= one.occurred_at < start + length:
            for group in product(*(values(one, name) for name in by)):
                sums = expected.setdefault(group, Counter())
                sums.update({"requests": 1, "cost": one.cost_nano_usd, "input": one.usage.input_tokens})
                sums.update(one.usage.further or {})
    found = {
        row.group: Counter(
            {
                "requests": row.requests,
                "cost": row.cost_nano_usd,
                "input": row.usage.input_tokens,
                **(row.usage.further or {}),
            }
        )
        for row in rows
    }
    assert [row.group for row in rows] == sorted(expected)
    assert found == expected


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


class Case(NamedTuple):
    """A filter, and which entries it leaves."""

    filters: dict[str, object]
    leaves: Callable[[DecisionRecord], bool]


RARE = [
    Case({"scope": Scope(virtual_key="rare")}, lambda one: one.virtual_key == "rare"),
    Case({"scope": Scope(team="few")}, lambda one: one.team == "few"),
    Case({"fate": Fate(ending="server_error")}, lambda one: one.status == 502),
    Case({"fate": Fate(outcome="refused")}, lambda one: one.outcome == "refused"),
    Case({"fate": Fate(ending="ok"), "scope": Scope(team="few")}, lambda one: one.team == "few" and one.status == 200),
    Case({"fate": Fate(error_code="no_such_model")}, lambda one: one.error_code == "no_such_model"),
    Case(
        {"fate": Fate(ending="server_error"), "scope": Scope(virtual_key="rare")},
        lambda one: one.status == 502 and one.virtual_key == "rare",
    ),
    Case({"trace_id": "feed"}, lambda one: one.trace_id == "feed"),
    Case({"fate": Fate(error_code="never")}, lambda one: one.error_code == "never"),
]


@pytest.fixture(scope="module")
def scattered() -> list[DecisionRecord]:
    """Requests over four days, of which every filter leaves a few."""
    return [
        entry(
            f"grq_{number:03d}",
            occurred_at=NOON + number * HOUR // 2,
            virtual_key="rare" if number % 37 == 0 else f"key-{number % 5}",
            team="few" if number % 41 == 0 else "core",
            trace_id="feed" if number % 60 == 7 else f"{number:032x}",
            **FATES[min(3, number % 29)],
        )
        for number in range(200)
    ]


FATES = [
    {"status": 502, "outcome": "failed"},
    {"status": 403, "outcome": "refused", "error_code": "no_such_model"},
    {"status": 404, "outcome": "failed"},
    {},
]


@pytest.mark.parametrize("newest_first", [True, False])
@pytest.mark.parametrize("nearby", [3, 10_000])
def test_every_filter_shows_each_of_its_entries_once(engine, scattered, monkeypatch, newest_first, nearby):
    monkeypatch.setattr(pages, "_NEARBY", nearby)
    monkeypatch.setattr(finding, "_FEW", 4)
    put(engine, *scattered)
    start, end = NOON + 3 * HOUR, NOON + 95 * HOUR
    known = [one for one in scattered if start <= one.occurred_at < end]

    with engine.connect() as connection:
        for filters, leaves in RARE:
            seen, cursor = [], None
            while True:
                page = entries(
                    connection,
                    limit=2,
                    cursor=cursor,
                    start=start,
                    end=end,
                    newest_first=newest_first,
                    **filters,
                )
                seen += [one.request_id for one in page.entries]
                cursor = page.following
                if cursor is None:
                    break

            expected = [one.request_id for one in known if leaves(one)]
            assert seen == (expected[::-1] if newest_first else expected), filters


@pytest.mark.parametrize(
    ("filters", "index"),
    [
        ({"trace_id": "feed"}, "hour_trace_id"),
        ({"fate": Fate(error_code="no_such_model")}, "hour_trouble"),
        ({"fate": Fate(ending="server_error")}, "hour_trouble"),
        ({"scope": Scope(virtual_key="rare")}, "hour_virtual_key"),
        ({"scope": Scope(team="few"), "fate": Fate(ending="ok")}, "hour_virtual_key"),
    ],
)
def test_what_is_rare_is_found_by_an_index(tmp_path, scattered, monkeypatch, filters, index):
    monkeypatch.setattr(pages, "_NEARBY", 3)
    database = open_engine(migrated(tmp_path / "plans.db"))
    put(database, *scattered)
    asked = []
    event.listen(database, "after_cursor_execute", lambda *told: asked.append(told[2:4]))

    with database.connect() as connection:
        entries(connection, limit=50, **filters)
        statement, parameters = next(one for one in asked if "(occurred_at / 3600000000) IN" in one[0])
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).all()

    assert any(f"ix_ledger_entries_{index} (<expr>=?" in row[3] for row in plan), plan
    database.dispose()


def test_a_question_that_takes_too_long_is_ended(engine):
    endless = text("WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n")

    with engine.connect() as connection, pytest.raises(TooSlowError), at_most(connection, Patience(0.05)):
        connection.execute(endless)
    with engine.connect() as connection, at_most(connection, Patience(5)):
        assert connection.scalar(text("SELECT 1")) == 1
