"""What records add to the sums that reports, counters and operations are read from."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from operator import attrgetter
from typing import Any, Final

from sqlalchemy import Table

from gateway.ledger.latency import bucket_of
from gateway.ledger.rows import DAY_HOURS, HOUR_US, tokens_of
from gateway.storage.tables import (
    DIMENSIONS,
    charged_by_hour,
    further_by_day,
    further_by_hour,
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
    further_by_hour,
    further_by_day,
    charged_by_hour,
    traffic_by_five_minutes,
    traffic_by_hour,
    attempts_by_five_minutes,
    attempts_by_hour,
)
"""Every table of sums."""

WITH_LATEST: Final = (attempts_by_five_minutes, attempts_by_hour)
"""Those whose time is the end of an attempt, and that know the latest of all."""
_MS: Final = 1_000

Key = tuple[Any, ...]
Sums = Mapping[Key, Sequence[int]]
"""By primary key of a table of sums, what is added to its other columns (`last_at` is the larger one), in its order."""

_who = attrgetter(*DIMENSIONS)
_ending = attrgetter("status", "outcome", "error_code", "duration_ms")


def sums_of(records: Sequence[DecisionRecord]) -> Iterator[tuple[Table, Sums]]:
    """What records that are `gateway.ledger.storable.kept` add to every table of sums, one after the other."""
    by_hour = _spend(records)
    yield spend_by_hour, by_hour
    yield spend_by_day, per_day(by_hour)
    further = _further(records)
    yield further_by_hour, further
    yield further_by_day, per_day(further)
    yield charged_by_hour, _charges(records)
    yield from traffic_of(records)


def per_day(by_hour: Sums) -> Sums:
    """Sums by hour as sums by day."""
    return _added(((key[0] // DAY_HOURS, *key[1:]), figures) for key, figures in by_hour.items())


def traffic_of(records: Sequence[DecisionRecord]) -> Iterator[tuple[Table, Sums]]:
    """What they add to the sums for operations."""
    requests = _requests(records)
    yield traffic_by_five_minutes, requests
    yield traffic_by_hour, _added((_per_hour(key), figures) for key, figures in requests.items())
    attempts = _attempts(records)
    yield attempts_by_five_minutes, attempts
    yield attempts_by_hour, _latest((_per_hour(key), figures) for key, figures in attempts.items())


def add_up(table: Table, sums: Sums, into: dict[Key, Sequence[int]]) -> None:
    """Adds what some records add to a table to what others do."""
    (_latest if table in WITH_LATEST else _added)(sums.items(), into)


def _spend(records: Sequence[DecisionRecord]) -> Sums:
    groups: dict[Key, list[tuple[int, ...]]] = {}
    costs = [record.cost_nano_usd or 0 for record in records]
    unpriced = [int(record.is_unpriced) for record in records]
    for record, figures in zip(records, zip(*tokens_of(records), costs, unpriced, strict=True), strict=True):
        groups.setdefault((record.occurred_at // HOUR_US, _who(record)), []).append(figures)
    return _added(
        ((hour, *[one or "" for one in who]), (len(members), *map(sum, zip(*members, strict=True))))
        for (hour, who), members in groups.items()
    )


def _further(records: Iterable[DecisionRecord]) -> Sums:
    return _added(
        ((record.occurred_at // HOUR_US, *[one or "" for one in _who(record)], kind), (amount,))
        for record in records
        if record.usage is not None and record.usage.further
        for kind, amount in record.usage.further.items()
    )


def _charges(records: Iterable[DecisionRecord]) -> Sums:
    amounts: dict[Key, int] = {}
    for record in records:
        for charge in record.budgets:
            key = (charge.counter, record.occurred_at // HOUR_US)
            amounts[key] = amounts.get(key, 0) + charge.amount
    return {key: (amount,) for key, amount in amounts.items()}


def _requests(records: Sequence[DecisionRecord]) -> Sums:
    slots = [record.occurred_at // FIVE_MINUTES_US for record in records]
    endings = Counter(zip(slots, map(_ending, records), strict=True))
    return _added(
        ((slot, status, outcome, code or "", bucket_of(duration_ms)), (count,))
        for (slot, (status, outcome, code, duration_ms)), count in endings.items()
    )


def ended_at(occurred_at: int, attempt: AttemptRecord) -> int:
    """When an attempt of a request ended, in microseconds: so a failure is seen when it happened."""
    return occurred_at + (attempt.began_ms + attempt.duration_ms) * _MS


def _attempts(records: Iterable[DecisionRecord]) -> Sums:
    groups: dict[Key, list[int]] = {}
    for record in records:
        for one in record.attempts:
            at = ended_at(record.occurred_at, one)
            key = (at // FIVE_MINUTES_US, one.provider, one.outcome, one.duration_ms)
            groups.setdefault(key, []).append(at)
    return _latest(
        ((slot, provider, outcome, bucket_of(duration_ms)), (len(moments), max(moments)))
        for (slot, provider, outcome, duration_ms), moments in groups.items()
    )


def _per_hour(key: Key) -> Key:
    return (key[0] * FIVE_MINUTES_US // HOUR_US, *key[1:])


def _added(parts: Iterable[tuple[Key, Sequence[int]]], into: dict[Key, Sequence[int]] | None = None) -> Sums:
    sums = {} if into is None else into
    for key, figures in parts:
        known = sums.get(key)
        sums[key] = figures if known is None else [one + other for one, other in zip(known, figures, strict=True)]
    return sums


def _latest(parts: Iterable[tuple[Key, Sequence[int]]], into: dict[Key, Sequence[int]] | None = None) -> Sums:
    sums = {} if into is None else into
    for key, (count, at) in parts:
        known, last = sums.get(key, (0, 0))
        sums[key] = (known + count, max(at, last))
    return sums
