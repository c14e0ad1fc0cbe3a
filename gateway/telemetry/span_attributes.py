"""Every attribute of the spans, and what it says: those of a request's own span, and those of a call's.

Names are those of OpenTelemetry's conventions, beside them `langwatch.*`. docs/traces.md is made from this, and tests
hold it against the conventions' package and against what is sent.

https://opentelemetry.io/docs/specs/semconv/http/http-spans/#http-server-span
https://github.com/open-telemetry/semantic-conventions-genai/blob/main/docs/gen-ai/client-inference.md
"""

from collections.abc import Mapping
from typing import Final

OF_REQUEST: Final[Mapping[str, str]] = {
    "http.request.method": "`POST`",
    "http.route": "the path of the endpoint, and so `url.path`",
    "url.path": "the same: the paths have no parts that vary",
    "url.scheme": "`https` where the gateway itself speaks TLS, else `http`",
    "http.response.status_code": "what the client got; 499 where it left",
    "server.address": "the host of the header `Host`",
    "server.port": "its port, if it states one",
    "user_agent.original": "the header `User-Agent`, 256 characters of it",
    "error.type": "why the span is an error: the type of the gateway's error, or the status from 500 on. What is "
    "refused with 4xx is none",
    "langwatch.gateway_request_id": "`X-LangWatch-Request-Id`, by which log and ledger know it",
    "langwatch.virtual_key_id": "whose it was: the key's name",
    "langwatch.organization_id": "the key's organization",
    "langwatch.team_id": "its team",
    "langwatch.project_id": "its project",
    "langwatch.principal_id": "its principal",
    "langwatch.end_user_id": "the end user that the request names",
    "langwatch.tags": "the key's tags",
    "langwatch.thread.id": "`X-LangWatch-Thread-Id`",
    "langwatch.trace.metadata": "`X-LangWatch-Trace-Metadata`, as it was sent",
    "langwatch.model_asked": "what the client asked for",
    "langwatch.model": "the model that it was resolved to last",
    "langwatch.provider": "the provider that it went to last",
    "langwatch.model_source": "which rule said so",
    "langwatch.route": "by which of the file's `models` it came there",
    "langwatch.streaming": "whether a stream was asked for",
    "langwatch.status": "`ok`, `refused`, `failed`, `client_left`, `shut_down`",
    "langwatch.error_type": "the type of the error that the client got",
    "langwatch.error_code": "its code",
    "langwatch.denied_by": "what refused it",
    "langwatch.duration_ms": "from its head to the end of its answer",
    "langwatch.time_to_first_token_ms": "until a stream brought content",
    "langwatch.cost_usd": "what the request cost, with every call that was charged; no call's span has a cost",
    "langwatch.budget.decision": "`allow`, `warn` or `block`",
    "langwatch.fallback.count": "how many providers were asked or passed over before the last",
    "langwatch.config_revision": "the configuration that decided",
}
"""Of the span of a request, kind SERVER."""

OF_CALL: Final[Mapping[str, str]] = {
    "gen_ai.operation.name": "`chat`, `text_completion`, `embeddings`, or the endpoint",
    "gen_ai.provider.name": "the conventions' name of the provider's type",
    "gen_ai.request.model": "the model that the provider was asked for; the span's name ends with it",
    "gen_ai.response.model": "the model that answered, as the provider says it, 256 characters of it",
    "gen_ai.response.id": "what the provider calls its answer; of a whole answer up to 128 KiB",
    "gen_ai.response.finish_reasons": "why the model stopped, for each choice: `stop`, `length`, `tool_call`, "
    "`content_filter`, `error`, or 64 characters of the provider's word",
    "gen_ai.response.time_to_first_chunk": "seconds from the call to the first bytes of its stream that the client got",
    "gen_ai.request.stream": "`true` where a stream was asked for",
    "gen_ai.request.temperature": "what the request says",
    "gen_ai.request.top_p": "likewise",
    "gen_ai.request.top_k": "likewise",
    "gen_ai.request.frequency_penalty": "likewise",
    "gen_ai.request.presence_penalty": "likewise",
    "gen_ai.request.max_tokens": "its limit of output tokens, whatever the API calls it",
    "gen_ai.request.seed": "likewise",
    "gen_ai.request.choice.count": "how many answers it asks for, where that is not one",
    "gen_ai.request.reasoning.level": "the effort that it asks for, as it was written",
    "gen_ai.request.previous_response.id": "the response that it goes on from",
    "gen_ai.embeddings.dimension.count": "the dimensions that it asks for",
    "gen_ai.conversation.id": "`X-LangWatch-Thread-Id`",
    "gen_ai.usage.input_tokens": "the whole prompt, cached parts included",
    "gen_ai.usage.output_tokens": "all that the model made",
    "gen_ai.usage.cache_read.input_tokens": "of the input, what was read from a cache; here and below without zeros",
    "gen_ai.usage.cache_write.input_tokens": "of the input, what was written to a cache",
    "gen_ai.usage.reasoning.output_tokens": "of the output, what was thought",
    "server.address": "the provider's host",
    "server.port": "its port",
    "http.response.status_code": "the provider's status, if it answered",
    "error.type": "why the call failed: its status, `timeout`, `connect`, `network`, `protocol`, `credential`, "
    "`error_in_stream`",
    "langwatch.gateway_request_id": "of the request that it was made for",
    "langwatch.provider": "the provider's name in the configuration",
    "langwatch.fallback.attempt": "which attempt it was, counted from 0, those that were passed over included",
    "langwatch.fallback.outcome": "`ok`, `cancelled` where the client left before the answer, or as `error.type`",
}
"""Of the span of a call to a provider, kind CLIENT."""

PASSED_OVER: Final = "langwatch.provider.passed_over"
"""The event, on a request's span, that it was a provider's turn and it was not asked."""

OF_EVENT: Final[Mapping[str, str]] = {
    "langwatch.provider": "who was passed over",
    "langwatch.model": "what it would have been asked for",
    "langwatch.fallback.outcome": "why: `circuit_open`, `rate_limited`, `budget_exceeded`, an error's type",
}

AHEAD_OF_PACKAGE: Final = frozenset(
    (
        "gen_ai.usage.cache_write.input_tokens",
        "gen_ai.request.reasoning.level",
        "gen_ai.request.previous_response.id",
    )
)
"""Names that the GenAI conventions have in their own repository, and the installed package has not."""

OPERATIONS: Final[Mapping[str, str]] = {
    "chat_completions": "chat",
    "messages": "chat",
    "responses": "chat",
    "completions": "text_completion",
    "embeddings": "embeddings",
}
"""`gen_ai.operation.name` by endpoint; for the others the convention has none."""

PROVIDERS: Final[Mapping[str, str]] = {
    "anthropic": "anthropic",
    "azure": "azure.ai.openai",
    "bedrock": "aws.bedrock",
    "gemini": "gcp.gemini",
    "openai": "openai",
    "vertex": "gcp.vertex_ai",
}
"""`gen_ai.provider.name` by the type of a provider; for the others the convention has none."""
