"""Which changes of rules on the fields of requests let somebody say more than before."""

import pytest

from gateway.config.resources import Resource, read_spec
from gateway.config.sections.access import Access
from gateway.plan.access import widenings

LOOSER = [
    ({"max_tokens": {"max": 8000}}, None),
    ({"max_tokens": {"max": 8000}}, {"max_tokens": {"max": 9000}}),
    ({"max_tokens": {"max": 8000}}, {"max_tokens": {"default": 10}}),
    ({"reasoning_effort": {"max": "low"}}, {"reasoning_effort": {"max": "high"}}),
    ({"seed": {"drop": True}}, {"top_p": {"drop": True}}),
    ({"service_tier": {"set": "flex"}}, None),
]
PERHAPS = [
    (None, {"service_tier": {"set": "priority"}}),
    ({"service_tier": {"set": "flex"}}, {"service_tier": {"set": "priority"}}),
    ({"x": {"set": {"a": 1}}}, {"x": {"set": {"a": 2}}}),
    (None, {"max_completion_tokens": {"rename": "max_tokens"}}),
    ({"x": {"max": 1}}, {"x": {"max": "low"}}),
]
NOT_MORE = [
    (None, {"max_tokens": {"max": 8000}, "seed": {"drop": True}}),
    ({"max_tokens": {"max": 8000}}, {"max_tokens": {"max": 7000, "default": 10}}),
    (None, {"temperature": {"default": 0.5}}),
    ({"temperature": {"default": 0.5}}, None),
]
CASES = [
    (*pair, access)
    for pairs, access in ((LOOSER, Access.WIDENS), (PERHAPS, Access.MAY_WIDEN), (NOT_MORE, None))
    for pair in pairs
]


@pytest.mark.parametrize(("kind", "spec"), [("providers", {"type": "simulator"}), ("virtual_keys", {})])
@pytest.mark.parametrize(("before", "after", "access"), CASES)
def test_a_change_of_rules(before, after, access, kind, spec):
    had, has = ([Resource(kind, "sim", read_spec(kind, {**spec, "request": one or {}}))] for one in (before, after))

    found = {one.access for one in widenings(had, has)}

    assert (Access.WIDENS in found) == (access is Access.WIDENS)
    assert bool(found) == (access is not None)


@pytest.mark.parametrize(
    "rule", [{"set": 0.5}, {"set": False}, {"set": [1, {"a": 2.5}]}, {"default": 1, "max": 3}, {"max": "low"}]
)
def test_a_spec_of_rules_reads_as_it_was_written(rule):
    spec = read_spec("providers", {"type": "simulator", "request": {"field": rule}})

    assert spec["request"] == {"field": rule}
    assert read_spec("providers", spec) == spec
