"""Handing on an answer in another company's shape, translated; streams event by event, without holding any back."""

from gateway import clock
from gateway.dispatch.outcome import Outcome, failed
from gateway.errors import GatewayError
from gateway.lanes.base import Asked, StreamTranslator, Translation, UntranslatableAnswer
from gateway.pipeline.exchange import Exchange
from gateway.pipeline.relay_stream import KeptAlive, Relay
from gateway.pipeline.reply import Reply
from gateway.pipeline.services import Services
from gateway.pipeline.settle import settle
from gateway.upstream.failure import UpstreamFailure
from gateway.upstream.request import Headers, UpstreamResponse
from gateway.wire.headers import response_headers
from gateway.wire.sse_events import EventSplitter, EventTooLarge
from gateway.wire.unreadable import UNREADABLE

_LARGEST_BODY = 64 * 1024 * 1024
_LAST_EVENTS = ("message_stop", "metadata")
"""Nothing that matters comes after these, nor after `[DONE]`; some providers send none of them."""

_OF_THE_BODY = frozenset(("content-type", "content-encoding", "etag", "content-md5", "digest"))


async def relay_translated(
    exchange: Exchange, services: Services, response: UpstreamResponse, outcome: Outcome
) -> Reply:
    """The reply in the client's shape. Raises `GatewayError` where the answer cannot be read."""
    translation, key = exchange.candidate.lane.translation, exchange.key
    assert translation is not None  # noqa: S101 - the caller looked
    assert key is not None  # noqa: S101 - `authenticate` came before
    asked = asked_by(exchange)
    if outcome is Outcome.SUCCESS and _is_stream(response):
        stream = TranslatedRelay(exchange, services, response, translation.stream(asked))
        headers = _headers(response, "text/event-stream; charset=utf-8")
        if key.stream_keepalive_s:
            return Reply(response.status, headers, stream=KeptAlive(stream, key.stream_keepalive_s))
        return Reply(response.status, headers, stream=stream)
    try:
        body = await _read(response)
    except UpstreamFailure as failure:
        raise failed(failure, exchange.provider_name) from failure
    headers = _headers(response, "application/json")
    if outcome is not Outcome.SUCCESS:
        settle(exchange, services, status=response.status, outcome="failed")
        return Reply(response.status, headers, data=translation.error(response.status, body))
    data = _translated(translation, body, asked, exchange)
    exchange.state(exchange.candidate.lane.endpoint.shape.read_usage(body))
    if exchange.usage is None:
        exchange.usage_warning = "usage-not-reported"
    if exchange.content is not None:
        exchange.content.add(data)
    settle(exchange, services, status=response.status, outcome="ok")
    return Reply(response.status, headers, data=data)


def asked_by(exchange: Exchange) -> Asked:
    """What the translator of an answer has to know of the request."""
    assert exchange.body is not None  # noqa: S101 - the body was read before
    options = exchange.body.decoded("stream_options")
    return Asked(
        model=exchange.model_asked or exchange.candidate.model,
        include_usage=isinstance(options, dict) and options.get("include_usage") is True,
        request_id=exchange.request_id,
        created=int(exchange.started_at),
    )


class TranslatedRelay(Relay):
    """Events of the provider's shape in, events of the client's shape out."""

    def __init__(
        self, exchange: Exchange, services: Services, response: UpstreamResponse, translator: StreamTranslator
    ) -> None:
        super().__init__(exchange, services, response)
        self._translator = translator
        self._splitter = EventSplitter()
        self._read_event = exchange.candidate.lane.endpoint.shape.read_event

    @property
    def at_boundary(self) -> bool:
        """Events go out whole."""
        return True

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
            if self._exchange.client_left:
                if self._is_drained(chunk or b""):
                    raise StopAsyncIteration
            elif piece:
                if self._exchange.first_token_at is None:
                    self._exchange.first_token_at = clock.monotonic()
                return piece
        raise StopAsyncIteration

    def _events_of(self, chunk: bytes | None) -> list[tuple[str, bytes]]:
        if chunk is None:
            return self._splitter.end()
        self._received.count(chunk)
        return self._splitter.feed(chunk)

    def _translate(self, events: list[tuple[str, bytes]]) -> bytes:
        pieces: list[bytes] = []
        for name, data in events:
            if self._outcome is not None:
                break
            if b'"usage"' in data or b"Usage" in data:
                self._exchange.state(self._read_event(self._exchange.stated, data))
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


def _translated(translation: Translation, body: bytes, asked: Asked, exchange: Exchange) -> bytes:
    try:
        return translation.response(body, asked)
    except (UntranslatableAnswer, *UNREADABLE) as problem:
        reason = str(problem) if isinstance(problem, UntranslatableAnswer) else "it is not JSON"
        raise GatewayError(
            "provider_error",
            f"The answer of the provider {exchange.provider_name} cannot be translated: {reason}.",
            code="upstream_untranslatable",
        ) from problem


async def _read(response: UpstreamResponse) -> bytes:
    pieces: list[bytes] = []
    size = 0
    while size <= _LARGEST_BODY and (piece := await response.read_chunk()) is not None:
        pieces.append(piece)
        size += len(piece)
    return b"".join(pieces)


def _is_stream(response: UpstreamResponse) -> bool:
    return any(
        name == "content-type" and value.lower().startswith("text/event-stream") for name, value in response.headers
    )


def _headers(response: UpstreamResponse, content_type: str) -> Headers:
    kept = [header for header in response_headers(response.headers) if header[0] not in _OF_THE_BODY]
    return [*kept, ("content-type", content_type)]
