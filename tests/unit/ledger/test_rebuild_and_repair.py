"""What is derived from the entries and can be made from them again, on both databases."""

import pytest
from sqlalchemy import text

from gateway.counters.hold import Restored
from gateway.ledger.check import check_sums, mend_sums
from gateway.ledger.rebuild import counters_in_force
from gateway.ledger.recompute import recompute
from gateway.money.budget import CompiledBudget, Scope, Who, counter_key
from gateway.money.cost import STATED, answer_cost
from gateway.money.prices import Price, Rates, Terms, Tier
from gateway.money.window import Window
from gateway.storage.engine import writing
from gateway.telemetry.decision_record import Charge
from gateway.usage import Iteration, Served, Usage
from tests.unit.ledger.ledger_entries import HOUR, NOON, assert_sums_agree, entry, put

NOW = NOON / 1_000_000
ADA = Who(virtual_key="dev", teams=("core",), principal="ada")
BOB = Who(virtual_key="ops", teams=("core",), principal="bób")


def budget(name="cap", **members):
    usual = {"scope": Scope("team", "core"), "window": Window("day"), "limit": 5}
    return CompiledBudget(name=name, **{**usual, **members})


def counter(budget, who, person=None):
    return counter_key(budget, who, person, budget.window.span(NOW).id)


@pytest.mark.parametrize("each", [None, "principal", "virtual_key", "end_user"])
def test_counters_are_what_the_entries_of_their_window_add_up_to(engine, each):
    own, beside = budget(each=each), budget("cap2", each=each)
    ada, bob = counter(own, ADA, "x"), counter(own, BOB, "y")
    put(
        engine,
        entry("grq_1", budgets=(Charge(ada, 3),)),
        entry("grq_2", budgets=(Charge(ada, 4),), occurred_at=NOON - HOUR),
        entry("grq_3", budgets=(Charge(bob, 5), Charge(counter(beside, ADA, "x"), 100))),
        entry("grq_4", budgets=(Charge(ada.replace("2026-01-01", "2025-12-31"), 7),), occurred_at=NOON - 13 * HOUR),
    )
    resets = own.window.span(NOW).end

    with engine.connect() as connection:
        found = counters_in_force(connection, [own], NOW)

    assert found == (
        {ada: Restored(12, resets)} if each is None else {ada: Restored(7, resets), bob: Restored(5, resets)}
    )


def test_more_budgets_than_one_statement_asks_for_are_all_restored(engine):
    many = [budget(f"cap-{number}", each="principal" if number % 2 else None) for number in range(450)]
    charges = tuple(Charge(counter(one, ADA), place + 1) for place, one in enumerate(many))
    put(engine, entry(budgets=charges))

    with engine.connect() as connection:
        found = counters_in_force(connection, many, NOW)

    assert {name: one.spent for name, one in found.items()} == {one.counter: one.amount for one in charges}


TAMPERING = {
    "a sum of spend is another": "UPDATE spend_by_hour SET cost_nano_usd = cost_nano_usd + 5",
    "searches are another number": "UPDATE further_by_hour SET amount = 1",
    "searches of a day are missing": "DELETE FROM further_by_day",
    "a day is missing": "DELETE FROM spend_by_day",
    "charges are missing": "DELETE FROM charged_by_hour",
    "traffic is another": "UPDATE traffic_by_five_minutes SET requests = 9",
    "attempts are missing": "DELETE FROM attempts_by_hour",
}


@pytest.mark.parametrize("statement", TAMPERING.values(), ids=TAMPERING.keys())
def test_sums_are_mended_by_the_entries(engine, statement):
    searched = Usage(input_tokens=5, further={"web_searches": 2})
    put(engine, *(entry(f"grq_{one}", occurred_at=NOON + one * HOUR // 4, usage=searched) for one in range(20)))
    with writing(engine) as connection:
        connection.execute(text(statement))

    with writing(engine) as connection:
        assert check_sums(connection)
        mend_sums(connection)

    assert_sums_agree(engine)


def test_a_period_is_recomputed_without_touching_a_row(engine):
    put(engine, entry("grq_1"), entry("grq_2", team=""), entry("grq_3", occurred_at=NOON - 24 * HOUR))

    with engine.connect() as connection:
        rows = recompute(connection, ("day", "team"), start=NOON - 24 * HOUR, end=NOON + HOUR, cost_of=lambda *_: None)

    assert [(row.group, row.requests, row.charged, row.recomputed, row.unpriced) for row in rows] == [
        (("2025-12-31", "core"), 1, 290_000, 290_000, 1),
        (("2026-01-01", ""), 1, 290_000, 290_000, 1),
        (("2026-01-01", "core"), 1, 290_000, 290_000, 1),
    ]


PRICES = {
    "slow": Price(
        input=1_000, output=1_000, terms=(Terms(by="service_tier", value="priority", per_mille=2_000),), source="x"
    ),
    "clever": Price(input=50_000, output=50_000, web_search=7, source="x"),
    "by request": Price(per_request=7, source="x"),
    "by length": Price(input=1_000, tiers=(Tier(600_000, Rates(input=2_000)),), source="x"),
}


def costs(entry, usage):
    return answer_cost(usage, entry.served, PRICES[entry.model], PRICES.get, entry.model)


@pytest.mark.parametrize(
    ("usage", "served", "recomputed", "unpriced"),
    [
        (Usage(input_tokens=10**6), None, 1_000, 0),
        (Usage(input_tokens=10**6), Served(service_tier="priority"), 2_000, 0),
        (Usage(input_tokens=10**6), Served(service_tier="unheard-of"), 1_000, 1),
        (Usage(input_tokens=10**6), Served(model="clever"), 50_000, 0),
        (Usage(input_tokens=10**6, further={"web_searches": 3}), Served(model="clever"), 50_021, 0),
        (Usage(input_tokens=10**6, further={"web_searches": 3}), None, 1_000, 1),
        (
            Usage(input_tokens=10**6),
            Served(iterations=(Iteration("advisor", Usage(output_tokens=10**6), "clever"),)),
            51_000,
            0,
        ),
        (None, None, 290_000, 0),
        (Usage(), Served(model="by request"), 7, 0),
        (Usage(input_tokens=10**6), Served(model="by length"), 2_000, 0),
        (Usage(input_tokens=10**6), Served(model="by length", longest_prompt=500_000), 1_000, 0),
    ],
)
def test_an_answer_is_recomputed_as_it_was_served(engine, usage, served, recomputed, unpriced):
    put(engine, entry(usage=usage, served=served, model="slow"))

    with engine.connect() as connection:
        (row,) = recompute(connection, (), start=NOON, end=NOON + 1, cost_of=costs)

    assert (row.charged, row.recomputed, row.unpriced) == (290_000, recomputed, unpriced)


def test_what_an_answer_stated_itself_stays(engine):
    put(engine, entry(model="slow", price_source=STATED))

    with engine.connect() as connection:
        (row,) = recompute(connection, (), start=NOON, end=NOON + 1, cost_of=costs)

    assert (row.charged, row.recomputed, row.unpriced, row.stated) == (290_000, 290_000, 0, 1)
