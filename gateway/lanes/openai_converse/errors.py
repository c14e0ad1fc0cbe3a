"""An error of Bedrock's becomes one of OpenAI's shape.

Sources: https://docs.aws.amazon.com/bedrock/latest/APIReference/CommonErrors.html and the errors of Converse,
https://platform.openai.com/docs/guides/error-codes. The exception's name is in a header, which a translation does not
see, and in some bodies as `__type`.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from gateway.wire.json_tokens import without_lone_surrogates
from gateway.wire.unreadable import UNREADABLE

_TYPES: Final[Mapping[int, str]] = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    408: "timeout_error",
    429: "rate_limit_error",
}
_SERVER_ERROR: Final = 500


def translate_error(status: int, body: bytes) -> bytes:
    """See `Translation.error`. The exception's name, where the body has it, stays as `code`."""
    stated = _stated(body)
    messages = (stated.get("message"), stated.get("Message"))
    message = next((text for text in messages if isinstance(text, str) and text), None)
    name = stated.get("__type")
    error: dict[str, Any] = {
        "message": message or f"The provider answered with status {status} and said no more.",
        "type": _TYPES.get(status, "server_error" if status >= _SERVER_ERROR else "invalid_request_error"),
        "param": None,
        "code": name.rpartition("#")[2] if isinstance(name, str) and name else None,
    }
    return msgspec.json.encode({"error": error})


def _stated(body: bytes) -> Mapping[str, Any]:
    try:
        answer = msgspec.json.decode(without_lone_surrogates(body))
    except UNREADABLE:
        return {}
    return answer if isinstance(answer, dict) else {}
