"""What Claude answers, read: a whole message, and the same one in events."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.lanes.answer import (
    Answer,
    ArgumentsPiece,
    Called,
    CallEnd,
    Citation,
    Refused,
    SaidText,
    Stopped,
    Thought,
    UsageStated,
)
from gateway.lanes.base import Asked, UntranslatableAnswer
from gateway.lanes.conversation import Opaque
from gateway.lanes.pairs import PROVIDERS
from gateway.shapes.ending import Stop
from gateway.usage import Usage
from tests.support.folded import folded

PROVIDER = PROVIDERS["messages"]

ASKED = Asked(model="claude", include_usage=False, request_id="grq_1", created=1)
PAGE = {
    "type": "web_search_result_location",
    "url": "https://example.com/a",
    "title": "A",
    "cited_text": "x",
    "encrypted_index": "e",
}
MESSAGE: dict[str, Any] = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude",
    "content": [
        {"type": "thinking", "thinking": "hm", "signature": "c2ln"},
        {"type": "redacted_thinking", "data": "eA=="},
        {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "x"}},
        {"type": "text", "text": "Let me see.", "citations": [PAGE, {"type": "char_location", "cited_text": "y"}]},
        {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {"city": "Kyōto"}},
        {"type": "tool_use", "id": "", "name": "", "input": {}},
        {"type": "tool_use", "id": "toolu_2", "name": "now", "input": {}},
    ],
    "stop_reason": "tool_use",
    "stop_sequence": None,
    "usage": {"input_tokens": 10, "cache_read_input_tokens": 5, "output_tokens": 7},
}


def whole(message):
    answer = PROVIDER.read_answer(json.dumps(message).encode(), ASKED)
    return answer._replace(blocks=list(answer.blocks))


def events_of(message):
    """The events in which Anthropic streams a message."""
    yield {"type": "message_start", "message": {**message, "content": [], "stop_reason": None}}
    yield {"type": "ping"}
    for index, block in enumerate(message["content"]):
        deltas: list[dict[str, Any]] = []
        begun = dict(block)
        if block["type"] == "text":
            begun.update(text="", citations=[])
            half = len(block["text"]) // 2
            deltas = [{"type": "text_delta", "text": piece} for piece in (block["text"][:half], block["text"][half:])]
            deltas += [{"type": "citations_delta", "citation": place} for place in block.get("citations", ())]
        elif block["type"] == "tool_use":
            begun["input"] = {}
            written = json.dumps(block["input"]) if block["input"] else ""
            deltas = [{"type": "input_json_delta", "partial_json": piece} for piece in ("", written[:3], written[3:])]
        elif block["type"] == "thinking":
            begun.update(thinking="", signature="")
            deltas = [
                {"type": "thinking_delta", "thinking": block["thinking"]},
                {"type": "signature_delta", "signature": block["signature"]},
            ]
        yield {"type": "content_block_start", "index": index, "content_block": begun}
        yield from ({"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas)
        yield {"type": "content_block_stop", "index": index}
    delta = {"stop_reason": message["stop_reason"], "stop_sequence": message["stop_sequence"]}
    yield {"type": "message_delta", "delta": delta, "usage": {"output_tokens": message["usage"]["output_tokens"]}}
    yield {"type": "message_stop"}


def read(events):
    reader = PROVIDER.read_stream(ASKED)
    said = [one for event in events for one in reader.feed("", json.dumps(event).encode())]
    assert reader.finished
    return said


def told(answer):
    """An answer with arguments as what they mean."""
    blocks = [
        block._replace(arguments=json.loads(block.arguments or "{}")) if isinstance(block, Called) else block
        for block in answer.blocks
    ]
    return answer._replace(blocks=blocks)


def test_a_message():
    assert told(whole(MESSAGE)) == Answer(
        [
            Thought("hm", Opaque("anthropic", {"signature": "c2ln"})),
            Thought("", Opaque("anthropic", {"data": "eA=="})),
            SaidText("Let me see.", (Citation("https://example.com/a", "A"),)),
            Called("toolu_1", "weather", {"city": "Kyōto"}),
            Called("toolu_2", "now", {}),
        ],
        "msg_1",
        Stop.TOOL_CALL,
        None,
        Usage(input_tokens=15, output_tokens=7, cache_read_tokens=5),
    )


def test_a_refusal_has_its_words():
    refused = {**MESSAGE, "stop_reason": "refusal", "stop_details": {"explanation": "No."}}

    assert whole(refused).blocks[-1] == Refused("No.")


TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), min_size=1, max_size=9)
BLOCK = st.one_of(
    st.builds(lambda text: {"type": "text", "text": text}, TEXT),
    st.builds(lambda text: {"type": "text", "text": text, "citations": [PAGE]}, TEXT),
    st.builds(lambda text: {"type": "thinking", "thinking": text, "signature": "c2ln"}, TEXT),
    st.just({"type": "redacted_thinking", "data": "eA=="}),
    st.builds(
        lambda given: {"type": "tool_use", "id": "toolu_1", "name": "now", "input": given},
        st.dictionaries(TEXT, st.integers() | TEXT, max_size=2),
    ),
)
ENDS = st.sampled_from([("end_turn", None), ("stop_sequence", "END"), ("max_tokens", None), ("tool_use", None)])


@given(content=st.lists(BLOCK, max_size=5), end=ENDS)
def test_a_streamed_message_is_what_the_whole_one_is(content, end):
    message = {**MESSAGE, "content": content, "stop_reason": end[0], "stop_sequence": end[1]}

    assert told(folded(read(events_of(message)))) == told(whole(message))


def test_arguments_that_a_call_begins_with_are_said_as_it_ends():
    block = {"type": "tool_use", "id": "toolu_1", "name": "now", "input": {"zone": "UTC"}}
    events = [
        {"type": "message_start", "message": MESSAGE},
        {"type": "content_block_start", "index": 0, "content_block": block},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "tool_use"}},
        {"type": "message_stop"},
    ]

    assert read(events)[2:] == [
        ArgumentsPiece(0, '{"zone": "UTC"}'),
        CallEnd(0),
        Stopped(Stop.TOOL_CALL),
        UsageStated(Usage(input_tokens=15, output_tokens=7, cache_read_tokens=5)),
    ]


CUT = {"type": "content_block_delta", "index": 0, "delta": {"type": "input_json_delta", "partial_json": '{"a":'}}
BEGUN = {"type": "content_block_start", "index": 0, "content_block": {**MESSAGE["content"][-1], "input": {}}}


@pytest.mark.parametrize(
    ("events", "problem"),
    [
        ([{"type": "message_start", "message": {"id": one}} for one in ("msg_1", "msg_2")], "another message"),
        ([CUT], "never began"),
        ([BEGUN, CUT, {"type": "message_delta", "delta": {"stop_reason": "tool_use"}}], "break off"),
        ([{"type": "error", "error": {"type": "overloaded_error", "message": "busy"}}], "^overloaded_error: busy$"),
    ],
)
def test_a_stream_that_is_none(events, problem):
    with pytest.raises(UntranslatableAnswer, match=problem):
        read(events)


def test_a_call_that_the_limit_cut_goes_out_as_far_as_it_came():
    ends = [{"type": "message_delta", "delta": {"stop_reason": "max_tokens"}}, {"type": "message_stop"}]

    assert folded(read([BEGUN, CUT, *ends])).blocks == [Called("toolu_2", "now", '{"a":')]
