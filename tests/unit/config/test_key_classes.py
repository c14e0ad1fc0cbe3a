"""A key and its classes as one: what counts, what is added up, what is taken away, and where it stands."""

from datetime import UTC, datetime

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from gateway.config.export import exported
from gateway.config.key_classes import KeyClasses, without_nulls
from gateway.config.load import load
from gateway.config.resolved import resolved
from gateway.config.resources import inheriting, read_spec, resources_of
from gateway.config.sections.virtual_keys import VirtualKey

NOW = datetime(2026, 6, 1, tzinfo=UTC)
HASH = "hmac-sha256:" + "0" * 63
CLASSES = {
    "engineer": {
        "rate_limits": {"rpm": 300, "tpm": 100_000},
        "policy_rules": ["no-shell"],
        "models_allowed": ["gpt-5*", "claude-*"],
        "providers": ["sim", "other"],
        "model_aliases": {"fast": "sim/gpt-5-mini", "smart": "sim/gpt-5"},
        "cache": {"mode": "disable"},
        "description": "Everyone who ships code",
        "protected": True,
    },
    "contractor": {"extends": "engineer", "rate_limits": {"rpm": 60}},
}


def merged(key, **sections):
    tree = {"key_classes": CLASSES, **sections}
    whole = KeyClasses(tree).key(key).tree
    return {member: value for member, value in whole.items() if member not in key or value != key[member]}


@pytest.mark.parametrize(
    ("key", "inherited"),
    [
        ({}, {}),
        ({"class": "gone"}, {}),
        (
            {"class": "engineer"},
            {one: said for one, said in CLASSES["engineer"].items() if one not in ("description", "protected")},
        ),
        (
            {"class": "contractor", "cache": None, "model_aliases": None, "models_allowed": None, "providers": None},
            {"rate_limits": {"rpm": 60, "tpm": 100_000}, "policy_rules": ["no-shell"]},
        ),
    ],
    ids=["no class", "a class that is not there", "all of one class", "what another extends, and null"],
)
def test_a_key_has_what_its_class_says(key, inherited):
    found = merged(key)

    assert {name: value for name, value in found.items() if value is not None} == inherited


@pytest.mark.parametrize(
    ("member", "own", "whole"),
    [
        ("rate_limits", {"rpm": 5}, {"rpm": 5, "tpm": 100_000}),
        ("rate_limits", {"rpm": None}, {"tpm": 100_000}),
        ("cache", {"mode": "respect"}, {"mode": "respect"}),
        ("policy_rules", ["mine"], ["mine", "no-shell"]),
        ("policy_rules", [], ["no-shell"]),
        ("providers", ["other", "third"], ["other"]),
        ("providers", ["third"], []),
        ("models_allowed", ["claude-*"], ["claude-*"]),
        ("models_allowed", ["claude-*", "gpt-5*", "o3"], ["gpt-5*", "claude-*"]),
        ("model_aliases", {"fast": "other/x"}, {"fast": "other/x", "smart": "sim/gpt-5"}),
        ("model_aliases", {"fast": None}, {"smart": "sim/gpt-5"}),
        ("description", "mine", "mine"),
    ],
)
def test_the_nearest_counts_and_lists_combine(member, own, whole):
    assert KeyClasses({"key_classes": CLASSES}).key({"class": "engineer", member: own}).tree[member] == whole


def test_a_model_has_to_match_every_list():
    whole = KeyClasses({"key_classes": CLASSES}).key({"class": "engineer", "models_allowed": ["*-mini"]}).tree

    assert whole["models_allowed"] == ["*-mini"]
    assert whole["policy_rules"] == [
        "no-shell",
        {"models": {"allow": [r"(?s)^(?:gpt\-5.*)$", r"(?s)^(?:claude\-.*)$"]}},
    ]


@pytest.mark.parametrize(
    ("own", "of_class", "allowed", "rules"),
    [
        ({"allow": ["o3"], "mode": "warn"}, ["o3", "gpt-5"], {"allow": ["o3"], "mode": "warn"}, [["o3", "gpt-5"]]),
        (["o3"], {"allow": ["o3", "gpt-5"], "mode": "warn"}, ["o3"], []),
        (
            {"allow": ["o3"], "mode": "warn"},
            {"allow": ["o3", "x"], "mode": "warn"},
            {"allow": ["o3"], "mode": "warn"},
            [],
        ),
        (["o3"], {"allow": ["x"], "mode": "warn"}, ["o3"], [["x"]]),
    ],
)
def test_a_list_that_only_warns_takes_nothing_from_one_that_is_enforced(own, of_class, allowed, rules):
    classes = KeyClasses({"key_classes": {"c": {"models_allowed": of_class}}})
    whole = classes.key({"class": "c", "models_allowed": own}).tree

    assert whole["models_allowed"] == allowed
    modes = [] if not isinstance(of_class, dict) else [{"mode": "warn"}]
    told = [{"allow": [rf"(?s)^(?:{one})$".replace("-", r"\-") for one in globs]} for globs in rules]
    assert whole.get("policy_rules", []) == [{"models": {**one, **(modes[0] if modes else {})}} for one in told]


@pytest.mark.parametrize(
    ("own", "of_class", "mode"),
    [("warn", None, None), (None, "warn", None), ("warn", "warn", "warn"), ("enforce", "warn", None)],
)
def test_limits_that_anybody_enforces_are_enforced(own, of_class, mode):
    limits = [{"rpm": 5, **({"mode": one} if one else {})} for one in (own, of_class)]
    classes = KeyClasses({"key_classes": {"c": {"rate_limits": limits[1]}}})

    assert classes.key({"class": "c", "rate_limits": limits[0]}).tree["rate_limits"].get("mode") == mode


SECTIONS = {
    "key_classes": {
        **{name: {"description": name, "tags": [f"by={name}"]} for name in ("own", "person", "team", "other")},
        "in-a": {"project": "of-a"},
        "of-team-a": {"team": "a"},
    },
    "teams": {"a": {"class": "team"}, "b": {"class": "other"}, "none": {}},
    "projects": {"of-a": {"team": "a"}, "of-none": {"team": "none"}, "free": {}},
    "principals": {
        "p": {"class": "person", "team": "b"},
        "q": {"team": "b"},
        "r": {},
        "by-project": {"class": "in-a"},
        "by-team": {"class": "of-team-a"},
    },
}


@pytest.mark.parametrize(
    ("key", "names"),
    [
        ({}, ()),
        ({"class": "own"}, ("own",)),
        ({"class": "own", "principal": "p"}, ("own", "person", "other")),
        ({"class": "own", "principal": "p", "project": "of-a"}, ("own", "person", "team")),
        ({"principal": "q", "project": "of-none"}, ()),
        ({"principal": "q", "project": "free"}, ("other",)),
        ({"principal": "r", "team": "a"}, ("team",)),
        ({"principal": "by-project"}, ("in-a", "team")),
        ({"principal": "by-team"}, ("of-team-a", "team")),
        ({"class": "in-a", "principal": "r"}, ("in-a", "team")),
        ({"principal": ["p"], "project": {"x": 1}, "team": 7, "class": {}}, ()),
    ],
)
def test_classes_come_from_the_key_its_principal_and_its_team(key, names):
    assert KeyClasses(SECTIONS).names_of(key) == names


@pytest.mark.parametrize("odd", [None, [], "x", {"key_classes": []}, {"key_classes": {"a": [], "b": {"extends": "b"}}}])
def test_what_is_at_fault_gives_nothing(odd):
    assert KeyClasses(odd).key({"class": "a", "tags": ["x"]}).tree == {"class": "a", "tags": ["x"]}


@pytest.mark.parametrize(
    ("path", "place"),
    [
        (("rate_limits", "rpm"), ("virtual_keys", "k", "rate_limits", "rpm")),
        (("rate_limits", "tpm"), ("key_classes", "engineer", "rate_limits", "tpm")),
        (("policy_rules", 1), ("key_classes", "engineer", "policy_rules", 0)),
        (("model_aliases", "smart"), ("key_classes", "engineer", "model_aliases", "smart")),
        (("secret_hash",), ("virtual_keys", "k", "secret_hash")),
    ],
)
def test_what_is_inherited_is_found_where_it_is_written(path, place):
    key = {"class": "contractor", "rate_limits": {"rpm": 5}, "policy_rules": ["mine"], "secret_hash": HASH}

    assert KeyClasses({"key_classes": CLASSES}).written_at(("virtual_keys", "k", *path), {"k": key}) == place


MEMBERS = st.fixed_dictionaries(
    {},
    optional={
        "rate_limits": st.none() | st.fixed_dictionaries({}, optional={"rpm": st.none() | st.integers(1, 9)}),
        "policy_rules": st.none() | st.lists(st.sampled_from(["no-shell", "no-metadata"]), max_size=2, unique=True),
        "models_allowed": st.none() | st.lists(st.sampled_from(["gpt-5*", "*-mini", "o3"]), max_size=3, unique=True),
        "providers": st.none() | st.just(["sim"]),
        "tags": st.none() | st.lists(st.sampled_from(["a=1", "b=2"]), max_size=2, unique=True),
        "cache": st.none() | st.sampled_from([{"mode": "disable"}, {"mode": "respect"}]),
        "environment": st.none() | st.sampled_from(["live", "test"]),
        "stream_keepalive_s": st.none() | st.integers(0, 9),
        "model_aliases": st.none()
        | st.sampled_from([{"fast": ["sim/gpt-5-mini"]}, {"fast": None}, {"smart": ["sim/x"]}]),
    },
)
_NO_NULLS = MEMBERS.map(without_nulls)


def loaded(text, tmp_path_factory):
    file = tmp_path_factory.mktemp("classes") / "gateway.yaml"
    file.write_text(text)
    return load([file], environ={}, now=NOW)


@given(engineer=_NO_NULLS, person=_NO_NULLS, contractor=MEMBERS, key=MEMBERS)
def test_what_is_served_is_the_file_with_everything_written_out(tmp_path_factory, engineer, person, contractor, key):
    """And the resources that a control plane keeps lead to the same."""
    tree = {
        "version": 1,
        "providers": {"sim": {"type": "simulator"}},
        "policy_rules": {"no-shell": {"tools": {"deny": ["^Bash"]}}, "no-metadata": {"urls": {"deny": ["169"]}}},
        "principals": {"ada": {"class": "person"}},
        "key_classes": {"engineer": engineer, "person": person, "contractor": {**contractor, "extends": "engineer"}},
        "virtual_keys": {"k": {**key, "class": "contractor", "principal": "ada", "secret_hash": HASH + "1"}},
    }
    found = loaded(yaml.safe_dump(tree), tmp_path_factory)
    if found.config is None:  # `null` stands where nothing is inherited that it could take away
        assert {one.code for one in found.diagnostics if one.is_error} <= {"wrong-type", "no-provider"}
        return
    resources = [*resources_of(found.config)]
    served = found.config.virtual_keys["k"].model_dump(exclude={"class_"})
    whole = next(one for one in inheriting(resources) if one.kind == "virtual_keys").spec
    expanded = {**tree, "key_classes": {}, "principals": {"ada": {}}, "virtual_keys": {"k": without_nulls(whole)}}

    for written_out in (yaml.safe_dump(expanded), "\n".join(resolved(found.config, found.references))):
        again = loaded(written_out, tmp_path_factory)
        assert not again.config.key_classes
        assert again.config.virtual_keys["k"].model_dump(exclude={"class_"}) == served
    for one in resources:
        if one.kind in ("virtual_keys", "key_classes"):
            assert read_spec(one.kind, one.spec) == one.spec


WRITTEN = """
version: 1
owner: platform
providers: {sim: {type: simulator}, openai: {type: openai, api_key: "${env:OPENAI_API_KEY:-sk-unset}"}}
teams: {ops: {class: engineer}}
principals: {ada: {team: ops}}
policy_rules: {no-shell: {tools: {deny: ['^Bash']}}}
key_classes:
  engineer: {description: Everyone, rate_limits: {rpm: 300, tpm: 1000}, policy_rules: [no-shell], providers: [sim]}
virtual_keys:
  ada: {principal: ada, description: "${env:WHO:-Ada}", rate_limits: {rpm: 5}, policy_rules: [{urls: {deny: [x]}}]}
  plain: {}
"""


def test_a_file_with_everything_written_out(snapshot, tmp_path):
    file = tmp_path / "gateway.yaml"
    file.write_text(WRITTEN)
    found = load([file], environ={}, now=NOW, for_control_plane=True)

    assert "\n".join(resolved(found.config, found.references)) == snapshot


def test_a_key_of_a_class_that_another_owner_declares_goes_as_it_is_written(tmp_path):
    file = tmp_path / "gateway.yaml"
    key = {"class": "engineer", "cache": {"mode": "respect"}, "policy_rules": None, "rate_limits": {"rpm": None}}
    sim = {"sim": {"type": "simulator"}}
    file.write_text(yaml.safe_dump({"version": 1, "owner": "us", "providers": sim, "virtual_keys": {"k": key}}))

    found = load([file], environ={}, now=NOW, for_control_plane=True)

    assert [one for one in found.diagnostics if one.is_error] == []
    assert [one.spec for one in resources_of(found.config) if one.kind == "virtual_keys"] == [key]


def test_what_is_taken_away_is_exported_and_is_no_secret():
    key = {"class": "engineer", "rate_limits": None, "cache": None}
    rows = [
        {"kind": "virtual_keys", "name": "k", "spec": key, "references": {}},
        {"kind": "providers", "name": "up", "spec": {"type": "openai", "api_key": None}, "references": {}},
    ]

    text, variables = exported("platform", rows)

    assert yaml.safe_load(text)["virtual_keys"] == {"k": key}
    assert variables == ["UP_API_KEY"]


def test_a_key_of_a_class_keeps_what_is_a_default():
    written = {"class": "engineer", "cache": {"mode": "respect"}, "rate_limits": None, "secret_hash": HASH + "1"}

    assert read_spec("virtual_keys", written) == written
    assert VirtualKey.model_validate(without_nulls(written)).cache.mode == "respect"
