"""What the resources of the API work with; built once, in `wiring`."""

from typing import Protocol

import msgspec

from gateway.control_plane.database import Database
from gateway.control_plane.encryption import Vault
from gateway.control_plane.minting import Minter
from gateway.control_plane.news import News
from gateway.ledger.prune_task import PruneTask
from gateway.money.budget import CompiledBudget


class KnownBudgets(msgspec.Struct, frozen=True):
    """The budgets in force; with `problems`, those before a newer configuration that cannot be read."""

    budgets: tuple[CompiledBudget, ...]
    problems: tuple[str, ...] = ()


class BudgetSource(Protocol):
    """Where budgets come from."""

    def known(self) -> KnownBudgets:
        """The budgets at present; may read files, so it is called from a thread."""


class Services(msgspec.Struct, frozen=True):
    """Handed to every resource.

    `mint` makes secrets of keys; `news` is `None` where no gateway can wait for any; `name` is how the control plane is
    called; `prunes` takes old requests out of the ledger meanwhile.
    """

    database: Database
    budgets: BudgetSource | None
    vault: Vault
    mint: Minter
    news: News | None = None
    name: str | None = None
    prunes: PruneTask | None = None
