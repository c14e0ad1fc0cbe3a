"""Asking the candidates one after the other, until one answers in a way that is final.

Until the first byte has gone to the client a failure leads to the next candidate; `trigger_of_status` and
`trigger_of_failure` say which ones do, and which are final. A provider whose circuit is open, whose account is at its
limit, or that cannot be sent the request, is passed over without a call.
"""

import asyncio
import enum
import json
import math
from collections.abc import Awaitable, Coroutine, Hashable
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar

import msgspec

from gateway import clock, ids
from gateway.counters.hold import Dimension
from gateway.errors import GatewayError, sentence
from gateway.lanes.provider_error import read_error
from gateway.pipeline.holds import candidate_holds, take
from gateway.pipeline.outbound import THREAD_UNSUPPORTED, betas_in_body, fit, prepare_body
from gateway.pipeline.services import Services
from gateway.pipeline.states import ERROR_IN_ANSWER, Admitted, Asked, Outbound
from gateway.pipeline.watch import watch_next
from gateway.providers.base import Provider, with_query
from gateway.providers.credentials.base import Signer
from gateway.shapes.ending import Events, How, ending_of
from gateway.shapes.endpoints import Endpoint
from gateway.shapes.glance import takes_long
from gateway.shapes.progress import Progress
from gateway.shapes.vendor import Vendor
from gateway.snapshot.snapshot import Candidate
from gateway.telemetry.traced_request import Call
from gateway.turns import LONG_BYTES, beside
from gateway.upstream.circuit_breaker import Permit
from gateway.upstream.failure import FailureKind, UpstreamFailure
from gateway.upstream.request import Content, Headers, UpstreamRequest, UpstreamResponse
from gateway.wire.headers import request_headers
from gateway.wire.spooled_form import SpooledForm
from gateway.wire.sse_events import events_in
from gateway.wire.unreadable import UNREADABLE
from gateway.wire.unsigned_thinking import has_unsigned

WHOLE_BODY_BYTES = 1024 * 1024
"""Up to this size a body is read to its end before the status goes out, so that a failure is still an error."""

_T = TypeVar("_T")

_LARGEST_PEEK = 256 * 1024
_HELD_S = 3.0
"""For so long a stream that has said nothing yet is held back, so that another candidate may still answer."""

_RETRY_HEADERS = ("retry-after", "retry-after-ms")
_OK = "ok"
_NOT_PROVOKED = (FailureKind.CONNECT.value, "503", "529")
"""Of these no request is the cause: there is no connection, or the provider says that it has too much to do."""
_CAUSE_BYTES = 16 * 1024
_TIMER_S = 0.02
_WORDS_S = 1.0
_WORDS_BYTES = 64 * 1024
_CANCELLED = "cancelled"
_NO_VERDICT = (_CANCELLED, FailureKind.CREDENTIAL.value)
_PASSED_OVER = {Dimension.SPEND: ("budget_exceeded", "a budget has no room for what it may cost.")}
_AT_ITS_LIMIT = ("rate_limited", "its account is at its limit.")
_FAILURES = frozenset((*(kind.value for kind in FailureKind), ERROR_IN_ANSWER))
_OF_ONE_API = ("anthropic-", "openai-", "x-stainless-", "x-goog-", "x-amzn-", "x-ms-")
_EVENTS = b"alt=sse"
_decode_object = msgspec.json.Decoder(dict[str, Any]).decode


async def ask(request: Admitted, services: Services) -> Asked:
    """Waits for the head of the answer that the client gets.

    Raises `provider_error`, `upstream_timeout` or `circuit_open` when no candidate answers, or in a way that is not the
    client's to read.
    """
    chain = _Chain(request, services)
    outbound = await chain.first() or await chain.first_after_open_circuit()
    while True:
        candidate = request.candidate
        try:
            response, content, trigger = await _ask(request, services, outbound, chain.permit, peeks=chain.goes_on)
        except UpstreamFailure as failure:
            following = await chain.next(outbound, trigger_of_failure(failure))
            if following is None:
                raise chain.explained(failed(failure, candidate.upstream.provider.name)) from failure
            outbound = following
            continue
        attempt = len(request.received.trail.attempts) - 1
        if trigger is not None:
            # What it consumed counts in what the next candidate needs of the budgets.
            remembered = len(request.replaced)
            _remember_consumed(request, candidate, response)
            following = await _or_close(chain.next(outbound, trigger), response)
            if following is not None:
                await response.close()
                outbound = following
                continue
            del request.replaced[remembered:]
        asked = request.received.trail.asked = Asked(request, candidate, outbound, response, content, attempt)
        if 200 <= response.status < 300:  # noqa: PLR2004 - nearly always, and `classify` need not be asked
            return asked
        outcome = classify(response.status)
        if outcome not in _ANSWERS:
            words = ""
            # There alone an error is the client's in other bytes than the provider's.
            if outcome is Outcome.SERVER_FAULT and candidate.lane.translation is not None:
                words = await _or_close(_words_of(response, content), response)
            await response.close()
            raise chain.explained(answer_for(outcome, asked.provider_name, response.status, response.headers, words))
        return asked


async def _or_close(work: Coroutine[Any, Any, _T], response: UpstreamResponse) -> _T:
    """What comes of some work; a response that the work fails to make something of is closed."""
    failure: BaseException
    try:
        return await work
    except BaseException as error:  # noqa: BLE001 - it is raised again; compiled code cannot await where it is caught
        failure = error
    await response.close()
    raise failure


async def _words_of(response: UpstreamResponse, content: Content) -> str:
    """What a provider says of its own failure, as far as that comes within a moment; empty where it says nothing."""
    if content.is_encoded:
        return ""
    pieces: list[bytes] = []
    size = 0
    with suppress(UpstreamFailure, TimeoutError):
        async with asyncio.timeout(_WORDS_S):
            while size < _WORDS_BYTES and (piece := await response.read_chunk()) is not None:
                pieces.append(piece)
                size += len(piece)
    return read_error(b"".join(pieces)).message


class _Chain:
    """Where a request stands among its candidates, and what it may still try.

    `permit` is what the circuits of the present one let out.
    """

    permit: Permit

    def __init__(self, request: Admitted, services: Services) -> None:
        self._request = request
        self._services = services
        self._waiting = [one for one in reversed(request.candidates) if not one.lane.counts]
        self._tries_left = request.fallback.max_attempts
        self._passed_over: list[tuple[str, str, str]] = []
        self._recoverable: GatewayError | None = None

    @property
    def goes_on(self) -> bool:
        """Whether another candidate could be asked if this one fails."""
        return bool(self._waiting) and self._tries_left > 0

    async def first(self) -> Outbound | None:
        """Goes to the first candidate, for which everything was taken; `None` when its circuit is open.

        Raises what keeps its body from going.
        """
        if not self._admits(self._waiting[-1], alone=len(self._waiting) == 1):
            return None
        return await self._begin(self._waiting.pop())

    async def first_after_open_circuit(self) -> Outbound:
        """Goes to the first candidate that may be asked after one that may not.

        Where there is none, those whose circuits are open are asked as soon as if each were the only one. Raises
        `circuit_open`.
        """
        first = self._waiting.pop()
        left_out = [first]
        while self._waiting:
            candidate = self._waiting.pop()
            if not self._admits(candidate):
                left_out.append(candidate)
                continue
            outbound = await self._take_over(candidate)
            if outbound is not None:
                self._tries_left -= 1
                return outbound
        for candidate in left_out:
            if self._is_permitted(candidate, alone=True):
                if candidate is first:  # for which everything was taken
                    return await self._begin(candidate)
                outbound = await self._take_over(candidate)
                if outbound is not None:
                    self._tries_left -= 1
                    return outbound
        self._request.go_to(first)
        raise self.explained(circuits_open(min(map(self._closed_for, left_out))))

    async def _begin(self, candidate: Candidate) -> Outbound:
        request = self._request
        request.go_to(candidate)
        try:
            is_long = len(request.came.data) >= LONG_BYTES
            # PERF: no coroutine for what waits for nothing.
            outbound = await _prepared(request, candidate) if is_long else prepare_body(request, candidate)
        except BaseException:
            self.permit.abandoned()
            raise
        request.received.trail.outbound = outbound
        self._tries_left -= 1
        return outbound

    async def next(self, outbound: Outbound, trigger: str) -> Outbound | None:
        """Goes to the next candidate that may be asked after such a failure; `None` when there is none.

        `outbound` is what the present candidate got.
        """
        request = self._request
        if trigger not in request.fallback.on or self._tries_left <= 0:
            return None
        limit_s = request.fallback.total_timeout_s
        if limit_s is not None and clock.monotonic() >= request.received.started + limit_s:
            return None
        present = request.candidate
        following: Outbound | None = None
        try:
            while self._waiting and following is None:
                candidate = self._waiting.pop()
                if self._admits(candidate, alone=not self._waiting):
                    following = await self._take_over(candidate)
        finally:
            if following is None:
                # Whoever was not asked after all left marks; who was asked last is told with its own.
                request.go_to(present, outbound)
                fit(request, present)
        if following is not None:
            self._tries_left -= 1
        return following

    def explained(self, error: GatewayError) -> GatewayError:
        """An error that also says which candidates were passed over, and why; and that no other could have answered.

        One of them that could be asked if the client does without a thread goes first: clients know that refusal.
        """
        if self._recoverable is not None:
            return self._recoverable
        if self._passed_over:
            error.message += "".join(f" {provider} was passed over: {why}" for provider, _, why in self._passed_over)
            passed_over = [{"provider": provider, "reason": reason} for provider, reason, _ in self._passed_over]
            error.meta = {**(error.meta or {}), "passed_over": passed_over}
        home = self._request.home
        if home is not None:
            error.message += f" {home.named.id} is held by {home.provider}, so no other provider can answer for it."
        return error

    def _closed_for(self, candidate: Candidate) -> float:
        return self._services.breakers.retry_after_s(
            candidate.upstream.provider.name, _own_of(self._request, candidate)
        )

    def _is_permitted(self, candidate: Candidate, *, alone: bool) -> bool:
        upstream, fallback = candidate.upstream, self._request.fallback
        # PERF: hardly any key has a patience of its own.
        is_patient = fallback.timeout_s is None and fallback.unary_timeout_s is None
        own_of = None if is_patient else _own_of(self._request, candidate)
        permit = self._services.breakers.admit(upstream.provider.name, own_of, upstream.circuit, alone=alone)
        if permit is not None:
            self.permit = permit
        return permit is not None

    def _admits(self, candidate: Candidate, *, alone: bool = False) -> bool:
        if self._is_permitted(candidate, alone=alone):
            return True
        self._pass_over(candidate, "circuit_open", "it has failed too often and is left alone for a while.")
        return False

    def _pass_over(self, candidate: Candidate, reason: str, why: str) -> None:
        self._request.passed_over(candidate, reason)
        self._passed_over.append((candidate.upstream.provider.name, reason, why))

    async def _take_over(self, candidate: Candidate) -> Outbound | None:
        """Makes the body ready for the candidate and takes what it needs of limits and budgets; `None` if it cannot."""
        request = self._request
        request.go_to(candidate)
        try:
            outbound = await _prepared(request, candidate)
            request.go_to(candidate, outbound)
            refusal = await take(
                request.received, candidate_holds(request, candidate, self._services.habits), self._services
            )
        except GatewayError as error:
            reason, why = error.type, error.message
            if error.code == THREAD_UNSUPPORTED:
                self._recoverable = error
        except BaseException:
            self.permit.abandoned()
            raise
        else:
            if refusal is None:
                if request.key.is_watched:
                    await watch_next(request, candidate, self._services)
                return outbound
            reason, why = _PASSED_OVER.get(refusal.hold.limit.dimension, _AT_ITS_LIMIT)
        self._pass_over(candidate, reason, why)
        # Admitted, and not asked after all: another request may probe it.
        self.permit.abandoned()
        return None


async def _ask(
    request: Admitted, services: Services, outbound: Outbound, permit: Permit, *, peeks: bool
) -> tuple[UpstreamResponse, Content, str | None]:
    """One candidate's answer, and what it triggers if it is a failure; told to the circuit breakers and the record.

    With `peeks` the beginning of a successful answer is looked at too. Raises `UpstreamFailure`.
    """
    candidate, began, outcome = request.candidate, clock.monotonic(), _CANCELLED
    upstream = candidate.upstream
    upstream.under_way.count += 1
    request.under_way.append(upstream.under_way)
    trail = request.received.trail
    trail.called_at = trail.called_at or began
    call = _traced_call(request, candidate, began) if request.received.is_traced else None
    trigger: str | None = None
    try:
        timeout_s = _first_byte_timeout_s(request, candidate)
        response = await send(request, services, outbound, timeout_s, call)
        if call is not None:
            call.status = response.status
        content = Content(response.headers)
        if response.status >= 400:  # noqa: PLR2004 - RFC 9110, section 15
            trigger, outcome = trigger_of_status(response.status), str(response.status)
        elif not peeks:
            outcome = _OK
        else:
            response, trigger, outcome = await _peeked(request, response, content, timeout_s, began)
    except UpstreamFailure as failure:
        outcome = failure.kind.value
        raise
    finally:
        request.attempted(candidate, outcome, began)
        if call is not None:
            call.ended, call.outcome = clock.monotonic() - request.received.started, outcome
        if outcome == _OK:
            permit.succeeded()
        else:
            _judge(request, candidate, permit, outcome, began)
    return response, content, trigger


def _traced_call(request: Admitted, candidate: Candidate, began: float) -> Call:
    """The call that begins, as its span is to tell it."""
    received, provider = request.received, candidate.upstream.provider
    trail = received.trail
    call = Call(
        span_id=ids.span_id(),
        number=len(trail.attempts),
        provider=provider.name,
        provider_type=provider.type,
        model=candidate.model,
        began=began - received.started,
    )
    trail.calls = (*trail.calls, call)
    return call


def _judge(request: Admitted, candidate: Candidate, permit: Permit, outcome: str, began: float) -> None:
    """The circuit breakers hear how a call ended that did not succeed."""
    if outcome in _NO_VERDICT:
        permit.abandoned()
    elif outcome in _FAILURES or outcome.startswith("5"):
        cause = None if outcome in _NOT_PROVOKED else _cause(request.body.data)
        if outcome == FailureKind.TIMEOUT and _has_passed(_first_byte_timeout_s(request, candidate), began):
            permit.took_too_long(cause)
        else:
            permit.failed(cause, outcome)
    else:
        permit.succeeded()


async def _peeked(
    request: Admitted, response: UpstreamResponse, content: Content, timeout_s: float, began: float
) -> tuple[UpstreamResponse, str | None, str]:
    """The answer with its beginning looked at, what it triggers, and the outcome as it is recorded."""
    left_s = max(0.0, began + timeout_s - clock.monotonic())
    events = request.candidate.lane.endpoint.shape.events
    if comes_as_array(request.candidate, content, streams=request.body.stream):
        return response, None, _OK
    try:
        peeked, hides_error = await _peek(response, content, events, left_s, streams=request.body.stream)
    except TimeoutError:
        await response.close()
        raise UpstreamFailure(FailureKind.TIMEOUT, f"no first byte within {timeout_s:g} s") from None
    except BaseException:
        await response.close()
        raise
    return (peeked, "5xx", ERROR_IN_ANSWER) if hides_error else (peeked, None, _OK)


async def _prepared(request: Admitted, candidate: Candidate) -> Outbound:
    """See `prepare_body`. For a large body it is done in a thread, beside which others are served."""
    body = request.came
    if len(body.data) < LONG_BYTES:
        return prepare_body(request, candidate)
    is_spliced = candidate.lane.translation is None and request.cache_mode == "respect"
    is_ruled = candidate.upstream.rules is not None or request.fitted is not None
    if (
        is_spliced
        and not is_ruled
        and not takes_long(request.received.endpoint.shape, body)
        and not has_unsigned(body.data)
    ):
        return prepare_body(request, candidate)
    return await beside(prepare_body, request, candidate)


def send(
    request: Admitted,
    services: Services,
    outbound: Outbound,
    first_byte_timeout_s: float,
    call: Call | None,
) -> Awaitable[UpstreamResponse]:
    """Addresses the request to its candidate's provider, adds its credential and sends it; to be awaited.

    The provider continues the trace of the call, where that is traced, else that of the request.
    What a client says in headers and query to another company's API stays behind where its body is translated. Raises
    `UpstreamFailure`.
    """
    received, candidate, stream = request.received, request.candidate, request.body.stream
    provider, lane = candidate.upstream.provider, candidate.lane
    headers = request_headers(received.headers, with_baggage=services.forwards_baggage)
    query = received.query
    if lane.translation is not None or lane.counts:
        headers = [header for header in headers if not header[0].startswith(_OF_ONE_API)]
        # A stream of Google's is one array for those who do not ask for events.
        query = _EVENTS if stream and lane.endpoint.shape.element is not None else b""
    elif received.address is not None and (betas := betas_in_body(request, candidate)):
        headers.append(("anthropic-beta", betas))
    if lane.translation is None and provider.form is not None and lane.endpoint.shape.vendor is Vendor.ANTHROPIC:
        headers = provider.form.headers(candidate.model, headers)
        query = b""
    provider.prepare_headers(headers, lane.endpoint)
    headers.append(("accept-encoding", "identity"))
    trace = received.trace
    headers.append(("traceparent", trace.traceparent if call is None else trace.parent_of(call.span_id)))
    if trace.state is not None:
        headers.append(("tracestate", trace.state))
    url = provider.url(lane.endpoint, candidate.model, stream=stream)
    if call is not None:
        call.url = url
    timeouts = provider.timeouts
    body = outbound.body
    is_long = provider.adapts and len(body) >= LONG_BYTES
    outgoing = UpstreamRequest(
        method=lane.endpoint.method,
        url=with_query(url, query) if query else url,
        headers=headers,
        body=body if is_long else provider.adapt(lane.endpoint, body, headers, stream=stream),
        connect_timeout_s=timeouts.connect_s,
        first_byte_timeout_s=first_byte_timeout_s,
        idle_timeout_s=timeouts.idle_s,
    )
    if isinstance(request.came, SpooledForm):
        outgoing.upload, outgoing.body = request.came.filled(body), b""
    if is_long:
        return _adapted(provider, lane.endpoint, outgoing, stream=stream)
    return (
        provider.transport.send(outgoing) if provider.signer is None else _signed(provider, provider.signer, outgoing)
    )


async def _adapted(
    provider: Provider, endpoint: Endpoint, request: UpstreamRequest, *, stream: bool
) -> UpstreamResponse:
    """Sends a long body, which a thread brings into the form that goes over the wire."""
    adapt = partial(provider.adapt, stream=stream)
    request.body = await beside(adapt, endpoint, request.body, request.headers)
    if provider.signer is None:
        return await provider.transport.send(request)
    return await _signed(provider, provider.signer, request)


async def _signed(provider: Provider, signer: Signer, request: UpstreamRequest) -> UpstreamResponse:
    await signer.sign(request)
    return await provider.transport.send(request)


def _remember_consumed(request: Admitted, candidate: Candidate, response: UpstreamResponse) -> None:
    """Keeps what a replaced answer says of its usage: it is charged too."""
    if not isinstance(response, PeekedResponse):
        return
    shape, beginning = candidate.lane.endpoint.shape, response.beginning
    stated = None
    if beginning.startswith(b"{"):
        stated = shape.read_usage(beginning)
    else:
        for _, data in events_in(beginning, whole=False):
            stated = shape.read_event(stated, data)
    if stated is not None:
        request.replaced.append((candidate, stated))
        if calls := request.received.trail.calls:
            calls[-1].stated = stated


def _first_byte_timeout_s(request: Admitted, candidate: Candidate) -> float:
    own, fallback = candidate.upstream.provider.timeouts.first_byte_s, request.fallback
    if fallback.timeout_s is None and fallback.unary_timeout_s is None:
        return own
    wanted = _wanted_timeout_s(request)
    return own if wanted is None else min(own, wanted)


def _wanted_timeout_s(request: Admitted) -> float | None:
    fallback = request.fallback
    if fallback.unary_timeout_s is not None and not request.body.stream:
        return fallback.unary_timeout_s
    return fallback.timeout_s


def _own_of(request: Admitted, candidate: Candidate) -> str | None:
    """The key, where a call ends by its patience and not by the provider's."""
    wanted = _wanted_timeout_s(request)
    if wanted is None or wanted >= candidate.upstream.provider.timeouts.first_byte_s:
        return None
    return request.key.name


def _has_passed(timeout_s: float, began: float) -> bool:
    """Whether it was this deadline that a call ran into, and not one of those of the provider's section."""
    return clock.monotonic() - began >= timeout_s - _TIMER_S


def _cause(body: bytes) -> Hashable:
    """What tells a request from others that fail; of a long one its length and its ends."""
    return len(body), hash(body[:_CAUSE_BYTES]), hash(body[-_CAUSE_BYTES:])


class PeekedResponse:
    """A response of which the beginning was read already, and comes first again.

    `reading` waits for the piece after that, where somebody began to. `usage` is what the beginning states.
    """

    def __init__(
        self,
        response: UpstreamResponse,
        pieces: list[bytes],
        *,
        has_ended: bool = False,
        reading: "asyncio.Task[bytes | None] | None" = None,
    ) -> None:
        self._response = response
        self._pieces = pieces
        self._next = 0
        self._has_ended = has_ended
        self._reading = reading
        self.status = response.status
        self.headers: Headers = response.headers

    @property
    def beginning(self) -> bytes:
        """What was read."""
        return b"".join(self._pieces)

    @property
    def was_held_back(self) -> bool:
        """See `UpstreamResponse`."""
        return self._response.was_held_back

    async def read_chunk(self) -> bytes | None:
        """See `UpstreamResponse`."""
        if self._next < len(self._pieces):
            self._next += 1
            return self._pieces[self._next - 1]
        if self._has_ended:
            return None
        if self._reading is not None:
            reading, self._reading = self._reading, None
            return await reading
        return await self._response.read_chunk()

    async def read_all(self) -> bytes:
        """See `UpstreamResponse`."""
        pieces: list[bytes] = []
        while (piece := await self.read_chunk()) is not None:
            pieces.append(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    async def close(self) -> None:
        """See `UpstreamResponse`."""
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)
        await self._response.close()


async def _peek(
    response: UpstreamResponse, content: Content, events: Events, first_byte_s: float, *, streams: bool
) -> tuple[PeekedResponse | UpstreamResponse, bool]:
    """Looks at the beginning of an answer before it is committed to; says whether it hides an error.

    The first piece, or the whole of a small body of stated length, has to come within `first_byte_s`. Raises
    `UpstreamFailure`, for JSON that is none too.
    """
    if streams and content.is_event_stream:
        return await _peek_at_openings(response, events, first_byte_s)
    if content.length is not None and content.length <= WHOLE_BODY_BYTES:
        async with asyncio.timeout(first_byte_s):
            pieces, has_ended = [await response.read_all()], True
    elif content.is_json:
        # A server may send white space for as long as its answer takes.
        async with asyncio.timeout(first_byte_s):
            first = await response.read_chunk()
        pieces, has_ended = ([], True) if first is None else await gather(response, first)
    else:
        return response, False
    hides_error = False
    if has_ended and content.is_json and not content.is_encoded:
        body = b"".join(pieces)
        is_long = len(body) >= LONG_BYTES
        hides_error = await beside(_is_error, body, events) if is_long else _is_error(body, events)
    return PeekedResponse(response, pieces, has_ended=has_ended), hides_error


def _is_error(body: bytes, events: Events) -> bool:
    """Whether a whole body of JSON is nothing but an error. Raises `UpstreamFailure` where it is no JSON."""
    if is_torn(body):
        raise UpstreamFailure(FailureKind.PROTOCOL, "it says that its answer is JSON, and it is not")
    return ending_of(body, events).how is How.FAILED


async def gather(response: UpstreamResponse, *pieces: bytes) -> tuple[list[bytes], bool]:
    """Reads on after these pieces to the end of the body, or of what is held whole; says whether that is its end.

    Raises `UpstreamFailure`.
    """
    gathered = list(pieces)
    size = sum(map(len, gathered))
    while size <= WHOLE_BODY_BYTES:
        piece = await response.read_chunk()
        if piece is None:
            return gathered, True
        gathered.append(piece)
        size += len(piece)
    return gathered, False


def comes_as_array(candidate: Candidate, content: Content, *, streams: bool) -> bool:
    """Whether a stream comes as the elements of one JSON array, which go on as they come."""
    if not streams or candidate.lane.endpoint.shape.element is None:
        return False
    return content.is_json and content.length is None and not content.is_encoded


def is_torn(body: bytes) -> bool:
    """Whether a body is no JSON by anybody's reading; some servers write `NaN` or half an emoji, and others read it."""
    try:
        _decode_object(body)
    except UNREADABLE:
        try:
            json.loads(body)
        except (ValueError, RecursionError):
            return True
    return False


async def _peek_at_openings(
    response: UpstreamResponse, events: Events, first_byte_s: float
) -> tuple[PeekedResponse, bool]:
    """Holds a stream while it says nothing, `_HELD_S` at most; says whether an error came in place of an answer.

    A stream that ends before any content is an error too: a provider that has something to say says it in an event.
    """
    loop = asyncio.get_running_loop()
    progress, size = Progress(events), 0
    pieces: list[bytes] = []
    until = loop.time() + first_byte_s
    reading: asyncio.Task[bytes | None] | None = None
    try:
        while size < _LARGEST_PEEK:
            reading = asyncio.ensure_future(response.read_chunk())
            done, _ = await asyncio.wait((reading,), timeout=max(0.0, until - loop.time()))
            if not done:
                if not pieces:
                    raise TimeoutError
                held, reading = reading, None
                return PeekedResponse(response, pieces, reading=held), False
            piece, reading = reading.result(), None
            if piece is None:
                progress.end()
                is_empty = progress.only_openings
                return PeekedResponse(response, pieces, has_ended=True), is_empty or _is_only_error(progress)
            if not pieces:
                until = loop.time() + _HELD_S
            pieces.append(piece)
            size += len(piece)
            progress.feed(piece)
            if not progress.only_openings:
                return PeekedResponse(response, pieces), _is_only_error(progress)
    finally:
        if reading is not None:
            reading.cancel()
    return PeekedResponse(response, pieces), False


def _is_only_error(progress: Progress) -> bool:
    return progress.ending(client_left=False).how is How.FAILED and not progress.tokens(None)


class Outcome(enum.Enum):
    """What an upstream's status means for the client: pass it on, or answer for the provider."""

    SUCCESS = enum.auto()
    CLIENT_FAULT = enum.auto()
    CREDENTIAL_REFUSED = enum.auto()
    SERVER_FAULT = enum.auto()
    REDIRECT = enum.auto()


_ANSWERS = (Outcome.SUCCESS, Outcome.CLIENT_FAULT)


def classify(status: int) -> Outcome:
    """The meaning of a status code.

    401, 402 and 403 speak of the gateway's own account, not of the client's request; every other 4xx is the client's to
    read.
    """
    if 200 <= status < 300:  # noqa: PLR2004 - the classes of RFC 9110, section 15
        return Outcome.SUCCESS
    if status in (401, 402, 403):
        return Outcome.CREDENTIAL_REFUSED
    if 400 <= status < 500:  # noqa: PLR2004
        return Outcome.CLIENT_FAULT
    return Outcome.REDIRECT if status < 400 else Outcome.SERVER_FAULT  # noqa: PLR2004


def trigger_of_status(status: int) -> str | None:
    """What a status may trigger, in the words of `fallback.on`; `None` where it is final whatever the file says."""
    if status == 429:  # noqa: PLR2004 - RFC 6585, section 4
        return "rate_limit"
    if status == 404:  # noqa: PLR2004 - RFC 9110, section 15.5.5
        return "not_found"
    return "5xx" if status >= 500 else None  # noqa: PLR2004 - RFC 9110, section 15.6


def trigger_of_failure(failure: UpstreamFailure) -> str:
    """What a call without answer triggers, in the same words."""
    return "timeout" if failure.kind is FailureKind.TIMEOUT else "network_error"


def circuits_open(retry_after_s: float) -> GatewayError:
    """The error for a request all of whose candidates are left alone at present."""
    return GatewayError(
        "circuit_open",
        "Every provider that could answer has failed too often and is left alone for a while; try again.",
        headers={"retry-after": str(max(1, math.ceil(retry_after_s)))},
    )


def answer_for(outcome: Outcome, provider: str, status: int, headers: Headers, words: str = "") -> GatewayError:
    """The gateway's own error in place of an answer that is not the client's to read; `words` are the provider's."""
    meta = {"provider": provider, "upstream_status": status}
    if outcome is Outcome.CREDENTIAL_REFUSED:
        return GatewayError(
            "provider_error",
            f"The provider {provider} answered {status} to the gateway's own credential; mend the account or the key "
            f"of `providers.{provider}`.",
            code="provider_credential_refused",
            headers={"x-should-retry": "false"},
            meta=meta,
        )
    if outcome is Outcome.REDIRECT:
        return GatewayError(
            "provider_error",
            f"The provider {provider} answered {status}, a redirect, which the gateway never follows; check "
            f"`providers.{provider}.base_url`.",
            code="upstream_redirect",
            headers={"x-should-retry": "false"},
            meta=meta,
        )
    return GatewayError(
        "provider_error",
        sentence(f"The provider {provider} answered {status}{words and f': {words}'}"),
        code="upstream_server_error",
        headers={name: value for name, value in headers if name in _RETRY_HEADERS},
        meta=meta,
    )


def failed(failure: UpstreamFailure, provider: str) -> GatewayError:
    """The gateway's error for a call that brought no answer."""
    if failure.kind is FailureKind.TIMEOUT:
        return GatewayError("upstream_timeout", f"The provider {provider} did not answer: {failure.message}.")
    if failure.kind is FailureKind.CREDENTIAL:
        return GatewayError(
            "provider_error",
            f"There is no valid credential for the provider {provider}: {failure.message}.",
            code="provider_credential_unavailable",
            headers={"x-should-retry": "false"},
        )
    return GatewayError(
        "provider_error",
        f"The provider {provider} could not be reached: {failure.message}.",
        code=f"upstream_{failure.kind.value}_error",
    )
