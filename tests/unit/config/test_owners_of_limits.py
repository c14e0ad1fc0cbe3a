"""Whose keys a set of limits acts on, where owners are kept apart."""

import pytest

from gateway.config.ownership import Ownership
from gateway.config.sections.limits import Limits

OWNERSHIP = Ownership(
    frozenset({"alpha", "beta"}),
    {
        ("limits", "one"): "alpha",
        ("teams", "search"): "alpha",
        ("principals", "bob"): "beta",
        ("virtual_keys", "ci"): "alpha",
    },
)


@pytest.mark.parametrize(
    ("match", "acts_on_others"),
    [
        ({}, False),
        ({"tag": "env=prod"}, False),
        ({"model": "*opus*", "end_user": "eve"}, False),
        ({"principal": "bob"}, False),
        ({"team": "search"}, True),
        ({"team": "search", "principal": "bob"}, True),
        ({"virtual_key": "ci"}, True),
    ],
)
def test_limits_count_keys_of_others_that_name_what_is_their_owners(match, acts_on_others):
    limits = Limits.model_validate({"match": match, "rpm": 1})

    assert OWNERSHIP.limits("one", limits, "alpha")
    assert OWNERSHIP.limits("one", limits, "beta") is acts_on_others
    assert OWNERSHIP.limits("one", limits, None) is acts_on_others
