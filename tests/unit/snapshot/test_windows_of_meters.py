"""Under which window's counter a request counts, whoever asks at the same time about another moment."""

from datetime import UTC, datetime

import pytest

from gateway.money.budget import CompiledBudget, Raised, Scope, Who
from gateway.money.window import Window
from gateway.snapshot.budgets import Meterings, meters

OLD = datetime(2026, 11, 30, 23, 59, 59, tzinfo=UTC).timestamp()
NEW = OLD + 2


class Interrupted(CompiledBudget):
    """A budget of which others ask while its limit is put together, as a thread may be interrupted there."""

    @property
    def ceiling(self):
        if INTERRUPTIONS:
            INTERRUPTIONS.pop()()
        return super().ceiling


INTERRUPTIONS = []


@pytest.mark.looks_inside
def test_a_late_request_in_a_thread_leaves_no_limit_of_its_window_behind():
    budget = Interrupted(name="cap", scope=Scope("virtual_key", "dev"), window=Window("month"), limit=1)
    counted = Meterings(meters([budget], Who(virtual_key="dev")))
    one, other = (counted.of(provider, "m", "chat_completions") for provider in ("openai", "anthropic"))
    during = []
    INTERRUPTIONS.append(lambda: during.extend(limit.key for _, limit in one.limits(NEW, None)))

    late = [limit.key for _, limit in one.limits(OLD, None)]
    afterwards = [limit.key for counting in (one, other) for _, limit in counting.limits(NEW, None)]

    assert late == ["budget:cap:virtual_key=dev:month=2026-11"]
    assert {*during, *afterwards} == {"budget:cap:virtual_key=dev:month=2026-12"}


def test_the_window_at_hand_is_that_of_the_moment():
    window = Window("month")
    (meter,) = meters(
        [CompiledBudget(name="cap", scope=Scope("virtual_key", "dev"), window=window, limit=1)], Who(virtual_key="dev")
    )

    assert [meter.window(at).span for at in (OLD, NEW, NEW, OLD)] == [window.span(at) for at in (OLD, NEW, NEW, OLD)]


def test_a_raise_ends_within_a_window_and_is_for_whom_it_names():
    raises = (Raised("ada", "id-of-ada", 5, OLD), Raised(None, None, 2, OLD + 100), Raised("bob", "bob", 9, NEW + 900))
    budget = CompiledBudget(
        name="own", scope=Scope("tag", "t"), each="principal", window=Window("total"), limit=10, raises=raises
    )

    def ceilings(principal, *moments):
        counting = Meterings(meters([budget], Who(virtual_key="dev", principal=principal, tags=("t",)))).of(
            "p", "m", "e"
        )
        return [limit.ceiling for at in moments for _, limit in counting.limits(at, None)]

    moments = (OLD - 1, OLD, NEW, OLD + 99, OLD + 100, NEW + 899, NEW + 900)
    assert ceilings("id-of-ada", *moments) == [17, 12, 12, 12, 10, 10, 10]
    assert ceilings("bob", *moments) == [21, 21, 21, 21, 19, 19, 10]
    assert ceilings("bob", NEW + 900, OLD - 1, NEW) == [10, 21, 21]
