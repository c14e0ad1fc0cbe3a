"""The part of a request in a trace: whether it is sampled, and for whose collector."""

from gateway.content.captured import CapturedContent, is_captured
from gateway.pipeline.exchange import Exchange
from gateway.pipeline.services import Services
from gateway.telemetry.trace_context import TraceContext


def sample(exchange: Exchange, services: Services, accepted: TraceContext, collector: str | None = None) -> None:
    """Samples a trace as it was accepted, for a collector; `None`: that of the process."""
    sampled = services.tracing.sample(accepted, collector)
    exchange.trace = sampled or accepted
    exchange.traced = sampled is not None and sampled.is_sampled


def sample_for_key(exchange: Exchange, services: Services, accepted: TraceContext) -> None:
    """Samples anew where the traces of the key have a collector of their own."""
    if exchange.key is not None and exchange.key.trace_collector is not None:
        sample(exchange, services, accepted, exchange.key.trace_collector)


def capture(exchange: Exchange) -> None:
    """Begins to keep the content of a sampled request whose key asks for that."""
    key, body = exchange.key, exchange.body
    if not exchange.traced or key is None or key.capture is None or body is None:
        return
    if is_captured(exchange.endpoint.name):
        exchange.content = CapturedContent(exchange.endpoint.name, body.data, key.capture)
