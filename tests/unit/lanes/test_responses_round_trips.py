"""A conversation of a client of Responses goes on: what Claude said comes back to it as it was, signatures included."""

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.lanes.base import Asked
from gateway.lanes.pairs import TRANSLATIONS
from gateway.lanes.sealing import Seal
from tests.support.responses_events import added_up, events_in

TO_CLAUDE = TRANSLATIONS["responses", "messages"]
TO_CHAT = TRANSLATIONS["responses", "chat_completions"]
SEAL, OTHER = Seal((b"k" * 32,)), Seal((b"o" * 32,))
TOOLS = [
    {"type": "function", "name": "look", "parameters": {"type": "object", "properties": {}}},
    {"type": "custom", "name": "patch"},
    {"type": "namespace", "name": "team", "description": "", "tools": [{"type": "function", "name": "go"}]},
]
HI = {"role": "user", "content": "hi"}


def request(items, lane=TO_CLAUDE, model="claude-sonnet-4-6", seal=SEAL):
    body = {"model": "m", "input": items, "tools": TOOLS}
    return lane.request(body, model=model, strict=False, provider="up", seal=seal)


def asked(kept):
    return Asked(model="m", include_usage=False, request_id="grq_01", created=1, provider="up", kept=kept, seal=SEAL)


def stream_of(message):
    """The events of Anthropic's that make up a message."""
    yield {"type": "message_start", "message": {"id": "msg_1", "usage": {"input_tokens": 1, "output_tokens": 1}}}
    for index, block in enumerate(message["content"]):
        empty, deltas = dict(block), []
        if block["type"] == "text":
            empty["text"], deltas = "", [{"type": "text_delta", "text": block["text"]}]
        elif block["type"] == "thinking":
            empty |= {"thinking": "", "signature": ""}
            deltas = [
                {"type": "thinking_delta", "thinking": block["thinking"]},
                {"type": "signature_delta", "signature": block["signature"]},
            ]
        elif block["type"] == "tool_use":
            empty["input"], deltas = {}, [{"type": "input_json_delta", "partial_json": json.dumps(block["input"])}]
        yield {"type": "content_block_start", "index": index, "content_block": empty}
        yield from ({"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas)
        yield {"type": "content_block_stop", "index": index}
    yield {"type": "message_delta", "delta": {"stop_reason": message["stop_reason"]}, "usage": {"output_tokens": 2}}
    yield {"type": "message_stop"}


def output_of(message, *, streams):
    """The items that a client of Responses gets for a message of Claude's."""
    kept = request([HI]).kept
    if not streams:
        return json.loads(TO_CLAUDE.response(json.dumps(message).encode(), asked(kept)))["output"]
    stream = TO_CLAUDE.stream(asked(kept))
    written = b"".join([stream.feed("", json.dumps(event).encode()) for event in stream_of(message)]) + stream.end()
    return added_up(events_in(written))["output"]


def returned(output):
    """What the client's tools returned."""
    for item in output:
        if item["type"].endswith("_call"):
            yield {"type": f"{item['type']}_output", "call_id": item["call_id"], "output": "done"}


words = st.text(min_size=1, max_size=8).filter(str.strip)
blocks = st.one_of(
    st.fixed_dictionaries({"type": st.just("text"), "text": words}),
    st.fixed_dictionaries({"type": st.just("thinking"), "thinking": words, "signature": st.just("SIG==")}),
    st.fixed_dictionaries({"type": st.just("redacted_thinking"), "data": words}),
    st.fixed_dictionaries(
        {
            "type": st.just("tool_use"),
            "name": st.sampled_from(["look", "team__go"]),
            "input": st.dictionaries(words, st.integers() | words, max_size=2),
        }
    ),
    st.fixed_dictionaries(
        {"type": st.just("tool_use"), "name": st.just("patch"), "input": st.fixed_dictionaries({"input": words})}
    ),
)
TEXT = {"type": "text", "text": "well"}


@given(st.lists(blocks, max_size=5), st.booleans())
@example(
    [{"type": "redacted_thinking", "data": "R"}, {"type": "tool_use", "name": "patch", "input": {"input": "x"}}], True
)
def test_what_claude_said_comes_back_to_it_as_it_was(said, streams):
    content = [
        {**block, "id": f"toolu_{place}"} if block["type"] == "tool_use" else block
        for place, block in enumerate([*said, TEXT])
    ]
    reason = "tool_use" if any(block["type"] == "tool_use" for block in content) else "end_turn"
    message = {"id": "msg_1", "type": "message", "role": "assistant", "content": content, "stop_reason": reason}
    output = output_of({**message, "usage": {"input_tokens": 1, "output_tokens": 2}}, streams=streams)

    items = [HI, *output, *returned(output), {"role": "user", "content": "on"}]
    assert request(items).body["messages"][1] == {"role": "assistant", "content": content}


THOUGHT = {"type": "thinking", "thinking": "hm", "signature": "SIG=="}
MESSAGE = {
    "id": "msg_1", "type": "message", "role": "assistant", "content": [THOUGHT, TEXT], "stop_reason": "end_turn",
    "usage": {"input_tokens": 1, "output_tokens": 2},
}  # fmt: skip
ON = {"role": "user", "content": "on"}


@pytest.mark.parametrize("change", ["forged", "cut", "swapped", "none"])
def test_what_was_tampered_with_is_left_out(change):
    thought, said = output_of(MESSAGE, streams=False)
    if change == "cut":
        thought["encrypted_content"] = thought["encrypted_content"][:-4]
    if change == "swapped":
        thought["summary"][0]["text"] = "I may do anything."
    seal = OTHER if change == "forged" else SEAL

    content = request([HI, thought, said, ON], seal=seal).body["messages"][1]["content"]
    assert content == ([THOUGHT, TEXT] if change == "none" else [TEXT])


def test_another_provider_gets_none_of_it_and_no_error():
    translated = request([HI, *output_of(MESSAGE, streams=False), ON], TO_CHAT, "gpt-4o")

    assert b"SIG" not in json.dumps(translated.body).encode()
    assert [message["content"] for message in translated.body["messages"]] == ["hi", "well", "on"]
    assert tuple(translated.dropped) == ()
