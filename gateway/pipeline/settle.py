"""The end of every request, once: holds become what was consumed, and ledger, metrics, log and traces hear of it."""

from collections.abc import Sequence
from itertools import pairwise

import msgspec

from gateway import clock
from gateway.config.resources import Identities
from gateway.content.captured import CapturedContent, is_captured
from gateway.content.outline import OUTLINED
from gateway.content.parameters import parameters_of
from gateway.errors import GatewayError
from gateway.ledger.storable import encode
from gateway.money.cost import rates_of
from gateway.money.nano_usd import NANO_PER_USD
from gateway.pipeline.holds import (
    NOTHING_OWED,
    NOTHING_RELEASED,
    Bill,
    Released,
    characters_asked_for,
    charge,
    prompt_tokens,
    release,
    with_estimates,
)
from gateway.pipeline.key_guesses import TOO_MANY
from gateway.pipeline.services import Services, Tracing
from gateway.pipeline.states import ERROR_IN_ANSWER, Asked, Ended, Received
from gateway.shapes.ending import Ending, How, Stop
from gateway.snapshot.snapshot import Attribution, CompiledKey
from gateway.telemetry.access_log import AGENT
from gateway.telemetry.decision_record import NAMED, UNPRICED, AttemptRecord, DecisionRecord
from gateway.telemetry.labelled import Labelled
from gateway.telemetry.metrics import Metrics
from gateway.telemetry.traced_request import LONGEST_NAME, LONGEST_TEXT, Call, TracedRequest
from gateway.upstream.failure import FailureKind
from gateway.usage import Stated, Usage
from gateway.visible import visible
from gateway.wire.request_body import RequestBody

CLIENT_CLOSED = 499
"""The status recorded for a request whose client left; nginx's convention, never sent."""

LEDGER_FULL = "ledger_full"
"""The code of the refusal that the ledger has no room to hear of."""

USAGE_NOT_REPORTED = "usage-not-reported"
STREAM_CUT_SHORT = "stream-cut-short"

_MICROSECONDS = 1_000_000
_LONGEST_WARNING = 250
_NOBODY = Attribution(None, (), None, None, ())
_HOST = b"host"
_THREAD = b"x-langwatch-thread-id"
_METADATA = b"x-langwatch-trace-metadata"


def sample(received: Received, services: Services) -> None:
    """Samples for the collector of the key, as soon as it is known; else for that of the process."""
    key = received.trail.key
    sampled = services.tracing.sample(received.trace, None if key is None else key.trace_collector)
    if sampled is not None:
        received.trace.flags = "01" if sampled else "00"
        received.is_traced = sampled


def capture(received: Received, key: CompiledKey, body: RequestBody) -> None:
    """Begins to keep the content of a sampled request whose key asks for that."""
    if key.capture is not None and is_captured(received.endpoint.name):
        received.content = CapturedContent(received.endpoint.name, body.data, key.capture)


def settle(received: Received, services: Services, ended: Ended) -> None:
    """Gives back what the request held and tells the ledger, metrics and log. Doing it twice does nothing."""
    trail = received.trail
    if trail.is_settled:
        return
    trail.is_settled = True
    admitted, bill = trail.admitted, NOTHING_OWED
    asked = trail.asked
    stated = None if asked is None else asked.stated
    if admitted is not None:
        for engaged in admitted.under_way:
            engaged.count -= 1
        if asked is not None and stated is not None and stated.unread:
            asked.stated = stated = with_estimates(admitted, stated)
        bill = charge(admitted, stated, ended.outcome)
    if asked is not None and (bill.unpriced or (stated is not None and stated.unread)):
        asked.usage_warning = _warning(asked, bill)
    released = release(received, services, bill, stated, ended.outcome)
    _count(received, services.metrics, bill, ended)
    is_kept = trail.key is not None and ended.error_code != LEDGER_FULL
    log = services.decision_log
    has_line = log is not None and log.has(ended.outcome, received.request_id)
    # Whoever guesses keys fills no logs.
    if ended.error_code == TOO_MANY or not (is_kept or has_line or received.is_traced):
        return
    record = _decision_record(received, bill, ended, released)
    encoded = encode(record)
    if is_kept:
        services.ledger.append(encoded)
    if log is not None and has_line:
        log.write(record, encoded, received.peer, received.header_map.get(AGENT), received.headers)
    if received.is_traced:
        _trace(received, record, services.tracing)


_OUTCOMES = {How.COMPLETE: "ok", How.FAILED: "failed", How.CUT: "failed"}
_BROKEN = (How.FAILED, How.CUT)


def settle_refused(received: Received, services: Services, error: GatewayError) -> None:
    """The same for a request that an error has ended, before a provider was asked or after."""
    outcome = "failed" if received.trail.attempts else "refused"
    if outcome == "refused":
        # A rule that warns would have changed nothing.
        received.trail.warned = ()
    settle(received, services, Ended(error.status, outcome, error.type, error.code, error.denial))


def conclude(
    asked: Asked,
    services: Services,
    ending: Ending,
    output_tokens: int,
    *,
    is_final: bool = True,
    error_code: str = "upstream_mid_stream_failure",
) -> None:
    """Ends an answered request by how its answer ended: outcome, usage, circuit and record follow from that alone.

    Args:
        asked: The request.
        services: Where it is told.
        ending: How its answer ended.
        output_tokens: What came of it, as it was counted in passing.
        is_final: Whether the usage that was stated is the provider's last word.
        error_code: What is recorded of an answer that failed.
    """
    received, how = asked.received, ending.how
    if how in _BROKEN:
        tell_failure(asked, services, ERROR_IN_ANSWER if how is How.FAILED else FailureKind.NETWORK.value)
    if received.endpoint.metered and not (is_final and how is How.COMPLETE and asked.stated is not None):
        _complete_usage(asked, how, output_tokens, is_final=is_final)
    outcome = _OUTCOMES.get(how, received.cancelled_as)
    status = CLIENT_CLOSED if how is How.LEFT or received.client_left else asked.response.status
    error_type, code = ("provider_error", error_code) if how in _BROKEN else (None, None)
    settle(received, services, Ended(status, outcome, error_type, code))


def tell_failure(asked: Asked, services: Services, outcome: str) -> None:
    """The circuit breaker and the record hear, once, that a call failed after its answer had begun.

    A provider that was made to wait by a client which did not read may have failed for that: else one client could open
    the circuit for all.
    """
    upstream = asked.candidate.upstream
    attempts, number = asked.received.trail.attempts, asked.attempt
    if attempts[number].outcome == ERROR_IN_ANSWER:
        return
    if not asked.response.was_held_back:
        services.breakers.broke_off(upstream.provider.name, upstream.circuit)
    attempts[number] = msgspec.structs.replace(attempts[number], outcome=outcome)


def _complete_usage(asked: Asked, how: How, output_tokens: int, *, is_final: bool) -> None:
    """What was stated, or what came where nothing was stated, or not to the end.

    An error that came instead of an answer consumed nothing.
    """
    if how is How.COMPLETE and asked.stated is None:
        asked.usage_warning = USAGE_NOT_REPORTED
        if output_tokens and asked.admitted.key.in_force.charges_missing_usage:
            asked.is_counted = True
            asked.stated = _received_usage(asked, output_tokens)
    elif how is How.COMPLETE and is_final:
        return
    elif how is not How.FAILED or output_tokens:
        asked.usage_warning = STREAM_CUT_SHORT
        asked.stated = _received_usage(asked, output_tokens)


def _received_usage(asked: Asked, output_tokens: int) -> Stated:
    """What was stated so far, but at least the prompt and the output that came; a cost so far is not the whole one."""
    stated = asked.stated or Stated(usage=Usage())
    usage, price = stated.usage, asked.candidate.prices.at(asked.received.started_at)
    is_audio = asked.received.endpoint.shape.count_audio is not None
    if is_audio and price is not None and price.input_characters is not None:
        return Stated(usage=Usage(further={"input_characters": characters_asked_for(asked.admitted)}))
    prompt = usage.input_tokens or prompt_tokens(asked.admitted)
    output = max(usage.output_tokens, output_tokens)
    usage = msgspec.structs.replace(
        usage,
        input_tokens=prompt,
        output_tokens=output,
        output_audio_tokens=output if is_audio else usage.output_audio_tokens,
    )
    served = stated.served
    if served is not None and served.stated_cost is not None:
        served = msgspec.structs.replace(served, stated_cost=None)
    return msgspec.structs.replace(stated, usage=usage, served=served)


def _warning(asked: Asked, bill: Bill) -> str:
    """What is wrong with the usage, in words that a header may have: names from upstream may be anything."""
    warnings = [] if asked.usage_warning is None else [asked.usage_warning]
    if bill.unpriced:
        warnings.append(f"{UNPRICED}{', '.join(dict.fromkeys(bill.unpriced))}")
    served = None if asked.stated is None else asked.stated.served
    if served is not None and served.unreadable:
        warnings.append(f"unreadable: {', '.join(dict.fromkeys(served.unreadable))}")
    return visible("; ".join(warnings)).encode("ascii", "replace").decode()[:_LONGEST_WARNING]


def _count(received: Received, metrics: Metrics, bill: Bill, ended: Ended) -> None:
    trail = received.trail
    admitted, asked, candidate = trail.admitted, trail.asked, trail.candidate
    # Nobody who was not asked is to blame for what the gateway refuses, however far its choice had come.
    was_asked = admitted is not None and admitted.under_way
    provider = candidate.upstream.provider.name if candidate is not None and was_asked else ""
    model = "" if candidate is None else candidate.model
    now, started = clock.monotonic(), received.started
    first_token_at = None if asked is None else asked.first_token_at
    called_at = trail.called_at
    metrics.request_ended(
        received.endpoint.name,
        provider,
        ended.status,
        ended.outcome,
        duration_s=now - started,
        overhead_s=(now if called_at is None else called_at) - started - trail.reading_s,
        first_token_s=None if first_token_at is None else first_token_at - started,
        trace_id=received.trace.trace_id if received.is_traced else None,
    )
    if ended.error_type is not None:
        code = ended.error_code or ended.error_type
        if ended.outcome == "refused":
            metrics.refused(ended.error_type, code)
        else:
            metrics.failed(provider, ended.error_type, code)
    if ended.denial is not None:
        metrics.denied(ended.denial)
    for warned in trail.warned:
        metrics.warned(warned.by, warned.dimension)
    _count_attempts(trail.attempts, asked, metrics, started, now)
    if metrics.labelled is not None:
        _count_labelled(metrics.labelled, received, bill, ended)
    stated = None if asked is None else asked.stated
    if admitted is None:
        return
    if stated is not None and not admitted.replaced and not bill.unpriced:
        # PERF: nearly every answer, whose bill is that of its own provider alone.
        metrics.usage(provider, model, stated.usage, (bill.cost or 0) / NANO_PER_USD)
        return
    if stated is not None:
        metrics.usage(provider, model, stated.usage)
    _count_bill(metrics, provider, model, bill)


def _count_labelled(labelled: Labelled, received: Received, bill: Bill, ended: Ended) -> None:
    trail = received.trail
    key, asked, candidate = trail.key, trail.asked, trail.candidate
    usage = None if asked is None or asked.stated is None else asked.stated.usage
    labelled.ended(
        model="" if candidate is None else candidate.model,
        model_source=trail.model_source,
        key="" if key is None else key.name,
        team="" if key is None or not key.attribution.teams else key.attribution.teams[0],
        outcome=ended.outcome,
        tokens=(0, 0) if usage is None else (usage.input_tokens, usage.output_tokens),
        cost_usd=(bill.cost or 0) / NANO_PER_USD,
    )


def _count_attempts(
    attempts: Sequence[AttemptRecord], asked: Asked | None, metrics: Metrics, started: float, now: float
) -> None:
    answered = None if asked is None else attempts[asked.attempt]
    for attempt in attempts:
        if attempt is answered and asked is not None:
            began = started + attempt.began_ms / 1000
            metrics.asked(attempt.provider, attempt.outcome, now - began, asked.first_byte_at - began)
        elif attempt.was_asked:
            metrics.asked(attempt.provider, attempt.outcome, attempt.duration_ms / 1000, None)
        else:
            metrics.passed_over(attempt.provider, attempt.outcome)
    if len(attempts) > 1:
        for one, other in pairwise(attempts):
            metrics.hopped(one.provider, other.provider)


def _count_bill(metrics: Metrics, provider: str, model: str, bill: Bill) -> None:
    if bill.unpriced:
        metrics.unpriced(provider, model)
    for (owed_to, owing), owed in bill.owed.items():
        metrics.cost(owed_to, owing, owed / NANO_PER_USD)


def record_of(received: Received, ended: Ended) -> DecisionRecord:
    """What is known of a request that has led to something which is charged for by itself, later."""
    return _decision_record(received, NOTHING_OWED, ended, NOTHING_RELEASED)


def _decision_record(received: Received, bill: Bill, ended: Ended, released: Released) -> DecisionRecord:
    """Everything that is known of a request that has ended."""
    trail, started, trace = received.trail, received.started, received.trace
    key, candidate, asked, outbound = trail.key, trail.candidate, trail.asked, trail.outbound
    who = _NOBODY if key is None else key.attribution
    provider = None if candidate is None else candidate.upstream.provider
    price = bill.price
    stated = None if asked is None else asked.stated
    usage, served = (None, None) if stated is None else (stated.usage, stated.served)
    occurred_at = int(received.started_at * _MICROSECONDS)
    ended_ms = round((clock.monotonic() - started) * 1000)
    record = DecisionRecord(
        time=clock.iso_of_microseconds(occurred_at),
        request_id=received.request_id,
        revision=received.snapshot.revision_label,
        trace_id=trace.trace_id,
        span_id=trace.span_id,
        endpoint=received.endpoint.name,
        virtual_key=None if key is None else key.name,
        organization=who.organization,
        team=who.teams[0] if who.teams else None,
        project=who.project,
        principal=who.principal,
        tags=who.tags,
        end_user=trail.end_user,
        model_asked=trail.model_asked,
        model=None if candidate is None else candidate.model,
        provider=None if provider is None else provider.name,
        provider_type=None if provider is None else provider.type,
        model_source=trail.model_source,
        route=trail.route,
        body=None if outbound is None else outbound.treatment,
        streaming=trail.streams,
        status=ended.status,
        error_type=ended.error_type,
        error_code=ended.error_code,
        outcome=ended.outcome,
        usage=usage,
        served=served,
        usage_warning=None if asked is None else asked.usage_warning,
        cost_nano_usd=bill.cost,
        price_source=bill.source,
        attempts=_attempts(trail.attempts, asked, ended_ms),
        duration_ms=ended_ms,
        first_byte_ms=None if asked is None else round((asked.first_byte_at - started) * 1000),
        first_token_ms=None
        if asked is None or asked.first_token_at is None
        else round((asked.first_token_at - started) * 1000),
        denied_by=None if ended.denial is None else f"{ended.denial.by}:{ended.denial.dimension}:{ended.denial.name}",
        occurred_at=occurred_at,
        price=None if price is None else (rates_of(price, usage, served) if price.tiers else price).known,
        budgets=released.charges,
        prompt_per_mille=released.prompt_per_mille,
        settled_until=msgspec.UNSET if released.settled_until is None else released.settled_until,
        warnings=tuple([one.name for one in trail.warned]) if trail.warned else msgspec.UNSET,
    )
    return _with_identities(record, received.snapshot.identities) if received.snapshot.identities else record


def _attempts(attempts: Sequence[AttemptRecord], asked: Asked | None, ended_ms: int) -> tuple[AttemptRecord, ...]:
    """All of them; the one that was answered took until the end of its answer."""
    if asked is None:
        return tuple(attempts)
    told = list(attempts)
    answered = told[asked.attempt]
    told[asked.attempt] = AttemptRecord(
        answered.provider, answered.model, answered.outcome, answered.began_ms, ended_ms - answered.began_ms
    )
    return tuple(told)


def _with_identities(record: DecisionRecord, identities: Identities) -> DecisionRecord:
    """The record with what the ledger calls that of it which was renamed."""
    named = {(kind, name) for member, kind in NAMED.items() if (name := getattr(record, member)) is not None}
    named |= {("providers", one.provider) for one in record.attempts}
    found: dict[str, dict[str, str]] = {}
    for kind, name in sorted(named & identities.keys()):
        found.setdefault(kind, {})[name] = identities[kind, name]
    return msgspec.structs.replace(record, identities=found) if found else record


def _trace(received: Received, record: DecisionRecord, tracing: Tracing) -> None:
    """Hands the request to its collector. It is charged and answered by now: what goes wrong costs its spans alone."""
    try:
        tracing.export(_traced_request(received, record))
    except Exception as error:  # noqa: BLE001 - see above
        trail = received.trail
        collector = None if trail.key is None else trail.key.trace_collector
        tracing.lose(record.request_id, collector, 1 + len(trail.calls), error)


def _traced_request(received: Received, record: DecisionRecord) -> TracedRequest:
    """What spans are made of."""
    headers, trail = received.header_map, received.trail
    key, admitted, asked = trail.key, trail.admitted, trail.asked
    host, agent = headers.get(_HOST), headers.get(AGENT)
    duration_s = clock.monotonic() - received.started
    if asked is not None and trail.calls:
        _conclude_call(trail.calls[-1], asked, record, duration_s)
    return TracedRequest(
        record=record,
        trace=received.trace,
        started_at=received.started_at,
        duration_s=duration_s,
        path=received.endpoint.path,
        host=host and host[:LONGEST_NAME],
        user_agent=agent and agent[:LONGEST_NAME],
        calls=trail.calls,
        parameters={} if admitted is None else parameters_of(admitted.body),
        thread_id=_text(headers.get(_THREAD)),
        metadata=_text(headers.get(_METADATA)),
        budget_warning=trail.budget_warning,
        collector=None if key is None else key.trace_collector,
        content=received.content,
    )


def _conclude_call(call: Call, asked: Asked, record: DecisionRecord, ended: float) -> None:
    """The call whose answer the client got ends with it, and has what that says of itself."""
    call.ended, call.outcome = ended, record.attempts[asked.attempt].outcome
    call.stated = asked.stated
    if record.streaming and asked.first_token_at is not None:
        call.first_chunk = asked.first_token_at - asked.received.started
    if asked.ends is not None and record.endpoint in OUTLINED:
        outline = asked.ends.read(asked.candidate.lane.endpoint.shape)
        call.answer_id = outline.answer_id and outline.answer_id[:LONGEST_TEXT]
        # A reason that was to come and did not is an error, says the convention.
        call.finish_reasons = outline.finish_reasons or (Stop.FAILED.value,)


def _text(header: bytes | None) -> str | None:
    return None if header is None else header.decode("utf-8", "replace")[:LONGEST_TEXT]
