"""Handing on an answer in another company's shape, translated; streams event by event, without holding any back."""

from gateway import clock
from gateway.errors import GatewayError
from gateway.lanes.base import Asked as Question
from gateway.lanes.base import StreamTranslator, Translation, UntranslatableAnswer
from gateway.pipeline.ask import Outcome, classify, failed
from gateway.pipeline.relay import USAGE_NOT_REPORTED, Relay, Reply, kept_alive
from gateway.pipeline.services import Services
from gateway.pipeline.settle import settle
from gateway.pipeline.states import Asked, Ended
from gateway.upstream.failure import UpstreamFailure
from gateway.upstream.request import Headers, UpstreamResponse
from gateway.wire.headers import response_headers
from gateway.wire.sse_events import EventSplitter, EventTooLarge
from gateway.wire.unreadable import UNREADABLE

_LARGEST_BODY = 64 * 1024 * 1024
_LAST_EVENTS = ("message_stop", "metadata")
"""Nothing that matters comes after these, nor after `[DONE]`; some providers send none of them."""

_OF_THE_BODY = frozenset(("content-type", "content-encoding", "etag", "content-md5", "digest"))


async def relay_translated(asked: Asked, translation: Translation, services: Services) -> Reply:
    """The reply in the client's shape. Raises `GatewayError` where the answer cannot be read."""
    received, response = asked.received, asked.response
    question = _question(asked)
    is_answer = classify(response.status) is Outcome.SUCCESS
    if is_answer and asked.content.is_event_stream:
        headers = _headers(response, "text/event-stream; charset=utf-8")
        stream = TranslatedRelay(asked, services, translation.stream(question))
        return Reply(response.status, headers, stream=kept_alive(stream, asked.admitted.key.stream_keepalive_s))
    try:
        body = await _read(response)
    except UpstreamFailure as failure:
        raise failed(failure, asked.provider_name) from failure
    headers = _headers(response, "application/json")
    if not is_answer:
        settle(received, services, Ended(response.status, "failed"))
        return Reply(response.status, headers, data=translation.error(response.status, body))
    data = _translated(translation, body, question, asked.provider_name)
    asked.stated = asked.candidate.lane.endpoint.shape.read_usage(body)
    if asked.stated is None:
        asked.usage_warning = USAGE_NOT_REPORTED
    if received.content is not None:
        received.content.add(data)
    settle(received, services, Ended(response.status, "ok"))
    return Reply(response.status, headers, data=data)


def _question(asked: Asked) -> Question:
    """What the translator of an answer has to know of the request."""
    request = asked.admitted
    options = request.body.decoded("stream_options")
    return Question(
        model=request.model_asked,
        include_usage=isinstance(options, dict) and options.get("include_usage") is True,
        request_id=asked.received.request_id,
        created=int(asked.received.started_at),
    )


class TranslatedRelay(Relay):
    """Events of the provider's shape in, events of the client's shape out."""

    def __init__(self, asked: Asked, services: Services, translator: StreamTranslator) -> None:
        super().__init__(asked, services)
        self._translator = translator
        self._splitter = EventSplitter()
        self._read_event = asked.candidate.lane.endpoint.shape.read_event

    async def __anext__(self) -> bytes:
        while not self._ended:
            try:
                chunk = await self._response.read_chunk()
                piece = self._translate(self._events_of(chunk))
            except UpstreamFailure as failure:
                return self._terminal_frame(failure.message, at_boundary=True)
            except EventTooLarge:
                return self._terminal_frame("an event is too large", at_boundary=True)
            except UntranslatableAnswer as problem:
                return self._terminal_frame(str(problem), at_boundary=True)
            if chunk is None:
                piece += self._end_of_source()
                self._ended = True
            self._keep(piece)
            if self._received.client_left:
                if self._is_drained(chunk or b""):
                    raise StopAsyncIteration
            elif piece:
                if self._asked.first_token_at is None:
                    self._asked.first_token_at = clock.monotonic()
                return piece
        raise StopAsyncIteration

    def _events_of(self, chunk: bytes | None) -> list[tuple[str, bytes]]:
        if chunk is None:
            return self._splitter.end()
        self._output.count(chunk)
        return self._splitter.feed(chunk)

    def _translate(self, events: list[tuple[str, bytes]]) -> bytes:
        pieces: list[bytes] = []
        for name, data in events:
            if self._outcome is not None:
                break
            if b'"usage"' in data or b"Usage" in data:
                self._asked.stated = self._read_event(self._asked.stated, data)
            pieces.append(self._translator.feed(name, data))
            if self._translator.finished and (data == b"[DONE]" or name in _LAST_EVENTS):
                pieces.append(self._end_of_source())
        return b"".join(pieces)

    def _end_of_source(self) -> bytes:
        """What is still owed: the end in the client's shape, or a terminal frame when the source broke off."""
        if self._outcome is not None:
            return b""
        if not self._translator.finished:
            return self._terminal_frame("its stream ended before its end", at_boundary=True)
        self._outcome = "ok"
        return self._translator.end()

    def _read_usage(self) -> None:
        self._end_usage(cut_short=self._outcome != "ok")


def _translated(translation: Translation, body: bytes, question: Question, provider: str) -> bytes:
    try:
        return translation.response(body, question)
    except (UntranslatableAnswer, *UNREADABLE) as problem:
        reason = str(problem) if isinstance(problem, UntranslatableAnswer) else "it is not JSON"
        raise GatewayError(
            "provider_error",
            f"The answer of the provider {provider} cannot be translated: {reason}.",
            code="upstream_untranslatable",
        ) from problem


async def _read(response: UpstreamResponse) -> bytes:
    pieces: list[bytes] = []
    size = 0
    while size <= _LARGEST_BODY and (piece := await response.read_chunk()) is not None:
        pieces.append(piece)
        size += len(piece)
    return b"".join(pieces)


def _headers(response: UpstreamResponse, content_type: str) -> Headers:
    kept = [header for header in response_headers(response.headers) if header[0] not in _OF_THE_BODY]
    return [*kept, ("content-type", content_type)]
