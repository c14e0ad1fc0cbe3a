"""What was spent in each hour or day of a period, from sums alone."""

from collections.abc import Collection
from typing import Final

import msgspec
from sqlalchemy import Connection, func, select

from gateway.ledger.rows import DAY_HOURS, HOUR_US
from gateway.ledger.scope import keys_of
from gateway.storage.tables import spend_by_day, spend_by_hour

_DAY_US: Final = DAY_HOURS * HOUR_US
_HOURS_UP_TO_US: Final = 7 * _DAY_US


class SpendOverTime(msgspec.Struct, frozen=True):
    """Nano-USD of every slot from `start` on, each `slot_us` microseconds long; zeros where nothing was spent."""

    start: int
    slot_us: int
    amounts: tuple[int, ...]

    @property
    def total(self) -> int:
        """Nano-USD of the whole period."""
        return sum(self.amounts)


def spend_over_time(
    connection: Connection, *, start: int, end: int, owners: Collection[str] | None = None
) -> SpendOverTime:
    """Hours up to a week, days beyond; the period is widened to whole ones.

    Args:
        connection: To the migrated database.
        start: The first microsecond of the period.
        end: The first one behind it.
        owners: Whose keys; `None`: everybody's.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: The database does not answer.
    """
    by_hour = end - start <= _HOURS_UP_TO_US
    unit = HOUR_US if by_hour else _DAY_US
    table = spend_by_hour if by_hour else spend_by_day
    slot = table.c.hour if by_hour else table.c.day
    first, behind = start // unit, -(-end // unit)
    meant = slot >= first, slot < behind, *([] if owners is None else [table.c.virtual_key.in_(keys_of(owners))])
    statement = select(slot, func.sum(table.c.cost_nano_usd)).where(*meant).group_by(slot).order_by(slot)
    found = {at: int(amount) for at, amount in connection.execute(statement)}
    return SpendOverTime(first * unit, unit, tuple(found.get(at, 0) for at in range(first, behind)))
