"""Counting the tokens of a prompt at a provider of another shape: what its own counter is asked, and what clients get.

A prompt is counted as the provider would get it, so the request crosses by the lane that it would go by, and the
counter is asked about what comes out. Sources: https://docs.claude.com/en/api/messages-count-tokens,
https://platform.openai.com/docs/api-reference/responses/input-tokens, https://ai.google.dev/api/tokens,
https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/count-tokens,
https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_CountTokens.html (of all models that Bedrock has, it
counts for Claude alone).
"""

from base64 import b64encode
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

import msgspec

from gateway.lanes.base import Json
from gateway.shapes.endpoints import ENDPOINTS, INVOKE_COUNT, Endpoint
from gateway.shapes.members import MEMBERS
from gateway.wire.bedrock_anthropic import invoke_model_body
from gateway.wire.unreadable import UNREADABLE


class Counter(NamedTuple):
    """A provider's counter: which `endpoint` it is, its body for a request, and `member` of its answer.

    `body` takes the request as it would go up, the model's name there, and the provider's type.
    """

    endpoint: Endpoint
    member: str
    body: Callable[[Json, str, str], dict[str, Any]]

    def read(self, answer: bytes) -> int | None:
        """The tokens that it counted; `None` for an answer that says none."""
        try:
            stated = msgspec.json.decode(answer)
        except UNREADABLE:
            return None
        counted = stated.get(self.member) if isinstance(stated, dict) else None
        return counted if type(counted) is int and counted >= 0 else None


class Count(NamedTuple):
    """How clients of one API have a prompt counted.

    `endpoint` is that of the requests whose prompts are counted, `request` the request that a body of the counter's is
    about, `answer` what says a number of tokens.
    """

    endpoint: Endpoint
    request: Callable[[Json], Json]
    answer: Callable[[int], dict[str, Any]]


def _message(body: Json) -> Json:
    """Requests of Anthropic's have a limit, and bodies of its counter have none."""
    return {"max_tokens": 1, **body}


def _whole_request(body: Json) -> Json:
    """The request, which may stand for itself or in a member of its own."""
    for name in ("generateContentRequest", "generate_content_request"):
        held = body.get(name)
        if isinstance(held, Mapping):
            return {**held, "model": body.get("model")}
    return body


COUNTS: Final[Mapping[str, Count]] = {
    "messages_count_tokens": Count(ENDPOINTS["messages"], _message, lambda tokens: {"input_tokens": tokens}),
    "responses_input_tokens": Count(
        ENDPOINTS["responses"], dict, lambda tokens: {"object": "response.input_tokens", "input_tokens": tokens}
    ),
    "google_count_tokens": Count(ENDPOINTS["generate_content"], _whole_request, lambda tokens: {"totalTokens": tokens}),
}
"""By the endpoint that clients call."""


def _of_counter(body: Json, model: str, _provider_type: str, endpoint: str) -> dict[str, Any]:
    kept = {name: value for name, value in body.items() if name in MEMBERS[endpoint]}
    return {**kept, "model": model}


def _for_anthropic(body: Json, model: str, provider_type: str) -> dict[str, Any]:
    return _of_counter(body, model, provider_type, "messages_count_tokens")


def _for_openai(body: Json, model: str, provider_type: str) -> dict[str, Any]:
    return _of_counter(body, model, provider_type, "responses_input_tokens")


_VERTEX_COUNTS: Final = ("contents", "systemInstruction", "tools", "generationConfig")


def _for_google(body: Json, model: str, provider_type: str) -> dict[str, Any]:
    if provider_type == "vertex":
        return {name: value for name, value in body.items() if name in _VERTEX_COUNTS}
    return {"generateContentRequest": {**body, "model": f"models/{model}"}}


def _for_bedrock(body: Json, _model: str, _provider_type: str) -> dict[str, Any]:
    invoked = invoke_model_body(msgspec.json.encode({"max_tokens": 1, **body}))
    return {"input": {"invokeModel": {"body": b64encode(invoked).decode()}}}


COUNTERS: Final[Mapping[str, tuple[Counter, ...]]] = {
    "messages": (
        Counter(ENDPOINTS["messages_count_tokens"], "input_tokens", _for_anthropic),
        Counter(INVOKE_COUNT, "inputTokens", _for_bedrock),
    ),
    "responses": (Counter(ENDPOINTS["responses_input_tokens"], "input_tokens", _for_openai),),
    "generate_content": (Counter(ENDPOINTS["google_count_tokens"], "totalTokens", _for_google),),
}
"""By the endpoint that requests would go to; a provider has the first that it serves, and those of other endpoints
count nothing."""
