"""Usage in Anthropic's Messages shape (https://docs.anthropic.com/en/api/messages).

`input_tokens` there leaves cache reads and writes out; `Usage.input_tokens` has them in. In a stream `message_start`
states the input and each `message_delta` the cumulative output; later figures win.
"""

from typing import Any

import msgspec

from gateway.usage import Usage
from gateway.wire.usage.openai import count


class _Usage(msgspec.Struct):
    input_tokens: Any = None
    output_tokens: Any = None
    cache_creation_input_tokens: Any = None
    cache_read_input_tokens: Any = None


class _Message(msgspec.Struct):
    usage: _Usage | None = None


class _Answer(msgspec.Struct):
    """A whole body, or an event; `message_start` has the usage inside its message."""

    usage: _Usage | None = None
    message: _Message | None = None


_decode = msgspec.json.Decoder(_Answer).decode


def read_body(body: bytes) -> Usage | None:
    """The usage of a whole response; `None` when it states none that can be read."""
    return read_event(None, body)


def read_event(known: Usage | None, data: bytes) -> Usage | None:
    """The usage known so far with the figures of this event put in."""
    try:
        answer = _decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return known
    stated = answer.usage or (answer.message.usage if answer.message is not None else None)
    if stated is None:
        return known
    before = known or Usage()
    read = _later(stated.cache_read_input_tokens, before.cache_read_tokens)
    written = _later(stated.cache_creation_input_tokens, before.cache_write_tokens)
    fresh = _later(stated.input_tokens, before.input_tokens - before.cache_read_tokens - before.cache_write_tokens)
    return Usage(
        input_tokens=fresh + read + written,
        output_tokens=_later(stated.output_tokens, before.output_tokens),
        cache_read_tokens=read,
        cache_write_tokens=written,
    )


def _later(stated: Any, before: int) -> int:
    return before if stated is None else count(stated)
