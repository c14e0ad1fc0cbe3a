"""What operations ask: how many requests ended how, how long they took, and how each provider does.

Answers come from sums alone, so they take as long for ten million requests as for ten thousand. A period is widened to
whole slots: five minutes up to two days, an hour up to two months, a day beyond.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, Table, func, literal_column, select

from gateway.ledger import names
from gateway.ledger.endings import Ending, ending_of
from gateway.ledger.latency import bucket_of, quantile
from gateway.ledger.retention import check_kept
from gateway.ledger.rows import DAY_HOURS, HOUR_US, attempts_of
from gateway.ledger.scope import keys_of
from gateway.ledger.sums import FIVE_MINUTES_US, ended_at
from gateway.storage.tables import ledger_entries
from gateway.storage.traffic_tables import (
    attempts_by_five_minutes,
    attempts_by_hour,
    traffic_by_five_minutes,
    traffic_by_hour,
)

_DAY_US: Final = DAY_HOURS * HOUR_US
_FINE_UP_TO_US: Final = 2 * _DAY_US
_HOURS_UP_TO_US: Final = 62 * _DAY_US
_LONGEST_US: Final = HOUR_US
"""So long before its attempts ended a request is looked for."""
_ROWS_AT_ONCE: Final = 1_000
_MEDIAN, _SLOW = 0.5, 0.95
_NO_VERDICT: Final = frozenset({"cancelled", "credential"})
_FAILURES: Final = frozenset({"connect", "timeout", "network", "protocol", "error_in_stream"})
_REFUSALS_OF_THE_ACCOUNT: Final = frozenset({"401", "402", "403", "429"})


class TrafficPoint(msgspec.Struct, frozen=True, kw_only=True):
    """The requests of one slot, or of a whole period.

    Args:
        start: The first microsecond.
        requests: All of them.
        endings: How many ended how; what did not happen is absent.
        statuses: How many had which HTTP status.
        p50_ms: The median duration of those that ended well, in milliseconds; `None` where none did.
        p95_ms: What 95 of 100 of them stayed below.
    """

    start: int
    requests: int
    endings: Mapping[Ending, int]
    statuses: Mapping[int, int]
    p50_ms: float | None
    p95_ms: float | None


class Traffic(msgspec.Struct, frozen=True, kw_only=True):
    """The slots of a period in which something was asked, each `slot_us` microseconds long, and all of it together."""

    start: int
    end: int
    slot_us: int
    points: tuple[TrafficPoint, ...]
    total: TrafficPoint


class LastFailure(msgspec.Struct, frozen=True):
    """The latest failure of a provider: when, in microseconds, and of what kind."""

    at: int
    outcome: str


class ProviderTraffic(msgspec.Struct, frozen=True, kw_only=True):
    """How one provider did; attempts that another provider's followed count here, too.

    Args:
        provider: Its name.
        attempts: Calls that were made.
        passed_over: Calls that were not made: an open circuit, a limit or a budget.
        failures: Calls that count against the provider: 5xx, no answer, or a refusal of the gateway's own account.
        error_rate: Failures as a share of the calls with a verdict; `None` without any.
        outcomes: How many calls had which outcome, those that were not made included.
        p50_ms: The median time until an answer began, of calls that brought one.
        p95_ms: What 95 of 100 of them stayed below.
        last_failure: The latest of the period.
    """

    provider: str
    attempts: int
    passed_over: int
    failures: int
    error_rate: float | None
    outcomes: Mapping[str, int]
    p50_ms: float | None
    p95_ms: float | None
    last_failure: LastFailure | None


def traffic(connection: Connection, *, start: int, end: int, owners: Collection[str] | None = None) -> Traffic:
    """Requests over time; those of the keys of owners are counted one by one, since sums know no keys.

    Args:
        connection: To the migrated database.
        start: The first microsecond of the period.
        end: The first one behind it.
        owners: Whose keys; `None`: everybody's.

    Raises:
        BadParameterError: Requests of owners' keys are asked for of a time whose requests are pruned.
        sqlalchemy.exc.SQLAlchemyError: The database does not answer.
    """
    slots = _slots(start, end, traffic_by_five_minutes, traffic_by_hour)
    by_slot: dict[int, list[_Counted]] = {}
    for at, counted in _all(connection, slots) if owners is None else _of_keys(connection, slots, owners):
        by_slot.setdefault(at, []).append(counted)
    points = tuple(_point(at, counted) for at, counted in by_slot.items())
    whole = _point(slots.start, [one for counted in by_slot.values() for one in counted])
    return Traffic(start=slots.start, end=slots.end, slot_us=slots.length, points=points, total=whole)


def _all(connection: Connection, slots: "_Slots") -> Iterator[tuple[int, "_Counted"]]:
    columns, slot = slots.table.c, slots.column
    statement = (
        select(slot, columns.status, columns.outcome, columns.bucket, func.sum(columns.requests))
        .where(columns.slot >= slots.first, columns.slot < slots.behind)
        .group_by(slot, columns.status, columns.outcome, columns.bucket)
        .order_by(slot)
    )
    for at, *counted in connection.execute(statement):
        yield int(at) * slots.length, _Counted(*map(_plain, counted))


def _of_keys(connection: Connection, slots: "_Slots", owners: Collection[str]) -> Iterator[tuple[int, "_Counted"]]:
    check_kept(connection, slots.start, "the traffic of some keys is counted request by request")
    entries = ledger_entries.c
    slot = (entries.occurred_at // slots.length).label("at")
    keys = (slot, entries.status, entries.outcome, entries.duration_ms)
    meant = entries.occurred_at >= slots.start, entries.occurred_at < slots.end
    statement = (
        select(*keys, func.count())
        .where(*meant, entries.virtual_key.in_(keys_of(owners)))
        .group_by(*keys)
        .order_by(slot)
    )
    for at, status, outcome, duration_ms, requests in connection.execute(statement):
        yield int(at) * slots.length, _Counted(status, outcome, bucket_of(duration_ms), requests)


def providers(
    connection: Connection, *, start: int, end: int, owners: Collection[str] | None = None
) -> tuple[ProviderTraffic, ...]:
    """How each provider that was to be asked in a period did, by name. Arguments and errors are those of `traffic`."""
    slots = _slots(start, end, attempts_by_five_minutes, attempts_by_hour)
    by_provider: dict[str, list[_Attempts]] = {}
    known = names.read(connection)
    found = _all_attempts(connection, slots) if owners is None else _attempts_of_keys(connection, slots, owners)
    for provider, counted in found:
        by_provider.setdefault(known.name_of("providers", provider), []).append(counted)
    return tuple(_provider(name, counted) for name, counted in sorted(by_provider.items()))


def _all_attempts(connection: Connection, slots: "_Slots") -> Iterator[tuple[str, "_Attempts"]]:
    columns = slots.table.c
    keys = (columns.provider, columns.outcome, columns.bucket)
    statement = (
        select(*keys, func.sum(columns.attempts), func.max(columns.last_at))
        .where(columns.slot >= slots.first, columns.slot < slots.behind)
        .group_by(*keys)
    )
    for provider, *counted in connection.execute(statement):
        yield provider, _Attempts(*map(_plain, counted))


def _attempts_of_keys(
    connection: Connection, slots: "_Slots", owners: Collection[str]
) -> Iterator[tuple[str, "_Attempts"]]:
    check_kept(connection, slots.start, "calls for some keys are counted request by request")
    entries = ledger_entries.c
    # What was asked before the period may have ended in it.
    meant = entries.occurred_at >= slots.start - _LONGEST_US, entries.occurred_at < slots.end
    statement = select(entries.occurred_at, entries.attempts).where(*meant, entries.virtual_key.in_(keys_of(owners)))
    for occurred_at, kept in connection.execute(statement, execution_options={"yield_per": _ROWS_AT_ONCE}):
        for one in attempts_of(kept):
            if slots.start <= (at := ended_at(occurred_at, one)) < slots.end:
                yield one.provider, _Attempts(one.outcome, bucket_of(one.duration_ms), 1, at)


class _Counted(msgspec.Struct, frozen=True, gc=False):
    status: int
    outcome: str
    bucket: int
    requests: int


class _Attempts(msgspec.Struct, frozen=True, gc=False):
    outcome: str
    bucket: int
    attempts: int
    last_at: int


class _Slots(msgspec.Struct, frozen=True, kw_only=True):
    """A period as slots of a table: `first <= slot < behind` there, `length` microseconds each in the answer."""

    table: Table
    length: int
    first: int
    behind: int
    start: int
    end: int
    column: Any


def _slots(start: int, end: int, fine: Table, coarse: Table) -> _Slots:
    if end - start <= _FINE_UP_TO_US:
        table, unit, length = fine, FIVE_MINUTES_US, FIVE_MINUTES_US
    else:
        table, unit, length = coarse, HOUR_US, HOUR_US if end - start <= _HOURS_UP_TO_US else _DAY_US
    start, end = start // length * length, -(-end // length) * length
    column = literal_column(f"(slot / {length // unit})") if length != unit else table.c.slot
    return _Slots(
        table=table, length=length, first=start // unit, behind=end // unit, start=start, end=end, column=column
    )


def _point(start: int, counted: Iterable[_Counted]) -> TrafficPoint:
    endings: Counter[Ending] = Counter()
    statuses: Counter[int] = Counter()
    durations: Counter[int] = Counter()
    for one in counted:
        ending = ending_of(one.status, one.outcome)
        endings[ending] += one.requests
        statuses[one.status] += one.requests
        if ending == "ok":
            durations[one.bucket] += one.requests
    return TrafficPoint(
        start=start,
        requests=endings.total(),
        endings=dict(endings),
        statuses=dict(sorted(statuses.items())),
        p50_ms=quantile(durations, _MEDIAN),
        p95_ms=quantile(durations, _SLOW),
    )


def _provider(name: str, counted: list[_Attempts]) -> ProviderTraffic:
    outcomes: Counter[str] = Counter()
    durations: Counter[int] = Counter()
    last: LastFailure | None = None
    for one in counted:
        outcomes[one.outcome] += one.attempts
        if one.outcome == "ok":
            durations[one.bucket] += one.attempts
        if _is_failure(one.outcome) and (last is None or one.last_at > last.at):
            last = LastFailure(one.last_at, one.outcome)
    asked = sum(count for outcome, count in outcomes.items() if _is_asked(outcome))
    judged = asked - sum(outcomes[outcome] for outcome in _NO_VERDICT)
    failures = sum(count for outcome, count in outcomes.items() if _is_failure(outcome))
    return ProviderTraffic(
        provider=name,
        attempts=asked,
        passed_over=outcomes.total() - asked,
        failures=failures,
        error_rate=failures / judged if judged else None,
        outcomes=dict(outcomes.most_common()),
        p50_ms=quantile(durations, _MEDIAN),
        p95_ms=quantile(durations, _SLOW),
        last_failure=last,
    )


def _is_asked(outcome: str) -> bool:
    return outcome == "ok" or outcome.isdigit() or outcome in _FAILURES or outcome in _NO_VERDICT


def _is_failure(outcome: str) -> bool:
    is_fault = outcome.isdigit() and outcome.startswith("5")
    return is_fault or outcome in _FAILURES or outcome in _REFUSALS_OF_THE_ACCOUNT


def _plain(value: Any) -> Any:
    """PostgreSQL sums to `Decimal`."""
    return value if isinstance(value, str) else int(value)
