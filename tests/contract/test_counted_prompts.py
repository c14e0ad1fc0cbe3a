"""The tokens of a prompt, as clients of each API ask for them, at providers of every other: by the provider's counter."""

import base64
import json

import pytest

from tests.support.keys import HASH, SECRET
from tests.support.upstream import response

CONFIG = """
version: 1
providers:
  openai: {{type: openai, api_key: k, base_url: "{url}"}}
  anthropic: {{type: anthropic, api_key: k, base_url: "{url}"}}
  gemini: {{type: gemini, api_key: k, base_url: "{url}"}}
  bedrock: {{type: bedrock, region: eu-central-1, api_key: k, base_url: "{url}"}}
  vllm: {{type: custom, base_url: "{url}/v1"}}
virtual_keys:
  dev: {{environment: test, secret_hash: "{hash}", policy_rules: [{{tools: {{deny: ["^shell$"]}}}}]}}
"""
SCHEMA = {"type": "object", "properties": {}}
MESSAGES = ("/v1/messages/count_tokens", {"system": "Be kind.", "messages": [{"role": "user", "content": "hi"}],
            "tools": [{"name": "look", "input_schema": SCHEMA}]})  # fmt: skip
RESPONSES = ("/v1/responses/input_tokens", {"instructions": "Be kind.", "input": "hi",
             "tools": [{"type": "function", "name": "look", "parameters": SCHEMA, "strict": False}]})  # fmt: skip
CONTENTS = {"systemInstruction": {"parts": [{"text": "Be kind."}]},
            "contents": [{"role": "user", "parts": [{"text": "hi"}]}],
            "tools": [{"functionDeclarations": [{"name": "look", "parameters": {"type": "OBJECT"}}]}]}  # fmt: skip
GOOGLE = ("/v1beta/models/{model}:countTokens", {"generateContentRequest": CONTENTS})
GPT, CLAUDE, GEMINI = "openai/gpt-4o", "anthropic/claude-sonnet-4-5", "gemini/gemini-2.5-flash"
ON_BEDROCK = "bedrock/eu.anthropic.claude-sonnet-4-5-20250929-v1:0"
OPENAIS = ("/responses/input_tokens", b'{"object":"response.input_tokens","input_tokens":41}')
ANTHROPICS = ("/v1/messages/count_tokens", b'{"input_tokens":41}')
GOOGLES = ("/v1beta/models/gemini-2.5-flash:countTokens", b'{"totalTokens":41}')
AMAZONS = ("/model/anthropic.claude-sonnet-4-5-20250929-v1%3A0/count-tokens", b'{"inputTokens":41}')


@pytest.fixture(scope="module")
def gateway(module_gateway, upstream):
    return module_gateway(CONFIG.format(url=upstream.url, hash=HASH))


def ask(gateway, client, model, **more):
    path, body = client
    named = {} if "{model}" in path else {"model": model}
    model = model.replace("/", "%2F", 1)
    return gateway.client.post(
        path.format(model=model),
        json={**body, **named, **more},
        headers={"x-api-key": SECRET, "x-goog-api-key": SECRET},
    )


@pytest.mark.parametrize(
    ("client", "model", "counter"),
    [
        (MESSAGES, GPT, OPENAIS),
        (MESSAGES, GEMINI, GOOGLES),
        (MESSAGES, ON_BEDROCK, AMAZONS),
        (RESPONSES, CLAUDE, ANTHROPICS),
        (RESPONSES, GEMINI, GOOGLES),
        (RESPONSES, ON_BEDROCK, AMAZONS),
        (GOOGLE, GPT, OPENAIS),
        (GOOGLE, CLAUDE, ANTHROPICS),
        (GOOGLE, ON_BEDROCK, AMAZONS),
    ],
)
def test_the_counter_of_the_provider_counts_what_it_would_get(gateway, upstream, client, model, counter):
    path, answer = counter
    upstream.play = lambda _: response(answer)

    counted = ask(gateway, client, model)

    assert (counted.status_code, "x-langwatch-usage-warning" in counted.headers) == (200, False)
    assert 41 in counted.json().values()
    (asked,) = upstream.requests
    assert asked.request_line == f"POST {path} HTTP/1.1"
    body = json.loads(asked.body)
    if "input" in body and isinstance(body["input"], dict):
        body = json.loads(base64.b64decode(body["input"]["invokeModel"]["body"]))
        assert {"anthropic_version", "max_tokens", "messages", "system", "tools"} == set(body)
    elif counter is ANTHROPICS:
        assert {"model", "messages", "system", "tools"} == set(body)
    elif counter is OPENAIS:
        assert {"model", "input", "instructions", "tools"} == set(body)
    else:
        body = body["generateContentRequest"]
        assert body["model"] == "models/gemini-2.5-flash"
    assert "look" in str(body["tools"])
    assert "Be kind." in str(body)


@pytest.mark.parametrize(
    ("client", "model", "says"),
    [
        (MESSAGES, GPT, response(b'{"error":{"message":"no such path"}}', 404)),
        (RESPONSES, ON_BEDROCK, response(b'{"message":"not authorized"}', 403)),
        (GOOGLE, CLAUDE, response(b"not JSON")),
        (GOOGLE, "vllm/llama", None),
    ],
)
def test_it_is_an_estimate_where_no_counter_answers(gateway, upstream, client, model, says):
    upstream.play = lambda _: says

    counted = ask(gateway, client, model)

    assert (counted.status_code, counted.headers["x-langwatch-usage-warning"]) == (200, "input-tokens-estimated")
    assert any(isinstance(number, int) and number > 0 for number in counted.json().values())
    assert len(upstream.requests) == (0 if says is None else 1)


def test_what_is_counted_is_judged_first(gateway, upstream):
    shell = {"tools": [{"functionDeclarations": [{"name": "shell"}]}]}
    refused = ask(gateway, (GOOGLE[0], {"generateContentRequest": {**CONTENTS, **shell}}), GPT)
    unread = ask(gateway, RESPONSES, CLAUDE, previous_response_id=None, input=[{"type": "item_reference", "id": "x"}])

    assert (refused.status_code, refused.json()["error"]["status"]) == (403, "PERMISSION_DENIED")
    assert unread.status_code in (400, 404)
    assert not upstream.requests
