"""Sending the request to the provider that was resolved, with only the bytes changed that may change."""

from gateway import clock
from gateway.dispatch.attempt import attempt
from gateway.dispatch.outcome import failed
from gateway.pipeline.exchange import Exchange
from gateway.telemetry.decision_log import AttemptRecord
from gateway.upstream.failure import UpstreamFailure
from gateway.wire.json_splice import Splice, apply


async def dispatch(exchange: Exchange) -> None:
    """Waits for the head of the provider's answer; raises `provider_error` or `upstream_timeout` when none comes."""
    prepare_body(exchange)
    upstream, model = exchange.upstream, exchange.model
    assert upstream is not None  # noqa: S101 - `resolve` came before
    assert model is not None  # noqa: S101 - `resolve` came before
    provider, began = upstream.provider, clock.monotonic()
    outcome = "cancelled"
    try:
        response = await attempt(
            provider,
            exchange.endpoint,
            model,
            exchange.upstream_body,
            exchange.headers,
            exchange.query,
            exchange.trace,
        )
        exchange.upstream_response = response
        exchange.first_byte_at = clock.monotonic()
        outcome = "ok" if response.status < 400 else str(response.status)  # noqa: PLR2004 - RFC 9110, section 15
    except UpstreamFailure as failure:
        outcome = failure.kind.value
        raise failed(failure, provider.name) from failure
    finally:
        duration_ms = round((clock.monotonic() - began) * 1000)
        exchange.attempts.append(AttemptRecord(provider.name, model, outcome, duration_ms))


def prepare_body(exchange: Exchange) -> None:
    """Splices in the resolved model, and the wish for a usage report where a stream would otherwise carry none."""
    body, upstream, model = exchange.body, exchange.upstream, exchange.model
    assert body is not None  # noqa: S101 - the body was read before
    assert upstream is not None  # noqa: S101 - `resolve` came before
    assert model is not None  # noqa: S101 - `resolve` came before
    splices: list[Splice] = []
    wire_model = upstream.provider.wire_model(exchange.endpoint, model)
    if wire_model != exchange.model_asked:
        splices += body.replacing_model(wire_model)
    if body.stream and exchange.endpoint.include_usage:
        wish = body.asking_for_usage()
        exchange.withholds_usage = bool(wish)
        splices += wish
    exchange.upstream_body = apply(body.data, splices) if splices else body.data
    exchange.body_treatment = "spliced" if splices else "identical"
