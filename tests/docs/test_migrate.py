"""docs/migrate.md, step by step, and each row of its table of what can go wrong."""

import time

import httpx

from tests.docs.snippets import ROOT
from tests.support.upstream import response

PAGE = ROOT / "docs" / "migrate.md"
ASKED = {"model": "gpt-5-mini", "messages": [{"role": "user", "content": "ping"}]}


def test_every_step_does_what_it_says(reader):
    """One walk, since each step builds on those before."""
    reader.read(PAGE, until="## 5. One trace")
    key = reader.type('printf %s "$LANGWATCH_VK"')
    with httpx.Client(headers={"Authorization": f"Bearer {key}"}, timeout=20) as client:

        def ask(key=key, **more):
            url = f"http://127.0.0.1:{reader.port}/v1/chat/completions"
            return client.post(url, json={**ASKED, **more}, headers={"Authorization": f"Bearer {key}"})

        _policy_holds(reader, ask)
        for options, body in (({}, "spliced"), ({"stream_options": {"include_usage": False}}, "identical")):
            assert ask(stream=True, **options).headers["x-langwatch-body"] == body
        reader.type("NEW_OPENAI_API_KEY=sk-another-one")
        reader.read(PAGE, first="## 6. Renew the provider's key", until="## When something is wrong")
        _wait_for("Bearer sk-another-one", reader, ask)
        _what_is_wrong_is_told(reader, ask)


def _policy_holds(reader, ask):
    reader.provider.overloaded = {"/chat/completions"}
    answered = ask()
    assert (answered.status_code, answered.json()["model"]) == (200, "gpt-5-mini")
    assert answered.headers["x-langwatch-provider"] == "anthropic"
    assert answered.headers["x-langwatch-fallback-count"] == "1"
    reader.provider.overloaded = set()
    for name in ("Bash", "apply_patch", "local_shell", "exec_command", "bash_20250124"):
        refused = ask(tools=[{"type": "function", "function": {"name": name}}])
        assert (refused.status_code, refused.json()["error"]["type"]) == (403, "tool_not_allowed"), name
    assert ask(tools=[{"type": "function", "function": {"name": "Read"}}]).status_code == 200


def _wait_for(credential, reader, ask):
    """No request fails until it is sent."""
    deadline = time.monotonic() + 10
    while reader.provider.server.requests[-1].headers["authorization"] != credential:
        assert time.monotonic() < deadline
        assert ask().status_code == 200


def _until(status, ask):
    """The answer with this status, which a change of the file leads to."""
    deadline = time.monotonic() + 10
    while (answered := ask()).status_code != status:
        assert time.monotonic() < deadline, answered.text
    return answered


def _what_is_wrong_is_told(reader, ask):
    assert ask(key="sk-of-openai").json()["error"]["type"] == "invalid_api_key"
    hashed = reader.type('printf %s "$OPENAI_API_KEY" | gateway keys hash').strip()
    assert f"secret_hash: {hashed}" in (reader.directory / "gateway.yaml").read_text()
    config = reader.directory / "gateway.yaml"
    served = config.read_text()
    config.write_text(served.replace("limit_usd: 5000", "limit_usd: 0.0000001"))
    assert _until(402, ask).json()["error"]["meta"]
    config.write_text(served.replace("policy_rules:\n    - no-shell", "models_allowed: [gpt-5-nano]"))
    assert _until(403, ask).json()["error"]["type"] == "model_not_allowed"
    config.write_text(served)
    _until(200, ask)
    refused = ask(model="no-such-model")
    assert (refused.status_code, refused.json()["error"]["type"]) == (404, "model_not_found")
    assert "gateway_trace" in reader.type("curl -s http://127.0.0.1:5563/metrics | grep gateway_trace")
    reader.provider.server.play = lambda _: response(b'{"error": {"message": "no"}}', 401)
    refused = ask(model="openai/gpt-5")
    assert (refused.status_code, refused.json()["error"]["code"]) == (502, "provider_credential_refused")
