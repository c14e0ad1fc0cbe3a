"""Rules of a provider on the fields of requests: what goes up is what is held, candidate by candidate, lanes included."""

import asyncio
import json

import pytest

from gateway.pipeline.explain import explain
from gateway.shapes.endpoints import ENDPOINTS
from tests.support.keys import HASH
from tests.support.nodes import Ledger, Node, Upstream, WatchedCounters

NANO_USD_PER_TOKEN = 1000
RATES = "{input_usd_per_mtok: 0, cache_write_usd_per_mtok: 0, cache_read_usd_per_mtok: 0, output_usd_per_mtok: 1}"
CONFIG = f"""
version: 1
providers:
  openai:
    type: openai
    api_key: k
    request:
      max_completion_tokens: {{max: 8000}}
      n: {{max: 2}}
      seed: {{drop: true}}
      store: {{set: false}}
  plain: {{type: openai, api_key: k}}
  vllm:
    type: custom
    base_url: http://vllm.example/v1
    request:
      max_completion_tokens: {{rename: max_tokens}}
      max_tokens: {{max: 500, default: 300}}
      reasoning_effort: {{drop: true}}
  fixed: {{type: custom, base_url: "http://fixed.example/v1", request: {{max_tokens: {{set: 64000}}}}}}
  claude: {{type: anthropic, api_key: k, request: {{max_tokens: {{max: 700}}, top_k: {{set: 40}}}}}}
prices:
  openai/m: {RATES}
  plain/m: {RATES}
  vllm/m: {RATES}
  fixed/m: {RATES}
  claude/claude-sonnet-4-5: {RATES}
budgets: {{cap: {{scope: {{virtual_key: dev}}, window: total, limit_usd: 9000000}}}}
fallback: {{chain: [plain, openai, vllm], on: [5xx]}}
virtual_keys: {{dev: {{environment: test, secret_hash: "{HASH}"}}}}
"""
HI = [{"role": "user", "content": "hi"}]


def asked(model, endpoint="chat_completions", **members):
    """The status, the body that went up, and the output tokens that were held for it."""
    counters, upstream = WatchedCounters(), Upstream()
    node = Node(CONFIG, counters, Ledger(), upstream)
    status = asyncio.run(node.ask({"model": model, "messages": HI, **members}, endpoint))
    return status, upstream.body and json.loads(upstream.body), counters.held_in_all // NANO_USD_PER_TOKEN


def told(model, endpoint="chat_completions", **members):
    """What the client is told of its body and of the fields in it."""
    node = Node(CONFIG, WatchedCounters(), Ledger())
    body = json.dumps({"model": model, "messages": HI, **members}).encode()
    first = explain(node.snapshot, "dev", ENDPOINTS[endpoint], body).candidates[0]
    return first.body, first.params_dropped, first.refused


@pytest.mark.parametrize(
    ("said", "up", "held"),
    [
        ({"max_completion_tokens": 32_000}, {"max_completion_tokens": 8000, "store": False}, 8000),
        ({"max_completion_tokens": 90}, {"max_completion_tokens": 90, "store": False}, 90),
        ({"max_completion_tokens": 90, "n": 9}, {"max_completion_tokens": 90, "n": 2, "store": False}, 180),
        ({"max_completion_tokens": 90, "seed": 1}, {"max_completion_tokens": 90, "store": False}, 90),
        ({"max_tokens": 9, "store": False}, {"max_tokens": 9, "store": False}, 9),
    ],
)
def test_what_is_held_is_what_goes_up(said, up, held):
    status, body, reserved = asked("openai/m", **said)

    assert status == 200
    assert {name: value for name, value in body.items() if name not in ("model", "messages")} == up
    assert reserved == held


@pytest.mark.parametrize(
    ("model", "said", "up", "held"),
    [
        ("vllm/m", {"max_tokens": 32_000}, {"max_tokens": 500}, 500),
        ("vllm/m", {"max_tokens": 100, "output_config": {"effort": "high"}}, {"max_tokens": 100}, 100),
        ("fixed/m", {"max_tokens": 100}, {"max_tokens": 64_000}, 64_000),
    ],
)
def test_rules_are_about_what_a_lane_has_made(model, said, up, held):
    status, body, reserved = asked(model, "messages", **said)

    assert status == 200
    assert {name: value for name, value in body.items() if name not in ("model", "messages", "stream")} == up
    assert reserved == held


def test_a_chat_request_is_bounded_on_its_way_to_claude():
    status, body, reserved = asked("claude/claude-sonnet-4-5", max_tokens=2000)

    assert status == 200
    assert (body["max_tokens"], body["top_k"], reserved) == (700, 40, 700)


@pytest.mark.parametrize("first", ["plain", "openai"])
def test_each_candidate_has_its_own_rules_and_holds_what_it_needs_beyond(first):
    config = CONFIG.replace("max: 8000", "max: 2000").replace("chain: [plain, openai, vllm]", "chain: [plain, openai]")
    other = {"plain": "openai", "openai": "plain"}[first]
    aliases = f"model_aliases: {{both: [{first}/m, {other}/m]}}\n"
    counters, upstream = WatchedCounters(), _FailsOnce()
    node = Node(config + aliases, counters, Ledger(), upstream)

    status = asyncio.run(node.ask({"model": "both", "messages": HI, "max_completion_tokens": 3000, "seed": 1}))

    assert status == 200
    assert [body["max_completion_tokens"] for body in upstream.bodies] == {
        "plain": [3000, 2000],
        "openai": [2000, 3000],
    }[first]
    assert ["seed" in body for body in upstream.bodies] == [first == "plain", first == "openai"]
    assert counters.held_in_all // NANO_USD_PER_TOKEN == 3000


class _FailsOnce(Upstream):
    def __init__(self):
        self.bodies = []

    async def send(self, request):
        self.bodies.append(json.loads(request.body))
        answer = await super().send(request)
        if len(self.bodies) == 1:
            answer.status = 500
        return answer


@pytest.mark.parametrize(
    ("model", "endpoint", "said", "body", "dropped"),
    [
        ("openai/m", "chat_completions", {"seed": 1, "n": 3}, "spliced", ("seed", "store:set", "n:max")),
        ("plain/m", "chat_completions", {"seed": 1}, "spliced", ()),
        ("openai/m", "embeddings", {"input": "x"}, "spliced", ()),
        ("claude/claude-sonnet-4-5", "messages", {"max_tokens": 9, "top_k": 40}, "spliced", ()),
        ("claude/claude-sonnet-4-5", "messages", {"max_tokens": 900}, "spliced", ("top_k:set", "max_tokens:max")),
        (
            "vllm/m",
            "messages",
            {"max_tokens": 900},
            "translated",
            ("max_tokens:max",),
        ),
    ],
)
def test_what_rules_did_is_told(model, endpoint, said, body, dropped):
    assert told(model, endpoint, **said) == (body, dropped, None)


def test_a_client_that_would_rather_be_refused_loses_nothing_to_a_rule():
    _, _, refused = told("openai/m", seed=1, drop_tuning_params=False)

    assert "unsupported_parameter" in refused
    assert "`seed`" in refused


@pytest.mark.parametrize("member", ["max_completion_tokens", "Max_Completion_Tokens"])
def test_a_bound_that_another_spelling_would_pass_is_refused(member):
    body = f'{{"model":"openai/m","messages":[],"max_completion_tokens":1,"{member}":90000}}'.encode()
    node = Node(CONFIG, WatchedCounters(), Ledger())

    explained = explain(node.snapshot, "dev", ENDPOINTS["chat_completions"], body)

    assert "bad_request" in explained.candidates[0].refused
