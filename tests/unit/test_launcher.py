"""The launcher of the tests."""

import os
import subprocess
import tempfile

import pytest

from tests.support import launcher


@pytest.mark.parametrize(
    ("arguments", "env"), [(["version", "--workers", "2"], {}), (["version"], {"GATEWAY_WORKERS": "2"})]
)
def test_several_workers_are_started_in_a_process_that_has_imported_nothing(arguments, env):
    with tempfile.TemporaryFile() as said:
        process = launcher.launch(arguments, env={**os.environ, **env}, stdout=said, stderr=said)
        process.wait(30)

    assert isinstance(process, subprocess.Popen)


@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="only Linux has the launcher")
def test_what_is_too_long_for_the_launcher_is_said_and_harms_nobody():
    with pytest.raises(AssertionError, match="beyond"):
        launcher.run(["version"], env={**os.environ, "LONG": "x" * 150_000})

    assert launcher.run(["version"], env=os.environ).returncode == 0
