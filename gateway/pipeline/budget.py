"""Which budgets does the request count against, for whom and for how much at most? Only asks; `reserve` takes."""

from gateway.errors import GatewayError
from gateway.money.budget import CompiledBudget, counts_provider, end_user_of, refuses_unpriced
from gateway.money.estimate import InputBound, bound_input, estimate, output_bound
from gateway.money.prices import Price
from gateway.pipeline.budget_hold import BudgetHold
from gateway.pipeline.exchange import Exchange
from gateway.shapes.stated import end_users
from gateway.snapshot.snapshot import Candidate

_END_USER = b"x-langwatch-end-user-id"
_MOST = 2**53 - 1
"""Nano-USD, about nine million US dollars: what every counter store counts exactly."""


def budget(exchange: Exchange) -> None:
    """Finds out who is behind the request, and asks for a hold of every budget of the first candidate.

    Raises `end_user_required`, and `model_not_allowed` for a model without a price under a budget that needs one.
    """
    body, header = exchange.body, exchange.header_map.get(_END_USER)
    assert body is not None  # noqa: S101 - the body was read before
    exchange.end_user = end_user_of(header, end_users(exchange.endpoint.shape, body))
    exchange.budget_holds = budget_holds(exchange, exchange.candidate)


def budget_holds(exchange: Exchange, candidate: Candidate) -> list[BudgetHold]:
    """What a call to a candidate needs of each budget, beyond what the request already holds. Raises as `budget`."""
    key = exchange.key
    assert key is not None  # noqa: S101 - `authenticate` came before
    if not key.budgets or not exchange.endpoint.metered:
        return []
    provider, price = candidate.upstream.provider.name, candidate.price
    needed = 0 if price is None else estimated_cost(exchange, price)
    held = _held(exchange) if exchange.taken else {}
    holds: list[BudgetHold] = []
    for meter in key.budgets:
        budget = meter.budget
        if not counts_provider(budget, provider):
            continue
        if price is None and refuses_unpriced(budget):
            raise _unpriced(budget, candidate)
        limit = meter.limit(exchange.started_at, exchange.end_user)
        missing = needed - held.get(limit.key, 0)
        if missing > 0 or limit.key not in held:
            holds.append(BudgetHold(limit, max(missing, 0), budget))
    return holds


def _held(exchange: Exchange) -> dict[str, int]:
    """Nano-USD that the request holds by now, by counter."""
    held: dict[str, int] = {}
    for taken in exchange.taken:
        for hold in taken.budgets:
            held[hold.limit.key] = held.get(hold.limit.key, 0) + hold.amount
    return held


def estimated_cost(exchange: Exchange, price: Price) -> int:
    """Nano-USD that the request costs at most at a price."""
    key, body = exchange.key, exchange.body
    assert key is not None  # noqa: S101 - `authenticate` came before
    assert body is not None  # noqa: S101 - the body was read before
    several, best_of = body.decoded("n"), body.decoded("best_of")
    choices = 1 if several is None and best_of is None else max(_count(several), _count(best_of))
    output = output_bound(body.max_output_tokens, choices, key.assumed_output_tokens)
    return min(estimate(price, prompt_bound(exchange), output), _MOST)


def prompt_bound(exchange: Exchange) -> InputBound:
    """The most that the prompt can count, found when it is first asked for."""
    if exchange.prompt is None:
        exchange.prompt = bound_input(b"" if exchange.body is None else exchange.body.data)
    return exchange.prompt


def _count(value: object) -> int:
    """How many choices a value asks for; some providers take `3.0` for 3."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else 1


def _unpriced(budget: CompiledBudget, candidate: Candidate) -> GatewayError:
    target = f"{candidate.upstream.provider.name}/{candidate.model}"
    return GatewayError(
        "model_not_allowed",
        f"Nobody knows what {target} costs, and the budget {budget.name} counts money; write its price under `prices`, "
        "or `unpriced: allow` at the budget.",
        code="model_unpriced",
        param="model",
    )
