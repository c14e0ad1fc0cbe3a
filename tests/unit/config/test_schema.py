"""The schema and the reference are generated, complete, and up to date."""

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from gateway.config import reference, schema
from gateway.config.source import parse
from gateway.config.validate import build

ROOT = Path(__file__).parents[3]
SCHEMA = schema.generate()


def properties(node, where="$"):
    if isinstance(node, dict):
        for name, value in node.get("properties", {}).items() if isinstance(node.get("properties"), dict) else ():
            yield f"{where}.{name}", value
        for key, value in node.items():
            if key != "if":
                yield from properties(value, f"{where}.{key}")
    elif isinstance(node, list):
        for index, item in enumerate(node):
            yield from properties(item, f"{where}[{index}]")


def test_the_file_is_what_the_models_say():
    assert (ROOT / "schema" / "gateway.schema.json").read_text() == schema.render()


def test_the_reference_is_what_the_models_say():
    assert (ROOT / "docs" / "configuration.md").read_text() == reference.render()


def test_it_is_a_schema_of_draft_2020_12():
    Draft202012Validator.check_schema(SCHEMA)

    assert SCHEMA["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert {"$id", "title", "description"} <= set(SCHEMA)


def test_every_property_and_definition_is_described():
    found = dict(properties(SCHEMA))

    assert len(found) > 100
    assert [where for where, value in found.items() if not value.get("description")] == []
    assert [name for name, value in SCHEMA["$defs"].items() if not value.get("description")] == []


def test_two_generations_are_equal():
    assert json.dumps(schema.generate()) == json.dumps(SCHEMA)


@pytest.mark.parametrize("name", ["tests/config/full.yaml", "examples/gateway.yaml"])
def test_an_editor_accepts_the_raw_file_with_its_references(name):
    raw, findings = parse((ROOT / name).read_text(), name)
    validator = Draft202012Validator(SCHEMA)
    tree = json.loads(json.dumps(raw, default=float))

    assert findings == []
    assert list(validator.iter_errors(tree)) == []


def test_every_definition_has_an_example():
    assert set(reference.examples()) == set(SCHEMA["$defs"])


@pytest.mark.parametrize("name", sorted(reference.examples()))
def test_examples_are_valid(name):
    tree, findings = parse(f"version: 1\n{reference.examples()[name]}\n", name)

    assert findings == []
    assert build(tree)[1] == []
