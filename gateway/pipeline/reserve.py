"""Taking every hold of a request at once: all of them, or none and a 429 or 402."""

import math

from gateway import clock
from gateway.counters.hold import Dimension, Hold, Refusal
from gateway.errors import Denial, GatewayError
from gateway.money.nano_usd import shown
from gateway.pipeline.budget_hold import BudgetHold
from gateway.pipeline.exchange import Exchange
from gateway.pipeline.limit import holds_of
from gateway.pipeline.services import Services
from gateway.pipeline.take import candidate_holds, take

_NEVER = "never"


async def reserve(exchange: Exchange, services: Services) -> None:
    """Takes the limits of the key, and the limits and budgets of the first candidate that has room for the request.

    Raises `rate_limit_exceeded` or `budget_exceeded` and holds nothing; then the request still counts against the
    limits of the key.
    """
    limits = exchange.holds
    holds = [*limits, *holds_of(exchange, exchange.candidate.upstream.holds), *exchange.budget_holds]
    while True:
        refusal = await take(exchange, services, holds)
        if refusal is None:
            return
        if not _next_candidate(exchange, refusal.hold):
            if refusal.hold not in limits:
                await reserve_limits(exchange, services)
            raise _refused(refusal, clock.now())
        holds = [*limits, *candidate_holds(exchange, exchange.candidate)]


async def reserve_limits(exchange: Exchange, services: Services) -> None:
    """Takes the limits of the key alone, for a request that is refused anyway. Raises `rate_limit_exceeded`."""
    refusal = await take(exchange, services, exchange.holds)
    if refusal is not None:
        raise _refused(refusal, clock.now())


def _next_candidate(exchange: Exchange, refused: Hold) -> bool:
    """Lets the next candidate take over from one whose own limit or budget refuses; false when none may.

    A provider whose budget is used up leaves the chain; one whose account is at its limit, only if `fallback.on` has
    `rate_limit`.
    """
    if isinstance(refused, BudgetHold):
        reason = "budget_exceeded" if refused.budget.provider is not None else None
    else:
        is_own = refused.limit.key.startswith(f"provider:{exchange.provider_name}:")
        reason = "rate_limited" if is_own and "rate_limit" in exchange.fallback.on else None
    if reason is None or len(exchange.candidates) == 1:
        return False
    exchange.passed_over(exchange.candidate, reason)
    exchange.candidates = exchange.candidates[1:]
    exchange.go_to(exchange.candidates[0])
    return True


def _refused(refusal: Refusal, now: float) -> GatewayError:
    hold = refusal.hold
    return _over_budget(hold, now) if isinstance(hold, BudgetHold) else _rate_limited(refusal)


def _over_budget(hold: BudgetHold, now: float) -> GatewayError:
    budget, resets_at = hold.budget, hold.limit.resets_at
    ends = _NEVER if resets_at is None else clock.iso(resets_at)
    what = f"{budget.scope.kind} {budget.scope.value}"
    headers = {} if resets_at is None else {"retry-after": str(max(1, math.ceil(resets_at - now)))}
    return GatewayError(
        "budget_exceeded",
        f"The budget {budget.name} of the {what} has no room for this request: {shown(budget.limit)} in one "
        f"{budget.window.kind} window, of which this request may take {shown(hold.amount)}; it starts anew: {ends}.",
        headers=headers,
        meta={
            "budget": budget.name,
            "scope": f"{budget.scope.kind}:{budget.scope.value}",
            "window": budget.window.kind,
            "resets_at": None if resets_at is None else ends,
            **({} if budget.each is None else {"each": budget.each}),
        },
        denial=Denial("budget", budget.scope.kind, budget.name),
    )


def _rate_limited(refusal: Refusal) -> GatewayError:
    limit = refusal.hold.limit
    owner, name, _ = limit.key.split(":", 2)
    whose, code = (
        ("This key", "vk_rate_limit_exceeded")
        if owner == "key"
        else (f"The provider {name}", "provider_rate_limit_exceeded")
    )
    wait = max(1, math.ceil(refusal.retry_after_s or 1))
    return GatewayError(
        "rate_limit_exceeded",
        f"{whose} is limited to {limit.ceiling} {_UNITS[limit.dimension]}; try again in {wait} s.",
        code=code,
        headers={"retry-after": str(wait), "x-langwatch-ratelimit-dimension": limit.dimension.value},
        denial=Denial("limit", limit.dimension.value, f"{owner}:{name}"),
    )


_UNITS = {
    Dimension.RPM: "requests per minute",
    Dimension.RPD: "requests per day",
    Dimension.TPM: "tokens per minute",
    Dimension.CONCURRENCY: "requests at one time",
}
