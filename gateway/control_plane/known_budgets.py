"""The budgets that reports are of: those of the files that the control plane was started with, or what was applied."""

from sqlalchemy import Connection, select

from gateway.config.sections.budgets import Budget
from gateway.control_plane import state
from gateway.control_plane.services import KnownBudgets, Services
from gateway.ledger import names
from gateway.snapshot.budgets import compile_budgets
from gateway.storage.tables import resources


async def known_budgets(services: Services) -> KnownBudgets | None:
    """The budgets in force; `None` where there is no configuration at all. Raises `ApiError`."""
    source = services.budgets
    if source is not None:
        return await services.database.inspect(lambda _: source.known())
    return await services.database.read(applied_budgets)


def applied_budgets(connection: Connection) -> KnownBudgets | None:
    """The budgets of the control plane's resources, in the order of their names; `None` before the first apply."""
    if state.position(connection).revision == 0:
        return None
    statement = select(resources.c.name, resources.c.spec).where(resources.c.kind == "budgets")
    rows = connection.execute(statement.order_by(resources.c.name))
    sections = {name: Budget.model_validate(spec) for name, spec in rows}
    return KnownBudgets(compile_budgets(sections, names.read(connection).ids))
