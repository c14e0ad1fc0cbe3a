"""Two configurations compared without a control plane."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.config.resources import inheriting
from gateway.config.sections.access import Access, widest
from gateway.plan.difference import Configuration, Side, difference
from tests.plan.test_plans import NOW
from tests.plan.test_plans_of_classes import SAYS, made, plan_of


def compared(before, after):
    return difference(Configuration(Side("a"), before), Configuration(Side("b"), after), now=NOW)


def files(class_says, keys):
    named = {f"k{number}": {**says, "class": "engineer"} for number, says in enumerate(keys)}
    return made(named, classes={"engineer": class_says})


KEYS = st.lists(SAYS, min_size=1, max_size=3)


@given(says=SAYS, keys=KEYS)
def test_nothing_differs_from_itself(says, keys):
    resources = files(says, keys)

    assert compared(resources, resources).is_empty
    assert compared(inheriting(resources), inheriting(resources)).is_empty


@given(had=SAYS, has=SAYS, keys=KEYS)
def test_a_class_widens_the_keys_that_the_file_written_out_widens(had, has, keys):
    before, after = files(had, keys), files(has, keys)

    found, expanded = compared(before, after), compared(inheriting(before), inheriting(after))

    classes = [one.access for one in found.resource_changes if one.kind == "key_classes"]
    assert widest(classes) == widest(one.access for one in expanded.resource_changes)


@given(says=SAYS, keys=KEYS)
def test_writing_out_what_keys_inherit_changes_no_key(says, keys):
    resources = files(says, keys)

    found = compared(resources, inheriting(resources))

    assert {one.access for one in found.resource_changes if one.kind == "virtual_keys"} <= {Access.SAME}


@given(had=SAYS, has=SAYS, keys=KEYS)
def test_a_plan_from_the_first_file_to_the_second_says_the_same(had, has, keys):
    before, after = files(had, keys), files(has, keys)

    planned, found = plan_of(before, after).resource_changes, compared(before, after).resource_changes

    def said(changes):
        return [(one.address, one.actions, one.changes, one.access, one.consequences) for one in changes]

    assert said(planned) == said(found)
