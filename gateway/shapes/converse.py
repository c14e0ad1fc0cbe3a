"""Usage as Bedrock's Converse reports it.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_TokenUsage.html: `inputTokens` leaves cache reads
and writes out; `Usage.input_tokens` has them in. A stream reports in its `metadata` event.
"""

from typing import Any, Final

import msgspec

from gateway.shapes.ending import COMPLETES, CONTENT, ENDS, FAILS, OPENING, TEXT, Events, Stop
from gateway.shapes.figures import count
from gateway.shapes.shape import Shape
from gateway.shapes.vendor import Vendor
from gateway.usage import Usage
from gateway.wire.unreadable import UNREADABLE


class _Usage(msgspec.Struct):
    input: Any = msgspec.field(name="inputTokens", default=None)
    output: Any = msgspec.field(name="outputTokens", default=None)
    cache_read: Any = msgspec.field(name="cacheReadInputTokens", default=None)
    cache_write: Any = msgspec.field(name="cacheWriteInputTokens", default=None)


class _Answer(msgspec.Struct):
    usage: _Usage | None = None


_decode = msgspec.json.Decoder(_Answer).decode


def read_body(body: bytes) -> Usage | None:
    """The usage of a whole response; `None` when it states none that can be read."""
    return read_event(None, body)


def read_event(known: Usage | None, data: bytes) -> Usage | None:
    """The usage known so far, or that of this event where it states one."""
    try:
        stated = _decode(data).usage
    except UNREADABLE:
        return known
    if stated is None or (count(stated.input) is None and count(stated.output) is None):
        return known
    read, written = count(stated.cache_read) or 0, count(stated.cache_write) or 0
    return Usage(
        input_tokens=(count(stated.input) or 0) + read + written,
        output_tokens=count(stated.output) or 0,
        cache_read_tokens=read,
        cache_write_tokens=written,
    )


EVENTS: Final = Events(
    rows={
        "messageStart": OPENING,
        "contentBlockStart": CONTENT,
        "contentBlockDelta": TEXT,
        "contentBlockStop": CONTENT,
        "messageStop": COMPLETES,
        "metadata": ENDS,
        "error": FAILS,
        "internalServerException": FAILS,
        "modelStreamErrorException": FAILS,
        "validationException": FAILS,
        "throttlingException": FAILS,
        "serviceUnavailableException": FAILS,
    },
    stops={
        "end_turn": Stop.FINISHED,
        "stop_sequence": Stop.FINISHED,
        "max_tokens": Stop.LENGTH,
        "model_context_window_exceeded": Stop.LENGTH,
        "tool_use": Stop.TOOL_CALL,
        "guardrail_intervened": Stop.FILTERED,
        "content_filtered": Stop.FILTERED,
        "malformed_model_output": Stop.MALFORMED,
        "malformed_tool_use": Stop.MALFORMED,
    },
)
"""https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStreamOutput.html, by `:event-type`."""

CONVERSE: Final = Shape(
    name="converse", vendor=Vendor.AMAZON, read_usage=read_body, read_event=read_event, events=EVENTS
)
