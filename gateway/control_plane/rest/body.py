"""Bodies of requests: bounded, JSON, of a declared type, with no member that is not known and none twice."""

import asyncio
import json
from typing import Any, Final, TypeVar

import falcon.asgi
import msgspec

from gateway.control_plane.errors import ApiError
from gateway.control_plane.rest.members import first_repeated, first_unknown, unique

MOST_BYTES: Final = 4 * 1024 * 1024
"""One change, with room for the longest rules."""
MOST_BYTES_OF_A_CONFIGURATION: Final = 64 * 1024 * 1024
"""A file of 100,000 keys fits."""
_AT_ONCE: Final = 64 * 1024

Body = TypeVar("Body")


async def read_body(
    request: falcon.asgi.Request,
    type_: type[Body],
    *,
    at_most: int = MOST_BYTES,
    if_empty: Body | None = None,
    of_other_versions: bool = False,
) -> Body:
    """The body as a value. Raises `ApiError` for one that is too large or not what belongs here.

    Args:
        request: Whose body it is.
        type_: What belongs here.
        at_most: Bytes.
        if_empty: The value of no body; without it there has to be one.
        of_other_versions: Whoever sends it may know of members that this version does not; those are left out.
    """
    if (request.content_length or 0) > at_most:
        raise _too_large(at_most)
    content = bytearray()
    async for chunk in request.stream:
        content += chunk
        if len(content) > at_most:
            raise _too_large(at_most)
    if not content and if_empty is not None:
        return if_empty
    if len(content) <= _AT_ONCE:
        return _read(bytes(content), type_, of_other_versions=of_other_versions)
    # PERF: a whole configuration takes a while, and others wait for the event loop.
    return await asyncio.to_thread(_read, bytes(content), type_, of_other_versions=of_other_versions)


def _read(content: bytes, type_: type[Body], *, of_other_versions: bool) -> Body:
    try:
        read = msgspec.json.decode(content, type=type_)
        tree: Any = json.loads(content, object_pairs_hook=unique)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        # msgspec's words name types and places, never values.
        known = isinstance(error, msgspec.DecodeError)
        reason = str(error) if known else "it is nested too deep" if isinstance(error, RecursionError) else "no JSON"
        raise _unreadable(reason) from None
    if (place := first_repeated(tree)) is not None:
        raise _unreadable(f"`{place}` is there twice", place)
    if not of_other_versions and (place := first_unknown(tree, type_)) is not None:
        raise _unreadable(f"there is no `{place}` here", place)
    return read


def _too_large(at_most: int) -> ApiError:
    return ApiError("payload_too_large", f"The body has {at_most:,} bytes at most here.")


def _unreadable(reason: str, place: str | None = None) -> ApiError:
    return ApiError("bad_request", f"The body cannot be read: {reason}.", code="invalid_body", param=place)
