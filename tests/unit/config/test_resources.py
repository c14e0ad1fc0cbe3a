"""A configuration as flat resources, and back."""

from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from pydantic import ValidationError

from gateway.config.address import KINDS, parse_address
from gateway.config.assemble import assemble
from gateway.config.field_tree import SETTINGS
from gateway.config.judge import Serving
from gateway.config.load import Loaded, load
from gateway.config.model import Config
from gateway.config.resources import Resource, join_secrets, read_spec, resources_of, split_secrets
from gateway.secret import Secret

FULL = Path(__file__).parents[2] / "config" / "full.yaml"
NOW = datetime(2026, 6, 1, tzinfo=UTC)
ON_NODE = Serving(development_pepper=True, runtime_env=("NODE_KEY", "ABSENT", "GATEWAY_KEY_PEPPER"))
ENVIRON = {
    name: f"canary-{name}"
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "AZURE_API_KEY", "GEMINI_API_KEY", "CUSTOM_API_KEY", "A", "B")
}


def loaded(tmp_path: Path, text: str, environ=None) -> Loaded:
    file = tmp_path / "gateway.yaml"
    file.write_text(text)
    return load([file], environ=ENVIRON if environ is None else environ, now=NOW, for_control_plane=True)


def found(tmp_path: Path, text: str, environ=None):
    result = loaded(tmp_path, text, environ)
    assert result.config is not None, result.diagnostics
    return {one.address: one for one in resources_of(result.config, result.references)}


def test_resources_make_the_configuration_that_they_come_from():
    result = load([FULL], environ=ENVIRON, now=NOW, for_control_plane=True)
    assert result.config is not None, result.diagnostics
    resources = list(resources_of(result.config))

    again = assemble(resources, now=NOW)

    assert again.config is not None, again.diagnostics
    assert list(resources_of(again.config)) == resources
    assert {one.kind for one in resources} >= {"providers", "virtual_keys", "budgets", "settings"}


def test_numbers_with_fractions_stay_numbers_wherever_they_are_kept(tmp_path):
    hash_ = f"hmac-sha256:{0:064x}"
    rules = "{temperature: {default: 0.25, max: 0.5}, bias: {set: {a: -1.5}}, stop: {set: [0.5, {b: 1.5}]}}"
    wanted = {
        "temperature": {"default": 0.25, "max": 0.5},
        "bias": {"set": {"a": -1.5}},
        "stop": {"set": [0.5, {"b": 1.5}]},
    }
    text = f"version: 1\nproviders: {{s: {{type: simulator}}}}\nkey_classes: {{c: {{request: {rules}}}}}\nvirtual_keys: {{a: {{class: c, secret_hash: {hash_}}}}}\n"
    alone = f"version: 1\nproviders: {{s: {{type: simulator}}}}\nvirtual_keys: {{a: {{request: {rules}, secret_hash: {hash_}}}}}\n"

    for file in (text, alone):
        result = loaded(tmp_path, file)
        sent = msgspec.json.decode(msgspec.json.encode([*resources_of(result.config)]), type=list[Resource])
        again = assemble(sent, now=NOW)
        assert again.diagnostics == ()
        for config in (result.config, again.config):
            request = config.virtual_keys["a"].request
            assert {name: one.model_dump(by_alias=True, exclude_none=True) for name, one in request.items()} == wanted


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (
            "{scope: {team: a}, window: month, limit_usd: 5000}",
            '{scope: {team: a}, window: month, limit_usd: "5000.00"}',
        ),
        (
            "{scope: {team: a}, window: day, limit_usd: 0}",
            "{scope: {team: a}, window: day, limit_usd: 0.0, on_breach: block}",
        ),
        (
            "{scope: {team: a}, window: day, limit_usd: 1, cycle_anchor_at: 2026-01-01T00:00:00Z}",
            "{scope: {team: a}, window: day, limit_usd: 1, cycle_anchor_at: 2026-01-01T01:00:00+01:00}",
        ),
    ],
)
def test_what_means_the_same_is_the_same(tmp_path, one, other):
    specs = [
        found(tmp_path, f"version: 1\nteams: {{a: {{}}}}\nbudgets: {{cap: {written}}}")["budgets.cap"].spec
        for written in (one, other)
    ]

    assert specs[0] == specs[1]


def test_what_is_left_out_is_not_said(tmp_path):
    text = """version: 1
providers: {simulator: {type: simulator}}
virtual_keys: {silent: {environment: test}, said: {environment: test, state: active}}
model_aliases: {fast: simulator/gpt-5-mini}
on_disconnect: cancel
stream_keepalive_s: 5"""

    specs = {address: one.spec for address, one in found(tmp_path, text).items()}

    assert specs == {
        "providers.simulator": {"type": "simulator"},
        "virtual_keys.silent": {"environment": "test"},
        "virtual_keys.said": {"environment": "test", "state": "active"},
        "model_aliases.fast": {"targets": ["simulator/gpt-5-mini"]},
        "settings.stream_keepalive_s": {"value": 5},
    }


def test_credentials_are_secrets_and_remember_their_references(tmp_path):
    text = """version: 1
providers:
  openai: {type: openai, api_key: "${env:A}", headers: {x-extra: "${env:B}"}}"""

    provider = found(tmp_path, text)["providers.openai"]

    assert "canary" not in repr(provider)
    assert provider.references == {"/api_key": "${env:A}", "/headers/x-extra": "${env:B}"}
    public, secrets = split_secrets(provider.spec)
    assert public == {"type": "openai", "api_key": None, "headers": {"x-extra": None}}
    assert secrets == {"/api_key": "canary-A", "/headers/x-extra": "canary-B"}
    assert join_secrets(public, secrets) == provider.spec


def test_a_node_resolves_its_own_references_and_nothing_else(tmp_path):
    text = """version: 1
providers:
  openai: {type: openai, api_key: "${runtime-env:NODE_KEY}", headers: {x-literal: "$${env:A}", x-value: "${env:DOLLARS}"}}
policy_rules: {literal: {tools: {deny: ['^\\$\\$${']}}}"""
    resources = found(tmp_path, text, {"DOLLARS": "a${runtime-env:NODE_KEY}b"})

    node = assemble(resources.values(), now=NOW, environ={"NODE_KEY": "key-of-the-node", "A": "never"}, serving=ON_NODE)

    assert node.config is not None, node.diagnostics
    provider = node.config.providers["openai"]
    assert provider.api_key == Secret("key-of-the-node")
    assert provider.headers == {
        "x-literal": Secret("${env:A}"),
        "x-value": Secret("a${runtime-env:NODE_KEY}b"),
    }


@pytest.mark.parametrize(
    "reference",
    ["${runtime-env:ABSENT}", "${runtime-env:HOME}", "${runtime-env:GATEWAY_KEY_PEPPER}", "${env:HOME}", "${file:x}"],
)
def test_what_a_node_cannot_resolve_is_told_by_address(reference):
    resources = [found_provider(reference)]

    node = assemble(resources, now=NOW, environ={"HOME": "/root", "GATEWAY_KEY_PEPPER": "pepper"}, serving=ON_NODE)

    assert node.config is None
    assert [(one.file, one.pointer, one.code) for one in node.diagnostics] == [
        ("providers.openai", "/providers/openai/api_key", "reference-missing")
    ]


def found_provider(reference: str):
    return Resource("providers", "openai", read_spec("providers", {"type": "openai", "api_key": reference}))


def test_names_that_others_may_declare_are_left_to_the_control_plane(tmp_path):
    text = "version: 1\nvirtual_keys: {a: {project: theirs, providers: [theirs]}}\nbudgets: {b: {scope: {team: theirs}, window: day, limit_usd: 1}}"

    result = loaded(tmp_path, text)

    assert result.config is not None
    assert result.diagnostics == () or {one.code for one in result.diagnostics} == {"key-without-secret"}
    whole = assemble(resources_of(result.config), now=NOW)
    assert whole.config is None
    assert {(one.file, one.code) for one in whole.diagnostics if one.is_error} >= {
        ("virtual_keys.a", "unknown-reference"),
        ("budgets.b", "unknown-reference"),
    }


@pytest.mark.parametrize(
    ("kind", "written"),
    [("budgets", {"limit_usd": 5}), ("virtual_keys", {"state": "gone"}), ("teams", []), ("providers", {"type": "x"})],
)
def test_a_spec_that_no_file_could_have_is_refused(kind, written):
    with pytest.raises(ValidationError):
        read_spec(kind, written)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("virtual_keys.dev-migration", ("virtual_keys", "dev-migration")),
        ("virtual_keys/dev.migration", ("virtual_keys", "dev.migration")),
        ("model_aliases.gpt-5.4", ("model_aliases", "gpt-5.4")),
        ("prices.custom/llama-4", ("prices", "custom/llama-4")),
        ("prices/custom/llama-4", ("prices", "custom/llama-4")),
    ],
)
def test_addresses(text, address):
    assert parse_address(text) == address


@pytest.mark.parametrize("text", ["", ".", "virtual_keys", "virtual_keys.", "keys.a", ".a", "/a", "\0.x"])
def test_no_addresses(text):
    with pytest.raises(ValueError, match="is no address; write KIND/NAME"):
        parse_address(text)


def test_every_section_of_the_file_is_a_kind_or_a_setting():
    assert {*KINDS, *SETTINGS, "version", "owner", "moved"} == {*Config.model_fields, "settings"}


def test_a_node_resolves_the_endpoint_and_the_headers_of_a_collector(tmp_path):
    text = """version: 1
trace_collectors:
  own: {endpoint: "${runtime-env:A}", headers: {Authorization: "Bearer ${runtime-env:B}"}, sampling_ratio: 0.10}"""
    resource = found(tmp_path, text)["trace_collectors.own"]
    public, secrets = split_secrets(resource.spec)
    assert public["sampling_ratio"] == "0.1"
    assert public["headers"] == {"Authorization": None}
    assert secrets == {"/headers/Authorization": "Bearer ${runtime-env:B}"}

    made = assemble(
        [resource],
        now=NOW,
        environ={"A": "https://own.example", "B": "canary"},
        serving=Serving(runtime_env=("A", "B")),
    )

    assert made.diagnostics == ()
    collector = made.config.trace_collectors["own"]
    assert (collector.endpoint, collector.headers["Authorization"].reveal()) == ("https://own.example", "Bearer canary")
    assert "canary" not in repr(collector)
