"""A bound for the time that a question may take: in the database itself, and in what is made of its answers."""

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from sqlalchemy import Connection, exc, text

_STEPS: Final = 20_000
"""SQLite looks at the clock after so many of its instructions, some milliseconds."""
_CANCELLED: Final = "57014"


class TooSlowError(Exception):
    """The question takes longer than it may."""


class Patience:
    """How long somebody waits: so many seconds from now on, and no longer than until they leave."""

    def __init__(self, seconds: float) -> None:
        self._ends = time.monotonic() + seconds

    def end(self) -> None:
        """Nobody waits any more. May be called from another thread."""
        self._ends = -math.inf

    @property
    def left_s(self) -> float:
        """How long is left, in seconds; nothing or less where it is over."""
        return self._ends - time.monotonic()

    def check(self) -> None:
        """Raises `TooSlowError` where nobody waits any more; long work asks again and again."""
        if self.left_s <= 0:
            raise TooSlowError


@contextmanager
def at_most(connection: Connection, patience: Patience) -> Iterator[None]:
    """Ends what is asked inside when nobody waits for it any more. Raises `TooSlowError`.

    PostgreSQL counts for each statement by itself, until the end of the transaction, and does not know who has left.
    """
    patience.check()
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"SET LOCAL statement_timeout = {max(1, int(patience.left_s * 1000))}"))
        driver = None
    else:
        driver = connection.connection.driver_connection
        _watch(driver, lambda: patience.left_s <= 0)
    try:
        yield
    except exc.OperationalError as error:
        if str(error.orig) == "interrupted" or getattr(error.orig, "sqlstate", None) == _CANCELLED:
            raise TooSlowError from None
        raise
    finally:
        if driver is not None:
            _watch(driver, None)


def _watch(driver: Any, is_over: Any) -> None:
    driver.set_progress_handler(is_over, _STEPS)
