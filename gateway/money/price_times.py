"""When prices hold: from a day on, at hours of the day. Moments are seconds since the epoch, hours those of UTC."""

import math
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Final, NamedTuple, TypeVar

from gateway.money.prices import Price

_DAY_S: Final = 86_400

_T = TypeVar("_T")


class Period(NamedTuple):
    """When something holds: from a moment on, `None` for always; of each day from one second until another.

    Hours that end before they begin go over midnight.
    """

    since: int | None = None
    hours: tuple[int, int] | None = None

    def contains(self, seconds: float) -> bool:
        """Whether a moment is in it."""
        if self.since is not None and seconds < self.since:
            return False
        if self.hours is None:
            return True
        begin, end = self.hours
        second = seconds % _DAY_S
        return begin <= second < end if begin <= end else second >= begin or second < end


ALWAYS: Final = Period()
"""The period of what has none."""


def in_force(entries: Sequence[tuple[Period, _T]], seconds: float) -> _T | None:
    """The last of the entries that holds at a moment."""
    return next((one for period, one in reversed(entries) if period.contains(seconds)), None)


class Changes(NamedTuple):
    """When something may change: at moments, and on every day at seconds of it; both in their order."""

    moments: tuple[int, ...] = ()
    daily: tuple[int, ...] = ()

    def with_those_of(self, other: "Changes") -> "Changes":
        """These and others."""
        moments, daily = {*self.moments, *other.moments}, {*self.daily, *other.daily}
        return Changes(tuple(sorted(moments)), tuple(sorted(daily)))

    def around(self, seconds: float) -> tuple[float, float]:
        """The span about a moment in which nothing changes: its first second, and the first after it."""
        marks: list[float] = [-math.inf, *self.moments, math.inf]
        if self.daily:
            day = seconds // _DAY_S * _DAY_S
            marks += [day + shift + one for shift in (-_DAY_S, 0, _DAY_S) for one in self.daily]
        return max(one for one in marks if one <= seconds), min(one for one in marks if one > seconds)


UNCHANGING: Final = Changes()
"""Of what always stays as it is."""


def changes_of(periods: Iterable[Period]) -> Changes:
    """When anything begins or ends that holds in periods."""
    found = UNCHANGING
    for one in periods:
        moments = () if one.since is None else (one.since,)
        daily = () if one.hours is None or one.hours[0] == one.hours[1] else one.hours
        found = found.with_those_of(Changes(moments, tuple(sorted(daily))))
    return found


class PriceOverTime:
    """What a model costs, moment by moment. The price of the span that was last asked about is at hand."""

    __slots__ = ("_end", "_find", "_price", "_start", "changes")

    def __init__(self, find: Callable[[datetime], Price | None], changes: Changes = UNCHANGING) -> None:
        self.changes = changes
        self._find = find
        self._price: Price | None = None
        self._start, self._end = math.inf, -math.inf

    def at(self, seconds: float) -> Price | None:
        """The price at a moment, `None` where there is none."""
        # PERF: every request asks, and nearly always within the span of the one before.
        if self._start <= seconds < self._end:
            return self._price
        self._price = self._find(moment_of(seconds))
        self._start, self._end = self.changes.around(seconds)
        return self._price


def written_out(changes: Changes, price_at: Callable[[float], Price | None]) -> tuple[tuple[Period, Price], ...]:
    """Prices with their periods, of which the last that contains a moment is in force then: see `in_force`.

    Args:
        changes: When the price may change; its moments are midnights.
        price_at: The price at a moment.
    """
    found: list[tuple[Period, Price]] = []
    before: _Day = []
    for since in (None, *changes.moments):
        midnight = since if since is not None else min((0, *changes.moments)) - _DAY_S
        day = _day(changes.daily, midnight, price_at)
        if day != before:
            found += [(Period(since, hours), price) for hours, price in day if price is not None]
        before = day
    return tuple(found)


_Hours = tuple[int, int] | None
_Day = list[tuple[_Hours, Price | None]]


def _day(daily: Sequence[int], midnight: int, price_at: Callable[[float], Price | None]) -> _Day:
    """What holds on a day: the price of most of its hours, and then those of the others."""
    spans: list[tuple[int, int, Price | None]] = []
    for begin, end in zip(daily, (*daily[1:], *daily[:1]), strict=True):
        price = price_at(midnight + begin)
        if spans and spans[-1][2] == price:
            spans[-1] = spans[-1][0], end, price
        else:
            spans.append((begin, end, price))
    usual = max(spans, key=lambda span: (span[1] - span[0]) % _DAY_S or _DAY_S)[2] if spans else price_at(midnight)
    return [(None, usual), *(((begin, end), price) for begin, end, price in spans if price != usual)]


def moment_of(seconds: float) -> datetime:
    """Seconds since the epoch as a moment with a zone."""
    return datetime.fromtimestamp(seconds, UTC)
