"""The budgets that reports are of: those of the files that the control plane was started with, or what was applied."""

from collections.abc import Collection

from sqlalchemy import Connection, select

from gateway.config.sections.budgets import Budget
from gateway.control_plane import state
from gateway.control_plane.services import KnownBudgets, Services
from gateway.ledger import names
from gateway.snapshot.budgets import compile_budgets
from gateway.storage.statements import of_owners
from gateway.storage.tables import resources


async def known_budgets(services: Services, owners: Collection[str] | None) -> KnownBudgets | None:
    """The budgets in force; `None` where there is no configuration at all. Raises `ApiError`.

    For owners, those of theirs that were applied: files of the control plane are nobody's.
    """
    source = services.budgets
    if source is not None and owners is None:
        return await services.database.inspect(lambda _: source.known())
    return await services.database.read(lambda connection: applied_budgets(connection, owners))


def applied_budgets(connection: Connection, owners: Collection[str] | None = None) -> KnownBudgets | None:
    """The budgets of the control plane's resources, in the order of their names; `None` before the first apply."""
    if state.position(connection).revision == 0:
        return None
    meant = (resources.c.kind == "budgets", *of_owners(resources.c.owner, owners))
    statement = select(resources.c.name, resources.c.spec).where(*meant)
    rows = connection.execute(statement.order_by(resources.c.name))
    sections = {name: Budget.model_validate(spec) for name, spec in rows}
    return KnownBudgets(compile_budgets(sections, names.read(connection).ids))
