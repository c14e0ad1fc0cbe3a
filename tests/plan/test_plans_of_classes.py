"""A class that changes is told once; what it does is judged of every key that has it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.config.resources import Resource, inheriting, read_spec
from gateway.config.sections.access import Access, widest
from gateway.plan.make import Desired, make_plan
from gateway.plan.plan import Source
from gateway.plan.render.lines import lines
from tests.plan.test_plans import NOW, hash_of, live_of


def made(keys, *, classes, people=None):
    """Resources of a file with these sections."""
    sections = {
        "teams": {"ops": {}},
        "principals": people or {"ada": {"team": "ops"}},
        "providers": {"sim": {"type": "simulator"}, "other": {"type": "simulator"}},
        "policy_rules": {"no-shell": {"tools": {"deny": ["^Bash"]}}},
        "key_classes": classes,
        "virtual_keys": {name: {"secret_hash": hash_of(n), **key} for n, (name, key) in enumerate(keys.items())},
    }
    return [
        Resource(kind, name, read_spec(kind, written))
        for kind, entries in sections.items()
        for name, written in entries.items()
    ]


def plan_of(before, after):
    desired = Desired("platform", after, {}, Source("0123456789abcdef", None))
    return make_plan(desired, live_of(before), plan_id="pl_01", now=NOW, looks_for_prices=False).plan


ENGINEER = {"rate_limits": {"rpm": 300}, "models_allowed": ["gpt-5*"]}
KEYS = {
    "one": {"class": "engineer"},
    "two": {"class": "engineer", "rate_limits": {"rpm": 60}},
    "three": {"principal": "ada"},
    "four": {},
}


def test_a_class_is_told_once_with_the_keys_that_it_changes(snapshot):
    before = made(KEYS, classes={"engineer": ENGINEER})
    after = made(KEYS, classes={"engineer": {**ENGINEER, "rate_limits": {"rpm": 400}}})

    plan = plan_of(before, after)

    assert not plan.errors
    assert "\n".join(line.text for line in lines(plan)) == snapshot


CHANGES = [
    ("a limit rises", {"rate_limits": {"rpm": 400}}, Access.WIDENS, 1, 1),
    ("a limit falls", {"rate_limits": {"rpm": 200}}, Access.NARROWS, 1, 0),
    ("a rule is added", {"policy_rules": ["no-shell"]}, Access.NARROWS, 2, 0),
    ("models are added", {"models_allowed": ["gpt-5*", "o3"]}, Access.WIDENS, 2, 2),
    ("what is said of the class alone", {"description": "for people"}, Access.SAME, 0, 0),
    ("what keys are can no more be taken away", {"required": True}, Access.NARROWS, 0, 0),
    ("others may have it", {"shared_with": ["*"]}, Access.WIDENS, 0, 0),
]


@pytest.mark.parametrize(
    ("change", "access", "keys", "wider"), [one[1:] for one in CHANGES], ids=[c[0] for c in CHANGES]
)
def test_what_a_class_does_is_judged_of_each_key(change, access, keys, wider):
    before = made(KEYS, classes={"engineer": ENGINEER})

    plan = plan_of(before, made(KEYS, classes={"engineer": {**ENGINEER, **change}}))

    (found,) = plan.resource_changes
    assert (found.address, found.access) == ("key_classes.engineer", access)
    said = {one.code: one.text for one in found.consequences}
    assert said.get("keys_inherit", "changes 0 ").split()[1] == str(keys)
    assert said.get("keys_widen", "0 ").split()[0] == str(wider)
    assert bool(plan.requires) == (access is Access.WIDENS)


OTHERS = [
    ("a key loses its class", {**KEYS, "one": {}}, None, "virtual_keys.one", Access.WIDENS),
    ("a key gets one", {**KEYS, "four": {"class": "engineer"}}, None, "virtual_keys.four", Access.NARROWS),
    ("a key takes away what its class says", {**KEYS, "one": {"class": "engineer", "rate_limits": None}}, None,
     "virtual_keys.one", Access.WIDENS),
    ("a key says the same as its class", {**KEYS, "one": {"class": "engineer", "rate_limits": {"rpm": 300}}}, None,
     "virtual_keys.one", Access.SAME),
    ("a person gets one", KEYS, {"ada": {"team": "ops", "class": "engineer"}}, "principals.ada", Access.NARROWS),
]  # fmt: skip


@pytest.mark.parametrize(
    ("keys", "people", "address", "access"), [one[1:] for one in OTHERS], ids=[o[0] for o in OTHERS]
)
def test_who_has_a_class_is_judged_by_what_that_does(keys, people, address, access):
    before = made(KEYS, classes={"engineer": ENGINEER})

    plan = plan_of(before, made(keys, classes={"engineer": ENGINEER}, people=people))

    (found,) = plan.resource_changes
    assert not plan.errors
    assert (found.address, found.access) == (address, access)


SAYS = st.fixed_dictionaries(
    {},
    optional={
        "rate_limits": st.fixed_dictionaries({}, optional={"rpm": st.integers(1, 4), "tpm": st.integers(1, 2)}),
        "policy_rules": st.lists(st.just("no-shell"), max_size=1),
        "models_allowed": st.lists(st.sampled_from(["gpt-5*", "*-mini", "o3"]), min_size=1, max_size=2, unique=True),
        "providers": st.lists(st.sampled_from(["sim", "other"]), min_size=1, max_size=2, unique=True),
        "cache": st.sampled_from([{"mode": "disable"}, {"mode": "respect"}]),
    },
)


@given(had=SAYS, has=SAYS, keys=st.lists(SAYS, min_size=1, max_size=3))
def test_the_plan_of_a_class_widens_what_the_plan_of_the_file_written_out_widens(had, has, keys):
    named = {f"k{n}": {**says, "class": "engineer"} for n, says in enumerate(keys)}
    before, after = (made(named, classes={"engineer": says}) for says in (had, has))

    plan, expanded = plan_of(before, after), plan_of(inheriting(before), inheriting(after))

    of_keys = {one.name: one.access for one in expanded.resource_changes}
    found = [one for one in plan.resource_changes if one.kind == "key_classes"]
    assert widest(one.access for one in found) == widest(of_keys.values())
    told = [one.text for change in found for one in change.consequences if one.code == "keys_widen"]
    wider = [name for name, access in of_keys.items() if access in (Access.WIDENS, Access.MAY_WIDEN)]
    assert [int(text.split()[0]) for text in told] == ([len(wider)] if wider else [])


@pytest.mark.parametrize(
    ("had", "has", "told"),
    [
        ({}, {"rate_limits": None}, ["takes away what is inherited: rate_limits"]),
        ({"rate_limits": None}, {}, ["no longer takes away what is inherited: rate_limits"]),
        (
            {"rate_limits": {"rpm": 5}},
            {"rate_limits": {"rpm": None}},
            ["takes away what is inherited: rate_limits.rpm"],
        ),
        ({"rate_limits": None}, {"rate_limits": None, "tags": ["a=b"]}, []),
    ],
)
def test_what_a_key_takes_away_is_told(had, has, told):
    before, after = (
        made({"one": {"class": "engineer", **says}}, classes={"engineer": ENGINEER}) for says in (had, has)
    )

    (change,) = plan_of(before, after).resource_changes

    assert [one.text for one in change.consequences] == told
