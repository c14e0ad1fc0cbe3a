"""The only clock. Everything that asks for the time asks here, so that tests can move it."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

monotonic: Callable[[], float] = time.monotonic
"""Seconds on a clock that never goes back; for durations and rate windows."""

now: Callable[[], float] = time.time
"""Seconds since the Unix epoch."""


def microseconds() -> int:
    """Microseconds since the Unix epoch, as databases keep moments."""
    return time.time_ns() // 1_000


def microseconds_of(moment: datetime) -> int:
    """A moment with a zone as microseconds since the Unix epoch, exactly."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


def moment_at(microseconds: int) -> datetime:
    """The moment of so many microseconds since the Unix epoch, in UTC, exactly."""
    return _EPOCH + timedelta(microseconds=microseconds)


def iso(seconds: float) -> str:
    """Seconds since the epoch as RFC 3339 text in UTC, with milliseconds."""
    return iso_of_microseconds(int(seconds * 1_000_000))


def iso_of_microseconds(microseconds: int) -> str:
    """The same of a moment as databases keep it."""
    return _text_of_second(microseconds // 1_000_000) + _MILLISECONDS[microseconds // 1_000 % 1_000]


_MILLISECONDS = tuple(f".{number:03d}Z" for number in range(1000))


@lru_cache(maxsize=4)
def _text_of_second(whole: int) -> str:
    return datetime.fromtimestamp(whole, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def utc_now() -> datetime:
    """The present moment, with the UTC zone attached."""
    return datetime.now(UTC)
