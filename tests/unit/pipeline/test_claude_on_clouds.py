"""Claude Code and Anthropic's SDKs on Bedrock, Vertex and other APIs: what they send that only Anthropic has."""

import asyncio
import json

import pytest

from gateway.pipeline.explain import explain
from gateway.shapes.endpoints import ENDPOINTS
from tests.support.keys import HASH
from tests.support.nodes import Ledger, Node, Upstream, WatchedCounters

CONFIG = f"""
version: 1
providers:
  anthropic: {{type: anthropic, api_key: k}}
  bedrock: {{type: bedrock, region: us-east-1, api_key: k, request: {{top_k: {{drop: true}}}}}}
  vllm: {{type: custom, base_url: "http://vllm.example/v1"}}
fallback: {{chain: [anthropic, vllm], on: [5xx]}}
model_aliases: {{both: [anthropic/claude-sonnet-4-6, vllm/m]}}
virtual_keys: {{dev: {{environment: test, secret_hash: "{HASH}"}}}}
"""
CLAUDE = "anthropic.claude-sonnet-4-6-v1:0"
BODY = {
    "max_tokens": 9,
    "messages": [{"role": "user", "content": "hi"}],
    "top_k": 4,
    "context_management": {"edits": []},
    "speed": "fast",
}


class _Kept(Upstream):
    headers = ()

    async def send(self, request):
        self.headers = dict(request.headers)
        self.url = request.url
        answer = await super().send(request)
        if "api.anthropic.com" in request.url:
            answer.status = 529
        return answer


def test_a_cloud_gets_its_own_members_and_what_the_file_says():
    upstream = _Kept()
    node = Node(CONFIG, WatchedCounters(), Ledger(), upstream)

    asyncio.run(node.ask({"model": f"bedrock/{CLAUDE}", **BODY}, "messages"))

    sent = json.loads(upstream.body)
    assert sorted(sent) == ["anthropic_version", "max_tokens", "messages"]
    body = json.dumps({"model": f"bedrock/{CLAUDE}", **BODY}).encode()
    told = explain(node.snapshot, "dev", ENDPOINTS["messages"], body).candidates[0].params_dropped
    assert told == ("speed", "context_management", "top_k")


def test_anthropic_itself_gets_every_byte():
    node = Node(CONFIG, WatchedCounters(), Ledger())
    body = json.dumps({"model": "claude-sonnet-4-6", **BODY, "thread": {"type": "create"}}).encode()

    explained = explain(node.snapshot, "dev", ENDPOINTS["messages"], body).candidates[0]

    assert (explained.body, explained.params_dropped) == ("identical", ())


@pytest.mark.parametrize("model", [f"bedrock/{CLAUDE}", "vllm/m", "both"])
def test_a_thread_is_refused_in_the_words_that_the_sdk_recovers_from(model):
    upstream = _Kept()
    node = Node(CONFIG, WatchedCounters(), Ledger(), upstream)

    status = asyncio.run(node.ask({"model": model, **BODY, "thread": {"type": "create"}}, "messages"))

    assert status == 400
    error = json.loads(node.refusal.envelope(anthropic=True))["error"]
    assert error["details"] == {"error_code": "thread_unsupported_request", "unsupported": ["thread"]}
    assert asyncio.run(node.ask({"model": model, **BODY, "thread": None}, "messages")) == 200
