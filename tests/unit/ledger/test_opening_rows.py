"""What was spent at LiteLLM so far becomes opening rows of the ledger, once, on both databases."""

from datetime import UTC, datetime

import pytest

from gateway.importers.litellm_spend import openings
from gateway.ledger.check import check_sums, mend_sums
from gateway.ledger.insert import insert_entries
from gateway.ledger.pace import FAST
from gateway.ledger.rebuild import counters_in_force
from gateway.money.budget import CompiledBudget, Scope
from gateway.money.window import Window
from gateway.storage.engine import writing

NOW = datetime(2026, 6, 15, 12, tzinfo=UTC).timestamp()
USD = 10**9


def budget(name, kind, value, window="month", **members):
    return CompiledBudget(name=name, scope=Scope(kind, value), window=Window(window), limit=USD, **members)


MONTH = {"budget_duration": "1mo", "budget_reset_at": "2026-07-01T00:00:00"}
DUMP = {
    "keys": [
        {"key_alias": "ci key", "spend": 1.25, **MONTH},
        {"key_alias": "ended", "spend": 9, "budget_duration": "1mo", "budget_reset_at": "2026-06-01T00:00:00"},
        {"key_alias": "weekly", "spend": 3, "budget_duration": "7d", "budget_reset_at": "2026-06-20T00:00:00"},
        {"key_alias": "unspent", "spend": 0, **MONTH},
        {"key_alias": "broken", "spend": "much"},
        {"key_alias": "without a budget", "spend": 4},
    ],
    "teams": [{"team_id": "core", "spend": 100, "metadata": {"team_member_budget_id": "each"}}],
    "users": [
        {"user_id": "Müller", "spend": 0.0000000001, **MONTH},
        {"user_id": "litellm-proxy-budget", "spend": 700, "budget_duration": "1d", "budget_reset_at": "2026-06-16"},
    ],
    "budgets": [{"budget_id": "each", "max_budget": 5, **MONTH}],
    "team_memberships": [{"team_id": "core", "user_id": "Müller", "spend": 2.5}],
    "end_users": [{"user_id": "person-1", "spend": 0.5}],
    "tags": [{"tag_name": "prod", "spend": 6, **MONTH}],
}
BUDGETS = [
    budget("key-ci-key", "virtual_key", "ci-key"),
    budget("key-ci-key-soft", "virtual_key", "ci-key", blocks=False),
    budget("key-ci-key-hour", "virtual_key", "ci-key", "hour"),
    budget("key-ended", "virtual_key", "ended"),
    budget("key-weekly", "virtual_key", "weekly", "week"),
    budget("key-unspent", "virtual_key", "unspent"),
    budget("key-broken", "virtual_key", "broken", "total"),
    budget("team-core", "team", "core", "total"),
    budget("team-core-openai", "team", "core", "total", provider="openai"),
    budget("team-core-members", "team", "core", each="principal"),
    budget("principal", "principal", "M-ller"),
    budget("everybody", "organization", "acme", "day"),
    budget("end-users", "organization", "acme", "total", each="end_user"),
    budget("tag-prod", "tag", "prod"),
]


def test_budgets_go_on_with_what_was_spent_and_a_second_run_changes_nothing(engine):
    found, told = openings(DUMP, BUDGETS, {}, NOW, 0)
    later, _ = openings(DUMP, BUDGETS, {}, NOW + 40 * 86_400, 0)
    records = [one.record for one in found]

    counts = []
    for some in (records, records, [one.record for one in later]):
        with writing(engine) as connection:
            counts.append(insert_entries(connection, some, FAST))
    with engine.connect() as connection:
        counters = {name: one.spent for name, one in counters_in_force(connection, BUDGETS, NOW).items()}
        assert check_sums(connection) == ()
    with writing(engine) as connection:
        mend_sums(connection)
    with engine.connect() as connection:
        assert {name: one.spent for name, one in counters_in_force(connection, BUDGETS, NOW).items()} == counters

    assert counts == [9, 0, 0]
    spent = {name.split(":")[1]: amount for name, amount in counters.items()}
    assert (
        spent
        == {
            "key-ci-key": 1.25 * USD,
            "key-ci-key-soft": 1.25 * USD,
            "key-weekly": 3 * USD,
            "team-core": 100 * USD,
            "team-core-members": 2.5 * USD,
            "principal": 1,
            "everybody": 700 * USD,
            "end-users": 0.5 * USD,
            "tag-prod": 6 * USD,
        }
        | {}
    )
    assert [note.partition(":")[0] for note in told] == ["keys[0].spend", "keys[1].spend", "keys[4].spend"]


@pytest.mark.parametrize(
    "dump", [None, [], {}, {"keys": "x"}, {"keys": [{"spend": 1}]}, {"teams": [{"team_id": 5, "spend": 1}]}]
)
def test_a_dump_without_sums_opens_nothing(dump):
    assert openings(dump, BUDGETS, {}, NOW, 0)[0] == []


def test_an_opening_row_lies_in_the_window_and_where_the_ledger_keeps_rows():
    begins = {}
    for pruned in (0, int((NOW - 60) * 1_000_000)):
        found, _ = openings(DUMP, BUDGETS, {}, NOW, pruned)
        begins[pruned] = {one.budget: one.record.occurred_at / 1_000_000 for one in found}
    first, second = begins.values()

    assert datetime.fromtimestamp(first["key-ci-key"], UTC) == datetime(2026, 6, 1, tzinfo=UTC)
    assert datetime.fromtimestamp(first["key-weekly"], UTC) == datetime(2026, 6, 15, tzinfo=UTC)
    assert first["team-core"] == NOW
    assert set(second.values()) == {NOW}
