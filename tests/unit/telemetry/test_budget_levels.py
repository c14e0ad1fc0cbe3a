"""How full a budget is said to be, whatever the order in which requests end."""

import pytest

from gateway import clock
from gateway.telemetry.budget_levels import BudgetLevels

NOW = 1_000
MORNING, EVENING = 2_000, 3_000


@pytest.fixture
def levels(monkeypatch):
    """Words are told one second after the other, from second 100 on."""
    moments = iter(range(100, 200))
    monkeypatch.setattr(clock, "monotonic", lambda: float(next(moments)))
    return BudgetLevels()


def tell(levels, ratio, *, counter="all", resets_at=None, declared="limit 1", began=0.0):
    levels.tell("team", counter, ratio, resets_at, declared, began)


def level(levels, now=NOW):
    return {budget: ratio for budget, ratio, _ in levels.ratios(now)}["team"]


def test_a_word_that_is_older_than_the_last_one_lowers_nothing(levels):
    tell(levels, 0.5, began=90)
    tell(levels, 0.25, began=99)

    assert level(levels) == 0.5


def test_a_counter_that_was_corrected_is_told_by_the_next_request(levels):
    tell(levels, 0.5, began=90)
    tell(levels, 0.25, began=101)

    assert level(levels) == 0.25


def test_the_fullest_of_several_counters_is_told(levels):
    tell(levels, 0.5, counter="ada", began=90)
    tell(levels, 0.25, counter="bob", began=101)

    assert level(levels) == 0.5


@pytest.mark.parametrize("resets_at", [EVENING, None])
def test_a_request_of_the_last_window_says_nothing_of_the_present_one(levels, resets_at):
    tell(levels, 0.9, counter="morning", resets_at=MORNING, began=10)
    tell(levels, 0.1, counter="evening", resets_at=resets_at, began=50)
    tell(levels, 0.95, counter="morning", resets_at=MORNING, began=20)

    assert level(levels) == 0.1
    assert level(levels, MORNING) == 0.1


def test_a_request_of_an_older_file_says_nothing_of_a_budget_declared_anew(levels):
    tell(levels, 0.9, declared="limit 1", began=10)
    tell(levels, 0.09, declared="limit 10", began=50)
    tell(levels, 0.95, declared="limit 1", began=20)

    assert level(levels) == 0.09


def test_a_shorter_window_that_is_declared_anew_counts_although_it_ends_before_the_last_one(levels):
    tell(levels, 0.9, resets_at=EVENING, declared="a day", began=10)
    tell(levels, 0.1, resets_at=MORNING, declared="an hour", began=50)

    assert level(levels) == 0.1


def test_a_window_that_is_over_is_told_as_empty_once(levels):
    tell(levels, 0.9, resets_at=MORNING)

    assert [ratio for _, ratio, _ in levels.ratios(MORNING)] == [0]
    assert list(levels.ratios(MORNING)) == []
