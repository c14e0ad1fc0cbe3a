"""Bifrost's config.json: whom its keys reach here, what they may spend, and what is told."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from gateway.config.load import load
from gateway.importers import bifrost
from gateway.keys.digest import Pepper, parse_hash

CANARY = "sk-canary-in-clear"
PEPPER = Pepper(b"a pepper of some length")


def account(name="main", value="env.KEY", models=("*",), weight=1, **more):
    return {"name": name, "value": value, "models": list(models), "weight": weight, **more}


def at(provider="openai", allowed=("*",), keys=("*",), **more):
    """A provider config."""
    return {"provider": provider, "allowed_models": list(allowed), "key_ids": list(keys), **more}


def config(*configs, providers=None, key=None, **governance):
    """A file with one key `k`, which may ask for everything of one account of OpenAI's unless something else is said."""
    row = {"id": "vk", "name": "k", "value": "sk-bf-1", "provider_configs": list(configs or [at()]), **(key or {})}
    return {
        "providers": providers or {"openai": {"keys": [account()]}},
        "governance": {"virtual_keys": [row], **governance},
    }


def converted(document, **more):
    draft = bifrost.convert(document, pepper=PEPPER, **more)
    return draft.sections, [str(note) for note in draft.notes]


def key_of(document, **more):
    sections, notes = converted(document, **more)
    return sections["virtual_keys"]["k"], sections, notes


def problems(tmp_path: Path, text: str, environ) -> list[str]:
    file = tmp_path / "bifrost.yaml"
    file.write_text(text)
    loaded = load([file], environ=environ, now=datetime(2026, 6, 1, tzinfo=UTC))
    return [str(one) for one in loaded.diagnostics if one.is_error]


EXAMPLE = {
    "$schema": "https://www.getbifrost.ai/schema",
    "encryption_key": f"{CANARY}-encryption",
    "client": {"enforce_auth_on_inference": True, "enable_logging": True, "allow_direct_keys": True},
    "providers": {
        "openai": {
            "keys": [
                account("a", "env.OPENAI_A", weight=2),
                account("b", CANARY, ["gpt-5-mini"]),
                account("off", "env.OFF", enabled=False),
            ],
            "network_config": {
                "default_request_timeout_in_seconds": 120,
                "stream_idle_timeout_in_seconds": 90,
                "max_retries": 3,
                "extra_headers": {"X-Team": "blue", "X-Token": f"{CANARY}-header"},
            },
            "openai_config": {"disable_store": True},
        },
        "azure": {
            "keys": [
                account(
                    "az",
                    "env.AZURE_KEY",
                    ["gpt-5"],
                    aliases={"gpt-5": "prod-gpt-5"},
                    azure_key_config={"endpoint": "env.AZURE_ENDPOINT"},
                )
            ]
        },
        "bedrock": {
            "keys": [account("aws", "", bedrock_key_config={"region": "eu-central-1", "role_arn": "env.ROLE"})]
        },
        "vertex": {
            "keys": [
                account("gcp", "", vertex_key_config={"project_id": "p", "region": "r", "auth_credentials": "env.GCP"})
            ]
        },
        "vllm": {"keys": [account("v", "", vllm_key_config={"url": "http://vllm:8000", "model_name": "qwen"})]},
        "ollama": {"keys": [account("o", "", ollama_key_config={"url": "http://ollama:11434"})]},
        "groq": {"keys": [account("g", {"value": "", "env_var": "env.GROQ_KEY", "from_env": True})]},
        "runway": {"keys": [account()]},
    },
    "governance": {
        "budgets": [
            {"id": "b-key", "max_limit": 1000, "reset_duration": "1M", "virtual_key_id": "vk-1", "current_usage": 3},
            {"id": "b-team", "max_limit": 500, "reset_duration": "1w", "team_id": "ml"},
            {"id": "b-acme", "max_limit": 2000, "reset_duration": "1Q"},
            {"id": "b-there", "max_limit": 5, "reset_duration": "1d", "provider_config_id": 7},
        ],
        "rate_limits": [
            {
                "id": "r-1",
                "request_max_limit": 5000,
                "request_reset_duration": "1h",
                "token_max_limit": 50_000,
                "token_reset_duration": "1m",
            }
        ],
        "customers": [{"id": "acme", "name": "Acme", "budget_id": "b-acme"}],
        "teams": [{"id": "ml", "name": "ML Team", "customer_id": "acme"}],
        "virtual_keys": [
            {
                "id": "vk-1",
                "name": "platform key",
                "value": "sk-bf-platform",
                "team_id": "ml",
                "rate_limit_id": "r-1",
                "provider_configs": [
                    at("openai", id=7, blacklisted_models=["o1"], weight=0.75),
                    at("azure", ["gpt-5"], weight=0.25),
                ],
            },
            {
                "id": "vk-2",
                "name": "mini",
                "value": "env.VK_MINI",
                "expires_at": "2026-09-01T00:00:00Z",
                "provider_configs": [at("openai", ["gpt-5-mini"], ["b"])],
            },
            {"id": "vk-3", "name": "all", "is_active": False, "value_hash": "0" * 64, "allow_all_providers": True},
        ],
        "routing_rules": [
            {
                "id": "r",
                "name": "to azure",
                "cel_expression": "request.model == 'gpt-5'",
                "targets": [{"provider": "azure", "model": "gpt-5", "weight": 1}],
            },
            {"id": "off", "name": "off", "enabled": False, "cel_expression": "budget_used > 80", "targets": []},
        ],
    },
    "mcp": {"client_configs": []},
    "plugins": [{"name": "otel", "enabled": True}, {"name": "maxim", "enabled": False}],
}


def test_an_example(tmp_path, snapshot, monkeypatch):
    monkeypatch.setattr("gateway.clock.utc_now", lambda: datetime(2026, 6, 1, tzinfo=UTC))

    draft = bifrost.convert(EXAMPLE, "platform", PEPPER, {"VK_MINI": "sk-bf-mini"})

    assert draft.text() == snapshot(name="file")
    assert [str(note) for note in draft.notes] == snapshot(name="notes")
    assert problems(tmp_path, draft.text(), dict.fromkeys(draft.variables, "https://x.example")) == []
    assert CANARY not in draft.text() + str(draft.notes)


def test_the_command(tmp_path):
    from tests.importers.test_imports import run  # noqa: PLC0415 - its fixtures are not these

    (tmp_path / "config.json").write_text(json.dumps(EXAMPLE))

    done = run(tmp_path, "bifrost", "config.json", GATEWAY_KEY_PEPPER="a pepper of some length", VK_MINI="sk-bf-mini")

    hashes = re.findall(r"secret_hash: (\S+)", done.stdout)
    assert parse_hash(hashes[0]) in PEPPER.imported_candidates("sk-bf-platform")
    assert parse_hash(hashes[1]) in PEPPER.imported_candidates("sk-bf-mini")
    assert "sk-bf-" not in done.stdout + done.stderr


CAPPED = {"model_name": "*", "id": "m"}
LIMIT = {"id": "r", "request_max_limit": 10, "request_reset_duration": "1m"}
TWO = {"openai": {"keys": [account()]}, "groq": {"keys": [account(value="env.G")]}}


@pytest.mark.parametrize(
    "document",
    [
        config(key={"provider_configs": []}),
        config(key={"provider_configs": None}),
        config(at(allowed=[])),
        config(at(keys=[])),
        config(at(keys=["another"])),
        config(at("nowhere")),
        config(at(allowed=["regex:^gpt"])),
        config(at(blacklisted_models=["*"])),
        config(at(surprise=1)),
        config(at(allowed_models="gpt-5")),
        config(at(allowed=[5])),
        config(key={"access_profile_id": 3}),
        config(key={"team_id": "gone"}),
        config(key={"customer_id": "gone"}),
        config(key={"expires_at": "soon"}),
        config(key={"is_active": "no"}),
        config(key={"rate_limit_id": "gone"}),
        config(key={"budget_id": "gone"}),
        config(key={"rate_limit_id": "r"}, rate_limits=[{**LIMIT, "request_max_limit": 0}]),
        config(key={"rate_limit_id": "r"}, rate_limits=[{**LIMIT, "request_reset_duration": "soon"}]),
        config(key={"rate_limit_id": "r"}, rate_limits=[{**LIMIT, "request_reset_duration": "1h"}]),
        config(budgets=[{"id": "b", "max_limit": "much", "reset_duration": "1d", "virtual_key_id": "vk"}]),
        config(budgets=[{"id": "b", "max_limit": 1, "reset_duration": "1d", "provider_config_id": 9}]),
        config(model_configs=[{"id": "m", "model_name": "gpt-5", "budget_id": "b"}]),
        config(model_configs=[{"id": "m", "model_name": "gpt-5", "scope": "virtual_key", "scope_id": "vk"}]),
        config(model_configs=[{**CAPPED, "scope": "business"}]),
        config(model_configs=[{**CAPPED, "rate_limit_id": "r"}], rate_limits=[LIMIT]),
        config(at(rate_limit_id="r"), at("groq"), providers=TWO, rate_limits=[LIMIT]),
        config(
            routing_rules=[{"name": "r", "cel_expression": "headers['x'] == '1'", "targets": [{"provider": "openai"}]}]
        ),
        config(routing_rules=[{"name": "r", "cel_expression": "true", "targets": [{"provider": "groq"}]}]),
        config(
            routing_rules=[
                {"name": "r", "cel_expression": "model == 'x'", "targets": [{"provider": "openai"}], "chain_rule": True}
            ]
        ),
        config(routing_rules=[{"name": "r", "scope": "user", "scope_id": "u", "targets": []}]),
        {**config(), "client": {"required_headers": ["x-tenant"]}},
    ],
)
def test_a_key_with_what_cannot_be_said_comes_disabled(document):
    key, _, notes = key_of(document)

    assert key["state"] == "disabled"
    assert any("'k' comes disabled" in note for note in notes)


@pytest.mark.parametrize("governance", [{"teams": [{"id": "t", "name": "T", "rate_limit_id": "r"}]}])
def test_a_limit_of_a_team_is_that_of_its_only_key(governance):
    document = config(key={"team_id": "t"}, rate_limits=[LIMIT], **governance)
    key, _, _ = key_of(document)
    document["governance"]["virtual_keys"].append({"id": "2", "name": "other", "team_id": "t"})

    assert (key.get("state"), key["rate_limits"]) == (None, {"rpm": 10})
    assert key_of(document)[0]["state"] == "disabled"


@pytest.mark.parametrize(
    ("figure", "duration", "expected"),
    [(60, "1m", 60), (600, "1h", 10), (10, "30s", 10), (90, "1h", 1), (1440, "1d", None), (100, "1w", None)],
)
def test_limits_of_other_periods_allow_no_more(figure, duration, expected):
    limit = {"id": "r", "request_max_limit": figure, "request_reset_duration": duration}
    key, _, notes = key_of(config(key={"rate_limit_id": "r"}, rate_limits=[limit]))

    assert key["rate_limits"] == ({"rpm": expected} if expected else {"rpd": 1440 if duration == "1d" else 14})
    assert any("allows no more" in note for note in notes) is (duration not in ("1m", "1d"))


def test_caps_of_keys_at_providers_and_of_everybody():
    budgets = [
        {"id": "a", "max_limit": 9, "reset_duration": "1d"},
        {"id": "b", "max_limit": 4, "reset_duration": "1M", "model_config_id": "m"},
    ]
    both = {"openai": {"keys": [account("x"), account("y", "env.Y")]}}
    document = config(
        at(budgets=[{"max_limit": 2, "reset_duration": "1h"}]),
        providers=both,
        budgets=budgets,
        model_configs=[{**CAPPED, "scope": "virtual_key", "scope_id": "vk"}],
        rate_limits=[LIMIT],
    )
    document["governance"]["providers"] = [{"name": "openai", "budget_id": "a", "rate_limit_id": "r"}]
    _, sections, _ = key_of(document)

    made = [
        (one["scope"], one.get("provider"), one["window"], one["limit_usd"]) for one in sections["budgets"].values()
    ]
    organization, key = {"organization": "imported"}, {"virtual_key": "k"}
    assert sorted(made, key=str) == sorted(
        [
            (organization, "openai", "day", "4.5"),
            (organization, "openai-y", "day", "4.5"),
            (key, "openai", "hour", "1"),
            (key, "openai-y", "hour", "1"),
            (key, None, "month", "4"),
        ],
        key=str,
    )
    assert [one["rate_limits"] for one in sections["providers"].values()] == [{"rpm": 5}, {"rpm": 5}]


@pytest.mark.parametrize(
    ("keys", "allowed", "expected"),
    [
        ([account()], ["*"], ["openai/*"]),
        ([account(models=["a", "b"])], ["*"], ["openai/a", "openai/b"]),
        ([account(models=["a", "b"])], ["b", "c"], ["openai/b"]),
        ([account(aliases={"a": "wire"})], ["a"], ["openai/wire"]),
        ([account(models=["a*"])], ["*"], ["openai/a[*]"]),
        ([account("x", models=["a"]), account("y", "env.Y", ["b"])], ["*"], ["openai/a", "openai-y/b"]),
        ([account(blacklisted_models=["b"])], ["a", "b"], ["openai/a"]),
        ([account(aliases={"a": {"model_id": "w", "endpoint": "https://x.example"}})], ["a", "b"], ["openai/b"]),
    ],
)
def test_a_key_may_ask_for_what_it_and_the_account_allow(keys, allowed, expected):
    assert key_of(config(at(allowed=allowed), providers={"openai": {"keys": keys}}))[0]["models_allowed"] == expected


def test_what_is_blacklisted_is_refused_by_a_rule():
    key, _, _ = key_of(config(at(blacklisted_models=["o1", "regex:.*-preview"])))

    (rules,) = key["policy_rules"]
    assert rules["models"]["deny"] == ["(?i)^openai/o1$", "(?i)^openai/(?:.*-preview)$"]


def test_names_lead_to_all_accounts_in_their_shares():
    providers = {
        "openai": {"keys": [account("x", weight=3), account("y", "env.Y", ["m"])]},
        "groq": {"keys": [account(value="env.G", models=["m"])]},
    }
    key, _, _ = key_of(config(at(weight=0.8), at("groq", weight=0.2), providers=providers))

    assert key["model_aliases"] == {
        "m": [{"model": "m", "balance": {"openai": 6, "openai-y": 2, "groq": 2}}],
        "openai/m": [{"model": "m", "balance": {"openai": 6, "openai-y": 2}}],
    }


def test_a_rule_on_a_model_leads_every_spelling_of_it_there_and_nowhere_else():
    rule = {
        "name": "r",
        "cel_expression": 'model == "m"',
        "targets": [{"provider": "groq", "model": "n", "weight": 1}],
        "fallbacks": ["openai/o", "nowhere/o"],
    }
    key, _, _ = key_of(config(at(), at("groq"), providers=TWO, routing_rules=[rule]))

    assert key["model_aliases"] == {one: ["groq/n", "openai/o"] for one in ("m", "openai/m", "groq/m")}
    assert key["policy_rules"][0]["models"]["deny"] == ["(?i)^openai/m$", "(?i)^groq/m$"]


def test_a_rule_that_keeps_requests_where_they_go_is_none():
    rule = {"name": "r", "cel_expression": "true", "targets": [{"provider": "openai", "weight": 1}], "fallbacks": ["x"]}

    assert "state" not in key_of(config(routing_rules=[rule]))[0]


def test_in_a_file_of_the_first_version_an_empty_list_allows_everything():
    providers = {"openai": {"keys": [{"name": "a", "value": "env.A", "weight": 1}]}}
    key, _, _ = key_of({**config(providers=providers, key={"provider_configs": []}), "version": 1})

    assert (key["models_allowed"], key.get("state")) == (["openai/*"], None)


@pytest.mark.parametrize(
    "provider",
    [
        {"keys": [account()], "proxy_config": {"type": "http", "url": "http://proxy"}},
        {
            "keys": [account()],
            "custom_provider_config": {"base_provider_type": "openai", "allowed_requests": {"embedding": True}},
        },
        {
            "keys": [account()],
            "custom_provider_config": {"base_provider_type": "openai", "request_path_overrides": {"x": "/y"}},
        },
        {"keys": [account()], "custom_provider_config": {"base_provider_type": "replicate"}},
        {"keys": [account()], "network_config": {"base_url": "https://user:secret@h.example"}},
        {"keys": [account(models=[])]},
        {"keys": []},
    ],
)
def test_a_provider_that_cannot_be_said_is_left_out_and_told(provider):
    sections, notes = converted({"providers": {"openai": provider}})

    assert not sections.get("providers")
    assert any("left out" in note for note in notes)


@pytest.mark.parametrize(
    ("kind", "stated"),
    [
        ("bedrock", {"bedrock_key_config": {"region": "r", "external_id": "x"}}),
        ("bedrock", {"bedrock_key_config": {"region": "r", "arn": "x"}}),
        ("bedrock", {"bedrock_key_config": {}}),
        ("vertex", {"vertex_key_config": {"project_id": "p", "region": "r"}, "value": "env.X"}),
        ("azure", {"azure_key_config": {}}),
        ("cohere", {}),
        ("vllm", {}),
    ],
)
def test_an_account_that_cannot_be_said_is_left_out_and_told(kind, stated):
    base = {"network_config": {"base_url": "https://own.example"}} if kind == "cohere" else {}
    sections, notes = converted({"providers": {kind: {"keys": [{**account(value=""), **stated}], **base}}})

    assert not sections.get("providers")
    assert any("left out" in note for note in notes)


@pytest.mark.parametrize(
    "place",
    ["", "client", "governance", "providers/openai", "providers/openai/network_config", "providers/openai/keys/0"],
)
def test_a_member_that_is_not_known_is_told(place):
    document = config()
    document["client"] = {}
    document["providers"]["openai"]["network_config"] = {"max_retries": 1}
    inner = document
    for step in filter(None, place.split("/")):
        inner = inner[int(step) if step.isdigit() else step]
    inner["surprise"] = {"a": 1}

    assert any("surprise: not carried over" in note for note in converted(document)[1])


def test_what_looks_like_a_reference_of_ours_is_none():
    values = ["os.environ/OPENAI_API_KEY", "${env:OPENAI_API_KEY}", "vault.secret/openai"]
    providers = {
        f"openai-{n}": {
            "keys": [account(value=one)],
            "network_config": {"base_url": "https://a.example"},
            "custom_provider_config": {"base_provider_type": "openai"},
        }
        for n, one in enumerate(values)
    }
    sections, _ = converted({"providers": providers})

    keys = [one["api_key"] for one in sections["providers"].values()]
    assert len(set(keys)) == 3
    assert "${env:OPENAI_API_KEY}" not in keys


SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(
        ["openai", "groq", "azure", "*", "env.A", "1d", "1M", "https://h/v1", "vk", "model == 'x'", "regex:("]
    ),
)
NAMES = st.sampled_from(
    [
        "providers",
        "governance",
        "keys",
        "name",
        "value",
        "models",
        "weight",
        "aliases",
        "network_config",
        "base_url",
        "custom_provider_config",
        "base_provider_type",
        "virtual_keys",
        "id",
        "provider_configs",
        "provider",
        "allowed_models",
        "key_ids",
        "blacklisted_models",
        "team_id",
        "customer_id",
        "teams",
        "customers",
        "budgets",
        "rate_limits",
        "max_limit",
        "reset_duration",
        "budget_id",
        "rate_limit_id",
        "request_max_limit",
        "request_reset_duration",
        "token_max_limit",
        "routing_rules",
        "cel_expression",
        "targets",
        "fallbacks",
        "scope",
        "scope_id",
        "priority",
        "model_configs",
        "model_name",
        "client",
        "version",
        "expires_at",
        "is_active",
        "azure_key_config",
        "endpoint",
        "bedrock_key_config",
        "region",
        "extra_headers",
        "required_headers",
        "plugins",
        "allow_all_providers",
    ]
)
ANY = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=6), max_leaves=30
)
ROWS = st.lists(st.dictionaries(NAMES, SCALARS | st.lists(SCALARS, max_size=3), max_size=8) | ANY, max_size=3)
SECTIONS = (
    "virtual_keys",
    "teams",
    "customers",
    "budgets",
    "rate_limits",
    "routing_rules",
    "model_configs",
    "providers",
)
DOCUMENT = st.fixed_dictionaries(
    {
        "providers": st.dictionaries(
            st.sampled_from(["openai", "groq", "azure", "Mine"]),
            st.fixed_dictionaries({"keys": ROWS}) | ANY,
            max_size=3,
        ),
        "governance": st.fixed_dictionaries({}, optional=dict.fromkeys(SECTIONS, ROWS)),
    },
    optional={"client": ANY, "version": SCALARS, "plugins": ANY},
)


@given(DOCUMENT | ANY)
def test_whatever_files_of_bifrost_hold_the_result_is_valid(tmp_path_factory, document):
    draft = bifrost.convert(document, pepper=PEPPER)

    variables = dict.fromkeys(draft.variables, "https://x.example")
    assert problems(tmp_path_factory.getbasetemp(), draft.text(), variables) == []


MODELS = st.lists(st.sampled_from(["*", "m", "n"]), max_size=2)
CREDENTIALS = st.sampled_from(["env.A", "env.OPENAI_API_KEY", "sk-1", "sk-2"])
HOSTS = {"openai": "", "groq": "api.groq.com", "mistral": "own.example", "mine": "10.0.0.1:8000"}
BASES = {"mistral": "https://own.example", "mine": "http://10.0.0.1:8000/v1"}
ACCOUNTS = st.fixed_dictionaries(
    {"name": st.sampled_from("xyz"), "value": CREDENTIALS, "models": MODELS, "weight": st.sampled_from([0, 1, 2.5])},
    optional={"blacklisted_models": MODELS, "aliases": st.fixed_dictionaries({"m": st.just("wire")})},
)
CONFIGS = st.fixed_dictionaries(
    {
        "provider": st.sampled_from([*HOSTS, "nowhere"]),
        "allowed_models": MODELS,
        "key_ids": st.lists(st.sampled_from("*xyz"), max_size=2),
    },
    optional={"weight": st.sampled_from([None, 0, 0.5]), "blacklisted_models": MODELS},
)
RULES = st.fixed_dictionaries(
    {
        "name": st.just("r"),
        "cel_expression": st.sampled_from(["model == 'm'", "true"]),
        "targets": st.lists(
            st.fixed_dictionaries(
                {"provider": st.sampled_from(list(HOSTS)), "weight": st.just(1)}, optional={"model": st.just("n")}
            ),
            min_size=1,
            max_size=2,
        ),
    }
)


@given(
    st.dictionaries(st.sampled_from(list(HOSTS)), st.lists(ACCOUNTS, max_size=3), min_size=1),
    st.lists(CONFIGS, max_size=3),
    st.lists(RULES, max_size=1),
)
def test_no_key_reaches_another_host_account_or_model(accounts, configs, rules):
    providers = {
        name: {
            "keys": keys,
            **({"network_config": {"base_url": BASES[name]}} if name in BASES else {}),
            **({"custom_provider_config": {"base_provider_type": "openai"}} if name == "mine" else {}),
        }
        for name, keys in accounts.items()
    }
    document = config(providers=providers, routing_rules=rules, key={"provider_configs": configs})
    sections, _ = converted(document)
    key = sections.get("virtual_keys", {}).get("k", {"state": "disabled"})
    # What Bifrost lets the key reach: the host, the credential where it has a name, the model at the provider.
    reached = set()
    for one in configs:
        for there in accounts.get(one["provider"], ()):
            if not {"*", there["name"]} & set(one["key_ids"]):
                continue
            denied = {*there.get("blacklisted_models", ()), *one.get("blacklisted_models", ())}
            for name in ("m", "n", "other"):
                if (
                    {"*", name} & set(one["allowed_models"])
                    and {"*", name} & set(there["models"])
                    and not {"*", name} & denied
                ):
                    wire = there.get("aliases", {}).get(name, name)
                    credential = f"${{env:{there['value'][4:]}}}" if there["value"].startswith("env.") else "clear"
                    reached.add((HOSTS[one["provider"]], credential, wire))

    def place(target):
        provider, _, model = target.partition("/")
        stated = sections["providers"][provider]
        credential = stated["api_key"] if stated["api_key"] in ("${env:A}", "${env:OPENAI_API_KEY}") else "clear"
        if "sk-" not in str(accounts) or credential != "clear":
            credential = stated["api_key"]
        return urlsplit(stated.get("base_url") or "").netloc, credential, model

    def targets(written):
        for one in written if isinstance(written, list) else [written]:
            yield from [one] if isinstance(one, str) else [f"{name}/{one['model']}" for name in one["balance"]]

    if key.get("state") == "disabled":
        return
    led = [target for written in key.get("model_aliases", {}).values() for target in targets(written)]
    for target in (*led, *key["models_allowed"]):
        host, credential, model = place(target)
        fitting = {known for known in reached if known[0] == host and model in ("*", known[2])}
        assert fitting, (target, reached)
        assert {known[1] for known in fitting} & {credential, "clear"}, (target, reached)
    assert "sk-" not in yaml.safe_dump(sections)
