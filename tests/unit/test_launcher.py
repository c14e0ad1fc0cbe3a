"""The launcher of the tests."""

import os

import pytest

from tests.support import launcher


@pytest.mark.parametrize(
    ("arguments", "env", "several"),
    [
        (["serve", "--workers", "2"], {}, True),
        (["serve"], {"GATEWAY_WORKERS": "2"}, True),
        (["serve", "--workers", "1"], {"GATEWAY_WORKERS": "2"}, False),
        (["serve"], {}, False),
    ],
)
def test_several_workers_are_forked_from_where_they_will_share_their_metrics(arguments, env, several):
    assert launcher._are_several(arguments, env) is several


@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="only Linux has the launcher")
def test_what_is_too_long_for_the_launcher_is_said_and_harms_nobody():
    with pytest.raises(AssertionError, match="beyond"):
        launcher.run(["version"], env={**os.environ, "LONG": "x" * 150_000})

    assert launcher.run(["version"], env=os.environ).returncode == 0
