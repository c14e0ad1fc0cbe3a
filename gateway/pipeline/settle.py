"""The end of every request, once: holds become what was consumed, and the decision is recorded."""

from gateway import clock
from gateway.counters.hold import Dimension, Hold
from gateway.money.cost import cost
from gateway.money.nano_usd import NANO_PER_USD
from gateway.pipeline.exchange import Exchange
from gateway.pipeline.services import Services
from gateway.telemetry.decision_log import DecisionRecord

CLIENT_CLOSED = 499
"""The status recorded for a request whose client left; nginx's convention, never sent."""


def settle(
    exchange: Exchange,
    services: Services,
    *,
    status: int,
    outcome: str,
    error_type: str | None = None,
    error_code: str | None = None,
) -> None:
    """Gives back what the request held and tells metrics and log. Doing it twice does nothing."""
    if exchange.settled:
        return
    exchange.settled = True
    for engaged in exchange.under_way:
        engaged.count -= 1
    if exchange.leases:
        consumed = _consumed(exchange, outcome)
        for lease in exchange.leases:
            lease.settle(consumed)
    provider = exchange.upstream.provider.name if exchange.upstream is not None else ""
    services.metrics.request_ended(exchange.endpoint.name, provider, status, error_type)
    for attempt in exchange.attempts:
        services.metrics.attempted(attempt.provider, attempt.outcome)
    if exchange.usage is not None:
        price = exchange.candidate.price
        exchange.cost = None if price is None else cost(exchange.usage, price)
        services.metrics.usage(provider, exchange.usage, (exchange.cost or 0) / NANO_PER_USD)
    if services.decision_log is not None:
        services.decision_log.write(_record(exchange, status, outcome, error_type, error_code))


def _consumed(exchange: Exchange, outcome: str) -> dict[str, int]:
    """Tokens by counter: what the provider reported; nothing where it answered nothing; else the estimate stands."""
    if exchange.usage is not None:
        tokens = exchange.usage.total_tokens
    elif outcome in ("refused", "failed"):
        tokens = 0
    else:
        return {}
    return {
        hold.limit.key: tokens if _answered(exchange, hold) else 0
        for hold in exchange.holds
        if hold.limit.dimension is Dimension.TPM
    }


def _answered(exchange: Exchange, hold: Hold) -> bool:
    """Whether the hold is of the key, or of the provider whose answer this is, and not of one that failed before."""
    owner, name, _ = hold.limit.key.split(":", 2)
    return owner == "key" or name == exchange.provider_name


def _record(
    exchange: Exchange, status: int, outcome: str, error_type: str | None, error_code: str | None
) -> DecisionRecord:
    key, now = exchange.key, clock.monotonic()
    who = key.attribution if key is not None else None
    first_byte_at = exchange.first_byte_at
    return DecisionRecord(
        time=clock.iso(exchange.started_at),
        request_id=exchange.request_id,
        revision=exchange.snapshot.revision_label,
        trace_id=exchange.trace.trace_id,
        span_id=exchange.trace.span_id,
        endpoint=exchange.endpoint.name,
        virtual_key=key.name if key is not None else None,
        organization=who.organization if who is not None else None,
        team=who.team if who is not None else None,
        project=who.project if who is not None else None,
        principal=who.principal if who is not None else None,
        tags=who.tags if who is not None else (),
        model_asked=exchange.model_asked,
        model=exchange.model,
        provider=exchange.upstream.provider.name if exchange.upstream is not None else None,
        model_source=exchange.model_source,
        body=exchange.body_treatment,
        streaming=exchange.body.stream if exchange.body is not None else False,
        status=status,
        error_type=error_type,
        error_code=error_code,
        outcome=outcome,
        usage=exchange.usage,
        usage_warning=exchange.usage_warning,
        cost_nano_usd=exchange.cost,
        price_source=_price_source(exchange),
        attempts=tuple(exchange.attempts),
        duration_ms=round((now - exchange.started) * 1000),
        first_byte_ms=round((first_byte_at - exchange.started) * 1000) if first_byte_at is not None else None,
    )


def _price_source(exchange: Exchange) -> str | None:
    price = None if exchange.cost is None else exchange.candidate.price
    return None if price is None else price.source
