"""Where in time the requests are that a filter leaves, so that no page has to look through the whole ledger.

Sums know it: those of spend which keys asked on which day for a scope, those of traffic in which hours a fate befell
how many. What they name is looked up by the indices of entries, which begin with the hour.
"""

from collections.abc import Iterator, Sequence
from typing import Final

import msgspec
from sqlalchemy import Connection, func, select
from sqlalchemy.sql.elements import ColumnElement

from gateway.ledger.names import Names
from gateway.ledger.rows import DAY_HOURS, HOUR_US
from gateway.ledger.scope import ANYTHING, EVERYBODY, Fate, Scope
from gateway.storage.tables import HOUR_OF_ENTRY, IS_TROUBLE, ledger_entries, spend_by_day
from gateway.storage.traffic_tables import traffic_by_hour

_FEW: Final = 2_000
"""Matches that are read and sorted at once."""
_MOST_HOURS: Final = 1_000
_MOST_KEYS: Final = 500


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """The hours from `first` to before `behind`, counted from the epoch, and which end comes first."""

    first: int
    behind: int
    newest_first: bool


class _Place(msgspec.Struct, frozen=True, kw_only=True):
    """Hours that hold about so many matches, of these keys only; `None`: of any."""

    hours: Sequence[int]
    matches: int
    keys: frozenset[str] | None = None


def known_span(connection: Connection, start: int | None, end: int | None, *, newest_first: bool) -> Span:
    """The hours of a period, in microseconds, that the ledger has entries of."""
    slot = traffic_by_hour.c.slot
    first, last = connection.scalar(select(func.min(slot))), connection.scalar(select(func.max(slot)))
    first, last = (0, -1) if first is None or last is None else (first, last)
    if start is not None:
        first = max(first, start // HOUR_US)
    if end is not None:
        last = min(last, (end - 1) // HOUR_US)
    return Span(first=first, behind=last + 1, newest_first=newest_first)


def places(
    connection: Connection, scope: Scope, fate: Fate, span: Span, wanted: int, known: Names
) -> Iterator[list[ColumnElement[bool]]]:
    """Conditions on entries, one set after the other in the order of the span, that together hold every match.

    Args:
        connection: To the migrated database.
        scope: Without an end user.
        fate: One of both leaves something out.
        span: The hours to look at.
        wanted: About how many matches are worth one look.
        known: What names stand for.
    """
    if scope == EVERYBODY:
        found: Iterator[_Place] = _of_fate(connection, fate, span)
    else:
        found = _of_scope(connection, scope, fate, span, known)
    for place in _together(found, wanted):
        conditions: list[ColumnElement[bool]] = [HOUR_OF_ENTRY.in_(place.hours)]
        if place.keys is None and fate.is_trouble:
            conditions.append(IS_TROUBLE)
        elif place.keys is not None and len(place.keys) <= _MOST_KEYS:
            conditions.append(ledger_entries.c.virtual_key.in_(sorted(place.keys)))
        yield conditions


def _of_fate(connection: Connection, fate: Fate, span: Span) -> Iterator[_Place]:
    for hour, matches in _hours_of(connection, fate, span).items():
        yield _Place(hours=(hour,), matches=matches)


def _hours_of(connection: Connection, fate: Fate, span: Span) -> dict[int, int]:
    """By hour, how many requests a fate befell; hours without any are absent."""
    slot = traffic_by_hour.c.slot
    statement = (
        select(slot, func.sum(traffic_by_hour.c.requests))
        .where(slot >= span.first, slot < span.behind, *fate.conditions(traffic_by_hour))
        .group_by(slot)
        .order_by(slot.desc() if span.newest_first else slot)
    )
    return {hour: int(matches) for hour, matches in connection.execute(statement)}


def _of_scope(connection: Connection, scope: Scope, fate: Fate, span: Span, known: Names) -> Iterator[_Place]:
    befell = None if fate == ANYTHING else _hours_of(connection, fate, span)
    for day, keys, matches in _days_of(connection, scope, span, known):
        hours = range(max(day * DAY_HOURS, span.first), min((day + 1) * DAY_HOURS, span.behind))
        ordered = [
            hour for hour in (reversed(hours) if span.newest_first else hours) if befell is None or hour in befell
        ]
        if not ordered:
            continue
        both = matches if befell is None else min(matches, sum(befell[hour] for hour in ordered))
        by_key = not (fate.is_trouble and both < matches)
        share = both if both <= _FEW else -(-both // len(ordered))
        for some in [ordered] if both <= _FEW else [[hour] for hour in ordered]:
            yield _Place(hours=some, matches=share, keys=keys if by_key else None)


def _days_of(
    connection: Connection, scope: Scope, span: Span, known: Names
) -> Iterator[tuple[int, frozenset[str], int]]:
    """The days on which a scope asked, by which keys, and how often; asked for in ever longer stretches."""
    columns = spend_by_day.c
    first, last = span.first // DAY_HOURS, (span.behind - 1) // DAY_HOURS
    length = 1
    while first <= last:
        low, high = (
            (max(first, last - length + 1), last) if span.newest_first else (first, min(last, first + length - 1))
        )
        statement = (
            select(columns.day, columns.virtual_key, func.sum(columns.requests))
            .where(columns.day >= low, columns.day <= high, *scope.conditions(spend_by_day, known))
            .group_by(columns.day, columns.virtual_key)
        )
        days: dict[int, dict[str, int]] = {}
        for day, key, requests in connection.execute(statement):
            days.setdefault(day, {})[key] = int(requests)
        for day in sorted(days, reverse=span.newest_first):
            yield day, frozenset(days[day]), sum(days[day].values())
        first, last = (first, low - 1) if span.newest_first else (high + 1, last)
        length *= 2


def _together(found: Iterator[_Place], wanted: int) -> Iterator[_Place]:
    """Places beside each other as one, until a look at them is worth it."""
    waiting: _Place | None = None
    for place in found:
        if waiting is None:
            waiting = place
        elif (waiting.keys is None) is (place.keys is None) and len(waiting.hours) < _MOST_HOURS:
            keys = None if waiting.keys is None or place.keys is None else waiting.keys | place.keys
            waiting = _Place(hours=[*waiting.hours, *place.hours], matches=waiting.matches + place.matches, keys=keys)
        else:
            yield waiting
            waiting = place
        if waiting.matches >= wanted:
            yield waiting
            waiting = None
    if waiting is not None:
        yield waiting
