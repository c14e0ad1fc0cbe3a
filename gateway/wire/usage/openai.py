"""Usage in OpenAI's shapes: chat, completions, embeddings, responses, images and transcriptions.

Field names: https://platform.openai.com/docs/api-reference. Chat says `prompt_tokens` and `completion_tokens`, the
newer endpoints `input_tokens` and `output_tokens`; details stand beside them under matching names.
"""

from typing import Any

import msgspec

from gateway.usage import Usage

_Count = Any


class _Details(msgspec.Struct):
    cached_tokens: _Count = None
    cache_write_tokens: _Count = None
    audio_tokens: _Count = None
    reasoning_tokens: _Count = None


class _Usage(msgspec.Struct):
    prompt_tokens: _Count = None
    completion_tokens: _Count = None
    input_tokens: _Count = None
    output_tokens: _Count = None
    prompt_tokens_details: _Details | None = None
    completion_tokens_details: _Details | None = None
    input_tokens_details: _Details | None = None
    input_token_details: _Details | None = None
    output_tokens_details: _Details | None = None


class _Response(msgspec.Struct):
    usage: _Usage | None = None


class _Answer(msgspec.Struct):
    """A whole body, a chunk, or an event whose response carries the usage."""

    usage: _Usage | None = None
    response: _Response | None = None


_decode_answer = msgspec.json.Decoder(_Answer).decode
_decode_usage = msgspec.json.Decoder(_Usage).decode


def read_body(body: bytes) -> Usage | None:
    """The usage of a whole response; `None` when it states none that can be read."""
    return read_event(None, body)


def read_event(known: Usage | None, data: bytes) -> Usage | None:
    """The usage known so far, or that of this event when it states one."""
    try:
        answer = _decode_answer(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return known
    stated = answer.usage or (answer.response.usage if answer.response is not None else None)
    return known if stated is None else _usage(stated) or known


def read_usage_object(data: bytes) -> Usage | None:
    """The usage in the object that stands behind `"usage":`."""
    try:
        return _usage(_decode_usage(data))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _usage(stated: _Usage) -> Usage | None:
    input_tokens = stated.prompt_tokens if stated.prompt_tokens is not None else stated.input_tokens
    output_tokens = stated.completion_tokens if stated.completion_tokens is not None else stated.output_tokens
    if input_tokens is None and output_tokens is None:
        return None
    inputs = stated.prompt_tokens_details or stated.input_tokens_details or stated.input_token_details or _Details()
    outputs = stated.completion_tokens_details or stated.output_tokens_details or _Details()
    return Usage(
        input_tokens=count(input_tokens),
        output_tokens=count(output_tokens),
        cache_read_tokens=count(inputs.cached_tokens),
        cache_write_tokens=count(inputs.cache_write_tokens),
        reasoning_tokens=count(outputs.reasoning_tokens),
        input_audio_tokens=count(inputs.audio_tokens),
        output_audio_tokens=count(outputs.audio_tokens),
    )


def count(stated: Any) -> int:
    """A number of tokens as a provider states it; what is not a plausible number counts as none."""
    return stated if isinstance(stated, int) and not isinstance(stated, bool) and 0 <= stated < 10**12 else 0
