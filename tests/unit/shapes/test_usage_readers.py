import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.shapes import messages as anthropic
from gateway.shapes import openai_usage as openai
from gateway.usage import Stated, Usage
from gateway.wire.json_tail import usage_object

_CHAT = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "choices": [{"message": {"role": "assistant", "content": 'say "usage": {"prompt_tokens": 999}'}}],
    "usage": {
        "prompt_tokens": 19,
        "completion_tokens": 10,
        "total_tokens": 29,
        "prompt_tokens_details": {"cached_tokens": 5, "audio_tokens": 1, "cache_write_tokens": 2},
        "completion_tokens_details": {"reasoning_tokens": 4, "audio_tokens": 3, "rejected_prediction_tokens": 0},
    },
    "system_fingerprint": "fp",
}
_CHAT_USAGE = Usage(
    input_tokens=19,
    output_tokens=10,
    cache_read_tokens=5,
    cache_write_tokens=2,
    reasoning_tokens=4,
    input_audio_tokens=1,
    output_audio_tokens=3,
)
_RESPONSES_USAGE = {
    "input_tokens": 36,
    "input_tokens_details": {"cached_tokens": 8, "cache_write_tokens": 0},
    "output_tokens": 87,
    "output_tokens_details": {"reasoning_tokens": 64},
    "total_tokens": 123,
}
_RESPONSES = Usage(input_tokens=36, output_tokens=87, cache_read_tokens=8, reasoning_tokens=64)


def usage_in(stated):
    return None if stated is None else stated.usage


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (_CHAT, _CHAT_USAGE),
        ({"object": "list", "data": [], "usage": {"prompt_tokens": 8, "total_tokens": 8}}, Usage(input_tokens=8)),
        ({"object": "response", "output": [], "usage": _RESPONSES_USAGE, "user": None}, _RESPONSES),
        ({"type": "response.completed", "response": {"usage": _RESPONSES_USAGE}}, _RESPONSES),
        ({"type": "response.created", "response": {"usage": None}}, None),
        (
            {
                "created": 1,
                "data": [{"b64_json": "x"}],
                "usage": {"input_tokens": 50, "output_tokens": 4160, "total_tokens": 4210},
            },
            Usage(input_tokens=50, output_tokens=4160),
        ),
        (
            {
                "text": "hi",
                "usage": {
                    "type": "tokens",
                    "input_tokens": 14,
                    "input_token_details": {"audio_tokens": 14},
                    "output_tokens": 45,
                },
            },
            Usage(input_tokens=14, output_tokens=45, input_audio_tokens=14),
        ),
        ({"text": "hi", "usage": {"type": "duration", "seconds": 27}}, Usage(further={"input_audio_ms": 27_000})),
        ({"text": "hi", "usage": {"type": "duration", "seconds": 0.5004}}, Usage(further={"input_audio_ms": 501})),
        ({"usage": {"prompt_tokens": 3, "completion_tokens": None}}, Usage(input_tokens=3)),
        ({"response": "a text", "usage": {"prompt_tokens": 3}}, Usage(input_tokens=3)),
        (
            {"usage": {"prompt_tokens": 3, "prompt_tokens_details": [1], "completion_tokens_details": "x"}},
            Usage(input_tokens=3),
        ),
        ({"usage": {"prompt_tokens": -1, "completion_tokens": 4}}, Usage(output_tokens=4)),
        ({"usage": {"prompt_tokens": 10**15, "completion_tokens": True}}, None),
        ({"usage": {"prompt_tokens": 1.5, "completion_tokens": "7"}}, None),
        ({"usage": {}}, None),
        ({"usage": "none"}, None),
        ({"usage": []}, None),
        ({"choices": []}, None),
    ],
)
def test_openai_bodies(body, expected):
    assert usage_in(openai.read_body(json.dumps(body).encode())) == expected


@pytest.mark.parametrize("read", [openai.read_event, anthropic.read_event])
@pytest.mark.parametrize(
    "data", [b"", b"[DONE]", b"[]", b"1", b"{", b'{"usage":{"\xff":1}}', b"[" * 100_000, b'{"response":{"usage":nope}}']
)
def test_odd_events_change_nothing(read, data):
    known = Stated(usage=Usage(input_tokens=1))

    assert read(known, data) is known
    assert read(None, data) is None


def test_an_openai_stream_keeps_the_last_report():
    known = openai.read_event(None, b'{"choices":[],"usage":{"prompt_tokens":5,"completion_tokens":1}}')
    assert openai.read_event(known, b'{"choices":[{}],"usage":null}') is known

    last = openai.read_event(known, b'{"usage":{"prompt_tokens":5,"completion_tokens":9}}')
    assert last.usage == Usage(input_tokens=5, output_tokens=9)


def test_anthropic_input_tokens_count_the_cache_in():
    body = {
        "type": "message",
        "usage": {
            "input_tokens": 100,
            "cache_creation_input_tokens": 20,
            "cache_read_input_tokens": 300,
            "cache_creation": {"ephemeral_5m_input_tokens": 20, "ephemeral_1h_input_tokens": 0},
            "output_tokens": 50,
            "output_tokens_details": {"thinking_tokens": 30},
            "server_tool_use": None,
        },
    }

    assert anthropic.read_body(json.dumps(body).encode()).usage == Usage(
        input_tokens=420, output_tokens=50, cache_read_tokens=300, cache_write_tokens=20, reasoning_tokens=30
    )


@pytest.mark.parametrize(
    ("delta", "expected"),
    [
        ({"output_tokens": 9}, Usage(input_tokens=15, output_tokens=9, cache_read_tokens=3, cache_write_tokens=2)),
        (
            {"output_tokens": 9, "input_tokens": None, "cache_read_input_tokens": None},
            Usage(input_tokens=15, output_tokens=9, cache_read_tokens=3, cache_write_tokens=2),
        ),
        (
            {"output_tokens": 9, "input_tokens": 40},
            Usage(input_tokens=45, output_tokens=9, cache_read_tokens=3, cache_write_tokens=2),
        ),
        (
            {"cache_read_input_tokens": 13},
            Usage(input_tokens=25, output_tokens=1, cache_read_tokens=13, cache_write_tokens=2),
        ),
        (
            {"output_tokens": 9, "input_tokens": 0, "cache_read_input_tokens": 0, "cache_creation_input_tokens": 0},
            Usage(input_tokens=15, output_tokens=9, cache_read_tokens=3, cache_write_tokens=2),
        ),
        ({"output_tokens": -9}, Usage(input_tokens=15, output_tokens=1, cache_read_tokens=3, cache_write_tokens=2)),
    ],
)
def test_anthropic_deltas_are_cumulative_and_the_later_figure_wins(delta, expected):
    start = {"input_tokens": 10, "cache_creation_input_tokens": 2, "cache_read_input_tokens": 3, "output_tokens": 1}
    known = anthropic.read_event(None, json.dumps({"type": "message_start", "message": {"usage": start}}).encode())

    later = anthropic.read_event(known, json.dumps({"type": "message_delta", "usage": delta}).encode())
    assert later.usage == expected


@pytest.mark.parametrize("body", [b'{"input_tokens":14}', b'{"usage":{"input_tokens":-1}}', b'{"message":"x"}', b"{}"])
def test_anthropic_bodies_without_usage(body):
    assert anthropic.read_body(body) is None


_TAILS = [
    (json.dumps(_CHAT).encode(), _CHAT_USAGE),
    (
        json.dumps({"response": {"output": ["x"], "usage": _RESPONSES_USAGE}, "n": 1}, indent=2).encode() + b"\n\n",
        _RESPONSES,
    ),
    (b'xxx"}],"usage" : {"prompt_tokens":4,"x":{"y":"}"}}}', Usage(input_tokens=4)),
    (b'{"usage":{"prompt_tokens":4},"later":{"usage":{"prompt_tokens":7}}}', Usage(input_tokens=4)),
    (b'{"output":[{"usage":{"prompt_tokens":7}}]}', None),
    (b'{"text":"\\"usage\\":{\\"prompt_tokens\\":7}"}', None),
    (b'{"text":"\\\\\\"usage": {"}', None),
    (b'{"usage":{"prompt_tokens":4', None),
    (b'{"usage":null}', None),
    (b"", None),
]


def usage_at_the_end(tail):
    found = usage_object(tail)
    return None if found is None else openai.read_usage_object(found)


@pytest.mark.parametrize(("tail", "expected"), _TAILS)
def test_usage_at_the_end_of_a_large_answer(tail, expected):
    assert usage_at_the_end(tail) == expected


@given(st.text(max_size=40), st.integers(0, 400))
def test_no_text_in_an_answer_is_taken_for_its_usage(text, cut):
    answer = {
        "choices": [{"content": text + '"usage":{"prompt_tokens":7}}' + text}],
        "usage": {"prompt_tokens": 4},
        "z": text,
    }
    data = json.dumps(answer, ensure_ascii=False).encode()
    start = min(cut, data.rindex(b'"usage": {'))

    assert usage_at_the_end(data[start:]) == Usage(input_tokens=4)
