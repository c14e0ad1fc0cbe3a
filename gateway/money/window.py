"""In which window of the calendar does a moment lie? In any time zone, with or without an anchor."""

from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

_MONTHS: Final = 12
_WITHOUT_END: Final = ("total", "manual")


class Span(msgspec.Struct, frozen=True):
    """One window: its name, and its first and its first following second since the epoch (`None`: it never ends)."""

    name: str
    start: int
    end: int | None


class Window(msgspec.Struct, frozen=True):
    """A kind of window: minute, hour, day, week (ISO, from Monday), month, total or manual.

    Days and longer begin at midnight in `timezone`, so that one of them can have 23 or 25 hours. With an `anchor` the
    first window begins there, and each later one as many periods on by the clock on the wall; where a month is too
    short for the anchor's day it begins on its last, and the next one springs back.
    """

    kind: str
    timezone: str = "UTC"
    anchor: datetime | None = None

    def span(self, at: float) -> Span:
        """The window in which a moment (seconds since the epoch) lies."""
        if self.kind in _WITHOUT_END:
            return Span(self.kind, 0, None)
        if self.kind in ("minute", "hour"):
            return self._fixed(at)
        zone: tzinfo = UTC if self.timezone == "UTC" else ZoneInfo(self.timezone)
        if self.anchor is not None:
            return self._anchored(at, self.anchor.astimezone(zone))
        local = datetime.fromtimestamp(at, zone).date()
        first, following, name = _calendar(self.kind, local)
        return Span(name, _midnight(first, zone), _midnight(following, zone))

    def _fixed(self, at: float) -> Span:
        length = 60 if self.kind == "minute" else 3600
        origin = int(self.anchor.timestamp()) if self.anchor is not None else 0
        start = origin + (int(at // 1) - origin) // length * length
        return Span(datetime.fromtimestamp(start, UTC).strftime("%Y-%m-%dT%H:%MZ"), start, start + length)

    def _anchored(self, at: float, anchor: datetime) -> Span:
        """Guesses how many periods have passed, and steps to the right one."""
        average = {"day": 86_400, "week": 604_800, "month": 2_629_746}[self.kind]
        passed = int((at - anchor.timestamp()) // average)
        while self._begins(anchor, passed) > at:
            passed -= 1
        while self._begins(anchor, passed + 1) <= at:
            passed += 1
        start, end = self._begins(anchor, passed), self._begins(anchor, passed + 1)
        return Span(datetime.fromtimestamp(start, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"), start, end)

    def _begins(self, anchor: datetime, passed: int) -> int:
        if self.kind == "month":
            moved = _months_on(anchor, passed)
        else:
            # On the clock on the wall: a day is the same hour of the next, however long that takes.
            moved = anchor.replace(tzinfo=None) + timedelta(days=passed * (7 if self.kind == "week" else 1))
        return int(moved.replace(tzinfo=anchor.tzinfo, fold=0).timestamp())


class CurrentWindow:
    """Remembers the present window, so that asking for it again costs two comparisons."""

    __slots__ = ("_span", "_window")

    def __init__(self, window: Window) -> None:
        self._window = window
        self._span: Span | None = None

    def span(self, at: float) -> Span:
        """The window in which a moment lies."""
        span = self._span
        if span is None or at < span.start or (span.end is not None and at >= span.end):
            span = self._span = self._window.span(at)
        return span


def _calendar(kind: str, local: date) -> tuple[date, date, str]:
    """First day, first day after, and name of the calendar's window around a day."""
    if kind == "day":
        return local, local + timedelta(days=1), local.isoformat()
    if kind == "week":
        first = local - timedelta(days=local.weekday())
        year, week, _ = local.isocalendar()
        return first, first + timedelta(days=7), f"{year}-W{week:02}"
    first = local.replace(day=1)
    return first, (first + timedelta(days=31)).replace(day=1), f"{first:%Y-%m}"


def _midnight(day: date, zone: tzinfo) -> int:
    """The first second of a day; where its midnight is skipped, the moment to which the clocks jump."""
    begin = datetime(day.year, day.month, day.day, tzinfo=zone)
    return int(begin.timestamp())


def _months_on(anchor: datetime, months: int) -> datetime:
    whole = anchor.year * _MONTHS + anchor.month - 1 + months
    year, month = divmod(whole, _MONTHS)
    last = (date(year, month + 1, 28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
    return anchor.replace(tzinfo=None, year=year, month=month + 1, day=min(anchor.day, last.day))
