"""Which changes of what is enforced, and of what only warns, let somebody do more than before."""

import pytest

from gateway.config.resources import Resource, read_spec
from gateway.config.sections.access import Access
from gateway.plan.access import widenings

DENY = {"deny": ["x"]}
RULES = [
    ({"tools": DENY}, {"tools": {**DENY, "mode": "warn"}}, Access.WIDENS),
    ({"tools": {**DENY, "mode": "warn"}}, {"tools": DENY}, None),
    ({}, {"tools": {**DENY, "mode": "warn"}}, None),
    ({"tools": {**DENY, "mode": "warn"}}, {}, None),
    ({"tools": DENY}, {}, Access.WIDENS),
    ({"tools": DENY}, {"tools": {**DENY, "mode": "enforce"}}, None),
]
LIST = ["gpt-5*"]
KEYS = [
    ({"models_allowed": LIST}, {"models_allowed": {"allow": LIST, "mode": "warn"}}, Access.WIDENS),
    ({"models_allowed": {"allow": LIST, "mode": "warn"}}, {"models_allowed": LIST}, None),
    ({"models_allowed": {"allow": LIST, "mode": "warn"}}, {}, None),
    ({}, {"models_allowed": {"allow": LIST, "mode": "warn"}}, None),
    ({"models_allowed": LIST}, {"models_allowed": {"allow": LIST}}, None),
    ({"models_allowed": LIST}, {"models_allowed": {"allow": [*LIST, "o3"]}}, Access.WIDENS),
    ({"models_allowed": {"allow": LIST}}, {"models_allowed": {"allow": LIST, "mode": "warn"}}, Access.WIDENS),
    ({"rate_limits": {"rpm": 1}}, {"rate_limits": {"rpm": 1, "mode": "warn"}}, Access.WIDENS),
    ({"rate_limits": {"rpm": 1, "mode": "warn"}}, {"rate_limits": {"rpm": 1}}, None),
    ({"rate_limits": {"rpm": 1, "mode": "warn"}}, {}, None),
    ({"policy_rules": [{"tools": DENY}]}, {"policy_rules": [{"tools": {**DENY, "mode": "warn"}}]}, Access.WIDENS),
]
CASES = [("policy_rules", *case) for case in RULES] + [("virtual_keys", *case) for case in KEYS]


@pytest.mark.parametrize(("kind", "before", "after", "access"), CASES)
def test_a_change_of_mode(kind, before, after, access):
    had, has = ([Resource(kind, "one", read_spec(kind, spec))] for spec in (before, after))

    found = {one.access for one in widenings(had, has)}

    assert (Access.WIDENS in found) == (access is Access.WIDENS)
    assert bool(found) == (access is not None)
