"""The stages of a request, in order: the lists are the documentation.

1. `authenticate`, before the body is read, so that strangers cannot make the gateway buffer anything
2. the body is read and its facts are found, without changing it
3. `limit`, `judge`, `resolve`, `cache_mode`, `budget` judge without I/O; they only ask for holds
4. `reserve` takes every hold at once
5. `dispatch` waits for the head of the provider's answer
6. `relay` hands the answer on, and `settle` ends the request exactly once, whatever happened
"""

import asyncio
from collections.abc import Awaitable, Callable
from http import HTTPStatus

from gateway.errors import GatewayError
from gateway.pipeline.authenticate import authenticate
from gateway.pipeline.budget import budget
from gateway.pipeline.cache_mode import cache_mode
from gateway.pipeline.dispatch import dispatch
from gateway.pipeline.exchange import Exchange
from gateway.pipeline.judge import judge
from gateway.pipeline.limit import limit
from gateway.pipeline.relay import relay
from gateway.pipeline.reply import Reply
from gateway.pipeline.reserve import reserve, reserve_limits
from gateway.pipeline.resolve import resolve
from gateway.pipeline.services import Services
from gateway.pipeline.settle import CLIENT_CLOSED, LEDGER_FULL, settle
from gateway.pipeline.trace import capture, sample
from gateway.wire.request_body import RequestBody

JUDGES = (limit, judge, resolve, cache_mode, budget)

ReadBody = Callable[[], Awaitable[RequestBody]]


async def run(exchange: Exchange, services: Services, read_body: ReadBody) -> Reply:
    """Takes a request through its stages. Raises `GatewayError` for what the gateway refuses or cannot do.

    When the call returns a streaming reply, the reply's `close` settles; in every other case it is settled here.
    """
    services.metrics.request_started()
    try:
        try:
            authenticate(exchange)
        finally:
            sample(exchange, services)
        await _read(exchange, services, read_body)
        capture(exchange)
        await _admit(exchange, services)
        await dispatch(exchange, services)
        return await relay(exchange, services)
    except GatewayError as error:
        outcome = "failed" if exchange.attempts else "refused"
        settle(
            exchange,
            services,
            status=error.status,
            outcome=outcome,
            error_type=error.type,
            error_code=error.code,
            denial=error.denial,
        )
        raise
    except asyncio.CancelledError:
        settle(exchange, services, status=CLIENT_CLOSED, outcome=exchange.cancelled_as)
        raise
    except BaseException:
        settle(exchange, services, status=500, outcome="failed", error_type="internal_error")
        raise


async def _read(exchange: Exchange, services: Services, read_body: ReadBody) -> None:
    """Reads the body. One that cannot be read counts against the key's limits: reading it is work too."""
    try:
        exchange.body = await read_body()
    except GatewayError as error:
        if error.status < HTTPStatus.INTERNAL_SERVER_ERROR:
            limit(exchange)
            await reserve_limits(exchange, services)
        raise


async def _admit(exchange: Exchange, services: Services) -> None:
    """Judges, then takes the holds. Nobody is admitted whose entry might find no room in the ledger.

    A refusal by a judge still counts against the key's rate limits, and when the limits refuse too, theirs wins: they
    come first in the order, and a client that is refused over and over must not be free to go on.
    """
    if services.ledger.refuses:
        raise GatewayError(
            "overloaded",
            "The ledger takes no more entries at present.",
            code=LEDGER_FULL,
            headers={"retry-after": "5"},
        )
    try:
        for judges in JUDGES:
            judges(exchange)
    except GatewayError:
        await reserve_limits(exchange, services)
        raise
    await reserve(exchange, services)
