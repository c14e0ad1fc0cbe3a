"""`requirements.lock` has everything that `pyproject.toml` asks for, and installs nothing that was not seen before."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent.parent
LOCK = (ROOT / "requirements.lock").read_text()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
ASKED = [
    Requirement(text)
    for group in (PROJECT["dependencies"], *PROJECT["optional-dependencies"].values())
    for text in group
]
PINNED = dict(re.findall(r"^([a-z0-9-]+)==(\S+)", LOCK, re.MULTILINE))


@pytest.mark.parametrize("asked", ASKED, ids=str)
def test_the_lock_has_a_version_that_the_project_takes(asked):
    version = PINNED.get(canonicalize_name(asked.name))

    assert version is not None, "run: task lock"
    assert asked.specifier.contains(version), "run: task lock"


def test_every_version_has_a_hash():
    entries = re.findall(r"^\S+==.*(?:\\\n    --hash=sha256:[0-9a-f]{64} ?)+$", LOCK, re.MULTILINE)

    assert len(entries) == len(re.findall(r"^[^\s#]", LOCK, re.MULTILINE)) > len(PINNED) / 2


def test_neither_the_lock_nor_ci_names_a_registry():
    for text in (LOCK, (ROOT / ".ci/run").read_text()):
        assert not re.search(r"://|--(extra-)?index-url|--find-links", text)
