"""Costs that providers state: charged where the file trusts them, and never below what can be right."""

import json

import pytest

from tests.contract.conftest import config
from tests.support.keys import new_key
from tests.support.upstream import response, stream

SECRET, HASH = new_key()
MORE = f"""
  capped: {{environment: test, secret_hash: "{HASH}"}}
budgets:
  cap: {{scope: {{virtual_key: capped}}, window: month, limit_usd: 10}}
prices:
  router/ceiling: {{input_usd_per_mtok: 50, output_usd_per_mtok: 250}}
"""
CAPPED = {"authorization": f"Bearer {SECRET}"}
ROUTER = '  {name}: {{type: custom, api_key: sk-up, base_url: "{url}/v1"{more}}}\n'


@pytest.fixture(scope="module")
def gateway(module_gateway, upstream):
    routers = ROUTER.format(name="router", url=upstream.url, more=", trust_stated_cost: true")
    routers += ROUTER.format(name="doubted", url=upstream.url, more="")
    routers += f'  talker: {{type: anthropic, api_key: sk-up, base_url: "{upstream.url}", trust_stated_cost: true}}\n'
    return module_gateway(config(upstream.url, MORE).replace("  simulator:", routers + "  simulator:"))


def answering(upstream, cost, **more):
    usage = {"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100, "cost": cost, **more}
    upstream.play = lambda _: response(json.dumps({"model": "who/knows", "usage": usage}).encode())


CEILING = 1000 * 50_000 + 100 * 250_000


@pytest.mark.parametrize(
    ("model", "cost", "charged", "source"),
    [
        ("router/auto", 0.0123, 12_300_000, "stated: usage.cost"),
        ("router/auto", {"total_cost": 0.0061}, 6_100_000, "stated: usage.cost"),
        ("router/ceiling", 0.0001, 100_000, "stated: usage.cost"),
        ("router/ceiling", 1.5, 1_500_000_000, "stated: usage.cost"),
        ("router/ceiling", 0, CEILING, "file"),
        ("router/ceiling", -1, CEILING, "file"),
        ("router/ceiling", "free", CEILING, "file"),
        ("router/auto", 0, None, None),
        ("router/auto", -1, None, None),
        ("doubted/auto", 0.0123, None, None),
    ],
)
def test_a_trusted_cost_is_charged_and_marked(gateway, upstream, model, cost, charged, source):
    answering(upstream, cost)

    reply = gateway.chat(model)

    record = gateway.record_of(reply)
    assert (record["cost_nano_usd"], record["price_source"]) == (charged, source)
    warning = None if charged is not None else "unpriced: model auto"
    assert reply.headers.get("x-langwatch-usage-warning") == record["usage_warning"] == warning


def test_a_stream_states_it_at_its_end_and_is_not_told_as_unpriced_before(gateway, upstream):
    usage = b'data: {"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":2,"cost":0.002}}\n\n'
    upstream.play = lambda _: stream([usage, b"data: [DONE]\n\n"])

    reply = gateway.post({"model": "router/auto", "messages": [], "stream": True})

    assert "x-langwatch-usage-warning" not in reply.headers
    assert gateway.record_of(reply)["cost_nano_usd"] == 2_000_000


TALK = {"model": "talker/who/knows", "messages": [], "max_tokens": 9}


def test_a_cost_is_read_in_anthropic_s_shape_too(gateway, upstream):
    usage = {"input_tokens": 9, "output_tokens": 2, "cost": 0.003, "is_byok": False}
    answer = {"type": "message", "role": "assistant", "content": [], "model": "who/knows", "usage": usage}
    upstream.play = lambda _: response(json.dumps(answer).encode())

    record = gateway.record_of(gateway.post(TALK, path="/v1/messages"))

    assert (record["cost_nano_usd"], record["price_source"]) == (3_000_000, "stated: usage.cost")


@pytest.mark.parametrize(("last", "cost"), [(', "cost": 0.005', 5_000_000), ("", None)])
def test_a_stream_in_anthropic_s_shape_states_it_at_its_end(gateway, upstream, last, cost):
    begins = {"type": "message_start", "message": {"usage": {"input_tokens": 9, "output_tokens": 1, "cost": 0.001}}}
    ends = f'{{"type": "message_delta", "delta": {{"stop_reason": "end_turn"}}, "usage": {{"output_tokens": 2{last}}}}}'
    events = [json.dumps(begins), ends, '{"type": "message_stop"}']
    upstream.play = lambda _: stream([f"data: {event}\n\n".encode() for event in events])

    record = gateway.record_of(gateway.post({**TALK, "stream": True}, path="/v1/messages"))

    assert record["cost_nano_usd"] == cost


def test_a_budget_that_blocks_reserves_by_the_ceiling_and_charges_what_is_stated(gateway, upstream):
    answering(upstream, 0.004)

    refused = gateway.post({"model": "router/auto", "messages": []}, headers=CAPPED)
    served = gateway.post({"model": "router/ceiling", "messages": [], "max_tokens": 10}, headers=CAPPED)
    too_dear = gateway.post({"model": "router/ceiling", "messages": [], "max_tokens": 100_000}, headers=CAPPED)

    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "model_unpriced")
    record = gateway.record_of(served)
    assert [charge["amount"] for charge in record["budgets"]] == [4_000_000]
    assert too_dear.status_code == 402
