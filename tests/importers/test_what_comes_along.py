"""What LiteLLM and Portkey say of hosts, accounts, turns and caps, and what an import makes of it."""

import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from gateway import clock
from gateway.importers import litellm, litellm_file, portkey
from gateway.importers.peers import COMPATIBLE, NATIVE
from gateway.keys.digest import Pepper, parse_hash

FIGURES = json.loads((Path(__file__).parent / "litellm_providers.json").read_text())
"""LiteLLM's providers and the addresses that it asks where a file has none (`read_litellm.py` made it)."""
OF_OUR_OWN_CHOICE = {"together_ai": "https://api.together.xyz/v1"}
"""The other name of the same service, as prices know it."""


def model(name, target, **parameters):
    return {"model_name": name, "litellm_params": {"model": target, **parameters}}


def imported(*models, keys=None, **sections):
    draft = litellm.convert({"model_list": list(models), **sections}, keys)
    return draft.sections, [str(note) for note in draft.notes]


def providers(*models, **sections):
    return imported(*models, **sections)[0].get("providers", {})


def target_of(draft, name):
    """Where an alias leads: address and key of its provider."""
    provider = draft["providers"][draft["model_aliases"][name].partition("/")[0]]
    return provider.get("base_url"), provider.get("api_key")


OPENAI = "os.environ/OPENAI_API_KEY"


@pytest.mark.parametrize("turned", [False, True])
def test_a_deployment_without_an_address_is_at_its_providers_own(turned):
    models = [model("proxy", "openai/gpt-4o", api_base="https://proxy.example/v1", api_key=OPENAI)]
    models.append(model("own", "openai/gpt-4o", api_key=OPENAI))
    draft, _ = imported(*(reversed(models) if turned else models))

    assert target_of(draft, "proxy") == ("https://proxy.example/v1", "${env:OPENAI_API_KEY}")
    assert target_of(draft, "own") == (None, "${env:OPENAI_API_KEY}")


def test_every_provider_of_litellms_keeps_its_host_or_is_left_out():
    draft, notes = imported(
        *(model(name, f"{name}/m", api_key=f"os.environ/K_{number}") for number, name in enumerate(FIGURES))
    )

    for number, (name, theirs) in enumerate(FIGURES.items()):
        target = draft["model_aliases"].get(name)
        if target is None:
            assert any(f"model_list[{number}]: left out" in note for note in notes), name
            continue
        provider = draft["providers"][target.partition("/")[0]]
        if provider["type"] != "custom":
            assert NATIVE[name] == provider["type"]
        elif name in OF_OUR_OWN_CHOICE:
            assert provider["base_url"] == OF_OUR_OWN_CHOICE[name]
        elif theirs is not None:
            assert urlsplit(provider["base_url"]).netloc == urlsplit(theirs).netloc
        assert "api_key" not in provider or provider["api_key"] == f"${{env:K_{number}}}"


@pytest.mark.parametrize(
    ("written", "parameters", "expected"),
    [
        ("gpt-4o", {}, ("openai", "gpt-4o")),
        ("claude-sonnet-4-5", {}, ("anthropic", "claude-sonnet-4-5")),
        ("gemini-2.5-pro", {}, ("vertex", "gemini-2.5-pro")),
        ("eu.anthropic.claude-sonnet-4-5-v1:0", {}, ("bedrock", "eu.anthropic.claude-sonnet-4-5-v1:0")),
        ("openai/responses/gpt-5", {}, ("openai", "gpt-5")),
        ("azure/o_series/my-o3", {"api_base": "https://a.openai.azure.com"}, ("azure", "my-o3")),
        ("azure/responses/x", {"api_base": "https://a.openai.azure.com"}, ("azure", "x")),
        ("bedrock/converse/amazon.nova-pro-v1:0", {}, ("bedrock", "amazon.nova-pro-v1:0")),
        ("bedrock/eu-central-1/anthropic.claude-v2", {}, ("bedrock", "anthropic.claude-v2")),
        ("openrouter/anthropic/claude-x", {}, ("custom", "anthropic/claude-x")),
        ("some/model", {"custom_llm_provider": "groq"}, ("custom", "some/model")),
    ],
)
def test_models_are_called_as_the_provider_calls_them(written, parameters, expected):
    draft, _ = imported(model("m", written, **parameters))
    provider, _, name = draft["model_aliases"]["m"].partition("/")

    assert (draft["providers"][provider]["type"], name) == expected


def test_the_region_in_a_models_name_is_that_of_its_account():
    assert providers(model("m", "bedrock/eu-central-1/anthropic.claude-v2"))["bedrock"]["region"] == "eu-central-1"


@pytest.mark.parametrize("written", ["cohere-of-ours/x", "sagemaker/x", "azure_ai/x", "unknown-model", "foo/bar"])
def test_what_no_address_is_known_of_is_left_out_and_told(written):
    draft, notes = imported(model("m", written, api_key="os.environ/OF_THE_OTHER", api_base="https://a.example"))

    assert not draft.get("providers")
    assert any("left out" in note for note in notes)


def test_each_credential_in_clear_has_a_variable_of_its_own():
    draft, _ = imported(
        model("m", "openai/gpt-4o", api_key="sk-account-a"),
        model("m", "openai/gpt-4o", api_key="sk-account-b"),
        model("local", "openai/qwen", api_base="http://10.0.0.5:1234/v1", api_key="lm-studio"),
        model("env", "openai/gpt-5", api_key=OPENAI),
        model("usual", "openai/gpt-5-mini"),
    )

    keys = [one["api_key"] for one in draft["providers"].values()]
    assert keys == [
        "${env:OPENAI_API_KEY_2}",
        "${env:OPENAI_API_KEY_3}",
        "${env:KEY_10_0_0_5_1234_V1_API_KEY}",
        "${env:OPENAI_API_KEY}",
    ]
    assert draft["model_aliases"]["m"] == [{"model": "gpt-4o", "balance": {"openai": 1, "openai-2": 1}}]
    assert target_of(draft, "usual") == (None, "${env:OPENAI_API_KEY}")


@pytest.mark.parametrize("base", ["http://localhost:11434", "http://localhost:11434/", "http://localhost:11434/v1"])
def test_ollama_is_asked_where_it_speaks_openais_api(base):
    assert (
        providers(model("m", "ollama/llama2:70b", api_base=base))["ollama"]["base_url"] == "http://localhost:11434/v1"
    )


def test_variables_stand_for_whatever_they_stood_for():
    found = providers(
        model("a", "vertex_ai/gemini-2.5-pro", vertex_ai_project="os.environ/P", vertex_ai_location="os.environ/L"),
        model("b", "bedrock/amazon.nova-pro-v1:0", aws_region_name="os.environ/R", aws_role_name="os.environ/ROLE"),
        model("c", "openai/gpt-5", organization="os.environ/O", extra_headers={"X-Team": "os.environ/T"}),
    )

    assert found["vertex-ai"] == {"type": "vertex", "project": "${env:P}", "location": "${env:L}"}
    assert found["bedrock"] == {"type": "bedrock", "region": "${env:R}", "role_arn": "${env:ROLE}"}
    assert (found["openai"]["organization"], found["openai"]["headers"]) == ("${env:O}", {"X-Team": "${env:T}"})


def test_what_an_account_has_beside_its_key():
    found = providers(
        model("a", "azure/x", api_base="https://a.example", tenant_id="t", client_id="c", client_secret="s3cret"),
        model("b", "bedrock/amazon.nova-pro-v1:0", aws_access_key_id="AKIA1", aws_secret_access_key="s3cret"),
        model("c", "bedrock/amazon.nova-pro-v1:0", aws_access_key_id="AKIA2", aws_secret_access_key="s3cret"),
        model("d", "vertex_ai/gemini-2.5-pro", vertex_project="p", vertex_credentials="/keys/account.json"),
        model("e", "groq/llama", extra_headers={"Authorization": "Bearer s3cret"}, timeout=20, stream_timeout=2.5),
    )

    assert found["azure"]["entra"]["client_secret"] == "${env:AZURE_CLIENT_SECRET}"
    assert [found[name]["profile"] for name in ("bedrock", "bedrock-2")] == ["litellm", "litellm-2"]
    assert found["vertex-ai"]["credentials"] == "${file:/keys/account.json}"
    assert found["groq"]["headers"] == {"Authorization": "${env:AUTHORIZATION}"}
    assert found["groq"]["timeouts"] == {"first_byte_ms": 2500}


def test_credentials_by_name_are_those_of_the_list():
    named = {
        "credential_name": "eu",
        "credential_values": {"api_key": "os.environ/EU", "api_base": "https://eu.example"},
    }
    draft, notes = imported(
        model("m", "azure/x", litellm_credential_name="eu"),
        model("n", "azure/x", litellm_credential_name="us"),
        credential_list=[named],
    )

    assert target_of(draft, "m") == ("https://eu.example", "${env:EU}")
    assert "n" not in draft["model_aliases"]
    assert any("'us'" in note for note in notes)


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ({"weight": 0.9}, {"weight": 0.1}, {"groq": 9, "openai": 1}),
        ({"weight": 3}, {"weight": 1}, {"groq": 3, "openai": 1}),
        ({"weight": 0.7}, {"weight": "0.25"}, {"groq": 70, "openai": 25}),
        ({"weight": 2 / 3}, {"weight": 1 / 3}, {"groq": 1000, "openai": 500}),
        ({"weight": 30_000_000}, {"weight": 1}, {"groq": 1000, "openai": 1}),
        ({"rpm": 600}, {"rpm": 200}, {"groq": 600, "openai": 200}),
        ({}, {}, {"groq": 1, "openai": 1}),
    ],
)
def test_shares_keep_their_proportions(first, second, expected):
    draft, _ = imported(model("m", "groq/x", **first), model("m", "openai/x", **second))

    (target,) = draft["model_aliases"]["m"]
    assert target["balance"] == expected


@pytest.mark.parametrize("second", [{"weight": 0}, {}])
def test_a_deployment_without_a_share_stands_by(second):
    draft, _ = imported(model("m", "groq/x", weight=1), model("m", "openai/x", **second))

    assert draft["model_aliases"]["m"] == ["groq/x", "openai/x"]


def test_deployments_are_asked_in_the_order_that_they_name():
    draft, _ = imported(model("m", "openai/gpt-5", order=2), model("m", "anthropic/claude-x", order=1))

    assert draft["model_aliases"]["m"] == ["anthropic/claude-x", "openai/gpt-5"]


def test_the_fewest_under_way_is_a_way_to_share():
    draft, _ = imported(
        model("m", "groq/x"), model("m", "openai/x"), router_settings={"routing_strategy": "least-busy"}
    )

    assert draft["model_aliases"]["m"][0]["by"] == "least_busy"


def test_a_limit_of_one_deployment_is_no_limit_of_another():
    found = providers(model("big", "groq/big"), model("small", "groq/small", rpm=6, max_parallel_requests=2))

    assert "rate_limits" not in found["groq"]
    assert found["groq-2"]["rate_limits"] == {"rpm": 6, "concurrency": 2}


@pytest.mark.parametrize("section", ["litellm_settings", "general_settings"])
def test_caps_on_everybody_are_budgets(section):
    settings = {"max_budget": 2.0, "budget_duration": "1d", "max_end_user_budget": 0.5}
    draft, _ = imported(model("m", "openai/gpt-5"), **{section: settings})

    everybody = {"scope": {"organization": "imported"}, "window": "day"}
    assert draft["budgets"] == {
        "everybody": {**everybody, "limit_usd": "2"},
        "end-users": {**everybody, "limit_usd": "0.5", "each": "end_user"},
    }


def test_caps_on_providers_are_budgets_that_allow_no_more_in_all():
    caps = {"openai": {"budget_limit": 3, "time_period": "1d"}, "groq": {"max_budget": 1, "budget_duration": "45d"}}
    draft, notes = imported(
        model("a", "openai/gpt-5", api_key="os.environ/A"),
        model("b", "openai/gpt-5", api_key="os.environ/B"),
        model("c", "groq/x", max_budget=7, budget_duration="1mo"),
        router_settings={"provider_budget_config": caps},
    )

    made = [(one["provider"], one["limit_usd"], one["window"]) for one in draft["budgets"].values()]
    assert sorted(made) == [
        ("groq", "1", "total"),
        ("groq", "7", "month"),
        ("openai", "1.5", "day"),
        ("openai-2", "1.5", "day"),
    ]
    assert any("'45d' has no counterpart" in note for note in notes)


def key(name="k", **members):
    return {"key_alias": name, **members}


def imported_keys(*keys, **tables):
    draft, notes = imported(model("claude", "anthropic/claude-x"), keys={"keys": list(keys), **tables})
    return draft["virtual_keys"], draft, notes


TEAM = {"team_id": "t"}


@pytest.mark.parametrize(
    "tables",
    [
        {"teams": [{**TEAM, "blocked": True}]},
        {"projects": [{"project_id": "p", "blocked": True}]},
        {"users": [{"user_id": "u", "metadata": {"scim_active": False}}]},
        {"teams": [{**TEAM, "max_budget": "x"}]},
        {"projects": [{"project_id": "p", "budget_id": "b"}]},
        {"teams": [{**TEAM, "organization_id": "o"}], "organizations": [{"organization_id": "o", "rpm_limit": 5}]},
        {"teams": [{**TEAM, "model_max_budget": {"claude": 1}}]},
        {"teams": [{**TEAM, "organization_id": "o"}], "organizations": [{"organization_id": "o", "budget_id": "b"}]},
        {"team_memberships": [{**TEAM, "user_id": "u", "budget_id": "b"}, {**TEAM, "user_id": "v"}], "teams": [TEAM]},
    ],
)
def test_a_key_whose_owner_is_held_in_a_way_that_cannot_be_said_comes_disabled(tables):
    owners = {"team_id": "t", "user_id": "u", "project_id": "p"}
    budgets = [{"budget_id": "b", "max_budget": 1}]
    keys, _, notes = imported_keys(key(**owners), key("other", **owners), budgets=budgets, **tables)

    assert keys["k"]["state"] == "disabled"
    assert any("'k' comes disabled" in note for note in notes)


@pytest.mark.parametrize(
    "members",
    [
        {"model_max_budget": {"gpt-5": {"budget_limit": 1}}},
        {"metadata": {"model_rpm_limit": {"gpt-5": 1}}},
        {"allowed_routes": ["/embeddings"]},
        {"tpd_limit": 5},
        {"expires": "soon"},
        {"models": ["gpt-5"], "team_id": "t"},
        {"blocked": True},
        {"blocked": "t"},
        {"rpm_limit": 0},
        {"tpm_limit": "many"},
        {"max_budget": -1},
        {"max_budget": [1]},
        {"budget_limits": [{"budget_duration": "1h", "max_budget": "x"}]},
        {"models": "{claude}"},
        {"models": [5]},
        {"metadata": '{"guardrails": ["pii"]}'},
        {"team_id": 5},
        {"config": {"model_list": []}},
        {"object_permission": {"mcp_servers": ["a"]}},
    ],
)
def test_a_key_with_what_cannot_be_said_comes_disabled(members):
    keys, _, _ = imported_keys(key(**members), teams=[{**TEAM, "models": ["claude"]}])

    assert keys["k"]["state"] == "disabled"


@pytest.mark.parametrize(
    ("own", "teams", "expected"),
    [
        ([], ["claude"], ["anthropic/claude-x"]),
        (["all-team-models"], ["claude"], ["anthropic/claude-x"]),
        (["claude"], [], ["anthropic/claude-x"]),
        (["claude", "gpt-5"], ["claude", "x"], ["anthropic/claude-x"]),
        (["openai/*"], ["openai/gpt-5", "claude"], ["openai-2/gpt-5"]),
        (["clau*"], [], ["anthropic/claude-x"]),
        (["all-proxy-models"], [], ["anthropic/claude-x", "openai/o1", "openai-2/*"]),
        ([], [], ["anthropic/claude-x", "openai/o1", "openai-2/*"]),
        (["gpt-5", "claude"], [], ["anthropic/claude-x"]),
    ],
)
def test_a_key_may_ask_for_what_both_it_and_its_team_may_of_the_list_of_models(own, teams, expected):
    models = [
        model("claude", "anthropic/claude-x"),
        model("o1", "openai/o1", api_key="os.environ/A"),
        model("openai/*", "openai/*", api_key="os.environ/B"),
    ]
    dump = {"keys": [key(models=own, team_id="t")], "teams": [{**TEAM, "models": teams}]}

    assert imported(*models, keys=dump)[0]["virtual_keys"]["k"]["models_allowed"] == expected


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["claude"], ["anthropic/claude-x"]),
        (["groq/llama"], ["groq/llama"]),
        (["gpt-5"], ["openai/gpt-5"]),
        (["groq/*"], ["groq/*"]),
        (["of-a-team"], ["openai/of-a-team"]),
    ],
)
def test_a_name_of_the_list_is_meant_before_a_pattern_and_the_pattern_that_says_most(names, expected):
    of_a_team = {**model("of-a-team", "openai/secret", api_key=OPENAI), "model_info": {"team_id": "t"}}
    models = [model("claude", "anthropic/claude-x"), model("*", "openai/*", api_key=OPENAI), model("groq/*", "groq/*")]
    draft, _ = imported(*models, of_a_team, keys={"keys": [key(models=names)]})

    assert draft["virtual_keys"]["k"]["models_allowed"] == expected
    assert "of-a-team" not in draft["model_aliases"]


@pytest.mark.parametrize(
    ("owners", "tables", "expected"),
    [
        ({"user_id": "u"}, {"users": [{"user_id": "u", "models": ["claude"]}]}, ["anthropic/claude-x"]),
        (
            {"user_id": "u", **TEAM},
            {"users": [{"user_id": "u", "models": ["claude"]}]},
            ["anthropic/claude-x", "groq/l"],
        ),
        ({"project_id": "p"}, {"projects": [{"project_id": "p", "models": ["llama"]}]}, ["groq/l"]),
        ({"org_id": "o"}, {"organizations": [{"organization_id": "o", "models": ["llama"]}]}, ["groq/l"]),
    ],
)
def test_a_key_may_ask_for_what_its_user_project_and_organization_may(owners, tables, expected):
    dump = {"keys": [key(**owners)], **tables}
    draft, _ = imported(model("claude", "anthropic/claude-x"), model("llama", "groq/l"), keys=dump)

    assert draft["virtual_keys"]["k"]["models_allowed"] == expected


@pytest.mark.parametrize(
    ("owners", "tables", "comes_disabled"),
    [
        ({}, {}, False),
        ({"team_id": "t"}, {}, True),
        ({"team_id": "t"}, {"teams": []}, True),
        ({"team_id": "t"}, {"teams": [TEAM]}, False),
        ({"user_id": "u"}, {}, True),
        ({"user_id": "u"}, {"users": []}, False),
        ({"team_id": "t", "user_id": "u"}, {"teams": [TEAM], "users": []}, True),
        ({"team_id": "t", "user_id": "u"}, {"teams": [TEAM], "users": [], "team_memberships": []}, False),
        ({"project_id": "p"}, {}, True),
        ({"metadata": {"tags": ["prod"]}}, {}, True),
        ({"metadata": {"tags": ["prod"]}}, {"tags": []}, False),
        ({"agent_id": "a"}, {}, True),
        ({"organization_id": "o"}, {}, True),
        ({"budget_id": "b"}, {}, True),
        ({"budget_id": "b", "litellm_budget_table": {"max_budget": 1}}, {}, False),
        ({"team_id": "t"}, {"teams": [{**TEAM, "metadata": {"team_member_budget_id": "b"}}]}, True),
        (
            {"team_id": "t", "user_id": "u"},
            {"teams": [TEAM], "users": [], "team_memberships": [{**TEAM, "user_id": "u", "budget_id": "b"}]},
            True,
        ),
        (
            {"team_id": "t", "user_id": "u"},
            {
                "teams": [TEAM],
                "users": [],
                "team_memberships": [{**TEAM, "user_id": "u", "budget_id": "b"}],
                "budgets": [{"budget_id": "b", "rpm_limit": 5}],
            },
            True,
        ),
    ],
)
def test_a_key_that_something_outside_the_dump_may_hold_comes_disabled(owners, tables, comes_disabled):
    dump = {"keys": [key(**owners)], **tables}
    sections, notes = imported(model("claude", "anthropic/claude-x"), keys=dump if tables else dump["keys"])

    assert ("state" in sections["virtual_keys"]["k"]) is comes_disabled
    assert any("is not seen" in note and "team_memberships" in note for note in notes) is (
        "team_memberships" not in tables
    )


def test_limits_of_a_team_and_a_user_with_several_keys_are_shared_by_them():
    owners = {"team_id": "t", "user_id": "u"}
    keys, draft, _ = imported_keys(
        key(**owners),
        key("other", **owners),
        teams=[{**TEAM, "rpm_limit": 20, "tpm_limit": 900}],
        users=[{"user_id": "u", "max_parallel_requests": 3}],
        team_memberships=[],
    )

    assert draft["limits"] == {
        "team-t": {"match": {"team": "t"}, "rpm": 20, "tpm": 900},
        "principal-u": {"match": {"principal": "u"}, "concurrency": 3},
    }
    assert [("state" in one, "rate_limits" in one) for one in keys.values()] == [(False, False)] * 2


def test_limits_and_budgets_of_single_models_of_a_key():
    keys, draft, _ = imported_keys(
        key(
            metadata={"model_rpm_limit": {"claude": 7}, "model_tpm_limit": {"claude": 900}},
            model_max_budget={"claude": {"budget_limit": 2.5, "time_period": "1d"}},
        )
    )

    assert draft["limits"] == {
        "key-k-anthropic-claude-x": {
            "match": {"virtual_key": "k", "model": "anthropic/claude-x"},
            "rpm": 7,
            "tpm": 900,
        }
    }
    (budget,) = draft["budgets"].values()
    assert budget == {
        "scope": {"virtual_key": "k"}, "window": "day", "limit_usd": "2.5", "model": "anthropic/claude-x",
    }  # fmt: skip
    assert "state" not in keys["k"]


def test_limits_of_a_team_and_a_user_are_those_of_their_only_key():
    keys, _, _ = imported_keys(
        key(team_id="t", user_id="u", rpm_limit=50),
        teams=[{**TEAM, "rpm_limit": 20, "tpm_limit": 900}],
        users=[{"user_id": "u", "max_parallel_requests": 3}],
        team_memberships=[],
    )

    assert keys["k"]["rate_limits"] == {"rpm": 20, "tpm": 900, "concurrency": 3}
    assert "state" not in keys["k"]


def test_budgets_of_users_members_and_tables():
    _, draft, _ = imported_keys(
        key(
            budget_id="b",
            metadata={"tags": ["prod"]},
            soft_budget=3,
            budget_limits=[{"budget_duration": "1h", "max_budget": 1}],
        ),
        budgets=[{"budget_id": "b", "max_budget": 9, "budget_duration": "7d"}],
        teams=[{**TEAM, "metadata": {"team_member_budget_id": "b"}}],
        users=[{"user_id": "u", "max_budget": 4}],
        tags=[{"tag_name": "prod", "budget_id": "b"}],
    )

    week = {"window": "week", "limit_usd": "9"}
    assert draft["budgets"] == {
        "team-t-members": {"scope": {"team": "t"}, **week, "each": "principal"},
        "tag-prod": {"scope": {"tag": "prod"}, **week},
        "principal-u": {"scope": {"principal": "u"}, "window": "total", "limit_usd": "4"},
        "key-k": {"scope": {"virtual_key": "k"}, **week},
        "key-k-soft": {"scope": {"virtual_key": "k"}, "window": "week", "limit_usd": "3", "on_breach": "warn"},
        "key-k-2": {"scope": {"virtual_key": "k"}, "window": "hour", "limit_usd": "1"},
    }


def test_two_people_are_two_principals():
    keys, draft, _ = imported_keys(key("a", user_id="Müller"), key("b", user_id="Möller"))

    assert keys["a"]["principal"] != keys["b"]["principal"]
    assert [one["description"] for one in draft["principals"].values()] == ["Müller", "Möller"]


def test_secrets_go_on_under_the_pepper_for_ninety_days_at_most(monkeypatch):
    monkeypatch.setattr(clock, "utc_now", lambda: datetime(2026, 1, 1, 12, tzinfo=UTC))
    secret, pepper = "sk-of-old", Pepper(b"pepper")
    token = hashlib.sha256(secret.encode()).hexdigest()
    rows = [
        key("a", token=token),
        key("b", token=token[::-1], expires="2026-01-20T00:00:00"),
        key("c", token=token.translate(str.maketrans("01", "10")), expires="2030-01-01T00:00:00"),
        key("d", token="sk-in-clear"),
        {"token": token},
    ]

    draft = litellm.convert({"model_list": [model("m", "openai/gpt-5")]}, rows, "imported", pepper)

    keys = draft.sections["virtual_keys"]
    assert parse_hash(keys["a"]["secret_hash"]) in pepper.imported_candidates(secret)
    ends = ["2026-04-01T12:00:00Z", "2026-01-20T00:00:00Z", "2026-04-01T12:00:00Z"]
    assert [keys[name]["expires_at"] for name in "abc"] == ends
    assert "secret_hash" not in keys["d"]
    assert "sk-in-clear" not in draft.text() + "".join(map(str, draft.notes))
    assert any("can be guessed" in str(note) for note in draft.notes)


def test_a_file_is_read_as_litellm_reads_it(tmp_path):
    (tmp_path / "models").mkdir()
    (tmp_path / "config.yaml").write_text(
        "include: [models/more.yaml]\n"
        "x: &azure {api_base: https://a.example, api_key: os.environ/A}\n"
        "model_list:\n"
        "  - {model_name: m, litellm_params: {<<: *azure, model: azure/x}}\n"
        "litellm_settings: {request_timeout: 1}\n"
        "litellm_settings: {request_timeout: 2}\n"
    )
    (tmp_path / "models/more.yaml").write_text(
        "include: [../config.yaml]\nmodel_list: [{model_name: n, litellm_params: {model: groq/y}}]\n"
    )

    draft = litellm.convert(litellm_file.read(tmp_path / "config.yaml"))

    assert draft.sections["model_aliases"] == {"m": "azure/x", "n": "groq/y"}
    assert draft.sections["providers"]["azure"]["timeouts"] == {"first_byte_ms": 2000}


@pytest.mark.parametrize("include", ["nowhere.yaml", "[nowhere.yaml]", "[1]"])
def test_an_include_that_cannot_be_read_is_said(tmp_path, include):
    (tmp_path / "config.yaml").write_text(f"include: {include}\n")

    with pytest.raises(litellm_file.UnreadableFile, match=r"include|nowhere"):
        litellm_file.read(tmp_path / "config.yaml")


def of_portkey(config, alias="smart"):
    draft = portkey.convert(config, alias)
    return draft.sections, [str(note) for note in draft.notes]


def test_a_target_that_keeps_the_clients_model_is_told():
    draft, notes = of_portkey(
        {
            "strategy": {"mode": "fallback"},
            "targets": [
                {"provider": "openai", "api_key": "a"},
                {"provider": "anthropic", "api_key": "b", "override_params": {"model": "claude-x"}},
            ],
        }
    )

    assert draft["model_aliases"] == {"smart": "anthropic/claude-x"}
    assert any("openai keeps the model that a client names" in note for note in notes)


def test_an_alias_that_no_target_can_be_of_is_told():
    draft, notes = of_portkey(
        {"strategy": {"mode": "loadbalance"}, "targets": [{"provider": "openai"}, {"provider": "groq"}]}
    )

    assert "model_aliases" not in draft
    assert any("there is no alias 'smart'" in note for note in notes)


def test_portkeys_azure_resources_catalogue_and_hosts():
    draft, _ = of_portkey(
        {
            "success": True,
            "data": {
                "config": {
                    "strategy": {"mode": "fallback"},
                    "targets": [
                        {"provider": "azure-openai", "resource_name": "my-res", "override_params": {"model": "x"}},
                        {"override_params": {"model": "@openai-prod/gpt-4o"}},
                        {"provider": "@anthropic-eu", "override_params": {"model": "claude-x"}},
                        {"provider": "ollama", "custom_host": "http://localhost:1", "override_params": {"model": "l"}},
                    ],
                }
            },
        }
    )

    assert draft["model_aliases"]["smart"] == [
        "azure-openai/x",
        "openai-prod/gpt-4o",
        "anthropic-eu/claude-x",
        "ollama/l",
    ]
    assert draft["providers"]["azure-openai"]["base_url"] == "https://my-res.openai.azure.com"
    assert draft["providers"]["openai-prod"] == {"type": "openai", "api_key": "${env:OPENAI_PROD_API_KEY}"}
    assert draft["providers"]["ollama"]["base_url"] == "http://localhost:1/v1"


def test_portkeys_accounts_in_clear_stay_apart_and_a_weight_of_nothing_stands_by():
    targets = [
        {"provider": "openai", "api_key": name, "weight": weight, "override_params": {"model": "gpt-5"}}
        for name, weight in (("a", 0.75), ("b", 0.25), ("c", 0))
    ]
    draft, _ = of_portkey({"strategy": {"mode": "loadbalance"}, "targets": targets})

    assert draft["model_aliases"]["smart"] == [
        {"model": "gpt-5", "balance": {"openai": 75, "openai-2": 25}},
        "openai-3/gpt-5",
    ]


def test_a_virtual_key_that_does_not_tell_its_provider_is_left_out():
    draft, notes = of_portkey({"virtual_key": "main-account", "override_params": {"model": "gpt-5"}})

    assert not draft.get("providers")
    assert any("write `provider` beside it" in note for note in notes)


def test_targets_of_portkey_inherit_from_their_group():
    group = {
        "strategy": {"mode": "fallback"},
        "custom_host": "https://proxy.example/v1",
        "override_params": {"model": "x"},
    }
    targets = [
        {"provider": "openai", "api_key": "a"},
        {"provider": "groq", "apiKey": "b", "customHost": "https://own.example", "overrideParams": {"model": "y"}},
    ]
    draft, _ = of_portkey({**group, "targets": targets})

    assert draft["model_aliases"]["smart"] == ["openai/x", "groq/y"]
    assert [one["base_url"] for one in draft["providers"].values()] == [
        "https://proxy.example/v1",
        "https://own.example",
    ]


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        (
            {"provider": "bedrock", "aws_access_key_id": "AKIA", "aws_secret_access_key": "s", "aws_role_arn": "arn:x"},
            {"type": "bedrock", "region": "us-east-1", "profile": "portkey", "role_arn": "arn:x"},
        ),
        ({"provider": "bedrock", "aws_external_id": "x"}, None),
        ({"provider": "azure-openai", "resource_name": "r", "azure_auth_mode": "entra"}, None),
        ({"provider": "openai", "url_to_fetch": "https://x.example"}, None),
        (
            {"provider": "openai", "openai_organization": "o", "openai_project": "p"},
            {"type": "openai", "organization": "o", "project": "p", "api_key": "${env:OPENAI_API_KEY}"},
        ),
    ],
)
def test_portkeys_accounts_are_the_same_or_left_out(target, expected):
    draft, _ = of_portkey({**target, "override_params": {"model": "m"}})

    assert next(iter(draft.get("providers", {}).values()), None) == expected
    assert "AKIA" not in yaml.safe_dump(draft)


@pytest.mark.parametrize(
    "sections",
    [
        {"litellm_settings": {"api_base": "https://proxy.example"}},
        {"litellm_settings": {"api_key": "sk-of-all"}},
        {"litellm_settings": {"openai_key": "sk-of-all"}},
        {"litellm_settings": {"organization": "org"}},
        {"litellm_settings": {"use_litellm_proxy": True}},
        {"router_settings": {"default_litellm_params": {"api_base": "https://proxy.example"}}},
        {"environment_variables": {"OPENAI_BASE_URL": "https://proxy.example"}},
    ],
)
def test_what_the_file_says_of_all_deployments_leads_none_elsewhere(sections):
    draft, notes = imported(model("m", "openai/gpt-5"), **sections)
    others, _ = imported(model("m", "anthropic/c", api_base="https://own.example", api_key=OPENAI), **sections)
    (section,), decides_for_all = sections, "default_litellm_params" in str(sections) or "proxy': True" in str(sections)

    assert not draft.get("providers")
    assert any(section in note and "left out" in note for note in notes)
    assert bool(others.get("providers")) is not decides_for_all
    assert "sk-of-all" not in str(notes)


def test_headers_and_accounts_that_may_be_secret_become_variables():
    headers = {"X-Cred": "sk-1", "X-Custom": "Bearer sk-2", "X-Jwt": "sk-3", "X-Long": "sk-4" * 20, "X-Team": "blue"}
    accounts = ["eyJ0eXBlIjoic2VydmljZV9hY2NvdW50In0=", '\'{"private_key": "sk-5"}\'', "secrets/a.json", "/run/account"]
    draft, notes = imported(
        model("m", "openai/gpt-5", extra_headers=headers, api_key=OPENAI),
        *(model(f"v{at}", "vertex_ai/g", vertex_credentials=one) for at, one in enumerate(accounts)),
    )

    assert "sk-" not in str(draft) + str(notes)
    first, *others = draft["providers"].values()
    assert first["headers"]["X-Team"] == "blue"
    assert [one["credentials"] for one in others] == [
        "${env:VERTEX_CREDENTIALS}",
        "${env:VERTEX_CREDENTIALS_2}",
        "${file:secrets/a.json}",
        "${file:/run/account}",
    ]


HOSTS = st.sampled_from([None, "https://a.example/v1", "http://10.0.0.5:1", "https://b.example"])
CREDENTIALS = st.sampled_from(
    [None, "sk-1", "sk-2", "os.environ/OPENAI_API_KEY", "os.environ/GROQ_API_KEY", "os.environ/X"]
)
PREFIXES = st.sampled_from(
    ["openai/", "groq/", "mistral/", "azure/", "ollama/", "hosted_vllm/", "anthropic/", "cohere/", ""]
)


@given(st.lists(st.tuples(PREFIXES, HOSTS, CREDENTIALS), min_size=1, max_size=8))
def test_no_deployment_reaches_another_host_or_account(deployments):
    models = [
        model(f"m{number}", f"{prefix}gpt-{number}", **{name: value for name, value in stated.items() if value})
        for number, (prefix, base, credential) in enumerate(deployments)
        for stated in [{"api_base": base, "api_key": credential}]
    ]
    draft = litellm.convert({"model_list": models})
    aliases, known = draft.sections.get("model_aliases", {}), draft.sections.get("providers", {})
    accounts = {}

    for number, (prefix, base, credential) in enumerate(deployments):
        target = aliases.get(f"m{number}")
        if target is None:
            continue
        provider = known[target.partition("/")[0]]
        usual = urlsplit(COMPATIBLE.get(prefix.rstrip("/")) or "").netloc
        assert urlsplit(provider.get("base_url") or "").netloc == (urlsplit(base).netloc if base else usual)
        reference = provider.get("api_key", "")
        if credential and credential.startswith("os.environ/"):
            assert reference == f"${{env:{credential.removeprefix('os.environ/')}}}"
        elif credential:
            accounts.setdefault(reference, set()).add(credential)
    # A variable holds one credential, and none that stands in clear shares one with the environment's own.
    assert all(len(one) == 1 for one in accounts.values())
    assert not accounts.keys() & {"${env:OPENAI_API_KEY}", "${env:GROQ_API_KEY}", "${env:X}"} or all(
        credential != f"os.environ/{reference[6:-1]}" for reference in accounts for _, _, credential in deployments
    )
    assert "sk-" not in yaml.safe_dump(draft.sections)
