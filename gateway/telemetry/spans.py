"""A request as OpenTelemetry spans: one for itself, a child for each call that was made to a provider.

The request's own says what HTTP has to say, and whose it was; the calls' say what GenAI has to say (`span_attributes`).

PERF: it is made into bytes when it ends. Most of what it says is said of every request of a key and a model: that is
encoded once, and what a request says alone is joined to it. What was captured of it is left to a thread.
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
    sized_span,
    span_attributes,
    span_event,
    span_kind,
    span_place,
    span_state,
    span_times,
)
from gateway.telemetry.span_attributes import OPERATIONS, PASSED_OVER, PROVIDERS
from gateway.telemetry.traced_request import Call, Content, TracedRequest

_NANOSECONDS, _NANOSECONDS_PER_MS, _NANO_USD = 1_000_000_000, 1_000_000, 1_000_000_000
_SERVER_ERROR = 500
_LONGEST_TEXT = 4096
_LONGEST_LASTING = 256
"""Characters of what clients and providers say that is kept for further spans."""
_NO_FAILURE: Final = ("ok", "cancelled")
_PORTS: Final[Mapping[str, int]] = {"http": 80, "https": 443}

_REQUEST_ID: Final = TextAttribute("langwatch.gateway_request_id")
_MODEL_ASKED: Final = TextAttribute("langwatch.model_asked")
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


class RequestSpans:
    """The spans of a request, `count` of them: `done` are encoded, and `last` is one without what was captured.

    `last` is empty where nothing was.
    """

    __slots__ = ("content", "count", "done", "last", "request_id")

    def __init__(
        self, request_id: str, count: int, done: bytes, last: bytes = b"", content: Content | None = None
    ) -> None:
        self.request_id = request_id
        self.count = count
        self.done = done
        self.last = last
        self.content = content

    @property
    def content_bytes(self) -> int:
        """How many bytes of content it holds."""
        return 0 if self.content is None else self.content.size

    def without_content(self) -> "RequestSpans":
        """The same, but for what was captured."""
        return RequestSpans(self.request_id, self.count, self.done + sized_span(self.last))

    def encoded(self) -> bytes:
        """All of them, with what was captured; made in a thread, since that takes long."""
        if self.content is None:
            return self.done
        return self.done + sized_span(self.last + span_attributes(self.content.attributes()))


def spans_of(request: TracedRequest, scheme: str = "http") -> RequestSpans:
    """The spans of a request, its own first; `scheme` is that of the gateway's port. Raises for what has none."""
    record, calls = request.record, request.calls
    state = span_state(request.trace.state)
    start = int(request.started_at * _NANOSECONDS)
    spans = [_of_request(request, state, start, scheme)]
    operation = OPERATIONS.get(record.endpoint, record.endpoint)
    parameters = _encoded(tuple(request.parameters.items()))
    spans += [_of_call(call, operation, parameters, request, state, start) for call in calls]
    if request.content is None:
        return RequestSpans(record.request_id, len(spans), b"".join([sized_span(one) for one in spans]))
    # What was captured of a request that no provider was asked for has no other place than its own span.
    done = b"".join([sized_span(one) for one in spans[:-1]])
    return RequestSpans(record.request_id, len(spans), done, spans[-1], request.content)


def _of_request(request: TracedRequest, state: str, start: int, scheme: str) -> bytes:
    record = request.record
    attempts = record.attempts
    failed = record.status >= _SERVER_ERROR or record.outcome == "failed"
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
        record.route and record.route[:_LONGEST_TEXT],
        record.streaming,
        record.outcome,
        record.error_type,
        record.error_code,
        record.denied_by,
        _budget_decision(request),
        max(0, len(attempts) - 1),
        record.revision,
    )
    parts = [
        span_place(record.trace_id, record.span_id, request.trace.parent_span_id, state, is_remote=True),
        span_times(start, start + int(request.duration_s * _NANOSECONDS)),
        lasting,
        _REQUEST_ID.of(record.request_id),
    ]
    if record.model_asked is not None:
        parts.append(_MODEL_ASKED.of(record.model_asked[:_LONGEST_TEXT]))
    if record.end_user is not None:
        parts.append(_END_USER.of(record.end_user[:_LONGEST_TEXT]))
    if request.thread_id is not None:
        parts.append(_THREAD.of(request.thread_id[:_LONGEST_TEXT]))
    if request.metadata is not None:
        parts.append(_METADATA.of(request.metadata[:_LONGEST_TEXT]))
    if record.duration_ms is not None:
        parts.append(_DURATION.of(record.duration_ms))
    if record.first_token_ms is not None:
        parts.append(_FIRST_TOKEN.of(record.first_token_ms))
    if record.cost_nano_usd is not None:
        parts.append(_COST.of(record.cost_nano_usd / _NANO_USD))
    if len(attempts) > 1 or not request.calls:
        parts += _passed_over(record, start)
    return b"".join(parts)


@lru_cache(maxsize=1024)
def _lasting_of_request(
    path: str, scheme: str, host: str | None, user_agent: str | None, status: int, error: str | None, *others: Any
) -> bytes:
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
    return span_kind(f"POST {path}", SpanKind.SERVER, failed=error is not None) + span_attributes(known)


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
    "langwatch.route",
    "langwatch.streaming",
    "langwatch.status",
    "langwatch.error_type",
    "langwatch.error_code",
    "langwatch.denied_by",
    "langwatch.budget.decision",
    "langwatch.fallback.count",
    "langwatch.config_revision",
)


def _of_call(call: Call, operation: str, parameters: bytes, request: TracedRequest, state: str, start: int) -> bytes:
    record, stated, first_chunk = request.record, call.stated, call.first_chunk
    served = None if stated is None else stated.served
    lasting = _lasting_of_call(
        operation,
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
        parameters,
        _REQUEST_ID.of(record.request_id),
    ]
    if call.answer_id is not None:
        parts.append(_ANSWER_ID.of(call.answer_id[:_LONGEST_TEXT]))
    if first_chunk is not None:
        parts.append(_FIRST_CHUNK.of(first_chunk - call.began))
    if request.thread_id is not None:
        parts.append(_CONVERSATION.of(request.thread_id[:_LONGEST_TEXT]))
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
    return b"".join(parts)


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
) -> bytes:
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
    return span_kind(f"{operation} {model}", SpanKind.CLIENT, failed=outcome not in _NO_FAILURE) + span_attributes(
        known
    )


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
