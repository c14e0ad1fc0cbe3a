"""A class that is for people makes a key for each: one line for a person, and findings where they are mended."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.config.derived_keys import derive, key_name
from gateway.config.load import find_places, load
from gateway.config.patches import PatchFile
from gateway.config.resources import resources_of

NOW = datetime(2026, 6, 1, tzinfo=UTC)
ONE, TWO = ("hmac-sha256:" + digit * 64 for digit in "12")
BASE = """version: 1
owner: platform
providers: {sim: {type: simulator}}
teams: {a: {}, b: {}}
"""


@pytest.fixture
def read(tmp_path):
    def read(text, *, patch=None, base=BASE):
        paths = [tmp_path / "gateway.yaml"]
        paths[0].write_text(base + text)
        if patch is not None:
            paths.append(PatchFile(tmp_path / "prod.yaml"))
            paths[1].write_text(patch)
        return load(paths, environ={"HASH": ONE}, now=NOW)

    return read


def codes(loaded):
    return [(one.code, one.line) for one in loaded.diagnostics]


@pytest.mark.parametrize(
    ("person", "name"),
    [
        ("ada@acme.com", "ada@acme.com"),
        ("o'brien@acme.com", "o-brien@acme.com"),
        ("José Núñez", "Jose-Nunez"),
        ("_ci", "ci"),
        ("チーム", ""),
    ],
)
def test_a_key_has_the_name_of_its_person_as_far_as_keys_can(person, name):
    assert key_name(person) == name


@pytest.mark.parametrize(
    ("of", "names"),
    [
        ("{}", ["ada", "lin", "zoe"]),
        ("{team: a}", ["ada", "zoe"]),
        ("{team: [a, b]}", ["ada", "lin", "zoe"]),
        ("{team: b}", ["lin"]),
    ],
)
def test_each_person_who_matches_has_a_key(read, of, names):
    loaded = read(f"""
principals: {{ada: {{team: a}}, lin: {{team: b}}, zoe: {{team: a}}}}
key_classes: {{engineer: {{rate_limits: {{rpm: 7}}, for_each: {{principals: {of}}}}}}}
""")

    keys = loaded.config.virtual_keys
    assert sorted(keys) == names
    assert {(key.class_, key.principal == name, key.rate_limits.rpm) for name, key in keys.items()} == {
        ("engineer", True, 7)
    }
    assert loaded.diagnostics == ()


def test_what_is_secret_stands_on_the_persons_line_and_goes_to_the_key(read):
    loaded = read(f"""
principals:
  ada:
    secret_hash: "${{env:HASH}}"
    previous_secret_hash: {TWO}
    previous_secret_expires_at: 2026-06-02T00:00:00Z
key_classes: {{engineer: {{for_each: {{principals: {{}}}}}}}}
""")

    assert loaded.diagnostics == ()
    found = {one.address: one for one in resources_of(loaded.config, loaded.references)}
    assert found["principals.ada"].spec == {}
    assert found["virtual_keys.ada"].spec == {
        "class": "engineer",
        "principal": "ada",
        "secret_hash": ONE,
        "previous_secret_hash": TWO,
        "previous_secret_expires_at": "2026-06-02T00:00:00Z",
    }
    assert found["virtual_keys.ada"].references == {"/secret_hash": "${env:HASH}"}


def test_a_key_that_is_written_takes_the_place_of_the_one_that_is_made(read):
    loaded = read("""
principals: {ada: {}, lin: {}}
key_classes: {engineer: {rate_limits: {rpm: 7}, for_each: {principals: {}}}}
virtual_keys: {ada: {principal: ada, state: disabled}}
""")

    assert (loaded.config.virtual_keys["ada"].state, loaded.config.virtual_keys["ada"].rate_limits) == (
        "disabled",
        None,
    )
    assert loaded.config.virtual_keys["lin"].rate_limits.rpm == 7


def test_the_class_of_a_persons_own_line_goes_before_the_one_that_is_for_everybody(read):
    loaded = read("""
principals: {ada: {}, lin: {class: contractor}, zoe: {class: visitor}}
key_classes:
  engineer: {rate_limits: {rpm: 9}, for_each: {principals: {}}}
  contractor: {rate_limits: {rpm: 5}, for_each: {principals: {team: b}}}
  visitor: {rate_limits: {rpm: 1}}
""")

    found = {name: (key.class_, key.rate_limits.rpm) for name, key in loaded.config.virtual_keys.items()}
    assert found == {"ada": ("engineer", 9), "lin": ("contractor", 5), "zoe": ("visitor", 1)}


def test_people_whom_a_patch_adds_or_takes_have_keys_or_none(read):
    loaded = read(
        "principals: {ada: {}, lin: {}}\nkey_classes: {engineer: {for_each: {principals: {}}}}\n",
        patch="patch:\n  - {at: /principals/ada, remove: true}\n  - {at: /principals/zoe, set: {}}\n",
    )

    assert sorted(loaded.config.virtual_keys) == ["lin", "zoe"]


def test_other_sections_name_the_keys_that_are_made(read):
    loaded = read("""
principals: {ada: {}}
key_classes: {engineer: {for_each: {principals: {}}}}
budgets: {cap: {scope: {virtual_key: ada}, window: month, limit_requests: 5}}
moved: [{from: virtual_keys.adah, to: virtual_keys.ada}]
""")

    assert loaded.diagnostics == ()


FAULTS = [
    ("two are for one", "principals:\n  ada: {}\nkey_classes:\n  x: {for_each: {principals: {}}}\n  y: {for_each: {principals: {}}}\n",
     [("two-classes-for-one", 9)], "x and y are both for ada"),
    ("two people of one name", "principals:\n  o'brien: {}\n  o-brien: {}\nkey_classes: {x: {for_each: {principals: {}}}}\n",
     [("no-name-for-key", 7)], "o'brien and of o-brien would both be named o-brien"),
    ("no name", "principals:\n  チーム: {}\nkey_classes: {x: {for_each: {principals: {}}}}\n",
     [("no-name-for-key", 6)], "チーム"),
    ("no such team", "principals:\n  ada: {}\nkey_classes:\n  x: {for_each: {principals: {team: c}}}\n",
     [("unknown-reference", 8)], "no team named 'c'"),
    ("no such provider", "principals: {ada: {}, lin: {}}\nkey_classes:\n  x: {providers: [no], for_each: {principals: {}}}\n",
     [("unknown-reference", 7)], "no provider named 'no'"),
    ("of another form", "principals: {ada: {}, lin: {}}\nkey_classes:\n  x: {rate_limits: {rpm: 0}, for_each: {principals: {}}}\n",
     [("invalid-value", 7)], "greater than 0"),
    ("an end that has passed", "principals: {ada: {}, lin: {}}\nkey_classes:\n  x: {expires_at: 2020-01-01T00:00:00Z, for_each: {principals: {}}}\n",
     [("key-expired", 7)], "x expired"),
    ("no hash", "principals:\n  ada: {secret_hash: no}\nkey_classes: {x: {for_each: {principals: {}}}}\n",
     [("invalid-value", 6)], "as this field asks"),
    ("a rotation without an end", f"principals:\n  ada: {{previous_secret_hash: {ONE}}}\nkey_classes: {{x: {{for_each: {{principals: {{}}}}}}}}\n",
     [("rotation-without-end", 6)], "half written"),
    ("the same secret twice", f"principals:\n  ada: {{secret_hash: {ONE}}}\n  lin: {{secret_hash: {ONE}}}\nkey_classes: {{x: {{for_each: {{principals: {{}}}}}}}}\n",
     [("duplicate-secret", 7)], "lin has the same secret as ada"),
    ("a secret of no key", f"principals:\n  ada: {{secret_hash: {ONE}}}\n", [("secret-of-no-key", 6)], "no class makes a key for ada"),
    ("a key of nobody in place of a person's", "principals: {ada: {}}\nkey_classes: {x: {for_each: {principals: {}}}}\nvirtual_keys:\n  ada: {environment: test}\n",
     [("not-the-persons-key", 8)], "the key ada takes the place of the one that x makes for ada"),
    ("no people at all", "key_classes:\n  x: {for_each: {}}\n", [("missing-field", 6)], "principals"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "found", "words"), [one[1:] for one in FAULTS], ids=[one[0] for one in FAULTS])
def test_what_is_wrong_is_told_where_it_is_mended_and_once(read, text, found, words):
    loaded = read(text)

    assert codes(loaded) == found, loaded.diagnostics
    assert words in loaded.diagnostics[0].message


def test_what_all_keys_of_a_class_lack_is_told_at_the_class(read):
    loaded = read(
        "principals: {ada: {}, lin: {}, zoe: {}}\nkey_classes:\n  x: {for_each: {principals: {}}}\n",
        base="version: 1\nowner: platform\nproviders: {}\n",
    )

    assert codes(loaded) == [("no-provider", 6)]
    assert loaded.diagnostics[0].message == ("the key ada reaches no provider; so it is with 2 more keys that x makes")


def test_a_file_without_a_control_plane_is_told_whose_secret_is_missing_and_how_to_mend_it(read):
    loaded = read(
        f"principals:\n  ada@a.com: {{secret_hash: {ONE}}}\n  lin@a.com: {{class: y}}\n"
        "key_classes:\n  x: {for_each: {principals: {}}}\n  y: {extends: z}\n  z: {environment: test}\n",
        base=BASE.replace("owner: platform\n", ""),
    )

    assert codes(loaded) == [("key-without-secret", 6)]
    assert loaded.diagnostics[0].hint == (
        "Put one on this line: gateway keys mint lin@a.com --environment test --write FILE."
    )


def test_a_plan_finds_the_line_of_a_person(tmp_path):
    file = tmp_path / "gateway.yaml"
    file.write_text(BASE + "key_classes: {x: {for_each: {principals: {}}}}\nprincipals:\n  ada: {}\n")

    at = ("virtual_keys", "ada")
    assert find_places([file], [at]) == {at: (str(file), 7)}


SECTIONS_AND_MEMBERS = ("for_each", "principals", "team", "class", "extends", "secret_hash", "ada", "x")
ODD = st.recursive(
    st.none() | st.integers(0, 3) | st.sampled_from(["a", "b", "x"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(SECTIONS_AND_MEMBERS), inner),
    max_leaves=12,
)


@given(ODD, ODD, ODD, ODD)
def test_what_is_written_in_any_other_way_is_nobodys_key_and_no_crash(classes, people, keys, team):
    whole = {"x": {"for_each": {"principals": {"team": team}}}}
    for tree in (classes, {"key_classes": classes, "principals": people, "virtual_keys": keys}):
        derive(tree)

    made, found = derive(
        {"key_classes": whole, "principals": {"ada": {"team": team}, "lin": people}, "virtual_keys": keys}
    )
    assert set(found.people) <= {"ada", "lin"}
    assert not found.people or set(found.people) <= set(made["virtual_keys"])
