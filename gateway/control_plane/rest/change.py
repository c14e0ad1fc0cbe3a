"""How resources of the API change something: once for each `Idempotency-Key`, in one transaction."""

import hashlib
import re
from collections.abc import Callable
from typing import Final

import falcon.asgi
import msgspec
from sqlalchemy import Connection

from gateway import clock
from gateway.control_plane.errors import ApiError
from gateway.control_plane.repeats import Asked, Told, once
from gateway.control_plane.rest.refusals import as_api_errors
from gateway.control_plane.rest.route import answer
from gateway.control_plane.services import Services

_KEY: Final = re.compile(r"[\x21-\x7e]{1,255}")


async def carry_out(
    services: Services,
    request: falcon.asgi.Request,
    response: falcon.asgi.Response,
    body: object,
    change: Callable[[Connection], Told],
) -> None:
    """Makes the change and tells of it. `body` is what the request has, for telling requests from each other."""
    asked = _asked(request, body)
    with as_api_errors():
        told = await services.database.write(lambda connection: once(connection, services.vault, asked, change))
    answer(response, told.body)
    if told.revision is not None:
        response.set_header("ETag", f'"{told.revision}"')


def told_of(body: object, revision: int | None = None) -> Told:
    """An answer with this body."""
    return Told(msgspec.Raw(msgspec.json.encode(body)), revision)


def _asked(request: falcon.asgi.Request, body: object) -> Asked | None:
    key = request.get_header("Idempotency-Key")
    if key is None:
        return None
    if not _KEY.fullmatch(key):
        message = "Idempotency-Key is 1 to 255 characters of ASCII without spaces, such as a UUID."
        raise ApiError("bad_request", message, param="Idempotency-Key")
    preconditions = (request.get_header("If-Match"), request.get_header("If-None-Match"))
    whole = msgspec.json.encode((request.method, request.path, preconditions, body))
    return Asked(request.context.token.id, key, hashlib.sha256(whole).hexdigest(), clock.microseconds())
