"""What commands say of models without a price before anybody asks for them."""

import json

import pytest

from tests.cli.conftest import HASH

FILE = f"""version: 1
providers:
  openai: {{type: openai, api_key: "${{env:UP_KEY}}", models: [gpt-5, home-made]}}
  azure:
    type: azure
    base_url: https://x.openai.azure.com
    api_key: "${{env:UP_KEY}}"
    deployments: {{prod-chat: the-deployment, gpt-5: mine}}
  spare: {{type: openai, api_key: "${{env:UP_KEY}}"}}
  ours: {{type: custom, base_url: "http://127.0.0.1:9/v1"}}
model_aliases:
  fast: openai/gpt-5-mini
  local: {{model: llama, balance: {{ours: 1, spare: 1}}}}
fallback: {{chain: [openai, spare, ours]}}
virtual_keys:
  dev:
    secret_hash: {HASH}
    models_allowed: ["openai/gpt-5-nano", "openai/secret", "openai/any*"]
    model_aliases: {{mine: azure/chat-of-mine}}
prices:
  ours/llama: {{input_usd_per_mtok: 0}}
"""
BUDGET = "budgets: {cap: {scope: {virtual_key: dev}, window: month, limit_usd: 5}}\n"


@pytest.fixture
def run(tmp_path, monkeypatch, gateway):
    monkeypatch.chdir(tmp_path)

    def call(*arguments, more="", file=FILE):
        (tmp_path / "gateway.yaml").write_text(file + more)
        return gateway(*arguments, UP_KEY="sk")

    return call


def warned(done):
    return [one for one in json.loads(done.out)["diagnostics"] if one["code"] == "unpriced-model"]


def test_validate_warns_of_every_model_that_is_named_and_has_no_price(run):
    done = run("validate", "gateway.yaml", "--format", "json")

    assert done.code == 0
    assert {one["message"].split()[3]: one["pointer"] for one in warned(done)} == {
        "openai/home-made": "/providers/openai/models/1",
        "azure/prod-chat": "/providers/azure/deployments/prod-chat",
        "spare/llama": "/model_aliases/local",
        "openai/llama": "/fallback/chain/0",
        "ours/gpt-5-mini": "/fallback/chain/2",
        "openai/secret": "/virtual_keys/dev/models_allowed/1",
        "azure/chat-of-mine": "/virtual_keys/dev/model_aliases/mine",
        "openai/chat-of-mine": "/fallback/chain/0",
        "spare/chat-of-mine": "/fallback/chain/1",
        "ours/chat-of-mine": "/fallback/chain/2",
    }
    assert all(one["severity"] == "warning" and one["line"] for one in warned(done))


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ("", "it counts as nothing"),
        (BUDGET, "it counts as nothing, and budgets such as cap refuse it where they count"),
    ],
)
def test_the_warning_says_what_follows(run, more, says):
    done = run("validate", "gateway.yaml", more=more)

    assert f"nobody knows what openai/home-made costs: {says}\n" in done.err
    assert "gateway prices update --from" in done.err


@pytest.mark.parametrize("budget", [False, True])
def test_where_answers_state_costs_only_a_budget_needs_a_price(run, budget):
    more = BUDGET if budget else ""
    trusting = FILE.replace("ours: {type: custom,", "ours: {type: custom, trust_stated_cost: true, models: [auto],")

    done = run("validate", "gateway.yaml", more=more, file=trusting)

    assert ("nobody knows what ours/auto costs: budgets such as cap refuse it where they count\n" in done.err) == budget
    assert ("ours/auto" in done.err) == budget


def test_a_file_that_is_not_valid_is_not_asked_for_prices(run):
    done = run("validate", "gateway.yaml", "--format", "json", more="nonsense: 1\n")

    assert (done.code, warned(done)) == (1, [])


@pytest.mark.parametrize(("more", "code"), [("", 0), (BUDGET, 1), (BUDGET.replace("5}", "5, unpriced: allow}"), 0)])
def test_explain_says_whether_a_budget_refuses_what_has_no_price(run, more, code):
    done = run("explain", "-c", "gateway.yaml", "--key", "dev", "--model", "openai/secret", more=more)

    assert done.code == code
    assert "no price known, it counts as nothing" in done.out
    assert ("403 model_not_allowed: Nobody knows what openai/secret costs, and the budget cap" in done.out) == bool(
        code
    )


def test_what_is_named_anywhere_is_listed_and_locked(run, tmp_path):
    listed = json.loads(run("prices", "list", "-c", "gateway.yaml", "--format", "json").out)
    run("prices", "update", "-c", "gateway.yaml")

    assert {"openai/gpt-5", "azure/gpt-5", "openai/gpt-5-nano", "spare/gpt-5-mini"} <= {one["model"] for one in listed}
    lock = (tmp_path / "prices.lock.yaml").read_text()
    assert all(f"  {name}:\n" in lock for name in ("openai/gpt-5", "azure/gpt-5", "openai/gpt-5-nano"))
