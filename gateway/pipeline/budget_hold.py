"""What a request holds of a budget."""

from typing import Final

from gateway.counters.hold import Hold, Limit
from gateway.money.budget import CompiledBudget


class BudgetHold(Hold):
    """Nano-USD of one budget, asked for. Immutable."""

    __slots__ = ("budget",)

    def __init__(self, limit: Limit, amount: int, budget: CompiledBudget) -> None:
        super().__init__(limit, amount)
        self.budget: Final = budget
