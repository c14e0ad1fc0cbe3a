"""Periods of reports, as people write them.

Each text names a stretch of time: a date a day, `2026-11` or `last-month` a month, an RFC 3339 moment or `7d` (so long
ago) a point. A period runs from the beginning of the first stretch to the end of the second, so `--from 2026-11-01 --to
2026-11-30` has both days. Days and months are those of a time zone.
"""

import re
from datetime import date, datetime, timedelta
from typing import Final, Literal
from zoneinfo import ZoneInfo

import msgspec

from gateway import clock
from gateway.duration import parse_duration
from gateway.ledger.rows import HOUR_US
from gateway.money.window import Window

FORMS: Final = "2026-11-24, 2026-11, 2026-11-24T13:00:00Z, 7d, today, yesterday, this-month or last-month"
"""What a text may look like, for messages and help."""

_SECOND_US: Final = 1_000_000
_MIDDLE_OF_MONTH = 15
_NOON = 12
_FIRST_YEAR, _LAST_YEAR = 1971, 8999
_DATE = re.compile(r"(\d{4})-(\d\d)-(\d\d)", re.ASCII)
_MONTH = re.compile(r"(\d{4})-(\d\d)", re.ASCII)
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,6})?([Zz]|[+-]\d\d:\d\d)", re.ASCII)


class BadParameterError(ValueError):
    """A question that cannot be asked: `parameter` is the one at fault, the message says what belongs there."""

    def __init__(self, parameter: str, message: str) -> None:
        super().__init__(message)
        self.parameter = parameter


class Period(msgspec.Struct, frozen=True):
    """`start <= moment < end`, in microseconds since the epoch; `zone` is where its days begin."""

    start: int
    end: int
    zone: str = "UTC"


class _Stretch(msgspec.Struct, frozen=True):
    """What one text names, in microseconds; a month is a period by itself."""

    start: int
    end: int
    is_month: bool = False


def parse_period(
    first: str | None, last: str | None, *, now: datetime, zone: str = "UTC", default: str = "this-month"
) -> Period:
    """The period from one text to another.

    Args:
        first: `from` as written; without it, `default`, or with `last` alone the month in which that ends.
        last: `to` as written; without it, the end of `first` if that is a month, else now.
        now: The present moment, with a zone.
        zone: The IANA time zone whose days and months are meant.
        default: What to report where neither is written.

    Raises:
        BadParameterError: `from`, `to` or `timezone` cannot be read, or the period ends before it begins.
    """
    check_zone(zone)
    ends = None if last is None else _stretch("to", last, now, zone).end
    if first is None and ends is not None:
        start, end = Window("month", zone).span((ends - 1) // _SECOND_US).start * _SECOND_US, ends
    else:
        begins = _stretch("from", default if first is None else first, now, zone)
        until = begins.end if begins.is_month else _hour_after(now)
        start, end = begins.start, until if ends is None else ends
    if start >= end:
        shown = f"{moment_text(start, zone)} to {moment_text(end, zone)}"
        raise BadParameterError("from" if last is None else "to", f"the period ends before it begins: {shown}")
    return Period(start, end, zone)


def parse_bounds(
    first: str | None, last: str | None, *, now: datetime, zone: str = "UTC"
) -> tuple[int | None, int | None]:
    """The same where a side that is not written stays open. Raises `BadParameterError`."""
    check_zone(zone)
    if first is None:
        return None, None if last is None else _stretch("to", last, now, zone).end
    period = parse_period(first, last, now=now, zone=zone)
    return period.start, period.end


def check_zone(zone: str) -> None:
    """Raises `BadParameterError` for what is no IANA time zone."""
    try:
        Window("day", zone)
    except ValueError as error:
        raise BadParameterError("timezone", str(error)) from None


def moment_text(moment: int, zone: str = "UTC") -> str:
    """Microseconds since the epoch as RFC 3339 text by the clocks of a zone."""
    at = clock.moment_at(moment).astimezone(ZoneInfo(zone))
    return at.isoformat().removesuffix("+00:00") + "Z" if at.utcoffset() == timedelta(0) else at.isoformat()


def wall_text(seconds: int, zone: str) -> str:
    """What the clocks of a zone show at a moment, in seconds since the epoch; for people, so without a midnight."""
    at = datetime.fromtimestamp(seconds, ZoneInfo(zone))
    return at.strftime("%Y-%m-%d %H:%M:%S").removesuffix(":00").removesuffix(" 00:00")


def _stretch(parameter: str, text: str, now: datetime, zone: str) -> _Stretch:
    text = text.strip()
    try:
        return _named(text, now, zone) or _written(text, zone) or _ago(text, now)
    except (ValueError, OverflowError):
        raise BadParameterError(parameter, f"{text!r} is no date, moment or period; write {FORMS}") from None


def _named(text: str, now: datetime, zone: str) -> _Stretch | None:
    """Words and `now`."""
    if text == "now":
        return _point(now)
    if text in ("today", "yesterday"):
        return _window("day", now, zone, before=text == "yesterday")
    if text in ("this-month", "last-month"):
        return _window("month", now, zone, before=text == "last-month")
    return None


def _written(text: str, zone: str) -> _Stretch | None:
    """Dates, months and moments."""
    if _DATE.fullmatch(text):
        day = date.fromisoformat(text)
        return _window("day", _noon(day, zone), zone)
    if match := _MONTH.fullmatch(text):
        return _window("month", _noon(date(int(match[1]), int(match[2]), _MIDDLE_OF_MONTH), zone), zone)
    if _MOMENT.fullmatch(text):
        return _point(_in_range(datetime.fromisoformat(text.upper())))
    return None


def _ago(text: str, now: datetime) -> _Stretch:
    return _point(_in_range(now - parse_duration(text)))


def _window(kind: Literal["day", "month"], at: datetime, zone: str, *, before: bool = False) -> _Stretch:
    window = Window(kind, zone)
    start, end = window.bounds(at)
    if before:
        previous = window.span(start - 1)
        start, end = previous.start, previous.end
    return _Stretch(start * _SECOND_US, (end or 0) * _SECOND_US, is_month=kind == "month")


def _noon(day: date, zone: str) -> datetime:
    return _in_range(datetime(day.year, day.month, day.day, _NOON, tzinfo=ZoneInfo(zone)))


def _in_range(moment: datetime) -> datetime:
    if not _FIRST_YEAR <= moment.year <= _LAST_YEAR:
        raise ValueError
    return moment


def _point(moment: datetime) -> _Stretch:
    at = clock.microseconds_of(moment)
    return _Stretch(at, at)


def _hour_after(now: datetime) -> int:
    """The end of the hour of a moment: sums are kept per hour, and nothing has happened in the rest of this one."""
    return (_point(now).start // HOUR_US + 1) * HOUR_US
