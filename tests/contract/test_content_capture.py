"""Prompts and answers are in the traces of the keys that ask for it, and of no other."""

import json
import time

import pytest

from tests.support.collector import HttpCollector
from tests.support.keys import HASH, SECRET, new_key
from tests.support.upstream import response

CAPTURED, CAPTURED_HASH = new_key()
CARD = "4111111111111111"
TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
CONTENT = ("gen_ai.input.messages", "gen_ai.output.messages", "gen_ai.system_instructions", "gen_ai.tool.definitions")
CONFIG = """
version: 1
providers:
  simulator: {{type: simulator}}
  openai: {{type: openai, api_key: "${{env:UP_KEY:-sk-upstream}}", base_url: "{upstream}/v1"}}
  anthropic: {{type: anthropic, api_key: "${{env:UP_KEY:-sk-upstream}}", base_url: "{upstream}"}}
model_aliases: {{sim: simulator/gpt-5-mini, played: openai/gpt-5-mini, claude: anthropic/claude-haiku-4-5}}
content_capture: {{max_attribute_bytes: 1024, max_body_bytes: 65536, redact: ['\\d{{16}}']}}
virtual_keys:
  dev: {{environment: test, secret_hash: {off}}}
  captured: {{environment: test, secret_hash: {on}, content_capture: {{enabled: true, redact: ['token-[a-z]+']}}}}
"""


@pytest.fixture(scope="module")
def gateway(module_gateway, upstream, collector):
    env = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "OTEL_BSP_SCHEDULE_DELAY": "50"}
    return module_gateway(CONFIG.format(upstream=upstream.url, off=HASH, on=CAPTURED_HASH), env=env)


def ask(gateway, body, path="/v1/chat/completions", secret=CAPTURED, **headers):
    return gateway.post(body, path, headers={"authorization": f"Bearer {secret}", **headers})


def spans(collector, served):
    """The attributes of the call, or of the request that no call was made for."""
    made = 1 if served.status_code == 400 else 2
    return collector.of(served.headers["x-langwatch-request-id"], made)[made - 1]["attributes"]


def content(collector, served):
    found = spans(collector, served)
    return {name: json.loads(found[name]) for name in CONTENT if name in found}


def chat(text, **more):
    return {"model": "sim", "messages": [{"role": "user", "content": text}], **more}


def words(message):
    return "".join(part["content"] for part in message["parts"] if part["type"] == "text")


@pytest.mark.parametrize("stream", [False, True])
def test_a_chat_is_captured_with_what_is_to_be_hidden_hidden(gateway, collector, stream):
    served = ask(gateway, chat(f"pay with {CARD} and token-abc, say [[words 5]]", stream=stream))

    found = content(collector, served)

    assert found["gen_ai.input.messages"] == [
        {
            "role": "user",
            "parts": [{"type": "text", "content": "pay with [redacted] and [redacted], say [[words 5]]"}],
        }
    ]
    answer = found["gen_ai.output.messages"][0]
    assert (answer["role"], answer["finish_reason"]) == ("assistant", "stop")
    said = words(answer)
    assert said
    if not stream:
        assert said == served.json()["choices"][0]["message"]["content"]
    else:
        events = [json.loads(line[6:]) for line in served.text.splitlines() if line.startswith("data: {")]
        assert said == "".join(one["choices"][0]["delta"].get("content") or "" for one in events if one["choices"])


@pytest.mark.parametrize("stream", [False, True])
def test_anthropic_s_messages_and_their_tools_are_captured(gateway, collector, stream):
    body = {
        "model": "sim",
        "max_tokens": 50,
        "stream": stream,
        "system": "be brief",
        "messages": [{"role": "user", "content": "[[tool get_weather]]"}],
        "tools": [{"name": "get_weather", "input_schema": {"type": "object", "properties": {}}}],
    }
    found = content(collector, ask(gateway, body, "/v1/messages"))

    assert found["gen_ai.system_instructions"] == [{"type": "text", "content": "be brief"}]
    assert found["gen_ai.tool.definitions"][0]["name"] == "get_weather"
    answer = found["gen_ai.output.messages"][0]
    assert answer["finish_reason"] == "tool_call"
    assert [part["name"] for part in answer["parts"] if part["type"] == "tool_call"] == ["get_weather"]


@pytest.mark.parametrize("stream", [False, True])
def test_what_was_translated_is_captured_as_the_client_saw_it(gateway, collector, upstream, stream):
    reply = {"type": "message", "role": "assistant", "content": [{"type": "text", "text": "Grüezi"}]}
    pieces = [
        ("message_start", {"message": {**reply, "content": [], "usage": {"input_tokens": 1, "output_tokens": 1}}}),
        ("content_block_start", {"index": 0, "content_block": {"type": "text", "text": ""}}),
        ("content_block_delta", {"index": 0, "delta": {"type": "text_delta", "text": "Grü"}}),
        ("content_block_delta", {"index": 0, "delta": {"type": "text_delta", "text": "ezi"}}),
        ("content_block_stop", {"index": 0}),
        ("message_delta", {"delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 2}}),
        ("message_stop", {}),
    ]
    told = "".join(f"event: {name}\ndata: {json.dumps({'type': name, **data})}\n\n" for name, data in pieces)
    whole = {
        **reply,
        "id": "m",
        "model": "c",
        "stop_reason": "end_turn",
        "usage": {"input_tokens": 1, "output_tokens": 2},
    }
    if stream:
        upstream.play = lambda _: response(told.encode(), content_type="text/event-stream")
    else:
        upstream.play = lambda _: response(json.dumps(whole).encode())

    served = ask(gateway, {**chat("hi", stream=stream), "model": "claude"})

    assert served.status_code == 200, served.text
    answer = content(collector, served)["gen_ai.output.messages"]
    assert answer == [{"role": "assistant", "parts": [{"type": "text", "content": "Grüezi"}], "finish_reason": "stop"}]


def test_embeddings_tell_what_was_embedded(gateway, collector):
    found = content(collector, ask(gateway, {"model": "sim", "input": ["one", CARD]}, "/v1/embeddings"))

    assert [words(one) for one in found["gen_ai.input.messages"]] == ["one", "[redacted]"]
    assert "gen_ai.output.messages" not in found


def test_keys_that_do_not_ask_for_it_and_unsampled_requests_are_not_captured(gateway, collector):
    plain = ask(gateway, chat("do not tell"), secret=SECRET)
    unsampled = ask(gateway, chat("do not tell"), traceparent=f"00-{TRACE}-{SPAN}-00")

    assert content(collector, plain) == {}
    later = ask(gateway, chat("told"))
    assert content(collector, later)
    assert "do not tell" not in json.dumps(collector.spans)
    known = {one["attributes"]["langwatch.gateway_request_id"] for one in collector.spans}
    assert unsampled.headers["x-langwatch-request-id"] not in known


def test_long_texts_are_shortened_and_larger_bodies_left_out(gateway, collector):
    long = ask(gateway, chat("long " * 2000))
    huge = ask(gateway, chat("huge " * 20_000))

    found = spans(collector, long)
    assert len(found["gen_ai.input.messages"]) <= 1024
    assert found["langwatch.content.truncated"] is True
    assert words(json.loads(found["gen_ai.input.messages"])[0]).startswith("long long")
    assert "gen_ai.input.messages" not in spans(collector, huge)
    assert "gen_ai.output.messages" in spans(collector, huge)


def test_what_cannot_be_read_is_captured_as_nothing(gateway, collector, upstream):
    upstream.play = lambda _: response(b'{"choices":[{"message":')

    served = ask(gateway, {**chat("hi"), "model": "played"})
    refused = ask(gateway, b'{"model": "sim", "messages": [')

    assert set(content(collector, served)) == {"gen_ai.input.messages"}
    assert refused.status_code == 400
    assert content(collector, refused) == {}


def test_content_that_waits_is_bounded_and_the_spans_go_without_it(start_gateway, upstream):
    slow = HttpCollector(hangs=True)
    env = {"OTEL_EXPORTER_OTLP_ENDPOINT": slow.url, "OTEL_BSP_SCHEDULE_DELAY": "50"}
    text = CONFIG.format(upstream=upstream.url, off=HASH, on=CAPTURED_HASH).replace("65536", "33554432")
    gateway = start_gateway(text, env=env)
    for _ in range(4):
        assert ask(gateway, chat("x" * 12_000_000)).status_code == 200

    line = 'gateway_trace_content_dropped_total{collector="default"} '
    found = [one for one in gateway.metrics().splitlines() if one.startswith(line)]
    assert float(found[0].removeprefix(line)) >= 1
    slow.release()
    deadline = time.monotonic() + 15
    while len(slow.spans) < 8 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert len(slow.spans) == 8
    slow.close()
