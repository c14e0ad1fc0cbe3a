"""Anthropic's SDK in one conversation with Gemini, Claude and a server that reasons: each gets back what it gave."""

import json

import anthropic
import pytest

from tests.support.keys import HASH, SECRET
from tests.support.upstream import stream

CONFIG = """
version: 1
providers:
  claude: {{type: anthropic, api_key: k, base_url: "{url}/claude"}}
  gemini: {{type: gemini, api_key: k, base_url: "{url}/gemini"}}
  vllm: {{type: custom, base_url: "{url}/vllm"}}
virtual_keys:
  dev: {{environment: test, secret_hash: "{hash}"}}
"""
TOOL = {"name": "weather", "description": "Of a city.", "input_schema": {"type": "object", "properties": {}}}
SIGNATURE, GOOGLES, THOUGHT = "c2lnbmVk", "Z29vZ2xl", "the server's own thought"


@pytest.fixture(scope="module")
def gateway(module_gateway, upstream):
    return module_gateway(CONFIG.format(url=upstream.url, hash=HASH))


def frames(events):
    return stream([b"data: " + json.dumps(event).encode() + b"\n\n" for event in events] + [b"data: [DONE]\n\n"])


def of_chat(identifier, members):
    called = {"index": 0, "id": identifier, "function": {"name": "weather", "arguments": "{}"}}
    deltas = [{"role": "assistant", **members}, {"tool_calls": [called]}]
    chunks = [{"id": "c", "choices": [{"index": 0, "delta": delta}]} for delta in deltas]
    return frames([*chunks, {"id": "c", "choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]}])


def of_gemini(identifier):
    call = {"functionCall": {"id": identifier, "name": "weather", "args": {}}, "thoughtSignature": GOOGLES}
    candidates = [{"content": {"role": "model", "parts": [call]}}, {"finishReason": "STOP"}]
    return stream([b"data: " + json.dumps({"candidates": [one]}).encode() + b"\r\n\r\n" for one in candidates])


def of_claude(identifier):
    head = {"id": "m", "type": "message", "role": "assistant", "model": "c", "content": [], "stop_reason": None}
    blocks = [
        (
            {"type": "thinking", "thinking": "", "signature": ""},
            [{"type": "thinking_delta", "thinking": "hm"}, {"type": "signature_delta", "signature": SIGNATURE}],
        ),
        ({"type": "tool_use", "id": identifier, "name": "weather", "input": {}}, []),
    ]
    events = [{"type": "message_start", "message": {**head, "usage": {"input_tokens": 4, "output_tokens": 1}}}]
    for index, (begun, deltas) in enumerate(blocks):
        events.append({"type": "content_block_start", "index": index, "content_block": begun})
        events += [{"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas]
        events.append({"type": "content_block_stop", "index": index})
    delta = {"stop_reason": "tool_use", "stop_sequence": None}
    events += [{"type": "message_delta", "delta": delta, "usage": {"output_tokens": 2}}, {"type": "message_stop"}]
    return stream([f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode() for event in events])


PROVIDERS = {
    "gemini/gemini-3-pro-preview": (of_gemini, GOOGLES),
    "claude/claude-sonnet-4-6": (of_claude, SIGNATURE),
    "vllm/qwen3": (lambda identifier: of_chat(identifier, {"reasoning_content": THOUGHT}), THOUGHT),
}


def test_each_provider_gets_back_what_it_gave_and_nothing_of_others(gateway, upstream):
    client = anthropic.Anthropic(api_key=SECRET, base_url=gateway.url, max_retries=0)
    messages = [{"role": "user", "content": "What is the weather?"}]
    given = set()

    for turn, model in enumerate([*PROVIDERS, *reversed(PROVIDERS), *PROVIDERS]):
        play, own = PROVIDERS[model]
        upstream.play = lambda _, play=play, turn=turn: play(f"call_{turn}")
        with client.messages.stream(model=model, max_tokens=99, messages=messages, tools=[TOOL]) as streamed:
            message = streamed.get_final_message()

        sent = upstream.requests[-1].body.decode()
        assert {one for _, one in PROVIDERS.values() if one in sent} == given & {own}
        assert "lwg1." not in sent
        calls = [block for block in message.content if block.type == "tool_use"]
        assert [call.id for call in calls] == [f"call_{turn}"]
        messages += [
            {"role": "assistant", "content": [block.model_dump(exclude_none=True) for block in message.content]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": calls[0].id, "content": "sun"}]},
        ]
        given.add(own)
