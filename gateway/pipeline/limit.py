"""Which rate limits of the key does the request count against? Only asks; `reserve` takes."""

from gateway.counters.hold import Dimension, Hold
from gateway.pipeline.exchange import Exchange
from gateway.wire.request_body import RequestBody

_BYTES_PER_TOKEN = 4
_TPM = Dimension.TPM


def limit(exchange: Exchange) -> None:
    """Asks for a hold of every limit of the key."""
    assert exchange.key is not None  # noqa: S101 - `authenticate` came before
    exchange.holds = holds_of(exchange, exchange.key.holds)


def holds_of(exchange: Exchange, holds: tuple[Hold, ...]) -> list[Hold]:
    """The holds as this request needs them: where tokens are counted, for as many as it may consume."""
    wanted: list[Hold] = []
    for hold in holds:
        limit_ = hold.limit
        if limit_.dimension is not _TPM:
            wanted.append(hold)
        elif exchange.endpoint.metered:
            # A request larger than the whole limit waits for an empty window instead of being refused for ever.
            amount = min(estimated_tokens(exchange.body), limit_.ceiling)
            wanted.append(Hold(limit_, amount))
    return wanted


def estimated_tokens(body: RequestBody | None) -> int:
    """What a call may consume: a token for every four bytes of the body, and the output that it asks for at most."""
    if body is None:
        return 1
    return max(1, len(body.data) // _BYTES_PER_TOKEN + (body.max_output_tokens or 0))
