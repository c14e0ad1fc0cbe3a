"""Handing the provider's answer on, byte for byte, while its usage is read off in passing.

Whole bodies while they are small, events with their usage tapped, and bytes of any other kind as they arrive.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Protocol

from gateway import clock
from gateway.errors import GatewayError, sentence
from gateway.ledger.stored_entry import StoredObject
from gateway.pipeline.ask import WHOLE_BODY_BYTES, comes_as_array, failed, gather, is_torn
from gateway.pipeline.holds import answers_asked_for, output_limit
from gateway.pipeline.homes import keeps, left_behind
from gateway.pipeline.services import Services
from gateway.pipeline.settle import conclude, settle, tell_failure
from gateway.pipeline.states import Asked, Ended
from gateway.shapes.ending import Ending, How, ending_of
from gateway.shapes.progress import BYTES_PER_TOKEN, Progress, tokens_in
from gateway.turns import LONG_BYTES, beside
from gateway.upstream.failure import FailureKind, UpstreamFailure
from gateway.upstream.request import Headers
from gateway.usage import Stated, Usage
from gateway.wire.audio_length import HEAD_BYTES
from gateway.wire.headers import response_headers
from gateway.wire.json_array import ArrayElements
from gateway.wire.json_skeleton import Skeleton
from gateway.wire.json_tail import usage_object
from gateway.wire.sse import StreamTap
from gateway.wire.sse_events import RawEvents, event_data, events_of

ENDED_TOO_EARLY = "its stream ended before its end"
_TAIL_BYTES = 64 * 1024
_LARGEST_TELLING = 16 * 1024 * 1024
"""Bytes of an event beyond which nobody looks for ids in it."""
_FAILED_WHOLE = "upstream_server_error"


class ReplyStream(Protocol):
    """A body as it arrives. `close` ends it early, is idempotent and settles the request."""

    def __aiter__(self) -> AsyncIterator[bytes]:
        """Pieces in the order and size in which they go out."""

    @property
    def has_ended(self) -> bool:
        """Whether the client has everything that its API sends; some clients hang up then, and miss nothing."""

    @property
    def awaits_usage(self) -> bool:
        """Whether the client may have all of the content, so that at most figures of usage are still to come."""

    async def close(self) -> None:
        """Lets go of the upstream and settles."""


class Reply:
    """An answer; exactly one of `data` and `stream` is set. `headers` are the provider's that may pass."""

    __slots__ = ("data", "headers", "status", "stream")

    def __init__(
        self, status: int, headers: Headers, *, data: bytes | None = None, stream: ReplyStream | None = None
    ) -> None:
        self.status = status
        self.headers = headers
        self.data = data
        self.stream = stream


class ResponseAborted(Exception):  # noqa: N818 - a signal to the server, not an error to handle
    """The body broke off after its first byte and no frame can say so: the connection has to be cut."""


def shut_down() -> GatewayError:
    """The error for a request that the worker ends, since it goes itself."""
    return GatewayError(
        "overloaded",
        "The gateway shuts down and could not wait for the end of this request; send it again.",
        code="shutting_down",
        headers={"retry-after": "1"},
    )


async def relay(asked: Asked, services: Services) -> Reply:
    """The reply to a request whose answer is in the client's own shape. Raises `GatewayError` where it breaks off."""
    response, content = asked.response, asked.content
    if content.is_event_stream and not content.is_encoded and is_answer(asked):
        events = KeptEventRelay(asked, services) if keeps(asked.admitted) else EventRelay(asked, services)
        stream = kept_alive(events, asked.admitted.key.stream_keepalive_s)
        return Reply(response.status, response_headers(response.headers), stream=stream)
    # PERF: most answers come whole.
    streams = asked.admitted.body.stream
    if streams and comes_as_array(asked.candidate, content, streams=streams) and is_answer(asked):
        return Reply(response.status, response_headers(response.headers), stream=ArrayRelay(asked, services))
    gathered: list[bytes] = []
    try:
        if content.length is not None and content.length <= WHOLE_BODY_BYTES and not content.is_encoded:
            body = await response.read_all()
            return _whole(asked, services, body) if len(body) < LONG_BYTES else await _long(asked, services, body)
        if content.is_json:
            gathered, ended = await gather(response)
            if ended:
                body = b"".join(gathered)
                return _whole(asked, services, body) if len(body) < LONG_BYTES else await _long(asked, services, body)
    except UpstreamFailure as failure:
        raise broke_off(asked, services, failure) from failure
    headers = response_headers(response.headers)
    return Reply(response.status, headers, stream=RawRelay(asked, services, gathered))


def is_answer(asked: Asked) -> bool:
    """Whether the status promises an answer, and not an error."""
    return asked.response.status < 400  # noqa: PLR2004 - RFC 9110, section 15


def broke_off(asked: Asked, services: Services, failure: UpstreamFailure) -> GatewayError:
    """The error for an answer that broke off before anything of it went out; circuit and record hear of it."""
    tell_failure(asked, services, failure.kind.value)
    return failed(failure, asked.provider_name)


def _whole(asked: Asked, services: Services, body: bytes, read: tuple[Ending, int] | None = None) -> Reply:
    """The reply with a whole body; `read` is what has been read of it already."""
    received, status = asked.received, asked.response.status
    if received.content is not None:
        received.content.add(body)
    if asked.ends is not None:
        asked.ends.add(body)
    if status < 400:  # noqa: PLR2004 - as `is_answer`
        ending, output_tokens = read or _read(asked, body)
        conclude(asked, services, ending, output_tokens, error_code=_FAILED_WHOLE)
    else:
        settle(received, services, Ended(status, "failed"))
    return Reply(status, response_headers(asked.response.headers), data=body)


async def _long(asked: Asked, services: Services, body: bytes) -> Reply:
    """The same with a long body, which is read beside the event loop."""
    read = await beside(_read, asked, body) if is_answer(asked) else None
    return _whole(asked, services, body, read)


def _read(asked: Asked, body: bytes) -> tuple[Ending, int]:
    ending = read_whole(asked, body)
    return ending, 0 if asked.stated is not None else count_whole(asked, body, ending)


def read_whole(asked: Asked, body: bytes) -> Ending:
    """Reads what a whole answer states, and how it ended."""
    shape = asked.candidate.lane.endpoint.shape
    asked.stated = shape.read_usage(body)
    if asked.stated is None and asked.admitted.defers:
        asked.stated = Stated(usage=Usage())
    # What is told of a response that failed is no failure of who tells it.
    return Ending(How.COMPLETE) if asked.received.endpoint.is_stored else ending_of(body, shape.events)


def count_whole(asked: Asked, body: bytes, ending: Ending) -> int:
    """Output tokens that a whole answer brought, where it states none itself.

    Raises `UpstreamFailure` where it says that it is JSON and is none: half of it, say.
    """
    if asked.stated is not None or not asked.received.endpoint.metered or ending.how is not How.COMPLETE:
        return 0
    if asked.content.is_json and not asked.content.is_encoded and is_torn(body):
        raise UpstreamFailure(FailureKind.PROTOCOL, "it says that its answer is JSON, and it is not")
    return _tokens_of_audio(asked, body, len(body)) or tokens_in(body, output_limit(asked.admitted))


def _tokens_of_audio(asked: Asked, head: bytes, size: int) -> int:
    """Tokens of an answer that is audio, by its first bytes and its size; 0 for what is none."""
    count = asked.received.endpoint.shape.count_audio
    if count is None or not size or asked.content.is_json:
        return 0
    return count(asked.admitted.body, asked.content.media_type, head[:HEAD_BYTES], size)


def conclude_whole(asked: Asked, services: Services, ending: Ending, output_tokens: int) -> None:
    """Ends the request by how its answer ended."""
    conclude(asked, services, ending, output_tokens, error_code=_FAILED_WHOLE)


class Relay:
    """What all kinds share: how far the answer has come, reading on for a client that left, and ending exactly once."""

    def __init__(self, asked: Asked, services: Services) -> None:
        self._asked = asked
        self._received = asked.received
        self._services = services
        self._response = asked.response
        shape = asked.candidate.lane.endpoint.shape
        self._progress = Progress(shape.events, choices=answers_asked_for(asked.admitted))
        self._ending: Ending | None = None
        self._content = asked.received.content
        self._ends = asked.ends
        self._drained = 0
        self._is_over = False
        # Whether an event has begun that will be long to read: then that is done beside the event loop.
        self._holds_long_event = False

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        while not self._is_over:
            chunk: bytes | None = None
            failure: UpstreamFailure | None = None
            try:
                chunk = await self._response.read_chunk()
            except UpstreamFailure as broken:
                failure = broken
            except asyncio.CancelledError:
                if not self.takes_back_shut_down():
                    raise
                self._is_over = True
                return self._shut_down()
            if self._holds_long_event:
                piece = await (beside(self._end, failure) if chunk is None else beside(self._take, chunk))
            else:
                piece = self._end(failure) if chunk is None else self._take(chunk)
            # PERF: nearly every piece.
            if piece and self._asked.first_token_at is not None and not self._received.client_left:
                return piece
            if self._goes_out(piece, chunk or b""):
                return piece
        raise StopAsyncIteration

    def _take(self, chunk: bytes) -> bytes:
        """What goes out for a chunk of the provider's."""
        raise NotImplementedError

    def _end(self, failure: UpstreamFailure | None) -> bytes:
        """What goes out when no more comes, since the source ended or broke off."""
        raise NotImplementedError

    def _shut_down(self) -> bytes:
        """What goes out when the worker goes before the answer's end."""
        raise NotImplementedError

    @property
    def at_boundary(self) -> bool:
        """Whether what went out so far ends between two events."""
        return True

    @property
    def client_left(self) -> bool:
        """Whether nobody listens any more."""
        return self._received.client_left

    def takes_back_shut_down(self) -> bool:
        """See `Received`; a client that has left is told nothing."""
        return not self._received.client_left and self._received.takes_back_shut_down()

    @property
    def has_ended(self) -> bool:
        """See `ReplyStream`. A client that hung up earlier is sent nothing, so it cannot have seen the end."""
        if self._ending is not None:
            return True
        return not self._received.client_left and not self._holds_long_event and self._progress.ended

    @property
    def awaits_usage(self) -> bool:
        """See `ReplyStream`."""
        return not self._holds_long_event and self._progress.content_may_be_complete

    @property
    def keepalive(self) -> bytes:
        """The bytes that keep an idle connection open, in the client's own shape."""
        return self._received.endpoint.shape.keepalive

    async def close(self) -> None:
        """Lets go of the upstream and settles; idempotent."""
        if self._received.trail.is_settled:
            return
        failure: BaseException | None = None
        try:
            self._settle()
        except BaseException as error:  # noqa: BLE001 - raised below: compiled code cannot await in a `finally`
            failure = error
        # Whatever went wrong, the connection is not lost with it: once settled, nobody comes here again.
        self._received.trail.let_go()
        await self._response.close()
        if failure is not None:
            raise failure

    def _settle(self) -> None:
        """Ends the request by how its answer ended, or by how far it came."""
        self._read_usage()
        progress, ending = self._progress, self._ending
        is_final = ending is not None or progress.ended
        if ending is None:
            ending = progress.ending(client_left=True)
        conclude(self._asked, self._services, ending, self._output_tokens(ending, is_final), is_final=is_final)

    def _read_usage(self) -> None:
        """Takes over what the answer stated, where that is not done in passing."""

    def _output_tokens(self, ending: Ending, is_final: bool) -> int:
        """Output tokens that came, where they count."""
        if ending.how is How.COMPLETE and is_final and self._asked.stated is not None:
            # PERF: the ordinary end.
            return 0
        if self._received.endpoint.shape.count_audio is not None:
            # In events there is no telling how long what has come so far is.
            return 0 if self._progress.only_openings else _tokens_of_audio(self._asked, b"", 1)
        return self._progress.tokens(output_limit(self._asked.admitted))

    def _terminal_frame(self, reason: str, sent: Progress, *, at_boundary: bool) -> bytes:
        """The last frame of a stream that broke off, in the client's shape; `sent` is how far it has been sent."""
        error = GatewayError(
            "provider_error",
            f"The provider {self._asked.provider_name} broke off: {sentence(reason)}",
            code="upstream_mid_stream_failure",
        )
        return self._last_frame(error, sent, at_boundary=at_boundary)

    def _last_frame(self, error: GatewayError, sent: Progress, *, at_boundary: bool) -> bytes:
        return self._received.endpoint.shape.terminal_frame(error, sent, at_boundary=at_boundary)

    def _goes_out(self, piece: bytes, chunk: bytes) -> bool:
        """Whether a piece is for the client; ends the stream when more was read for one that left than is allowed."""
        if self._received.client_left:
            self._drained += len(chunk)
            self._is_over = self._is_over or self._drained > self._services.disconnect_drain_bytes
            return False
        if piece and self._asked.first_token_at is None:
            self._asked.first_token_at = clock.monotonic()
        return bool(piece)


class EventRelay(Relay):
    """Server-sent events, identical and unbuffered; one that is cut gets one terminal frame."""

    def __init__(self, asked: Asked, services: Services) -> None:
        super().__init__(asked, services)
        self._tap = StreamTap(asked.received.endpoint.shape.read_event, withhold_usage=asked.outbound.withholds_usage)

    @property
    def at_boundary(self) -> bool:
        """See `Relay`."""
        return self._tap.at_boundary

    def _take(self, chunk: bytes) -> bytes:
        self._progress.feed(chunk)
        if self._content is not None:
            self._content.add(chunk)
        if self._ends is not None:
            self._ends.add(chunk)
        return self._tap.feed(chunk)

    def _end(self, failure: UpstreamFailure | None) -> bytes:
        """See `Relay`: what was held back, or a terminal frame where the stream was cut."""
        self._is_over = True
        at_boundary = self._tap.at_boundary
        rest = self._tap.end()
        if failure is None:
            self._progress.end()
        ending = self._ending = self._progress.ending(client_left=False)
        if ending.how is How.CUT:
            # What was held back is a torn event that the client never began; without it the frame stands alone.
            reason = ENDED_TOO_EARLY if failure is None else failure.message
            return self._terminal_frame(reason, self._progress, at_boundary=at_boundary)
        return rest if failure is None else b""

    def _shut_down(self) -> bytes:
        return self._last_frame(shut_down(), self._progress, at_boundary=self._tap.at_boundary)

    def _read_usage(self) -> None:
        self._asked.stated = self._tap.usage


class KeptEventRelay(EventRelay):
    """The events of an answer that the provider keeps: its id is known before the client can come back with it."""

    def __init__(self, asked: Asked, services: Services) -> None:
        super().__init__(asked, services)
        self._events = RawEvents()
        self._tells = asked.received.endpoint.shape.state.tells
        self._left: list[StoredObject] = []
        self._seen: set[str] = set()

    async def __anext__(self) -> bytes:
        piece = await super().__anext__()
        if self._left:
            left, self._left = self._left, []
            await self._services.objects.remember(left)
        return piece

    def _take(self, chunk: bytes) -> bytes:
        whole = self._events.feed(chunk)
        if whole:
            self._look_at(whole)
        elif self._events.size > _LARGEST_TELLING:
            self._events.shed(0)
        return super()._take(chunk)

    def _look_at(self, events: bytes) -> None:
        """Keeps what events say for the first time that the provider keeps."""
        if not self._may_tell(events):
            return
        for event in events_of(events):
            if self._may_tell(event):
                for one in left_behind(self._asked.admitted, event_data(event)):
                    if one.id not in self._seen:
                        self._seen.add(one.id)
                        self._left.append(one)

    def _may_tell(self, events: bytes) -> bool:
        return any(events.find(sign) >= 0 for sign in self._tells)

    def _settle(self) -> None:
        super()._settle()
        if self._left:
            self._services.objects.note(self._left)


class RawRelay(Relay):
    """Any other body. What was gathered before the status went out goes first.

    What a JSON body states is read off its skeleton without long texts, since the whole may be larger than memory
    should hold; where that is too large as well, its usage is looked for in its last bytes.
    """

    def __init__(self, asked: Asked, services: Services, gathered: list[bytes]) -> None:
        super().__init__(asked, services)
        self._gathered = list(reversed(gathered))
        self._tail = b""
        self._skeleton = Skeleton() if gathered else None
        self._head = b""
        self._size = 0

    async def __anext__(self) -> bytes:
        return self._take(self._gathered.pop()) if self._gathered else await super().__anext__()

    def _settle(self) -> None:
        """See `Relay`; an error of the client's is none of the provider's, however its body ended."""
        if is_answer(self._asked):
            super()._settle()
        else:
            settle(self._received, self._services, Ended(self._response.status, "failed"))

    def _take(self, chunk: bytes) -> bytes:
        if self._content is not None:
            self._content.add(chunk)
        if self._ends is not None:
            self._ends.add(chunk)
        self._size += len(chunk)
        if self._skeleton is None:
            if len(self._head) < HEAD_BYTES:
                self._head += chunk[:HEAD_BYTES]
        else:
            self._skeleton.feed(chunk)
            self._tail = chunk[-_TAIL_BYTES:] if len(chunk) >= _TAIL_BYTES else (self._tail + chunk)[-_TAIL_BYTES:]
        return chunk

    def _end(self, failure: UpstreamFailure | None) -> bytes:
        self._is_over = True
        if failure is not None:
            self._ending = Ending(How.CUT)
            raise ResponseAborted from failure
        self._ending = Ending(How.COMPLETE)
        return b""

    def _shut_down(self) -> bytes:
        raise ResponseAborted

    def _read_usage(self) -> None:
        if self._skeleton is None:
            return
        text = self._skeleton.text
        if text is None:
            usage = usage_object(self._tail)
            text = b"" if usage is None else b'{"usage":' + usage + b"}"
        self._asked.stated = self._asked.candidate.lane.endpoint.shape.read_usage(text)
        if is_answer(self._asked) and keeps(self._asked.admitted):
            self._services.objects.note(left_behind(self._asked.admitted, text))

    def _output_tokens(self, ending: Ending, is_final: bool) -> int:  # noqa: ARG002 - as of every relay
        if self._skeleton is None:
            return _tokens_of_audio(self._asked, self._head, self._size)
        limit = output_limit(self._asked.admitted)
        tokens = self._size // BYTES_PER_TOKEN
        return tokens if limit is None else min(tokens, limit)


class ArrayRelay(Relay):
    """The elements of one JSON array, identical and unbuffered; where it is cut between two, one more and its end."""

    def __init__(self, asked: Asked, services: Services) -> None:
        super().__init__(asked, services)
        self._elements = ArrayElements()
        self._read_event = asked.candidate.lane.endpoint.shape.read_event

    def _take(self, chunk: bytes) -> bytes:
        if self._content is not None:
            self._content.add(chunk)
        if self._ends is not None:
            self._ends.add(chunk)
        for element in self._elements.feed(chunk):
            self._progress.event("", element)
            self._asked.stated = self._read_event(self._asked.stated, element)
        return chunk

    def _end(self, failure: UpstreamFailure | None) -> bytes:
        """See `Relay`. Within an element nothing can be said any more, and the connection is cut."""
        self._is_over = True
        ending = self._ending = self._progress.ending(client_left=False)
        if ending.how is not How.CUT or self._elements.is_closed:
            return b""
        if not self._elements.at_boundary:
            raise ResponseAborted from failure
        reason = ENDED_TOO_EARLY if failure is None else failure.message
        return self._terminal_frame(reason, self._progress, at_boundary=True)

    def _shut_down(self) -> bytes:
        if not self._elements.at_boundary:
            raise ResponseAborted
        return self._last_frame(shut_down(), self._progress, at_boundary=True)

    def _last_frame(self, error: GatewayError, sent: Progress, *, at_boundary: bool) -> bytes:  # noqa: ARG002
        element = self._received.endpoint.shape.element
        assert element is not None  # noqa: S101 - only such an API's streams come here
        before = (b"," if self._elements.count else b"") if self._elements.has_begun else b"["
        return before + element(error) + b"]"


def kept_alive(stream: Relay, after_s: float) -> ReplyStream:
    """A stream that says something after so many seconds of silence; 0: never."""
    return KeptAlive(stream, after_s) if after_s else stream


class KeptAlive:
    """A stream of events that says something while its upstream is silent, only between two events."""

    def __init__(self, inner: Relay, after_s: float) -> None:
        self._inner = inner
        self._after_s = after_s
        self._next: asyncio.Task[bytes] | None = None

    @property
    def has_ended(self) -> bool:
        """See `ReplyStream`."""
        return self._inner.has_ended

    @property
    def awaits_usage(self) -> bool:
        """See `ReplyStream`."""
        return self._inner.awaits_usage

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        while True:
            if self._next is None:
                self._next = asyncio.ensure_future(self._inner.__anext__())
            try:
                done, _ = await asyncio.wait((self._next,), timeout=self._after_s)
            except asyncio.CancelledError:
                if not self._inner.takes_back_shut_down():
                    raise
                self._next.cancel()  # its frame is the last
                continue
            if done:
                task, self._next = self._next, None
                try:
                    return task.result()
                except StopAsyncIteration:
                    raise StopAsyncIteration from None
            if self._inner.at_boundary and not self._inner.client_left:
                return self._inner.keepalive

    async def close(self) -> None:
        """Stops waiting for the upstream and closes the stream."""
        task, self._next = self._next, None
        if task is not None:
            task.cancel()
            # What it raises was meant for a client that is gone.
            await asyncio.gather(task, return_exceptions=True)
        await self._inner.close()
