"""The only clock. Everything that asks for the time asks here, so that tests can move it."""

import time
from datetime import UTC, datetime


def monotonic() -> float:
    """Seconds on a clock that never goes back; for durations and rate windows."""
    return time.monotonic()


def now() -> float:
    """Seconds since the Unix epoch."""
    return time.time()


def utc_now() -> datetime:
    """The present moment, with the UTC zone attached."""
    return datetime.now(UTC)
