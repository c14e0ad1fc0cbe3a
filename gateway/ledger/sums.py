"""What records add to the sums that reports, counters and operations are read from."""

from collections.abc import Iterable, Mapping, Sequence
from operator import itemgetter
from typing import Any, Final

from sqlalchemy import Table

from gateway.ledger.latency import bucket_of
from gateway.ledger.rows import COLUMNS, DAY_HOURS, HOUR_US, Row
from gateway.storage.tables import (
    DIMENSIONS,
    TOKENS,
    charged_by_hour,
    spend_by_day,
    spend_by_hour,
)
from gateway.storage.traffic_tables import (
    attempts_by_five_minutes,
    attempts_by_hour,
    traffic_by_five_minutes,
    traffic_by_hour,
)
from gateway.telemetry.decision_record import AttemptRecord, DecisionRecord

FIVE_MINUTES_US: Final = 300_000_000
SUMS: Final = (
    spend_by_hour,
    spend_by_day,
    charged_by_hour,
    traffic_by_five_minutes,
    traffic_by_hour,
    attempts_by_five_minutes,
    attempts_by_hour,
)
"""Every table of sums."""

_MS: Final = 1_000

Key = tuple[Any, ...]
Sums = Mapping[Key, Sequence[int]]
"""By primary key of a table of sums, what is added to its other columns (`last_at` is the larger one), in its order."""

_place = COLUMNS.index
_dimensions = itemgetter(_place("occurred_at"), *map(_place, DIMENSIONS))
_figures = itemgetter(*map(_place, TOKENS), _place("cost_nano_usd"))


def sums_of(records: Sequence[DecisionRecord], rows: Sequence[Row]) -> dict[Table, Sums]:
    """What records add to every table of sums.

    Args:
        records: As `gateway.ledger.rows.kept` gives them.
        rows: The row of each.
    """
    by_hour = _spend(rows)
    return {
        spend_by_hour: by_hour,
        spend_by_day: _added(((key[0] // DAY_HOURS, *key[1:]), figures) for key, figures in by_hour.items()),
        charged_by_hour: _charges(records),
        **traffic_of(records),
    }


def traffic_of(records: Iterable[DecisionRecord]) -> dict[Table, Sums]:
    """What they add to the sums for operations."""
    requests: dict[Key, int] = {}
    attempts: dict[Key, tuple[int, int]] = {}
    for record in records:
        _count_request(record, requests)
        for one in record.attempts:
            _count_attempt(record, one, attempts)
    fine = {key: (count,) for key, count in requests.items()}
    return {
        traffic_by_five_minutes: fine,
        traffic_by_hour: _added((_per_hour(key), figures) for key, figures in fine.items()),
        attempts_by_five_minutes: attempts,
        attempts_by_hour: _latest((_per_hour(key), figures) for key, figures in attempts.items()),
    }


def _spend(rows: Sequence[Row]) -> Sums:
    groups: dict[Key, list[tuple[int, ...]]] = {}
    for row in rows:
        at, *who = _dimensions(row)
        groups.setdefault((at // HOUR_US, *who), []).append(_figures(row))
    return {key: (len(members), *map(sum, zip(*members, strict=True))) for key, members in groups.items()}


def _charges(records: Sequence[DecisionRecord]) -> Sums:
    return _added(
        ((charge.counter, record.occurred_at // HOUR_US), (charge.amount,))
        for record in records
        for charge in record.budgets
    )


def _count_request(record: DecisionRecord, counts: dict[Key, int]) -> None:
    slot, bucket = record.occurred_at // FIVE_MINUTES_US, bucket_of(record.duration_ms)
    key = (slot, record.status, record.outcome, record.error_code or "", bucket)
    counts[key] = counts.get(key, 0) + 1


def _count_attempt(record: DecisionRecord, one: AttemptRecord, counts: dict[Key, tuple[int, int]]) -> None:
    """At the moment at which it ended, so that a failure is seen when it happened."""
    at = record.occurred_at + (one.began_ms + one.duration_ms) * _MS
    key = (at // FIVE_MINUTES_US, one.provider, one.outcome, bucket_of(one.duration_ms))
    count, last = counts.get(key, (0, 0))
    counts[key] = (count + 1, max(at, last))


def _per_hour(key: Key) -> Key:
    return (key[0] * FIVE_MINUTES_US // HOUR_US, *key[1:])


def _added(parts: Iterable[tuple[Key, Sequence[int]]]) -> Sums:
    sums: dict[Key, Sequence[int]] = {}
    for key, figures in parts:
        known = sums.get(key)
        sums[key] = figures if known is None else [one + other for one, other in zip(known, figures, strict=True)]
    return sums


def _latest(parts: Iterable[tuple[Key, tuple[int, int]]]) -> Sums:
    sums: dict[Key, tuple[int, int]] = {}
    for key, (count, at) in parts:
        known, last = sums.get(key, (0, 0))
        sums[key] = (known + count, max(at, last))
    return sums
