"""Taking every hold of a request at once: all of them, or none and a 429."""

import math

from gateway.counters.hold import Dimension, Refusal
from gateway.errors import GatewayError
from gateway.pipeline.exchange import Exchange
from gateway.pipeline.services import Services


async def reserve(exchange: Exchange, services: Services) -> None:
    """Takes the holds that the stages before asked for; raises `rate_limit_exceeded` and takes nothing otherwise."""
    if not exchange.holds:
        return
    outcome = await services.counters.reserve(exchange.holds)
    if isinstance(outcome, Refusal):
        raise _rate_limited(outcome)
    exchange.lease = outcome


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
    )


_UNITS = {
    Dimension.RPM: "requests per minute",
    Dimension.RPD: "requests per day",
    Dimension.TPM: "tokens per minute",
    Dimension.CONCURRENCY: "requests at one time",
}
