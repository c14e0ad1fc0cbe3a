"""Taking every hold of a request at once: all of them, or none and a 429."""

import math

from gateway.counters.hold import Dimension, Refusal
from gateway.errors import GatewayError
from gateway.pipeline.exchange import Exchange
from gateway.pipeline.limit import add_holds
from gateway.pipeline.services import Services
from gateway.telemetry.decision_log import AttemptRecord


async def reserve(exchange: Exchange, services: Services) -> None:
    """Takes the holds that the stages before asked for; raises `rate_limit_exceeded` and takes nothing otherwise.

    Where only the account of the first candidate is at its limit, the next candidate takes its place.
    """
    while exchange.holds:
        outcome = await services.counters.reserve(exchange.holds)
        if not isinstance(outcome, Refusal):
            exchange.leases.append(outcome)
            return
        if not _next_candidate(exchange, outcome):
            raise _rate_limited(outcome)


def _next_candidate(exchange: Exchange, refusal: Refusal) -> bool:
    """Lets the next candidate take over from one whose own limit refuses; false when none may."""
    of_provider = f"provider:{exchange.provider_name}:" if exchange.candidates else None
    if (
        of_provider is None
        or not refusal.hold.limit.key.startswith(of_provider)
        or len(exchange.candidates) == 1
        or "rate_limit" not in exchange.fallback.on
    ):
        return False
    exchange.attempts.append(AttemptRecord(exchange.provider_name, exchange.candidate.model, "rate_limited", 0))
    exchange.holds = [hold for hold in exchange.holds if not hold.limit.key.startswith(of_provider)]
    exchange.candidates = exchange.candidates[1:]
    exchange.go_to(exchange.candidates[0])
    add_holds(exchange, exchange.candidate.upstream.holds)
    return True


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
