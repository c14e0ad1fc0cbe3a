"""Where usage stands in OpenAI's answers, decoded without looking at the rest."""

from typing import Any, Final

import msgspec

ABSENT: Final = msgspec.Raw()
"""What stands for a member that is not there."""


class StatedUsage(msgspec.Struct):
    """The figures under all their names, unchecked."""

    prompt_tokens: Any = None
    completion_tokens: Any = None
    input_tokens: Any = None
    output_tokens: Any = None
    prompt_tokens_details: Any = None
    completion_tokens_details: Any = None
    input_tokens_details: Any = None
    input_token_details: Any = None
    output_tokens_details: Any = None


class _Response(msgspec.Struct):
    usage: msgspec.Raw = ABSENT


class _Answer(msgspec.Struct):
    """A whole body, a chunk, or an event whose response carries the usage."""

    usage: msgspec.Raw = ABSENT
    response: msgspec.Raw = ABSENT


decode_answer = msgspec.json.Decoder(_Answer).decode
decode_response = msgspec.json.Decoder(_Response).decode
decode_usage = msgspec.json.Decoder(StatedUsage).decode
