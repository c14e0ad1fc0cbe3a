"""A streamed Message as Anthropic's SDK puts it together."""

import json
from typing import Any

from anthropic.lib.streaming._messages import accumulate_event
from anthropic.types import RawMessageStreamEvent
from pydantic import TypeAdapter

from gateway.wire.sse_events import EventSplitter

_EVENT = TypeAdapter(RawMessageStreamEvent)


def message_of(written: bytes) -> dict[str, Any]:
    """The Message of these events. Fails where two blocks are open at a time, or one stays open."""
    message, opened, buffers = None, set(), {}
    for name, data in EventSplitter().feed(written):
        event = json.loads(data)
        assert event["type"] == name
        if name == "content_block_start":
            assert not opened
            opened.add(event["index"])
        elif name == "content_block_stop":
            opened.remove(event["index"])
        message = accumulate_event(event=_EVENT.validate_python(event), current_snapshot=message, json_bufs=buffers)
    assert not opened
    return message.to_dict(mode="json", exclude_none=True)
