"""Bodies of requests: bounded, JSON, of a declared type."""

from typing import Final, TypeVar

import falcon.asgi
import msgspec

from gateway.control_plane.errors import ApiError

MAX_BODY_BYTES: Final = 64 * 1024 * 1024
"""A file of 100,000 keys fits."""

Body = TypeVar("Body")


async def read_body(request: falcon.asgi.Request, type_: type[Body]) -> Body:
    """The body as a value. Raises `ApiError` for one that is too large or not what belongs here."""
    if (request.content_length or 0) > MAX_BODY_BYTES:
        raise ApiError("payload_too_large", f"A body has {MAX_BODY_BYTES:,} bytes at most.")
    content = bytearray()
    async for chunk in request.stream:
        content += chunk
        if len(content) > MAX_BODY_BYTES:
            raise ApiError("payload_too_large", f"A body has {MAX_BODY_BYTES:,} bytes at most.")
    try:
        return msgspec.json.decode(bytes(content), type=type_)
    except (msgspec.DecodeError, RecursionError) as error:
        # msgspec's words name types and places, never values.
        reason = "it is nested too deep" if isinstance(error, RecursionError) else str(error)
        raise ApiError("bad_request", f"The body cannot be read: {reason}.", code="invalid_body") from None
