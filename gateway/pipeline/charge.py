"""What a request cost in the end, and which counters it adds to."""

from gateway.counters.hold import Dimension, Hold
from gateway.money.budget import counts_provider
from gateway.money.cost import cost
from gateway.money.prices import Price
from gateway.pipeline.budget import estimated_cost, prompt_bound
from gateway.pipeline.budget_hold import BudgetHold
from gateway.pipeline.exchange import Exchange
from gateway.telemetry.decision_record import Charge
from gateway.usage import Usage

_TPM = Dimension.TPM
_MAY_COST = ("ok", "cancelled")
"""Outcomes of a call that was under way when the client left; after any other, nobody was working for it."""


def charge(exchange: Exchange, outcome: str) -> None:
    """Sets what each provider is owed and what the request cost; `None` where no price is known.

    What a provider reported is what counts. An answer without a report costs its upper estimate, unless the file says
    `on_missing_usage: charge_zero`; so does a prompt whose client left before the answer began. A provider that failed,
    or was not asked, costs nothing.
    """
    for candidate, stated in exchange.replaced:
        if candidate.price is not None:
            _owe(exchange, candidate.upstream.provider.name, cost(stated.usage, candidate.price))
    price = exchange.candidate.price if exchange.upstream is not None else None
    if price is not None:
        owed = _last_attempt(exchange, price, outcome)
        if owed is not None:
            _owe(exchange, exchange.provider_name, owed)
    if exchange.owed:
        exchange.cost = sum(exchange.owed.values())


def settlements(exchange: Exchange, outcome: str) -> list[dict[str, int]]:
    """For each lease in turn, what was consumed of its counters; a counter of several leases counts in the first.

    What is held is an estimate of money and of tokens alone; of the others it is what counts.
    """
    tokens = _tokens(exchange, outcome)
    counted: set[str] = set()
    settled: list[dict[str, int]] = []
    for taken in exchange.taken:
        amounts: dict[str, int] = {}
        for spent in taken.budgets:
            key = spent.limit.key
            amounts[key] = 0 if key in counted else _spent(exchange, spent)
        if tokens is not None:
            for hold in taken.holds:
                if hold.limit.dimension is _TPM:
                    key = hold.limit.key
                    amounts[key] = 0 if key in counted else _consumed(exchange, hold, tokens)
        counted.update(amounts)
        settled.append(amounts)
    return settled


def charges(exchange: Exchange) -> tuple[Charge, ...]:
    """What the request added to the counters of its budgets."""
    if exchange.key is None or not exchange.key.budgets:
        return ()
    added: dict[str, int] = {}
    for taken in exchange.taken:
        for hold in taken.budgets:
            added[hold.limit.key] = _spent(exchange, hold)
    return tuple([Charge(key, amount) for key, amount in added.items() if amount])


def _last_attempt(exchange: Exchange, price: Price, outcome: str) -> int | None:
    if exchange.usage is not None:
        return cost(exchange.usage, price)
    if not exchange.endpoint.metered or _consumed_nothing(exchange, outcome):
        return None
    if not exchange.snapshot.charges_missing_usage:
        return 0
    if outcome == "ok":
        return estimated_cost(exchange, price)
    return cost(Usage(input_tokens=prompt_bound(exchange).tokens), price)


def _owe(exchange: Exchange, provider: str, amount: int) -> None:
    exchange.owed[provider] = exchange.owed.get(provider, 0) + amount


def _consumed(exchange: Exchange, hold: Hold, tokens: int) -> int:
    """How many of the tokens count against the limit of a key, or of a provider's account."""
    owner, name, _ = hold.limit.key.split(":", 2)
    return tokens if owner == "key" or name == exchange.provider_name else 0


def _spent(exchange: Exchange, hold: BudgetHold) -> int:
    if exchange.cost is None or hold.budget.provider is None:
        return exchange.cost or 0
    return sum(owed for provider, owed in exchange.owed.items() if counts_provider(hold.budget, provider))


def _tokens(exchange: Exchange, outcome: str) -> int | None:
    """Tokens that count: what was reported; none where nothing was answered; else `None`, and the estimate stands."""
    if exchange.usage is not None:
        return exchange.usage.total_tokens
    return 0 if _consumed_nothing(exchange, outcome) else None


def _consumed_nothing(exchange: Exchange, outcome: str) -> bool:
    """Whether nothing was answered, or the client left while no call was under way."""
    if outcome in ("refused", "failed"):
        return True
    attempts = exchange.attempts
    return outcome != "ok" and (not attempts or attempts[-1].outcome not in _MAY_COST)
