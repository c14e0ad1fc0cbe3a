"""A request as OpenTelemetry spans: one for itself, a child for each call that was made to a provider.

The request's own says what HTTP has to say, and whose it was; the calls' say what GenAI has to say (`span_attributes`).

PERF: most of what it says is said of every request of a key and a model: that is encoded once, and what a request says
alone is joined to it. A thread does so, for many requests in a row: in between requests it takes several times as long,
when nothing of what it needs is in the core's caches.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Final
from urllib.parse import urlsplit

from opentelemetry.trace import SpanKind

from gateway.telemetry.decision_record import DecisionRecord
from gateway.telemetry.otlp import (
    RealAttribute,
    TextAttribute,
    WholeAttribute,
    span_attributes,
    span_event,
    span_head,
    span_kind,
    span_place,
    span_state,
    span_times,
)
from gateway.telemetry.span_attributes import OPERATIONS, PASSED_OVER, PROVIDERS
from gateway.telemetry.traced_request import LONGEST_TEXT, Call, TracedRequest

_NANOSECONDS, _NANOSECONDS_PER_MS, _NANO_USD = 1_000_000_000, 1_000_000, 1_000_000_000
_SERVER_ERROR = 500
_LONGEST_LASTING = 256
"""Characters of what clients and providers say that is kept for further spans."""
_NO_FAILURE: Final = ("ok", "cancelled")
_PORTS: Final[Mapping[str, int]] = {"http": 80, "https": 443}

_REQUEST_ID: Final = TextAttribute("langwatch.gateway_request_id")
_END_USER: Final = TextAttribute("langwatch.end_user_id")
_THREAD: Final = TextAttribute("langwatch.thread.id")
_METADATA: Final = TextAttribute("langwatch.trace.metadata")
_DURATION: Final = WholeAttribute("langwatch.duration_ms")
_FIRST_TOKEN: Final = WholeAttribute("langwatch.time_to_first_token_ms")
_COST: Final = RealAttribute("langwatch.cost_usd")
_ANSWER_ID: Final = TextAttribute("gen_ai.response.id")
_FIRST_CHUNK: Final = RealAttribute("gen_ai.response.time_to_first_chunk")
_CONVERSATION: Final = TextAttribute("gen_ai.conversation.id")
_INPUT: Final = WholeAttribute("gen_ai.usage.input_tokens")
_OUTPUT: Final = WholeAttribute("gen_ai.usage.output_tokens")
_CACHE_READ: Final = WholeAttribute("gen_ai.usage.cache_read.input_tokens")
_CACHE_WRITTEN: Final = WholeAttribute("gen_ai.usage.cache_write.input_tokens")
_REASONING: Final = WholeAttribute("gen_ai.usage.reasoning.output_tokens")


def spans_of(request: TracedRequest, scheme: str) -> bytes:
    """The spans of a request as they stand among those of a scope, with what was captured of it.

    Its own comes first; `scheme` is that of the gateway's port. Raises for what has none.
    """
    tracestate = request.trace.state
    state = "" if tracestate is None else span_state(tracestate)
    start = int(request.started_at * _NANOSECONDS)
    request_id = _REQUEST_ID.of(request.record.request_id)
    last = _of_request(request, request_id, state, start, scheme)
    spans: list[bytes] = []
    for call in request.calls:
        spans.append(span_head(sum(map(len, last))))
        spans += last
        last = _of_call(call, request, request_id, state, start)
    if request.content is not None:
        # What was captured of a request that no provider was asked for has no other place than its own span.
        last.append(span_attributes(request.content.attributes()))
    spans.append(span_head(sum(map(len, last))))
    spans += last
    return b"".join(spans)


def _of_request(request: TracedRequest, request_id: bytes, state: str, start: int, scheme: str) -> list[bytes]:
    """The span of a request itself, in pieces; one of them is its `request_id`, as a call's has it too."""
    record = request.record
    attempts = record.attempts
    lasting = _lasting_of_request(
        request.path,
        scheme,
        request.host,
        request.user_agent,
        record.status,
        record.outcome,
        record.error_type,
        request.budget_warning is not None,
        len(attempts),
        record.model_asked,
        record.virtual_key,
        record.organization,
        record.team,
        record.project,
        record.principal,
        record.tags,
        record.model,
        record.provider,
        record.model_source,
        record.route,
        record.streaming,
        record.error_code,
        record.denied_by,
        record.revision,
    )
    parts = [
        span_place(record.trace_id, record.span_id, request.trace.parent_span_id, state, is_remote=True),
        span_times(start, start + int(request.duration_s * _NANOSECONDS)),
        lasting,
        request_id,
    ]
    if record.end_user is not None:
        parts.append(_END_USER.of(record.end_user))
    if request.thread_id is not None:
        parts.append(_THREAD.of(request.thread_id))
    if request.metadata is not None:
        parts.append(_METADATA.of(request.metadata))
    if record.duration_ms is not None:
        parts.append(_DURATION.of(record.duration_ms))
    if record.first_token_ms is not None:
        parts.append(_FIRST_TOKEN.of(record.first_token_ms))
    if record.cost_nano_usd is not None:
        parts.append(_COST.of(record.cost_nano_usd / _NANO_USD))
    if len(attempts) > 1 or not request.calls:
        parts += _passed_over(record, start)
    return parts


@lru_cache(maxsize=1024)
def _lasting_of_request(
    path: str,
    scheme: str,
    host: bytes | None,
    user_agent: bytes | None,
    status: int,
    outcome: str,
    error_type: str | None,
    is_warned: bool,
    attempts: int,
    *others: Any,
) -> bytes:
    """What many requests have in common; `others` are those of `_SAID_OF_REQUEST`."""
    address, port = _address_of(f"//{_text(host)}") if host else (None, None)
    failed = status >= _SERVER_ERROR or outcome == "failed"
    attributes = {
        "http.request.method": "POST",
        "http.route": path,
        "url.path": path,
        "url.scheme": scheme,
        "http.response.status_code": status,
        "server.address": address,
        "server.port": port,
        "user_agent.original": None if user_agent is None else _text(user_agent),
        "error.type": (error_type or str(status)) if failed else None,
        "langwatch.status": outcome,
        "langwatch.error_type": error_type,
        "langwatch.budget.decision": _budget_decision(error_type, is_warned=is_warned),
        "langwatch.fallback.count": max(0, attempts - 1),
        **dict(zip(_SAID_OF_REQUEST, others, strict=True)),
    }
    known = _known({name: None if value == () else value for name, value in attributes.items()})
    return span_kind(f"POST {path}", SpanKind.SERVER, failed=failed) + span_attributes(known)


_SAID_OF_REQUEST: Final = (
    "langwatch.model_asked",
    "langwatch.virtual_key_id",
    "langwatch.organization_id",
    "langwatch.team_id",
    "langwatch.project_id",
    "langwatch.principal_id",
    "langwatch.tags",
    "langwatch.model",
    "langwatch.provider",
    "langwatch.model_source",
    "langwatch.route",
    "langwatch.streaming",
    "langwatch.error_code",
    "langwatch.denied_by",
    "langwatch.config_revision",
)


def _of_call(call: Call, request: TracedRequest, request_id: bytes, state: str, start: int) -> list[bytes]:
    """The span of a call, in pieces."""
    record, stated, first_chunk = request.record, call.stated, call.first_chunk
    served = None if stated is None else stated.served
    lasting = _lasting_of_call(
        record.endpoint,
        call.provider_type,
        call.model,
        None if served is None or served.model is None else served.model[:_LONGEST_LASTING],
        call.finish_reasons,
        record.streaming or None,
        call.url,
        call.status,
        call.provider,
        call.number,
        call.outcome,
    )
    parts = [
        span_place(record.trace_id, call.span_id, record.span_id, state, is_remote=False),
        span_times(start + int(call.began * _NANOSECONDS), start + int(call.ended * _NANOSECONDS)),
        lasting,
        request_id,
    ]
    if request.parameters:
        parts.append(_encoded(tuple(request.parameters.items())))
    if call.answer_id is not None:
        parts.append(_ANSWER_ID.of(call.answer_id))
    if first_chunk is not None:
        parts.append(_FIRST_CHUNK.of(first_chunk - call.began))
    if request.thread_id is not None:
        parts.append(_CONVERSATION.of(request.thread_id))
    if stated is not None:
        usage = stated.usage
        parts.append(_INPUT.of(usage.input_tokens))
        parts.append(_OUTPUT.of(usage.output_tokens))
        if usage.cache_read_tokens:
            parts.append(_CACHE_READ.of(usage.cache_read_tokens))
        if usage.cache_write_tokens:
            parts.append(_CACHE_WRITTEN.of(usage.cache_write_tokens))
        if usage.reasoning_tokens:
            parts.append(_REASONING.of(usage.reasoning_tokens))
    return parts


@lru_cache(maxsize=1024)
def _lasting_of_call(
    endpoint: str,
    provider_type: str,
    model: str,
    answered: str | None,
    finish_reasons: tuple[str, ...],
    streaming: bool | None,
    url: str,
    status: int | None,
    provider: str,
    number: int,
    outcome: str,
) -> bytes:
    """What many calls have in common."""
    operation = OPERATIONS.get(endpoint, endpoint)
    host, port = _address_of(url)
    known = _known(
        {
            "gen_ai.operation.name": operation,
            "gen_ai.provider.name": PROVIDERS.get(provider_type, provider_type),
            "gen_ai.request.model": model,
            "gen_ai.response.model": answered,
            "gen_ai.response.finish_reasons": finish_reasons or None,
            "gen_ai.request.stream": streaming,
            "server.address": host,
            "server.port": port,
            "http.response.status_code": status,
            "error.type": None if outcome in _NO_FAILURE else outcome,
            "langwatch.provider": provider,
            "langwatch.fallback.attempt": number,
            "langwatch.fallback.outcome": outcome,
        }
    )
    kind = span_kind(f"{operation} {model}", SpanKind.CLIENT, failed=outcome not in _NO_FAILURE)
    return kind + span_attributes(known)


@lru_cache(maxsize=256)
def _encoded(parameters: Sequence[tuple[str, Any]]) -> bytes:
    """What requests ask of the model: most of an application's ask the same."""
    return span_attributes(_known(dict(parameters)))


def _passed_over(record: DecisionRecord, start: int) -> list[bytes]:
    return [
        span_event(
            PASSED_OVER,
            start + one.began_ms * _NANOSECONDS_PER_MS,
            {
                "langwatch.provider": one.provider,
                "langwatch.model": one.model,
                "langwatch.fallback.outcome": one.outcome,
            },
        )
        for one in record.attempts
        if not one.was_asked
    ]


def _budget_decision(error_type: str | None, *, is_warned: bool) -> str:
    if error_type == "budget_exceeded":
        return "block"
    return "warn" if is_warned else "allow"


def _text(header: bytes) -> str:
    return header.decode("utf-8", "replace")[:_LONGEST_LASTING]


def _address_of(url: str) -> tuple[str | None, int | None]:
    """The host of a URL and its port, that of the scheme where it states none."""
    try:
        parts = urlsplit(url)
        return parts.hostname, parts.port or _PORTS.get(parts.scheme)
    except ValueError:
        return None, None


def _known(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """What is known of them, texts of clients cut to a bearable length."""
    return {
        name: value[:LONGEST_TEXT] if isinstance(value, str) else value
        for name, value in attributes.items()
        if value is not None
    }
