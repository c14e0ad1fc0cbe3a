"""The end of every request, once: holds become what was consumed, and ledger, metrics and log hear of it."""

from collections.abc import Sequence
from itertools import pairwise

from gateway import clock
from gateway.counters.hold import Lease
from gateway.errors import Denial
from gateway.ledger.storable import encode
from gateway.money.nano_usd import NANO_PER_USD
from gateway.pipeline.budget_hold import BudgetHold
from gateway.pipeline.charge import charge, settlements
from gateway.pipeline.exchange import Exchange
from gateway.pipeline.record import decision_record, traced_request
from gateway.pipeline.services import Services
from gateway.pipeline.take import tell_spent
from gateway.telemetry.metrics import Metrics

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
    denial: Denial | None = None,
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
            if taken.budgets:
                _tell_spent(exchange, taken.lease, taken.budgets, services.metrics)
    _count(exchange, services.metrics, status, error_type, denial)
    is_kept = exchange.key is not None and error_code != LEDGER_FULL
    log = services.decision_log
    if not is_kept and log is None and not exchange.traced:
        return
    record = decision_record(exchange, status, outcome, error_type, error_code, denial)
    encoded = encode(record)
    if is_kept:
        services.ledger.append(encoded)
    if log is not None:
        log.write(record, encoded)
    if exchange.traced:
        services.tracing.export(traced_request(exchange, record))


def _tell_spent(exchange: Exchange, lease: Lease, holds: Sequence[BudgetHold], metrics: Metrics) -> None:
    settled = lease.settled
    for hold in holds:
        tell_spent(exchange, metrics, hold, settled.get(hold.limit.key, 0))


def _count(exchange: Exchange, metrics: Metrics, status: int, error_type: str | None, denial: Denial | None) -> None:
    # Nobody who was not asked is to blame for what the gateway refuses, however far its choice had come.
    provider = exchange.upstream.provider.name if exchange.upstream is not None and exchange.under_way else ""
    model = exchange.model or ""
    first_token_at = exchange.first_token_at
    metrics.request_ended(
        exchange.endpoint.name,
        provider,
        status,
        refusal=error_type,
        duration_s=clock.monotonic() - exchange.started,
        first_token_s=None if first_token_at is None else first_token_at - exchange.started,
    )
    if denial is not None:
        metrics.denied(denial.by, denial.dimension)
    for attempt in exchange.attempts:
        metrics.attempted(attempt.provider, attempt.outcome)
    if len(exchange.attempts) > 1:
        for one, other in pairwise(exchange.attempts):
            metrics.hopped(one.provider, other.provider)
    if exchange.usage is not None:
        metrics.usage(provider, model, exchange.usage)
    if exchange.owed:
        models = {candidate.upstream.provider.name: candidate.model for candidate, _ in exchange.replaced}
        models[exchange.provider_name] = model
        for owed_to, owed in exchange.owed.items():
            metrics.cost(owed_to, models[owed_to], owed / NANO_PER_USD)
