"""Thinking that nobody has signed stays away from Claude's vendors, and goes back to servers that sign none."""

import asyncio
import json

import pytest

from tests.support.keys import HASH
from tests.support.nodes import Ledger, Node, Upstream, WatchedCounters

CONFIG = f"""
version: 1
providers:
  own: {{type: anthropic, api_key: k}}
  written: {{type: anthropic, api_key: k, base_url: "https://API.anthropic.com/v1"}}
  bedrock: {{type: bedrock, region: us-east-1, api_key: k}}
  chat: {{type: openai, api_key: k}}
  compatible: {{type: anthropic, api_key: k, base_url: "http://api.anthropic.com.example"}}
virtual_keys: {{dev: {{environment: test, secret_hash: "{HASH}"}}}}
"""
SIGNED, EMPTY, MARKED, SEALED = "c2ln", "", "reasoning_content@vllm", "lwg1.AAAA.BBBB"


@pytest.mark.parametrize(
    ("provider", "kept"),
    [
        ("own", [SIGNED]),
        ("written", [SIGNED]),
        ("bedrock", [SIGNED]),
        ("compatible", [SIGNED, EMPTY]),
    ],
)
def test_who_gets_which_signatures(provider, kept):
    upstream = Upstream()
    node = Node(CONFIG, WatchedCounters(), Ledger(), upstream)
    thoughts = [{"type": "thinking", "thinking": "hm", "signature": one} for one in (SIGNED, EMPTY, MARKED, SEALED)]
    thoughts.append({"type": "redacted_thinking", "data": SEALED})
    turns = [{"role": "assistant", "content": [*thoughts, {"type": "text", "text": "hi"}]}]
    body = {"model": f"{provider}/anthropic.claude-haiku-4-5", "max_tokens": 9, "messages": turns}

    asyncio.run(node.ask(body, "messages"))

    content = json.loads(upstream.body)["messages"][0]["content"]
    assert [block["signature"] for block in content if block["type"] == "thinking"] == kept
    assert SEALED not in upstream.body.decode()


def test_chat_completions_get_no_envelopes():
    upstream = Upstream()
    node = Node(CONFIG, WatchedCounters(), Ledger(), upstream)
    thoughts = [{"type": "thinking", "thinking": "hm", "signature": SEALED}]
    turn = {"role": "assistant", "content": "hi", "thinking_blocks": thoughts, "reasoning_content": "hm"}

    asyncio.run(node.ask({"model": "chat/gpt-5", "messages": [turn]}, "chat_completions"))

    assert json.loads(upstream.body)["messages"] == [
        {"role": "assistant", "content": "hi", "reasoning_content": "hm"},
    ]
