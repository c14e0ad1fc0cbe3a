"""Which provider a model name leads to: the first match decides."""

import pytest

from tests.contract.conftest import config
from tests.support.keys import new_key

pytestmark = pytest.mark.every_build

ONLY, OWN = new_key(), new_key()
MORE = f"""
  only:
    environment: test
    secret_hash: "{ONLY[1]}"
    providers: [local]
  own:
    environment: test
    secret_hash: "{OWN[1]}"
    model_aliases: {{gpt-5-mini: local/own-model, "claude-o*": local/own-opus}}
"""


@pytest.fixture(scope="module")
def gateway(module_gateway, upstream):
    text = config(upstream.url, MORE).replace(
        "  simulator:",
        f'  local: {{type: custom, base_url: "{upstream.url}/local", models: [llama, gpt-local]}}\n  simulator:',
    )
    globs = '  "claude-*": openai/gpt-5\n  "claude-haiku-*": openai/gpt-5-mini\n  claude-haiku-9: openai/nine\nvirtual_keys:'
    return module_gateway(text.replace("virtual_keys:", globs))


RESOLUTIONS = [
    (None, "renamed", "openai", "gpt-x", "alias"),
    (OWN, "gpt-5-mini", "local", "own-model", "key_alias"),
    (OWN, "renamed", "openai", "gpt-x", "alias"),
    (None, "claude-opus-4-8", "openai", "gpt-5", "alias_glob"),
    (None, "claude-haiku-4-8", "openai", "gpt-5-mini", "alias_glob"),
    (None, "claude-haiku-9", "openai", "nine", "alias"),
    (OWN, "claude-opus-4-8", "local", "own-opus", "key_alias_glob"),
    (None, "local/claude-opus-4-8", "local", "claude-opus-4-8", "provider"),
    (None, "local/anything/with/slashes", "local", "anything/with/slashes", "provider"),
    (None, "custom/thing", "local", "thing", "provider_type"),
    (None, "llama", "local", "llama", "declared"),
    (None, "gpt-local", "local", "gpt-local", "declared"),
    (None, "gpt-4o", "openai", "gpt-4o", "well_known"),
    (None, "davinci-002", "openai", "davinci-002", "well_known"),
    (None, "o3-mini", "openai", "o3-mini", "well_known"),
    (ONLY, "whatever", "local", "whatever", "only_provider"),
    (ONLY, "meta/llama", "local", "meta/llama", "only_provider"),
]


@pytest.mark.parametrize(("key", "asked", "provider", "model", "source"), RESOLUTIONS)
def test_the_first_match_decides(gateway, upstream, key, asked, provider, model, source):
    headers = {"authorization": f"Bearer {key[0]}"} if key else {}

    answer = gateway.chat(asked, headers=headers)

    assert answer.status_code == 200, answer.text
    assert answer.headers["x-langwatch-provider"] == provider
    assert answer.headers["x-langwatch-model"] == model
    assert gateway.record_of(answer)["model_source"] == source
    assert f'"model": "{model}"' in upstream.wait_for().body.decode().replace('":"', '": "')


@pytest.mark.parametrize(
    ("key", "asked", "path", "status", "kind"),
    [
        (None, "unheard-of", "/v1/chat/completions", 404, "model_not_found"),
        (None, "unheard-of", "/v1/messages", 404, "model_not_found"),
        (None, "azure/gpt-5", "/v1/chat/completions", 404, "model_not_found"),
        (None, "claude", "/v1/embeddings", 404, "model_not_found"),
        (None, "claude", "/v1/responses/compact", 404, "model_not_found"),
        (ONLY, "openai/gpt-5", "/v1/chat/completions", 403, "model_not_allowed"),
    ],
)
def test_what_nothing_serves_is_refused(gateway, upstream, key, asked, path, status, kind):
    headers = {"authorization": f"Bearer {key[0]}"} if key else {}

    answer = gateway.post({"model": asked, "messages": [], "max_tokens": 1}, path, headers=headers)

    assert answer.status_code == status, answer.text
    assert answer.json()["error"]["type"] == answer.json()["error"]["code"] == kind
    assert "GET /v1/models" in answer.json()["error"]["message"]
    assert answer.json().get("type") == ("error" if path == "/v1/messages" else None)
    assert upstream.requests == []


def test_a_request_without_a_model_is_told_so(gateway):
    answer = gateway.post({"messages": []})

    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == "model"


def test_the_api_s_own_default_is_resolved_where_there_is_one(gateway, upstream):
    answer = gateway.post({"input": "text"}, "/v1/moderations")

    assert answer.status_code == 200
    assert upstream.wait_for().body == b'{"input": "text"}'


@pytest.mark.parametrize("model", ["", None, 5, ["gpt"], {"a": 1}, "gpt-" + "x" * 600], ids=range(6))
def test_a_model_that_is_not_a_name_is_refused(gateway, model):
    answer = gateway.post({"model": model, "messages": []})

    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == "model"
