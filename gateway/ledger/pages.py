"""The ledger entry by entry, page by page."""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import msgspec
from sqlalchemy import Connection, literal, select, tuple_
from sqlalchemy.sql.elements import ColumnElement

from gateway.ledger import names
from gateway.ledger.finding import Span, known_span, places
from gateway.ledger.retention import pruned_before
from gateway.ledger.rows import entry_of
from gateway.ledger.scope import ANYTHING, EVERYBODY, Fate, Scope
from gateway.ledger.storable import stored_text
from gateway.storage.tables import HOUR_OF_ENTRY, ledger_entries
from gateway.storage.traffic_tables import traffic_by_hour
from gateway.telemetry.decision_record import DecisionRecord

_NEARBY: Final = 20_000
_LONGEST_TRACE: Final = 10_000
_Conditions = Sequence[ColumnElement[bool]]


class Cursor(msgspec.Struct, frozen=True):
    """A place between two entries: behind the one that happened at `occurred_at` and is called `request_id`."""

    occurred_at: int
    request_id: str


class Page(msgspec.Struct, frozen=True):
    """Entries in order. `following` asks for the next page; `None` on the last one.

    `pruned_before` is the moment, in microseconds, before which there would be more if it were not pruned; `None` where
    nothing is pruned of what was asked for.
    """

    entries: tuple[DecisionRecord, ...]
    following: Cursor | None
    pruned_before: int | None = None


def entries(
    connection: Connection,
    *,
    limit: int,
    cursor: Cursor | None = None,
    scope: Scope = EVERYBODY,
    fate: Fate = ANYTHING,
    trace_id: str | None = None,
    start: int | None = None,
    end: int | None = None,
    newest_first: bool = True,
) -> Page:
    """One page of entries, ordered by `(occurred_at, request_id)`.

    1. without a filter it is read in order; a trace or an end user by its index
    2. a filter that many meet fills the page from the entries that come next
    3. a rare one is looked up where the sums say that there is something

    Args:
        connection: To the migrated database.
        limit: Entries on the page, 1 or more.
        cursor: `following` of the page before.
        scope: Whose entries.
        fate: Only entries of requests that this became of.
        trace_id: Only entries of this trace.
        start: Only entries from this microsecond on.
        end: Only entries before this microsecond.
        newest_first: The direction; the same for every page of one walk. Walking to newer entries may miss ones that
            another worker still has in its spool.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: The database does not answer.
    """
    before = pruned_before(connection)
    cut = before if before and (start is None or start < before) else None
    order, known = _Order(cursor, start if cut is None else cut, end, newest_first), names.read(connection)
    wanted = [*scope.conditions(ledger_entries, known), *fate.conditions(ledger_entries)]
    if trace_id is not None:
        wanted.append(ledger_entries.c.request_id.in_(_of_trace(connection, trace_id)))
    if not wanted or trace_id is not None or scope.end_user is not None:
        return _page(_rows(connection, wanted, order, limit), limit, known, cut)
    near = _nearby(connection, order)
    rows = _rows(connection, [*wanted, *near], order, limit)
    if len(rows) <= limit and near:
        rows = _sought(connection, scope, fate, order, limit, known)
    return _page(rows, limit, known, cut)


def entry(connection: Connection, request_id: str, *, scope: Scope = EVERYBODY) -> DecisionRecord | None:
    """The entry of one request; `None` where the ledger has none in this scope.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: The database does not answer.
    """
    known = names.read(connection)
    meant = ledger_entries.c.request_id == stored_text(request_id), *scope.conditions(ledger_entries, known)
    statement = select(ledger_entries).where(*meant)
    row = connection.execute(statement).mappings().first()
    return None if row is None else known.told(entry_of(dict(row)))


class _Order(NamedTuple):
    """From where on a page is read, how far, and in which direction."""

    cursor: Cursor | None
    start: int | None
    end: int | None
    newest_first: bool

    @property
    def bounds(self) -> _Conditions:
        at, name = ledger_entries.c.occurred_at, ledger_entries.c.request_id
        found: list[ColumnElement[bool]] = [] if self.start is None else [at >= self.start]
        found += [] if self.end is None else [at < self.end]
        if self.cursor is not None:
            place, other = tuple_(at, name), tuple_(literal(self.cursor.occurred_at), literal(self.cursor.request_id))
            found.append(place < other if self.newest_first else place > other)
        return found

    @property
    def columns(self) -> list[Any]:
        order = (ledger_entries.c.occurred_at, ledger_entries.c.request_id)
        return [column.desc() if self.newest_first else column for column in order]

    def span(self, connection: Connection) -> Span:
        start, end = self.start, self.end
        if self.cursor is not None and self.newest_first:
            end = self.cursor.occurred_at + 1
        elif self.cursor is not None:
            start = self.cursor.occurred_at
        return known_span(connection, start, end, newest_first=self.newest_first)


def _of_trace(connection: Connection, trace_id: str) -> Sequence[str]:
    """The requests of a trace, by a look into each hour. PERF: with an order SQLite would walk through all of time."""
    hours = list(connection.scalars(select(traffic_by_hour.c.slot).distinct()))
    named = ledger_entries.c.trace_id
    statement = select(ledger_entries.c.request_id).where(HOUR_OF_ENTRY.in_(hours), named == stored_text(trace_id))
    return list(connection.scalars(statement.where(named != "").limit(_LONGEST_TRACE)))


def _nearby(connection: Connection, order: _Order) -> _Conditions:
    """The condition that only the entries are looked at that come next; none where there are not so many."""
    at = ledger_entries.c.occurred_at
    statement = select(at).where(*order.bounds).order_by(*order.columns).offset(_NEARBY).limit(1)
    last = connection.scalar(statement)
    if last is None:
        return []
    return [at > last if order.newest_first else at < last]


def _sought(
    connection: Connection, scope: Scope, fate: Fate, order: _Order, limit: int, known: names.Names
) -> list[Any]:
    wanted = [*scope.conditions(ledger_entries, known), *fate.conditions(ledger_entries)]
    rows: list[Any] = []
    for place in places(connection, scope, fate, order.span(connection), limit + 1, known):
        rows += _rows(connection, [*wanted, *place], order, limit - len(rows))
        if len(rows) > limit:
            break
    return rows


def _rows(connection: Connection, wanted: _Conditions, order: _Order, limit: int) -> list[Any]:
    """One row more than `limit`, which tells that there is another page."""
    statement = select(ledger_entries).where(*wanted, *order.bounds).order_by(*order.columns).limit(limit + 1)
    return list(connection.execute(statement).mappings())


def _page(rows: Sequence[Any], limit: int, known: names.Names, cut: int | None) -> Page:
    found = tuple(known.told(entry_of(dict(row))) for row in rows[:limit])
    return Page(found, Cursor(found[-1].occurred_at, found[-1].request_id) if len(rows) > limit else None, cut)
