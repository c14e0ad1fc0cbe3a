"""Answers with what Anthropic may add to them, and with what must cross unchanged."""

import json

import msgspec
import pytest
from openai.types.chat import ChatCompletion

from gateway.lanes.base import Asked, UntranslatableAnswer
from gateway.lanes.pairs import OPENAI_TO_ANTHROPIC

ASKED = Asked(model="smart", include_usage=True, request_id="grq_01", created=1700000000)
HI = {"role": "user", "content": "Hi"}


def answered(*blocks, **members):
    usage = {"input_tokens": 3, "output_tokens": 4}
    body = {"type": "message", "content": [*blocks], "stop_reason": "end_turn", "usage": usage, **members}
    return ChatCompletion.model_validate(
        json.loads(OPENAI_TO_ANTHROPIC.response(msgspec.json.encode(body), ASKED)), strict=True
    )


@pytest.mark.parametrize(
    "block",
    [
        {"type": "made_tomorrow"},
        {"type": "made_tomorrow", "text": {"a": 1}, "data": [1], "id": None, "name": 7},
        {"type": "web_search_tool_result", "tool_use_id": "s", "content": [{"type": "web_search_result"}]},
        {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {"query": "x"}},
    ],
)
def test_blocks_of_other_kinds_are_passed_over_whatever_they_hold(block):
    completion = answered(block, {"type": "text", "text": "Here"}, block, stop_reason="max_tokens")

    choice = completion.choices[0]
    assert (choice.message.content, choice.message.tool_calls, choice.finish_reason) == ("Here", None, "length")
    assert completion.usage.total_tokens == 7


@pytest.mark.parametrize(
    "block",
    [
        {"type": "text", "text": 1},
        {"type": "thinking", "thinking": [1]},
        {"type": "tool_use", "id": "", "name": "", "input": {}},
        {"text": "x"},
        "x",
        None,
    ],
)
def test_one_odd_block_costs_no_answer(block):
    choice = answered(block, {"type": "text", "text": "Here"}, stop_reason="tool_use").choices[0]

    assert (choice.message.content, choice.message.tool_calls, choice.finish_reason) == ("Here", None, "stop")


def test_calls_without_a_usable_id_get_one():
    uses = [{"type": "tool_use", "id": given, "name": "f", "input": {}} for given in (None, "", 7)]

    calls = answered(*uses, stop_reason="tool_use").choices[0].message.tool_calls

    assert [call.id for call in calls] == ["call_01_0", "call_01_1", "7"]


def test_a_call_of_no_function_is_told():
    with pytest.raises(UntranslatableAnswer, match="names no function"):
        answered({"type": "tool_use", "id": "toolu_1", "name": None})


@pytest.mark.parametrize(
    ("written", "arguments"),
    [
        (b'{"n":100000000000000000000000000007,"f":1.10}', '{"n":100000000000000000000000000007,"f":1.10}'),
        (b"{}", "{}"),
        (b"null", "{}"),
        (b'"{\\"a\\": 1}"', '{"a": 1}'),
        (b'"{\\"a"', '{"a'),
    ],
)
def test_arguments_are_the_very_text_of_the_input(written, arguments):
    body = b'{"content":[{"type":"tool_use","id":"t","name":"f","input":' + written + b'}],"stop_reason":"tool_use"}'

    completion = json.loads(OPENAI_TO_ANTHROPIC.response(body, ASKED))

    assert completion["choices"][0]["message"]["tool_calls"][0]["function"]["arguments"] == arguments
    assert "usage" not in completion


def test_thoughts_go_out_and_come_back_as_they_were():
    thoughts = [
        {"type": "thinking", "thinking": "Aha \U0001f600", "signature": "c2ln/+=="},
        {"type": "thinking", "thinking": "", "signature": "b21pdHRlZA=="},
        {"type": "redacted_thinking", "data": "eA=="},
    ]
    message = answered(*thoughts, {"type": "text", "text": "Yes"}).choices[0].message.model_dump(exclude_none=True)

    there = OPENAI_TO_ANTHROPIC.request({"messages": [HI, message, HI]}, model="claude-opus-4-6", strict=True)

    assert there.body["messages"][1]["content"] == [*thoughts, {"type": "text", "text": "Yes"}]


def test_optional_members_that_are_null_or_of_other_types_make_no_answer_unreadable():
    blocks = [
        {"type": "thinking", "thinking": "Hm", "signature": None},
        {"type": "text", "text": "Yes", "citations": None},
        {"type": "text", "text": None},
    ]
    body = {"content": blocks, "stop_reason": None, "stop_details": "none", "usage": {"input_tokens": "x"}}

    completion = json.loads(OPENAI_TO_ANTHROPIC.response(json.dumps(body).encode(), ASKED))

    assert completion["choices"][0]["message"]["content"] == "Yes"
    assert completion["choices"][0]["message"]["reasoning_content"] == "Hm"
    assert "usage" not in completion
