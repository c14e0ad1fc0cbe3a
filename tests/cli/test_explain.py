"""`gateway explain` says what the gateway would do."""

import json

import pytest

from gateway.cli.explain import SHORT_REQUESTS
from gateway.shapes.endpoints import ENDPOINTS
from tests.cli.conftest import HASH

FILE = f"""version: 1
providers:
  eu: {{type: openai, api_key: "${{env:UP_KEY}}", models: [gpt-5], rate_limits: {{rpm: 5}}}}
  us: {{type: openai, api_key: "${{env:UP_KEY}}", circuit_breaker: {{failures: 2}}}}
  closed: {{type: openai, api_key: "${{env:UP_KEY}}"}}
  sim: {{type: simulator}}
policy_rules:
  no-shell: {{tools: {{deny: ['^shell']}}, urls: {{deny: ['169\\.254']}}}}
model_aliases:
  smart: [eu/gpt-5, us/gpt-5-mini, closed/gpt-5]
teams: {{core: {{}}}}
budgets:
  cap: {{scope: {{team: core}}, window: month, limit_usd: 5000}}
  each: {{scope: {{team: core}}, each: end_user, provider: eu, window: total, limit_usd: "0.50", on_breach: warn}}
virtual_keys:
  dev:
    team: core
    secret_hash: {HASH}
    providers: [eu, us, sim]
    models_allowed: ["gpt-5*"]
    rate_limits: {{rpm: 60}}
    policy_rules: [no-shell]
    fallback: {{chain: [eu, sim], timeout_ms: 1500, unary_timeout_ms: 300000}}
  gone: {{secret_hash: "hmac-sha256:{"2" * 64}", state: revoked}}
"""


@pytest.fixture
def explained(tmp_path, monkeypatch, gateway):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "gateway.yaml").write_text(FILE)

    def run(*arguments, body=None):
        if body is not None:
            (tmp_path / "body.json").write_text(json.dumps(body))
            arguments = (*arguments, "--body", "body.json")
        return gateway("explain", "-c", "gateway.yaml", *arguments, UP_KEY="sk-not-to-be-shown")

    return run


def test_the_way_of_a_request(explained, snapshot):
    assert explained("--key", "dev", "--model", "smart") == snapshot


def test_for_machines(explained):
    done = explained("--key", "dev", "--model", "smart", "--format", "json")

    told = json.loads(done.out)
    assert [f"{one['provider']}/{one['model']}" for one in told["candidates"]] == [
        "eu/gpt-5",
        "sim/gpt-5",
        "us/gpt-5-mini",
    ]
    assert [one["target"] for one in told["skipped"]] == ["closed/gpt-5"]
    assert told["fallback"]["timeout_s"] == 1.5
    assert "sk-not-to-be-shown" not in done.out


LANES = """version: 1
providers:
  openai: {type: openai, api_key: "${env:UP_KEY}"}
  anthropic: {type: anthropic, api_key: "${env:UP_KEY}"}
model_aliases:
  gpt-5-mini: openai/gpt-5-mini
  "gpt-5-mini:fallback": anthropic/claude-haiku-4-5
virtual_keys: {dev: {environment: test}}
"""


@pytest.mark.parametrize(
    ("model", "path", "bodies"),
    [
        ("gpt-5-mini", "/v1/chat/completions", ["identical", "translated"]),
        ("claude-haiku-4-5", "/v1/chat/completions", ["translated"]),
        ("gpt-5", "/v1/messages", ["translated"]),
        ("gpt-5", "/v1/responses", ["identical"]),
    ],
)
def test_without_a_body_a_short_text_goes_every_way_that_it_can(explained, tmp_path, model, path, bodies):
    (tmp_path / "gateway.yaml").write_text(LANES)

    done = explained("--key", "dev", "--model", model, "--path", path, "--format", "json")

    assert done.code == 0
    assert "No --body: a short text is asked about" in done.err
    assert [one["body"] for one in json.loads(done.out)["candidates"]] == bodies


def test_every_endpoint_has_a_short_request():
    assert set(SHORT_REQUESTS) == set(ENDPOINTS)


SHELL = {"type": "function", "function": {"name": "shell.run"}}
REFUSED = {
    "a tool": ({"model": "smart", "messages": [], "tools": [SHELL]}, "dev", "no-shell"),
    "a model": ({"model": "o3", "messages": []}, "dev", "models_allowed"),
    "a key": ({"model": "smart", "messages": []}, "gone", "revoked"),
    "no object": ([], "dev", "JSON object"),
    "no model": ({"messages": []}, "dev", "names no model"),
}


@pytest.mark.parametrize(("body", "key", "says"), REFUSED.values(), ids=REFUSED.keys())
def test_what_would_be_refused_exits_with_1_and_says_why(explained, body, key, says):
    done = explained("--key", key, body=body)

    assert done.code == 1
    assert says in done.out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--key", "nobody", "--model", "m"), "no virtual key named 'nobody'"),
        (("--key", "dev", "--path", "/v1/nothing"), "/v1/nothing is no endpoint"),
        (("--key", "dev", "--body", "missing.json"), "missing.json cannot be read"),
    ],
)
def test_a_question_that_cannot_be_answered(explained, arguments, says):
    done = explained(*arguments)

    assert done.code == 1
    assert says in done.err


def test_what_only_warns_is_told_and_refuses_nothing(explained, tmp_path):
    warning = FILE.replace("deny: ['^shell']", "deny: ['^shell'], mode: warn").replace(
        'models_allowed: ["gpt-5*"]', 'models_allowed: {allow: ["gpt-5"], mode: warn}'
    )
    (tmp_path / "gateway.yaml").write_text(warning.replace("{rpm: 60}", "{rpm: 60, mode: warn}"))
    body = {"messages": [], "tools": [{"type": "function", "function": {"name": "shell.run"}}]}

    done = explained("--key", "dev", "--model", "us/gpt-5-mini", body=body)

    assert done.code == 0
    assert "warning     no-shell.tools only warns, and would refuse it" in done.out
    assert "warning     models_allowed only warns, and would refuse it" in done.out
    assert "limit key:dev:rpm 60, warns" in done.out
