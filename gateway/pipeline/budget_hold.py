"""What a request holds of a budget."""

from gateway.counters.hold import Hold
from gateway.money.budget import CompiledBudget


class BudgetHold(Hold, frozen=True):
    """Nano-USD of one budget, asked for."""

    budget: CompiledBudget
