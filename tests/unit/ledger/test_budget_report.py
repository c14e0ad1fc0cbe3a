"""Where budgets stand."""

from datetime import UTC, datetime

import pytest

from gateway.ledger.budget_report import budget_report, document
from gateway.ledger.counter_states import CounterState, report
from gateway.money.budget import CompiledBudget, Scope, Who, counter_key
from gateway.money.window import Window
from gateway.storage.engine import writing
from gateway.telemetry.decision_record import Charge
from tests.unit.ledger.ledger_entries import HOUR, NOON, entry, put

NOW = NOON / 1_000_000 + 600


def budget(name="monthly", kind="team", value="core", limit=100, window="month", zone="UTC", **members):
    scope = Scope(kind, value)
    return CompiledBudget(name=name, scope=scope, window=Window(window, zone), limit=limit, **members)


def counter(of, at=NOON, principal="ada", end_user="u"):
    window_id = of.window.window_id(datetime.fromtimestamp(at / 1_000_000, UTC))
    return counter_key(of, Who(virtual_key="k", principal=principal), end_user, window_id)


def charge(engine, *charges, at=NOON):
    put(engine, entry(f"grq_{at}_{len(charges)}", occurred_at=at, budgets=tuple(Charge(*one) for one in charges)))


def hold(engine, node, at, **held):
    with writing(engine) as connection:
        states = [CounterState(name, spent=0, held=amount, resets_at=None) for name, amount in held.items()]
        report(connection, node, states, int(at * 1_000_000))


def ask(engine, *budgets, **more):
    with engine.connect() as connection:
        return budget_report(connection, budgets, now=NOW, **more)


@pytest.mark.parametrize(
    ("limit", "spent", "percent", "state"),
    [
        (100, 0, 0, "ok"),
        (100, 79, 79, "ok"),
        (1000, 799, 79, "ok"),
        (100, 80, 80, "warning"),
        (1000, 999, 99, "warning"),
        (100, 100, 100, "exceeded"),
        (100, 250, 250, "exceeded"),
        (0, 0, 100, "exceeded"),
        (2**63 - 1, 10**18, 10, "ok"),
    ],
)
def test_states(engine, limit, spent, percent, state):
    one = budget(limit=limit)
    charge(engine, (counter(one), spent))

    (row,) = ask(engine, one).rows

    assert (row.spent, row.percent, row.state) == (spent, percent, state)


@pytest.mark.parametrize("window", ["minute", "hour", "day", "week", "month", "total", "manual"])
@pytest.mark.parametrize("zone", ["UTC", "Asia/Kolkata"])
def test_only_the_present_window_counts(engine, window, zone):
    one = budget(window=window, zone=zone)
    now = NOON + 600_000_000
    start = one.window.span(NOW).start * 1_000_000
    charge(engine, (counter(one, now), 5), at=now)
    if start > 0:
        charge(engine, (counter(one, start - 1), 70), at=start - 1)
        charge(engine, (counter(one, start), 3), (counter(one, start), 8), at=start)

    (row,) = ask(engine, one).rows

    assert row.spent == (16 if start > 0 else 5)


def test_everyone_of_a_budget_with_each_busiest_first(engine):
    one = budget(each="principal")
    other = budget("monthly2", each="principal")
    names = {"ada": 10, "böb:=%": 30, "": 20}
    charge(engine, *((counter(one, principal=name), amount) for name, amount in names.items()), (counter(other), 99))
    charge(engine, (counter(one, NOON - 24 * HOUR, "early"), 50), at=NOON - 24 * HOUR)

    all_of_them, two = ask(engine, one), ask(engine, one, limit=2)

    assert [(row.who, row.spent) for row in all_of_them.rows] == [("böb:=%", 30), ("", 20), ("ada", 10)]
    assert all_of_them.left_out == {}
    assert [row.who for row in two.rows] == ["böb:=%", ""]
    assert two.left_out == {"monthly": 1}


def test_people_of_very_long_names_have_their_rows(engine):
    one = budget(each="end_user", value="t" * 128)
    charge(engine, (counter(one, end_user="ü" * 200), 10), (counter(one, end_user="ü" * 201), 20))

    rows = ask(engine, one).rows

    assert [row.spent for row in rows] == [20, 10]
    assert all(row.who.startswith("ü") for row in rows)


def test_a_budget_that_nobody_was_charged_under_has_a_row(engine):
    rows = ask(engine, budget(each="end_user"), budget("other")).rows

    assert [(row.budget.name, row.who, row.spent, row.held) for row in rows] == [
        ("monthly", None, 0, None),
        ("other", None, 0, None),
    ]


def test_what_fresh_nodes_hold_is_reserved(engine):
    one, each = budget(), budget("people", each="principal")
    charge(engine, (counter(one), 1), (counter(each), 2))
    hold(engine, "n1", NOW - 9, **{counter(one): 30, counter(each): 3})
    hold(engine, "n2", NOW - 1, **{counter(one): 12})
    hold(engine, "gone", NOW - 11, **{counter(one): 1000})

    found = ask(engine, one, each, budget("third"))

    assert [row.held for row in found.rows] == [42, 3, 0]
    assert found.silent == ("gone",)


def test_where_no_process_tells_the_reserved_is_unknown(engine):
    hold(engine, "gone", NOW - 11, **{counter(budget()): 1000})

    found = document(ask(engine, budget()))

    assert found["budgets"][0]["reserved_nano_usd"] is None
    assert found["silent_nodes"] == ("gone",)


def test_moments_are_told_by_the_clocks_of_the_budgets_zone(engine):
    (one,) = document(ask(engine, budget(window="day", zone="America/New_York", limit=1_500_000_000)))["budgets"]

    assert (one["window_id"], one["starts_at"], one["resets_at"]) == (
        "2026-01-01",
        "2026-01-01T00:00:00-05:00",
        "2026-01-02T00:00:00-05:00",
    )
    assert (one["limit_nano_usd"], one["limit_usd"]) == (1_500_000_000, "1.5")
