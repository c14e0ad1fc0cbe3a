"""Which names a key can really call: of the file, of globs, and of what providers list."""

import asyncio
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import GatewayError
from gateway.pipeline.resolve import callable_models, resolution
from gateway.policy.patterns import compile_glob, literals, may_meet
from gateway.server.provider_models import ProviderModels
from gateway.shapes.endpoints import ENDPOINTS
from gateway.upstream.failure import FailureKind, UpstreamFailure
from tests.support.keys import HASH
from tests.support.nodes import Answer
from tests.support.snapshot import snapshot_of

CONFIG = f"""
version: 1
providers:
  openai: {{type: openai, api_key: k}}
  anthropic: {{type: anthropic, api_key: k}}
  vllm: {{type: custom, base_url: "http://vllm.example/v1"}}
  named: {{type: custom, base_url: "http://named.example/v1", models: [ours]}}
  bedrock: {{type: bedrock, region: us-east-1, api_key: k}}
model_aliases:
  "claude-*": openai/gpt-5
  "claude-*:fallback": vllm/qwen
  smart: anthropic/claude-sonnet-4-6
virtual_keys:
  dev: {{environment: test, secret_hash: "{HASH}"}}
  few:
    environment: test
    secret_hash: "hmac-sha256:{"1" * 64}"
    models_allowed: ["gpt-5", "vllm/*"]
"""


class _Lists:
    """Answers lists of models, and counts how often it was asked for each."""

    def __init__(self):
        self.asked = []

    async def send(self, request):
        self.asked.append((request.method, request.url, dict(request.headers).get("authorization")))
        if "vllm" in request.url:
            return Answer(json.dumps({"object": "list", "data": [{"id": "qwen"}, {"id": "models/gpt-oss"}]}).encode())
        if "anthropic" in request.url:
            raise UpstreamFailure(FailureKind.CONNECT, "nobody there")
        return Answer(b"<html>no list</html>", 404)


def listed(snapshot, key):
    models = ProviderModels()
    providers = [one.provider for one in key.upstreams.values()]

    async def twice():
        await asyncio.gather(models.of(providers), models.of(providers))
        return await models.of(providers)

    return dict(callable_models(key, asyncio.run(twice())))


def test_what_a_key_can_call_is_listed_by_the_name_that_leads_there():
    transport = _Lists()
    snapshot = snapshot_of(CONFIG, transport)
    found = listed(snapshot, snapshot.key_named("dev"))

    assert found["smart"] == "anthropic"
    assert found["ours"] == "named"
    assert found["vllm/qwen"] == "vllm"
    assert found["vllm/gpt-oss"] == "vllm"
    assert found["gpt-5"] == "openai"
    assert found["claude-sonnet-4-6"] == "openai"
    assert found["anthropic/claude-sonnet-4-6"] == "anthropic"
    assert "claude-*" not in found
    assert not any(name.endswith((":fallback", "-")) for name in found)
    for name, provider in found.items():
        candidates = resolution(snapshot, snapshot.key_named("dev"), ENDPOINTS["chat_completions"], name).candidates
        assert candidates[0].upstream.provider.name == provider


def test_providers_are_asked_once_and_those_that_the_file_lists_never():
    transport = _Lists()
    snapshot = snapshot_of(CONFIG, transport)
    listed(snapshot, snapshot.key_named("dev"))

    assert sorted(transport.asked) == [
        ("GET", "http://vllm.example/v1/models", None),
        ("GET", "https://api.anthropic.com/v1/models?limit=1000", None),
        ("GET", "https://api.openai.com/v1/models", "Bearer k"),
    ]


def test_allow_lists_hold_for_what_is_listed():
    snapshot = snapshot_of(CONFIG, _Lists())

    found = listed(snapshot, snapshot.key_named("few"))

    assert {name: provider for name, provider in found.items() if not name.startswith("claude-")} == {
        "gpt-5": "openai",
        "vllm/qwen": "vllm",
        "vllm/gpt-oss": "vllm",
    }
    assert set(found.values()) == {"openai", "vllm"}


@pytest.mark.parametrize(("asked", "models"), [("claude-new-9", ["openai/gpt-5", "vllm/qwen"]), ("x/claude-y", None)])
def test_a_glob_has_its_own_fallback_and_matches_no_name_with_a_slash(asked, models):
    snapshot = snapshot_of(CONFIG)
    try:
        found = resolution(snapshot, snapshot.key_named("dev"), ENDPOINTS["chat_completions"], asked)
        targets = [f"{one.upstream.provider.name}/{one.model}" for one in found.candidates]
    except GatewayError:
        targets = None
    assert targets == models


GLOBS = st.text("ab*?", max_size=5)


@given(GLOBS, GLOBS, st.text("ab", max_size=5))
def test_globs_that_match_one_text_may_meet(one, other, text):
    if compile_glob(one)(text) and compile_glob(other)(text):
        assert may_meet(one, other)
    assert may_meet(one, one)
    assert literals(one) == sum(char in "ab" for char in one)


@pytest.mark.parametrize(("one", "other"), [("a*", "b*"), ("a?", "a"), ("*a", "*b"), ("a*b", "a*c"), ("", "?")])
def test_globs_that_match_nothing_together_do_not_meet(one, other):
    assert not may_meet(one, other)
