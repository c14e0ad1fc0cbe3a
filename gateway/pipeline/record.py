"""A request that has ended, as the log, the ledger and traces hear of it."""

from gateway import clock
from gateway.errors import Denial
from gateway.money.prices import Price
from gateway.pipeline.charge import charges
from gateway.pipeline.exchange import Exchange
from gateway.snapshot.snapshot import Attribution
from gateway.telemetry.decision_record import DecisionRecord
from gateway.telemetry.traced_request import TracedRequest

_MICROSECONDS = 1_000_000
_NOBODY = Attribution(None, (), None, None, ())
_THREAD = b"x-langwatch-thread-id"
_METADATA = b"x-langwatch-trace-metadata"


def decision_record(
    exchange: Exchange,
    status: int,
    outcome: str,
    error_type: str | None,
    error_code: str | None,
    denial: Denial | None,
) -> DecisionRecord:
    """Everything that is known of it."""
    key, upstream, price, started = exchange.key, exchange.upstream, _price(exchange), exchange.started
    who = _NOBODY if key is None else key.attribution
    usage, trace = exchange.usage, exchange.trace
    occurred_at = int(exchange.started_at * _MICROSECONDS)
    return DecisionRecord(
        time=clock.iso_of_microseconds(occurred_at),
        request_id=exchange.request_id,
        revision=exchange.snapshot.revision_label,
        trace_id=trace.trace_id,
        span_id=trace.span_id,
        endpoint=exchange.endpoint.name,
        virtual_key=None if key is None else key.name,
        organization=who.organization,
        team=who.team,
        project=who.project,
        principal=who.principal,
        tags=who.tags,
        end_user=exchange.end_user,
        model_asked=exchange.model_asked,
        model=exchange.model,
        provider=None if upstream is None else upstream.provider.name,
        provider_type=None if upstream is None else upstream.provider.type,
        model_source=exchange.model_source,
        body=exchange.body_treatment,
        streaming=exchange.streams,
        status=status,
        error_type=error_type,
        error_code=error_code,
        outcome=outcome,
        usage=usage,
        usage_warning=exchange.usage_warning,
        cost_nano_usd=exchange.cost,
        price_source=None if price is None else price.source,
        attempts=tuple(exchange.attempts),
        duration_ms=round((clock.monotonic() - started) * 1000),
        first_byte_ms=_ms_until(exchange.first_byte_at, started),
        first_token_ms=_ms_until(exchange.first_token_at, started),
        denied_by=None if denial is None else f"{denial.by}:{denial.dimension}:{denial.name}",
        occurred_at=occurred_at,
        price=None if price is None else price.rates_at(0 if usage is None else usage.input_tokens).known,
        budgets=charges(exchange) if exchange.cost else (),
    )


def traced_request(exchange: Exchange, record: DecisionRecord) -> TracedRequest:
    """What spans are made of."""
    headers, upstream = exchange.header_map, exchange.upstream
    thread, metadata = headers.get(_THREAD), headers.get(_METADATA)
    return TracedRequest(
        record=record,
        trace=exchange.trace,
        started_at=exchange.started_at,
        provider_type=None if upstream is None else upstream.provider.type,
        thread_id=None if thread is None else thread.decode("utf-8", "replace"),
        metadata=None if metadata is None else metadata.decode("utf-8", "replace"),
        budget_warning=exchange.budget_warning,
        collector=None if exchange.key is None else exchange.key.trace_collector,
        content=exchange.content,
    )


def _ms_until(moment: float | None, started: float) -> int | None:
    return None if moment is None else round((moment - started) * 1000)


def _price(exchange: Exchange) -> Price | None:
    """The price that the cost was computed with."""
    return None if exchange.cost is None else exchange.candidate.price
