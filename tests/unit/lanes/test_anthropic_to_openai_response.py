"""Answers and errors of OpenAI's chat shape for clients of Anthropic's Messages, held against Anthropic's own types."""

import json

import pytest
from anthropic.types import Message
from hypothesis import given
from hypothesis import strategies as st
from openai.types.chat import ChatCompletion

from gateway.lanes.base import Asked, UntranslatableAnswer
from gateway.lanes.pairs import ANTHROPIC_TO_OPENAI

_ASKED = Asked(model="claude-x", include_usage=False, request_id="grq_01ABC", created=1)


def _completion(message=None, finish_reason="stop", **more):
    said = {"role": "assistant", "content": None, **(message or {})}
    completion = {
        "id": "chatcmpl-123",
        "object": "chat.completion",
        "created": 1,
        "model": "gpt-5",
        "choices": [{"index": 0, "message": said, "finish_reason": finish_reason, "logprobs": None}],
        **more,
    }
    ChatCompletion.model_validate(completion)
    return completion


def _translate(completion):
    translated = ANTHROPIC_TO_OPENAI.response(json.dumps(completion).encode(), _ASKED)
    Message.model_validate_json(translated)
    return json.loads(translated)


def _call(arguments, identifier="call_1", name="weather"):
    return {"id": identifier, "type": "function", "function": {"name": name, "arguments": arguments}}


def _text(said):
    return {"type": "text", "text": said}


def _use(given, identifier="call_1"):
    return {"type": "tool_use", "id": identifier, "name": "weather", "input": given}


def test_a_whole_answer():
    usage = {
        "prompt_tokens": 100,
        "completion_tokens": 20,
        "total_tokens": 120,
        "prompt_tokens_details": {"cached_tokens": 64, "cache_write_tokens": 6},
        "completion_tokens_details": {"reasoning_tokens": 12},
    }

    assert _translate(_completion({"content": "Hello."}, usage=usage)) == {
        "id": "msg_123",
        "type": "message",
        "role": "assistant",
        "model": "claude-x",
        "content": [{"type": "text", "text": "Hello."}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {
            "input_tokens": 30,
            "cache_creation_input_tokens": 6,
            "cache_read_input_tokens": 64,
            "output_tokens": 20,
            "output_tokens_details": {"thinking_tokens": 12},
        },
    }


_ANSWERS = {
    "nothing said": ({}, "stop", [], "end_turn"),
    "cut short": ({"content": "He"}, "length", [{"type": "text", "text": "He"}], "max_tokens"),
    "filtered": ({"content": "He"}, "content_filter", [{"type": "text", "text": "He"}], "refusal"),
    "refused": ({"refusal": "No."}, "stop", [{"type": "text", "text": "No."}], "refusal"),
    "reasoning_content": (
        {"reasoning_content": "hm", "content": "Yes."},
        "stop",
        [{"type": "thinking", "thinking": "hm", "signature": ""}, {"type": "text", "text": "Yes."}],
        "end_turn",
    ),
    "reasoning": (
        {"reasoning": "hm", "content": ""},
        "stop",
        [{"type": "thinking", "thinking": "hm", "signature": ""}],
        "end_turn",
    ),
    "reasoning of another form": ({"reasoning": {"a": 1}}, "stop", [], "end_turn"),
    "calls": (
        {"content": "Let me see.", "tool_calls": [_call('{"city": "Ulm", "n": 1.50}'), _call("", "call_2", "now")]},
        "tool_calls",
        [
            {"type": "text", "text": "Let me see."},
            {"type": "tool_use", "id": "call_1", "name": "weather", "input": {"city": "Ulm", "n": 1.5}},
            {"type": "tool_use", "id": "call_2", "name": "now", "input": {}},
        ],
        "tool_use",
    ),
    "a forced call ends with stop": (
        {"tool_calls": [_call("{}")]},
        "stop",
        [{"type": "tool_use", "id": "call_1", "name": "weather", "input": {}}],
        "tool_use",
    ),
    "a call without id": (
        {"tool_calls": [_call("{}", "")]},
        "tool_calls",
        [{"type": "tool_use", "id": "toolu_01ABC_0", "name": "weather", "input": {}}],
        "tool_use",
    ),
    "a placeholder that is no call": (
        {"content": "Hello", "tool_calls": [_call("", "", "")]},
        "tool_calls",
        [{"type": "text", "text": "Hello"}],
        "end_turn",
    ),
    "the deprecated function_call": (
        {"function_call": {"name": "weather", "arguments": "{}"}},
        "function_call",
        [{"type": "tool_use", "id": "toolu_01ABC_0", "name": "weather", "input": {}}],
        "tool_use",
    ),
    "a call that max_tokens cut": (
        {"tool_calls": [_call('{"city": "U')]},
        "length",
        [{"type": "tool_use", "id": "call_1", "name": "weather", "input": {"INVALID_JSON": '{"city": "U'}}],
        "max_tokens",
    ),
}


@pytest.mark.parametrize(("message", "finish_reason", "content", "stop_reason"), _ANSWERS.values(), ids=_ANSWERS)
def test_answers(message, finish_reason, content, stop_reason):
    translated = _translate(_completion(message, finish_reason))

    assert (translated["content"], translated["stop_reason"]) == (content, stop_reason)


@pytest.mark.parametrize(
    ("message", "content"),
    [
        (
            {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}, _text("answer")]},
            [{"type": "thinking", "thinking": "hm", "signature": ""}, _text("answer")],
        ),
        (
            {"content": [{"type": "thinking", "thinking": "hm"}]},
            [{"type": "thinking", "thinking": "hm", "signature": ""}],
        ),
        (
            {"content": [_text("a"), {"type": "reference", "reference_ids": [1]}, _text("b")]},
            [_text("ab")],
        ),
        ({"content": "x", "refusal": {"a": 1}, "reasoning_content": 7}, [_text("x")]),
        ({"tool_calls": [_call({"a": [1, "é"]})]}, [_use({"a": [1, "é"]})]),
        ({"tool_calls": [_call("{}", 17)]}, [_use({}, "17")]),
        ({"tool_calls": [_call("{}", ["x"])]}, [_use({}, "toolu_01ABC_0")]),
        ({"tool_calls": [_call(None)]}, [_use({})]),
        ({"tool_calls": [_call("null")]}, [_use({})]),
        ({"tool_calls": [_call('""')]}, [_use({})]),
        ({"tool_calls": [_call('"{\\"a\\":1}"')]}, [_use({"a": 1})]),
        ({"tool_calls": [_call("[]")]}, [_use({"INVALID_JSON": "[]"})]),
        ({"tool_calls": [_call("no JSON")]}, [_use({"INVALID_JSON": "no JSON"})]),
        ({"tool_calls": [_call('{"a": 1')]}, [_use({"INVALID_JSON": '{"a": 1'})]),
        ({"content": [1, None, "a", _text("b")], "tool_calls": None}, [_text("ab")]),
        ({"content": _text("a")}, [_text("a")]),
        ({"content": 1, "reasoning": "hm"}, [{"type": "thinking", "thinking": "hm", "signature": ""}]),
        ({"content": "x", "tool_calls": {"a": 1}, "function_call": "f"}, [_text("x")]),
        ({"content": "x", "tool_calls": ["a", None, _call("{}")]}, [_text("x"), _use({})]),
        ({"content": "x", "tool_calls": [{"index": 0}, {}]}, [_text("x")]),
        ({"content": "x", "tool_calls": [{"id": "", "function": "weather"}]}, [_text("x")]),
        (
            {"tool_calls": [{"function": {"name": "weather", "arguments": "{}"}, "index": "0", "type": 1}]},
            [_use({}, "toolu_01ABC_0")],
        ),
    ],
)
def test_what_servers_and_models_write_otherwise_than_the_reference_says_is_read_all_the_same(message, content):
    completion = {"id": 5, "choices": [{"index": "0", "message": message, "finish_reason": ["stop"]}]}

    assert _translate(completion)["content"] == content


def test_the_numbers_of_arguments_keep_their_spelling():
    arguments = '{"n":1.50,"big":123456789012345678901234567890}'

    translated = ANTHROPIC_TO_OPENAI.response(
        json.dumps(_completion({"tool_calls": [_call(arguments)]})).encode(), _ASKED
    )

    assert b'"input":' + arguments.encode() in translated


@pytest.mark.parametrize(
    ("given_id", "expected"), [("chatcmpl-9", "msg_9"), ("msg_9", "msg_9"), ("", "msg_01ABC"), (None, "msg_01ABC")]
)
def test_ids(given_id, expected):
    assert _translate({**_completion(), "id": given_id})["id"] == expected


def test_only_the_first_choice_counts():
    completion = _completion({"content": "one"})
    second = {**completion["choices"][0], "index": 1, "message": {"role": "assistant", "content": "two"}}

    assert _translate({**completion, "choices": [second, *completion["choices"]]})["content"][0]["text"] == "one"


def test_halves_of_surrogate_pairs_are_mended():
    body = json.dumps(_completion({"content": "?"})).replace("?", r"\ud83d").encode()

    assert json.loads(ANTHROPIC_TO_OPENAI.response(body, _ASKED))["content"][0]["text"] == "\ufffd"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"\xff",
        b"[]",
        b"{}",
        b'{"choices":[]}',
        b'{"choices":null}',
        b'{"choices":[{}]}',
        b'{"choices":[{"message":null}]}',
        b'{"choices":[{"message":1}]}',
        b'{"choices":7}',
        b'{"choices":[{"message":{},"finish_reason":"error"}]}',
        b'{"choices":[{"message":{"tool_calls":[{"id":"call_1"}]}}]}',
        b'{"choices":[{"message":{"tool_calls":[{"function":{"arguments":"{}"}}]}}]}',
        b"[" * 100_000,
    ],
)
def test_what_is_no_answer_is_not_translated(body):
    with pytest.raises(UntranslatableAnswer) as problem:
        ANTHROPIC_TO_OPENAI.response(body, _ASKED)

    assert not str(problem.value).endswith(".")


def test_an_error_in_the_place_of_an_answer_is_told_in_its_own_words():
    with pytest.raises(UntranslatableAnswer, match=r"^server_error: out of memory$"):
        ANTHROPIC_TO_OPENAI.response(b'{"error":{"message":"out of memory","type":"server_error"}}', _ASKED)


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@given(
    st.sampled_from(["id", "choices", "usage", "error", "index", "message", "finish_reason"])
    | st.sampled_from(["content", "tool_calls", "reasoning", "refusal", "function_call"]),
    _json,
)
def test_any_json_in_any_place_is_a_message_or_untranslatable(place, value):
    completion = _completion({"content": "x", "tool_calls": [_call("{}")]})
    choice = completion["choices"][0]
    for members in (completion, choice, choice["message"]):
        if place in members or members is choice["message"]:
            members[place] = value
            break

    try:
        translated = ANTHROPIC_TO_OPENAI.response(json.dumps(completion).encode(), _ASKED)
    except UntranslatableAnswer:
        return
    Message.model_validate_json(translated)


_said = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)


@given(_said, _said, st.lists(st.dictionaries(_said, _said, max_size=3), max_size=3))
def test_generated_answers_keep_every_word(thought, said, inputs):
    calls = [_call(json.dumps(given_input), f"call_{number}") for number, given_input in enumerate(inputs)]
    message = {"content": said, "reasoning_content": thought, "tool_calls": calls}

    content = _translate(_completion(message, "tool_calls" if calls else "stop"))["content"]

    assert "".join(block["text"] for block in content if block["type"] == "text") == said
    assert "".join(block["thinking"] for block in content if block["type"] == "thinking") == thought
    assert [block["input"] for block in content if block["type"] == "tool_use"] == inputs


@pytest.mark.parametrize(
    ("status", "type_"),
    [
        (400, "invalid_request_error"),
        (401, "authentication_error"),
        (402, "billing_error"),
        (403, "permission_error"),
        (404, "not_found_error"),
        (409, "invalid_request_error"),
        (413, "request_too_large"),
        (422, "invalid_request_error"),
        (429, "rate_limit_error"),
        (500, "api_error"),
        (503, "overloaded_error"),
        (504, "timeout_error"),
        (529, "overloaded_error"),
    ],
)
def test_the_status_decides_the_type_of_an_error(status, type_):
    body = b'{"error":{"message":"Too much.","type":"tokens","code":"rate_limit_exceeded","param":null}}'

    assert json.loads(ANTHROPIC_TO_OPENAI.error(status, body)) == {
        "type": "error",
        "error": {"type": type_, "message": "Too much.", "code": "rate_limit_exceeded"},
    }


_GENERIC = {"type": "invalid_request_error", "message": "The provider answered with status 400 and said no more."}


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (
            b'{"error":{"message":"m","type":"invalid_request_error","param":"tools[0]","code":null}}',
            {"type": "invalid_request_error", "message": "m", "code": "invalid_request_error", "param": "tools[0]"},
        ),
        (b'[{"error":{"message":"m","code":400}}]', {"type": "invalid_request_error", "message": "m"}),
        (b'{"error":"m"}', {"type": "invalid_request_error", "message": "m"}),
        (b'{"message":"m"}', {"type": "invalid_request_error", "message": "m"}),
        (b'{"error":{"message":"\\ud83d"}}', {"type": "invalid_request_error", "message": "\ufffd"}),
        (b"", _GENERIC),
        (b"<html>", _GENERIC),
        (b"\xff\xfe", _GENERIC),
        (b"[]", _GENERIC),
        (b"3", _GENERIC),
        (b'{"error":[]}', _GENERIC),
        (b'{"error":{"message":7}}', _GENERIC),
        (b"[" * 100_000, _GENERIC),
    ],
)
def test_errors_of_every_form(body, error):
    assert json.loads(ANTHROPIC_TO_OPENAI.error(400, body)) == {"type": "error", "error": error}


@given(st.integers(400, 599), st.binary(max_size=40) | _json.map(lambda value: json.dumps(value).encode()))
def test_any_error_is_an_error(status, body):
    translated = json.loads(ANTHROPIC_TO_OPENAI.error(status, body))

    assert translated["type"] == "error"
    assert translated["error"]["message"]
