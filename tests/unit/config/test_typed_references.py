"""A reference gives what the field takes: a number, a truth value, or text."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from gateway.config.load import load
from gateway.config.resources import resources_of

NOW = datetime(2026, 6, 1, tzinfo=UTC)
SCHEMA = json.loads((Path(__file__).parents[3] / "schema" / "gateway.schema.json").read_text())
FILE = """
version: 1
providers: {sim: {type: simulator, pace_ms: "${env:PACE:-20}", rate_limits: {rpm: "${env:RPM:-600}"}}}
virtual_keys:
  k:
    description: "${env:TEXT:-12}"
    assumed_output_tokens: "${env:MOST:-max}"
    protected: "${env:PROTECTED:-true}"
    secret_hash: hmac-sha256:0000000000000000000000000000000000000000000000000000000000000000
budgets: {b: {scope: {virtual_key: k}, window: month, limit_usd: "${env:USD:-12.50}"}}
"""


def loaded(tmp_path, **environ):
    file = tmp_path / "gateway.yaml"
    file.write_text(FILE)
    return load([file], environ=environ, now=NOW, for_control_plane=True)


def test_each_field_gets_its_type(tmp_path):
    config = loaded(tmp_path, RPM="0x10").config

    key, provider = config.virtual_keys["k"], config.providers["sim"]
    assert (provider.pace_ms, provider.rate_limits.rpm) == (20, 16)
    assert (key.description, key.assumed_output_tokens, key.protected) == ("12", "max", True)
    assert str(config.budgets["b"].limit_usd) == "12.50"
    assert loaded(tmp_path, MOST="500").config.virtual_keys["k"].assumed_output_tokens == 500


@pytest.mark.parametrize("text", ["many", "1.5", "true", "-3"])
def test_what_is_not_of_the_type_is_told_without_its_value(tmp_path, text):
    (found,) = (one for one in loaded(tmp_path, RPM=text).diagnostics if one.is_error)

    assert found.pointer == "/providers/sim/rate_limits/rpm"
    assert text not in f"{found.message} {found.hint}".replace("a number, or true or false", "")


def test_it_stays_a_reference_for_people(tmp_path):
    found = loaded(tmp_path)

    (provider,) = (one for one in resources_of(found.config, found.references) if one.kind == "providers")
    assert provider.references == {"/pace_ms": "${env:PACE:-20}", "/rate_limits/rpm": "${env:RPM:-600}"}
    assert provider.spec["rate_limits"] == {"rpm": 600}


@pytest.mark.parametrize(("rpm", "is_valid"), [(600, True), ("${env:RPM}", True), ("600", False), (True, False)])
def test_editors_take_a_reference_where_a_number_belongs(rpm, is_valid):
    tree = {"version": 1, "providers": {"sim": {"type": "simulator", "rate_limits": {"rpm": rpm}}}}

    assert Draft202012Validator(SCHEMA).is_valid(tree) is is_valid
