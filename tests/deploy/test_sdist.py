"""The source distribution has all that an installation from it needs, and needs no compiler."""

import os
import subprocess
import sys
import tarfile

from gateway.version import PYTHON, __version__
from tests.deploy.test_workflows import ROOT


def test_it_installs_as_pure_python(tmp_path):
    def run(*command):
        environ = {**os.environ, "PYTHONPATH": str(tmp_path / "at")}
        command = [sys.executable, *command]
        return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=environ, cwd=tmp_path).stdout

    run("-m", "uv", "build", "-q", "--sdist", "--out-dir", tmp_path, ROOT)
    (packed,) = tmp_path.glob("*.tar.gz")
    run("-m", "uv", "pip", "install", "-q", "--no-deps", "--target", tmp_path / "at", packed)

    with tarfile.open(packed) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"hatch_build.py", "LICENSE", "examples/gateway.yaml"} <= names
    said = run("-P", "-m", "gateway", "version")
    assert said.strip() == f"gateway {__version__} (Python {PYTHON}, pure Python)"
    assert run("-P", "-c", "import gateway; print(gateway.__file__)").startswith(str(tmp_path))
