"""The simulator behind the interface of a transport: a request in, a head and a body in pieces out, no socket."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec

from gateway.providers.simulator import anthropic_messages, openai_chat, openai_media, openai_responses
from gateway.providers.simulator.directives import Directives, read
from gateway.upstream.failure import FailureKind, UpstreamFailure
from gateway.upstream.request import Headers, UpstreamRequest
from gateway.wire.multipart import MultipartBody

Json = dict[str, Any]

_ERROR_TYPES: Final = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    529: "overloaded_error",
}
_STREAMS: Final[dict[str, Callable[[Json, int, Directives], Iterator[bytes]]]] = {
    "/v1/chat/completions": openai_chat.stream,
    "/v1/completions": openai_chat.stream_text,
    "/v1/responses": openai_responses.stream,
    "/v1/messages": anthropic_messages.stream,
}
_WHOLES: Final[dict[str, Callable[[Json, int, Directives], Json]]] = {
    "/v1/chat/completions": openai_chat.whole,
    "/v1/completions": openai_chat.whole_text,
    "/v1/responses": openai_responses.whole,
    "/v1/messages": anthropic_messages.whole,
    "/v1/messages/count_tokens": lambda body, size, _: anthropic_messages.count(body, size),
    "/v1/embeddings": lambda body, _size, _wishes: openai_media.embeddings(body),
    "/v1/moderations": lambda body, _size, _wishes: openai_media.moderations(body),
    "/v1/images/generations": lambda body, _size, _wishes: openai_media.images(body),
}
_REQUIRED: Final = {
    "/v1/chat/completions": ("messages",),
    "/v1/messages": ("messages", "max_tokens"),
    "/v1/messages/count_tokens": ("messages",),
    "/v1/embeddings": ("input",),
    "/v1/moderations": ("input",),
    "/v1/images/generations": ("prompt",),
    "/v1/audio/speech": ("input", "voice"),
    "/v1/responses": ("input",),
}


class SimulatorTransport:
    """Carries requests to the simulator. `models` are the only ones it knows, where there are any."""

    def __init__(self, models: frozenset[str], *, latency_s: float, pace_s: float) -> None:
        self._models = models
        self._latency_s = latency_s
        self._pace_s = pace_s

    async def send(self, request: UpstreamRequest) -> "SimulatorResponse":
        """The head of the answer. Raises `UpstreamFailure` where a directive asks for it, or the deadline passes."""
        path = urlsplit(request.url).path
        if path == "/v1/audio/transcriptions":
            return self._transcription(request)
        try:
            body = msgspec.json.decode(request.body)
        except (msgspec.DecodeError, UnicodeDecodeError):
            body = None
        if not isinstance(body, dict):
            return _error(path, 400, "The body is not a JSON object.")
        wishes = read(_prompt_text(path, body))
        await self._head_delay(wishes, request.first_byte_timeout_s)
        refusal = self._refusal(path, body, wishes)
        if refusal is not None:
            return refusal
        try:
            return self._answer(path, body, wishes, request)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            return _error(path, 400, f"The request is not one that the simulator can read ({type(error).__name__}).")

    def _answer(self, path: str, body: Json, wishes: Directives, request: UpstreamRequest) -> "SimulatorResponse":
        size = len(request.body)
        if path == "/v1/audio/speech":
            return SimulatorResponse(200, _head("audio/wav"), iter([openai_media.speech(body)]), 0)
        if body.get("stream") is True and path in _STREAMS:
            frames = list(_STREAMS[path](body, size, wishes))
            if wishes.truncate:
                del frames[-1]
            pace_s = self._pace_s if wishes.pace_s is None else wishes.pace_s
            head = _head("text/event-stream; charset=utf-8")
            return SimulatorResponse(200, head, iter(frames), pace_s, wishes.reset_after, request.idle_timeout_s)
        return _json(200, _WHOLES[path](body, size, wishes))

    def _transcription(self, request: UpstreamRequest) -> "SimulatorResponse":
        content_type = next((value for name, value in request.headers if name == "content-type"), "")
        form = MultipartBody(request.body, content_type)
        if form.model is None or b'name="file"' not in request.body:
            return _error("", 400, "The form needs a model and a file.")
        return _json(200, openai_media.transcription(len(request.body)))

    async def _head_delay(self, wishes: Directives, timeout_s: float) -> None:
        delay = self._latency_s if wishes.delay_s is None else wishes.delay_s
        if wishes.hang or delay > timeout_s:
            await asyncio.sleep(timeout_s)
            raise UpstreamFailure(FailureKind.TIMEOUT, f"no response within {timeout_s:g} s")
        if delay:
            await asyncio.sleep(delay)
        if wishes.reset_after == 0:
            raise UpstreamFailure(FailureKind.NETWORK, "connection reset")

    def _refusal(self, path: str, body: Json, wishes: Directives) -> "SimulatorResponse | None":
        if wishes.status is not None:
            return _error(path, wishes.status, f"The prompt asked for status {wishes.status}.")
        for name in _REQUIRED.get(path, ()):
            if name not in body:
                return _error(path, 400, f"{name}: Field required")
        model = body.get("model")
        if model is not None and self._models and model not in self._models:
            return _error(path, 404, f"The model {model!r} does not exist or you do not have access to it.")
        return None


class SimulatorResponse:
    """An answer whose body comes in pieces, at a pace, and may break off."""

    def __init__(
        self,
        status: int,
        headers: Headers,
        pieces: Iterator[bytes],
        pace_s: float,
        reset_after: int | None = None,
        idle_timeout_s: float = 0,
    ) -> None:
        self.status = status
        self.headers = headers
        self._pieces = pieces
        self._pace_s = pace_s
        self._reset_after = reset_after
        self._idle_timeout_s = idle_timeout_s
        self._sent = 0

    async def read_chunk(self) -> bytes | None:
        """The next piece."""
        if self._reset_after is not None and self._sent >= self._reset_after:
            raise UpstreamFailure(FailureKind.NETWORK, "connection reset")
        if self._pace_s and self._sent:
            await asyncio.sleep(min(self._pace_s, self._idle_timeout_s))
            if self._pace_s > self._idle_timeout_s:
                raise UpstreamFailure(FailureKind.TIMEOUT, f"silent for {self._idle_timeout_s:g} s")
        else:
            # A socket lets others run between two pieces, so this does.
            await asyncio.sleep(0)
        self._sent += 1
        return next(self._pieces, None)

    async def read_all(self) -> bytes:
        """All pieces at once."""
        return b"".join(self._pieces)

    async def close(self) -> None:
        """There is nothing to give back."""


def _prompt_text(path: str, body: Json) -> str:
    """The text that may hold directives."""
    try:
        if path in ("/v1/chat/completions", "/v1/messages", "/v1/messages/count_tokens"):
            users = [message for message in body["messages"] if message.get("role") == "user"]
            return openai_chat.text_of(users[-1].get("content"))
        if path == "/v1/responses":
            return openai_responses.prompt_of(body).last_text
    except (AttributeError, IndexError, KeyError, TypeError):
        return ""
    given = body.get("input") or body.get("prompt")
    return given if isinstance(given, str) else ""


def _head(content_type: str) -> Headers:
    return [
        ("content-type", content_type),
        ("x-request-id", "req_simulator"),
        ("request-id", "req_simulator"),
        ("openai-processing-ms", "1"),
        ("openai-organization", "simulator"),
    ]


def _json(status: int, body: Json, extra: Headers | None = None) -> SimulatorResponse:
    data = msgspec.json.encode(body)
    headers = [*_head("application/json"), ("content-length", str(len(data))), *(extra or ())]
    return SimulatorResponse(status, headers, iter([data]), 0)


def _error(path: str, status: int, message: str) -> SimulatorResponse:
    """An error as the API of that path words it."""
    kind = _ERROR_TYPES.get(status, "api_error")
    extra = [("retry-after", "2")] if status == 429 else None  # noqa: PLR2004 - RFC 6585
    if path.startswith("/v1/messages"):
        error = {"type": kind, "message": message}
        return _json(status, {"type": "error", "error": error, "request_id": "req_simulator"}, extra)
    code = {404: "model_not_found", 429: "rate_limit_exceeded"}.get(status)
    return _json(status, {"error": {"message": message, "type": kind, "param": None, "code": code}}, extra)
