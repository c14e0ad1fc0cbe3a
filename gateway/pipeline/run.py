"""The stages of a request, in order: what `run`, `_admit` and `_find` call is the documentation.

1. `authenticate`, before the body is read, so that strangers cannot make the gateway buffer anything
2. the body is read and its facts are found; where its key has rules on fields, it becomes what they say
3. `limit`, `judge`, `judge_urls`, `resolve`, `cache_mode`, `candidate_holds` judge without I/O, of large bodies in
   threads; they only ask for holds, and `downgraded` may ask for those of a cheaper model. `find_home` alone may wait:
   for who holds what the request names
4. `reserve` takes every hold at once: the request is admitted; `watch` notes what would have refused it
5. `ask` waits for the head of a provider's answer: the request is asked; `count` answers where nobody is to be asked
6. `relay` hands the answer on, and `settle` ends the request exactly once, whatever happened

A stage takes what those before it gave, and gives a value of its own or raises `GatewayError`. `run` and `_admit` are
coroutines, so a stage that has to wait for something is one more `await`, and one that has not costs nothing.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from http import HTTPStatus

from gateway.counters.hold import Hold
from gateway.errors import GatewayError
from gateway.pipeline.admit import authenticate, cache_mode, judge, judge_urls
from gateway.pipeline.ask import ask
from gateway.pipeline.count import count
from gateway.pipeline.deferred import is_in_background, run_batch, run_in_background
from gateway.pipeline.downgrade import downgraded
from gateway.pipeline.heartbeat import is_whole_json, with_heartbeat
from gateway.pipeline.holds import candidate_holds, find_end_user, foresee, limit, reserve, reserve_limits
from gateway.pipeline.homes import find_home, keeps, left_behind, pinned
from gateway.pipeline.input_files import with_digest
from gateway.pipeline.listing import list_own
from gateway.pipeline.outbound import ruled_by_key
from gateway.pipeline.relay import Reply, is_answer, relay
from gateway.pipeline.relay_translated import relay_translated
from gateway.pipeline.resolve import named_model, resolve, resolve_stored
from gateway.pipeline.services import Services
from gateway.pipeline.settle import CLIENT_CLOSED, LEDGER_FULL, capture, sample, settle, settle_refused
from gateway.pipeline.states import SHUT_DOWN, Admitted, Asked, Ended, Home, Outbound, Received
from gateway.pipeline.watch import count_refused, watch
from gateway.shapes.endpoints import Endpoint
from gateway.shapes.glance import takes_long
from gateway.shapes.state import NO_STATE
from gateway.shapes.stated import StatedLimit, output_cap
from gateway.snapshot.snapshot import CompiledKey, Resolution
from gateway.turns import LONG_BYTES, beside, in_turns
from gateway.wire.request_body import RequestBody

ReadBody = Callable[[], Awaitable[RequestBody]]


async def run(received: Received, services: Services, read_body: ReadBody) -> Reply:
    """Takes a request through its stages. Raises `GatewayError` for what the gateway refuses or cannot do.

    When the call returns a streaming reply, the reply's `close` settles; in every other case it is settled here.
    """
    services.metrics.request_started()
    try:
        try:
            key = authenticate(received, services.guesses)
        finally:
            sample(received, services)
        body = await _read(received, key, services, read_body)
        if received.is_traced:
            capture(received, key, body)
        if received.endpoint.lists is not None:
            _check_room(services)
            return await list_own(received, key, services)
        admitted = await _admit(received, key, body, services)
        if received.endpoint.removes:
            await services.jobs.seen(received.endpoint.named[0].id)
        if admitted.candidate.lane.counts:
            return await count(admitted, services)
        if received.endpoint.defers is not None:
            return await run_batch(admitted, services, partial(_answer, services))
        if "background" in body.names and is_in_background(admitted):
            return await run_in_background(admitted, services, partial(_relay, services=services))
        return await _answer_kept_alive(services, admitted)
    except GatewayError as error:
        settle_refused(received, services, error)
        raise
    except asyncio.CancelledError:
        status = HTTPStatus.SERVICE_UNAVAILABLE if received.cancelled_as == SHUT_DOWN else CLIENT_CLOSED
        settle(received, services, Ended(status, received.cancelled_as))
        raise
    except BaseException:
        settle(received, services, Ended(500, "failed", "internal_error"))
        raise


async def _read(received: Received, key: CompiledKey, services: Services, read_body: ReadBody) -> RequestBody:
    """Reads the body. One that cannot be read counts against the key's limits: reading it is work too."""
    try:
        body = await read_body()
        if received.address is not None:
            received.address.tell(body)
    except GatewayError as error:
        if error.status < HTTPStatus.INTERNAL_SERVER_ERROR:
            await reserve_limits(received, limit(key, received.endpoint), services)
            await count_refused(received, key, 0, None, services)
        raise
    received.trail.streams = body.stream
    return body


async def _admit(received: Received, key: CompiledKey, body: RequestBody, services: Services) -> Admitted:
    """Judges, then takes the holds. Nobody is admitted whose entry might find no room in the ledger.

    A refusal by a judge still counts against the key's rate limits, and when the limits refuse too, theirs wins: they
    come first in the order, and a client that is refused over and over must not be free to go on.
    """
    _check_room(services)
    endpoint, shape = received.endpoint, received.endpoint.shape
    cap = output_cap(shape, body)
    limits = limit(key, endpoint, len(body.data), cap)
    # PERF: what may take long is done in threads, beside which others are served.
    is_long = takes_long(shape, body) or (len(body.data) >= LONG_BYTES and key.edits_bodies)
    home = None
    told: tuple[str, ...] = ()
    try:
        if key.rules is not None:
            body, told = await _ruled(key, endpoint, body, is_long=is_long)
            cap = output_cap(shape, body)
            limits = limit(key, endpoint, len(body.data), cap)
        if is_long:
            await beside(judge, key, shape, body)
        else:
            judge(key, shape, body)
        judging = judge_urls(key, shape, body)
        if judging is not None:
            await in_turns(judging)
        # PERF: of most bodies one look has told that they name nothing.
        seen = body.glance
        if received.endpoint.is_stored or (shape.state is not NO_STATE and (seen is None or seen.has_state)):
            home = await find_home(received, key, body, services)
        if is_long:
            admitted, holds = await beside(_look_through, received, key, body, cap, services, home)
        else:
            admitted, holds = _find(received, key, body, cap, services, home)
    except GatewayError:
        if not received.endpoint.is_stored:
            with suppress(GatewayError):  # the refusal that is under way is told; this one would have come later
                received.trail.model_asked = named_model(received.endpoint, body)
        await reserve_limits(received, limits, services)
        await count_refused(received, key, len(body.data), cap, services)
        raise
    admitted.told = told
    if admitted.fitted is not None:
        limits = limit(key, received.endpoint, len(admitted.body.data), admitted.output_cap)
    await _reserved(admitted, limits, holds, services)
    received.trail.admitted = admitted
    if key.is_watched:
        await watch(admitted, services)
    return admitted


async def _reserved(admitted: Admitted, limits: list[Hold], holds: list[Hold], services: Services) -> None:
    """Takes every hold. A request that is refused counts against limits that warn as well."""
    try:
        await reserve(admitted, limits, holds, services)
    except GatewayError:
        received, size = admitted.received, len(admitted.body.data)
        await count_refused(received, admitted.key, size, admitted.output_cap, services)
        raise


async def _ruled(
    key: CompiledKey, endpoint: Endpoint, body: RequestBody, *, is_long: bool
) -> tuple[RequestBody, tuple[str, ...]]:
    """The body as rules of the key on its fields have it: all that follows is about that."""
    return await beside(ruled_by_key, key, endpoint, body) if is_long else ruled_by_key(key, endpoint, body)


def _check_room(services: Services) -> None:
    if services.ledger.refuses:
        raise GatewayError(
            "overloaded",
            "The ledger takes no more entries at present.",
            code=LEDGER_FULL,
            headers={"retry-after": "5"},
        )


def _find(
    received: Received, key: CompiledKey, body: RequestBody, cap: StatedLimit, services: Services, home: Home | None
) -> tuple[Admitted, list[Hold]]:
    """Whom the request may ask, and what asking the first of them holds."""
    trail, endpoint = received.trail, received.endpoint
    if endpoint.is_stored:
        model = ""
        found = resolve_stored(received.snapshot, key, endpoint, None if home is None else home.provider)
    else:
        model = trail.model_asked = named_model(endpoint, body)
        found = resolve(received.snapshot, key, endpoint, model, body, received.header_map)
        if home is not None:
            found = pinned(found, home, model)
    trail.model_source, trail.candidate = found.source, found.candidates[0]
    trail.shared_by = found.shared_by
    mode = trail.cache_mode = cache_mode(key, received.header_map)
    end_user = trail.end_user = find_end_user(received, body)
    admitted = Admitted(received, key, body, cap, model, found, mode, end_user, home)
    holds = candidate_holds(admitted, admitted.candidate, services.habits)
    # What a provider keeps stays with its model.
    if not key.downgrades or home is not None or endpoint.is_stored:
        return admitted, holds

    def asking_for(instead: str) -> tuple[Admitted, Resolution]:
        found = resolve(received.snapshot, key, endpoint, instead, body, received.header_map)
        return Admitted(received, key, body, cap, model, found, mode, end_user), found

    return downgraded(admitted, holds, asking_for, services)


def _look_through(
    received: Received, key: CompiledKey, body: RequestBody, cap: StatedLimit, services: Services, home: Home | None
) -> tuple[Admitted, list[Hold]]:
    """The same of a long body, and what the end of the request may ask of it: that comes when nobody can wait."""
    admitted, holds = _find(received, key, body, cap, services, home)
    foresee(admitted)
    return admitted, holds


def _answer_kept_alive(services: Services, admitted: Admitted) -> Awaitable[Reply]:
    """The answer, with spaces before it where the key wants them and it takes long."""
    received, after_s = admitted.received, admitted.key.unary_keepalive_s
    answer = _answer(services, admitted)
    if not after_s or not is_whole_json(received.endpoint, admitted.came):
        return answer
    return with_heartbeat(answer, received, services, after_s)


async def _answer(services: Services, admitted: Admitted) -> Reply:
    return await _relay(await ask(admitted, services), services)


async def _relay(asked: Asked, services: Services) -> Reply:
    """Hands the answer on in the client's shape. Closes the upstream's, unless the reply streams: its `close` does."""
    translation = asked.candidate.lane.translation
    # PERF: written out, since every request comes by; `ask` has a function for it.
    try:
        if translation is None:
            reply = await relay(asked, services)
        else:
            reply = await relay_translated(asked, translation, services)
        failure: BaseException | None = None
    except BaseException as error:  # noqa: BLE001 - raised below: compiled code cannot await in a `finally`
        failure = error
    if failure is not None:
        await asked.response.close()
        raise failure
    if reply.stream is None:
        await asked.response.close()
        endpoint = asked.received.endpoint
        if reply.data is not None and endpoint.edits_answer is not None:
            _edit(reply, reply.data, endpoint.edits_answer, asked.received)
        if reply.data is not None and (endpoint.removes or keeps(asked.admitted)) and is_answer(asked):
            stored = left_behind(asked.admitted, reply.data)
            await services.objects.remember(
                await with_digest(asked, stored, services) if endpoint.brings_input else stored
            )
    return reply


def _edit(reply: Reply, data: bytes, edit: Callable[[bytes], bytes], received: Received) -> None:
    """Puts what is the gateway's own into an answer."""
    edited = edit(data)
    if edited != data:
        reply.data = edited
        received.trail.outbound = Outbound(b"", "spliced")
