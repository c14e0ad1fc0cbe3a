"""Bedrock's Converse: what requests declare, and what answers state.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_TokenUsage.html: `inputTokens` leaves cache reads
and writes out; `Usage.input_tokens` has them in. A stream reports in its `metadata` event.
"""

from typing import Any, Final

import msgspec

from gateway.shapes import anthropic_request
from gateway.shapes.declares import PLAIN, Declares, Kind, Place, Row, Says
from gateway.shapes.ending import COMPLETES, CONTENT, ENDS, FAILS, OPENING, TEXT, Events, Stop
from gateway.shapes.figures import (
    Figure,
    Unbilled,
    Unread,
    read_figures,
    stated_as,
    table_of,
    usage_of,
    whole,
)
from gateway.shapes.shape import Shape
from gateway.shapes.vendor import Vendor
from gateway.usage import Stated
from gateway.wire.unreadable import UNREADABLE

ROWS: Final = (
    Figure("inputTokens", "input_tokens"),
    Figure("outputTokens", "output_tokens"),
    Figure("cacheReadInputTokens", "cache_read_tokens"),
    Figure("cacheWriteInputTokens", "cache_write_tokens"),
)
"""Every figure of `usage` that is billed, beside the list of cache writes by lifetime."""

HOUR_WRITES: Final = Figure("cacheDetails.inputTokens", "cache_write_1h_tokens")
"""The figure of an entry of `cacheDetails` whose `ttl` is `1h`; the others are the rest of the cache writes."""

UNBILLED: Final = (
    Unbilled("totalTokens", "the sum of the others"),
    Unbilled("cacheDetails.ttl", "no figure: which lifetime an entry is of"),
)
"""What the reference has besides."""

GUARDRAIL_REASON: Final = (
    "AWS bills guardrails apart from models, by units whose price hangs on the policy, and tells them in a trace alone"
)
"""Why `trace.guardrail` is not read."""

_TABLE: Final = table_of(ROWS)


class _Answer(msgspec.Struct, gc=False):
    usage: Any = None
    tier: Any = msgspec.field(name="serviceTier", default=None)
    performance: Any = msgspec.field(name="performanceConfig", default=None)


_decode = msgspec.json.Decoder(_Answer).decode


def read_body(body: bytes) -> Stated | None:
    """What a whole response states; `None` where it states no usage that can be read."""
    return read_event(None, body)


def read_event(known: Stated | None, data: bytes) -> Stated | None:
    """What is known so far, or what this event states."""
    try:
        answer = _decode(data)
    except UNREADABLE:
        return known
    if type(answer.usage) is not dict:
        return known
    figures: dict[str, int] = {}
    unread: Unread = []
    read_figures(answer.usage, _TABLE, figures, unread, "usage")
    if not figures:
        return known
    cached = figures.get("cache_read_tokens", 0) + figures.get("cache_write_tokens", 0)
    figures["input_tokens"] = figures.get("input_tokens", 0) + cached
    details = answer.usage.get("cacheDetails")
    if details:
        _read_lifetimes(details, figures, unread)
    return stated_as(
        usage_of(figures),
        unread,
        service_tier=_word_in(answer.tier, "type"),
        speed=_word_in(answer.performance, "latency"),
    )


def _word_in(stated: Any, member: str) -> Any:
    """What an object says in a member; what is no object speaks for itself."""
    return stated.get(member) if isinstance(stated, dict) else stated


def _read_lifetimes(details: Any, figures: dict[str, int], unread: Unread) -> None:
    for index, entry in enumerate(details if isinstance(details, list) else [details]):
        count = whole(entry.get("inputTokens")) if isinstance(entry, dict) else None
        if count is None:
            unread.append((HOUR_WRITES.kind, f"usage.cacheDetails[{index}]"))
        elif entry.get("ttl") == "1h":
            figures[HOUR_WRITES.kind] = figures.get(HOUR_WRITES.kind, 0) + count


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
    text=Says.NOTHING,
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
        "converse_message": Kind(
            known={None: Row(places=(Place("content[]", "converse_block", bulk=True),))}, tag="", text=Says.NOTHING
        ),
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
