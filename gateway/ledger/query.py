"""Questions to the ledger: what was spent, by whom, on what, when.

A period is `start <= occurred_at < end`, in microseconds since the Unix epoch. Sums come from the sums
per day; where a period begins or ends inside a day, from those per hour; where inside an hour, from its entries. So
every period is exact, and one until now is cheapest with an `end` on the hour that follows.
"""

from collections.abc import Collection, Sequence
from typing import Any, Literal, NamedTuple

import msgspec
from sqlalchemy import Connection, Select, Table, and_, func, literal, or_, select, tuple_, union_all
from sqlalchemy.sql.elements import ColumnElement

from gateway.ledger.rows import DAY_HOURS, HOUR_US, day_text, entry_of
from gateway.ledger.storable import stored_text
from gateway.storage.tables import TOKENS, charged_by_hour, ledger_entries, spend_by_day, spend_by_hour
from gateway.telemetry.decision_record import DecisionRecord
from gateway.usage import Usage

GroupBy = Literal["virtual_key", "principal", "project", "team", "organization", "provider", "model", "day"]

_FIGURES = ("requests", *TOKENS, "cost_nano_usd")


class Scope(msgspec.Struct, frozen=True, kw_only=True):
    """Whose spend. `None` is anybody's; the empty text is that of requests where it is unknown.

    A scope with an `end_user` is summed from entries, all others from sums.
    """

    virtual_key: str | None = None
    principal: str | None = None
    project: str | None = None
    team: str | None = None
    organization: str | None = None
    provider: str | None = None
    model: str | None = None
    end_user: str | None = None


EVERYBODY = Scope()


class Spend(msgspec.Struct, frozen=True, kw_only=True):
    """What a group of requests consumed. `group` has one value per dimension asked for, days as `YYYY-MM-DD` in UTC."""

    group: tuple[str, ...]
    requests: int
    usage: Usage
    cost_nano_usd: int


class Cursor(msgspec.Struct, frozen=True):
    """A place between two entries: behind the one that happened at `occurred_at` and is called `request_id`."""

    occurred_at: int
    request_id: str


class Page(msgspec.Struct, frozen=True):
    """Entries in order. `following` asks for the next page; `None` on the last one."""

    entries: tuple[DecisionRecord, ...]
    following: Cursor | None


class _Stretch(NamedTuple):
    """A part of a period and the table that is asked about it; `first` and `behind` in the units of `time`."""

    table: Table
    time: ColumnElement[int]
    first: int
    behind: int


def spend(
    connection: Connection, by: Sequence[GroupBy], *, start: int, end: int, scope: Scope = EVERYBODY
) -> tuple[Spend, ...]:
    """What was spent in a period, one row per combination of values, ordered by them.

    Args:
        connection: To the migrated database.
        by: The dimensions to keep apart; none gives one row, or no row where nothing was asked.
        start: The first microsecond of the period.
        end: The first one behind it.
        scope: Whose spend.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: The database does not answer.
    """
    parts = [_part(stretch, by, scope) for stretch in _stretches(start, end, scope)]
    if not parts:
        return ()
    together = union_all(*parts).subquery()
    groups = [together.c[f"group_{position}"] for position in range(len(by))]
    statement = select(*groups, *(func.sum(together.c[name]).label(name) for name in _FIGURES))
    statement = statement.group_by(*groups).order_by(*groups)
    return tuple(_spend(row, by) for row in connection.execute(statement).mappings() if row["requests"])


def spent(connection: Connection, scope: Scope, *, start: int, end: int) -> Spend:
    """The sum of a scope in a period, zeros where there is nothing; its `group` is empty.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: The database does not answer.
    """
    found = spend(connection, (), start=start, end=end, scope=scope)
    return found[0] if found else Spend(group=(), requests=0, usage=Usage(), cost_nano_usd=0)


def charged(connection: Connection, counters: Collection[str], *, start: int, end: int) -> dict[str, int]:
    """What the entries of a period added to each counter, for counters that are compared or rebuilt.

    Counters that nothing was added to are absent.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: The database does not answer.
    """
    asked = {stored_text(counter): counter for counter in counters}
    sums: dict[str, int] = {}
    raw = [and_(ledger_entries.c.occurred_at >= start, ledger_entries.c.occurred_at < end)]
    hours = _whole(start, end, HOUR_US)
    if hours:
        statement = (
            select(charged_by_hour.c.counter, func.sum(charged_by_hour.c.amount))
            .where(charged_by_hour.c.hour >= hours.start, charged_by_hour.c.hour < hours.stop)
            .where(charged_by_hour.c.counter.in_(list(asked)))
            .group_by(charged_by_hour.c.counter)
        )
        sums = {asked[counter]: int(amount) for counter, amount in connection.execute(statement)}
        at = ledger_entries.c.occurred_at
        raw = [and_(at >= start, at < hours.start * HOUR_US), and_(at >= hours.stop * HOUR_US, at < end)]
    for charges in connection.scalars(select(ledger_entries.c.budgets).where(or_(*raw))):
        for counter, amount in charges:
            if counter in asked:
                sums[asked[counter]] = sums.get(asked[counter], 0) + amount
    return sums


def entries(
    connection: Connection,
    *,
    limit: int,
    cursor: Cursor | None = None,
    scope: Scope = EVERYBODY,
    start: int | None = None,
    end: int | None = None,
    newest_first: bool = True,
) -> Page:
    """One page of entries, ordered by `(occurred_at, request_id)`.

    Args:
        connection: To the migrated database.
        limit: Entries on the page, 1 or more.
        cursor: `following` of the page before.
        scope: Whose entries.
        start: Only entries from this microsecond on.
        end: Only entries before this microsecond.
        newest_first: The direction; the same for every page of one walk. Walking to newer entries may miss ones that
            another worker still has in its spool.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: The database does not answer.
    """
    table = ledger_entries.c
    place = tuple_(table.occurred_at, table.request_id)
    conditions: list[ColumnElement[bool]] = _matches(ledger_entries, scope)
    if start is not None:
        conditions.append(table.occurred_at >= start)
    if end is not None:
        conditions.append(table.occurred_at < end)
    if cursor is not None:
        other = tuple_(literal(cursor.occurred_at), literal(cursor.request_id))
        conditions.append(place < other if newest_first else place > other)
    order = (table.occurred_at, table.request_id)
    statement = select(ledger_entries).where(*conditions).limit(limit + 1)
    statement = statement.order_by(*(column.desc() if newest_first else column for column in order))
    rows = connection.execute(statement).mappings().all()
    found = tuple(entry_of(dict(row)) for row in rows[:limit])
    more = len(rows) > limit
    return Page(found, Cursor(found[-1].occurred_at, found[-1].request_id) if more else None)


def entry(connection: Connection, request_id: str) -> DecisionRecord | None:
    """The entry of one request; `None` where the ledger has none.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: The database does not answer.
    """
    statement = select(ledger_entries).where(ledger_entries.c.request_id == stored_text(request_id))
    row = connection.execute(statement).mappings().one_or_none()
    return None if row is None else entry_of(dict(row))


def busiest(connection: Connection, prefix: str, *, limit: int) -> tuple[tuple[tuple[str, int], ...], int]:
    """Of the counters whose names begin with a text, those that most was added to, and how many there are in all.

    The prefix is of ASCII and holds the window, so that every charge to such a counter lies in it.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: The database does not answer.
    """
    counter, amount = charged_by_hour.c.counter, func.sum(charged_by_hour.c.amount)
    begins = and_(counter >= prefix, counter < prefix[:-1] + chr(ord(prefix[-1]) + 1))
    # PERF: for count(DISTINCT ...) PostgreSQL would sort all rows.
    known = (
        connection.scalar(select(func.count()).select_from(select(counter).where(begins).distinct().subquery())) or 0
    )
    statement = select(counter, amount).where(begins).group_by(counter).order_by(amount.desc(), counter).limit(limit)
    return tuple((name, int(total)) for name, total in connection.execute(statement)), known


def _whole(start: int, end: int, unit: int) -> range:
    """The whole hours or days, counted from the epoch, that lie in a period."""
    return range(-(-start // unit), end // unit)


def _stretches(start: int, end: int, scope: Scope) -> list[_Stretch]:
    """The period as stretches of the tables that answer soonest: days, hours beside them, entries beside those."""
    entries_from_to = _Stretch(ledger_entries, ledger_entries.c.occurred_at, start, end)
    hours, days = _whole(start, end, HOUR_US), _whole(start, end, DAY_HOURS * HOUR_US)
    if scope.end_user is not None or not hours:
        return [entries_from_to] if start < end else []
    at, hour, day = ledger_entries.c.occurred_at, spend_by_hour.c.hour, spend_by_day.c.day
    stretches = [
        _Stretch(ledger_entries, at, start, hours.start * HOUR_US),
        _Stretch(ledger_entries, at, hours.stop * HOUR_US, end),
    ]
    if days:
        stretches += [
            _Stretch(spend_by_hour, hour, hours.start, days.start * DAY_HOURS),
            _Stretch(spend_by_day, day, days.start, days.stop),
            _Stretch(spend_by_hour, hour, days.stop * DAY_HOURS, hours.stop),
        ]
    else:
        stretches.append(_Stretch(spend_by_hour, hour, hours.start, hours.stop))
    return [stretch for stretch in stretches if stretch.first < stretch.behind]


def _part(stretch: _Stretch, by: Sequence[GroupBy], scope: Scope) -> Select[Any]:
    """The sums of one stretch."""
    columns = stretch.table.c
    days = {
        ledger_entries: ledger_entries.c.occurred_at // (DAY_HOURS * HOUR_US),
        spend_by_hour: spend_by_hour.c.hour // DAY_HOURS,
        spend_by_day: spend_by_day.c.day,
    }
    groups = [(days[stretch.table] if name == "day" else columns[name]) for name in by]
    requests = func.count() if stretch.table is ledger_entries else func.sum(columns.requests)
    return (
        select(
            *(group.label(f"group_{position}") for position, group in enumerate(groups)),
            requests.label("requests"),
            *(func.sum(columns[name]).label(name) for name in _FIGURES[1:]),
        )
        .where(stretch.time >= stretch.first, stretch.time < stretch.behind, *_matches(stretch.table, scope))
        .group_by(*groups)
    )


def _matches(source: Table, scope: Scope) -> list[ColumnElement[bool]]:
    wanted = {name: value for name, value in msgspec.structs.asdict(scope).items() if value is not None}
    conditions = [source.c[name] == stored_text(value) for name, value in wanted.items()]
    if scope.end_user:
        # PERF: SQLite uses the index of named end users only where it is told that this one is named.
        conditions.append(source.c.end_user != "")
    return conditions


def _spend(row: Any, by: Sequence[GroupBy]) -> Spend:
    group = (row[f"group_{place}"] for place in range(len(by)))
    return Spend(
        group=tuple(day_text(value) if name == "day" else value for name, value in zip(by, group, strict=True)),
        requests=int(row["requests"]),
        usage=Usage(**{name: int(row[name]) for name in TOKENS}),
        cost_nano_usd=int(row["cost_nano_usd"]),
    )
