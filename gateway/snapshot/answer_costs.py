"""What an answer of a provider costs under one revision of the file."""

from typing import Final

from gateway.money.cost import AnswerCost, answer_cost
from gateway.money.price_times import PriceOverTime
from gateway.money.prices import Price
from gateway.snapshot.prices import Prices
from gateway.usage import Served, Usage

_SAYS_WHAT_IT_LIKES: Final = ("custom",)
"""Types of providers whose servers may be anybody's: no name that they state makes an answer cheaper."""


def cost_of(
    prices: Prices,
    provider: str,
    provider_type: str,
    model: str,
    usage: Usage,
    served: Served | None,
    at: float,
    over_time: PriceOverTime | None = None,
) -> AnswerCost | None:
    """What an answer costs by what it states; `None` where neither who was asked nor who answered has a price.

    Args:
        prices: Of the revision.
        provider: Who was asked.
        provider_type: Of which type it is.
        model: The model that was asked there.
        usage: What the answer consumed.
        served: How it was served.
        at: The moment whose prices count, in seconds since the epoch.
        over_time: The prices of the model, where they are at hand.
    """
    price = (over_time or prices.of(provider, provider_type, model)).at(at)
    if served is None:
        # PERF: an answer that names no other model and no service is the usual one of many servers.
        return None if price is None else answer_cost(usage, None, price, _of_nobody, model)

    def price_of(other: str) -> Price | None:
        return prices.served(provider, provider_type, model, other).at(at)

    if price is None:
        price = None if served.model is None else price_of(served.model)
        if price is None:
            return None
    charged = answer_cost(usage, served, price, price_of, model)
    if provider_type not in _SAYS_WHAT_IT_LIKES or not (served.model or served.iterations):
        return charged
    as_asked = answer_cost(usage, served, price, _of_nobody, model)
    return as_asked if as_asked.nano_usd > charged.nano_usd else charged


def _of_nobody(_model: str) -> None:
    """Names that are stated have no price of their own."""
