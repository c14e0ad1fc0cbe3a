"""A request that has ended, as the log and as the ledger keep it."""

from gateway import clock
from gateway.errors import Denial
from gateway.ledger.entry import LedgerEntry
from gateway.money.prices import Price
from gateway.pipeline.charge import charges
from gateway.pipeline.exchange import Exchange
from gateway.snapshot.snapshot import CompiledKey
from gateway.telemetry.decision_log import DecisionRecord
from gateway.telemetry.traced_request import TracedRequest
from gateway.usage import Usage

_MICROSECONDS = 1_000_000
_NO_USAGE = Usage()
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
    """The line of the log."""
    key, now = exchange.key, clock.monotonic()
    who = key.attribution if key is not None else None
    price, started = _price(exchange), exchange.started
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
        end_user=exchange.end_user,
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
        price_source=None if price is None else price.source,
        attempts=tuple(exchange.attempts),
        duration_ms=round((now - started) * 1000),
        first_byte_ms=_ms_until(exchange.first_byte_at, started),
        first_token_ms=_ms_until(exchange.first_token_at, started),
        denied_by=None if denial is None else f"{denial.by}:{denial.dimension}:{denial.name}",
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


def ledger_entry(exchange: Exchange, key: CompiledKey, status: int, outcome: str) -> LedgerEntry:
    """The row of the ledger."""
    who, upstream, price = key.attribution, exchange.upstream, _price(exchange)
    usage = exchange.usage or _NO_USAGE
    return LedgerEntry(
        request_id=exchange.request_id,
        occurred_at=int(exchange.started_at * _MICROSECONDS),
        virtual_key=key.name,
        principal=who.principal or "",
        project=who.project or "",
        team=who.team or "",
        organization=who.organization or "",
        tags=who.tags,
        end_user=exchange.end_user or "",
        provider=upstream.provider.name if upstream is not None else "",
        provider_type=upstream.provider.type if upstream is not None else "",
        model=exchange.model or "",
        model_asked=exchange.model_asked or "",
        endpoint=exchange.endpoint.name,
        status=status,
        outcome=outcome,
        usage=usage,
        cost_nano_usd=exchange.cost or 0,
        price=None if price is None else price.rates_at(usage.input_tokens).known,
        price_source="" if price is None else price.source,
        revision=exchange.snapshot.revision_label,
        budgets=charges(exchange) if exchange.cost else (),
    )


def _ms_until(moment: float | None, started: float) -> int | None:
    return None if moment is None else round((moment - started) * 1000)


def _price(exchange: Exchange) -> Price | None:
    """The price that the cost was computed with."""
    return None if exchange.cost is None else exchange.candidate.price
