"""What is shipped for CI: the action's own shell steps, run against a real control plane."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.support.control_plane import ControlPlane
from tests.support.sqlite import migrated

ROOT = Path(__file__).parents[2]
ACTION = yaml.safe_load((ROOT / "deploy/github-action/action.yml").read_text())
CONFIG = """version: 1
owner: platform
providers: {sim: {type: simulator}}
virtual_keys: {ci: {environment: test}}
"""


@pytest.fixture
def runner(tmp_path):
    """Runs a step of the action as a runner would: its output, and the files that runners read."""
    url = migrated(tmp_path / "plane.db")
    plane = ControlPlane(tmp_path, url)
    (tmp_path / "gateway.yaml").write_text(CONFIG)
    # The console script of this very checkout.
    tools = tmp_path / "bin"
    tools.mkdir()
    (tools / "gateway").write_text(f'#!/bin/sh\nexec {sys.executable} -m gateway "$@"\n')
    (tools / "gateway").chmod(0o755)
    inputs = {
        "config": ACTION["inputs"]["config"]["default"],
        "control-plane": f"http://127.0.0.1:{plane.port}",
        "token": plane.token("apply"),
        "apply-flags": "",
    }

    def run(index):
        step = ACTION["runs"]["steps"][index]
        given = {
            name: re.sub(r"\$\{\{ inputs\.([a-z-]+) \}\}", lambda match: inputs[match[1]], value)
            for name, value in step["env"].items()
        }
        environment = {
            **os.environ,
            **given,
            "PATH": f"{tools}:{os.environ['PATH']}",
            "RUNNER_TEMP": str(tmp_path),
            "GITHUB_OUTPUT": str(tmp_path / "output"),
            "GITHUB_STEP_SUMMARY": str(tmp_path / "summary"),
            "PYTHONPATH": str(ROOT),
            "PYTHONWARNINGS": "ignore",
        }
        done = subprocess.run(
            ["bash", "-e", "-o", "pipefail", "-c", step["run"]],
            env=environment,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr

    yield run
    plane.stop()


def steps_named(word):
    return next(
        index for index, step in enumerate(ACTION["runs"]["steps"]) if step.get("run", "").find(f"gateway {word}") >= 0
    )


def test_validate_plan_and_apply(runner, tmp_path):
    validate, plan, apply = (steps_named(word) for word in ("validate", "plan", "apply"))

    assert runner(validate)[0] == 0
    code, said = runner(plan)
    assert code == 0, said
    assert (tmp_path / "plan.md").read_text().startswith("<!-- gateway-plan:")
    assert "2 to create" in (tmp_path / "summary").read_text()
    assert (tmp_path / "output").read_text() == "changes=true\n"
    code, said = runner(apply)
    assert code == 0, said
    assert (tmp_path / "minted-secrets").read_text().startswith("ci=lw_vk_test_")
    assert "lw_vk_" not in said
    assert runner(plan)[0] == 0
    assert (tmp_path / "output").read_text().endswith("changes=false\n")


def test_a_broken_file_fails_the_run(runner, tmp_path):
    (tmp_path / "gateway.yaml").write_text(CONFIG + "nonsense: 1\n")

    assert runner(steps_named("validate"))[0] != 0
    code, said = runner(steps_named("plan"))
    assert code == 1
    assert "unknown-field" in said


def test_the_other_files_name_commands_that_there_are():
    pipeline = yaml.safe_load((ROOT / "deploy/gitlab/gitlab-ci.yml").read_text())
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    lines = [line for job in ("plan", "apply") for line in pipeline[job]["script"]]

    for line in (*lines, hook["entry"]):
        command = line.split()[1]
        shown = subprocess.run(
            [sys.executable, "-m", "gateway", command, "--help"],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "COLUMNS": "300"},
        ).stdout
        for flag in re.findall(r"--[a-z-]+", line):
            assert flag in shown, line
