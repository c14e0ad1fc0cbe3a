"""Counters of budgets from the ledger, which is the truth about what was spent."""

from collections.abc import Iterable

from sqlalchemy import Connection, and_, func, or_, select
from sqlalchemy.sql.elements import ColumnElement

from gateway.counters.hold import Restored
from gateway.money.budget import CompiledBudget, counter_root
from gateway.storage.tables import charged_by_hour

_HOUR_S = 3600
_BUDGETS_AT_ONCE = 200


def counters_in_force(connection: Connection, budgets: Iterable[CompiledBudget], at: float) -> dict[str, Restored]:
    """What the ledger knows of every counter of the budgets, in the windows of a moment (seconds since the epoch).

    Counters that nothing was added to are absent.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: The database does not answer.
    """
    wanted = list(budgets)
    found: dict[str, Restored] = {}
    for first in range(0, len(wanted), _BUDGETS_AT_ONCE):
        found.update(_in_force(connection, wanted[first : first + _BUDGETS_AT_ONCE], at))
    return found


def _in_force(connection: Connection, budgets: list[CompiledBudget], at: float) -> dict[str, Restored]:
    conditions: list[ColumnElement[bool]] = []
    resets: dict[str, int | None] = {}
    for budget in budgets:
        span = budget.window.span(at)
        root = counter_root(budget, span.id)
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
