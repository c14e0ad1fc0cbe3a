"""What a whole completion and a streamed one have in common: ids, the reason of the end, usage.

Sources: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseResponse.html,
https://platform.openai.com/docs/api-reference/chat/object.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

import msgspec

from gateway.lanes.base import UntranslatableAnswer
from gateway.wire.json_tokens import without_lone_surrogates
from gateway.wire.unreadable import UNREADABLE

_Read = TypeVar("_Read")

_FINISH_REASONS: Final[Mapping[str, str]] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "tool_use": "tool_calls",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "content_filtered": "content_filter",
    "guardrail_intervened": "content_filter",
}


class TokenUsage(msgspec.Struct, rename="camel"):
    """`TokenUsage` of the API; `inputTokens` leaves what the cache was read or written for out."""

    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_input_tokens: int | None = None
    cache_write_input_tokens: int | None = None


def finish_reason(stop_reason: str) -> str:
    """OpenAI's reason for one of Converse's; `stop` for those that OpenAI has no word for."""
    return _FINISH_REASONS.get(stop_reason, "stop")


def usage_of(usage: TokenUsage) -> dict[str, Any]:
    """Usage in OpenAI's form, where the prompt's tokens include cached ones."""
    read, written = usage.cache_read_input_tokens or 0, usage.cache_write_input_tokens or 0
    prompt = usage.input_tokens + read + written
    return {
        "prompt_tokens": prompt,
        "completion_tokens": usage.output_tokens,
        "total_tokens": prompt + usage.output_tokens,
        "prompt_tokens_details": {"cached_tokens": read, "cache_write_tokens": written},
    }


def read(decode: Callable[[bytes], _Read], data: bytes) -> _Read:
    """What a decoder makes of JSON from Bedrock. Raises `UntranslatableAnswer`."""
    try:
        return decode(data)
    except UNREADABLE:
        # Text that was cut within a pair of surrogates, which msgspec refuses and JSON allows.
        mended = without_lone_surrogates(data)
    try:
        return decode(mended)
    except UNREADABLE as problem:
        raise UntranslatableAnswer(f"it is no answer of Converse ({type(problem).__name__})") from None
