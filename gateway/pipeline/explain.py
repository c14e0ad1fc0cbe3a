"""Which way would a request go? The stages themselves are asked, without sending anything."""

from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from typing import Final, TypeVar

import msgspec

from gateway import clock
from gateway.counters.hold import Hold
from gateway.errors import GatewayError
from gateway.money.budget import CompiledBudget, amount_shown
from gateway.money.habits import Habits
from gateway.money.nano_usd import shown
from gateway.money.prices import Price
from gateway.pipeline.admit import cache_mode, judge, judge_urls
from gateway.pipeline.holds import budget, find_end_user
from gateway.pipeline.outbound import fit, prepare_body, ruled_by_key
from gateway.pipeline.resolve import named_model, resolve
from gateway.pipeline.states import Admitted, Received
from gateway.pipeline.watch import would_refuse
from gateway.shapes.endpoints import Endpoint
from gateway.shapes.stated import output_cap
from gateway.snapshot.snapshot import Candidate, CompiledKey, FallbackPolicy, Resolution, Snapshot
from gateway.turns import at_once
from gateway.wire.json_body import JsonBody
from gateway.wire.request_body import RequestBody

_T = TypeVar("_T")
_DEFAULT_CACHE_MODE = "respect"
_WINDOWS: Final = {"total": "in all", "manual": "until it is reset"}


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
    route: tuple[str, ...] = ()


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
    unary_timeout_s: float | None
    total_timeout_s: float | None


class Explanation(msgspec.Struct, frozen=True):
    """The way of a request, as far as it would go; `limits` and `budgets` are what it counts against.

    `shares` says of the file's own models how requests are shared out; the candidates are those of one such draw.
    `warnings` are rules that only warn, and would refuse it.
    """

    virtual_key: str
    state: str
    endpoint: str
    model_asked: str | None
    model_source: str | None
    cache_mode: str
    verdicts: tuple[Verdict, ...]
    warnings: tuple[str, ...]
    limits: tuple[str, ...]
    budgets: tuple[str, ...]
    fallback: ExplainedFallback
    candidates: tuple[ExplainedCandidate, ...]
    skipped: tuple[Skipped, ...]
    shares: tuple[str, ...] = ()

    @property
    def is_served(self) -> bool:
        """Whether the request would reach a provider."""
        return all(one.verdict == "passes" for one in self.verdicts)


class Way(msgspec.Struct, frozen=True):
    """Where a request would go first, and at which price; or why it would go nowhere.

    `warnings` are rules that only warn, and would refuse it.
    """

    target: str | None
    price: Price | None
    refused: str | None
    warnings: tuple[str, ...] = ()

    @property
    def told(self) -> str:
        """The target, with what warns of it, or the refusal."""
        warning = f" (warned of by {', '.join(self.warnings)})" if self.warnings else ""
        return self.refused or f"{self.target or ''}{warning}"


def way(snapshot: Snapshot, key_name: str, endpoint: Endpoint, body: bytes) -> Way:
    """The first candidate of a request, judged like the request itself; a key that is gone is a refusal too."""
    try:
        key = snapshot.key_named(key_name)
    except KeyError:
        return Way(None, None, "there is no such key")
    if key.state != "active":
        return Way(None, None, f"the key is {key.state}")
    try:
        parsed, _ = ruled_by_key(key, endpoint, JsonBody(body, endpoint.shape.declares.judged))
        _judge(key, endpoint, parsed)
        found = resolve(snapshot, key, endpoint, named_model(endpoint, parsed), parsed)
    except GatewayError as error:
        return Way(None, None, f"{error.status} {error.type}")
    first = found.candidates[0]
    target = f"{first.upstream.provider.name}/{first.model}"
    return Way(target, first.prices.at(clock.now()), None, _warnings(snapshot, key, endpoint, parsed))


def _warnings(snapshot: Snapshot, key: CompiledKey, endpoint: Endpoint, body: RequestBody) -> tuple[str, ...]:
    if not key.watched:
        return ()
    return tuple(dict.fromkeys(one.name for one in at_once(would_refuse(snapshot, key, endpoint, body))))


def explain(snapshot: Snapshot, key_name: str, endpoint: Endpoint, body: bytes) -> Explanation:
    """Explains a request of a key. Raises `KeyError` for a key that there is none of."""
    key = snapshot.key_named(key_name)
    verdicts: list[Verdict] = [Verdict("key", "passes" if key.state == "active" else f"the key is {key.state}")]
    model_asked: str | None = None
    found: Resolution | None = None
    mode = _DEFAULT_CACHE_MODE
    candidates: tuple[ExplainedCandidate, ...] = ()
    read = _judged(
        verdicts, "body", lambda: ruled_by_key(key, endpoint, JsonBody(body, endpoint.shape.declares.judged))
    )
    parsed, told = (None, ()) if read is None else read
    if parsed is not None:
        _judged(verdicts, "policy", lambda: _judge(key, endpoint, parsed))

        def find() -> Resolution:
            nonlocal model_asked
            model_asked = named_model(endpoint, parsed)
            return resolve(snapshot, key, endpoint, model_asked, parsed)

        found = _judged(verdicts, "model", find)
        mode = _judged(verdicts, "cache", lambda: cache_mode(key, {})) or mode
        if found is not None and model_asked is not None:
            received = Received(snapshot, endpoint, [], b"", "explained")
            cap = output_cap(endpoint.shape, parsed)
            end_user = _judged(verdicts, "end user", lambda: find_end_user(received, parsed)) if key.budgets else None
            request = Admitted(received, key, parsed, cap, model_asked, found, mode, end_user)
            request.told = told
            if key.budgets:
                _judged(verdicts, "budgets", lambda: _ask_budgets(request, request.candidate))
            candidates = tuple(_candidate(request, one) for one in found.candidates)
    warnings: tuple[str, ...] = ()
    if found is not None and parsed is not None:
        warnings = _warnings(snapshot, key, endpoint, parsed)
    if candidates and candidates[0].body is None and candidates[0].refused is not None:
        verdicts.append(Verdict("translation", candidates[0].refused))
    fallback = FallbackPolicy() if found is None else found.fallback
    asked = () if found is None else found.candidates
    watched = {*key.watched_holds, *chain.from_iterable(one.upstream.watched_holds for one in asked)}
    by_selector = [
        (one, hold)
        for one in key.limits
        if one.of.match.endpoint in (None, endpoint.name)
        and any(one.of.counts_target(candidate.upstream.provider.name, candidate.model) for candidate in asked)
        for hold in one.holds(None)
    ]
    watched |= {hold for one, hold in by_selector if one.of.warns}
    return Explanation(
        virtual_key=key.name,
        state=key.state,
        endpoint=endpoint.path,
        model_asked=model_asked,
        model_source=None if found is None else found.source,
        cache_mode=mode,
        verdicts=tuple(verdicts),
        warnings=warnings,
        limits=tuple(
            f"{hold.limit.key} {hold.limit.ceiling}{', warns' if hold in watched else ''}"
            for hold in (
                *key.holds,
                *key.watched_holds,
                *_provider_holds(asked),
                *(hold for _, hold in by_selector),
            )
        ),
        budgets=tuple(_told(meter.budget) for meter in key.budgets),
        fallback=ExplainedFallback(
            tuple(sorted(fallback.on)),
            fallback.max_attempts,
            fallback.timeout_s,
            fallback.unary_timeout_s,
            fallback.total_timeout_s,
        ),
        candidates=candidates,
        skipped=tuple(
            Skipped(f"{target.provider}/{target.model}", reason)
            for target, reason in (() if found is None else found.skipped)
        ),
        shares=() if found is None else tuple(_shares(found)),
    )


def _judge(key: CompiledKey, endpoint: Endpoint, body: RequestBody) -> None:
    judge(key, endpoint.shape, body)
    judging = judge_urls(key, endpoint.shape, body)
    if judging is not None:
        at_once(judging)


def _judged(verdicts: list[Verdict], stage: str, ask: Callable[[], _T]) -> _T | None:
    """What a stage gives, `None` where it refuses; its verdict joins the others."""
    try:
        given = ask()
    except GatewayError as error:
        told = f"{error.status} {error.type}: {error.message}"
        verdicts.append(Verdict(stage, told, error.status, error.type, error.param))
        return None
    verdicts.append(Verdict(stage, "passes"))
    return given


def _ask_budgets(request: Admitted, candidate: Candidate) -> None:
    """Raises what budgets refuse whatever is left of them; who is behind a request, its headers may still say."""
    try:
        fit(request, candidate)
        budget(request, candidate, Habits())
    except GatewayError as error:
        if error.type != "end_user_required":
            raise


def _candidate(request: Admitted, candidate: Candidate) -> ExplainedCandidate:
    outbound, refused = None, None
    try:
        outbound = prepare_body(request, candidate)
        _ask_budgets(request, candidate)
    except GatewayError as error:
        refused = f"{error.status} {error.type}: {error.message}"
    provider, circuit = candidate.upstream.provider, candidate.upstream.circuit
    return ExplainedCandidate(
        provider=provider.name,
        type=provider.type,
        model=candidate.model,
        endpoint=candidate.lane.endpoint.path,
        body=None if outbound is None else outbound.treatment,
        params_dropped=() if outbound is None else tuple(outbound.params_dropped),
        price=_price_source(request, candidate),
        circuit_breaker=f"{circuit.failures} failures in {circuit.window_s:g} s, if half of the calls failed, "
        f"open it for {circuit.open_s:g} s",
        refused=refused,
        route=candidate.route,
    )


def _shares(found: Resolution) -> Iterator[str]:
    """`smart: claude-sonnet 95 %, next 5 %; by session, weight`: the first that a request has decides."""
    for name, branch in found.branches.items():
        if len(branch.arms) > 1:
            whole = sum(branch.arms.values())
            arms = ", ".join(f"{arm} {100 * weight / whole:.3g} %" for arm, weight in branch.arms.items())
            yield f"{name}: {arms}; by {', '.join((*branch.model.by, 'weight'))}"


def _price_source(request: Admitted, candidate: Candidate) -> str | None:
    price = candidate.prices.at(request.received.started_at)
    listed = None if price is None else price.source
    if not candidate.upstream.trusts_stated_cost:
        return listed
    return "what the answer states" if listed is None else f"what the answer states, else {listed}"


def _told(budget: CompiledBudget) -> str:
    """`cap: team engineering, $5,000.00 per month, then refused`."""
    whose = f"{budget.scope.kind} {budget.scope.value}"
    if budget.provider is not None:
        whose += f" at {budget.provider}"
    if budget.model is not None:
        whose += f", models {budget.model}"
    if budget.endpoint is not None:
        whose += f", {budget.endpoint} alone"
    if budget.each is not None:
        whose += f", each {budget.each.replace('_', ' ')}"
    window = _WINDOWS.get(budget.window.kind, f"per {budget.window.kind}")
    then = "then refused" if budget.blocks else "then a warning"
    limit = shown(budget.limit) if budget.unit == "usd" else amount_shown(budget.unit, budget.limit)
    downgrades = "".join(f"; from {percent} % on {model}" for percent, model in reversed(budget.when_over))
    return f"{budget.name}: {whose}, {limit} {window}, {then}{downgrades}"


def _provider_holds(candidates: Sequence[Candidate]) -> Iterator[Hold]:
    return chain.from_iterable((*one.upstream.holds, *one.upstream.watched_holds) for one in candidates)
