"""For how long requests have rows: from which moment on they do, and what can be asked of the time before.

Sums by hour and by day stay for ever, of spend by `DIMENSIONS` and of what was charged to each counter. What they do
not keep apart cannot be told of a time whose requests are pruned.
"""

from typing import Final

from sqlalchemy import Connection, select

from gateway.ledger.period import BadParameterError, moment_text
from gateway.storage.partitions import month_start
from gateway.storage.tables import DIMENSIONS, ledger_retention

STANDING: Final = f"sums by {', '.join(DIMENSIONS)}, day and hour stand"
"""What is left of requests that are pruned, for messages."""


def kept_since(now: int, months: int) -> int:
    """The month from which on requests are kept, by its first microsecond: that of so many months before a moment."""
    return month_start(now, -months)


def pruned_before(connection: Connection) -> int:
    """The moment, in microseconds since the epoch, before which requests are pruned; zero: none are.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: The database does not answer.
    """
    return connection.scalar(select(ledger_retention.c.pruned_before)) or 0


def told_pruned(connection: Connection) -> str | None:
    """The same moment as text; `None` where nothing is pruned."""
    before = pruned_before(connection)
    return moment_text(before) if before else None


def check_kept(connection: Connection, start: int, what: str, parameter: str = "from") -> None:
    """Makes sure that the requests from a moment on can be read one by one, for `what` is asked.

    Raises:
        BadParameterError: Some of them are pruned.
        sqlalchemy.exc.SQLAlchemyError: The database does not answer.
    """
    before = pruned_before(connection)
    if start < before:
        raise BadParameterError(parameter, f"{what}, and requests before {moment_text(before)} are pruned; {STANDING}")
