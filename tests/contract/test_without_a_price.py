"""What is told of a request whose model has no price, or that uses something without one."""

import pytest

from tests.contract.conftest import config
from tests.support.upstream import CHAT, response, stream


@pytest.fixture(scope="module")
def gateway(module_gateway, upstream):
    return module_gateway(config(upstream.url))


def counted(gateway, model):
    text = gateway.metrics()
    begin = f'gateway_unpriced_requests_total{{model="{model}",provider="openai"}}'
    return sum(float(line.split()[1]) for line in text.splitlines() if line.startswith(begin))


def test_an_answer_without_a_price_is_marked_everywhere(gateway, upstream):
    upstream.play = lambda _: response(CHAT)
    before = counted(gateway, "made-up")

    reply = gateway.chat("openai/made-up")

    record = gateway.record_of(reply)
    assert reply.headers["x-langwatch-usage-warning"] == record["usage_warning"] == "unpriced: model made-up"
    assert (record["cost_nano_usd"], record["price_source"]) == (None, None)
    assert counted(gateway, "made-up") == before + 1


def test_a_stream_tells_it_in_its_head(gateway, upstream):
    usage = b'data: {"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":2}}\n\n'
    upstream.play = lambda _: stream([usage, b"data: [DONE]\n\n"])

    reply = gateway.post({"model": "openai/made-up", "messages": [], "stream": True})

    assert reply.headers["x-langwatch-usage-warning"] == "unpriced: model made-up"
    assert gateway.record_of(reply)["usage_warning"] == "unpriced: model made-up"


@pytest.mark.parametrize(
    ("model", "answer"),
    [
        ("gpt-5", response(CHAT)),
        ("made-up", response(b'{"error":{"message":"no"}}', 400)),
        ("made-up", response(b'{"error":{"message":"no"}}', 500)),
    ],
    ids=["has a price", "was refused", "failed"],
)
def test_nothing_is_marked_where_nothing_is_left_out(gateway, upstream, model, answer):
    upstream.play = lambda _: answer
    before = counted(gateway, model)

    reply = gateway.chat(f"openai/{model}")

    assert "x-langwatch-usage-warning" not in reply.headers
    assert gateway.record_of(reply)["usage_warning"] is None
    assert counted(gateway, model) == before
