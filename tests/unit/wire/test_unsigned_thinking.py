"""Unsigned thinking is left out of a body, and every other byte stays."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.wire.json_splice import apply
from gateway.wire.unsigned_thinking import marked, without_unsigned_thinking

UNSIGNED = [
    {"type": "thinking", "thinking": "hm", "signature": ""},
    {"signature": marked("vllm"), "thinking": 'a"]}', "type": "thinking"},
    {"type": "thinking", "thinking": "hm", "signature": "lwg1.AAAA.BBBB"},
    {"type": "redacted_thinking", "data": "lwg1.AAAA.BBBB"},
]
KEPT = [
    {"type": "thinking", "thinking": "hm", "signature": "c2ln"},
    {"type": "redacted_thinking", "data": "eA=="},
    {"type": "redacted_thinking", "data": ""},
    {"type": "text", "text": "lwg1.AAAA.BBBB", "data": "lwg1.AAAA.BBBB"},
    {"type": "text", "text": "say", "signature": ""},
    {"type": "tool_use", "id": "t", "name": "sign", "input": {"type": "thinking", "signature": ""}},
]
TURNS = st.builds(
    lambda role, content: {"role": role, "content": content},
    st.sampled_from(["user", "assistant"]),
    st.just("text") | st.lists(st.sampled_from(UNSIGNED + KEPT), max_size=5),
)


def left(data):
    return apply(data, splices) if (splices := without_unsigned_thinking(data)) else data


def expected(body):
    """The body without unsigned thinking, and without turns that were nothing else."""
    turns = []
    for turn in body["messages"]:
        content = turn["content"]
        kept = content if isinstance(content, str) else [block for block in content if block not in UNSIGNED]
        if kept or not content:
            turns.append({**turn, "content": kept})
    return {**body, "messages": turns} if turns else body


@given(st.lists(TURNS, max_size=4), st.sampled_from(["", " ", "\r\n\t"]))
def test_only_unsigned_thinking_goes(turns, space):
    body = {"model": "m", "messages": turns, "system": [{"type": "text", "text": "s"}]}
    data = json.dumps(body, separators=(f"{space},{space}", f"{space}:{space}")).encode()

    written = left(data)

    assert json.loads(written) == expected(body)
    if json.loads(written) == body:
        assert written == data


@pytest.mark.parametrize(
    ("sent", "goes"),
    [
        (
            b'{"messages": [{"content" : [ {"type":"thinking","thinking":"a","signature" : ""} , {"type":"text"} ]} ]}',
            b'{"messages": [{"content" : [ {"type":"text"} ]} ]}',
        ),
        (
            b'{"messages":[{"content":[{"type":"text"},{"type":"thinking","signature":"reasoning_content@a\\u0022"}]}]}',
            b'{"messages":[{"content":[{"type":"text"}]}]}',
        ),
        (
            b'{"messages":[1, {"content":[{"type":"thinking","signature":""}]} ,2]}',
            b'{"messages":[1, 2]}',
        ),
    ],
)
def test_every_other_byte_stays(sent, goes):
    assert left(sent) == goes


@pytest.mark.parametrize(
    "body",
    [
        b'{"messages":[]}',
        b'{"signature":""}',
        b'{"messages":"signature","x":{"signature":""}}',
        b'{"messages":{"content":[{"type":"thinking","signature":""}]}}',
        b'{"messages":[{"content":{"type":"thinking","signature":""}}]}',
        b'{"messages":[{"content":[{"type":"thinking","signature":""}]}]}',
    ],
)
def test_what_has_none_to_leave_out_is_identical(body):
    assert without_unsigned_thinking(body) == []
