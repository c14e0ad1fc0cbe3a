"""The part of a request in a trace: whether it is sampled, and for whose collector."""

from gateway.content.captured import CapturedContent, is_captured
from gateway.pipeline.exchange import Exchange
from gateway.pipeline.services import Services


def sample(exchange: Exchange, services: Services) -> None:
    """Samples for the collector of the key, as soon as it is known; else for that of the process."""
    collector = None if exchange.key is None else exchange.key.trace_collector
    sampled = services.tracing.sample(exchange.trace, collector)
    if sampled is not None:
        exchange.trace = sampled
        exchange.traced = sampled.is_sampled


def capture(exchange: Exchange) -> None:
    """Begins to keep the content of a sampled request whose key asks for that."""
    key, body = exchange.key, exchange.body
    if not exchange.traced or key is None or key.capture is None or body is None:
        return
    if is_captured(exchange.endpoint.name):
        exchange.content = CapturedContent(exchange.endpoint.name, body.data, key.capture)
