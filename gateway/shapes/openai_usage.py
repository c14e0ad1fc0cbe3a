"""Usage in OpenAI's shapes: chat, completions, embeddings, responses, images and transcriptions.

Field names: https://platform.openai.com/docs/api-reference. Chat says `prompt_tokens` and `completion_tokens`, the
newer endpoints `input_tokens` and `output_tokens`; details stand beside them under matching names.
"""

from gateway.shapes.figures import detail, first
from gateway.shapes.openai_answer import (
    ABSENT,
    StatedUsage,
    decode_answer,
    decode_response,
    decode_usage,
)
from gateway.usage import Usage
from gateway.wire.json_tail import usage_object
from gateway.wire.unreadable import UNREADABLE


def read_body(body: bytes) -> Usage | None:
    """The usage of a whole response; `None` when it states none that can be read."""
    return read_event(None, body)


def read_event(known: Usage | None, data: bytes) -> Usage | None:
    """The usage known so far, or that of this event when it states one."""
    try:
        answer = decode_answer(data)
        usage = answer.usage
        if usage is ABSENT and answer.response is not ABSENT:
            usage = decode_response(answer.response).usage
        return known if usage is ABSENT else _usage(decode_usage(usage)) or known
    except UNREADABLE:
        return known


def read_usage_object(data: bytes) -> Usage | None:
    """The usage in the object that stands behind `"usage":`."""
    try:
        return _usage(decode_usage(data))
    except UNREADABLE:
        return None


def find_usage(tail: bytes) -> Usage | None:
    """The usage at the end of a large answer, `None` when it does not stand whole in the bytes."""
    found = usage_object(tail)
    return None if found is None else read_usage_object(found)


def _usage(stated: StatedUsage) -> Usage | None:
    input_tokens = first(stated.prompt_tokens, stated.input_tokens)
    output_tokens = first(stated.completion_tokens, stated.output_tokens)
    if input_tokens is None and output_tokens is None:
        return None
    inputs = stated.prompt_tokens_details or stated.input_tokens_details or stated.input_token_details
    outputs = stated.completion_tokens_details or stated.output_tokens_details
    if inputs is None and outputs is None:
        return Usage(input_tokens=input_tokens or 0, output_tokens=output_tokens or 0)
    return Usage(
        input_tokens=input_tokens or 0,
        output_tokens=output_tokens or 0,
        cache_read_tokens=detail(inputs, "cached_tokens"),
        cache_write_tokens=detail(inputs, "cache_write_tokens"),
        reasoning_tokens=detail(outputs, "reasoning_tokens"),
        input_audio_tokens=detail(inputs, "audio_tokens"),
        output_audio_tokens=detail(outputs, "audio_tokens"),
    )
