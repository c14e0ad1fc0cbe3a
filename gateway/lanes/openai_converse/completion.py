"""What a whole completion and a streamed one have in common: reading, the reason of the end.

Sources: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseResponse.html,
https://platform.openai.com/docs/api-reference/chat/object.
"""

from collections.abc import Callable, Mapping
from typing import Final, TypeVar

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


def finish_reason(stop_reason: str) -> str:
    """OpenAI's reason for one of Converse's; `stop` for those that OpenAI has no word for."""
    return _FINISH_REASONS.get(stop_reason, "stop")


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
