"""Counters of budgets from the ledger, which is the truth about what was spent."""

from collections.abc import Iterable, Sequence
from itertools import product
from typing import Final

from sqlalchemy import Connection, Engine, and_, func, or_, select
from sqlalchemy.sql.elements import ColumnElement

from gateway.counters.hold import LedgerState, Restored
from gateway.ledger.settled import all_settled
from gateway.money.budget import CompiledBudget, counter_root
from gateway.storage.engine import reading
from gateway.storage.tables import charged_by_hour

_HOUR_S = 3600
_BUDGETS_AT_ONCE = 200


_CLOCKS_DIFFER_S: Final = 60.0


def ledger_state(engine: Engine, budgets: Sequence[CompiledBudget], at: float) -> LedgerState:
    """What the ledger knows of every counter of the budgets around a moment, and of what processes have settled.

    Both are read as of one moment, so that they say of each settlement the same.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: The database does not answer.
    """
    with reading(engine) as connection:
        spent = counters_in_force(connection, budgets, at, slack_s=_CLOCKS_DIFFER_S)
        return LedgerState(spent, all_settled(connection))


def counters_in_force(
    connection: Connection, budgets: Iterable[CompiledBudget], at: float, *, slack_s: float = 0.0
) -> dict[str, Restored]:
    """What the ledger knows of every counter of the budgets, in the windows of a moment.

    Counters that nothing was added to are absent.

    Args:
        connection: To the migrated database.
        budgets: Whose counters.
        at: The moment, in seconds since the epoch.
        slack_s: Seconds around it of which the windows count, too: other clocks differ.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: The database does not answer.
    """
    wanted = list(budgets)
    moments = (at,) if not slack_s else (at - slack_s, at, at + slack_s)
    found: dict[str, Restored] = {}
    for first in range(0, len(wanted), _BUDGETS_AT_ONCE):
        found.update(_in_force(connection, wanted[first : first + _BUDGETS_AT_ONCE], moments))
    return found


def _in_force(connection: Connection, budgets: list[CompiledBudget], moments: Sequence[float]) -> dict[str, Restored]:
    conditions: list[ColumnElement[bool]] = []
    resets: dict[str, int | None] = {}
    for budget, at in product(budgets, moments):
        span = budget.window.span(at)
        root = counter_root(budget, span.id)
        if root in resets:
            continue
        resets[root] = span.end
        conditions.append(and_(_is_of(root, each=budget.each is not None), span.start // _HOUR_S <= _HOUR))
    if not conditions:
        return {}
    statement = select(_COUNTER, func.sum(charged_by_hour.c.amount)).where(or_(*conditions)).group_by(_COUNTER)
    return {
        counter: Restored(int(amount), resets[counter if counter in resets else counter.rpartition(":")[0]])
        for counter, amount in connection.execute(statement)
    }


def _is_of(root: str, *, each: bool) -> ColumnElement[bool]:
    """The counter of a name or, with `each`, all of those whose names go on with a colon."""
    counter = charged_by_hour.c.counter
    # Not BETWEEN: PostgreSQL takes no COLLATE, which these columns carry, within it.
    return and_(counter >= f"{root}:", counter <= f"{root}:\x7f") if each else counter == root


_COUNTER = charged_by_hour.c.counter
_HOUR = charged_by_hour.c.hour
