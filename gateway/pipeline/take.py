"""Taking holds for a request: all of them or none, at its start and whenever another candidate takes over."""

from gateway.counters.hold import CountersLost, Hold, Lease, Refusal
from gateway.errors import GatewayError
from gateway.money.budget import CompiledBudget
from gateway.pipeline.budget import budget_holds
from gateway.pipeline.budget_hold import BudgetHold
from gateway.pipeline.exchange import Exchange, Taken
from gateway.pipeline.limit import holds_of
from gateway.pipeline.services import Services
from gateway.snapshot.snapshot import Candidate
from gateway.telemetry.metrics import Metrics

_WARNS_FROM = 80


def candidate_holds(exchange: Exchange, candidate: Candidate) -> list[Hold]:
    """What a call to a candidate needs: of the limits of its provider's account, and of every budget."""
    holds = holds_of(exchange, candidate.upstream.holds)
    if exchange.key is not None and exchange.key.budgets:
        holds += budget_holds(exchange, candidate)
    return holds


async def take(exchange: Exchange, services: Services, holds: list[Hold]) -> Refusal | None:
    """Takes holds for the request; `None` when it has them.

    While the counters do not answer, the process's setting decides: the request goes on uncounted, or the call raises
    `overloaded`. The ledger hears of it in both cases.
    """
    lease: Lease | Refusal | None = None
    if holds:
        try:
            lease = await services.counters.reserve(holds)
        except CountersLost as lost:
            if _refuses_uncounted(holds, services.on_counter_loss):
                raise _uncounted(lost) from lost
    if isinstance(lease, Refusal):
        if isinstance(lease.hold, BudgetHold):
            tell_spent(exchange, services.metrics, lease.hold, lease.spent)
        return lease
    budgets: list[BudgetHold] = []
    if exchange.key is not None and exchange.key.budgets:
        budgets = [hold for hold in holds if isinstance(hold, BudgetHold)]
        if lease is not None:
            exchange.budget_warning = _warning(lease, budgets) or exchange.budget_warning
    exchange.taken.append(Taken(lease, holds, budgets))
    return None


def tell_spent(exchange: Exchange, metrics: Metrics, hold: BudgetHold, spent: int) -> None:
    """Metrics hear what the request found to be spent of a budget, in nano-USD."""
    budget, limit = hold.budget, hold.limit
    metrics.budgets.tell(budget.name, limit.key, _ratio(spent, budget), limit.resets_at, budget, exchange.started)


def _refuses_uncounted(holds: list[Hold], policy: str | None) -> bool:
    if policy is None:
        return any(isinstance(hold, BudgetHold) and hold.limit.blocks for hold in holds)
    return policy == "refuse"


def _uncounted(lost: CountersLost) -> GatewayError:
    return GatewayError(
        "overloaded",
        f"Limits and budgets cannot be counted at present: {lost}.",
        code="counters_unavailable",
        headers={"retry-after": "1"},
    )


def _warning(lease: Lease, holds: list[BudgetHold]) -> str | None:
    """`<scope>:<pct>` of the fullest budget, from 80 % on, with what requests under way hold."""
    fullest, scope = _WARNS_FROM - 1, None
    spent = lease.spent
    for hold in holds:
        percent = int(_ratio(spent.get(hold.limit.key, 0), hold.budget) * 100)
        if percent > fullest:
            fullest, scope = percent, hold.budget.scope
    return None if scope is None else f"{scope.kind}:{fullest}"


def _ratio(spent: int, budget: CompiledBudget) -> float:
    return spent / budget.limit if budget.limit else 1.0
