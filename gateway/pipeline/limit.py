"""Which rate limits of the key does the request count against? Only asks; `reserve` takes."""

from gateway.counters.hold import Dimension, Hold, Limit
from gateway.pipeline.exchange import Exchange
from gateway.wire.request_body import RequestBody

_BYTES_PER_TOKEN = 4


def limit(exchange: Exchange) -> None:
    """Adds a hold for every limit of the key."""
    assert exchange.key is not None  # noqa: S101 - `authenticate` came before
    add_holds(exchange, exchange.key.limits)


def add_holds(exchange: Exchange, limits: tuple[Limit, ...]) -> None:
    """Asks for one request of each limit, or for the estimated tokens where it counts tokens."""
    for one in limits:
        amount = 1
        if one.dimension is Dimension.TPM:
            if not exchange.endpoint.metered:
                continue
            # A request larger than the whole limit waits for an empty window instead of being refused for ever.
            amount = min(estimated_tokens(exchange.body), one.ceiling)
        exchange.holds.append(Hold(one, amount))


def estimated_tokens(body: RequestBody | None) -> int:
    """What a call may consume: a token for every four bytes of the body, and the output that it asks for at most."""
    if body is None:
        return 1
    return max(1, len(body.data) // _BYTES_PER_TOKEN + (body.max_output_tokens or 0))
