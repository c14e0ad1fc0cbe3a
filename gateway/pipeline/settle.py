"""The end of every request, once: holds become what was consumed, and ledger, metrics and log hear of it."""

from gateway.money.nano_usd import NANO_PER_USD
from gateway.pipeline.charge import charge, settlements
from gateway.pipeline.exchange import Exchange
from gateway.pipeline.record import decision_record, ledger_entry
from gateway.pipeline.services import Services

CLIENT_CLOSED = 499
"""The status recorded for a request whose client left; nginx's convention, never sent."""

LEDGER_FULL = "ledger_full"
"""The code of the refusal that the ledger has no room to hear of."""


def settle(
    exchange: Exchange,
    services: Services,
    *,
    status: int,
    outcome: str,
    error_type: str | None = None,
    error_code: str | None = None,
) -> None:
    """Gives back what the request held and tells the ledger, metrics and log. Doing it twice does nothing."""
    if exchange.settled:
        return
    exchange.settled = True
    for engaged in exchange.under_way:
        engaged.count -= 1
    charge(exchange, outcome)
    for taken, amounts in zip(exchange.taken, settlements(exchange, outcome), strict=True):
        if taken.lease is not None:
            taken.lease.settle(amounts)
    if exchange.key is not None and error_code != LEDGER_FULL:
        services.ledger.append(ledger_entry(exchange, exchange.key, status, outcome))
    provider = exchange.upstream.provider.name if exchange.upstream is not None else ""
    services.metrics.request_ended(exchange.endpoint.name, provider, status, error_type)
    for attempt in exchange.attempts:
        services.metrics.attempted(attempt.provider, attempt.outcome)
    if exchange.usage is not None:
        services.metrics.usage(provider, exchange.usage)
    for owed_to, owed in exchange.owed.items():
        services.metrics.cost(owed_to, owed / NANO_PER_USD)
    if services.decision_log is not None:
        services.decision_log.write(decision_record(exchange, status, outcome, error_type, error_code))
