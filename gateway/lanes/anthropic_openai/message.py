"""What a whole Message and a streamed one have in common: ids, the reason of the end, usage.

Source: https://docs.anthropic.com/en/api/messages (response) and
https://docs.anthropic.com/en/api/handling-stop-reasons.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from gateway.lanes.base import Asked
from gateway.shapes.chat import EVENTS
from gateway.shapes.ending import Stop
from gateway.usage import Usage

_USABLE_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,128}")
_STOP_REASONS: Final[Mapping[Stop, str]] = {Stop.LENGTH: "max_tokens", Stop.FILTERED: "refusal"}
_decode_object = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


def message_id(given: Any, asked: Asked) -> str:
    """The id of the Message, made from the completion's, or from the request's where that has none."""
    if isinstance(given, str) and _USABLE_ID.fullmatch(given):
        return "msg_" + given.removeprefix("chatcmpl-").removeprefix("msg_")
    return "msg_" + asked.request_id.removeprefix("grq_")


def tool_use_id(given: str, asked: Asked, position: int) -> str:
    """The provider's id of the call, so that its result finds it, or one made from the request's."""
    return given or f"toolu_{asked.request_id.removeprefix('grq_')}_{position}"


def stop_reason(finish_reason: str | None, *, uses_tools: bool, refused: bool) -> str:
    """Why the model stopped. Calls decide over `stop`, which OpenAI says where the request forced the function."""
    if refused:
        return "refusal"
    known = EVENTS.stops.get(finish_reason or "", Stop.FINISHED)
    return _STOP_REASONS.get(known, "tool_use" if uses_tools else "end_turn")


def usage_of(usage: Usage | None) -> dict[str, Any]:
    """Anthropic's usage: its `input_tokens` leave out what was read from and written to the cache."""
    usage = usage or Usage()
    cached = usage.cache_read_tokens + usage.cache_write_tokens
    stated: dict[str, Any] = {
        "input_tokens": max(0, usage.input_tokens - cached),
        "cache_creation_input_tokens": usage.cache_write_tokens,
        "cache_read_input_tokens": usage.cache_read_tokens,
        "output_tokens": usage.output_tokens,
    }
    if usage.reasoning_tokens:
        stated["output_tokens_details"] = {"thinking_tokens": usage.reasoning_tokens}
    return stated


def is_json_object(arguments: str) -> bool:
    """Whether the arguments of a call are one whole JSON object."""
    try:
        _decode_object(arguments)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return False
    return True
