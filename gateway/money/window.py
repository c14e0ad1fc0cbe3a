"""Calendar arithmetic: in which window of a budget a moment lies, and when that window is over.

Windows of one kind follow each other without gaps: every second of time lies in exactly one. Minutes and hours are
UTC's. Days, weeks and months begin at midnight by the clocks of a time zone; where clocks jump over midnight, with
the first second after it, and where they show midnight twice, with the first of the two. So a day has 23 or 25 hours
when clocks are changed, and 24.5 where they are changed by half an hour.

With an anchor, periods repeat from it instead: minutes and hours as lengths of time; days, weeks and months at the
anchor's time of day by the zone's clocks. A month's period begins on the anchor's day, or on the last day of a month
that is shorter: 31 January, 28 February, 31 March.
"""

import calendar
import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final, Literal
from zoneinfo import ZoneInfo

WindowKind = Literal["minute", "hour", "day", "week", "month", "total", "manual"]
"""How long a window is. `total` and `manual` never end by themselves."""

_LENGTH_S: Final = {"minute": 60, "hour": 3600}
_MIDNIGHT: Final = datetime.min.time()
_FIRST_YEAR, _LAST_YEAR = 1970, 9000
_MONTHS = 12
_DAYS_OF_WEEK = 7


@dataclass(frozen=True)
class Span:
    """One window: its stable name, its first second and the first second after it, both since the epoch.

    `end` is `None` for a window that does not end.
    """

    id: str
    start: int
    end: int | None


@dataclass(frozen=True)
class Window:
    """A way to cut time into windows.

    Args:
        kind: How long a window is.
        zone: The IANA name of the time zone by whose clocks days, weeks and months begin.
        anchor: When some period began (with a zone of its own), to the second; before it, periods count backwards.
            For `total` and `manual` it is when spend last started from zero.

    Raises `ValueError` for an unknown zone and for an anchor without a zone or centuries away.
    """

    kind: WindowKind
    zone: str = "UTC"
    anchor: datetime | None = None

    def __post_init__(self) -> None:
        _zone(self.zone)
        if self.anchor is not None and self.anchor.tzinfo is None:
            raise ValueError("an anchor has a time zone")
        if self.anchor is not None and not _FIRST_YEAR < self.anchor.year < _LAST_YEAR:
            raise ValueError(f"an anchor lies between the years {_FIRST_YEAR} and {_LAST_YEAR}")

    def span(self, seconds: float) -> Span:
        """The window of a moment in seconds since the epoch."""
        if self.kind in ("total", "manual"):
            return self._endless(seconds)
        number = self._guess(math.floor(seconds))
        while seconds < self._start(number):
            number -= 1
        while seconds >= self._start(number + 1):
            number += 1
        return Span(self._id(number), self._start(number), self._start(number + 1))

    def bounds(self, at: datetime) -> tuple[int, int | None]:
        """First second of the window of a moment (with a zone), and the first after it, both since the epoch."""
        span = self.span(_aware(at).timestamp())
        return span.start, span.end

    def window_id(self, at: datetime) -> str:
        """The stable name of the window of a moment (with a zone).

        `2026-11`, `2026-W47`, `2026-11-24`, `2026-11-24T13`, `2026-11-24T13:07`, `total`, `manual`; with an anchor, its
        date (and time, unless that is midnight) and the number of the period: `2026-01-31+9`.
        """
        return self.span(_aware(at).timestamp()).id

    def _endless(self, seconds: float) -> Span:
        if self.anchor is None:
            return Span(self.kind, 0, None)
        start = math.floor(self.anchor.timestamp())
        if seconds < start:
            return Span(self.kind, 0, start)
        return Span(f"{self.kind}@{_text(_wall(start, self.zone))}", start, None)

    def _guess(self, seconds: int) -> int:
        """The number of a window at most one away from that of a moment."""
        if (length := _LENGTH_S.get(self.kind)) is not None:
            return (seconds - self._anchor_second()) // length
        days = (_wall(seconds, self.zone).date() - self._origin().date()).days
        if self.kind == "month":
            here, origin = _wall(seconds, self.zone), self._origin()
            return (here.year - origin.year) * _MONTHS + here.month - origin.month
        return days // _DAYS_OF_WEEK if self.kind == "week" else days

    def _start(self, number: int) -> int:
        """The first second of the window of a number, since the epoch."""
        if (length := _LENGTH_S.get(self.kind)) is not None:
            return self._anchor_second() + number * length
        return _first_second(self._wall_start(number), self.zone)

    def _wall_start(self, number: int) -> datetime:
        """What the zone's clocks show when the window of a number begins; windows are days or longer."""
        origin = self._origin()
        if self.kind == "month":
            years, month = divmod(origin.month - 1 + number, _MONTHS)
            year = origin.year + years
            last = calendar.monthrange(year, month + 1)[1]
            return origin.replace(year=year, month=month + 1, day=min(origin.day, last))
        return origin + timedelta(days=number * (_DAYS_OF_WEEK if self.kind == "week" else 1))

    def _origin(self) -> datetime:
        """What the zone's clocks show when window 0 begins: at the anchor, or on a Monday that begins a month."""
        if self.anchor is not None:
            return _wall(self._anchor_second(), self.zone)
        return datetime(2001, 1, 1)  # noqa: DTZ001 - a reading of clocks, not a moment

    def _anchor_second(self) -> int:
        return 0 if self.anchor is None else math.floor(self.anchor.timestamp())

    def _id(self, number: int) -> str:
        if self.anchor is not None:
            return f"{_text(self._origin())}{number:+d}"
        if self.kind in _LENGTH_S:
            begins = _wall(self._start(number), "UTC")
            return begins.strftime("%Y-%m-%dT%H" if self.kind == "hour" else "%Y-%m-%dT%H:%M")
        begins = self._wall_start(number)
        if self.kind == "month":
            return f"{begins:%Y-%m}"
        if self.kind == "week":
            year, week, _ = begins.isocalendar()
            return f"{year}-W{week:02d}"
        return begins.date().isoformat()


def _aware(at: datetime) -> datetime:
    if at.tzinfo is None:
        raise ValueError("a moment has a time zone")
    return at


@lru_cache(maxsize=256)
def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ValueError(f"{name!r} is not an IANA time zone, such as Europe/Amsterdam") from None


def _wall(seconds: int, zone: str) -> datetime:
    """What the clocks of a zone show at a moment, as a datetime without a zone."""
    return datetime.fromtimestamp(seconds, UTC).astimezone(_zone(zone)).replace(tzinfo=None, fold=0)


def _first_second(wall: datetime, zone: str) -> int:
    """When the clocks of a zone first show a reading, or, where they jump over it, the moment of the jump."""
    info = _zone(zone)
    second = math.floor(wall.replace(tzinfo=info).timestamp())
    if _wall(second, zone) == wall:
        return second
    # In a gap, fold=0 reads the clocks as before the jump (too late) and fold=1 as after it (too early).
    early, late = math.floor(wall.replace(tzinfo=info, fold=1).timestamp()), second
    while late - early > 1:
        middle = (early + late) // 2
        early, late = (middle, late) if _wall(middle, zone) < wall else (early, middle)
    return late


def _text(wall: datetime) -> str:
    return wall.date().isoformat() if wall.time() == _MIDNIGHT else wall.isoformat()
