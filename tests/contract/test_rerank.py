"""Rankings: on all their paths to compatible servers, judged, held and metered by searches or by tokens."""

import json

import pytest

from tests.support.keys import HASH, SECRET, new_key
from tests.support.upstream import response

NARROW, POOR = new_key(), new_key()
CONFIG = """
version: 1
providers:
  openai: {{type: openai, api_key: sk-up}}
  ranks: {{type: custom, api_key: sk-ranks, base_url: "{url}/v2", models: [rerank-v4, jina-m0]}}
  simulator: {{type: simulator}}
model_aliases:
  best: ranks/rerank-v4
prices:
  ranks/rerank-v4: {{search_unit_usd: 0.002}}
  ranks/jina-m0: {{input_usd_per_mtok: 20}}
budgets:
  small: {{scope: {{virtual_key: poor}}, limit_usd: 0.01, window: day, on_breach: block}}
virtual_keys:
  dev: {{environment: test, secret_hash: "{hash}"}}
  narrow:
    environment: test
    secret_hash: "{narrow}"
    models_allowed: ["rerank-*"]
    policy_rules: [{{urls: {{allow: ['^https://ours\\.example/']}}}}]
  poor: {{environment: test, secret_hash: "{poor}"}}
"""
RESULTS = [{"index": 1, "relevance_score": 0.9}, {"index": 0, "relevance_score": 0.1}]
COHERE = {
    "id": "r",
    "results": RESULTS,
    "meta": {"billed_units": {"search_units": 2}, "tokens": {"input_tokens": 900}},
}
JINA = {"model": "jina-m0", "results": RESULTS, "usage": {"total_tokens": 815}}
ASKED = {"model": "ranks/rerank-v4", "query": "what", "documents": ["a", {"text": "b"}], "top_n": 2}


@pytest.fixture(scope="module")
def gateway(module_gateway, upstream):
    return module_gateway(CONFIG.format(url=upstream.url, hash=HASH, narrow=NARROW[1], poor=POOR[1]))


@pytest.fixture(autouse=True)
def ranked(upstream):
    upstream.reset()
    upstream.play = lambda _: response(json.dumps(COHERE).encode())


def ask(gateway, body, path="/v1/rerank", key=SECRET):
    return gateway.client.post(path, json=body, headers={"authorization": f"Bearer {key}"})


@pytest.mark.parametrize("path", ["/v1/rerank", "/v2/rerank", "/rerank"])
def test_every_path_leads_below_the_base_url_byte_for_byte(gateway, upstream, path):
    body = json.dumps({**ASKED, "model": "rerank-v4"}, indent=1).encode()
    answer = gateway.post(body, path=path)

    assert answer.json() == COHERE
    [up] = upstream.requests
    assert (up.request_line, up.body) == ("POST /v2/rerank HTTP/1.1", body)
    assert up.headers["authorization"] == "Bearer sk-ranks"


def test_searches_or_tokens_are_what_it_costs(gateway, upstream):
    record = gateway.record_of(ask(gateway, {**ASKED, "model": "best"}))
    assert (record["endpoint"], record["usage"]["further"], record["cost_nano_usd"]) == (
        "rerank",
        {"search_units": 2},
        4_000_000,
    )
    assert record.get("usage_warning") is None

    upstream.play = lambda _: response(json.dumps(JINA).encode())
    record = gateway.record_of(ask(gateway, {**ASKED, "model": "jina-m0"}))
    assert (record["usage"]["input_tokens"], record["cost_nano_usd"]) == (815, 16_300_000)


@pytest.mark.parametrize(
    ("body", "status", "kind"),
    [
        ({"model": "jina-m0"}, 403, "model_not_allowed"),
        ({"model": "rerank-v4", "documents": ["see https://theirs.example/x"]}, 403, "url_not_allowed"),
        ({"model": "rerank-v4", "documents": [{"image": "ftp://theirs.example/x"}]}, 403, "url_not_allowed"),
        ({"model": "rerank-v4", "query": {"image": "https://theirs.example/x"}}, 403, "url_not_allowed"),
        ({"model": "rerank-v4", "documents": ["see https://ours.example/x"]}, 200, None),
        ({"model": "openai/rerank-v4"}, 404, "model_not_found"),
    ],
)
def test_a_ranking_is_judged(gateway, upstream, body, status, kind):
    answer = ask(gateway, {**ASKED, **body}, key=NARROW[0])

    assert answer.status_code == status, answer.text
    if kind is not None:
        assert answer.json()["error"]["type"] == kind
        assert not upstream.requests


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"model": "ranks/rerank-v4", "documents": ["a"] * 20}, 200),
        ({"model": "ranks/rerank-v4", "documents": ["a"] * 900}, 402),
        # The query is read with each document: $20 for a million tokens.
        ({"model": "jina-m0", "query": "what is it " * 10, "documents": ["a"]}, 200),
        ({"model": "jina-m0", "query": "what is it " * 10, "documents": ["a"] * 20}, 402),
    ],
)
def test_the_most_that_it_can_cost_is_held(gateway, upstream, body, status):
    free = {"meta": {"billed_units": {"search_units": 0}}, "usage": {"total_tokens": 1}}
    upstream.play = lambda _: response(json.dumps(free).encode())

    assert ask(gateway, {**ASKED, **body}, key=POOR[0]).status_code == status


def test_the_simulator_ranks(gateway):
    body = {"model": "simulator/any", "query": "big dog", "documents": ["a cat", "a big dog"], "return_documents": True}
    answer = ask(gateway, body).json()

    assert answer["results"][0] == {"index": 1, "relevance_score": 1.0, "document": {"text": "a big dog"}}
