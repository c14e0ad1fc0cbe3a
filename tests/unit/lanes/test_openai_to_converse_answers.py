import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.lib.streaming.chat import ChatCompletionStreamState
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from gateway.lanes.base import Asked, UntranslatableAnswer
from gateway.lanes.pairs import OPENAI_TO_CONVERSE
from gateway.wire.sse_events import events_in

ASKED = Asked(model="smart", include_usage=True, request_id="grq_01JAB", created=1_700_000_000)
QUIET = Asked(model="smart", include_usage=False, request_id="grq_01JAB", created=1_700_000_000)
USAGE = {
    "inputTokens": 10,
    "outputTokens": 5,
    "totalTokens": 115,
    "cacheReadInputTokens": 80,
    "cacheWriteInputTokens": 20,
}
USED = {
    "prompt_tokens": 110,
    "completion_tokens": 5,
    "total_tokens": 115,
    "prompt_tokens_details": {"cached_tokens": 80, "cache_write_tokens": 20},
    "completion_tokens_details": {"reasoning_tokens": 0},
}


def answer(*content: dict[str, Any], reason: str = "end_turn") -> bytes:
    message = {"role": "assistant", "content": list(content)}
    return json.dumps(
        {"output": {"message": message}, "stopReason": reason, "usage": USAGE, "metrics": {"latencyMs": 1}}
    ).encode()


def completion(*content: dict[str, Any], reason: str = "end_turn") -> dict[str, Any]:
    translated = OPENAI_TO_CONVERSE.response(answer(*content, reason=reason), ASKED)
    ChatCompletion.model_validate_json(translated, strict=True)
    return json.loads(translated)


def test_a_whole_answer():
    translated = completion(
        {"reasoningContent": {"reasoningText": {"text": "Hm.", "signature": "s"}}},
        {"reasoningContent": {"redactedContent": "AAAA"}},
        {"text": "It "},
        {"citationsContent": {"content": [{"text": "rains."}], "citations": []}},
        {"toolUse": {"toolUseId": "t1", "name": "weather", "input": {"city": "Kyōto", "n": 1.50}}},
        {"toolUse": {"toolUseId": "t2", "name": "time", "input": {}}},
        reason="tool_use",
    )

    assert translated == {
        "id": "chatcmpl-01JAB",
        "object": "chat.completion",
        "created": 1_700_000_000,
        "model": "smart",
        "choices": [
            {
                "index": 0,
                "message": {
                    "role": "assistant",
                    "content": "It rains.",
                    "refusal": None,
                    "reasoning_content": "Hm.",
                    "tool_calls": [
                        {
                            "id": "t1",
                            "type": "function",
                            "function": {"name": "weather", "arguments": '{"city": "Ky\\u014dto", "n": 1.5}'},
                        },
                        {"id": "t2", "type": "function", "function": {"name": "time", "arguments": "{}"}},
                    ],
                },
                "logprobs": None,
                "finish_reason": "tool_calls",
            }
        ],
        "usage": USED,
    }


@pytest.mark.parametrize(
    ("reason", "finish"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("tool_use", "tool_calls"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("guardrail_intervened", "content_filter"),
        ("content_filtered", "content_filter"),
        ("malformed_tool_use", "stop"),
        ("news", "stop"),
    ],
)
def test_reasons(reason, finish):
    calls = [{"toolUse": {"toolUseId": "t", "name": "f", "input": {}}}] if finish == "tool_calls" else []

    assert completion({"text": "x"}, *calls, reason=reason)["choices"][0]["finish_reason"] == finish


@pytest.mark.parametrize(
    ("block", "calls"),
    [
        ({"toolUse": {"toolUseId": "", "name": ""}}, []),
        ({"toolUse": {"toolUseId": 7, "name": "f", "input": '{"a":1}'}}, [("7", '{"a":1}')]),
        ({"toolUse": {"name": "f", "input": "{"}}, [("call_01JAB_0", "{")]),
        ("odd", []),
    ],
)
def test_one_odd_block_costs_no_answer(block, calls):
    choice = completion({"text": "x"}, block, reason="tool_use")["choices"][0]

    assert choice["message"]["content"] == "x"
    called = [(call["id"], call["function"]["arguments"]) for call in choice["message"].get("tool_calls", ())]
    assert (called, choice["finish_reason"]) == (calls, "tool_calls" if calls else "stop")


def test_an_answer_that_says_nothing():
    assert completion()["choices"][0]["message"]["content"] is None


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"x",
        b"[]",
        b"{}",
        b'{"output":{}}',
        b'{"output":{"message":{"content":5}}}',
        answer({"image": {}}),
        b"[" * 100_000,
    ],
)
def test_what_is_no_answer_is_reported(body):
    with pytest.raises(UntranslatableAnswer):
        OPENAI_TO_CONVERSE.response(body, ASKED)


def test_a_text_cut_within_an_emoji_is_read():
    body = answer({"text": "cut"}).replace(b"cut", b"cut\\ud83d")

    assert json.loads(OPENAI_TO_CONVERSE.response(body, ASKED))["choices"][0]["message"]["content"] == "cut\ufffd"


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (400, b'{"message":"Bad model"}', ("Bad model", "invalid_request_error", None)),
        (
            403,
            b'{"Message":"No","__type":"com.amazon#AccessDeniedException"}',
            ("No", "permission_error", "AccessDeniedException"),
        ),
        (404, b'{"message":"Which?"}', ("Which?", "not_found_error", None)),
        (408, b'{"message":"Late"}', ("Late", "timeout_error", None)),
        (
            429,
            b'{"message":"Slow down","__type":"ThrottlingException"}',
            ("Slow down", "rate_limit_error", "ThrottlingException"),
        ),
        (424, b"<html>", ("The provider answered with status 424 and said no more.", "invalid_request_error", None)),
        (503, b"[1]", ("The provider answered with status 503 and said no more.", "server_error", None)),
        (
            500,
            b'{"message":5,"__type":[]}',
            ("The provider answered with status 500 and said no more.", "server_error", None),
        ),
    ],
)
def test_errors(status, body, error):
    translated = json.loads(OPENAI_TO_CONVERSE.error(status, body))["error"]

    assert (translated["message"], translated["type"], translated["code"]) == error
    assert translated["param"] is None


CONVERSATION: list[tuple[str, Any]] = [
    ("messageStart", {"role": "assistant", "p": "abc"}),
    ("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"reasoningContent": {"text": "Hm"}}}),
    ("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"reasoningContent": {"signature": "xyz"}}}),
    ("contentBlockStop", {"contentBlockIndex": 0}),
    ("contentBlockDelta", {"contentBlockIndex": 1, "delta": {"text": "Let me "}}),
    ("contentBlockDelta", {"contentBlockIndex": 1, "delta": {"text": "see."}}),
    ("contentBlockStop", {"contentBlockIndex": 1}),
    ("contentBlockStart", {"contentBlockIndex": 2, "start": {"toolUse": {"toolUseId": "t1", "name": "weather"}}}),
    ("contentBlockDelta", {"contentBlockIndex": 2, "delta": {"toolUse": {"input": '{"city":'}}}),
    ("contentBlockDelta", {"contentBlockIndex": 2, "delta": {"toolUse": {"input": '"Kyōto"}'}}}),
    ("contentBlockStop", {"contentBlockIndex": 2}),
    ("contentBlockStart", {"contentBlockIndex": 3, "start": {"toolUse": {"toolUseId": "t2", "name": "time"}}}),
    ("contentBlockDelta", {"contentBlockIndex": 3, "delta": {"toolUse": {"input": ""}}}),
    ("contentBlockStop", {"contentBlockIndex": 3}),
    ("news", {"x": 1}),
    ("messageStop", {"stopReason": "tool_use"}),
    ("metadata", {"usage": USAGE, "metrics": {"latencyMs": 5}}),
]


def streamed(asked: Asked, events: list[tuple[str, Any]] = CONVERSATION) -> list[Any]:
    stream = OPENAI_TO_CONVERSE.stream(asked)
    sent = b"".join(stream.feed(name, json.dumps(data).encode()) for name, data in events)
    assert stream.finished
    sent += stream.end()
    data = [data for _, data in events_in(sent, whole=True)]
    assert data[-1] == b"[DONE]"
    return [json.loads(one) for one in data[:-1]]


def test_a_stream_in_openais_order():
    chunks = streamed(ASKED)

    assert [chunk["choices"][0]["delta"] for chunk in chunks[:-1]] == [
        {"role": "assistant", "content": ""},
        {"reasoning_content": "Hm"},
        {"content": "Let me "},
        {"content": "see."},
        {
            "tool_calls": [
                {"index": 0, "id": "t1", "type": "function", "function": {"name": "weather", "arguments": ""}}
            ]
        },
        {"tool_calls": [{"index": 0, "function": {"arguments": '{"city":'}}]},
        {"tool_calls": [{"index": 0, "function": {"arguments": '"Kyōto"}'}}]},
        {"tool_calls": [{"index": 1, "id": "t2", "type": "function", "function": {"name": "time", "arguments": ""}}]},
        {"tool_calls": [{"index": 1, "function": {"arguments": "{}"}}]},
        {},
    ]
    assert [chunk["choices"][0]["finish_reason"] for chunk in chunks[:-1]] == [None] * 9 + ["tool_calls"]
    assert [chunk["usage"] for chunk in chunks[:-1]] == [None] * 10
    assert chunks[-1]["choices"] == []
    assert chunks[-1]["usage"] == USED
    assert {(chunk["id"], chunk["model"], chunk["created"]) for chunk in chunks} == {
        ("chatcmpl-01JAB", "smart", 1_700_000_000)
    }


def test_usage_comes_only_for_those_who_asked():
    chunks = streamed(QUIET)

    assert all("usage" not in chunk and chunk["choices"] for chunk in chunks)


def test_the_sdks_accumulator_takes_the_stream():
    state: Any = ChatCompletionStreamState()
    for chunk in streamed(ASKED):
        state.handle_chunk(ChatCompletionChunk.model_validate(chunk, strict=True))
    message = state.get_final_completion().choices[0].message

    assert message.content == "Let me see."
    assert [(call.id, call.function.arguments) for call in message.tool_calls] == [
        ("t1", '{"city":"Kyōto"}'),
        ("t2", "{}"),
    ]


def test_each_event_is_sent_on_at_once():
    stream = OPENAI_TO_CONVERSE.stream(QUIET)
    sent = [bool(stream.feed(name, json.dumps(data).encode())) for name, data in CONVERSATION]

    assert sent == [
        True,
        True,
        False,
        False,
        True,
        True,
        False,
        True,
        True,
        True,
        False,
        True,
        False,
        True,
        False,
        True,
        False,
    ]


def test_the_role_comes_first_even_where_the_start_is_missing():
    chunks = streamed(QUIET, CONVERSATION[4:6] + CONVERSATION[-2:])

    assert chunks[0]["choices"][0]["delta"] == {"role": "assistant", "content": ""}


def test_a_stream_without_its_end_is_not_finished():
    stream = OPENAI_TO_CONVERSE.stream(QUIET)
    for name, data in CONVERSATION[:-1]:
        stream.feed(name, json.dumps(data).encode())

    assert not stream.finished


@pytest.mark.parametrize(
    ("event", "data"),
    [
        ("throttlingException", {"message": "Slow down"}),
        ("contentBlockDelta", {}),
        ("contentBlockDelta", {"contentBlockIndex": 0, "delta": 5}),
        ("contentBlockDelta", {"contentBlockIndex": 9, "delta": {"toolUse": {"input": "{"}}}),
        ("contentBlockStart", {"contentBlockIndex": 0, "start": {"image": {"format": "png"}}}),
        ("contentBlockStart", []),
        ("contentBlockStop", {"contentBlockIndex": "0"}),
        ("messageStop", {}),
    ],
)
def test_events_that_cannot_be_read_are_reported(event, data):
    with pytest.raises(UntranslatableAnswer):
        OPENAI_TO_CONVERSE.stream(QUIET).feed(event, json.dumps(data).encode())


@given(st.sampled_from([name for name, _ in CONVERSATION]), st.binary(max_size=40))
def test_arbitrary_data_never_raises_anything_else(event, data):
    stream = OPENAI_TO_CONVERSE.stream(QUIET)
    with contextlib.suppress(UntranslatableAnswer):
        stream.feed(event, data)


@pytest.mark.parametrize(("reason", "finish"), [("tool_use", None), ("max_tokens", "length")])
def test_a_call_that_breaks_off_is_no_call_unless_a_limit_cut_it(reason, finish):
    stream = OPENAI_TO_CONVERSE.stream(QUIET)
    stream.feed("contentBlockStart", b'{"contentBlockIndex":0,"start":{"toolUse":{"toolUseId":"t","name":"f"}}}')
    stream.feed("contentBlockDelta", b'{"contentBlockIndex":0,"delta":{"toolUse":{"input":"{\\"a\\":"}}}')
    end = json.dumps({"stopReason": reason}).encode()

    if finish is None:
        with pytest.raises(UntranslatableAnswer, match="break off"):
            stream.feed("messageStop", end)
    else:
        assert f'"finish_reason":"{finish}"'.encode() in stream.feed("messageStop", end)


def test_another_message_within_a_stream_is_none_of_the_answers():
    stream = OPENAI_TO_CONVERSE.stream(QUIET)
    stream.feed("messageStart", b'{"role":"assistant"}')

    with pytest.raises(UntranslatableAnswer, match="another message"):
        stream.feed("messageStart", b'{"role":"assistant"}')


def test_an_exception_is_told_in_its_own_words():
    with pytest.raises(UntranslatableAnswer, match=r"^throttlingException: Slow down$"):
        OPENAI_TO_CONVERSE.stream(QUIET).feed("throttlingException", b'{"message":"Slow down"}')


def test_usage_that_cannot_be_read_leaves_the_stream_whole():
    chunks = streamed(ASKED, [*CONVERSATION[:-1], ("metadata", {"usage": 5})])

    assert chunks[-1]["choices"][0]["finish_reason"] == "tool_calls"
