"""What a request costs in the end: the provider's own figures, what was received of a stream, and the ledger's row."""

import json
import os

import httpx
import msgspec
import pytest

from gateway.telemetry.decision_record import DecisionRecord
from gateway.usage import Usage
from tests.contract.conftest import config
from tests.support import launcher
from tests.support.keys import new_key
from tests.support.ledger import entries_at_the_end, settled_entries
from tests.support.upstream import CHAT, CUT, HANG, response, stream

pytestmark = pytest.mark.every_build

PRICES = """
prices:
  openai/cheap: {input_usd_per_mtok: 1, output_usd_per_mtok: 1}
  anthropic/dear: {input_usd_per_mtok: 1000, output_usd_per_mtok: 1000}
  anthropic/cheap: {input_usd_per_mtok: 1, output_usd_per_mtok: 1}
budgets:
  cap: {scope: {team: engineering}, window: month, limit_usd: LIMIT}
virtual_keys:"""
MICRO = 1000
"""Nano-USD of one token at a dollar for a million."""

BODY = {"model": "openai/cheap", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 100}


def priced(url: str, limit: str = "1", more: str = "") -> str:
    return config(url, more).replace("virtual_keys:", PRICES.replace("LIMIT", limit), 1)


def piece(text: str) -> bytes:
    return b'data: {"choices":[{"index":0,"delta":{"content":"%s"}}]}\n\n' % text.encode()


def test_an_answer_settles_to_what_the_provider_reports(start_gateway, upstream):
    """Each call is held for more than 100 tokens and costs 18; what was held comes back."""
    gateway = start_gateway(priced(upstream.url, "0.00021"))

    statuses = [gateway.post(BODY).status_code for _ in range(6)]

    assert statuses == [200] * 4 + [402] * 2
    assert [entry.cost_nano_usd for entry in entries_at_the_end(gateway, 6)] == [18 * MICRO] * 4 + [0] * 2


def test_what_a_rule_refuses_is_in_the_ledger_with_the_model_that_was_asked_for(start_gateway, upstream):
    gateway = start_gateway(priced(upstream.url, more="    policy_rules: [{tools: {deny: ['^shell']}}]"))
    shell = {"type": "function", "function": {"name": "shell", "parameters": {}}}

    refused = gateway.post({**BODY, "tools": [shell]})

    assert refused.json()["error"]["type"] == "tool_not_allowed"
    (entry,) = entries_at_the_end(gateway, 1)
    assert (entry.outcome, entry.model_asked) == ("refused", "openai/cheap")


def test_the_row_of_the_ledger_says_who_what_and_for_how_much(start_gateway, upstream):
    gateway = start_gateway(priced(upstream.url))
    answer = gateway.post({**BODY, "user": "ada"})

    (entry,) = entries_at_the_end(gateway, 1)

    assert entry.request_id == answer.headers["x-langwatch-request-id"]
    assert (entry.virtual_key, entry.principal, entry.project) == ("dev", "dev-1@example.com", "checkout")
    assert (entry.team, entry.organization, entry.tags, entry.end_user) == ("engineering", "acme", ("env=ci",), "ada")
    assert (entry.provider, entry.provider_type, entry.model, entry.model_asked) == (
        "openai",
        "openai",
        "cheap",
        "openai/cheap",
    )
    assert (entry.endpoint, entry.status, entry.outcome) == ("chat_completions", 200, "ok")
    assert (entry.usage.input_tokens, entry.usage.output_tokens) == (11, 7)
    assert (entry.price, entry.price_source) == ({"input": 10**9, "output": 10**9}, "file")
    assert entry.revision == answer.headers["x-langwatch-config-revision"]
    (charge,) = entry.budgets
    assert (charge.counter.split(":month=")[0], charge.amount) == ("budget:cap:team=engineering", 18 * MICRO)


STATED = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-cheap-20260101",
    "content": [{"type": "text", "text": "hi"}],
    "stop_reason": "end_turn",
    "usage": {
        "input_tokens": 11,
        "output_tokens": 7,
        "service_tier": "priority",
        "server_tool_use": {"web_search_requests": 3},
    },
}


def test_the_row_of_the_ledger_keeps_what_the_answer_states_besides(start_gateway, upstream):
    gateway = start_gateway(priced(upstream.url))
    upstream.play = lambda _: response(json.dumps(STATED).encode())
    answer = gateway.post({**BODY, "model": "anthropic/cheap"}, "/v1/messages")
    assert answer.status_code == 200

    (entry,) = entries_at_the_end(gateway, 1)

    assert entry.usage.further == {"web_searches": 3}
    assert (entry.served.model, entry.served.service_tier) == ("claude-cheap-20260101", "priority")
    data = {**os.environ, "GATEWAY_DATA_DIR": str(gateway.directory / "data")}
    done = launcher.run(["spend", "--by", "service_tier,served_model,tag", "--format", "json"], env=data)
    (row,) = json.loads(done.stdout)["rows"]
    assert row["group"] == {"service_tier": "priority", "served_model": "claude-cheap-20260101", "tag": "env=ci"}
    assert row["further"] == {"web_searches": 3}


def test_refused_and_failed_requests_are_rows_that_cost_nothing_and_strangers_are_none(start_gateway, upstream):
    gateway = start_gateway(priced(upstream.url))
    stranger, _ = new_key()

    httpx.post(f"{gateway.url}/v1/chat/completions", headers={"authorization": f"Bearer {stranger}"}, json=BODY)
    gateway.post({"model": "nowhere/at-all", "messages": []})
    upstream.play = lambda _: response(b"{}", 500)
    gateway.post(BODY)

    found = entries_at_the_end(gateway, 2)

    assert [(entry.status, entry.outcome, entry.cost_nano_usd) for entry in found] == [
        (404, "refused", 0),
        (502, "failed", 0),
    ]


MISSING = {"charge_estimate": (100, 400), "charge_zero": (0, 0)}


@pytest.mark.parametrize(("policy", "tokens"), MISSING.items(), ids=MISSING.keys())
def test_an_answer_without_usage_costs_its_estimate_unless_the_file_says_nothing(
    start_gateway, upstream, policy, tokens
):
    gateway = start_gateway(priced(upstream.url).replace("version: 1", f"version: 1\non_missing_usage: {policy}"))
    upstream.play = lambda _: response(b'{"id":"c","object":"chat.completion","choices":[]}')

    gateway.post(BODY)

    (entry,) = entries_at_the_end(gateway, 1)
    least, most = tokens
    assert least * MICRO <= entry.cost_nano_usd <= most * MICRO


def test_a_stream_that_the_upstream_cuts_costs_the_prompt_and_what_came(start_gateway, upstream):
    gateway = start_gateway(priced(upstream.url))
    upstream.play = lambda _: stream([piece("one"), piece("two"), piece("three"), 0.05, CUT])

    gateway.post({**BODY, "stream": True})

    (entry,) = entries_at_the_end(gateway, 1)
    assert entry.usage.output_tokens == 3
    prompt = entry.usage.input_tokens
    assert 16 < prompt < 100
    assert entry.cost_nano_usd == (prompt + 3) * MICRO


def test_a_stream_that_the_client_leaves_costs_the_prompt_and_what_came(start_gateway, upstream):
    gateway = start_gateway(priced(upstream.url))
    upstream.play = lambda _: stream([piece("one"), piece("two"), HANG])

    with gateway.client.stream("POST", "/v1/chat/completions", json={**BODY, "stream": True}) as answer:
        next(answer.iter_raw())

    (entry,) = settled_entries(gateway, 1)
    assert (entry.status, entry.outcome) == (499, "client_left")
    assert 1 <= entry.usage.output_tokens <= 2
    assert entry.cost_nano_usd == (entry.usage.input_tokens + entry.usage.output_tokens) * MICRO


def test_a_stream_that_the_client_leaves_as_the_gateway_ends_costs_what_came(start_gateway, upstream):
    gateway = start_gateway(priced(upstream.url))
    upstream.play = lambda _: stream([piece("one"), piece("two"), HANG])

    with gateway.client.stream("POST", "/v1/chat/completions", json={**BODY, "stream": True}) as answer:
        next(answer.iter_raw())

    (entry,) = entries_at_the_end(gateway, 1)
    assert entry.outcome in ("client_left", "shut_down")
    assert 1 <= entry.usage.output_tokens <= 2
    assert entry.cost_nano_usd == (entry.usage.input_tokens + entry.usage.output_tokens) * MICRO


def test_what_claude_reported_first_counts_for_a_stream_that_breaks_off(start_gateway, upstream):
    gateway = start_gateway(priced(upstream.url))
    begin = b'event: message_start\ndata: {"type":"message_start","message":{"usage":{"input_tokens":40,"output_tokens":1}}}\n\n'
    delta = b'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"x"}}\n\n'
    upstream.play = lambda _: stream([begin, delta, delta, 0.05, CUT])

    gateway.post({**BODY, "model": "anthropic/cheap", "stream": True}, "/v1/messages")

    (entry,) = entries_at_the_end(gateway, 1)
    assert (entry.usage.input_tokens, entry.usage.output_tokens) == (40, 2)


FALLBACK = "fallback: {chain: [openai, anthropic], on: [5xx]}\n"
CHAIN = "model_aliases:\n  both: [openai/cheap, anthropic/dear]\n"
CLAUDE = (
    b'{"id":"m","type":"message","role":"assistant","model":"dear","content":[{"type":"text","text":"x"}],'
    b'"stop_reason":"end_turn","usage":{"input_tokens":11,"output_tokens":7}}'
)


def falls_back(request):
    return response(CLAUDE) if "/v1/messages" in request.request_line else response(b"{}", 500)


def test_a_dearer_candidate_is_held_anew_and_charged_at_its_own_price(start_gateway, upstream):
    gateway = start_gateway(priced(upstream.url, "2", FALLBACK).replace("model_aliases:\n", CHAIN))
    upstream.play = falls_back

    answer = gateway.post({**BODY, "model": "both"})

    assert (answer.status_code, answer.headers["x-langwatch-provider"]) == (200, "anthropic")
    (entry,) = entries_at_the_end(gateway, 1)
    assert entry.cost_nano_usd == 18 * 1000 * MICRO
    assert [charge.amount for charge in entry.budgets] == [18 * 1000 * MICRO]


def test_a_dearer_candidate_that_the_budget_has_no_room_for_is_passed_over(start_gateway, upstream):
    gateway = start_gateway(priced(upstream.url, "0.01", FALLBACK).replace("model_aliases:\n", CHAIN))
    upstream.play = falls_back

    answer = gateway.post({**BODY, "model": "both"})

    assert answer.status_code == 502
    outcomes = [attempt["outcome"] for attempt in gateway.record_of(answer)["attempts"]]
    assert outcomes == ["500", "budget_exceeded"]
    upstream.play = lambda _: response(CHAT)
    assert gateway.post(BODY).status_code == 200


def test_log_and_ledger_have_one_record_of_a_request(start_gateway, upstream):
    gateway = start_gateway(priced(upstream.url))
    answered = gateway.post(BODY)
    refused = gateway.post({**BODY, "model": "nobody/has-it"})

    kept = {entry.request_id: entry for entry in entries_at_the_end(gateway, 2)}

    for answer in (answered, refused):
        logged = msgspec.convert(gateway.record_of(answer), DecisionRecord)
        assert msgspec.structs.replace(
            logged, usage=logged.usage or Usage(), cost_nano_usd=logged.cost_nano_usd or 0
        ) == kept.pop(logged.request_id)
    assert kept == {}
