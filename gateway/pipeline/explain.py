"""Which way would a request go? The stages themselves are asked, without sending anything."""

from collections.abc import Callable, Iterator, Sequence
from itertools import chain

import msgspec

from gateway.counters.hold import Hold
from gateway.errors import GatewayError
from gateway.money.prices import Price
from gateway.pipeline.cache_mode import cache_mode
from gateway.pipeline.exchange import Exchange
from gateway.pipeline.judge import judge
from gateway.pipeline.prepare_body import prepare_body
from gateway.pipeline.resolve import resolve
from gateway.shapes.endpoints import Endpoint
from gateway.snapshot.snapshot import Candidate, Snapshot
from gateway.wire.json_body import JsonBody


class ExplainedCandidate(msgspec.Struct, frozen=True):
    """One candidate: where it is asked, what happens to the body, and what keeps it from being asked, if anything."""

    provider: str
    type: str
    model: str
    endpoint: str
    body: str | None
    params_dropped: tuple[str, ...]
    price: str | None
    circuit_breaker: str
    refused: str | None


class Skipped(msgspec.Struct, frozen=True):
    """A target that is never asked, and why."""

    target: str
    reason: str


class Verdict(msgspec.Struct, frozen=True):
    """What one stage says; of a refusal, its status, type and JSON path too."""

    stage: str
    verdict: str
    status: int | None = None
    type: str | None = None
    param: str | None = None


class ExplainedFallback(msgspec.Struct, frozen=True):
    """What leads from one candidate to the next."""

    on: tuple[str, ...]
    max_attempts: int
    timeout_s: float | None
    total_timeout_s: float | None


class Explanation(msgspec.Struct, frozen=True):
    """The way of a request, as far as it would go."""

    virtual_key: str
    state: str
    endpoint: str
    model_asked: str | None
    model_source: str | None
    cache_mode: str
    verdicts: tuple[Verdict, ...]
    limits: tuple[str, ...]
    fallback: ExplainedFallback
    candidates: tuple[ExplainedCandidate, ...]
    skipped: tuple[Skipped, ...]

    @property
    def is_served(self) -> bool:
        """Whether the request would reach a provider."""
        return all(one.verdict == "passes" for one in self.verdicts)


class Way(msgspec.Struct, frozen=True):
    """Where a request would go first, and at which price; or why it would go nowhere."""

    target: str | None
    price: Price | None
    refused: str | None

    @property
    def told(self) -> str:
        """The target or the refusal."""
        return self.refused or self.target or ""


def way(snapshot: Snapshot, key_name: str, endpoint: Endpoint, body: bytes) -> Way:
    """The first candidate of a request, judged like the request itself; a key that is gone is a refusal too."""
    try:
        key = snapshot.key_named(key_name)
    except KeyError:
        return Way(None, None, "there is no such key")
    if key.state != "active":
        return Way(None, None, f"the key is {key.state}")
    exchange = Exchange(snapshot, endpoint, [], b"", "explained")
    exchange.key = key
    exchange.body = JsonBody(body, endpoint.shape.declares.judged)
    for stage in (judge, resolve):
        if (said := _said(stage, exchange)) != "passes":
            return Way(None, None, said.partition(":")[0])
    first = exchange.candidates[0]
    return Way(f"{first.upstream.provider.name}/{first.model}", first.price, None)


def explain(snapshot: Snapshot, key_name: str, endpoint: Endpoint, body: bytes) -> Explanation:
    """Explains a request of a key. Raises `KeyError` for a key that there is none of."""
    key = snapshot.key_named(key_name)
    exchange = Exchange(snapshot, endpoint, [], b"", "explained")
    exchange.key = key
    verdicts: list[Verdict] = [Verdict("key", "passes" if key.state == "active" else f"the key is {key.state}")]

    def read(exchange: Exchange) -> None:
        exchange.body = JsonBody(body, endpoint.shape.declares.judged)

    for name, stage in (("body", read), ("policy", judge), ("model", resolve), ("cache", cache_mode)):
        if exchange.body is not None or name == "body":
            verdicts.append(_verdict(name, stage, exchange))
    found = key.resolutions.get((endpoint.name, exchange.model_asked or ""))
    candidates = tuple(_candidate(exchange, one) for one in exchange.candidates)
    if candidates and candidates[0].refused is not None:
        verdicts.append(Verdict("translation", candidates[0].refused))
    fallback = exchange.fallback
    return Explanation(
        virtual_key=key.name,
        state=key.state,
        endpoint=endpoint.path,
        model_asked=exchange.model_asked,
        model_source=exchange.model_source,
        cache_mode=exchange.cache_mode,
        verdicts=tuple(verdicts),
        limits=tuple(
            f"{hold.limit.key} {hold.limit.ceiling}" for hold in (*key.holds, *_provider_holds(exchange.candidates))
        ),
        fallback=ExplainedFallback(
            tuple(sorted(fallback.on)), fallback.max_attempts, fallback.timeout_s, fallback.total_timeout_s
        ),
        candidates=candidates,
        skipped=tuple(
            Skipped(f"{target.provider}/{target.model}", reason)
            for target, reason in (found.skipped if found is not None else ())
        ),
    )


def _verdict(name: str, stage: Callable[[Exchange], None], exchange: Exchange) -> Verdict:
    try:
        stage(exchange)
    except GatewayError as error:
        told = f"{error.status} {error.type}: {error.message}"
        return Verdict(name, told, error.status, error.type, error.param)
    return Verdict(name, "passes")


def _said(stage: Callable[[Exchange], None], exchange: Exchange) -> str:
    try:
        stage(exchange)
    except GatewayError as error:
        return f"{error.status} {error.type}: {error.message}"
    return "passes"


def _candidate(exchange: Exchange, candidate: Candidate) -> ExplainedCandidate:
    exchange.go_to(candidate)
    exchange.body_treatment = None
    said = _said(prepare_body, exchange)
    provider, circuit = candidate.upstream.provider, candidate.upstream.circuit
    return ExplainedCandidate(
        provider=provider.name,
        type=provider.type,
        model=candidate.model,
        endpoint=candidate.lane.endpoint.path,
        body=exchange.body_treatment,
        params_dropped=tuple(exchange.params_dropped),
        price=None if candidate.price is None else candidate.price.source,
        circuit_breaker=f"{circuit.failures} failures in {circuit.window_s:g} s open it for {circuit.open_s:g} s",
        refused=None if said == "passes" else said,
    )


def _provider_holds(candidates: Sequence[Candidate]) -> Iterator[Hold]:
    return chain.from_iterable(one.upstream.holds for one in candidates)
