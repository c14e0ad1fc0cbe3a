"""What a request becomes while a budget is nearly used up: one for a model that costs less, as `when_over` says.

By what this process heard last of the budget: how full it is exactly, only its counters know, and they decide what is
refused.
"""

from collections.abc import Callable

from gateway.counters.hold import Hold
from gateway.errors import GatewayError
from gateway.pipeline.holds import candidate_holds
from gateway.pipeline.services import Services
from gateway.pipeline.states import Admitted, BudgetHold
from gateway.snapshot.snapshot import Resolution


def downgraded(
    request: Admitted,
    holds: list[Hold],
    asking_for: Callable[[str], tuple[Admitted, Resolution]],
    services: Services,
) -> tuple[Admitted, list[Hold]]:
    """The request for the model of the first budget that has one for it and would hold less of that; else as it came.

    Args:
        request: As it was asked for.
        holds: What it needs.
        asking_for: The same for another model. Raises `GatewayError` where the key may not call that.
        services: What is known of budgets.
    """
    for hold in holds:
        if not isinstance(hold, BudgetHold) or not hold.budget.when_over:
            continue
        percent = _percent(hold, services)
        model = next((model for from_percent, model in hold.budget.when_over if percent >= from_percent), None)
        if model is None or model == request.model_asked:
            continue
        try:
            other, found = asking_for(model)
            needed = candidate_holds(other, other.candidate, services.habits)
        except GatewayError:
            # Nobody gets a model that the key may not call: the request goes on until the budget refuses.
            continue
        if sum(one.amount for one in needed if one.limit.key == hold.limit.key) < hold.amount:
            trail = request.received.trail
            trail.candidate, trail.model_source, trail.shared_by = other.candidate, found.source, found.shared_by
            trail.downgraded = f"{hold.budget.name}:{percent}"
            return other, needed
    return request, holds


def _percent(hold: BudgetHold, services: Services) -> int:
    """How much of a budget is spent, as far as this process knows."""
    spent, ceiling = services.known_spent.get(hold.limit.key, 0), hold.limit.ceiling
    return spent * 100 // ceiling if ceiling else 100
