"""Work that goes on after its request: held of budgets before it begins, looked after until it ends, then charged.

A batch is judged as a whole before any of it goes up. What it may cost stands in the database beside the id that the
provider gave it, so that it is charged whoever is there to see its end, and whether its answers are fetched or not.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator, Sequence
from contextlib import suppress
from typing import Any, Final, NamedTuple
from urllib.parse import urlencode

import msgspec

from gateway import clock, ids
from gateway.counters.hold import CountersLost, Dimension, Hold, Lease, Limit, Refusal
from gateway.errors import GatewayError
from gateway.ledger.open_jobs import Held, OpenJob
from gateway.ledger.storable import encode
from gateway.ledger.stored_entry import IndexLostError, StoredObject
from gateway.money.budget import Unit, counts_target
from gateway.money.cost import AnswerCost
from gateway.money.nano_usd import NANO_PER_USD
from gateway.money.prices import Price
from gateway.pipeline.ask import ask, failed
from gateway.pipeline.batch_requests import (
    BATCH_TIER,
    BatchRequests,
    add_most,
    has_batch_price,
    judged_line,
    judged_requests,
)
from gateway.pipeline.holds import take
from gateway.pipeline.homes import identity_of_key, identity_of_provider, owned, state_unknown
from gateway.pipeline.over_budget import over_budget
from gateway.pipeline.own_calls import call, lines_of, pieces_of, whole_of
from gateway.pipeline.relay import Reply
from gateway.pipeline.resolve import resolve_stored
from gateway.pipeline.services import Services, SpooledFile
from gateway.pipeline.settle import USAGE_NOT_REPORTED, record_of
from gateway.pipeline.states import Admitted, Asked, BudgetHold, Ended, Received
from gateway.providers.base import Provider
from gateway.shapes.deferred import (
    BACKGROUND,
    BATCH,
    BATCHED,
    KINDS,
    MESSAGE_BATCH,
    MOST_REQUESTS,
    Deferred,
    answer_in,
    progress,
)
from gateway.shapes.endpoints import ENDPOINTS
from gateway.snapshot.answer_costs import cost_of
from gateway.snapshot.snapshot import CompiledKey, Snapshot
from gateway.telemetry.decision_record import UNPRICED, AttemptRecord, Charge
from gateway.turns import LONG_BYTES, beside
from gateway.upstream.failure import FailureKind, UpstreamFailure
from gateway.upstream.request import UpstreamResponse
from gateway.usage import TOKENS, Served, Stated, Usage
from gateway.wire.json_body import JsonBody
from gateway.wire.json_parts import members_in
from gateway.wire.json_splice import Splice, apply
from gateway.wire.spooled_form import LongForm, pieces_of_file, sha256_of_file
from gateway.wire.unreadable import UNREADABLE

LONGEST_LINE: Final = 32 * 1024 * 1024
_LARGEST_INPUT: Final = 512 * 1024 * 1024
_AT_ONCE: Final = 256
_MOST: Final = 2**53 - 1
_ERRORS: Final = 400
_NOT_FOUND: Final = 404
_NO_SUCH_PATH: Final = (404, 405)
_PAGE: Final = 100
"""Batches of one page of OpenAI's list, which has no more."""
_MOST_PAGES: Final = 1_000
_GIVEN_UP_US: Final = 72 * 3_600_000_000
"""After so long, three times as long as any of it may take, work is charged for what it holds."""
_LOST_US: Final = 900_000_000
"""For so long work is looked for whose id nobody has heard of, since this process died when it was begun."""
_HEARD_OF_US: Final = 120_000_000
"""After so long whoever began work has heard of its id, or never will."""
_BOUNDARY: Final = "lines-of-a-batch-7f3a1c"
_MICROSECONDS: Final = 1_000_000
_CLOCKS_DIFFER_S: Final = 60
_MAY_HAVE_BEGUN: Final = ("upstream_network_error", "upstream_protocol_error")
_decode_object: Final = msgspec.json.Decoder(dict[str, Any]).decode


class _ListedBatch(msgspec.Struct, gc=False):
    id: str
    input_file_id: str = ""
    created_at: int = 0


class _ListedBatches(msgspec.Struct, gc=False):
    data: list[_ListedBatch] = []
    has_more: bool = False


_decode_list: Final = msgspec.json.Decoder(_ListedBatches).decode

_log = logging.getLogger(__name__)


async def run_batch(request: Admitted, services: Services, answer: Callable[[Admitted], Awaitable[Reply]]) -> Reply:
    """The provider's answer to a batch that was judged, and is held for. Raises `GatewayError`.

    Args:
        request: What makes the batch.
        services: What the stages share.
        answer: Asks the provider, and relays what it says.
    """
    kind = KINDS[request.received.endpoint.defers or ""]
    requests = await _judged(request, kind, services)
    lease = await _held(request, requests, services)
    job = _job(request, kind, requests)
    try:
        await services.jobs.open(job, lease)
    except BaseException as problem:
        if lease is not None:
            lease.cancel()
        if isinstance(problem, IndexLostError):
            raise state_unknown(problem) from problem
        raise
    return await _to_its_end(_batch_begun(request, job, services, answer))


async def _batch_begun(
    request: Admitted, job: OpenJob, services: Services, answer: Callable[[Admitted], Awaitable[Reply]]
) -> Reply:
    try:
        reply = await answer(request)
    except GatewayError as error:
        # A batch that may have begun all the same is looked for by its file.
        if not (job.input_id and (error.type == "upstream_timeout" or error.code in _MAY_HAVE_BEGUN)):
            await services.jobs.drop(job)
        raise
    except BaseException:
        await services.jobs.drop(job)
        raise
    object_id = _id_in(reply.status, reply.data)
    if object_id is None:
        await services.jobs.drop(job)
    else:
        await services.jobs.began(msgspec.structs.replace(job, object_id=object_id))
    return reply


async def _to_its_end(work: Coroutine[Any, Any, Reply]) -> Reply:
    """What comes of work that a client which leaves does not undo: the provider has begun it."""
    working = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(working)
    except asyncio.CancelledError:
        await asyncio.wait((working,))
        raise


def is_in_background(request: Admitted) -> bool:
    """Whether the answer is to be given in the background. Raises `bad_request` or `unsupported_parameter`."""
    body = request.came
    if not request.received.endpoint.may_be_deferred or body.raw("background") in (None, b"false", b"null"):
        return False
    if body.raw("background") != b"true":
        raise GatewayError("bad_request", "`background` is true or false.", param="background")
    if body.stream:
        raise GatewayError(
            "unsupported_parameter", "A response in the background is fetched, and not streamed here.", param="stream"
        )
    return True


async def run_in_background(
    request: Admitted, services: Services, relay_: Callable[[Asked], Awaitable[Reply]]
) -> Reply:
    """The provider's answer to a response in the background, which is held for and charged for when it ends.

    Raises `GatewayError`.
    """
    request.defers = True
    job = _background_job(request, ids.request_id())
    try:
        await services.jobs.open(job, None)
    except IndexLostError as problem:
        raise state_unknown(problem) from problem
    return await _to_its_end(_background_begun(request, job, services, relay_))


async def _background_begun(
    request: Admitted, job: OpenJob, services: Services, relay_: Callable[[Asked], Awaitable[Reply]]
) -> Reply:
    lease: Lease | None = None
    try:
        asked = await ask(request, services)
        # Another candidate may have answered than was asked first.
        job = _background_job(request, job.id)
        # What its request holds is about to be given back.
        with suppress(CountersLost):
            lease = await hold_for(job, services)
        reply = await relay_(asked)
    except BaseException:
        if lease is not None:
            lease.cancel()
        await services.jobs.drop(job)
        raise
    object_id = _id_in(reply.status, reply.data)
    told = None if object_id is None else progress(BACKGROUND, reply.data or b"")
    if object_id is None or told is None or told[0]:
        if lease is not None:
            lease.cancel()
        await services.jobs.drop(job)
    else:
        await services.jobs.began(msgspec.structs.replace(job, object_id=object_id), lease)
    return reply


async def hold_for(job: OpenJob, services: Services) -> Lease | None:
    """Holds what a job may cost, whatever budgets have room for. Raises `CountersLost`."""
    if not job.holds:
        return None
    lease = await services.counters.reserve([Hold(limit_of(one), one.amount) for one in job.holds])
    return None if isinstance(lease, Refusal) else lease


def _background_job(request: Admitted, id_: str) -> OpenJob:
    received, candidate = request.received, request.candidate
    provider = candidate.upstream.provider.name
    record = record_of(received, Ended(200, "ok"))
    holds: dict[str, BudgetHold] = {}
    for reservation in received.trail.reservations:
        add_most(holds, (*reservation.budgets, *reservation.margins))
    # Whoever was asked before failed.
    holds = {key: one for key, one in holds.items() if counts_target(one.budget, provider, candidate.model)}
    return OpenJob(
        id=id_,
        kind=BACKGROUND.name,
        virtual_key=identity_of_key(received, request.key),
        provider=identity_of_provider(received.snapshot.identities, provider),
        record=msgspec.structs.replace(record, request_id=id_, endpoint=BACKGROUND.name),
        holds=tuple(map(_as_held, holds.values())),
        endpoint=received.endpoint.name,
        models=(candidate.model,),
    )


def _id_in(status: int, data: bytes | None) -> str | None:
    """The id of what an answer says was made."""
    if status >= _ERRORS or data is None:
        return None
    try:
        id_ = _decode_object(data).get("id")
    except UNREADABLE:
        return None
    return id_ if isinstance(id_, str) and id_ else None


async def _judged(request: Admitted, kind: Deferred, services: Services) -> BatchRequests:
    """Every request of the batch, judged; from here on the body is the one that goes up."""
    received, key, body = request.received, request.key, request.body
    if not isinstance(body, JsonBody):
        raise GatewayError("unsupported_media_type", "A batch is made by a JSON object.")
    for name in ("input_file_id", "endpoint", "requests"):
        if body.is_ambiguous(name):
            raise GatewayError("bad_request", f"The body has {name!r} twice, or in another case; write it once.")
    home = None if request.home is None else request.home.provider
    requests = BatchRequests(received, key, services.habits, home)
    if kind is MESSAGE_BATCH:
        data = await beside(judged_requests, requests, body)
        await requests.check_ids(services)
        found = resolve_stored(received.snapshot, key, received.endpoint, requests.provider)
        request.candidates = found.candidates
        request.go_to(found.candidates[0])
        _go_up_as(request, data)
        return requests
    file_id, path = body.decoded("input_file_id"), body.decoded("endpoint")
    if not isinstance(file_id, str) or home is None:
        raise GatewayError("bad_request", "Name the file of the requests.", param="input_file_id")
    if path not in BATCHED:
        raise GatewayError("bad_request", f"A batch here calls one of {', '.join(BATCHED)}.", param="endpoint")
    inputs = await _inputs(received, key, file_id, request.candidate.upstream.provider, services)
    judging = _JudgedFile(requests, inputs, file_id, path)
    try:
        lines = await services.uploads.take(judging.pieces(), 2 * _LARGEST_INPUT)
    finally:
        _close(inputs)
    try:
        if not requests.count:
            raise GatewayError("bad_request", f"{file_id} has no requests.", param="input_file_id")
        await requests.check_ids(services)
        if judging.has_changed:
            changed = await _sent_up(request, lines, services)
            start, end = members_in(body.data, (0, len(body.data)))["input_file_id"]
            _go_up_as(request, apply(body.data, [Splice(start, end, msgspec.json.encode(changed))]))
    finally:
        lines.close()
    return requests


def _go_up_as(request: Admitted, data: bytes) -> None:
    if data != request.came.data:
        request.body = request.came = JsonBody(data)
        request.ruled = (*request.ruled, "requests")


class _JudgedFile:
    """The lines of a file of requests as they go up."""

    def __init__(self, requests: BatchRequests, inputs: Sequence[SpooledFile], file_id: str, path: str) -> None:
        self._requests = requests
        self._inputs = inputs
        self._file_id = file_id
        self._path = path
        self._number = 0
        self.has_changed = False

    async def pieces(self) -> AsyncIterator[bytes]:
        """All of them in turn, a few at a time. Raises `GatewayError` with the place of a line that is refused."""
        lines = self._lines()
        while judged := await beside(self._some, lines):
            yield judged

    def _some(self, lines: Iterator[bytes]) -> bytes:
        judged: list[bytes] = []
        for line in lines:
            judged.append(line)
            if len(judged) >= _AT_ONCE or len(line) > LONGEST_LINE // _AT_ONCE:
                break
        return b"".join(judged)

    def _lines(self) -> Iterator[bytes]:
        rest = b""
        for one in self._inputs:
            for piece in pieces_of_file(one.descriptor, 0, one.size):
                *lines, rest = (rest + piece).split(b"\n")
                yield from (self._judged(line) + b"\n" for line in lines)
                if len(rest) > LONGEST_LINE:
                    place = f"{self._file_id}:{self._number + 1}"
                    raise GatewayError("bad_request", f"{place}: A line has at most {LONGEST_LINE} bytes.", param=place)
        if rest:
            yield self._judged(rest)

    def _judged(self, line: bytes) -> bytes:
        self._number += 1
        if self._number > 2 * MOST_REQUESTS:
            raise GatewayError("bad_request", f"A file of requests has at most {2 * MOST_REQUESTS} lines.")
        if not line.strip():
            return line
        judged = judged_line(self._requests, line, f"{self._file_id}:{self._number}", self._path)
        self.has_changed = self.has_changed or judged != line
        return judged


async def _inputs(
    received: Received, key: CompiledKey, file_id: str, provider: Provider, services: Services
) -> Sequence[SpooledFile]:
    """What went up as a file: as it lies here, else as its provider has it, where that is the same."""
    digest = (await owned(received, key, services, [file_id]))[file_id].digest
    if not digest:
        raise GatewayError(
            "bad_request",
            f"{file_id} did not go up through this gateway as lines of JSON objects, so it cannot be judged: upload it "
            "here again, and make the batch of that.",
            param="input_file_id",
        )
    here = await _kept_here(digest, services)
    if here is not None:
        return here
    try:
        response = await call(provider, "files_content", {"id": file_id})
        try:
            if response.status >= _ERRORS:
                raise GatewayError(
                    "bad_request",
                    f"{file_id} is not on this node any more, and {provider.name} answered {response.status} when it "
                    "was asked for its content: upload it again.",
                    param="input_file_id",
                )
            fetched = await services.uploads.take(pieces_of(response), _LARGEST_INPUT)
        finally:
            await response.close()
    except UpstreamFailure as failure:
        raise failed(failure, provider.name) from failure
    try:
        is_same = await beside(_is, fetched, digest)
    except BaseException:
        fetched.close()
        raise
    if not is_same:
        fetched.close()
        raise GatewayError("bad_request", f"{file_id} is not what went up through this gateway.", param="input_file_id")
    return (fetched,)


async def _kept_here(digest: str, services: Services) -> Sequence[SpooledFile] | None:
    """The parts of a file, where all of them lie here. Whoever leaves meanwhile leaves none of them open."""
    found: list[SpooledFile] = []
    try:
        for one in digest.split(","):
            opened = await services.uploads.open(one)
            if opened is None:
                break
            found.append(opened)
        else:
            return found
    except BaseException:
        _close(found)
        raise
    _close(found)
    return None


def _close(files: Sequence[SpooledFile]) -> None:
    for one in files:
        one.close()


def _is(file: SpooledFile, digest: str) -> bool:
    """Whether a file is made of parts with these digests."""
    start = 0
    for one in digest.split(","):
        size, _, named = one.partition(":")
        if sha256_of_file(file.descriptor, start, min(start + int(size), file.size)) != named:
            return False
        start += int(size)
    return start == file.size


async def _sent_up(request: Admitted, lines: SpooledFile, services: Services) -> str:
    """The id of a new file of requests at the provider, which is the key's own as well."""
    provider = request.candidate.upstream.provider
    head = (
        f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nbatch\r\n--{_BOUNDARY}\r\n'
        'Content-Disposition: form-data; name="file"; filename="requests.jsonl"\r\n'
        "Content-Type: application/jsonl\r\n\r\n"
    )
    form = LongForm(lines.descriptor, [head.encode(), (0, lines.size), f"\r\n--{_BOUNDARY}--\r\n".encode()])
    content_type = f"multipart/form-data; boundary={_BOUNDARY}"
    try:
        response = await call(provider, "files_create", {}, upload=form, content_type=content_type)
        data = await whole_of(response)
    except UpstreamFailure as failure:
        raise failed(failure, provider.name) from failure
    id_ = _id_in(response.status, data)
    if id_ is None:
        raise GatewayError(
            "provider_error",
            f"The provider {provider.name} answered {response.status} when it was given the requests of the batch.",
            code="upstream_server_error",
        )
    await services.objects.remember([_stored(request.received, request.key, provider.name, id_, "batch.input")])
    return id_


def _stored(received: Received, key: CompiledKey, provider: str, id_: str, kind: str) -> StoredObject:
    holder = identity_of_provider(received.snapshot.identities, provider)
    own = identity_of_key(received, key)
    return StoredObject(id=id_, kind=kind, virtual_key=own, provider=holder, created_at=clock.microseconds())


async def _held(request: Admitted, requests: BatchRequests, services: Services) -> Lease | None:
    """Takes what the batch may cost of every budget. Raises `budget_exceeded`, or `overloaded` uncounted."""
    holds = [BudgetHold(one.limit, min(one.amount, _MOST), one.budget) for one in requests.holds.values()]
    if not holds:
        return None
    received = request.received
    refusal = await take(received, [*holds], services)
    if refusal is None:
        # It outlives its request.
        return received.trail.reservations.pop().lease
    assert isinstance(refusal.hold, BudgetHold)  # noqa: S101 - nothing else was asked for
    raise over_budget(refusal.hold, refusal.taken, clock.now(), None)


def _job(request: Admitted, kind: Deferred, requests: BatchRequests) -> OpenJob:
    received = request.received
    provider = request.candidate.upstream.provider.name
    models = tuple(requests.models)
    id_ = ids.request_id()
    record = msgspec.structs.replace(
        record_of(received, Ended(200, "ok")),
        request_id=id_,
        endpoint=kind.name,
        model=models[0] if len(models) == 1 else None,
    )
    input_id = request.body.decoded("input_file_id") if kind is BATCH else ""
    endpoint = BATCHED[request.body.decoded("endpoint")] if kind is BATCH else ENDPOINTS["messages"]
    return OpenJob(
        id=id_,
        kind=kind.name,
        virtual_key=identity_of_key(received, request.key),
        provider=identity_of_provider(received.snapshot.identities, provider),
        record=record,
        holds=tuple(map(_as_held, requests.holds.values())),
        endpoint=endpoint.name,
        models=models,
        input_id=input_id,
        most=requests.most,
        most_tokens=requests.most_tokens,
        count=requests.count,
    )


def _as_held(hold: BudgetHold) -> Held:
    limit = hold.limit
    return Held(limit.key, min(hold.amount, _MOST), limit.ceiling, limit.resets_at, limit.blocks, hold.budget.unit)


def limit_of(held: Held) -> Limit:
    """The counter of what is held by now, which nothing refuses."""
    return Limit(
        key=held.counter,
        dimension=Dimension.SPEND,
        ceiling=held.ceiling,
        window_s=0,
        resets_at=held.resets_at,
        blocks=False,
    )


class Outcome(NamedTuple):
    """What came of work: what it consumed and cost, and what is wrong with that.

    `tokens` and `answered` are the tokens and the answers that budgets count, also of what does not say its usage.
    """

    usage: Usage | None = None
    cost: int | None = None
    price: Price | None = None
    warning: str | None = None
    is_lost: bool = False
    tokens: int = 0
    answered: int = 0


async def look(job: OpenJob, snapshot: Snapshot, services: Services) -> Outcome | None:
    """What came of it, `None` while it goes on. Raises `UpstreamFailure` where nobody can tell at present."""
    kind, age = KINDS[job.kind], clock.microseconds() - job.created_at
    if age > _GIVEN_UP_US:
        return _as_held_for(job, snapshot)
    name = next(
        (one for one in snapshot.upstreams if identity_of_provider(snapshot.identities, one) == job.provider), None
    )
    if name is None:
        return None
    provider = snapshot.upstreams[name].provider
    object_id = job.object_id or await _sought(job, provider, services)
    if object_id is None:
        return Outcome(is_lost=True) if age > _LOST_US else None
    response = await call(provider, kind.fetched_at, {"id": object_id})
    data = await whole_of(response, LONGEST_LINE)
    if response.status == _NOT_FOUND:
        # It may have run. What was begun a moment ago may not be seen everywhere yet.
        return _as_held_for(job, snapshot) if age > _HEARD_OF_US else None
    told = None if response.status >= _ERRORS else progress(kind, data)
    if told is None or not told[0]:
        return None
    await _own(job, told[1], services)
    bill = _Bill(job, kind, snapshot, name)
    if kind.results_at is None:
        bill.add(data)
        return bill.outcome()
    for id_ in told[1] if kind.result_files else (object_id,):
        answers = await call(provider, kind.results_at, {"id": id_})
        try:
            if answers.status >= _ERRORS:
                return _as_held_for(job, snapshot) if answers.status == _NOT_FOUND else None
            await _read(answers, bill)
        finally:
            await answers.close()
    return bill.outcome()


async def _read(answers: UpstreamResponse, bill: "_Bill") -> None:
    """Adds up results, of which there may be many, or long ones, beside the event loop. Raises `UpstreamFailure`."""
    waiting: list[bytes] = []
    size = 0
    async for line in lines_of(answers, LONGEST_LINE):
        waiting.append(line)
        size += len(line)
        if len(waiting) >= _AT_ONCE or size >= LONG_BYTES:
            await beside(bill.add_all, waiting)
            waiting, size = [], 0
    await beside(bill.add_all, waiting)


async def _sought(job: OpenJob, provider: Provider, services: Services) -> str | None:
    """The id of a batch that nobody heard of, by its file; from here on the job has it, and it is its key's.

    A file may be that of several batches, of which those that somebody heard of are in the index by then. Raises
    `UpstreamFailure`, and `IndexLostError` where nobody can tell which these are.
    """
    now = clock.microseconds()
    if not job.input_id or now - job.created_at < _HEARD_OF_US:
        return None
    since = job.created_at // _MICROSECONDS - _CLOCKS_DIFFER_S
    until = (now - _HEARD_OF_US) // _MICROSECONDS + _CLOCKS_DIFFER_S
    listed = await _listed(provider, since)
    found = [one for one in listed if one.input_file_id == job.input_id and since <= one.created_at <= until]
    known = await services.objects.find(job.virtual_key, [one.id for one in found])
    unknown = sorted((one.created_at, one.id) for one in found if one.id not in known)
    if not unknown:
        return None
    _, id_ = unknown[0]
    await services.jobs.began(msgspec.structs.replace(job, object_id=id_))
    stored = StoredObject(
        id=id_, kind=BATCH.name, virtual_key=job.virtual_key, provider=job.provider, created_at=job.created_at
    )
    await services.objects.remember([stored])
    return id_


async def _listed(provider: Provider, since: int) -> Sequence[_ListedBatch]:
    """The batches of a provider's account, as far back as a moment, in seconds since the epoch.

    Raises `UpstreamFailure` where it does not say all of them.
    """
    listed: dict[str, _ListedBatch] = {}
    wanted: dict[str, str | int] = {"limit": _PAGE}
    for _ in range(_MOST_PAGES):
        response = await call(provider, "batches_list", {}, query=urlencode(wanted).encode())
        data = await whole_of(response, LONGEST_LINE)
        if response.status in _NO_SUCH_PATH:
            break
        try:
            page = _decode_list(data)
        except UNREADABLE:
            page = None
        if page is None or response.status >= _ERRORS:
            raise UpstreamFailure(FailureKind.PROTOCOL, f"its list of batches was answered by {response.status}")
        known = len(listed)
        listed.update((one.id, one) for one in page.data)
        # Who does not know `after` says the same again.
        if not page.has_more or len(listed) == known:
            break
        first, last = page.data[0], page.data[-1]
        if first.created_at >= last.created_at and last.created_at < since:
            break  # it begins with the newest
        wanted["after"] = last.id
    return tuple(listed.values())


async def _own(job: OpenJob, files: Sequence[str], services: Services) -> None:
    """Files of results are the key's whose batch it is."""
    now = clock.microseconds()
    kept = [
        StoredObject(id=id_, kind="file", virtual_key=job.virtual_key, provider=job.provider, created_at=now)
        for id_ in files
    ]
    if kept:
        await services.objects.remember(kept)


def _as_held_for(job: OpenJob, snapshot: Snapshot) -> Outcome:
    """What is charged where nobody can tell what was consumed: the most that it can be, or what the file says."""
    return Outcome(
        cost=_charged_unreported(job, snapshot, "usd"),
        warning=USAGE_NOT_REPORTED,
        tokens=_charged_unreported(job, snapshot, "tokens"),
        answered=_most_of(job, "requests"),
    )


def _charged_unreported(job: OpenJob, snapshot: Snapshot, unit: Unit) -> int:
    """Nano-USD or tokens that all of it is charged where none of it states its usage."""
    return _most_of(job, unit) if snapshot.in_force.charges_missing_usage else 0


def _most_of(job: OpenJob, unit: Unit) -> int:
    """What all of it may come to in a unit. Rows of the version before say it of money alone."""
    whole = {"usd": job.most, "tokens": job.most_tokens, "requests": job.count}[unit]
    return whole or max((one.amount for one in job.holds if one.unit == unit), default=0)


class _Bill:
    """What the answers of one job add up to."""

    def __init__(self, job: OpenJob, kind: Deferred, snapshot: Snapshot, provider: str) -> None:
        self._job = job
        self._kind = kind
        self._snapshot = snapshot
        self._provider = provider
        self._type = snapshot.upstreams[provider].provider.type
        self._endpoint = ENDPOINTS[job.endpoint]
        self._at = job.created_at / _MICROSECONDS
        self._figures: dict[str, int] = {}
        self._further: dict[str, int] = {}
        self._cost: int | None = None
        self._price: Price | None = None
        self._unpriced: dict[str, None] = {}
        self._count = 0
        self._answered = 0
        self._tokens = 0
        self._unreported = 0

    def add(self, line: bytes) -> None:
        """One answer."""
        self._count += 1
        answer = answer_in(self._kind, line)
        if answer is None:
            return
        self._answered += 1
        stated = self._endpoint.shape.read_usage(answer)
        if stated is None:
            self._unreported += self._endpoint.metered
            return
        usage = stated.usage
        self._tokens += stated.total_tokens
        for name in TOKENS:
            self._figures[name] = self._figures.get(name, 0) + getattr(usage, name)
        for name, count in (usage.further or {}).items():
            self._further[name] = self._further.get(name, 0) + count
        self._charge(stated)

    def add_all(self, lines: Sequence[bytes]) -> None:
        """Several answers."""
        for line in lines:
            self.add(line)

    def outcome(self) -> Outcome:
        """What it comes to."""
        further = self._further or msgspec.UNSET
        warning, cost = f"{UNPRICED}{', '.join(self._unpriced)}" if self._unpriced else None, self._cost
        tokens = self._tokens
        if self._unreported:
            # Of answers that do not say what they consumed it is their share.
            warning = USAGE_NOT_REPORTED
            cost = (cost or 0) + self._share_of_unreported("usd")
            tokens += self._share_of_unreported("tokens")
        usage = Usage(**self._figures, further=further)
        return Outcome(usage, cost, self._price, warning, tokens=tokens, answered=self._answered)

    def _share_of_unreported(self, unit: Unit) -> int:
        return _charged_unreported(self._job, self._snapshot, unit) * self._unreported // self._count

    def _charge(self, stated: Stated) -> None:
        costs = [(self._cost_as(model, stated), model) for model in self._models(stated)]
        priced = [cost for cost, _ in costs if cost is not None]
        if len(priced) < len(costs):
            self._unpriced.update((f"model {model}", None) for cost, model in costs if cost is None)
        if priced:
            dearest = max(priced, key=lambda cost: cost.nano_usd)
            self._cost = (self._cost or 0) + dearest.nano_usd
            self._price = dearest.price
            self._unpriced.update(dict.fromkeys(dearest.unpriced))

    def _cost_as(self, model: str, stated: Stated) -> AnswerCost | None:
        prices = self._snapshot.prices
        over_time = prices.of(self._provider, self._type, model)
        price, served = over_time.at(self._at), stated.served
        if self._kind.is_batch:
            tier = BATCH_TIER if price is not None and has_batch_price(price) else None
            served = msgspec.structs.replace(served or Served(), service_tier=tier)
        return cost_of(prices, self._provider, self._type, model, stated.usage, served, self._at, over_time)

    def _models(self, stated: Stated) -> Sequence[str]:
        """The models that may have been asked: the one that says to have served, else all of the batch."""
        models = self._job.models
        named = "" if stated.served is None else stated.served.model or ""
        fitting = [one for one in models if named.startswith(one)]
        return (max(fitting, key=len),) if fitting else models


def _share(job: OpenJob, outcome: Outcome, held: Held) -> int:
    """What counts against one budget: of a part of the requests, such as those of one person or model, their share."""
    whole = {"usd": outcome.cost or 0, "tokens": outcome.tokens, "requests": outcome.answered}[held.unit]
    most = _most_of(job, held.unit)
    # Rounded up: of many who have a part each, nobody goes free.
    return whole if held.amount >= most else -(-whole * held.amount // most)


def conclude(job: OpenJob, outcome: Outcome, lease: Lease | None, services: Services) -> None:
    """Charges what came of work, and tells ledger, log and metrics; its row in the ledger is the same each time."""
    cost = outcome.cost or 0
    shares = {one.counter: _share(job, outcome, one) for one in job.holds}
    if lease is not None:
        lease.settle(shares)
    else:
        services.counters.charge([(limit_of(one), shares[one.counter]) for one in job.holds])
    if outcome.is_lost:
        _log.warning("nobody heard of the id of a %s at %s: nothing is charged for it", job.kind, job.provider)
        return
    charges = tuple(Charge(counter, amount) for counter, amount in shares.items() if amount)
    duration_ms = (clock.microseconds() - job.created_at) // 1000
    settled_until = services.counters.settled_until() if charges else None
    template = job.record
    provider, price = template.provider or "", outcome.price
    record = msgspec.structs.replace(
        template,
        usage=outcome.usage,
        cost_nano_usd=outcome.cost,
        price_source=None if price is None else price.source,
        price=None if price is None else price.known,
        usage_warning=outcome.warning,
        budgets=charges,
        duration_ms=duration_ms,
        attempts=(AttemptRecord(provider, template.model or "", "ok", 0, duration_ms),),
        settled_until=msgspec.UNSET if settled_until is None else settled_until,
    )
    encoded = encode(record)
    services.ledger.append(encoded)
    log = services.decision_log
    if log is not None and log.has("ok", record.request_id):
        log.write(record, encoded, None, None, [])
    if outcome.usage is not None:
        services.metrics.usage(provider, template.model or "", outcome.usage, cost / NANO_PER_USD)
