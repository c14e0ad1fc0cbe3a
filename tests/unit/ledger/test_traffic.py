"""What operations ask of the ledger."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from gateway.ledger.endings import ENDINGS, ended_so, ending_of
from gateway.ledger.latency import bucket_of, quantile
from gateway.ledger.traffic import LastFailure, providers, traffic
from gateway.storage.tables import ledger_entries
from gateway.telemetry.decision_record import AttemptRecord
from tests.unit.ledger.ledger_entries import HOUR, NOON, entry, put

MINUTE = HOUR // 60
ENDED = [
    (200, "ok", "ok"),
    (403, "refused", "refused"),
    (429, "refused", "refused"),
    (503, "refused", "server_error"),
    (400, "failed", "client_error"),
    (429, "failed", "client_error"),
    (502, "failed", "server_error"),
    (200, "failed", "server_error"),
    (499, "client_left", "client_left"),
    (499, "shut_down", "client_left"),
]


def tried(*attempts: tuple[str, str, int, int]) -> tuple[AttemptRecord, ...]:
    return tuple(AttemptRecord(provider, "m", outcome, began, took) for provider, outcome, began, took in attempts)


def test_requests_are_told_over_time_by_how_they_ended(engine):
    put(
        engine,
        *(entry(f"grq_a{n}", occurred_at=NOON + n, duration_ms=100) for n in range(98)),
        *(entry(f"grq_b{n}", occurred_at=NOON + n, duration_ms=10_000) for n in range(2)),
        entry("grq_c", occurred_at=NOON + 7 * MINUTE, status=502, outcome="failed", duration_ms=5),
        entry("grq_d", occurred_at=NOON + 8 * MINUTE, status=403, outcome="refused", duration_ms=1),
        entry("grq_old", occurred_at=NOON - HOUR),
    )

    with engine.connect() as connection:
        found = traffic(connection, start=NOON + 1, end=NOON + 9 * MINUTE)

    assert (found.start, found.end, found.slot_us) == (NOON, NOON + 10 * MINUTE, 5 * MINUTE)
    first, second = found.points
    assert (first.start, first.requests, first.endings) == (NOON, 100, {"ok": 100})
    assert first.p50_ms == pytest.approx(100, rel=0.2)
    assert first.p95_ms == pytest.approx(100, rel=0.2)
    assert second.endings == {"server_error": 1, "refused": 1}
    assert second.statuses == {403: 1, 502: 1}
    assert second.p50_ms is None
    assert found.total.requests == 102


@pytest.mark.parametrize(("days", "slot"), [(2, 5 * MINUTE), (3, HOUR), (62, HOUR), (63, 24 * HOUR)])
def test_longer_periods_have_longer_slots(engine, days, slot):
    put(engine, entry("grq_1"), entry("grq_2", occurred_at=NOON + slot - 1), entry("grq_3", occurred_at=NOON + HOUR))

    with engine.connect() as connection:
        found = traffic(connection, start=NOON - (days - 1) * 24 * HOUR, end=NOON + 24 * HOUR)

    assert found.slot_us == slot
    assert found.total.requests == sum(point.requests for point in found.points) == 3


def test_a_provider_answers_for_every_attempt_at_it(engine):
    hop = tried(("openai", "503", 0, 50), ("standby", "ok", 50, 200))
    put(
        engine,
        entry("grq_1", provider="standby", attempts=hop),
        entry("grq_2", occurred_at=NOON + MINUTE, provider="standby", attempts=hop),
        entry("grq_3", attempts=tried(("openai", "404", 0, 30))),
        entry("grq_4", attempts=tried(("openai", "circuit_open", 0, 0), ("standby", "cancelled", 0, 9))),
        entry("grq_5", attempts=tried(("openai", "ok", 0, 400))),
    )

    with engine.connect() as connection:
        openai, standby = providers(connection, start=NOON, end=NOON + HOUR)

    assert openai.outcomes == {"503": 2, "404": 1, "ok": 1, "circuit_open": 1}
    assert (openai.attempts, openai.passed_over, openai.failures, openai.error_rate) == (4, 1, 2, 0.5)
    assert openai.last_failure == LastFailure(NOON + MINUTE + 50_000, "503")
    assert openai.p50_ms == pytest.approx(400, rel=0.2)
    assert (standby.attempts, standby.failures, standby.error_rate, standby.last_failure) == (3, 0, 0.0, None)


def test_every_request_ended_in_one_way_for_python_and_for_the_database(engine):
    put(engine, *(entry(f"grq_{n}", status=status, outcome=outcome) for n, (status, outcome, _) in enumerate(ENDED)))

    assert [ending_of(status, outcome) for status, outcome, _ in ENDED] == [ending for *_, ending in ENDED]
    with engine.connect() as connection:
        for ending in ENDINGS:
            statement = select(ledger_entries.c.request_id).where(ended_so(ledger_entries, ending))
            assert set(connection.scalars(statement)) == {
                f"grq_{n}" for n, (*_, one) in enumerate(ENDED) if one == ending
            }


@given(st.lists(st.integers(1, 10**6), min_size=1, max_size=200), st.sampled_from([0.5, 0.95]))
def test_a_quantile_is_close_to_the_true_one(durations, share):
    counts: dict[int, int] = {}
    for duration in durations:
        counts[bucket_of(duration)] = counts.get(bucket_of(duration), 0) + 1
    true = sorted(durations)[max(0, -(-int(share * 100) * len(durations) // 100) - 1)]

    assert true / 1.2 - 1 <= quantile(counts, share) <= true * 1.2 + 1
