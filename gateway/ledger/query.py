"""Questions to the ledger: what was spent, by whom, on what, when.

A period is `start <= occurred_at < end`, in microseconds since the Unix epoch. Sums come from the sums
per day; where a period begins or ends inside a day, from those per hour; where inside an hour, from its entries. So
every period is exact, and one until now is cheapest with an `end` on the hour that follows. What sums do not keep apart
(`FROM_ENTRIES`) is summed from the entries of the whole period, which a time whose entries are pruned has not.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import groupby, product
from operator import attrgetter
from typing import Any, Final, Literal, NamedTuple

import msgspec
from sqlalchemy import Connection, FromClause, Select, Table, and_, case, func, or_, select, union_all
from sqlalchemy.sql.elements import ColumnElement, Label

from gateway.ledger import names
from gateway.ledger.names import Names
from gateway.ledger.pages import Cursor, Page, entries, entry
from gateway.ledger.retention import check_kept, pruned_before
from gateway.ledger.rows import DAY_HOURS, HOUR_US, day_text, hour_text
from gateway.ledger.scope import EVERYBODY, Scope
from gateway.ledger.storable import stored_text
from gateway.storage.tables import (
    IS_UNPRICED,
    charged_by_hour,
    further_by_day,
    further_by_hour,
    ledger_entries,
    spend_by_day,
    spend_by_hour,
)
from gateway.telemetry.decision_record import NAMED
from gateway.usage import TOKENS, Usage

__all__ = [
    "EVERYBODY",
    "FIGURES",
    "FROM_ENTRIES",
    "Cursor",
    "GroupBy",
    "Page",
    "Scope",
    "Spend",
    "added",
    "busiest",
    "charged",
    "entries",
    "entry",
    "figures_of",
    "spend",
    "spent",
]

GroupBy = Literal[
    "virtual_key",
    "principal",
    "project",
    "team",
    "organization",
    "provider",
    "model",
    "day",
    "hour",
    "tag",
    "end_user",
    "served_model",
    "service_tier",
]
FROM_ENTRIES: Final[frozenset[GroupBy]] = frozenset({"tag", "end_user", "served_model", "service_tier"})
"""Dimensions that only entries tell."""

FIGURES: Final = ("requests", *TOKENS, "cost_nano_usd", "unpriced_requests")
"""What is summed of every group of requests."""


class Spend(msgspec.Struct, frozen=True, kw_only=True):
    """What a group of requests consumed. `group` has one value per dimension asked for, all as text.

    Days are `YYYY-MM-DD` in UTC, hours begin at a moment as `YYYY-MM-DDTHH:00:00Z`. `unpriced_requests` are those of
    which something has no price, so that the cost leaves it out.
    """

    group: tuple[str, ...]
    requests: int
    usage: Usage
    cost_nano_usd: int
    unpriced_requests: int = 0


class _Stretch(NamedTuple):
    """A part of a period and the table that is asked about it; `first` and `behind` in the units of `time`."""

    table: Table
    time: ColumnElement[int]
    first: int
    behind: int


def spend(
    connection: Connection,
    by: Sequence[GroupBy],
    *,
    start: int,
    end: int,
    scope: Scope = EVERYBODY,
    most: int | None = None,
) -> tuple[Spend, ...]:
    """What was spent in a period, one row per combination of values, ordered by them.

    What was renamed is in one row, under the name that it has now. A request with several tags is in the row of each,
    one without any in that of the empty text.

    Args:
        connection: To the migrated database.
        by: The dimensions to keep apart; none gives one row, or no row where nothing was asked.
        start: The first microsecond of the period.
        end: The first one behind it.
        scope: Whose spend.
        most: Combinations that are read at most; the others are left out.

    Raises:
        BadParameterError: It is to be summed from entries that are pruned.
        sqlalchemy.exc.SQLAlchemyError: The database does not answer.
    """
    known = names.read(connection)
    stretches = _stretches(start, end, scope, by)
    _check_entries(connection, stretches, scope, by)
    parts = [_part(stretch, by, scope, known) for stretch in stretches]
    if not parts:
        return ()
    together = union_all(*parts).subquery()
    groups = [together.c[f"group_{position}"] for position in range(len(by))]
    statement = select(*groups, *(func.sum(together.c[name]).label(name) for name in FIGURES))
    statement = statement.group_by(*groups).order_by(*groups).limit(most)
    found = [row for row in connection.execute(statement) if row.requests]
    further = _further(connection, by, stretches, scope, known)
    rows = [one for row in found for one in _spend(row, by, further)]
    if known.is_empty or NAMED.keys().isdisjoint(by):
        return tuple(rows if "tag" not in by else _together(rows))
    return tuple(_together([msgspec.structs.replace(row, group=_told(row.group, by, known)) for row in rows]))


def spent(connection: Connection, scope: Scope, *, start: int, end: int) -> Spend:
    """The sum of a scope in a period, zeros where there is nothing; its `group` is empty.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: The database does not answer.
    """
    found = spend(connection, (), start=start, end=end, scope=scope)
    return found[0] if found else Spend(group=(), requests=0, usage=Usage(), cost_nano_usd=0)


def charged(connection: Connection, counters: Collection[str], *, start: int, end: int) -> dict[str, int]:
    """What the entries of a period added to each counter, for counters that are compared or rebuilt.

    Counters that nothing was added to are absent. Of a time whose entries are pruned, whole hours count: what is
    charged to a counter lies in the window that its name says.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: The database does not answer.
    """
    asked = {stored_text(counter): counter for counter in counters}
    sums: dict[str, int] = {}
    before = pruned_before(connection)
    start = start // HOUR_US * HOUR_US if start < before else start
    end = -(-end // HOUR_US) * HOUR_US if end < before else end
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


def _check_entries(connection: Connection, stretches: Sequence[_Stretch], scope: Scope, by: Sequence[GroupBy]) -> None:
    """Raises `BadParameterError` where a stretch is to be summed from entries that are pruned."""
    first = min((one.first for one in stretches if one.table is ledger_entries), default=None)
    if first is None:
        return
    if scope.end_user is not None:
        check_kept(connection, first, "the spend of one end user is summed request by request", "end_user")
    for name in by:
        if name in FROM_ENTRIES:
            check_kept(connection, first, f"{name} is summed request by request", "by")
    check_kept(connection, first, "the period or a day of it begins or ends within an hour of UTC")


def _whole(start: int, end: int, unit: int) -> range:
    """The whole hours or days, counted from the epoch, that lie in a period."""
    return range(-(-start // unit), end // unit)


def _stretches(start: int, end: int, scope: Scope, by: Collection[GroupBy]) -> list[_Stretch]:
    """The period as stretches of the tables that answer soonest: days, hours beside them, entries beside those."""
    entries_from_to = _Stretch(ledger_entries, ledger_entries.c.occurred_at, start, end)
    hours, days = _whole(start, end, HOUR_US), _whole(start, end, DAY_HOURS * HOUR_US)
    if scope.end_user is not None or not hours or not FROM_ENTRIES.isdisjoint(by):
        return [entries_from_to] if start < end else []
    at, hour, day = ledger_entries.c.occurred_at, spend_by_hour.c.hour, spend_by_day.c.day
    stretches = [
        _Stretch(ledger_entries, at, start, hours.start * HOUR_US),
        _Stretch(ledger_entries, at, hours.stop * HOUR_US, end),
    ]
    if days and "hour" not in by:
        stretches += [
            _Stretch(spend_by_hour, hour, hours.start, days.start * DAY_HOURS),
            _Stretch(spend_by_day, day, days.start, days.stop),
            _Stretch(spend_by_hour, hour, days.stop * DAY_HOURS, hours.stop),
        ]
    else:
        stretches.append(_Stretch(spend_by_hour, hour, hours.start, hours.stop))
    return [stretch for stretch in stretches if stretch.first < stretch.behind]


def _told(group: Sequence[str], by: Sequence[GroupBy], known: Names) -> tuple[str, ...]:
    """A group by the names that things have now."""
    kinds = [NAMED.get(name) for name in by]
    return tuple(
        text if kind is None or not text else known.name_of(kind, text) for text, kind in zip(group, kinds, strict=True)
    )


def _part(stretch: _Stretch, by: Sequence[GroupBy], scope: Scope, known: Names) -> Select[Any]:
    """The sums of one stretch."""
    groups = _groups(stretch.table, by)
    return (
        select(*groups, *figures_of(stretch.table))
        .where(stretch.time >= stretch.first, stretch.time < stretch.behind, *scope.conditions(stretch.table, known))
        .group_by(*groups)
    )


def figures_of(table: Table) -> list[Label[Any]]:
    """The sums of `FIGURES`, by their names, of rows of a table of spend or of the ledger's entries."""
    sums: dict[str, ColumnElement[Any]] = {name: func.sum(table.c[name]) for name in FIGURES if name in table.c}
    if table is ledger_entries:
        sums |= {"requests": func.count(), "unpriced_requests": func.sum(case((IS_UNPRICED, 1), else_=0))}
    return [sums[name].label(name) for name in FIGURES]


def _groups(table: FromClause, by: Sequence[GroupBy]) -> list[Label[Any]]:
    """The values of a table by which its rows are kept apart: days and hours as numbers, tags all together."""
    columns = table.c
    found: list[Label[Any]] = []
    for place, name in enumerate(by):
        value: ColumnElement[Any]
        if name in ("day", "hour"):
            unit = DAY_HOURS * HOUR_US if name == "day" else HOUR_US
            if "occurred_at" in columns:
                value = columns.occurred_at // unit
            elif name in columns:
                value = columns[name]
            else:
                value = columns.hour // DAY_HOURS
        else:
            value = columns["tags" if name == "tag" else name]
        found.append(value.label(f"group_{place}"))
    return found


_FURTHER_OF: Final[Mapping[Table, tuple[Table, ColumnElement[int]]]] = {
    spend_by_hour: (further_by_hour, further_by_hour.c.hour),
    spend_by_day: (further_by_day, further_by_day.c.day),
}


def _further(
    connection: Connection, by: Sequence[GroupBy], stretches: Sequence[_Stretch], scope: Scope, known: Names
) -> dict[str, dict[str, int]]:
    """The kinds that are no tokens of `TOKENS`, by group and kind. PERF: most ledgers have few of them, or none."""
    sums: dict[str, dict[str, int]] = {}
    for stretch in stretches:
        entries_alone = stretch.table is ledger_entries
        table, time = _FURTHER_OF.get(stretch.table, (stretch.table, stretch.time))
        groups = _groups(table, by)
        told = [table.c.further] if entries_alone else [table.c.kind, func.sum(table.c.amount)]
        meant = (time >= stretch.first, time < stretch.behind, *scope.conditions(table, known))
        statement = select(*groups, *told).where(*meant)
        if entries_alone:
            statement = statement.where(table.c.further.is_not(None))
        else:
            statement = statement.group_by(*groups, table.c.kind)
        for row in connection.execute(statement):
            amounts = row[-1] if entries_alone else {row[-2]: int(row[-1])}
            of_group = sums.setdefault(_key(row[: len(by)]), {})
            for kind, amount in amounts.items():
                of_group[kind] = of_group.get(kind, 0) + amount
    return sums


def _key(group: Sequence[Any]) -> str:
    """A group as something to be found by; tags are a list, which nothing can be found by."""
    return msgspec.json.encode([*group]).decode()


def _spend(row: Any, by: Sequence[GroupBy], further: Mapping[str, Mapping[str, int]]) -> Iterator[Spend]:
    """One row for each tag, where tags are asked for, else one."""
    group = row[: len(by)]
    tokens: dict[str, Any] = {name: int(getattr(row, name)) for name in TOKENS}
    usage = Usage(**tokens, further=further.get(_key(group), msgspec.UNSET))
    texts = [_texts_of(name, value) for name, value in zip(by, group, strict=True)]
    for combination in product(*texts):
        yield Spend(
            group=combination,
            requests=int(row.requests),
            usage=usage,
            cost_nano_usd=int(row.cost_nano_usd),
            unpriced_requests=int(row.unpriced_requests),
        )


def _texts_of(name: GroupBy, value: Any) -> Sequence[str]:
    if name == "day":
        return (day_text(value),)
    if name == "hour":
        return (hour_text(value),)
    if name == "tag":
        return [*dict.fromkeys(value)] or ("",)
    return (value,)


def _together(rows: Iterable[Spend]) -> Iterator[Spend]:
    """Rows of one group as one."""
    by_group = attrgetter("group")
    for group, members in groupby(sorted(rows, key=by_group), by_group):
        yield added(members, group)


def added(rows: Iterable[Spend], group: tuple[str, ...] = ()) -> Spend:
    """What several groups consumed together."""
    members = [*rows]
    tokens: dict[str, Any] = {kind: sum(getattr(row.usage, kind) for row in members) for kind in TOKENS}
    further: dict[str, int] = {}
    for row in members:
        for kind, amount in (row.usage.further or {}).items():
            further[kind] = further.get(kind, 0) + amount
    return Spend(
        group=group,
        requests=sum(row.requests for row in members),
        usage=Usage(**tokens, further=further or msgspec.UNSET),
        cost_nano_usd=sum(row.cost_nano_usd for row in members),
        unpriced_requests=sum(row.unpriced_requests for row in members),
    )
