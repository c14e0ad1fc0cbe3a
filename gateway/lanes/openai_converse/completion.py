"""What a whole completion and a streamed one have in common: reading, the reason of the end.

Sources: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseResponse.html,
https://platform.openai.com/docs/api-reference/chat/object.
"""

from collections.abc import Callable
from typing import TypeVar

from gateway.lanes.base import UntranslatableAnswer
from gateway.wire.json_tokens import without_lone_surrogates
from gateway.wire.unreadable import UNREADABLE

_Read = TypeVar("_Read")


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
