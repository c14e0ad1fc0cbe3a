"""What is kept of a request becomes the attributes of the conventions, or nothing; what is hidden is hidden first."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.content.captured import CapturedContent, CapturePolicy
from gateway.content.prompts import PROMPTS
from gateway.content.redaction import CUT, Redaction, redaction

SECRET = "sk-abcdefghijkl"
TOOL = {"name": "get_weather", "description": "now", "parameters": {"type": "object"}}


def policy(most=32_768, body=1 << 20, *patterns):
    return CapturePolicy(body, redaction(patterns, most))


def attributes(endpoint, request, *answer, how=None):
    body = request if isinstance(request, bytes) else json.dumps(request).encode()
    content = CapturedContent(endpoint, body, how or policy())
    for piece in answer:
        content.add(piece)
    return dict(content.attributes())


def read(found):
    return {name: json.loads(value) if isinstance(value, str) else value for name, value in found.items()}


def events(*told):
    return b"".join(b"data: " + json.dumps(one).encode() + b"\n\n" for one in told)


def named(*told):
    return b"".join(b"event: " + one["type"].encode() + b"\n" + events(one) for one in told)


CHAT = {
    "messages": [
        {"role": "system", "content": "be brief"},
        {
            "role": "user",
            "name": "ada",
            "content": [
                {"type": "text", "text": "what is it?"},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
                {"type": "image_url", "image_url": {"url": "https://example.org/a.png"}},
                {"type": "input_audio", "input_audio": {"format": "wav", "data": "AAAA"}},
                {"type": "file", "file": {"file_id": "file-1"}},
            ],
        },
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {"id": "c1", "type": "function", "function": {"name": "get_weather", "arguments": '{"city":"Bern"}'}},
                {"id": "c2", "type": "function", "function": {"name": "get_weather", "arguments": "{broken"}},
            ],
        },
        {"role": "tool", "tool_call_id": "c1", "content": "12 degrees"},
    ],
    "tools": [{"type": "function", "function": TOOL}],
    "functions": [TOOL],
}
MESSAGES = {
    "system": [{"type": "text", "text": "be brief"}],
    "messages": [
        {"role": "user", "content": "hi"},
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "hm", "signature": "s"},
                {"type": "tool_use", "id": "t1", "name": "get_weather", "input": {"city": "Bern"}},
                {"type": "server_tool_use", "id": "s1", "name": "web_search", "input": {"query": "q"}},
                {"type": "web_search_tool_result", "tool_use_id": "s1", "content": []},
            ],
        },
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "t1", "content": [{"type": "text", "text": "12"}]},
                {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}},
                {"type": "document", "source": {"type": "file", "file_id": "f1"}},
                {"type": "container_upload", "file_id": "f2"},
            ],
        },
    ],
    "tools": [
        {"name": "get_weather", "input_schema": {"type": "object"}},
        {"type": "web_search_1", "name": "web_search"},
    ],
}
RESPONSES = {
    "instructions": "be brief",
    "input": [
        {"role": "user", "content": [{"type": "input_text", "text": "hi"}, {"type": "input_image", "file_id": "f1"}]},
        {"type": "reasoning", "summary": [{"type": "summary_text", "text": "hm"}]},
        {"type": "function_call", "call_id": "c1", "name": "get_weather", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c1", "output": "12"},
        {"type": "item_reference", "id": "i1"},
    ],
    "tools": [{"type": "function", **TOOL}, {"type": "web_search"}],
}
CHAT_STREAM = events(
    {"choices": [{"index": 0, "delta": {"role": "assistant", "content": "He"}}]},
    {"choices": [{"index": 1, "delta": {"content": "Or"}}, {"index": 0, "delta": {"content": "llo"}}]},
    {"choices": [{"index": 0, "delta": {"tool_calls": [{"index": 0, "id": "c1", "function": {"name": "f", "arguments": '{"a"'}}]}}]},
    {"choices": [{"index": 0, "delta": {"tool_calls": [{"index": 0, "function": {"arguments": ":1}"}}]}}]},
    {"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]},
    {"choices": [], "usage": {}},
) + b"data: [DONE]\n\n"  # fmt: skip
MESSAGES_STREAM = named(
    {"type": "message_start", "message": {"role": "assistant", "content": []}},
    {"type": "content_block_start", "index": 0, "content_block": {"type": "thinking", "thinking": ""}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "hm"}},
    {"type": "ping"},
    {"type": "content_block_start", "index": 1, "content_block": {"type": "text", "text": ""}},
    {"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": "He"}},
    {"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": "llo"}},
    {
        "type": "content_block_start",
        "index": 2,
        "content_block": {"type": "tool_use", "id": "t", "name": "f", "input": {}},
    },
    {"type": "content_block_delta", "index": 2, "delta": {"type": "input_json_delta", "partial_json": '{"a"'}},
    {"type": "content_block_delta", "index": 2, "delta": {"type": "input_json_delta", "partial_json": ":1}"}},
    {"type": "message_delta", "delta": {"stop_reason": "tool_use"}},
    {"type": "message_stop"},
)
RESPONSE_PIECES = (
    {"type": "response.created", "response": {"status": "in_progress"}},
    {"type": "response.output_item.added", "output_index": 0, "item": {"type": "message", "role": "assistant", "content": []}},
    {"type": "response.output_text.delta", "output_index": 0, "content_index": 0, "delta": "He"},
    {"type": "response.output_text.delta", "output_index": 0, "content_index": 0, "delta": "llo"},
    {"type": "response.output_item.added", "output_index": 1, "item": {"type": "function_call", "call_id": "c", "name": "f", "arguments": ""}},
    {"type": "response.function_call_arguments.delta", "output_index": 1, "delta": '{"a":1}'},
)  # fmt: skip
RESPONSE = {
    "status": "completed",
    "output": [
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Hello"}]},
        {"type": "function_call", "call_id": "c", "name": "f", "arguments": '{"a":1}'},
    ],
}
CASES = {
    "chat": ("chat_completions", CHAT, b'{"choices":[{"message":{"role":"assistant","content":"Hi"},"finish_reason":"stop"}]}'),
    "chat stream": ("chat_completions", {"messages": []}, CHAT_STREAM),
    "messages": (
        "messages",
        MESSAGES,
        b'{"type":"message","content":[{"type":"text","text":"Hi"}],"stop_reason":"max_tokens"}',
    ),
    "messages stream": ("messages", {}, MESSAGES_STREAM),
    "responses": ("responses", RESPONSES, json.dumps(RESPONSE).encode()),
    "responses of a text": ("responses", {"input": "hi"}, b'{"status":"incomplete","incomplete_details":{"reason":"max_output_tokens"},"output":[{"type":"message","content":[{"type":"output_text","text":"H"}]}]}'),
    "responses stream": ("responses", {}, named(*RESPONSE_PIECES, {"type": "response.completed", "response": RESPONSE})),
    "responses stream cut short": ("responses", {}, named(*RESPONSE_PIECES)),
    "completions": ("completions", {"prompt": ["one", "two"]}, b'{"choices":[{"text":"Hi","finish_reason":"length"}]}'),
    "completions stream": ("completions", {"prompt": "one"}, events({"choices": [{"text": "H"}]}, {"choices": [{"text": "i", "finish_reason": "stop"}]})),
    "embeddings": ("embeddings", {"input": ["one", "two"]}, b'{"data":[{"embedding":[0.1]}]}'),
    "tokens": ("embeddings", {"input": [[1, 2]]}, b"{}"),
    "an error": ("chat_completions", {"messages": []}, b'{"error":{"message":"no"}}'),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_content_takes_the_form_of_the_conventions(case, snapshot):
    assert read(attributes(*CASES[case])) == snapshot


@pytest.mark.parametrize("stream", [CHAT_STREAM, MESSAGES_STREAM])
def test_other_line_ends_and_comments_change_nothing(stream):
    endpoint = "messages" if stream is MESSAGES_STREAM else "chat_completions"
    plain = attributes(endpoint, {}, stream)

    assert attributes(endpoint, {}, stream.replace(b"\n", b"\r\n")) == plain
    assert attributes(endpoint, {}, b": ping\n\n" + stream + b"data: {torn") == plain


@pytest.mark.parametrize("size", [1, 7, 100])
def test_a_stream_is_put_together_however_it_was_cut(size):
    pieces = [CHAT_STREAM[at : at + size] for at in range(0, len(CHAT_STREAM), size)]

    assert attributes("chat_completions", {}, *pieces) == attributes("chat_completions", {}, CHAT_STREAM)


@pytest.mark.parametrize("most", [256, 300, 1000, 4096, 32_768])
def test_a_secret_is_hidden_before_anything_is_cut_so_that_no_half_of_it_is_left(most):
    words = [f"{'x' * length} {SECRET} {'y' * length}" for length in range(60, 300, 6)]
    body = {"messages": [{"role": "user", "content": one} for one in words], "tools": [{"type": SECRET, SECRET: words}]}
    found = attributes("chat_completions", body, how=policy(most, 1 << 20, "sk-[a-z]+"))

    text = json.dumps(found)
    assert "sk-" not in text
    assert all(len(one) <= most for one in found.values() if isinstance(one, str))
    assert read(found)
    assert found.get("langwatch.content.truncated", False) is (most < 32_768)


def test_a_secret_that_a_stream_brings_in_pieces_is_hidden():
    pieces = [{"choices": [{"index": 0, "delta": {"content": one}}]} for one in SECRET]

    found = attributes("chat_completions", {}, events(*pieces), how=policy(4096, 1 << 20, "sk-[a-z]{12}"))

    assert read(found)["gen_ai.output.messages"][0]["parts"] == [{"type": "text", "content": "[redacted]"}]


def test_bytes_are_left_out_wherever_they_stand():
    encoded = "iVBORw0KGgo" * 100
    source = {"type": "base64", "media_type": "image/png", "data": encoded}
    asked = {
        "messages": [
            {"role": "user", "content": [{"type": "image", "source": source}, {"type": "strange", "blob": [encoded]}]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": [{"source": source}]}]},
        ]
    }
    made = {"status": "completed", "output": [{"type": "image_generation_call", "result": encoded}]}
    shot = {"type": "computer_call_output", "output": {"image_url": f"data:image/png;base64,{encoded}"}}

    found = [
        attributes("messages", asked),
        attributes("responses", {"input": [shot]}, json.dumps(made).encode()),
        attributes("chat_completions", {"messages": [{"role": "tool", "content": encoded}]}),
    ]

    assert "iVBORw0" not in json.dumps(found)
    assert "[omitted 1100 characters]" in json.dumps(found)


def test_a_number_is_looked_through_too():
    body = {"messages": [{"role": "assistant", "tool_calls": [{"function": {"name": "pay", "arguments": '{"card":4111111111111111}'}}]}]}  # fmt: skip

    found = read(attributes("chat_completions", body, how=policy(4096, 1 << 20, r"\d{16}")))

    assert found["gen_ai.input.messages"][0]["parts"][0]["arguments"] == {"card": "[redacted]"}


ASKED = {"password": "hunter2", "user": "ada"}
TOOL_CALLS = {
    "OpenAI, white space": (
        "chat_completions",
        {"role": "assistant", "tool_calls": [{"function": {"name": "login", "arguments": json.dumps(ASKED)}}]},
    ),
    "OpenAI, none": (
        "chat_completions",
        {
            "role": "assistant",
            "tool_calls": [{"function": {"name": "login", "arguments": json.dumps(ASKED, separators=(",", ":"))}}],
        },
    ),
    "Anthropic, a call": (
        "messages",
        {"role": "assistant", "content": [{"type": "tool_use", "id": "t", "name": "login", "input": ASKED}]},
    ),
    "Anthropic, a result": (
        "messages",
        {"role": "user", "content": [{"type": "web_search_tool_result", "tool_use_id": "t", "content": [ASKED]}]},
    ),
}


@pytest.mark.parametrize("pattern", [r'"password":\s*"[^"]*"', r'"password":"[^"]*"', r'"password": "[^"]*"'])
@pytest.mark.parametrize("case", TOOL_CALLS)
def test_a_pattern_for_the_json_of_a_tool_hides_in_its_structure(case, pattern):
    endpoint, message = TOOL_CALLS[case]

    found = attributes(endpoint, {"messages": [message]}, how=policy(4096, 1 << 20, pattern))

    assert "hunter2" not in json.dumps(found)
    assert "[redacted]" in found["gen_ai.input.messages"]
    assert "ada" in found["gen_ai.input.messages"]


def test_patterns_for_different_white_space_hide_what_either_matches():
    endpoint, message = TOOL_CALLS["OpenAI, none"]
    both = policy(4096, 1 << 20, r'"password": "[^"]*"', r'"user":"[^"]*"')

    found = attributes(endpoint, {"messages": [message]}, how=both)

    assert not {"hunter2", "ada"} & set(json.dumps(found).replace("\\", "").split('"'))


def test_of_a_long_history_the_end_is_kept_and_of_a_long_message_the_beginning():
    messages = [{"role": "user", "content": f"question {number} " + "x" * 2000} for number in range(50)]

    found = read(attributes("chat_completions", {"messages": messages}, how=policy(2048)))

    texts = [one["parts"][0]["content"] for one in found["gen_ai.input.messages"]]
    assert texts[-1].startswith("question 49")
    assert all(text.endswith(CUT) for text in texts)
    assert found["langwatch.content.truncated"] is True


def test_bodies_beyond_the_bound_are_left_out_and_not_kept():
    stream = events(*({"choices": [{"index": 0, "delta": {"content": "word "}}]} for _ in range(100)))
    content = CapturedContent("chat_completions", json.dumps(CHAT).encode(), policy(4096, 500))
    for piece in (stream[:200], stream[200:900], stream[900:]):
        content.add(piece)

    assert content.size == 0
    assert content.attributes() == {"langwatch.content.truncated": True}


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(
        st.sampled_from(
            ["messages", "content", "role", "type", "text", "tools", "function", "input", "system", "prompt", "choices",
             "delta", "index", "message", "tool_calls", "output", "response", "image_url", "source", "item", "name"]
        ),
        inner,
        max_size=5,
    ),
    max_leaves=20,
)  # fmt: skip


@given(st.sampled_from(sorted(PROMPTS)), json_values, json_values, st.booleans())
def test_whatever_json_comes_it_is_captured_or_nothing(endpoint, request, answer, is_stream):
    told = events(answer) if is_stream else json.dumps(answer).encode()

    found = attributes(endpoint, request, told, how=policy(300, 1 << 20, "a"))

    assert all(len(one.encode()) <= 300 for one in found.values() if isinstance(one, str))
    read(found)


@given(st.sampled_from(sorted(PROMPTS)), st.binary(max_size=60), st.binary(max_size=60))
def test_whatever_bytes_come_nothing_fails(endpoint, request, answer):
    read(attributes(endpoint, request, answer))


PATTERNS = [
    "a",
    "^a",
    "a$",
    "^a$",
    r"\ba\b",
    r"\Aa",
    r"a\z",
    "(?i)A",
    "(?s)a.b",
    "(?m)^a$",
    "(?-s)a.b",
    r"\Qa.\E",
    "1{2}",
    "a|b",
    "[^a]b",
    r"\n",
]


@given(
    st.lists(st.sampled_from(PATTERNS), min_size=1, max_size=3),
    st.lists(json_values | st.text("ab1\n A.", max_size=6), max_size=4),
)
def test_asking_once_for_all_strings_hides_what_asking_each_would(patterns, items):
    quick = redaction(patterns, 4096)
    thorough = Redaction(quick.patterns, 4096)

    assert quick.written(items) == thorough.written(items)
