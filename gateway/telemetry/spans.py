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
from gateway.telemetry.span_attributes import OPERATIONS, PASSED_OVER, PROVIDERS
from gateway.telemetry.traced_request import Call, TracedRequest
from gateway.version import __version__

_SCOPE: Final = InstrumentationScope("declarative-llm-gateway", __version__)
_SAMPLED: Final = TraceFlags(TraceFlags.SAMPLED)
_UNSET, _ERROR = Status(StatusCode.UNSET), Status(StatusCode.ERROR)
_NANOSECONDS, _NANOSECONDS_PER_MS, _NANO_USD = 1_000_000_000, 1_000_000, 1_000_000_000
_SERVER_ERROR = 500
_LONGEST_TEXT = 4096
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
            attributes=attributes if request.calls or not content else attributes | dict(content),
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
            told |= content
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


def _request_attributes(request: TracedRequest, scheme: str, *, failed: bool) -> dict[str, Any]:
    record = request.record
    cost = record.cost_nano_usd
    host, port = _address_of(f"//{request.host}") if request.host else (None, None)
    return _known(
        {
            "http.request.method": "POST",
            "http.route": request.path,
            "url.path": request.path,
            "url.scheme": scheme,
            "http.response.status_code": record.status,
            "server.address": host,
            "server.port": port,
            "user_agent.original": request.user_agent,
            "error.type": (record.error_type or str(record.status)) if failed else None,
            "langwatch.gateway_request_id": record.request_id,
            "langwatch.virtual_key_id": record.virtual_key,
            "langwatch.organization_id": record.organization,
            "langwatch.team_id": record.team,
            "langwatch.project_id": record.project,
            "langwatch.principal_id": record.principal,
            "langwatch.tags": record.tags or None,
            "langwatch.end_user_id": record.end_user,
            "langwatch.thread.id": request.thread_id,
            "langwatch.trace.metadata": request.metadata,
            "langwatch.model_asked": record.model_asked,
            "langwatch.model": record.model,
            "langwatch.provider": record.provider,
            "langwatch.model_source": record.model_source,
            "langwatch.streaming": record.streaming,
            "langwatch.status": record.outcome,
            "langwatch.error_type": record.error_type,
            "langwatch.error_code": record.error_code,
            "langwatch.duration_ms": record.duration_ms,
            "langwatch.time_to_first_token_ms": record.first_token_ms,
            "langwatch.cost_usd": None if cost is None else cost / _NANO_USD,
            "langwatch.config_revision": record.revision,
            "langwatch.budget.decision": _budget_decision(request),
            "langwatch.denied_by": record.denied_by,
            "langwatch.fallback.count": max(0, len(record.attempts) - 1),
        }
    )


def _call_attributes(call: Call, operation: str, request: TracedRequest) -> dict[str, Any]:
    usage, served = (None, None) if call.stated is None else (call.stated.usage, call.stated.served)
    host, port = _address_of(call.url)
    first_chunk = call.first_chunk
    attributes = {
        "gen_ai.operation.name": operation,
        "gen_ai.provider.name": PROVIDERS.get(call.provider_type, call.provider_type),
        "gen_ai.request.model": call.model,
        "gen_ai.response.model": None if served is None else served.model,
        "gen_ai.response.id": call.answer_id,
        "gen_ai.response.finish_reasons": call.finish_reasons or None,
        "gen_ai.response.time_to_first_chunk": None if first_chunk is None else first_chunk - call.began,
        "gen_ai.request.stream": request.record.streaming or None,
        "gen_ai.conversation.id": request.thread_id,
        "server.address": host,
        "server.port": port,
        "http.response.status_code": call.status,
        "error.type": None if call.outcome in _NO_FAILURE else call.outcome,
        "langwatch.gateway_request_id": request.record.request_id,
        "langwatch.provider": call.provider,
        "langwatch.fallback.attempt": call.number,
        "langwatch.fallback.outcome": call.outcome,
        **request.parameters,
    }
    if usage is not None:
        attributes["gen_ai.usage.input_tokens"] = usage.input_tokens
        attributes["gen_ai.usage.output_tokens"] = usage.output_tokens
        attributes["gen_ai.usage.cache_read.input_tokens"] = usage.cache_read_tokens or None
        attributes["gen_ai.usage.cache_write.input_tokens"] = usage.cache_write_tokens or None
        attributes["gen_ai.usage.reasoning.output_tokens"] = usage.reasoning_tokens or None
    return _known(attributes)


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


# PERF: there are few addresses.
@lru_cache(maxsize=1024)
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
