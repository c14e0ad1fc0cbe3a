"""Reports of spend."""

import csv
import io
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.ledger.period import BadParameterError
from gateway.ledger.query import Scope
from gateway.ledger.report import csv_text, document, read_question, spend_report
from gateway.usage import Usage
from tests.unit.ledger.ledger_entries import HOUR, NOON, any_entry, entry, put
from tests.unit.storage.databases import empty

NOW = datetime(2026, 1, 1, 12, 30, tzinfo=UTC)


def report(engine, **parameters):
    question = read_question({name: [str(value)] for name, value in parameters.items()}, NOW)
    with engine.connect() as connection:
        return spend_report(connection, question)


def groups(found):
    return [row.group for row in found.rows]


@pytest.fixture
def ledger(engine):
    put(
        engine,
        entry("grq_1", team="a", model="x", cost_nano_usd=5, occurred_at=NOON),
        entry("grq_2", team="b", model="y", cost_nano_usd=2**53 + 1, occurred_at=NOON + HOUR // 2),
        entry("grq_3", team="c", model="x", cost_nano_usd=5, occurred_at=NOON - 13 * HOUR),
        entry("grq_4", team="c", model="x", cost_nano_usd=1, occurred_at=NOON),
        entry("grq_5", team="c", model="=1+1", cost_nano_usd=1, occurred_at=NOON, end_user="ada"),
    )
    return engine


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({}, [("b",), ("a",), ("c",)]),
        ({"sort": "requests"}, [("c",), ("a",), ("b",)]),
        ({"sort": "name"}, [("a",), ("b",), ("c",)]),
        ({"limit": 1}, [("b",)]),
        ({"from": "2025-12-31"}, [("b",), ("c",), ("a",)]),
        ({"from": "2025-12-31", "to": "2025-12-31"}, [("c",)]),
        ({"by": "team,model", "team": "c"}, [("c", "=1+1"), ("c", "x")]),
        ({"by": "model, model", "end_user": "ada"}, [("=1+1",)]),
        ({"by": "day", "from": "2025-12-31"}, [("2025-12-31",), ("2026-01-01",)]),
        ({"by": "day,team", "from": "yesterday", "limit": 2}, [("2025-12-31", "c"), ("2026-01-01", "a")]),
        ({"team": "nobody"}, []),
    ],
)
def test_rows(ledger, parameters, expected):
    assert groups(report(ledger, **parameters)) == expected


def test_days_begin_where_the_zones_clocks_say(ledger):
    there = {"timezone": "Pacific/Kiritimati", "from": "2026-01-01", "to": "2026-01-02"}

    found = report(ledger, by="day,team", sort="name", **there)

    assert groups(found) == [("2026-01-01", "c"), ("2026-01-02", "a"), ("2026-01-02", "b"), ("2026-01-02", "c")]
    assert report(ledger, by="team", **there).total == found.total


def test_hours_are_written_by_the_zones_clocks(ledger):
    there = {"timezone": "Asia/Kolkata", "from": "2025-12-31"}

    assert groups(report(ledger, by="hour", **there)) == [
        ("2026-01-01T04:30:00+05:30",),
        ("2026-01-01T17:30:00+05:30",),
    ]
    assert groups(report(ledger, by="hour")) == [("2026-01-01T12:00:00Z",)]


def test_a_request_with_two_tags_is_in_two_rows_and_once_in_the_total(engine):
    put(
        engine,
        entry("grq_1", tags=("env=prod", "app=chat"), cost_nano_usd=5),
        entry("grq_2", tags=("env=prod",), cost_nano_usd=7),
        entry("grq_3", tags=(), cost_nano_usd=1),
    )

    found = report(engine, by="tag")

    assert [(row.group, row.requests, row.cost_nano_usd) for row in found.rows] == [
        (("env=prod",), 2, 12),
        (("app=chat",), 1, 5),
        (("",), 1, 1),
    ]
    assert (found.total.requests, found.total.cost_nano_usd) == (3, 13)


def test_kinds_besides_tokens_are_summed_and_have_a_column_where_there_are_any(engine):
    put(
        engine,
        entry("grq_1", model="a", usage=Usage(input_tokens=1, further={"web_searches": 2})),
        entry("grq_2", model="b", usage=Usage(input_tokens=1, further={"web_searches": 3, "images": 4})),
        entry("grq_3", model="c", occurred_at=NOON - 10 * HOUR),
    )
    found = report(engine, by="model", sort="name")

    rows = list(csv.DictReader(io.StringIO(csv_text(found))))
    assert [(row["model"], row["web_searches"], row["images"]) for row in rows] == [
        ("a", "2", "0"),
        ("b", "3", "4"),
        ("c", "0", "0"),
    ]
    assert document(found)["total"]["further"] == {"web_searches": 5, "images": 4}
    assert "images" not in csv_text(report(engine, model="a"))


def test_more_groups_than_anybody_could_read_are_refused(engine, monkeypatch):
    monkeypatch.setattr("gateway.ledger.report._MOST_GROUPS", 2)
    monkeypatch.setattr("gateway.ledger.report._BEYOND", 3)
    put(engine, *(entry(f"grq_{number}", end_user=f"person {number}") for number in range(3)))

    with pytest.raises(BadParameterError, match="more than 2 groups"):
        report(engine, by="end_user")
    assert len(report(engine, by="end_user", end_user="person 1").rows) == 1


def test_the_total_is_of_all_rows_to_the_last_nano(ledger):
    found = report(ledger, limit=1)

    assert found.left_out == 2
    assert found.total.cost_nano_usd == 2**53 + 1 + 5 + 1 + 1
    assert document(found)["total"]["cost_usd"] == "9007199.254741"


def test_machines_get_whole_nano_and_exact_dollars(ledger):
    rows = list(csv.DictReader(io.StringIO(csv_text(report(ledger, by="model", sort="name")))))

    assert [(row["model"], row["cost_nano_usd"], row["cost_usd"]) for row in rows] == [
        ("'=1+1", "1", "0.000000001"),
        ("x", "6", "0.000000006"),
        ("y", str(2**53 + 1), "9007199.254740993"),
    ]


@pytest.mark.parametrize(
    ("parameters", "at_fault"),
    [
        ({"by": ["colour"]}, "by"),
        ({"by": ["team", "day,'"]}, "by"),
        ({"sort": ["price"]}, "sort"),
        ({"limit": ["0"]}, "limit"),
        ({"limit": ["-1"]}, "limit"),
        ({"limit": ["10001"]}, "limit"),
        ({"limit": ["9" * 5000]}, "limit"),
        ({"limit": ["²"]}, "limit"),
        ({"team": ["a", "b"]}, "team"),
        ({"from": ["x"]}, "from"),
        ({"timezone": ["x"]}, "timezone"),
        ({"by": ["day"], "timezone": ["Asia/Tokyo"], "from": ["2020-01-01"]}, "by"),
        ({"by": ["hour,day"]}, "by"),
        ({"by": ["hour"], "from": ["2025-11-30"]}, "by"),
        ({"by": ["team,end_user"], "from": ["2025-09-30"]}, "by"),
        ({"by": ["tag"], "from": ["2025-09-30"]}, "by"),
    ],
)
def test_a_question_that_cannot_be_asked_names_the_parameter(parameters, at_fault):
    with pytest.raises(BadParameterError) as refused:
        read_question(parameters, NOW)

    assert refused.value.parameter == at_fault


def test_filters_reach_their_dimension():
    names = ("principal", "project", "team", "organization", "provider", "model", "end_user")

    question = read_question({"key": ["k"], **{name: [name] for name in names}}, NOW)

    assert question.scope == Scope(virtual_key="k", **{name: name for name in names})


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    st.lists(any_entry, max_size=10, unique_by=lambda one: one.request_id),
    st.sampled_from(["team", "day", "team,day", "provider,model,day"]),
    st.sampled_from(["UTC", "Asia/Kolkata", "America/New_York"]),
    st.sampled_from(["cost", "requests", "name"]),
)
def test_however_it_is_cut_the_total_is_the_same(engine, known, by, zone, sort):
    empty(engine)
    put(engine, *known)

    found = report(engine, by=by, timezone=zone, sort=sort, **{"from": "2025-12-28", "to": "2026-01-04"})

    assert found.total.requests == len(known) == sum(row.requests for row in found.rows)
    assert found.total.cost_nano_usd == sum(one.cost_nano_usd for one in known)
    assert found.total.usage.reasoning_tokens == sum(one.usage.reasoning_tokens for one in known)
    if sort != "name":
        figures = [row.requests if sort == "requests" else row.cost_nano_usd for row in found.rows]
        assert figures == sorted(figures, reverse=True)
