"""Usage in Anthropic's Messages shape (https://docs.anthropic.com/en/api/messages).

`input_tokens` there leaves cache reads and writes out; `Usage.input_tokens` has them in. In a stream `message_start`
states the input and each `message_delta` cumulative figures; a later figure wins over an earlier one.
"""

from typing import Any, Final

import msgspec

from gateway.errors import GatewayError
from gateway.shapes import anthropic_request
from gateway.shapes.ending import CONTENT, ENDS, FAILS, OPENING, TEXT, Event, Events, Stage, Stop
from gateway.shapes.figures import count, detail
from gateway.shapes.progress import Progress
from gateway.shapes.shape import Shape
from gateway.shapes.vendor import Vendor
from gateway.usage import Usage
from gateway.wire.unreadable import UNREADABLE

_ABSENT = msgspec.Raw()


class _Usage(msgspec.Struct):
    input_tokens: Any = None
    output_tokens: Any = None
    cache_creation_input_tokens: Any = None
    cache_read_input_tokens: Any = None
    output_tokens_details: Any = None


class _Message(msgspec.Struct):
    usage: msgspec.Raw = _ABSENT


class _Answer(msgspec.Struct):
    """A whole body, or an event; `message_start` has the usage inside its message."""

    usage: msgspec.Raw = _ABSENT
    message: msgspec.Raw = _ABSENT


_decode_answer = msgspec.json.Decoder(_Answer).decode
_decode_message = msgspec.json.Decoder(_Message).decode
_decode_usage = msgspec.json.Decoder(_Usage).decode


def read_body(body: bytes) -> Usage | None:
    """The usage of a whole response; `None` when it states none that can be read."""
    return read_event(None, body)


def read_event(known: Usage | None, data: bytes) -> Usage | None:
    """The usage known so far with the figures of this event put in."""
    try:
        answer = _decode_answer(data)
        usage = answer.usage
        if usage is _ABSENT and answer.message is not _ABSENT:
            usage = _decode_message(answer.message).usage
        return known if usage is _ABSENT else _put_in(known, _decode_usage(usage))
    except UNREADABLE:
        return known


def _put_in(known: Usage | None, stated: _Usage) -> Usage | None:
    fresh, output = count(stated.input_tokens), count(stated.output_tokens)
    read, written = count(stated.cache_read_input_tokens), count(stated.cache_creation_input_tokens)
    if all(figure is None for figure in (fresh, output, read, written)):
        return known
    before = known or Usage()
    if fresh is None:
        fresh = before.input_tokens - before.cache_read_tokens - before.cache_write_tokens
    if read is None:
        read = before.cache_read_tokens
    if written is None:
        written = before.cache_write_tokens
    return Usage(
        input_tokens=fresh + read + written,
        output_tokens=before.output_tokens if output is None else output,
        cache_read_tokens=read,
        cache_write_tokens=written,
        reasoning_tokens=detail(stated.output_tokens_details, "thinking_tokens") or before.reasoning_tokens,
    )


EVENTS: Final = Events(
    rows={
        "message_start": OPENING,
        "ping": OPENING,
        "content_block_start": CONTENT,
        "content_block_delta": TEXT,
        "content_block_stop": CONTENT,
        "message_delta": Event(Stage.COMPLETE, stating="stop_reason"),
        "message_stop": ENDS,
        "error": FAILS,
    },
    stops={
        "end_turn": Stop.FINISHED,
        "stop_sequence": Stop.FINISHED,
        "max_tokens": Stop.LENGTH,
        "model_context_window_exceeded": Stop.LENGTH,
        "tool_use": Stop.TOOL_CALL,
        "pause_turn": Stop.PAUSED,
        "compaction": Stop.PAUSED,
        "refusal": Stop.FILTERED,
    },
)
"""https://docs.anthropic.com/en/api/messages-streaming."""


def error_event(error: GatewayError, _progress: Progress) -> bytes:
    """The `error` event of https://docs.anthropic.com/en/api/errors#streaming."""
    return b"event: error\ndata: " + error.envelope(anthropic=True) + b"\n\n"


MESSAGES: Final = Shape(
    name="messages",
    vendor=Vendor.ANTHROPIC,
    read_usage=read_body,
    read_event=read_event,
    declares=anthropic_request.DECLARES,
    events=EVENTS,
    frame=error_event,
    keepalive=b'event: ping\ndata: {"type": "ping"}\n\n',
)
