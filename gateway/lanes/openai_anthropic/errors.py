"""An error of Anthropic's becomes one of OpenAI's shape.

Sources: https://docs.anthropic.com/en/api/errors and https://platform.openai.com/docs/guides/error-codes.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from gateway.wire.json_tokens import without_lone_surrogates
from gateway.wire.unreadable import UNREADABLE

_SERVER_ERROR = 500


def translate_error(status: int, body: bytes) -> bytes:
    """See `Translation.error`. Anthropic's type stays as it is, where it states one."""
    stated = _stated(body)
    message, kind = stated.get("message"), stated.get("type")
    error: dict[str, Any] = {
        "message": message
        if isinstance(message, str) and message
        else f"The provider answered with status {status} and said no more.",
        "type": kind if isinstance(kind, str) and kind else _type_of(status),
        "param": None,
        "code": None,
    }
    return msgspec.json.encode({"error": error})


def _type_of(status: int) -> str:
    return "server_error" if status >= _SERVER_ERROR else "invalid_request_error"


def _stated(body: bytes) -> Mapping[str, Any]:
    try:
        answer = msgspec.json.decode(without_lone_surrogates(body))
    except UNREADABLE:
        return {}
    error = answer.get("error") if isinstance(answer, dict) else None
    return error if isinstance(error, dict) else {}
