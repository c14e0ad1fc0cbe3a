"""Bedrock's Converse: what requests declare, and what answers state.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_TokenUsage.html: `inputTokens` leaves cache reads
and writes out; `Usage.input_tokens` has them in. A stream reports in its `metadata` event.
"""

from typing import Any, Final

import msgspec

from gateway.shapes import anthropic_request
from gateway.shapes.declares import PLAIN, Declares, Kind, Place, Row, Says
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


_BLOCK: Final = Kind(
    known={
        "toolResult": Row(places=(Place("toolResult.content[]", "converse_block", bulk=True),)),
        **dict.fromkeys(
            (
                "audio",
                "cachePoint",
                "citationsContent",
                "document",
                "guardContent",
                "image",
                "json",
                "reasoningContent",
                "searchResult",
                "text",
                "toolAddition",
                "toolRemoval",
                "toolUse",
                "video",
            ),
            PLAIN,
        ),
    },
    tag=None,
)
_TOOL: Final = Kind(
    known={
        "toolSpec": Row(places=(Place("toolSpec.name", Says.TOOL),)),
        "systemTool": Row(places=(Place("systemTool.name", Says.TOOL),)),
        "cachePoint": PLAIN,
    },
    tag=None,
)
DECLARES: Final = Declares(
    places=(
        Place("toolConfig.tools[]", "converse_tool"),
        Place("additionalModelRequestFields.tools[]", "tool"),
        Place("additionalModelRequestFields.mcp_servers[]", "server"),
        Place("messages[]", "converse_message", bulk=True),
        Place("system[]", "converse_block", bulk=True),
    ),
    kinds={
        **anthropic_request.DECLARES.kinds,
        "converse_tool": _TOOL,
        "converse_message": Kind(known={None: Row(places=(Place("content[]", "converse_block", bulk=True),))}, tag=""),
        "converse_block": _BLOCK,
    },
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
    name="converse", vendor=Vendor.AMAZON, read_usage=read_body, read_event=read_event, declares=DECLARES, events=EVENTS
)
