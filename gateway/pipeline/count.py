"""How long a prompt is, where its provider speaks another API than the client: by the provider's own counter.

Where it has none, or none that answers, it is the gateway's own estimate, marked as such.
"""

import asyncio
from dataclasses import replace
from typing import Final

import msgspec

from gateway import clock
from gateway.lanes.base import Json
from gateway.lanes.counters import COUNTS, Counter
from gateway.money.estimate import bound_input
from gateway.pipeline.ask import gather, send
from gateway.pipeline.holds import prompt_tokens
from gateway.pipeline.outbound import document_of, is_strict, prepare_body, translated
from gateway.pipeline.relay import Reply
from gateway.pipeline.services import Services
from gateway.pipeline.settle import settle
from gateway.pipeline.states import Admitted, Ended, Outbound
from gateway.snapshot.snapshot import Lane
from gateway.turns import LONG_BYTES, beside
from gateway.upstream.failure import FailureKind, UpstreamFailure
from gateway.upstream.request import UpstreamResponse
from gateway.wire.json_body import JsonBody

_ESTIMATED: Final = ("x-langwatch-usage-warning", "input-tokens-estimated")
_PATIENCE_S: Final = 10.0
_OK: Final = 200


async def count(request: Admitted, services: Services) -> Reply:
    """The answer of the counter that the client asks. Raises `GatewayError` for a request that could not be asked."""
    is_long = len(request.body.data) >= LONG_BYTES
    body = await beside(_going_up, request) if is_long else _going_up(request)
    headers = [("content-type", "application/json")]
    counter = request.candidate.lane.counter
    tokens = None if counter is None else await _counted(request, services, counter, body)
    if tokens is None:
        tokens = await beside(_estimate, request, body) if is_long else _estimate(request, body)
        headers.append(_ESTIMATED)
    settle(request.received, services, Ended(_OK, "ok"))
    answer = COUNTS[request.received.endpoint.name].answer(tokens)
    return Reply(_OK, headers, data=msgspec.json.encode(answer))


def _going_up(request: Admitted) -> Json:
    """The request as its provider would get it."""
    candidate, translation = request.candidate, request.candidate.lane.translation
    if translation is None:
        return JsonBody(prepare_body(request, candidate).body).document()
    document = COUNTS[request.received.endpoint.name].request(document_of(request))
    return translated(request, candidate, translation, document, strict=is_strict(request.body)).body


def _estimate(request: Admitted, body: Json) -> int:
    lane = request.candidate.lane
    if lane.translation is None:
        return prompt_tokens(request)
    return bound_input(msgspec.json.encode(body), lane.endpoint.shape.media.found_in).tokens


async def _counted(request: Admitted, services: Services, counter: Counter, body: Json) -> int | None:
    """What the provider's counter says; `None` where it says nothing within a while, or is not to be asked."""
    candidate = request.candidate
    provider = candidate.upstream.provider
    if services.breakers.retry_after_s(provider.name, None) > 0:
        return None
    model = provider.wire_model(counter.endpoint, candidate.model)
    asked = msgspec.json.encode(counter.body(body, model, provider.type))
    # What goes up is no body of the client's.
    request.go_to(replace(candidate, lane=Lane(counter.endpoint, candidate.lane.translation, counts=True)))
    began, outcome = clock.monotonic(), FailureKind.TIMEOUT.value
    tokens = None
    try:
        async with asyncio.timeout(_PATIENCE_S):
            response = await send(request, services, Outbound(asked, "translated"), _PATIENCE_S, None)
            outcome, tokens = await _read(response, counter)
    except UpstreamFailure as failure:
        outcome = failure.kind.value
    except TimeoutError:
        pass
    request.attempted(candidate, outcome, began)
    request.go_to(candidate)
    return tokens


async def _read(response: UpstreamResponse, counter: Counter) -> tuple[str, int | None]:
    """How the call ended, and the tokens that were counted."""
    failure: BaseException | None = None
    pieces: list[bytes] = []
    try:
        pieces, _ = await gather(response)
    except BaseException as error:  # noqa: BLE001 - raised below: compiled code cannot await where it is caught
        failure = error
    await response.close()
    if failure is not None:
        raise failure
    if response.status != _OK:
        return str(response.status), None
    return "ok", counter.read(b"".join(pieces))
