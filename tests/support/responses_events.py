"""The rules of a streamed response, whatever is in it: order, numbers, ids, and what its events add up to.

Source: https://platform.openai.com/docs/api-reference/responses-streaming, and streams as OpenAI sends them.
"""

import json

from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter

EVENT = TypeAdapter(ResponseStreamEvent)
ENDS = ("response.completed", "response.incomplete", "response.failed")
MEMBERS = {
    "response.output_text.delta": ("content", "text"),
    "response.refusal.delta": ("content", "refusal"),
    "response.reasoning_summary_text.delta": ("summary", "text"),
}
WHOLE = {
    "response.function_call_arguments.delta": "arguments",
    "response.custom_tool_call_input.delta": "input",
}


def events_in(stream: bytes) -> list[dict]:
    """The events of a stream; the line `event:` of each says its type once more."""
    events = []
    for block in stream.decode().split("\n\n"):
        lines = [line for line in block.split("\n") if line and not line.startswith(":")]
        if not lines:
            continue
        name, data = lines
        event = json.loads(data.removeprefix("data: "))
        assert name == f"event: {event['type']}"
        events.append(event)
    return events


def added_up(events: list[dict]) -> dict:
    """Checks that the events follow the rules; gives the response of the last one."""
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    for event in events:
        EVENT.validate_python(event)
    assert [event["type"] for event in events[:2]] == ["response.created", "response.in_progress"]
    assert events[0]["response"] == events[1]["response"]
    assert events[0]["response"]["output"] == []
    assert [event["type"] in ENDS for event in events] == [False] * (len(events) - 1) + [True]
    whole = events[-1]["response"]
    if whole["status"] != "failed":
        Response.model_validate(whole)
    assert events[-1]["type"] == f"response.{whole['status']}"
    assert whole["id"] == events[0]["response"]["id"]
    items = _items(events[2:-1])
    if whole["status"] != "failed":
        assert items == whole["output"]
    assert len({item["id"] for item in items}) == len(items)
    return whole


def _items(events: list[dict]) -> list[dict]:
    """The items as their events build them, each of which has to be what its last event says."""
    done: list[dict] = []
    built: dict | None = None
    open_part: tuple | None = None
    for event in events:
        kind = event["type"]
        assert event["output_index"] == len(done)
        if kind == "response.output_item.added":
            assert built is None
            built = event["item"]
            continue
        assert built is not None
        if kind == "response.output_item.done":
            assert open_part is None
            _same_but_for_what_comes_at_the_end(built, event["item"])
            done.append(event["item"])
            built = None
            continue
        assert event["item_id"] == built["id"]
        if kind in ("response.content_part.added", "response.reasoning_summary_part.added"):
            member = "content" if "content_index" in event else "summary"
            assert open_part is None
            assert event[f"{member}_index"] == len(built[member])
            built[member].append(event["part"])
            open_part = (member, event[f"{member}_index"])
        elif kind in ("response.content_part.done", "response.reasoning_summary_part.done"):
            member, index = open_part
            assert built[member][index] == event["part"]
            open_part = None
        elif kind in MEMBERS:
            member, text = MEMBERS[kind]
            assert open_part == (member, event[f"{member}_index"])
            built[member][-1][text] += event["delta"]
        elif kind in WHOLE:
            built[WHOLE[kind]] += event["delta"]
        elif kind == "response.output_text.annotation.added":
            assert event["annotation_index"] == len(built["content"][-1]["annotations"])
            built["content"][-1]["annotations"].append(event["annotation"])
        elif kind.endswith(".done"):
            _is_whole(kind, event, built)
        else:
            raise AssertionError(kind)
    assert built is None
    return done


def _is_whole(kind: str, event: dict, built: dict) -> None:
    delta = kind.removesuffix("done") + "delta"
    if delta in WHOLE:
        assert event[WHOLE[delta]] == built[WHOLE[delta]]
    else:
        member, text = MEMBERS[delta]
        assert event[text] == built[member][-1][text]


def _same_but_for_what_comes_at_the_end(built: dict, done: dict) -> None:
    late = {"status", "encrypted_content"}
    assert {name: value for name, value in built.items() if name not in late} == {
        name: value for name, value in done.items() if name not in late
    }
