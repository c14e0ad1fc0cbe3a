"""Asking the candidates one after the other, until one answers in a way that is final.

Until the first byte has gone to the client a failure leads to the next candidate; `dispatch/outcome.py` says which ones
do, and which are final. A provider whose circuit is open, whose account is at its limit, or that cannot be sent the
request, is passed over without a call.
"""

import asyncio

from gateway import clock
from gateway.counters.hold import Dimension
from gateway.dispatch.attempt import attempt
from gateway.dispatch.first_event import Seen, look_at_first_event, look_at_whole
from gateway.dispatch.outcome import circuits_open, failed, trigger_of_failure, trigger_of_status
from gateway.errors import GatewayError
from gateway.pipeline.exchange import Exchange
from gateway.pipeline.prepare_body import prepare_body
from gateway.pipeline.services import Services
from gateway.pipeline.take import candidate_holds, take
from gateway.snapshot.snapshot import Candidate
from gateway.upstream.failure import FailureKind, UpstreamFailure
from gateway.upstream.request import UpstreamResponse

_WHOLE_BODY_BYTES = 1024 * 1024
_OK = "ok"
_CANCELLED = "cancelled"
_HIDDEN_ERROR = "error_in_stream"
_NO_VERDICT = (_CANCELLED, FailureKind.CREDENTIAL.value)
_REFUSED = {Dimension.SPEND: "budget_exceeded"}
_FAILURES = frozenset((*(kind.value for kind in FailureKind), _HIDDEN_ERROR))


async def dispatch(exchange: Exchange, services: Services) -> None:
    """Waits for the head of the answer that the client gets.

    Raises `provider_error`, `upstream_timeout` or `circuit_open` when no candidate answers.
    """
    walk = _Walk(exchange, services)
    if not walk.begins_with_first():
        await walk.begin()
    while True:
        try:
            response, trigger = await _ask(exchange, services, looks=walk.goes_on)
        except UpstreamFailure as failure:
            provider = exchange.provider_name
            if await walk.next(trigger_of_failure(failure)):
                continue
            raise failed(failure, provider) from failure
        if trigger is not None:
            asked, stands = exchange.candidate, False
            try:
                stands = not await walk.next(trigger)
            finally:
                if not stands:
                    _remember_consumed(exchange, asked, response)
                    await response.close()
            if not stands:
                continue
        exchange.upstream_response = response
        exchange.first_byte_at = clock.monotonic()
        return


class _Walk:
    """Where a request stands among its candidates, and what it may still try."""

    def __init__(self, exchange: Exchange, services: Services) -> None:
        self._exchange = exchange
        self._services = services
        self._waiting = list(reversed(exchange.candidates))
        self._tries_left = exchange.fallback.max_attempts

    @property
    def goes_on(self) -> bool:
        """Whether another candidate could be asked if this one fails."""
        return bool(self._waiting) and self._tries_left > 0

    def begins_with_first(self) -> bool:
        """Goes to the first candidate, for which everything was taken; false when its circuit is open.

        Raises what keeps its body from going.
        """
        if not self._admits(self._waiting[-1]):
            return False
        candidate = self._waiting.pop()
        self._exchange.go_to(candidate)
        try:
            prepare_body(self._exchange)
        except BaseException:
            self._abandon(candidate)
            raise
        self._tries_left -= 1
        return True

    async def begin(self) -> None:
        """Goes to the first candidate that may be asked after one that may not. Raises `circuit_open`."""
        closed_for = [self._closed_for(self._waiting.pop())]
        while self._waiting:
            candidate = self._waiting.pop()
            if not self._admits(candidate):
                closed_for.append(self._closed_for(candidate))
            elif await self._takes_over(candidate):
                self._tries_left -= 1
                return
        raise circuits_open(min(closed_for))

    async def next(self, trigger: str) -> bool:
        """Goes to the next candidate that may be asked after such a failure; false when there is none."""
        exchange = self._exchange
        if trigger not in exchange.fallback.on or self._tries_left <= 0:
            return False
        limit_s = exchange.fallback.total_timeout_s
        if limit_s is not None and clock.monotonic() >= exchange.started + limit_s:
            return False
        before, goes_on = exchange.candidate, False
        try:
            while self._waiting and not goes_on:
                candidate = self._waiting.pop()
                goes_on = self._admits(candidate) and await self._takes_over(candidate)
        finally:
            if not goes_on and exchange.candidate is not before:
                # Whoever was not asked after all left marks; who was asked last is told with its own.
                exchange.go_to(before)
                prepare_body(exchange)
        if goes_on:
            self._tries_left -= 1
        return goes_on

    def _closed_for(self, candidate: Candidate) -> float:
        breaker = self._services.breakers.of(candidate.upstream.provider.name)
        return breaker.retry_after_s(candidate.upstream.circuit)

    def _admits(self, candidate: Candidate) -> bool:
        upstream = candidate.upstream
        if self._services.breakers.of(upstream.provider.name).admit(upstream.circuit):
            return True
        self._exchange.passed_over(candidate, "circuit_open")
        return False

    async def _takes_over(self, candidate: Candidate) -> bool:
        """Takes what the candidate needs of limits and budgets, and makes the body ready for it."""
        exchange = self._exchange
        exchange.go_to(candidate)
        try:
            prepare_body(exchange)
            refusal = await take(exchange, self._services, candidate_holds(exchange, candidate))
            reason = None if refusal is None else _REFUSED.get(refusal.hold.limit.dimension, "rate_limited")
        except GatewayError as error:
            reason = error.type
        except BaseException:
            self._abandon(candidate)
            raise
        if reason is None:
            return True
        exchange.passed_over(candidate, reason)
        self._abandon(candidate)
        return False

    def _abandon(self, candidate: Candidate) -> None:
        """The candidate was admitted and is not asked after all: another request may probe it."""
        self._services.breakers.of(candidate.upstream.provider.name).abandoned()


async def _ask(exchange: Exchange, services: Services, *, looks: bool) -> tuple[UpstreamResponse, str | None]:
    """One candidate's answer, and what it triggers if it is a failure; told to the circuit breaker and the record.

    With `looks` the beginning of a successful answer is looked at too. Raises `UpstreamFailure`.
    """
    candidate, began, outcome = exchange.candidate, clock.monotonic(), _CANCELLED
    upstream = candidate.upstream
    upstream.under_way.count += 1
    exchange.under_way.append(upstream.under_way)
    try:
        response, trigger, outcome = await _answer(exchange, looks=looks)
    except UpstreamFailure as failure:
        outcome = failure.kind.value
        raise
    finally:
        exchange.attempted(candidate, outcome, began)
        breaker = services.breakers.of(upstream.provider.name)
        if outcome == _OK:
            breaker.succeeded()
        elif outcome in _NO_VERDICT:
            breaker.abandoned()
        elif outcome in _FAILURES or outcome.startswith("5"):
            breaker.failed(upstream.circuit)
        else:
            breaker.succeeded()
    return response, trigger


async def _answer(exchange: Exchange, *, looks: bool) -> tuple[UpstreamResponse, str | None, str]:
    """The answer, what it triggers, and the outcome as it is recorded."""
    candidate = exchange.candidate
    timeout_s = _first_byte_timeout_s(exchange)
    began = clock.monotonic()
    response = await attempt(
        candidate.upstream.provider,
        candidate.lane.endpoint,
        candidate.model,
        exchange.upstream_body,
        exchange.headers,
        exchange.query,
        exchange.trace,
        stream=exchange.streams,
        translated=candidate.lane.translation is not None,
        first_byte_timeout_s=timeout_s,
    )
    if response.status >= 400:  # noqa: PLR2004 - RFC 9110, section 15
        return response, trigger_of_status(response.status), str(response.status)
    if not looks:
        return response, None, _OK
    try:
        async with asyncio.timeout(max(0.0, began + timeout_s - clock.monotonic())):
            seen, hides_error = await _look(response, streams=exchange.streams)
    except TimeoutError:
        await response.close()
        raise UpstreamFailure(FailureKind.TIMEOUT, f"no first byte within {timeout_s:g} s") from None
    except BaseException:
        await response.close()
        raise
    return (seen, "5xx", _HIDDEN_ERROR) if hides_error else (seen, None, _OK)


def _remember_consumed(exchange: Exchange, candidate: Candidate, response: UpstreamResponse) -> None:
    """Keeps what a replaced answer says of its usage: it is charged too."""
    usage = None
    for _, data in response.events if isinstance(response, Seen) else ():
        usage = candidate.lane.endpoint.shape.read_event(usage, data)
    if usage is not None:
        exchange.replaced.append((candidate, usage))


def _first_byte_timeout_s(exchange: Exchange) -> float:
    own = exchange.candidate.upstream.provider.timeouts.first_byte_s
    wanted = exchange.fallback.timeout_s
    return own if wanted is None else min(own, wanted)


async def _look(response: UpstreamResponse, *, streams: bool) -> tuple[Seen | UpstreamResponse, bool]:
    content_type, length = "", None
    for name, value in response.headers:
        if name == "content-type":
            content_type = value.lower()
        elif name == "content-length" and value.isdigit():
            length = int(value)
    if streams and content_type.startswith("text/event-stream"):
        return await look_at_first_event(response)
    if length is not None and length <= _WHOLE_BODY_BYTES:
        return await look_at_whole(response, is_json=content_type.startswith("application/json")), False
    return response, False
