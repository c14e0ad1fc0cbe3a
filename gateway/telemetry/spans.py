"""A request as OpenTelemetry spans: one for itself, a child for each call to a provider.

Names and attributes are those of the GenAI semantic conventions
(https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-spans/), beside them `langwatch.*`.
"""

from collections.abc import Mapping
from typing import Any, Final

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags, TraceState

from gateway.ids import span_id
from gateway.telemetry.decision_record import AttemptRecord, DecisionRecord
from gateway.telemetry.traced_request import TracedRequest
from gateway.version import __version__

_SCOPE: Final = InstrumentationScope("declarative-llm-gateway", __version__)
_SAMPLED: Final = TraceFlags(TraceFlags.SAMPLED)
_NANOSECONDS, _NANOSECONDS_PER_MS, _NANO_USD = 1_000_000_000, 1_000_000, 1_000_000_000
_SERVER_ERROR = 500
_LONGEST_TEXT = 4096
_OPERATIONS: Final[Mapping[str, str]] = {
    "chat_completions": "chat",
    "messages": "chat",
    "responses": "chat",
    "completions": "text_completion",
    "embeddings": "embeddings",
}
_PROVIDERS: Final[Mapping[str, str]] = {
    "azure": "azure.ai.openai",
    "bedrock": "aws.bedrock",
    "gemini": "gcp.gemini",
    "vertex": "gcp.vertex_ai",
}


def spans_of(request: TracedRequest, resource: Resource) -> list[ReadableSpan]:
    """The spans of a request, its own first."""
    record = request.record
    own = _context(record.trace_id, record.span_id, request.trace.state)
    start = int(request.started_at * _NANOSECONDS)
    end = start + (record.duration_ms or 0) * _NANOSECONDS_PER_MS
    parent = request.trace.parent_span_id
    operation = _OPERATIONS.get(record.endpoint, record.endpoint)
    spans = [
        ReadableSpan(
            name=f"{operation} {record.model or record.model_asked or ''}".rstrip(),
            context=own,
            parent=None if parent is None else _context(record.trace_id, parent, None, is_remote=True),
            resource=resource,
            attributes=_request_attributes(request, operation) | dict(_content(request)),
            kind=SpanKind.SERVER,
            status=_status(failed=record.status >= _SERVER_ERROR or record.outcome == "failed"),
            start_time=start,
            end_time=end,
            instrumentation_scope=_SCOPE,
        )
    ]
    for number, attempt in enumerate(record.attempts):
        began = min(start + attempt.began_ms * _NANOSECONDS_PER_MS, end)
        spans.append(
            ReadableSpan(
                name=f"{operation} {attempt.provider}/{attempt.model}",
                context=_context(record.trace_id, span_id(), None),
                parent=own,
                resource=resource,
                attributes=_attempt_attributes(attempt, number, operation, record),
                kind=SpanKind.CLIENT,
                status=_status(failed=attempt.outcome != "ok"),
                start_time=began,
                end_time=min(began + attempt.duration_ms * _NANOSECONDS_PER_MS, end),
                instrumentation_scope=_SCOPE,
            )
        )
    return spans


def _request_attributes(request: TracedRequest, operation: str) -> dict[str, Any]:
    record, usage = request.record, request.record.usage
    cost = record.cost_nano_usd
    attributes: dict[str, Any] = {
        "gen_ai.operation.name": operation,
        "gen_ai.provider.name": _provider_name(request.provider_type),
        "gen_ai.request.model": record.model_asked,
        "gen_ai.response.model": record.model,
        "gen_ai.conversation.id": request.thread_id,
        "http.response.status_code": record.status,
        "error.type": record.error_type or (str(record.status) if record.status >= _SERVER_ERROR else None),
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
        "langwatch.model": record.model,
        "langwatch.provider": record.provider,
        "langwatch.model_source": record.model_source,
        "langwatch.streaming": record.streaming,
        "langwatch.status": record.outcome,
        "langwatch.error_code": record.error_code,
        "langwatch.duration_ms": record.duration_ms,
        "langwatch.time_to_first_token_ms": record.first_token_ms,
        "langwatch.cost_usd": None if cost is None else cost / _NANO_USD,
        "langwatch.config_revision": record.revision,
        "langwatch.budget.decision": _budget_decision(request),
        "langwatch.denied_by": record.denied_by,
        "langwatch.fallback.count": max(0, len(record.attempts) - 1),
    }
    if usage is not None:
        attributes["gen_ai.usage.input_tokens"] = attributes["langwatch.usage.input_tokens"] = usage.input_tokens
        attributes["gen_ai.usage.output_tokens"] = attributes["langwatch.usage.output_tokens"] = usage.output_tokens
        attributes["gen_ai.usage.cache_read.input_tokens"] = usage.cache_read_tokens
        attributes["gen_ai.usage.cache_creation.input_tokens"] = usage.cache_write_tokens
    return _known(attributes)


def _content(request: TracedRequest) -> Mapping[str, str | bool]:
    return {} if request.content is None else request.content.attributes()


def _attempt_attributes(attempt: AttemptRecord, number: int, operation: str, record: DecisionRecord) -> dict[str, Any]:
    return _known(
        {
            "gen_ai.operation.name": operation,
            "gen_ai.request.model": attempt.model,
            "langwatch.provider": attempt.provider,
            "langwatch.gateway_request_id": record.request_id,
            "langwatch.fallback.attempt": number,
            "langwatch.fallback.outcome": attempt.outcome,
            "error.type": None if attempt.outcome == "ok" else attempt.outcome,
        }
    )


def _budget_decision(request: TracedRequest) -> str:
    if request.record.error_type == "budget_exceeded":
        return "block"
    return "allow" if request.budget_warning is None else "warn"


def _provider_name(provider_type: str | None) -> str | None:
    return None if provider_type is None else _PROVIDERS.get(provider_type, provider_type)


def _known(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """What is known of them, texts of clients cut to a bearable length."""
    return {
        name: value[:_LONGEST_TEXT] if isinstance(value, str) else value
        for name, value in attributes.items()
        if value is not None
    }


def _context(trace_id: str, span: str, state: str | None, *, is_remote: bool = False) -> SpanContext:
    trace_state = None if state is None else TraceState.from_header([state])
    return SpanContext(int(trace_id, 16), int(span, 16), is_remote, _SAMPLED, trace_state)


def _status(*, failed: bool) -> Status:
    return Status(StatusCode.ERROR if failed else StatusCode.UNSET)
