"""The headers that the gateway adds to its responses."""

from functools import lru_cache

from gateway.pipeline.exchange import Exchange
from gateway.version import __version__

_REQUEST_ID = "x-langwatch-request-id"
_VERSION = "x-langwatch-gateway-version"
_LONGEST_LIST = 1024


def of_every_response(request_id: str) -> dict[str, str]:
    """What no response goes without."""
    return {_REQUEST_ID: request_id, _VERSION: __version__}


def of_gateway(exchange: Exchange) -> dict[str, str]:
    """What the gateway says about an exchange, as far as it went."""
    trace = exchange.trace
    headers = {
        _REQUEST_ID: exchange.request_id,
        "x-langwatch-trace-id": trace.trace_id,
        "x-langwatch-span-id": trace.span_id,
        "traceparent": trace.traceparent,
        "x-langwatch-config-revision": exchange.snapshot.revision_label,
        _VERSION: __version__,
    }
    if exchange.upstream is not None and exchange.model is not None:
        headers["x-langwatch-provider"] = exchange.upstream.provider.name
        headers["x-langwatch-model"] = printable(exchange.model)
        headers["x-langwatch-fallback-count"] = str(max(0, len(exchange.attempts) - 1))
        headers["x-langwatch-cache-mode"] = exchange.cache_mode
    cache = _cache_outcome(exchange)
    if cache is not None:
        headers["x-langwatch-cache"] = cache
    if exchange.body_treatment is not None:
        headers["x-langwatch-body"] = exchange.body_treatment
    if exchange.params_dropped:
        headers["x-langwatch-params-dropped"] = printable(",".join(exchange.params_dropped))[:_LONGEST_LIST]
    if exchange.budget_warning is not None:
        headers["x-langwatch-budget-warning"] = exchange.budget_warning
    if exchange.usage_warning is not None:
        headers["x-langwatch-usage-warning"] = exchange.usage_warning
    return headers


def _cache_outcome(exchange: Exchange) -> str | None:
    """What became of prompt caching, as far as it is known when the head goes out: a stream's usage comes later."""
    if exchange.cache_mode == "disable":
        return "bypass"
    if exchange.usage is not None and exchange.usage.cache_read_tokens:
        return "hit"
    if exchange.cache_mode == "force":
        return "force"
    return "miss" if exchange.usage is not None else None


@lru_cache(maxsize=1024)
def printable(text: str) -> str:
    """A value that cannot break out of its header: what is not printable ASCII becomes `?`."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(char if char.isascii() and char.isprintable() else "?" for char in text)
