"""Questions to the ledger: what was spent, by whom, on what, when.

A period is `start <= occurred_at < end`, in microseconds since the Unix epoch. Sums come from the sums
per day; where a period begins or ends inside a day, from those per hour; where inside an hour, from its entries. So
every period is exact, and one until now is cheapest with an `end` on the hour that follows.
"""

from collections.abc import Collection, Sequence
from typing import Any, Literal, NamedTuple

import msgspec
from sqlalchemy import Connection, Select, Table, and_, func, or_, select, union_all
from sqlalchemy.sql.elements import ColumnElement

from gateway.ledger.pages import Cursor, Page, entries, entry
from gateway.ledger.rows import DAY_HOURS, HOUR_US, day_text
from gateway.ledger.scope import EVERYBODY, Scope
from gateway.ledger.storable import stored_text
from gateway.storage.tables import TOKENS, charged_by_hour, ledger_entries, spend_by_day, spend_by_hour
from gateway.usage import Usage

__all__ = [
    "EVERYBODY",
    "Cursor",
    "GroupBy",
    "Page",
    "Scope",
    "Spend",
    "busiest",
    "charged",
    "entries",
    "entry",
    "spend",
    "spent",
]

GroupBy = Literal["virtual_key", "principal", "project", "team", "organization", "provider", "model", "day"]

_FIGURES = ("requests", *TOKENS, "cost_nano_usd")


class Spend(msgspec.Struct, frozen=True, kw_only=True):
    """What a group of requests consumed. `group` has one value per dimension asked for, days as `YYYY-MM-DD` in UTC."""

    group: tuple[str, ...]
    requests: int
    usage: Usage
    cost_nano_usd: int


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
        .where(stretch.time >= stretch.first, stretch.time < stretch.behind, *scope.conditions(stretch.table))
        .group_by(*groups)
    )


def _spend(row: Any, by: Sequence[GroupBy]) -> Spend:
    group = (row[f"group_{place}"] for place in range(len(by)))
    tokens: dict[str, Any] = {name: int(row[name]) for name in TOKENS}
    return Spend(
        group=tuple(day_text(value) if name == "day" else value for name, value in zip(by, group, strict=True)),
        requests=int(row["requests"]),
        usage=Usage(**tokens),
        cost_nano_usd=int(row["cost_nano_usd"]),
    )
