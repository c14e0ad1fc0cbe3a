"""What a call costs, by the catalogue and by the file, to the billionth of a dollar."""

import httpx
import pytest

from tests.contract.conftest import config
from tests.support.upstream import CHAT, response, stream

PRICES = """
prices:
  openai/of-the-file: {input_usd_per_mtok: 0.30, output_usd_per_mtok: "1.1", per_request_usd: 0.01}
  openai/gpt-5-mini: {output_usd_per_mtok: 100}
"""


@pytest.fixture(scope="module")
def gateway(module_gateway, upstream):
    return module_gateway(config(upstream.url).replace("virtual_keys:", PRICES + "virtual_keys:"))


# The upstream reports 11 tokens in and 7 out.
COSTS = {
    "of the catalogue": ("openai/gpt-5", (11 * 1250 + 7 * 10_000), "genai-prices"),
    "of the file": ("openai/of-the-file", 11 * 300 + 7 * 1100 + 10_000_000, "file"),
    "of both": ("openai/gpt-5-mini", 11 * 250 + 7 * 100_000, "file: output; genai-prices"),
    "unknown": ("openai/made-up", None, None),
}


@pytest.mark.parametrize(("model", "cost", "source"), COSTS.values(), ids=COSTS.keys())
def test_the_decision_record_has_the_cost_and_where_its_price_comes_from(gateway, model, cost, source):
    record = gateway.record_of(gateway.chat(model))

    assert record["cost_nano_usd"] == cost
    assert record["price_source"] == source or record["price_source"].startswith(source)


def test_a_stream_costs_what_it_reports(gateway, upstream):
    usage = b'data: {"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":2}}\n\n'
    upstream.play = lambda _: stream([usage, b"data: [DONE]\n\n"])

    body = {"model": "openai/gpt-5", "messages": [], "stream": True}
    record = gateway.record_of(gateway.post(body))

    assert record["cost_nano_usd"] == 9 * 1250 + 2 * 10_000


def test_a_failed_request_costs_nothing(gateway, upstream):
    upstream.play = lambda _: response(b"{}", 500)

    assert gateway.record_of(gateway.chat("openai/gpt-5"))["cost_nano_usd"] is None


def test_the_sum_is_a_metric(gateway, upstream):
    upstream.play = lambda _: response(CHAT)
    gateway.record_of(gateway.chat("openai/of-the-file"))

    text = httpx.get(f"{gateway.url}/metrics").text

    line = next(
        line
        for line in text.splitlines()
        if line.startswith('gateway_cost_usd_total{model="of-the-file",provider="openai"}')
    )
    assert float(line.split()[1]) >= 0.01
