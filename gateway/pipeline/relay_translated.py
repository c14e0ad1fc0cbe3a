"""Handing on an answer in another company's shape, translated; streams event by event, without holding any back."""

from gateway.errors import GatewayError, sentence
from gateway.lanes.base import Asked as Question
from gateway.lanes.base import StreamTranslator, Translation, UntranslatableAnswer
from gateway.pipeline.ask import Outcome, classify
from gateway.pipeline.relay import (
    ENDED_TOO_EARLY,
    Relay,
    Reply,
    broke_off,
    conclude_whole,
    count_whole,
    kept_alive,
    read_whole,
    shut_down,
)
from gateway.pipeline.services import Services
from gateway.pipeline.settle import settle, tell_failure
from gateway.pipeline.states import ERROR_IN_ANSWER, Asked, Ended
from gateway.shapes.ending import Ending, How
from gateway.shapes.progress import Progress
from gateway.turns import LONG_BYTES, beside
from gateway.upstream.failure import UpstreamFailure
from gateway.upstream.request import Headers, UpstreamResponse
from gateway.wire.headers import response_headers
from gateway.wire.sse_events import EventSplitter, EventTooLarge
from gateway.wire.unreadable import UNREADABLE

_LARGEST_BODY = 64 * 1024 * 1024
_LAST_EVENTS = ("message_stop", "metadata", "response.completed", "response.incomplete")
"""Nothing that matters comes after these, nor after `[DONE]`; some providers send none of them."""

_OF_THE_BODY = frozenset(("content-type", "content-encoding", "etag", "content-md5", "digest"))


async def relay_translated(asked: Asked, translation: Translation, services: Services) -> Reply:
    """The reply in the client's shape. Raises `GatewayError` where the answer cannot be read."""
    received, response = asked.received, asked.response
    asks_long = len(asked.admitted.body.data) >= LONG_BYTES
    question = await beside(_question, asked) if asks_long else _question(asked)
    answers = classify(response.status) is Outcome.SUCCESS
    if answers and asked.content.is_event_stream:
        headers = _headers(response, "text/event-stream; charset=utf-8")
        stream = TranslatedRelay(asked, services, translation.stream(question))
        return Reply(response.status, headers, stream=kept_alive(stream, asked.admitted.key.translated_keepalive_s))
    try:
        body = await _read(response)
    except UpstreamFailure as failure:
        raise broke_off(asked, services, failure) from failure
    headers = _headers(response, "application/json")
    is_long = len(body) >= LONG_BYTES
    if not answers:
        settle(received, services, Ended(response.status, "failed"))
        error, status = translation.error, response.status
        return Reply(status, headers, data=await beside(error, status, body) if is_long else error(status, body))
    if asked.ends is not None:
        asked.ends.add(body)
    # What it states is charged, whether it can be translated or not.
    ending = await beside(read_whole, asked, body) if is_long else read_whole(asked, body)
    if ending.how is How.FAILED:
        tell_failure(asked, services, ERROR_IN_ANSWER)
        raise _answered_with_error(asked, ending)
    if is_long:
        data, output_tokens = await beside(_translated, translation, question, asked, body, ending)
    else:
        data, output_tokens = _translated(translation, question, asked, body, ending)
    if received.content is not None:
        received.content.add(data)
    conclude_whole(asked, services, ending, output_tokens)
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
        provider=asked.provider_name,
        kept=asked.outbound.kept,
        seal=asked.received.snapshot.seal,
    )


class TranslatedRelay(Relay):
    """Events of the provider's shape in, events of the client's shape out."""

    def __init__(self, asked: Asked, services: Services, translator: StreamTranslator) -> None:
        super().__init__(asked, services)
        self._translator = translator
        self._splitter = EventSplitter()
        self._read_event = asked.candidate.lane.endpoint.shape.read_event
        shape = asked.received.endpoint.shape
        self._sent = Progress(shape.events)
        self._counts = shape.counts_events

    def _take(self, chunk: bytes) -> bytes:
        self._progress.feed(chunk)
        if self._ends is not None:
            self._ends.add(chunk)
        pieces: list[bytes] = []
        try:
            self._translate(self._splitter.feed(chunk), pieces)
        except (EventTooLarge, UntranslatableAnswer) as problem:
            pieces.append(self._break_off(str(problem) or "an event is too large", pieces))
        self._holds_long_event = self._splitter.size >= LONG_BYTES
        return self._joined(pieces)

    def _end(self, failure: UpstreamFailure | None) -> bytes:
        """See `Relay`: what is still owed, the end in the client's shape or a terminal frame."""
        self._is_over = True
        pieces: list[bytes] = []
        if failure is None:
            self._progress.end()
            try:
                self._translate(self._splitter.end(), pieces)
            except UntranslatableAnswer as problem:
                pieces.append(self._break_off(str(problem), pieces))
        if self._ending is None and self._translator.finished:
            pieces.append(self._finish())
        elif self._ending is None:
            pieces.append(self._break_off(ENDED_TOO_EARLY if failure is None else failure.message, pieces))
        return self._joined(pieces)

    def _joined(self, pieces: list[bytes]) -> bytes:
        piece = b"".join(pieces)
        if self._counts and self._ending is None:
            self._sent.feed(piece)
        if self._content is not None:
            self._content.add(piece)
        return piece

    def _translate(self, events: list[tuple[str, bytes]], pieces: list[bytes]) -> None:
        """Adds what events become. Raises `UntranslatableAnswer`, when what came before is there already."""
        for name, data in events:
            if self._ending is not None:
                return
            if b'"usage' in data or b"Usage" in data:
                self._asked.stated = self._read_event(self._asked.stated, data)
            pieces.append(self._translator.feed(name, data))
            if self._translator.finished and (data == b"[DONE]" or name in _LAST_EVENTS):
                pieces.append(self._finish())

    def _finish(self) -> bytes:
        self._ending = Ending(How.COMPLETE)
        return self._translator.end()

    def _shut_down(self) -> bytes:
        piece = self._last_frame(shut_down(), self._sent, at_boundary=True)
        return self._joined([piece])

    def _break_off(self, reason: str, pieces: list[bytes]) -> bytes:
        """A terminal frame, behind these pieces; what the source said of its own failure is its ending.

        Where it said nothing, it was cut.
        """
        if self._counts:
            for piece in pieces:
                self._sent.feed(piece)
        self._is_over = True
        said = self._progress.ending(client_left=False)
        self._ending = said if said.how is How.FAILED else Ending(How.CUT)
        return self._terminal_frame(reason, self._sent, at_boundary=True)


def _answered_with_error(asked: Asked, ending: Ending) -> GatewayError:
    """The error for an answer that is one, under a status that promised another, in the provider's own words."""
    words = "" if ending.error is None else f": {ending.error.message or ending.error.type or ending.error.code}"
    message = sentence(f"The provider {asked.provider_name} answered with an error{words}")
    return GatewayError("provider_error", message, code="upstream_server_error")


def _translated(
    translation: Translation, question: Question, asked: Asked, body: bytes, ending: Ending
) -> tuple[bytes, int]:
    """The answer in the client's shape, and the output tokens that it brought, where it states none."""
    try:
        return translation.response(body, question), count_whole(asked, body, ending)
    except (UntranslatableAnswer, *UNREADABLE) as problem:
        reason = str(problem) if isinstance(problem, UntranslatableAnswer) else "it is not JSON"
        raise GatewayError(
            "provider_error",
            f"The answer of the provider {asked.provider_name} cannot be translated: {sentence(reason)}",
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
