"""`gateway explain` says what the gateway would do."""

import json

import pytest

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
virtual_keys:
  dev:
    secret_hash: {HASH}
    providers: [eu, us, sim]
    models_allowed: ["gpt-5*"]
    rate_limits: {{rpm: 60}}
    policy_rules: [no-shell]
    fallback: {{chain: [eu, sim], timeout_ms: 1500}}
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
