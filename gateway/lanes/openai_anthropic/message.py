"""What a whole message of Anthropic's and a streamed one have in common: reading, the reason of the end, usage.

Source: https://docs.anthropic.com/en/api/messages (response).
"""

from collections.abc import Callable
from typing import Any, Final, TypeVar

from gateway.lanes import chat_completion
from gateway.lanes.base import UntranslatableAnswer, said
from gateway.usage import Usage
from gateway.wire.json_tokens import without_lone_surrogates
from gateway.wire.unreadable import UNREADABLE

_Read = TypeVar("_Read")

BLOCKS: Final = ("text", "tool_use", "thinking", "redacted_thinking")
"""The kinds of blocks that a completion can hold. What servers' tools did is left out."""


def refusal_of(stop_details: Any) -> str:
    """Why the model refused, in its own words where it has any."""
    explained = said(stop_details.get("explanation")) if isinstance(stop_details, dict) else ""
    return explained or "The model declined to answer."


def usage_of(usage: Usage) -> dict[str, Any]:
    """Usage in OpenAI's form, with what of the output was thinking."""
    return {
        **chat_completion.usage_of(usage),
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
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
