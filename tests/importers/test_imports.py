"""Peers' configurations, turned into files that hold."""

import json
import os
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.config.load import load
from gateway.importers import litellm, portkey
from tests.support import launcher

ROOT = Path(__file__).parents[2]
CANARY = "sk-canary-in-clear"

LITELLM = f"""
model_list:
  - model_name: gpt-4o
    litellm_params:
      model: azure/gpt-4o
      api_base: https://acme-eu.openai.azure.com/
      api_key: os.environ/AZURE_EU_KEY
      api_version: "2024-10-21"
      rpm: 600
      weight: 3
  - model_name: gpt-4o
    litellm_params: {{model: azure/gpt-4o, api_base: "https://acme-us.openai.azure.com", api_key: os.environ/AZURE_US_KEY}}
  - model_name: claude
    litellm_params: {{model: anthropic/claude-sonnet-4-5, api_key: {CANARY}, tpm: 100000, temperature: 0.2}}
    model_info: {{input_cost_per_token: 0.000003, output_cost_per_token: 1.5e-5}}
  - model_name: claude-aws
    litellm_params: {{model: bedrock/converse/anthropic.claude-sonnet-4-5-v1:0, aws_region_name: eu-central-1}}
  - model_name: llama
    litellm_params: {{model: groq/llama-3.3-70b-versatile, api_key: os.environ/GROQ_API_KEY}}
  - model_name: local
    litellm_params: {{model: hosted_vllm/qwen}}
  - model_name: "openai/*"
    litellm_params: {{model: "openai/*", api_key: os.environ/OPENAI_API_KEY}}
litellm_settings:
  drop_params: true
  success_callback: [langfuse]
  fallbacks: [{{gpt-4o: [claude, nowhere]}}, {{claude: [claude-aws]}}]
  request_timeout: 60
router_settings:
  routing_strategy: usage-based-routing-v2
  model_group_alias: {{gpt-4: gpt-4o, gone: missing, chained: gpt-4}}
  allowed_fails: 3
  cooldown_time: 30
general_settings: {{master_key: {CANARY}, database_url: "postgresql://u:{CANARY}@db/litellm"}}
"""
KEYS = {
    "keys": [
        {
            "token": "88dc28d0f030c55ed4ab77ed8faf098196cb1c05df778539800c9f1243fe6b4b",
            "key_alias": "checkout service",
            "models": ["gpt-4o", "claude"],
            "max_budget": 50.5,
            "budget_duration": "30d",
            "rpm_limit": 100,
            "max_parallel_requests": 5,
            "team_id": "core",
            "user_id": "dev@example.com",
            "expires": "2036-01-01T00:00:00",
            "spend": 12.5,
            "metadata": {"tags": ["prod"]},
        },
        {"key_alias": "old", "blocked": True, "models": [], "max_budget": 5, "budget_duration": "11d"},
        {"token": "0" * 64},
    ],
    "teams": [{"team_id": "core", "team_alias": "Core team", "max_budget": 1000, "budget_duration": "1mo"}],
    **{name: [] for name in ("users", "team_memberships", "budgets", "projects", "organizations", "tags")},
}
PORTKEY = {
    "strategy": {"mode": "fallback", "on_status_codes": [429, 503, 504, 400]},
    "request_timeout": 10_000,
    "cache": {"mode": "semantic"},
    "targets": [
        {
            "strategy": {"mode": "loadbalance"},
            "targets": [
                {"provider": "openai", "api_key": CANARY, "weight": 0.7, "override_params": {"model": "gpt-5"}},
                {"virtual_key": "openai-eu", "weight": 0.3, "override_params": {"model": "gpt-5", "temperature": 0}},
            ],
        },
        {
            "provider": "anthropic",
            "virtual_key": "claude-main",
            "override_params": {"model": "claude-sonnet-4-5"},
            "retry": {"attempts": 5},
        },
        {"provider": "azure-openai", "resource_name": "acme", "api_key": CANARY, "input_guardrails": ["x"]},
        {"provider": "unknown-thing", "api_key": CANARY},
    ],
}


def problems(tmp_path: Path, text: str, environ) -> list[str]:
    """What `gateway validate` says of an import, the price lock and warnings left aside."""
    file = tmp_path / "imported.yaml"
    file.write_text(text)
    loaded = load([file], environ=environ, now=datetime(2026, 6, 1, tzinfo=UTC))
    return [str(one) for one in loaded.diagnostics if one.is_error]


@pytest.fixture
def written(tmp_path):
    (tmp_path / "litellm.yaml").write_text(LITELLM)
    (tmp_path / "keys.json").write_text(json.dumps(KEYS))
    (tmp_path / "portkey.json").write_text(json.dumps(PORTKEY))
    return tmp_path


def run(directory, *arguments, code=0, **environ):
    environment = {**os.environ, "COLUMNS": "200", **environ}
    done = launcher.run(["import", *arguments], env=environment, directory=directory)
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert CANARY not in done.stdout + done.stderr
    return done


@pytest.mark.parametrize(
    "arguments",
    [
        ("litellm", "litellm.yaml", "--keys", "keys.json", "--owner", "platform"),
        ("portkey", "portkey.json", "--alias", "smart"),
    ],
    ids=["litellm", "portkey"],
)
def test_imports(written, arguments, snapshot):
    done = run(written, *arguments)

    assert done.stdout == snapshot(name="file")
    assert done.stderr == snapshot(name="notes")
    variables = done.stderr.rpartition("set: ")[2].split(", ")
    assert problems(written, done.stdout, {name.strip(): "value" for name in variables}) == []


def test_keys_are_read_as_json_is_written(written):
    rows = [{"key_alias": "a", "models": ["gpt-4o \U0001f600"], "metadata": {"tags": ["\U0001f600"]}}]
    (written / "keys.json").write_text(json.dumps(rows, indent="\t"))

    assert "\U0001f600" in run(written, "litellm", "litellm.yaml", "--keys", "keys.json").stdout


def test_a_report_and_a_file(written):
    run(written, "portkey", "portkey.json", "--output", "gateway.yaml", "--report", "notes.json")

    notes = json.loads((written / "notes.json").read_text())
    assert {"where": "config.cache", "note": "not carried over: answers are not cached"} in notes
    assert CANARY not in (written / "gateway.yaml").read_text()
    assert (
        "cannot be written: File exists"
        in run(written, "portkey", "portkey.json", "--output", "gateway.yaml", code=1).stderr
    )


def test_spend_so_far_is_written_once(written):
    month = {"budget_duration": "1mo", "budget_reset_at": "2099-01-01T00:00:00"}
    dump = {"keys": [{"key_alias": "ci", "max_budget": 5, "spend": 1.5, **month}, {"key_alias": "x", "spend": "no"}]}
    (written / "keys.json").write_text(json.dumps(dump))
    run(written, "litellm", "litellm.yaml", "--keys", "keys.json", "--output", "gateway.yaml")
    database = f"sqlite:///{written}/gateway.db"
    environ = dict.fromkeys(re.findall(r"\$\{env:(\w+)\}", (written / "gateway.yaml").read_text()), "https://x.example")
    arguments = ("litellm", "--spend", "keys.json", "--database", database)

    none = run(written, *arguments, "--config", "litellm.yaml", code=1)
    first = run(written, *arguments, "--config", "gateway.yaml", **environ)
    again = run(written, *arguments, "--config", "gateway.yaml", **environ)

    assert re.fullmatch(r"budget:key-ci:virtual_key=ci:month=\d{4}-\d\d 1\.500000000\n", first.stdout)
    assert "1 opening row is written" in first.stderr
    assert "keys[1].spend: it is no amount" in first.stderr
    assert "Nothing is written; 1 was there already, and stays as it is." in again.stderr
    assert "error" in none.stderr
    assert "--spend converts nothing" in run(written, *arguments, "--keys", "keys.json", code=1).stderr
    assert "give LiteLLM's config.yaml" in run(written, "litellm", code=1).stderr


def test_a_report_for_the_pull_request(written, snapshot):
    (written / "keys.json").write_text(json.dumps([{"key_alias": "<b>|x", "team_id": "t"}]))
    arguments = ("litellm", "litellm.yaml", "--keys", "keys.json", "--report", "markdown")

    done = run(written, *arguments, "--output", "gateway.yaml")

    assert done.stdout == snapshot
    assert "give --output too" in run(written, *arguments, code=1).stderr


def test_what_is_written_is_utf8_whatever_the_locale(tmp_path):
    config = {"provider": "openai", "api_key": CANARY, "override_params": {"model": "modèle"}}
    (tmp_path / "portkey.json").write_text(json.dumps(config))
    plain = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}

    run(tmp_path, "portkey", "portkey.json", "--output", "gateway.yaml", **plain)

    assert "modèle" in (tmp_path / "gateway.yaml").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "holds no configuration"),
        (b"\xff\xfe", "not UTF-8"),
        (b"a: 'b\n", "config:2:1: "),
        (b"a: !!python/object/apply:os.system ['true']\n", "config:1:4: "),
        (b"[" * 5_000, "config:1:"),
        (b"just words", "holds no configuration"),
    ],
)
@pytest.mark.parametrize("peer", ["litellm", "portkey"])
def test_files_that_cannot_be_read(tmp_path, peer, content, said):
    (tmp_path / "config").write_bytes(content)

    assert said in run(tmp_path, peer, "config", code=1).stderr


SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(
        ["gpt-4o", "azure/x", "groq/x", "os.environ/A", "openai", "30d", "https://h/v1", "${env:A}", "a/*"]
    ),
)
NAMES = st.sampled_from(
    [
        "model_list",
        "model_name",
        "litellm_params",
        "model",
        "api_key",
        "api_base",
        "api_version",
        "rpm",
        "tpm",
        "weight",
        "model_info",
        "input_cost_per_token",
        "litellm_settings",
        "router_settings",
        "fallbacks",
        "default_fallbacks",
        "model_group_alias",
        "strategy",
        "mode",
        "targets",
        "provider",
        "virtual_key",
        "override_params",
        "on_status_codes",
        "custom_host",
        "request_timeout",
        "keys",
        "teams",
        "key_alias",
        "models",
        "max_budget",
        "budget_duration",
        "team_id",
        "user_id",
        "expires",
        "metadata",
        "tags",
    ]
)
ANY = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=6), max_leaves=30
)
DEPLOYMENT = st.fixed_dictionaries(
    {"model_name": SCALARS, "litellm_params": st.dictionaries(NAMES, SCALARS, max_size=8)}
)
CONFIG = st.fixed_dictionaries(
    {"model_list": st.lists(DEPLOYMENT | ANY, max_size=4)}, optional={"router_settings": ANY, "litellm_settings": ANY}
)
TARGET = st.recursive(
    st.dictionaries(NAMES, SCALARS | st.fixed_dictionaries({"model": SCALARS}), max_size=6),
    lambda inner: st.fixed_dictionaries(
        {
            "strategy": st.fixed_dictionaries({"mode": SCALARS | st.sampled_from(["loadbalance", "fallback"])}),
            "targets": st.lists(inner, max_size=3),
        }
    ),
    max_leaves=6,
)


@given(
    CONFIG | ANY,
    ANY | st.fixed_dictionaries({"keys": st.lists(st.dictionaries(NAMES, SCALARS, max_size=8), max_size=4)}),
)
def test_whatever_litellm_files_hold_the_result_is_valid(tmp_path_factory, config, keys):
    draft = litellm.convert(config, keys)

    assert problems(tmp_path_factory.getbasetemp(), draft.text(), dict.fromkeys(draft.variables, "x")) == []


@example({"virtual_key": "0"})
@given(TARGET | ANY)
def test_whatever_portkey_files_hold_the_result_is_valid(tmp_path_factory, config):
    draft = portkey.convert(config)

    assert problems(tmp_path_factory.getbasetemp(), draft.text(), dict.fromkeys(draft.variables, "x")) == []


@pytest.mark.parametrize(
    ("model", "base", "prices_of"),
    [
        ("xai/grok-4", None, None),
        ("together_ai/meta-llama/Llama-3.3-70B-Instruct-Turbo", None, None),
        ("xai/grok-4", "https://proxy.example.com/v1", "x-ai"),
        ("fireworks_ai/gpt-oss-120b", "os.environ/FIREWORKS_URL", "fireworks"),
        ("hosted_vllm/qwen", "http://localhost:8000/v1", None),
    ],
)
def test_prices_of_the_seller_count_whatever_the_provider_is_called(model, base, prices_of):
    parameters = {"model": model} if base is None else {"model": model, "api_base": base}

    draft = litellm.convert({"model_list": [{"model_name": "m", "litellm_params": parameters}]}, {})

    (provider,) = draft.sections["providers"].values()
    assert provider.get("prices_of") == prices_of


AZURE = {"api_base": "https://ours.openai.azure.com", "api_key": "os.environ/KEY"}
PRICED = [
    ("azure/prod-chat", {}, {"base_model": "azure/gpt-4o-2024-11-20"}, {"base_model": "gpt-4o-2024-11-20"}),
    ("azure/prod-chat", {"base_model": "gpt-4o"}, {}, {"base_model": "gpt-4o"}),
    ("azure/gpt-4o", {}, {"base_model": "azure/gpt-4o"}, None),
    (
        "gemini/gemini-2.5-pro",
        {"input_cost_per_token": 1.125e-6, "input_cost_per_token_above_200k_tokens": 2.25e-6},
        {"output_cost_per_token": "9e-6", "output_cost_per_token_above_200k_tokens": 1.35e-5},
        {
            "output_usd_per_mtok": "9",
            "input_usd_per_mtok": "1.125",
            "tiers": [{"from_tokens": 200_001, "output_usd_per_mtok": "13.5", "input_usd_per_mtok": "2.25"}],
        },
    ),
    ("openai/x", {"cache_read_input_token_cost": 1e-7}, {}, {"cache_read_usd_per_mtok": "0.1"}),
    ("openai/x", {"input_cost_per_token": "dear"}, {}, None),
    ("openai/x", {"input_cost_per_token": float("nan"), "output_cost_per_token": 1e-300}, {}, None),
    ("openai/x", {"input_cost_per_token": float("inf"), "output_cost_per_token": "1e999"}, {}, None),
    ("openai/x", {"input_cost_per_second": 0.1}, {}, None),
]


@pytest.mark.parametrize(("model", "parameters", "information", "expected"), PRICED)
def test_prices_and_base_models_of_deployments(model, parameters, information, expected):
    entry = {"model_name": "m", "litellm_params": {"model": model, **AZURE, **parameters}, "model_info": information}

    draft = litellm.convert({"model_list": [entry]}, {})

    assert list(draft.sections.get("prices", {}).values()) == ([] if expected is None else [expected])
    assert not [one for one in draft.notes if "parameters of their own" in one.text]


def test_a_deployment_of_a_data_zone_is_of_a_provider_in_it():
    entries = [
        {"model_name": base, "litellm_params": {"model": "azure/d", **AZURE}, "model_info": {"base_model": base}}
        for base in ("azure/eu/gpt-4o", "azure/gpt-4o", "azure/global/gpt-4o")
    ]

    providers = litellm.convert({"model_list": entries}, {}).sections["providers"]

    assert [one.get("zone") for one in providers.values()] == ["data_zone", None]


@pytest.mark.parametrize("number", [float("nan"), "nan", "sNaN", float("inf"), "1e9999999", -1, "", [1]])
def test_what_is_no_number_is_told(number):
    parameters = {"model": "openai/gpt-5", "max_budget": number}
    settings = {"cost_discount_config": {"openai": number}}

    draft = litellm.convert(
        {"model_list": [{"model_name": "m", "litellm_params": parameters}], "litellm_settings": settings}
    )

    wheres = {one.where for one in draft.notes}
    assert wheres >= {"model_list[0].max_budget", "litellm_settings.cost_discount_config.openai"}
    assert "budgets" not in draft.sections


def test_discounts_of_providers_are_factors():
    entry = {"model_name": "m", "litellm_params": {"model": "vertex_ai/gemini-2.5-pro", "vertex_project": "p"}}
    discounts = {"vertex_ai": 0.05, "openai": 0.1}

    draft = litellm.convert({"model_list": [entry], "litellm_settings": {"cost_discount_config": discounts}}, {})

    (provider,) = draft.sections["providers"].values()
    assert provider["price_factor"] == "0.95"
    assert [one.where for one in draft.notes if "discount" in one.where] == [
        "litellm_settings.cost_discount_config.openai"
    ]


def test_under_the_pepper_keys_go_on(written):
    done = run(written, "litellm", "litellm.yaml", "--keys", "keys.json", GATEWAY_KEY_PEPPER="a pepper of some length")

    assert done.stdout.count("hmac-sha256-sha256:") == 1
    assert "can be guessed" in done.stderr
