"""What GitHub runs: valid, pinned, with no more rights than it needs, and made of tasks and files that there are."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
TASKS = yaml.safe_load((ROOT / "Taskfile.yml").read_text())["tasks"]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PROGRAMS = {"docker", "echo", "gh", "python3", "sudo", "test"}


JOBS = {
    f"{file.stem}-{name}": job for file in WORKFLOWS for name, job in yaml.safe_load(file.read_text())["jobs"].items()
}
SCRIPTS = sorted({step["run"] for job in JOBS.values() for step in job.get("steps", ()) if "run" in step})


def test_github_understands_them():
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.github-workflows", *WORKFLOWS]
    done = subprocess.run(command, check=False, capture_output=True, text=True)

    assert WORKFLOWS
    assert done.returncode == 0, done.stdout + done.stderr


def test_zizmor_finds_nothing():
    zizmor = Path(sys.executable).parent / "zizmor"
    command = [zizmor, "--offline", "--persona=auditor", "--no-progress", *WORKFLOWS]
    done = subprocess.run(command, check=False, capture_output=True, text=True)

    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.stem)
def test_actions_are_pinned_by_the_commit_of_a_release(file):
    used = re.findall(r"uses: (\S+)( # v\d+\.\d+\.\d+$)?", file.read_text(), re.MULTILINE)

    local = {name for name, _ in used if name.startswith("./")}
    assert all((ROOT / name).is_file() for name in local)
    loose = [
        name for name, version in used if name not in local and not (version and re.search(r"@[0-9a-f]{40}$", name))
    ]
    assert loose == []


@pytest.mark.parametrize("job", JOBS.values(), ids=JOBS)
def test_each_job_has_rights_of_its_own_and_an_end(job):
    assert "permissions" in job
    assert "timeout-minutes" in job or "uses" in job


@pytest.mark.parametrize("script", SCRIPTS)
def test_each_command_is_there(script):
    for command in re.split(r"&&|\n", script.strip()):
        words = command.split()
        program, arguments = (words[1], words[2:]) if words[:1] == ["sudo"] else (words[0], words[1:])
        if program == ".venv/bin/task":
            assert arguments[0] in TASKS
        elif not program.startswith(".venv/bin/"):
            assert program in PROGRAMS | {"apt-get"} or (ROOT / program).is_file()
        named = re.findall(r"(?:-r|--file) (\S+)", command)
        assert all((ROOT / name).is_file() for name in named)


def test_each_python_that_is_promised_is_tested_and_has_wheels():
    promised = re.findall(r"Python :: (3\.\d+)", "\n".join(PROJECT["project"]["classifiers"]))
    matrix = yaml.safe_load((ROOT / ".github/workflows/checks.yml").read_text())["jobs"]["checks"]["strategy"]["matrix"]
    built = re.findall(r"cp3(\d+)-", " ".join(PROJECT["tool"]["cibuildwheel"]["build"]))

    assert matrix["python"] == promised == [f"3.{minor}" for minor in built]


def test_nothing_is_published_that_the_compiled_suite_has_not_passed():
    release = yaml.safe_load((ROOT / ".github/workflows/release.yml").read_text())["jobs"]

    def waits_for(name):
        needs = release[name].get("needs", [])
        return {*needs, *(further for one in needs for further in waits_for(one))}

    publishing = [name for name, job in release.items() if "write" in job["permissions"].values()]
    assert {"publish", "image", "image-index", "notes"} == set(publishing)
    assert all("compiled" in waits_for(name) for name in publishing)
