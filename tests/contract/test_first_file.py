"""`gateway init`: from the keys in an environment to a gateway that answers."""

import os
import re
from datetime import UTC, datetime

import pytest

from gateway.config.load import load
from gateway.importers.environment import find_providers, first_file
from tests.support import launcher
from tests.support.keys import HASH

OF_PROVIDERS = re.compile(r"(OPENAI|ANTHROPIC|GEMINI|GOOGLE|AWS|AZURE|VERTEXAI|CLOUD_ML)_|_API_KEY$")
CANARY = "sk-canary-in-the-environment"
BODY = {"model": "gpt-5-mini", "messages": [{"role": "user", "content": "hi"}]}


def run(directory, *arguments, code=0, **environ):
    clean = {name: value for name, value in os.environ.items() if not OF_PROVIDERS.search(name)}
    done = launcher.run(["init", *arguments], env={**clean, "COLUMNS": "200", **environ}, directory=directory)
    assert done.returncode == code, done.stdout + done.stderr
    assert CANARY not in done.stdout + done.stderr
    return done


def test_from_an_environment_to_an_answer(tmp_path, start_gateway, upstream):
    environ = {"OPENAI_API_KEY": CANARY, "OPENAI_BASE_URL": f"{upstream.url}/v1"}

    done = run(tmp_path, "--yes", "--organization", "acme", "--key", "dev@example.com", **environ)

    text = (tmp_path / "gateway.yaml").read_text()
    assert CANARY not in text
    assert done.stderr.count("gateway serve --config gateway.yaml") == 1
    assert "curl -s http://127.0.0.1:5563/v1/chat/completions" in done.stderr
    assert "is there already; --force replaces it" in run(tmp_path, "--yes", code=1, **environ).stderr
    gateway = start_gateway(text, env=environ)
    answer = gateway.post(BODY, headers={"authorization": f"Bearer {done.stdout.strip()}"})
    assert answer.status_code == 200, answer.text
    assert upstream.requests[-1].headers["authorization"] == f"Bearer {CANARY}"


def test_without_a_key_the_simulator_answers_and_a_file_is_replaced_only_when_told(tmp_path):
    (tmp_path / "gateway.yaml").write_text("mine")

    run(tmp_path, "--yes", code=1)
    assert (tmp_path / "gateway.yaml").read_text() == "mine"
    live = run(tmp_path, "--force", "--yes", GATEWAY_KEY_PEPPER="a pepper of some length").stdout
    assert "type: simulator" in (tmp_path / "gateway.yaml").read_text()
    assert live.startswith("lw_vk_live_")
    assert "no key for groq in the environment" in run(tmp_path, "--force", "--provider", "groq", code=1).stderr


ENVIRONMENTS = [
    ({}, [], []),
    ({"OPENAI_API_KEY": ""}, [], []),
    ({"OPENAI_API_KEY": "k", "OPENAI_ORG_ID": "o", "OPENAI_PROJECT_ID": "p"}, ["openai"], []),
    ({"OPENAI_API_KEY": "k", "OPENAI_BASE_URL": "http://localhost:5563/v1"}, [], ["OPENAI_BASE_URL"]),
    ({"ANTHROPIC_API_KEY": "k", "ANTHROPIC_BASE_URL": "https://a.example"}, ["anthropic"], []),
    ({"GEMINI_API_KEY": "k", "GOOGLE_API_KEY": "other"}, ["gemini"], []),
    (
        {"AZURE_OPENAI_ENDPOINT": "https://a.example", "AZURE_OPENAI_API_KEY": "k", "OPENAI_API_VERSION": "2024-10-21"},
        ["azure"],
        [],
    ),
    ({"AZURE_OPENAI_ENDPOINT": "https://a.example"}, ["azure"], []),
    ({"AZURE_OPENAI_API_KEY": "k"}, [], ["AZURE_OPENAI_API_KEY"]),
    ({"AWS_ACCESS_KEY_ID": "k", "AWS_REGION": "eu-west-1"}, ["bedrock"], []),
    ({"AWS_BEARER_TOKEN_BEDROCK": "k", "AWS_DEFAULT_REGION": "eu-west-1"}, ["bedrock"], []),
    ({"AWS_PROFILE": "p"}, [], ["AWS_PROFILE"]),
    ({"AWS_REGION": "eu-west-1"}, [], []),
    ({"GOOGLE_APPLICATION_CREDENTIALS": "/a.json", "GOOGLE_CLOUD_PROJECT": "p"}, ["vertex"], []),
    ({"GOOGLE_APPLICATION_CREDENTIALS": "/a.json"}, [], ["GOOGLE_APPLICATION_CREDENTIALS"]),
    ({"GOOGLE_CLOUD_PROJECT": "p"}, [], []),
    ({"GROQ_API_KEY": "k", "TOGETHER_API_KEY": "k", "MISTRAL_API_KEY": "k"}, ["groq", "mistral", "together-ai"], []),
    ({"HOSTED_VLLM_API_KEY": "k"}, [], ["HOSTED_VLLM_API_KEY"]),
    ({"HOSTED_VLLM_API_KEY": "k", "HOSTED_VLLM_API_BASE": "http://v/v1"}, ["hosted-vllm"], []),
]


@pytest.mark.parametrize(("environ", "names", "passed"), ENVIRONMENTS)
def test_what_an_environment_has_keys_for(tmp_path, environ, names, passed):
    found, nearly = find_providers(environ)

    assert [one.name for one in found] == names
    assert [name for one in nearly for name in one.variables if name in passed] == passed
    if not found:
        return
    text = first_file(found, "k", HASH, "test", None)
    # What stands in comments holds, too.
    lines = [re.sub(r"^( *)# ( *[a-z_-]+:.*)$", r"\1\2", line) for line in text.splitlines()]
    for written in (text, "\n".join(lines)):
        (tmp_path / "gateway.yaml").write_text(written)
        loaded = load([tmp_path / "gateway.yaml"], environ=environ, now=datetime(2026, 6, 1, tzinfo=UTC))
        assert [str(one) for one in loaded.diagnostics if one.is_error] == []
    assert lines.count("budgets:") == 1


def test_of_two_keys_of_google_the_one_that_its_sdk_takes():
    (found,), _ = find_providers({"GEMINI_API_KEY": "k", "GOOGLE_API_KEY": "other"})

    assert found.members["api_key"] == "${env:GOOGLE_API_KEY}"
