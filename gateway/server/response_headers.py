"""The headers that the gateway adds to its responses."""

from functools import lru_cache

from gateway.pipeline.holds import unpriced_model
from gateway.pipeline.states import Asked, Received, Trail
from gateway.snapshot.snapshot import Candidate
from gateway.telemetry.decision_record import UNPRICED
from gateway.version import __version__

_REQUEST_ID = "x-langwatch-request-id"
_VERSION = "x-langwatch-gateway-version"
_LONGEST_LIST = 1024
_FIRST_ERROR = 400


_connection: dict[str, str] = {}
"""What every response of this process says of its connection."""


def keep_connections(for_s: float) -> None:
    """Every response says from now on for how long its connection is kept while nothing is asked."""
    _connection.clear()
    _connection["keep-alive"] = f"timeout={int(for_s)}"


def close_connections() -> None:
    """Every response is the last of its connection from now on."""
    _connection.clear()
    _connection["connection"] = "close"


def of_every_response(request_id: str) -> dict[str, str]:
    """What no response goes without."""
    return {_REQUEST_ID: request_id, _VERSION: __version__, **_connection}


def of_gateway(received: Received) -> dict[str, str]:
    """What the gateway says about a request, as far as it went."""
    trace, trail = received.trace, received.trail
    headers = {
        _REQUEST_ID: received.request_id,
        "x-langwatch-trace-id": trace.trace_id,
        "x-langwatch-span-id": trace.span_id,
        "traceparent": trace.traceparent,
        "x-langwatch-config-revision": received.snapshot.revision_label,
        _VERSION: __version__,
        **_connection,
    }
    candidate, outbound = trail.candidate, trail.outbound
    if candidate is not None:
        headers["x-langwatch-cache-mode"] = trail.cache_mode
    if candidate is not None and trail.called_at is not None:
        _tell_whom(headers, trail, candidate)
    cache = _cache_outcome(trail)
    if cache is not None:
        headers["x-langwatch-cache"] = cache
    if outbound is not None:
        headers["x-langwatch-body"] = outbound.treatment
        if outbound.params_dropped:
            headers["x-langwatch-params-dropped"] = printable(",".join(outbound.params_dropped))[:_LONGEST_LIST]
    if trail.budget_warning is not None or trail.warned:
        _warn(headers, trail)
    asked = trail.asked
    # PERF: of a whole answer everything is known by now.
    if asked is not None and (asked.usage_warning is not None or not trail.is_settled):
        warning = _usage_warning(trail, asked)
        if warning is not None:
            headers["x-langwatch-usage-warning"] = warning
    return headers


def _tell_whom(headers: dict[str, str], trail: Trail, candidate: Candidate) -> None:
    """Who was asked, and how it came to be asked."""
    headers["x-langwatch-provider"] = candidate.upstream.provider.name
    if candidate.model:
        headers["x-langwatch-model"] = printable(candidate.model)
    headers["x-langwatch-fallback-count"] = str(len(trail.attempts) - 1)
    if candidate.route or trail.downgraded:
        headers["x-langwatch-route"] = printable(trail.route or "")
    if trail.downgraded:
        headers["x-langwatch-downgraded"] = trail.downgraded


def _warn(headers: dict[str, str], trail: Trail) -> None:
    """What is nearly used up, and what would have refused the request if it were enforced."""
    if trail.budget_warning is not None:
        headers["x-langwatch-budget-warning"] = trail.budget_warning
    if trail.warned:
        headers["x-langwatch-warnings"] = printable(", ".join([one.name for one in trail.warned]))[:_LONGEST_LIST]


def _usage_warning(trail: Trail, asked: Asked) -> str | None:
    """What is to be said of the usage, as far as it is known."""
    if asked.usage_warning is None and not trail.is_settled and _costs_unseen(asked):
        return printable(f"{UNPRICED}{unpriced_model(asked.candidate)}")
    return asked.usage_warning


def _costs_unseen(asked: Asked) -> bool:
    """Whether an answer of which only the head is there will cost something that nobody knows the price of."""
    return (
        asked.candidate.prices.at(asked.received.started_at) is None
        and asked.received.endpoint.metered
        and asked.response.status < _FIRST_ERROR
        and not asked.candidate.upstream.trusts_stated_cost
    )


def _cache_outcome(trail: Trail) -> str | None:
    """What became of prompt caching, as far as it is known when the head goes out: a stream's usage comes later."""
    if trail.cache_mode == "disable":
        return "bypass"
    asked = trail.asked
    stated = None if asked is None or asked.is_counted else asked.stated
    if stated is not None and stated.usage.cache_read_tokens:
        return "hit"
    if trail.cache_mode == "force":
        return "force"
    return "miss" if stated is not None else None


@lru_cache(maxsize=1024)
def printable(text: str) -> str:
    """A value that cannot break out of its header: what is not printable ASCII becomes `?`."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(char if char.isascii() and char.isprintable() else "?" for char in text)
