"""What may become the input of a batch, remembered as it went up: the batch is judged by that, and by nothing else."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from gateway.errors import GatewayError
from gateway.ledger.stored_entry import StoredObject
from gateway.pipeline.homes import owned
from gateway.pipeline.services import Services
from gateway.pipeline.states import Asked
from gateway.wire.multipart import MultipartBody
from gateway.wire.unreadable import UNREADABLE

_MOST_PARTS: Final = 64
_decode_object: Final = msgspec.json.Decoder(dict[str, Any]).decode


async def with_digest(asked: Asked, stored: Sequence[StoredObject], services: Services) -> Sequence[StoredObject]:
    """What an upload has made, with the digest of what went up; without one it may be everything but such input."""
    body = asked.admitted.came
    if isinstance(body, MultipartBody):
        try:
            digest = await services.uploads.keep(body, is_part=bool(asked.received.endpoint.named))
        except GatewayError:  # it is there; what cannot be kept of it can be uploaded again
            return stored
    else:
        digest = await _of_parts(asked, services)
    return [msgspec.structs.replace(one, digest=digest) for one in stored]


async def _of_parts(asked: Asked, services: Services) -> str:
    """The digest of an upload that is complete: those of its parts, in the order in which they make the file."""
    admitted = asked.admitted
    try:
        parts = _decode_object(admitted.came.data).get("part_ids")
    except UNREADABLE:
        return ""
    if (
        not isinstance(parts, list)
        or not 0 < len(parts) <= _MOST_PARTS
        or not all(isinstance(one, str) for one in parts)
    ):
        return ""
    try:
        found = await owned(asked.received, admitted.key, services, parts)
    except GatewayError:
        return ""
    digests = [found[one].digest if one in found else "" for one in parts]
    return ",".join(digests) if all(digests) else ""
