"""Errors as the real APIs word them: asked for by a directive, or earned by the request.

Forms: https://platform.openai.com/docs/guides/error-codes and https://docs.anthropic.com/en/api/errors.
"""

from typing import Any, Final

from gateway.providers.simulator.directives import Directives
from gateway.providers.simulator.response import SimulatorResponse, json_answer
from gateway.shapes import generate_content

Json = dict[str, Any]

_TOO_MANY: Final = 429
_SERVER_ERRORS: Final = 500
_ANTHROPIC_TYPES: Final = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    504: "timeout_error",
    529: "overloaded_error",
}
_OPENAI_CODES: Final = {401: "invalid_api_key", 404: "model_not_found", 429: "rate_limit_exceeded"}
GOOGLE: Final = "google:"
"""Stands before a method of Gemini's own API, whose paths name the model."""

_REQUIRED: Final = {
    GOOGLE + "generateContent": ("contents",),
    GOOGLE + "streamGenerateContent": ("contents",),
    GOOGLE + "embedContent": ("content",),
    GOOGLE + "batchEmbedContents": ("requests",),
    "/v1/chat/completions": ("model", "messages"),
    "/v1/completions": ("model",),
    "/v1/responses": ("model", "input"),
    "/v1/responses/compact": ("model", "input"),
    "/v1/responses/input_tokens": ("model", "input"),
    "/v1/embeddings": ("model", "input"),
    "/v1/moderations": ("input",),
    "/v1/rerank": ("model", "query", "documents"),
    "/v1/images/generations": ("prompt",),
    "/v1/audio/speech": ("model", "input", "voice"),
    "/v1/images/edits": ("prompt",),
    "/v1/images/variations": ("image",),
    "/v1/audio/transcriptions": ("model", "file"),
    "/v1/audio/translations": ("model", "file"),
    "/v1/messages": ("model", "messages", "max_tokens"),
    "/v1/messages/count_tokens": ("model", "messages"),
}
_KINDS: Final = (
    ("messages", list, "Input should be a list"),
    ("tools", list | None, "Input should be a list"),
    ("stream_options", dict | None, "Input should be an object"),
)


def refusal(path: str, body: Json, wishes: Directives, models: frozenset[str]) -> SimulatorResponse | None:
    """The error that this request meets, if any. `models` are the only ones that exist, where there are any."""
    if wishes.status is not None:
        return error(path, wishes.status, f"The prompt asked for status {wishes.status}.")
    for name in _REQUIRED.get(path, ()):
        if name not in body:
            return error(path, 400, f"{name}: Field required", name)
    for name, kind, message in _KINDS:
        if name in body and not isinstance(body[name], kind):
            return error(path, 400, f"{name}: {message}", name)
    model = body.get("model")
    if model is not None and models and model not in models:
        return error(path, 404, f"The model {model!r} does not exist or you do not have access to it.", "model")
    return None


def error(path: str, status: int, message: str, param: str | None = None) -> SimulatorResponse:
    """An error in the shape of the path."""
    extra = [("retry-after", "2")] if status == _TOO_MANY else None
    if path.startswith(GOOGLE):
        body: Json = {"error": generate_content.status(status, message)}
    else:
        body = _anthropic(status, message) if path.startswith("/v1/messages") else _openai(status, message, param)
    return json_answer(body, status, extra)


def _anthropic(status: int, message: str) -> Json:
    kind = _ANTHROPIC_TYPES.get(status, "api_error" if status >= _SERVER_ERRORS else "invalid_request_error")
    return {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_simulator"}


def _openai(status: int, message: str, param: str | None) -> Json:
    kind = "server_error" if status >= _SERVER_ERRORS else "invalid_request_error"
    if status == _TOO_MANY:
        kind = "requests"
    return {"error": {"message": message, "type": kind, "param": param, "code": _OPENAI_CODES.get(status)}}
