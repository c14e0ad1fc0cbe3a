"""What a whole message of Anthropic's and a streamed one have in common: reading, the reason of the end, usage.

Source: https://docs.anthropic.com/en/api/messages (response).
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

import msgspec

from gateway.lanes.base import UntranslatableAnswer
from gateway.wire.json_tokens import without_lone_surrogates
from gateway.wire.unreadable import UNREADABLE

_Read = TypeVar("_Read")

BLOCKS: Final = ("text", "tool_use", "thinking", "redacted_thinking")
"""The kinds of blocks that a completion can hold. What servers' tools did is left out."""

_FINISH_REASONS: Final[Mapping[str, str]] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "pause_turn": "stop",
    "tool_use": "tool_calls",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "refusal": "content_filter",
}


class OutputDetails(msgspec.Struct):
    """What of the output was thinking."""

    thinking_tokens: int | None = None


class MessageUsage(msgspec.Struct):
    """`usage`; `input_tokens` leaves what the cache was read or written for out."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_input_tokens: int | None = None
    cache_creation_input_tokens: int | None = None
    output_tokens_details: OutputDetails | None = None

    def joined(self, later: "MessageUsage") -> "MessageUsage":
        """These figures with the later ones put in, which are cumulative."""
        merged = {
            name: getattr(self, name) if getattr(later, name) is None else getattr(later, name)
            for name in self.__struct_fields__
        }
        return MessageUsage(**merged)


class StopDetails(msgspec.Struct):
    """Why the model refused."""

    explanation: str | None = None


def finish_reason(stop_reason: str | None) -> str:
    """OpenAI's reason for one of Anthropic's; `stop` for those that OpenAI has no word for."""
    return _FINISH_REASONS.get(stop_reason or "", "stop")


def usage_of(usage: MessageUsage) -> dict[str, Any]:
    """Usage in OpenAI's form, where the prompt's tokens include cached ones."""
    read, written = usage.cache_read_input_tokens or 0, usage.cache_creation_input_tokens or 0
    prompt, output = (usage.input_tokens or 0) + read + written, usage.output_tokens or 0
    thinking = usage.output_tokens_details.thinking_tokens if usage.output_tokens_details is not None else None
    return {
        "prompt_tokens": prompt,
        "completion_tokens": output,
        "total_tokens": prompt + output,
        "prompt_tokens_details": {"cached_tokens": read, "cache_write_tokens": written},
        "completion_tokens_details": {"reasoning_tokens": thinking or 0},
    }


def read(decode: Callable[[bytes], _Read], data: bytes) -> _Read:
    """What a decoder makes of JSON from Anthropic. Raises `UntranslatableAnswer`."""
    try:
        return decode(data)
    except UNREADABLE:
        # Text that was cut within a pair of surrogates, which msgspec refuses and JSON allows.
        mended = without_lone_surrogates(data)
    try:
        return decode(mended)
    except UNREADABLE as problem:
        raise UntranslatableAnswer(f"it is no message of Anthropic's ({type(problem).__name__})") from None
