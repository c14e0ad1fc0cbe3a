"""pydantic and the JSON Schema agree on what is valid."""

import copy
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.config import validate
from gateway.config.findings import Facts
from gateway.config.judge import Serving, judge
from gateway.config.source import parse
from gateway.config.validate import build

FULL = Path(__file__).parents[2] / "config" / "full.yaml"
TREE, _ = parse(FULL.read_text(), "full.yaml", lambda _text, _place: "https://resolved.example.com")


FACTS = Facts(frozenset(), frozenset(), datetime(2026, 6, 1, tzinfo=UTC), strict=True)


def paths(node, path=()):
    if path:
        yield path
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in items:
        yield from paths(value, (*path, key))


def parent(tree, path):
    for part in path[:-1]:
        tree = tree[part]
    return tree


ODD = st.sampled_from(
    [
        None, True, False, 0, 1, -1, 10**30, Decimal("1.5"), Decimal("1e400"), Decimal(1), "", "a", "A b", "1", "x" * 5000,
        "${env:X}", "a\n", "openai", "é", "2027-01-01T00:00:00Z", "2027-13-01T00:00:00Z", "openai/gpt", [], ["a"], [1], {},
        {"type": "openai"}, {"a": 1}, {"tools": None}, [[]], [{}], {"": {}}, {"team": "a"},
    ]
)  # fmt: skip


@given(st.data())
def test_a_tree_is_valid_for_both_or_explained(data):
    tree = copy.deepcopy(TREE)
    for _ in range(data.draw(st.integers(1, 2))):
        path = data.draw(st.sampled_from(sorted(paths(tree), key=repr)))
        holder = parent(tree, path)
        action = data.draw(st.sampled_from(["replace", "remove", "add"]))
        if action == "replace":
            holder[path[-1]] = copy.deepcopy(data.draw(ODD))
        elif action == "remove":
            del holder[path[-1]]
        elif isinstance(holder, dict):
            name = data.draw(st.sampled_from(["extra", "Bad Name", "", "x" * 200, "headers", "models"]))
            holder[name] = copy.deepcopy(data.draw(ODD))

    config, findings = build(tree)

    # There may be a configuration of the others, and then there is a finding.
    if findings:
        assert all(one.message for one in findings)
    else:
        assert config is not None
        assert list(validate._validator().iter_errors(tree)) == []
    # What is not at fault is checked further, whatever is missing there.
    assert {one.finding for one in judge(tree, FACTS, Serving())[1]} >= set(findings)


@pytest.mark.parametrize("version", [True, Decimal("1.0"), "1", 2, None])
def test_the_version_is_the_number_one(version):
    assert build({"version": version})[1] != []


def test_the_full_tree_is_valid_for_both():
    assert build(TREE)[1] == []
    assert list(validate._validator().iter_errors(TREE)) == []


@pytest.mark.parametrize(
    ("section", "field"),
    [("providers", "api_key"), ("virtual_keys", "secret_hash"), ("virtual_keys", "previous_secret_hash")],
)
@pytest.mark.parametrize("value", ["hunter2\n", ["hunter2"], "hunter2é", "hunter2" * 20_000])
def test_a_secret_is_never_quoted(section, field, value):
    tree = copy.deepcopy(TREE)
    name = next(iter(tree[section]))
    tree[section][name][field] = value

    _, findings = build(tree)

    assert findings
    assert "hunter2" not in repr(findings)


def test_keys_at_fault_do_not_keep_the_others_from_being_checked():
    tree = copy.deepcopy(TREE)
    tree["virtual_keys"]["bad"] = {"secret_hash": 1}
    seen = []

    config, findings = build(tree, lambda part: seen.extend(part.virtual_keys))

    assert [one.path for one in findings] == [("virtual_keys", "bad", "secret_hash")]
    assert seen == list(config.virtual_keys) == ["dev-migration"]


def test_amounts_are_exact():
    prices = build(TREE)[0].prices["custom-eu/llama-4"]

    assert (prices.input_usd_per_mtok, prices.output_usd_per_mtok) == (Decimal("0.20"), Decimal("0.60"))
