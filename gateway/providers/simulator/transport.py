"""The simulator behind the interface of a transport: a request in, a head and a body in pieces out, no socket."""

import asyncio
import re
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import parse_qs, unquote, urlsplit

import msgspec

from gateway.providers.simulator import anthropic_messages, google_content, openai_chat, openai_media, openai_responses
from gateway.providers.simulator.directives import Directives, read
from gateway.providers.simulator.refusals import GOOGLE, error, refusal
from gateway.providers.simulator.response import SimulatorResponse, head, json_answer, whole
from gateway.providers.simulator.stream import Frames
from gateway.upstream.failure import FailureKind, UpstreamFailure
from gateway.upstream.request import UpstreamRequest

Json = dict[str, Any]

_SPEECH: Final = "/v1/audio/speech"
_TRANSCRIPTIONS: Final = "/v1/audio/transcriptions"
_TRANSLATIONS: Final = "/v1/audio/translations"
_HEARS: Final = (_TRANSCRIPTIONS, _TRANSLATIONS)
_GOOGLE: Final = re.compile(r"/v1beta/models/([^/]+):(\w+)")
_STREAMS: Final[dict[str, Callable[[Json, int, Directives], Frames]]] = {
    "/v1/chat/completions": openai_chat.stream,
    "/v1/completions": openai_chat.stream_text,
    "/v1/responses": openai_responses.stream,
    "/v1/messages": anthropic_messages.stream,
    _TRANSCRIPTIONS: lambda _body, size, _wishes: openai_media.stream_transcription(size),
}
_WHOLES: Final[dict[str, Callable[[Json, int, Directives], Json]]] = {
    "/v1/chat/completions": openai_chat.whole,
    "/v1/completions": openai_chat.whole_text,
    "/v1/responses": openai_responses.whole,
    "/v1/responses/compact": openai_responses.compact,
    "/v1/responses/input_tokens": lambda _body, size, _wishes: openai_responses.count(size),
    "/v1/messages": anthropic_messages.whole,
    "/v1/messages/count_tokens": lambda body, size, _: anthropic_messages.count(body, size),
    "/v1/embeddings": lambda body, _size, _wishes: openai_media.embeddings(body),
    "/v1/moderations": lambda body, _size, _wishes: openai_media.moderations(body),
    "/v1/rerank": lambda body, size, _wishes: openai_media.ranking(body, size),
    "/v1/images/generations": lambda body, _size, _wishes: openai_media.images(body),
    "/v1/images/edits": lambda body, _size, _wishes: openai_media.images(body),
    "/v1/images/variations": lambda body, _size, _wishes: openai_media.images(body),
    _TRANSCRIPTIONS: lambda body, size, _wishes: openai_media.transcription(body, size),
    _TRANSLATIONS: lambda body, size, _wishes: openai_media.transcription(body, size, task="translate"),
    GOOGLE + "generateContent": google_content.whole,
    GOOGLE + "countTokens": lambda _body, size, _wishes: google_content.count(size),
    GOOGLE + "embedContent": lambda body, _size, _wishes: google_content.embed(body),
    GOOGLE + "batchEmbedContents": lambda body, _size, _wishes: google_content.embed_batch(body),
}
_GOOGLE_STREAM: Final = GOOGLE + "streamGenerateContent"
# A field of a form: its name, further headers of the part, and the first line of its value.
_FIELD = re.compile(rb'\bname="([^"\r\n]+)"[^\r\n]*\r\n(?:[^\r\n]+\r\n)*\r\n([^\r\n]*)')
# What reading a request of the wrong types can raise; a real API answers 400 to it.
_UNREADABLE = (
    AttributeError,
    IndexError,
    KeyError,
    OverflowError,
    RecursionError,
    TypeError,
    ValueError,
)


class SimulatorTransport:
    """Carries requests to the simulator. `models` are the only ones it knows, where there are any."""

    def __init__(self, models: frozenset[str], *, latency_s: float, pace_s: float) -> None:
        self._models = models
        self._latency_s = latency_s
        self._pace_s = pace_s

    async def send(self, request: UpstreamRequest) -> SimulatorResponse:
        """The head of the answer. Raises `UpstreamFailure` where a directive asks for it, or the deadline passes."""
        url = urlsplit(request.url)
        named = _GOOGLE.fullmatch(url.path)
        path = url.path if named is None else GOOGLE + named[2]
        upload = request.upload
        sent = request.body if upload is None else b"".join(upload.pieces())
        try:
            # No JSON begins as the boundary of a form does.
            body = _form(sent) if sent.lstrip().startswith(b"--") else msgspec.json.decode(sent)
        except (ValueError, RecursionError):
            body = None
        if not isinstance(body, dict):
            return error(path, 400, "The body is not a JSON object.")
        if named is not None:
            body["model"] = unquote(named[1])
        wishes = read(_prompt_text(path, body))
        await self._head_delay(wishes, request.first_byte_timeout_s)
        refused = refusal(path, body, wishes, self._models)
        if refused is not None:
            return refused
        try:
            if path == _GOOGLE_STREAM:
                as_events = parse_qs(url.query).get("alt") == ["sse"]
                return self._in_chunks(body, wishes, request, as_events=as_events)
            return self._answer(path, body, wishes, request)
        except _UNREADABLE:
            return error(path, 400, "The request is not one that the simulator can read: a field has the wrong type.")

    def _answer(self, path: str, body: Json, wishes: Directives, request: UpstreamRequest) -> SimulatorResponse:
        size = request.length
        if path == _SPEECH:
            return whole(openai_media.speech(), "audio/wav")
        if path in _HEARS and body.get("response_format") == "text":
            return whole(openai_media.heard(size).encode() + b"\n", "text/plain; charset=utf-8")
        if body.get("stream") is True and path in _STREAMS:
            return self._streamed(list(_STREAMS[path](body, size, wishes)), wishes, request.idle_timeout_s)
        return json_answer(_WHOLES[path](body, size, wishes))

    def _in_chunks(
        self, body: Json, wishes: Directives, request: UpstreamRequest, *, as_events: bool
    ) -> SimulatorResponse:
        """Gemini's stream: events, or the elements of one JSON array."""
        chunks = [msgspec.json.encode(one) for one in google_content.stream(body, len(request.body), wishes)]
        if as_events:
            frames = [b"data: " + one + b"\r\n\r\n" for one in chunks]
            return self._streamed(frames, wishes, request.idle_timeout_s)
        frames = [(b"\n,\r\n" if index else b"[") + one for index, one in enumerate(chunks)]
        frames[-1] += b"\n]\n"
        return self._streamed(frames, wishes, request.idle_timeout_s, "application/json; charset=UTF-8")

    def _streamed(
        self,
        frames: list[bytes],
        wishes: Directives,
        idle_timeout_s: float,
        content_type: str = "text/event-stream; charset=utf-8",
    ) -> SimulatorResponse:
        if wishes.truncate:
            del frames[-1]
        pace_s = self._pace_s if wishes.pace_s is None else wishes.pace_s
        return SimulatorResponse(200, head(content_type), iter(frames), pace_s, wishes.reset_after, idle_timeout_s)

    async def _head_delay(self, wishes: Directives, timeout_s: float) -> None:
        delay = self._latency_s if wishes.delay_s is None else wishes.delay_s
        if wishes.hang or delay > timeout_s:
            await asyncio.sleep(timeout_s)
            raise UpstreamFailure(FailureKind.TIMEOUT, f"no response within {timeout_s:g} s")
        if delay:
            await asyncio.sleep(delay)
        if wishes.reset_after == 0:
            raise UpstreamFailure(FailureKind.NETWORK, "connection reset")


def _form(data: bytes) -> Json:
    fields: Json = {name.decode(): value.decode("utf-8", "replace") for name, value in _FIELD.findall(data)}
    return {**fields, "stream": fields.get("stream") == "true"}


def _prompt_text(path: str, body: Json) -> str:
    """The text that may hold directives."""
    try:
        if path in ("/v1/chat/completions", "/v1/messages", "/v1/messages/count_tokens"):
            users = [message for message in body["messages"] if message.get("role") == "user"]
            return openai_chat.text_of(users[-1].get("content"))
        if path.startswith(GOOGLE):
            contents = body.get("contents") or [{}]
            return google_content.text_of(contents[-1] if isinstance(contents, list) else contents)
        if path.startswith("/v1/responses"):
            return openai_responses.prompt_of(body).last_text
    except _UNREADABLE:
        return ""
    given = body.get("input") or body.get("prompt")
    return given if isinstance(given, str) else ""
