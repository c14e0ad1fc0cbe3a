"""Which rules and limits of a key are enforced, by the names that warnings have: a replay refuses what they warned of."""

import pytest

from gateway.pipeline.watch import enforced_names
from tests.support.keys import HASH
from tests.support.snapshot import snapshot_of

SHELL, BASH = "tools: {deny: [shell]", "tools: {deny: [Bash]"


@pytest.mark.parametrize(
    ("says", "enforced"),
    [
        ("rate_limits: {rpm: 1}, models_allowed: [a]", {"rate_limits.rpm", "models_allowed"}),
        ("rate_limits: {rpm: 1, mode: warn}, models_allowed: {allow: [a], mode: warn}", set()),
        (f"policy_rules: [{{{SHELL}}}}}]", {"inline.tools"}),
        (f"policy_rules: [{{{SHELL}, mode: warn}}}}, named]", {"named.urls"}),
        (f"policy_rules: [{{{SHELL}, mode: warn}}}}, {{{BASH}}}}}]", set()),
    ],
)
def test_what_only_warns_is_not_enforced(says, enforced):
    snapshot = snapshot_of(f"""
version: 1
providers: {{sim: {{type: simulator, rate_limits: {{tpm: 9}}}}}}
policy_rules: {{named: {{tools: {{deny: [x], mode: warn}}, urls: {{deny: [y]}}}}}}
virtual_keys: {{dev: {{environment: test, secret_hash: "{HASH}", {says}}}}}
""")

    assert enforced_names(snapshot.key_named("dev")) == {"providers.sim.rate_limits.tpm", *enforced}
