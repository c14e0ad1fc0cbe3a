"""An error of OpenAI's shape becomes one of Anthropic's.

Sources: https://platform.openai.com/docs/guides/error-codes, https://docs.anthropic.com/en/api/errors.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from gateway.wire.json_tokens import without_lone_surrogates
from gateway.wire.unreadable import UNREADABLE

_TYPES: Final[Mapping[int, str]] = {
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    504: "timeout_error",
    529: "overloaded_error",
}
_SERVER_ERROR: Final = 500


def translate_error(status: int, body: bytes) -> bytes:
    """See `Translation.error`. The provider's finer name stays as `code`: its own code, or else its type."""
    stated = _stated(body)
    message = stated.get("message")
    if not isinstance(message, str) or not message:
        message = f"The provider answered with status {status} and said no more."
    error: dict[str, Any] = {"type": error_type(status), "message": message}
    code = next((name for name in (stated.get("code"), stated.get("type")) if isinstance(name, str) and name), None)
    if code is not None:
        error["code"] = code
    if isinstance(stated.get("param"), str):
        error["param"] = stated["param"]
    return msgspec.json.encode({"type": "error", "error": error})


def error_type(status: int) -> str:
    """Anthropic's type of error for a status."""
    return _TYPES.get(status, "api_error" if status >= _SERVER_ERROR else "invalid_request_error")


def _stated(body: bytes) -> Mapping[str, Any]:
    """The error object; providers also send it in an array, as a string, or without the envelope."""
    try:
        answer = msgspec.json.decode(without_lone_surrogates(body))
    except UNREADABLE:
        return {}
    if isinstance(answer, list) and answer:
        answer = answer[0]
    if not isinstance(answer, dict):
        return {}
    error = answer.get("error", answer)
    if isinstance(error, str):
        return {"message": error}
    return error if isinstance(error, dict) else {}
