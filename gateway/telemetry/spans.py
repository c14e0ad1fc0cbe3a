"""A request as OpenTelemetry spans: one for itself, a child for each call that was made to a provider.

The request's own says what HTTP has to say, and whose it was; the calls' say what GenAI has to say (`span_attributes`).
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final
from urllib.parse import urlsplit

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags, TraceState

from gateway.telemetry.decision_record import DecisionRecord
from gateway.telemetry.lasting_attributes import LastingAttributes
from gateway.telemetry.otlp import encoded_attributes
from gateway.telemetry.span_attributes import OPERATIONS, PASSED_OVER, PROVIDERS
from gateway.telemetry.traced_request import Call, TracedRequest
from gateway.version import __version__

_SCOPE: Final = InstrumentationScope("declarative-llm-gateway", __version__)
_SAMPLED: Final = TraceFlags(TraceFlags.SAMPLED)
_UNSET, _ERROR = Status(StatusCode.UNSET), Status(StatusCode.ERROR)
_NANOSECONDS, _NANOSECONDS_PER_MS, _NANO_USD = 1_000_000_000, 1_000_000, 1_000_000_000
_SERVER_ERROR = 500
_LONGEST_TEXT = 4096
_LONGEST_LASTING = 256
"""Characters of what clients and providers say that is kept for further spans."""
_NO_FAILURE: Final = ("ok", "cancelled")
_PORTS: Final[Mapping[str, int]] = {"http": 80, "https": 443}


def spans_of(request: TracedRequest, resource: Resource, scheme: str = "http") -> list[ReadableSpan]:
    """The spans of a request, its own first; `scheme` is that of the gateway's port."""
    record = request.record
    state = None if request.trace.state is None else TraceState.from_header([request.trace.state])
    own = _context(record.trace_id, record.span_id, state)
    start = int(request.started_at * _NANOSECONDS)
    parent = request.trace.parent_span_id
    content = {} if request.content is None else request.content.attributes()
    operation = OPERATIONS.get(record.endpoint, record.endpoint)
    failed = record.status >= _SERVER_ERROR or record.outcome == "failed"
    attributes = _request_attributes(request, scheme, failed=failed)
    spans = [
        ReadableSpan(
            name=f"POST {request.path}",
            context=own,
            parent=None if parent is None else _context(record.trace_id, parent, None, is_remote=True),
            resource=resource,
            # What was captured of a request that no provider was asked for has no other place.
            attributes=attributes if request.calls or not content else attributes.with_more(content),
            events=_passed_over(record, start),
            kind=SpanKind.SERVER,
            status=_ERROR if failed else _UNSET,
            start_time=start,
            end_time=start + int(request.duration_s * _NANOSECONDS),
            instrumentation_scope=_SCOPE,
        )
    ]
    for call in request.calls:
        told = _call_attributes(call, operation, request)
        if content and call is request.calls[-1]:
            told.update(content)
        spans.append(
            ReadableSpan(
                name=f"{operation} {call.model}",
                context=_context(record.trace_id, call.span_id, state),
                parent=own,
                resource=resource,
                attributes=told,
                kind=SpanKind.CLIENT,
                status=_UNSET if call.outcome in _NO_FAILURE else _ERROR,
                start_time=start + int(call.began * _NANOSECONDS),
                end_time=start + int(call.ended * _NANOSECONDS),
                instrumentation_scope=_SCOPE,
            )
        )
    return spans


def _request_attributes(request: TracedRequest, scheme: str, *, failed: bool) -> LastingAttributes:
    record = request.record
    cost = record.cost_nano_usd
    lasting = _lasting_of_request(
        request.path,
        scheme,
        request.host and request.host[:_LONGEST_LASTING],
        request.user_agent and request.user_agent[:_LONGEST_LASTING],
        record.status,
        (record.error_type or str(record.status)) if failed else None,
        record.virtual_key,
        record.organization,
        record.team,
        record.project,
        record.principal,
        record.tags,
        record.model,
        record.provider,
        record.model_source,
        record.streaming,
        record.outcome,
        record.error_type,
        record.error_code,
        record.denied_by,
        _budget_decision(request),
        max(0, len(record.attempts) - 1),
        record.revision,
    )
    return lasting.with_more(
        _known(
            {
                "langwatch.gateway_request_id": record.request_id,
                "langwatch.model_asked": record.model_asked,
                "langwatch.end_user_id": record.end_user,
                "langwatch.thread.id": request.thread_id,
                "langwatch.trace.metadata": request.metadata,
                "langwatch.duration_ms": record.duration_ms,
                "langwatch.time_to_first_token_ms": record.first_token_ms,
                "langwatch.cost_usd": None if cost is None else cost / _NANO_USD,
            }
        )
    )


@lru_cache(maxsize=1024)
def _lasting_of_request(
    path: str, scheme: str, host: str | None, user_agent: str | None, status: int, error: str | None, *others: Any
) -> LastingAttributes:
    """What many requests have in common; `others` are those of `_SAID_OF_REQUEST`."""
    address, port = _address_of(f"//{host}") if host else (None, None)
    attributes = {
        "http.request.method": "POST",
        "http.route": path,
        "url.path": path,
        "url.scheme": scheme,
        "http.response.status_code": status,
        "server.address": address,
        "server.port": port,
        "user_agent.original": user_agent,
        "error.type": error,
        **dict(zip(_SAID_OF_REQUEST, others, strict=True)),
    }
    known = _known({name: None if value == () else value for name, value in attributes.items()})
    return LastingAttributes(known, encoded_attributes(known))


_SAID_OF_REQUEST: Final = (
    "langwatch.virtual_key_id",
    "langwatch.organization_id",
    "langwatch.team_id",
    "langwatch.project_id",
    "langwatch.principal_id",
    "langwatch.tags",
    "langwatch.model",
    "langwatch.provider",
    "langwatch.model_source",
    "langwatch.streaming",
    "langwatch.status",
    "langwatch.error_type",
    "langwatch.error_code",
    "langwatch.denied_by",
    "langwatch.budget.decision",
    "langwatch.fallback.count",
    "langwatch.config_revision",
)


def _call_attributes(call: Call, operation: str, request: TracedRequest) -> LastingAttributes:
    usage, served = (None, None) if call.stated is None else (call.stated.usage, call.stated.served)
    first_chunk = call.first_chunk
    lasting = _lasting_of_call(
        operation,
        call.provider_type,
        call.model,
        None if served is None or served.model is None else served.model[:_LONGEST_LASTING],
        call.finish_reasons,
        request.record.streaming or None,
        call.url,
        call.status,
        call.provider,
        call.number,
        call.outcome,
    )
    more = {
        "gen_ai.response.id": call.answer_id,
        "gen_ai.response.time_to_first_chunk": None if first_chunk is None else first_chunk - call.began,
        "gen_ai.conversation.id": request.thread_id,
        "langwatch.gateway_request_id": request.record.request_id,
        **request.parameters,
    }
    if usage is not None:
        more["gen_ai.usage.input_tokens"] = usage.input_tokens
        more["gen_ai.usage.output_tokens"] = usage.output_tokens
        more["gen_ai.usage.cache_read.input_tokens"] = usage.cache_read_tokens or None
        more["gen_ai.usage.cache_write.input_tokens"] = usage.cache_write_tokens or None
        more["gen_ai.usage.reasoning.output_tokens"] = usage.reasoning_tokens or None
    return lasting.with_more(_known(more))


@lru_cache(maxsize=1024)
def _lasting_of_call(
    operation: str,
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
) -> LastingAttributes:
    """What many calls have in common."""
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
    return LastingAttributes(known, encoded_attributes(known))


def _passed_over(record: DecisionRecord, start: int) -> list[Event]:
    return [
        Event(
            PASSED_OVER,
            {
                "langwatch.provider": one.provider,
                "langwatch.model": one.model,
                "langwatch.fallback.outcome": one.outcome,
            },
            start + one.began_ms * _NANOSECONDS_PER_MS,
        )
        for one in record.attempts
        if not one.was_asked
    ]


def _budget_decision(request: TracedRequest) -> str:
    if request.record.error_type == "budget_exceeded":
        return "block"
    return "allow" if request.budget_warning is None else "warn"


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
        name: value[:_LONGEST_TEXT] if isinstance(value, str) else value
        for name, value in attributes.items()
        if value is not None
    }


def _context(trace_id: str, span: str, state: TraceState | None, *, is_remote: bool = False) -> SpanContext:
    return SpanContext(int(trace_id, 16), int(span, 16), is_remote, _SAMPLED, state)
