"""Under which window's counter a request counts, whoever asks at the same time about another moment."""

from datetime import UTC, datetime

import pytest

from gateway.money.budget import CompiledBudget, Scope, Who
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
