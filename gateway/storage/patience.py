"""A bound for the time that a question may take, in the database itself."""

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


@contextmanager
def at_most(connection: Connection, seconds: float) -> Iterator[None]:
    """Ends what is asked inside after so many seconds. Raises `TooSlowError`.

    PostgreSQL counts for each statement by itself, and until the end of the transaction.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"SET LOCAL statement_timeout = {int(seconds * 1000)}"))
        driver = None
    else:
        driver = connection.connection.driver_connection
        ends = time.monotonic() + seconds
        _watch(driver, lambda: time.monotonic() > ends)
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
