"""When a provider is left alone, for how long, and who decides that it is well again."""

import pytest

from gateway import clock
from gateway.upstream.circuit_breaker import ALONE_OPEN_S, KEYS_OPEN, CircuitBreakers, Thresholds

RULE = Thresholds(failures=10, window_s=30, open_s=60)


class Circuits:
    """Breakers at a provider, and a clock that stands still."""

    def __init__(self):
        self.now = 1000.0
        self.breakers = CircuitBreakers()

    def admit(self, key=None, *, alone=False):
        return self.breakers.admit("openai", key, RULE, alone=alone)

    def call(self, end, *arguments, key=None):
        getattr(self.admit(key), end)(*arguments)

    def is_open(self):
        return self.breakers.open_circuits() == ["openai"]


@pytest.fixture
def circuits(monkeypatch):
    made = Circuits()
    monkeypatch.setattr(clock, "monotonic", lambda: made.now)
    return made


@pytest.fixture
def opened(circuits):
    for _ in range(10):
        circuits.call("failed")
    assert circuits.is_open()
    return circuits


@pytest.mark.parametrize(
    ("good", "bad", "opens"),
    [(0, 9, False), (0, 10, True), (10, 10, True), (11, 10, False), (400, 10, False), (12, 12, True)],
)
def test_it_takes_a_number_and_a_share(circuits, good, bad, opens):
    for _ in range(good):
        circuits.call("succeeded")
    for _ in range(bad):
        circuits.call("failed")

    assert circuits.is_open() == opens
    assert (circuits.admit() is None) == opens


def test_that_it_opens_and_closes_is_told_once_each_with_the_reason(circuits, caplog):
    caplog.set_level("INFO", "gateway.upstream.circuit_breaker")
    for outcome in ("connect",) * 9 + ("503",) * 3:
        if (permit := circuits.admit()) is not None:
            permit.failed(None, outcome)
    for end in ("failed", "succeeded"):
        circuits.now += RULE.open_s
        circuits.call(end)

    assert caplog.messages == [
        "the provider openai is left alone for 60 s: 10 of 10 calls failed within 30 s, the last with 503",
        "the provider openai answers again",
    ]


def test_a_key_s_own_circuit_is_told_by_nobody(circuits, caplog):
    for number in range(RULE.failures):
        circuits.call("took_too_long", number, key="dev")

    assert caplog.messages == []


def test_what_is_older_than_the_window_counts_no_more(circuits):
    for _ in range(9):
        circuits.call("failed")
    circuits.now += 40
    for _ in range(9):
        circuits.call("failed")
    assert not circuits.is_open()
    circuits.now += 25
    circuits.call("failed")

    assert circuits.is_open()


def test_one_request_that_fails_again_and_again_counts_once(circuits):
    for _ in range(100):
        circuits.call("failed", "poison")
    assert not circuits.is_open()

    for number in range(9):
        circuits.call("failed", number)

    assert circuits.is_open()


def test_a_request_that_others_could_answer_waits_longer_than_one_that_nobody_else_could(opened):
    opened.now += ALONE_OPEN_S - 0.1
    assert opened.admit(alone=True) is None
    assert 0 < opened.breakers.retry_after_s("openai", None) <= 0.2
    opened.now += 0.2
    assert opened.admit() is None

    probe = opened.admit(alone=True)
    assert probe is not None
    assert opened.admit(alone=True) is None
    probe.succeeded()

    assert opened.admit() is not None


def test_without_traffic_it_is_open_for_its_time(opened):
    opened.now += 59.9
    assert opened.is_open()
    opened.now += 0.2

    assert not opened.is_open()
    assert opened.breakers.states() == {"openai": False}
    opened.admit()
    assert opened.is_open()  # while one probes


@pytest.mark.parametrize("end", ["succeeded", "failed", "abandoned"])
def test_only_the_probe_decides(circuits, end):
    before = circuits.admit()
    for _ in range(10):
        circuits.call("failed")
    circuits.now += 61
    probe = circuits.admit()

    getattr(before, end)()

    assert circuits.admit() is None
    probe.succeeded()
    assert circuits.admit() is not None


def test_a_probe_that_fails_opens_anew_and_one_that_is_abandoned_leaves_it_to_the_next(opened):
    opened.now += 61
    opened.call("failed")
    opened.now += 59
    assert opened.admit() is None
    opened.now += 2

    opened.call("abandoned")

    assert opened.admit() is not None


def test_an_answer_that_breaks_off_counts_once_as_a_call(circuits):
    for _ in range(10):
        circuits.call("succeeded")
        circuits.breakers.broke_off("openai", RULE)

    assert circuits.is_open()


def test_deadlines_of_a_key_open_its_own_circuit_alone(circuits):
    for number in range(10):
        circuits.call("took_too_long", number, key="hasty")

    assert circuits.admit("hasty") is None
    assert circuits.breakers.retry_after_s("openai", "hasty") == ALONE_OPEN_S
    assert circuits.admit("other") is not None
    assert circuits.admit() is not None
    assert not circuits.is_open()
    circuits.now += 61
    circuits.call("succeeded", key="hasty")
    assert circuits.admit("hasty") is not None


def test_a_key_without_a_deadline_of_its_own_speaks_for_the_provider(circuits):
    for number in range(10):
        circuits.call("took_too_long", number)

    assert circuits.is_open()


def test_three_keys_whose_own_are_open_open_the_providers(circuits):
    for key in range(KEYS_OPEN):
        assert not circuits.is_open()
        for number in range(10):
            circuits.call("took_too_long", number, key=f"key-{key}")

    assert circuits.is_open()
    assert circuits.admit("another") is None


def test_failures_of_the_provider_count_for_all_and_not_for_the_keys_own(circuits):
    for _ in range(10):
        circuits.call("failed", key="hasty")
    circuits.now += 61
    circuits.call("succeeded", key="hasty")

    assert circuits.admit("hasty") is not None
