"""What one environment has otherwise: patches of a configuration, sections aside for anchors, folders in folders."""

import copy
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from gateway.config.load import find_places, load
from gateway.config.patches import Line, Patched, PatchFile

NOW = datetime(2026, 6, 1, tzinfo=UTC)
HASHES = [f"hmac-sha256:{number:064x}" for number in range(3)]
BASE = f"""
version: 1
providers: {{sim: {{type: simulator}}, openai: {{type: openai, api_key: "${{env:STAGING_KEY}}"}}}}
key_classes: {{engineer: {{rate_limits: {{rpm: 30}}, tags: [env=staging, tier=1]}}}}
virtual_keys:
  ada: {{class: engineer, secret_hash: {HASHES[0]}}}
  one-demo: {{secret_hash: {HASHES[1]}}}
  two-demo: {{secret_hash: {HASHES[2]}}}
budgets: {{all: {{scope: {{organization: acme}}, window: month, limit_usd: 10}}}}
organization: acme
"""


@pytest.fixture
def patched(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def run(*patches, base=BASE, environ=None):
        Path("gateway.yaml").write_text(base)
        names = []
        for number, text in enumerate(patches):
            names.append(PatchFile(f"patch-{number}.yaml"))
            Path(names[-1]).write_text(text)
        return load([Path("gateway.yaml"), *names], environ=environ or {"STAGING_KEY": "sk-staging"}, now=NOW)

    return run


def test_a_patch_changes_adds_and_takes_away(patched):
    found = patched(
        """
        patch:
          - {at: /key_classes/engineer/rate_limits/rpm, set: 300}
          - {at: /key_classes/engineer/rate_limits/tpm, set: 9000}
          - {at: /key_classes/engineer/tags/0, set: env=prod}
          - {at: "/virtual_keys/*-demo", remove: true}
          - {at: /providers/openai/api_key, set: "${env:PROD_KEY}"}
          - {at: /virtual_keys/ada/description, set: null}
        """,
        "patch: [{at: /key_classes/engineer/tags/1, remove: true}, {at: /budgets/*/limit_usd, set: 99.5}]",
        environ={"PROD_KEY": "sk-prod"},
    )

    assert [str(one) for one in found.diagnostics if one.is_error] == []
    assert [*found.config.virtual_keys] == ["ada"]
    key = found.config.virtual_keys["ada"]
    assert (key.rate_limits.rpm, key.rate_limits.tpm, key.tags) == (300, 9000, ["env=prod"])
    assert found.config.providers["openai"].api_key.reveal() == "sk-prod"
    assert found.config.budgets["all"].limit_usd == yaml.safe_load("99.5")
    assert found.references == {("providers", "openai", "api_key"): "${env:PROD_KEY}"}
    assert {str(one) for one in found.files} >= {"patch-0.yaml", "patch-1.yaml"}


def test_what_a_patch_says_is_part_of_the_digest(patched):
    digests = {
        patched(*patches).digest
        for patches in ((), ("patch: [{at: /organization, set: a}]",), ("patch: [{at: /organization, set: b}]",))
    }

    assert len(digests) == 3


def test_what_is_wrong_with_a_patch_is_told_where_it_is_written(patched, snapshot):
    found = patched(
        """
        patch:
          - {at: /key_classes/engineers/rate_limits/rpm, set: 300}
          - {at: /key_classes/engineer/rate_limits/rpm/x, set: 300}
          - {at: "/virtual_keys/*-prod", set: {}}
          - {at: /owner, set: me}
          - {at: "/ver*", set: 2}
          - {at: /virtual_keys/ada/protected, set: true}
          - {at: /virtual_keys/ada, set: {protected: true}}
          - {at: /virtual_keys/one-demo/rate_limits, set: {rpm: many, tpm: -1}}
          - {at: /virtual_keys/two-demo/providers, set: [sin]}
          - {at: /providers/openai/api_key, set: "${env:PROD_KEY}"}
        """
    )

    assert "\n".join(map(str, found.diagnostics)) == snapshot
    assert found.config is None


@pytest.mark.parametrize(
    "text",
    [
        "patch: []",
        "patch: {at: /x, set: 1}",
        "patch: [{set: 1}, {at: x, remove: true}, {at: /a, remove: true, set: 1}, {at: /a}, {at: /a, to: 1, set: 2}]",
        "version: 1",
        "",
        "patch: [{at: /a, set: 1}",
    ],
)
def test_what_is_no_patch(text, patched, snapshot):
    assert "\n".join(map(str, patched(text).diagnostics)) == snapshot


@pytest.mark.parametrize("step", ["protected", "prot*", "*tected", "*"])
@pytest.mark.parametrize("change", ["set: false", "remove: true"])
def test_no_spelling_of_a_step_lifts_what_is_protected(step, change, patched):
    base = BASE.replace("class: engineer,", "class: engineer, protected: true,")

    found = patched(f'patch: [{{at: "/virtual_keys/ada/{step}", {change}}}]', base=base)

    assert [one.code for one in found.diagnostics if one.is_error] == ["bad-patch"]
    assert found.config is None


def test_many_stars_in_a_step_are_matched_in_one_pass():
    """A matcher that goes back takes minutes for this."""
    patched = Patched({"a" * 60: 1})

    hits, faults = patched.apply([Line(at="/" + "*a" * 30 + "*b", remove=True)])

    assert (hits, len(faults)) == ([], 1)


@given(step=st.text("ab*", min_size=1, max_size=8), name=st.text("ab", max_size=8))
def test_a_star_stands_for_any_characters(step, name):
    hits, _ = Patched({name: 1}).apply([Line(at=f"/{step}", remove=True)])

    assert bool(hits) == fnmatchcase(name, step)


def test_places_of_what_a_patch_changed(patched):
    patched("patch:\n  - at: /virtual_keys/ada/tags\n    set:\n      - a\n      - b\n")
    wanted = [("virtual_keys", "ada", "tags", 1), ("virtual_keys", "ada")]

    assert find_places([Path("gateway.yaml"), PatchFile("patch-0.yaml")], wanted) == {
        wanted[0]: ("patch-0.yaml", 5),
        wanted[1]: ("gateway.yaml", 6),
    }


LEAVES = st.integers(0, 3) | st.none() | st.sampled_from(["a", "b"])
NAMES = st.sampled_from(["a", "b", "ab", "a/b", "~"])
TREES = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(NAMES, inner, max_size=3))
SECTIONS = st.dictionaries(NAMES, TREES, min_size=1, max_size=3)


def pointers(node, at=""):
    """Every place of a tree by its pointer, with what holds it."""
    members = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for name, inner in members:
        place = f"{at}/{str(name).replace('~', '~0').replace('/', '~1')}"
        yield place, node, name
        yield from pointers(inner, place)


@given(tree=SECTIONS, data=st.data(), removes=st.booleans(), value=TREES)
def test_a_line_does_what_it_says_and_nothing_else(tree, data, removes, value):
    before = copy.deepcopy(tree)
    place = data.draw(st.sampled_from([one[0] for one in pointers(tree)]))
    expected = copy.deepcopy(tree)
    holder, name = next((holder, name) for at, holder, name in pointers(expected) if at == place)
    if removes:
        del holder[name]
    else:
        holder[name] = value
    line = Line(at=place, remove=True) if removes else Line(at=place, set=value)

    patched = Patched(tree)
    hits, faults = patched.apply([line])

    assert (patched.tree, faults, len(hits)) == (expected, [], 1)
    assert tree == before


@given(tree=SECTIONS, value=LEAVES)
def test_a_star_hits_what_matches(tree, value):
    patched = Patched(tree)

    hits, faults = patched.apply([Line(at="/a*", set=value)])

    assert {hit.place for hit in hits} == {(name,) for name in tree if name.startswith("a")}
    assert bool(faults) == (not hits)
    assert patched.tree == {name: value if name.startswith("a") else one for name, one in tree.items()}


ASIDE = """
version: 1
x-limits: &limits {rpm: 30}
x-unused: {colour: red, missing: "${env:NOT_SET}"}
x-account: &account {type: openai, api_key: "${env:KEY}"}
providers: {one: *account, two: {type: simulator, rate_limits: *limits}}
"""


def test_sections_aside_are_for_anchors_alone(patched):
    found = patched(base=ASIDE, environ={"KEY": "sk-1"})

    assert found.diagnostics == ()
    assert found.config.providers["one"].api_key.reveal() == "sk-1"
    assert found.config.providers["two"].rate_limits.rpm == 30
    assert found.references == {("providers", "one", "api_key"): "${env:KEY}"}


def test_a_reference_of_a_section_aside_is_missed_where_it_is_used(patched):
    (found,) = (one for one in patched(base=ASIDE, environ={}).diagnostics if one.is_error)

    assert (found.code, found.line, found.pointer) == ("reference-missing", 5, "/providers/one/api_key")


def test_folders_are_read_with_those_below(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    files = {
        "conf/base.yaml": "version: 1\nproviders: {sim: {type: simulator}}\n",
        "conf/teams/a.yaml": "teams: {a: {}}\n",
        "conf/teams/deep/b.yml": "teams: {b: {}}\n",
        "conf/teams/deep/prod.yaml": "# of production\npatch: [{at: /teams/a, remove: true}]\n",
        "conf/teams/staging.yaml": "{patch: [{at: /teams/a, remove: true}]}\n",
        "conf/teams/json.yaml": '{"patch" : [{"at": "/teams/a", "remove": true}]}',
        "conf/x.test.yaml": "cases: []\n",
        "conf/.hidden/c.yaml": "teams: {c: {}}\n",
        "conf/..data/d.yaml": "teams: {d: {}}\n",
    }
    for name, text in files.items():
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text(text)
    Path("conf/teams/deep/again").symlink_to(Path("conf").resolve())

    found = load([Path("conf")], environ={}, now=NOW)

    assert found.diagnostics == ()
    assert [*found.config.teams] == ["a", "b"]
    assert {str(one) for one in found.files} >= {"conf", "conf/teams", "conf/teams/deep"}


LISTS = (
    BASE
    + """
policy_rules:
  hosts: {urls: {allow: ["${env:FIRST}", "${env:SECOND}", plain, "${env:THIRD}"]}}
"""
)
ALLOWED = "/policy_rules/hosts/urls/allow"


@pytest.mark.parametrize(
    ("lines", "allowed", "references"),
    [
        ([f"{{at: {ALLOWED}/0, remove: true}}"], ["2", "plain", "3"], {0: "SECOND", 2: "THIRD"}),
        ([f"{{at: {ALLOWED}/2, remove: true}}"], ["1", "2", "3"], {0: "FIRST", 1: "SECOND", 2: "THIRD"}),
        ([f"{{at: {ALLOWED}/0, remove: true}}"] * 2, ["plain", "3"], {1: "THIRD"}),
        (
            [f"{{at: {ALLOWED}/0, remove: true}}", f'{{at: {ALLOWED}/0, set: "${{env:THIRD}}"}}'],
            ["3", "plain", "3"],
            {0: "THIRD", 2: "THIRD"},
        ),
        (
            [f'{{at: {ALLOWED}/1, set: "${{env:THIRD}}"}}', f"{{at: {ALLOWED}/0, remove: true}}"],
            ["3", "plain", "3"],
            {0: "THIRD", 2: "THIRD"},
        ),
        ([f"{{at: {ALLOWED}/0, set: other}}"], ["other", "2", "plain", "3"], {1: "SECOND", 3: "THIRD"}),
    ],
)
def test_references_of_a_list_go_with_the_items_that_have_them(lines, allowed, references, patched):
    found = patched(
        f"patch: [{', '.join(lines)}]",
        base=LISTS,
        environ={"STAGING_KEY": "sk-staging", "FIRST": "1", "SECOND": "2", "THIRD": "3"},
    )

    assert [one.message for one in found.diagnostics if one.is_error] == []
    assert [*found.config.policy_rules["hosts"].urls.allow] == allowed
    assert {path[-1]: text for path, text in found.references.items() if path[0] == "policy_rules"} == {
        place: f"${{env:{name}}}" for place, name in references.items()
    }


def test_what_a_patch_takes_away_need_not_be_at_hand(patched):
    lines = f"{{at: {ALLOWED}/0, remove: true}}, {{at: {ALLOWED}/0, remove: true}}, {{at: {ALLOWED}/1, remove: true}}"

    found = patched(f"patch: [{lines}, {{at: /providers/openai, remove: true}}]", base=LISTS, environ={"OTHER": "x"})

    assert [one.message for one in found.diagnostics if one.is_error] == []
    assert found.references == {}


@pytest.mark.parametrize(
    ("lines", "places"),
    [
        ([f"{{at: {ALLOWED}/0, remove: true}}"], [("gateway.yaml", 17), ("gateway.yaml", 19)]),
        ([f"{{at: {ALLOWED}/1, remove: true}}"], [("gateway.yaml", 19)]),
        (
            [f"{{at: {ALLOWED}/2, set: '(['}}", f"{{at: {ALLOWED}/0, remove: true}}"],
            [("gateway.yaml", 17), ("patch-0.yaml", 2), ("gateway.yaml", 19)],
        ),
        (
            [f"{{at: {ALLOWED}/0, remove: true}}", f"{{at: {ALLOWED}/0, set: '(['}}", f"{{at: {ALLOWED}/1, remove: true}}"],
            [("patch-0.yaml", 3), ("gateway.yaml", 19)],
        ),
    ],
)  # fmt: skip
def test_what_is_wrong_in_a_list_is_told_where_the_file_has_it(lines, places, patched):
    base = (
        LISTS[: LISTS.index("hosts:")]
        + "hosts:\n    urls:\n      allow:\n"
        + "".join(f"      - {one}\n" for one in ("a", "'(['", "b", "'(['"))
    )

    found = patched("patch:\n" + "".join(f"- {one}\n" for one in lines), base=base)

    assert [(one.file, one.line) for one in found.diagnostics if one.is_error] == sorted(places)
