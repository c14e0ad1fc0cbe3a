import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule

from gateway.counters.hold import Dimension, Hold, LedgerState, Limit, Refusal, Restored
from gateway.counters.memory import MemoryCounters, MemoryLease


class Clock:
    def __init__(self, now=1_000_000.0):
        self.now = now

    def __call__(self):
        return self.now


RPM = Limit(key="key:a:rpm", dimension=Dimension.RPM, ceiling=5, window_s=60)
TPM = Limit(key="key:a:tpm", dimension=Dimension.TPM, ceiling=1000, window_s=60)
RPD = Limit(key="key:a:rpd", dimension=Dimension.RPD, ceiling=8, window_s=86_400)
CONCURRENCY = Limit(key="key:a:concurrency", dimension=Dimension.CONCURRENCY, ceiling=2, window_s=0)


@pytest.fixture
def clock():
    return Clock(60_000.0)


@pytest.fixture
def counters(clock):
    return MemoryCounters(clock)


def take(counters, *holds):
    return counters.try_reserve([Hold(limit, amount) for limit, amount in holds])


def test_as_many_as_the_ceiling_pass(counters):
    outcomes = [take(counters, (RPM, 1)) for _ in range(7)]

    assert [isinstance(outcome, Refusal) for outcome in outcomes] == [False] * 5 + [True] * 2
    assert outcomes[5].hold.limit is RPM


def test_reserve_is_the_same_in_a_coroutine(counters):
    outcomes = [asyncio.run(counters.reserve([Hold(RPM, 5)])) for _ in range(2)]

    assert not isinstance(outcomes[0], Refusal)
    assert isinstance(outcomes[1], Refusal)


def test_a_refused_batch_takes_nothing(counters):
    take(counters, (CONCURRENCY, 2))

    assert isinstance(take(counters, (RPM, 1), (TPM, 10), (CONCURRENCY, 1)), Refusal)

    assert [counters.used(limit) for limit in (RPM, TPM, CONCURRENCY)] == [0, 0, 2]


def test_two_holds_of_one_counter_are_held_together(counters):
    assert isinstance(take(counters, (RPM, 3), (RPM, 3)), Refusal)
    assert counters.used(RPM) == 0
    assert not isinstance(take(counters, (RPM, 3), (RPM, 2)), Refusal)


def test_what_was_used_counts_for_a_window_and_no_longer(counters, clock):
    take(counters, (TPM, 600))
    clock.now += 30
    take(counters, (TPM, 300))

    clock.now += 29.999
    assert counters.used(TPM) == 900
    clock.now += 0.001
    assert counters.used(TPM) == 300
    clock.now += 30
    assert counters.used(TPM) == 0


def test_settling_corrects_and_gives_back_once(counters):
    lease = take(counters, (RPM, 1), (TPM, 500), (CONCURRENCY, 1))

    lease.settle({TPM.key: 120})
    lease.settle({TPM.key: 0})
    lease.cancel()

    assert [counters.used(limit) for limit in (RPM, TPM, CONCURRENCY)] == [1, 120, 0]


def test_settling_to_more_than_was_held_counts(counters):
    take(counters, (TPM, 500)).settle({TPM.key: 1500})

    assert counters.used(TPM) == 1500
    assert isinstance(take(counters, (TPM, 1)), Refusal)


def test_cancelling_takes_everything_back_once(counters):
    keep, lease = (take(counters, (RPM, 1), (TPM, 500), (CONCURRENCY, 1)) for _ in range(2))

    lease.cancel()
    lease.cancel()

    assert [counters.used(limit) for limit in (RPM, TPM, CONCURRENCY)] == [1, 500, 1]
    keep.cancel()
    assert [counters.used(limit) for limit in (RPM, TPM, CONCURRENCY)] == [0, 0, 0]


@pytest.mark.parametrize(("later", "used"), [(0, 100), (59.999, 100), (60, 0), (600, 0)])
def test_a_late_settlement_corrects_what_was_held_then(counters, clock, later, used):
    lease = take(counters, (TPM, 900))
    clock.now += later

    lease.settle({TPM.key: 100})

    assert counters.used(TPM) == used


def test_a_late_settlement_leaves_newer_holds_alone(counters, clock):
    lease = take(counters, (TPM, 900))
    clock.now += 130
    take(counters, (TPM, 50))
    clock.now += 50

    lease.cancel()

    assert counters.used(TPM) == 50


def test_a_changed_ceiling_applies_at_once_to_the_same_counter(counters):
    take(counters, (RPM, 5))
    wider = Limit(key=RPM.key, dimension=Dimension.RPM, ceiling=6, window_s=60)

    assert not isinstance(take(counters, (wider, 1)), Refusal)
    assert isinstance(take(counters, (wider, 1)), Refusal)


def test_what_can_never_fit_has_no_time_to_wait_for(counters):
    refusal = take(counters, (RPM, 1), (TPM, 1001))

    assert (refusal.hold.limit, refusal.retry_after_s) == (TPM, None)


def test_nobody_knows_when_others_end(counters):
    take(counters, (CONCURRENCY, 2))
    refusal = take(counters, (RPM, 1), (CONCURRENCY, 1))

    assert (refusal.hold.limit, refusal.retry_after_s) == (CONCURRENCY, None)


def test_the_longest_wait_is_told(counters, clock):
    for _ in range(2):
        take(counters, (RPM, 2), (RPD, 4))
        clock.now += 60
    take(counters, (RPM, 1))

    refusal = take(counters, (RPM, 3), (RPD, 2))

    assert refusal.hold.limit is RPD
    assert refusal.retry_after_s > 60


def test_idle_counters_are_dropped(counters, clock):
    for number in range(9_000):
        take(counters, (Limit(key=f"key:{number}:rpm", dimension=Dimension.RPM, ceiling=1, window_s=60), 1))
    take(counters, (CONCURRENCY, 1)).settle({})
    clock.now += 200
    for _ in range(20_000):
        take(counters, (RPD, 1))

    assert len(counters._meters) < 10
    assert counters._gauges == {}


def limits():
    return st.builds(
        lambda number, ceiling, window: Limit(
            key=f"key:{number}", dimension=Dimension.RPM, ceiling=ceiling, window_s=window
        ),
        st.integers(0, 3),
        st.integers(1, 50),
        st.sampled_from([1, 7, 60, 86_400]),
    )


@given(
    st.lists(limits(), min_size=1, max_size=4, unique_by=lambda limit: limit.key),
    st.floats(0, 10**7),
    st.lists(st.tuples(st.integers(1, 30), st.floats(0, 100)), max_size=40),
    st.integers(1, 30),
)
def test_asking_again_after_the_time_told_succeeds(some, start, takes, asked):
    """And not much earlier: a moment before, it is still refused."""
    clock = Clock(start)
    counters = MemoryCounters(clock)
    for amount, pause in takes:
        take(counters, *((limit, amount) for limit in some))
        clock.now += pause

    refusal = take(counters, *((limit, asked) for limit in some))

    if isinstance(refusal, Refusal) and refusal.retry_after_s is not None:
        told_at = clock.now
        clock.now = told_at + refusal.retry_after_s * 0.99 - 0.001
        if clock.now > told_at:
            assert isinstance(take(counters, *((limit, asked) for limit in some)), Refusal)
        clock.now = told_at + refusal.retry_after_s
        assert not isinstance(take(counters, *((limit, asked) for limit in some)), Refusal)
    elif isinstance(refusal, Refusal):
        assert refusal.hold.limit.ceiling < asked


class Leases(RuleBasedStateMachine):
    """Any order of taking, settling, cancelling and waiting, against a list of what is held."""

    leases = Bundle("leases")

    def __init__(self):
        super().__init__()
        self.clock = Clock(0.0)
        self.counters = MemoryCounters(self.clock)
        self.held = []

    @rule(target=leases, tokens=st.integers(1, 600))
    def reserve(self, tokens):
        free = len(self.held) < CONCURRENCY.ceiling
        lease = take(self.counters, (CONCURRENCY, 1), (TPM, tokens))
        if isinstance(lease, Refusal):
            return None
        assert free
        self.held.append(lease)
        return lease

    @rule(lease=leases, share=st.floats(0, 1))
    def settle(self, lease, share):
        if lease is not None:
            consumed = {hold.limit.key: int(hold.amount * share) for _, hold in lease._metered if hold.limit is TPM}
            lease.settle(consumed)
            self.held = [other for other in self.held if other is not lease]

    @rule(lease=leases)
    def cancel(self, lease):
        if lease is not None:
            lease.cancel()
            self.held = [other for other in self.held if other is not lease]

    @rule(pause=st.floats(0, 150))
    def wait(self, pause):
        self.clock.now += pause

    @invariant()
    def within_bounds(self):
        assert self.counters.used(CONCURRENCY) == len(self.held) <= CONCURRENCY.ceiling
        assert 0 <= self.counters.used(TPM) <= TPM.ceiling


Leases.TestCase.settings = settings(stateful_step_count=40)
TestLeases = Leases.TestCase


def of_person(name, ceiling=10):
    return Limit(
        key=f"budget:cap:team=t:each_end_user={name}",
        dimension=Dimension.SPEND,
        ceiling=ceiling,
        window_s=0,
        resets_at=None,
    )


def test_end_users_beyond_the_bound_share_one_limit(clock, caplog):
    counters = MemoryCounters(clock, most_people=2)
    for name in ("a", "b"):
        take(counters, (of_person(name), 4)).settle({})

    take(counters, (of_person("c"), 6)).settle({})
    refused = take(counters, (of_person("d"), 6))
    cancelled = take(counters, (of_person("e"), 4))

    assert isinstance(refused, Refusal)
    assert (refused.spent, counters.used(of_person("d")), counters.used(of_person("a"))) == (6, 10, 4)
    cancelled.cancel()
    counters.charge([(of_person("f"), 1)])
    assert counters.used(of_person("z")) == 7
    assert isinstance(take(counters, (of_person("a"), 6)), MemoryLease)
    assert caplog.text.count("budget:cap:team=t counts for 2 end users; further ones share one limit") == 1


def test_what_end_users_beyond_the_bound_spent_is_restored_to_what_they_share(clock):
    known = {of_person(name).key: Restored(amount, None) for name, amount in (("a", 1), ("b", 2), ("c", 3), ("d", 4))}
    counters = MemoryCounters(clock, most_people=2)

    for _ in range(2):
        asyncio.run(counters.restore(LedgerState(known)))

    assert [counters.used(of_person(name)) for name in "abcd"] == [1, 2, 7, 7]


def test_counters_of_people_and_budgets_do_not_share(clock):
    counters = MemoryCounters(clock, most_people=1)
    team = Limit(key="budget:team:team=t", dimension=Dimension.SPEND, ceiling=10, window_s=0)
    margin = Limit(key=f"margin:{of_person('b').key}", dimension=Dimension.SPEND, ceiling=10, window_s=0)
    for limit in (of_person("a"), of_person("b"), team, margin):
        take(counters, (limit, 5)).settle({})

    assert [counters.used(limit) for limit in (of_person("a"), of_person("c"), team, margin)] == [5] * 4


def rate_of_person(name, ceiling=10, window_s=60):
    return Limit(key=f"limit:each:end_user={name}:rpm", dimension=Dimension.RPM, ceiling=ceiling, window_s=window_s)


def test_end_users_beyond_the_bound_share_one_rate_limit_until_others_are_gone(clock, caplog):
    counters = MemoryCounters(clock, most_people=2)
    for name in "ab":
        take(counters, (rate_of_person(name), 4))
    shared = take(counters, (rate_of_person("c"), 6))

    assert isinstance(take(counters, (rate_of_person("d"), 6)), Refusal)
    assert isinstance(take(counters, (rate_of_person("a"), 6)), MemoryLease)
    shared.settle({rate_of_person("c").key: 1})
    assert [counters.used(rate_of_person(name)) for name in "abcd"] == [10, 4, 1, 1]
    assert caplog.text.count("limit:each:rpm counts for 2 end users; further ones share one limit") == 1
    clock.now += 61
    for name in "cd":
        take(counters, (rate_of_person(name), 6))
    assert [counters.used(rate_of_person(name)) for name in "abcd"] == [0, 0, 6, 6]
