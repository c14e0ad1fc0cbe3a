"""What lies in deploy/ names settings, files and commands that there are."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from typer.main import get_command

from gateway.cli.commands import app
from gateway.settings import Settings

DEPLOY = Path(__file__).parents[2] / "deploy"
WRITTEN = sorted(
    file
    for folder in ("container", "compose", "helm", "systemd")
    for file in (DEPLOY / folder).rglob("*")
    if file.is_file()
)
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
OF_COMPOSE = {"GATEWAY_IMAGE"}


@pytest.mark.parametrize("file", WRITTEN, ids=lambda file: str(file.relative_to(DEPLOY)))
def test_every_variable_is_a_setting(file):
    named = set(re.findall(r"GATEWAY_[A-Z0-9_]+", file.read_text())) - OF_COMPOSE

    assert named <= {f"GATEWAY_{name.upper()}" for name in Settings.model_fields}


def commands_of(text):
    """What the program is told to do: the words behind its path, up to the first option."""
    return re.findall(r"/bin/gateway((?: [a-z][a-z-]*)+)", text)


def test_every_command_is_one():
    known = set(get_command(app).commands)
    compose = yaml.safe_load((DEPLOY / "compose" / "compose.yaml").read_text())
    told = [" ".join(one["command"][:2]) for one in compose["services"].values() if one["image"].endswith("gateway}")
            and "command" in one]  # fmt: skip
    told += [words.strip() for unit in UNITS for words in commands_of(unit.read_text())]

    assert {"control-plane serve", "db upgrade", "serve"} <= set(told)
    assert {words.split()[0] for words in told} <= known


def test_compose_mounts_files_that_are_there():
    compose = yaml.safe_load((DEPLOY / "compose" / "compose.yaml").read_text())
    mounted = [
        source
        for service in compose["services"].values()
        for volume in service.get("volumes", ())
        if (source := volume.partition(":")[0]).startswith(".")
    ]

    assert mounted
    assert [source for source in mounted if not (DEPLOY / "compose" / source).exists()] == []
    named = {volume.partition(":")[0] for one in compose["services"].values() for volume in one.get("volumes", ())}
    assert {name for name in named if not name.startswith(".")} == set(compose["volumes"])


def test_compose_publishes_on_this_machine_only():
    compose = yaml.safe_load((DEPLOY / "compose" / "compose.yaml").read_text())

    published = [port for service in compose["services"].values() for port in service.get("ports", ())]
    assert published
    assert all(port.startswith("127.0.0.1:") for port in published)


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not there")
@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_units_are_as_closed_as_can_be(unit):
    command = ["systemd-analyze", "security", "--offline=yes", "--threshold=15", unit]
    done = subprocess.run(command, check=False, capture_output=True, text=True)

    assert done.returncode == 0, done.stdout[-400:] + done.stderr
    checked = subprocess.run(["systemd-analyze", "verify", unit], check=False, capture_output=True, text=True)
    complaints = [line for line in checked.stderr.splitlines() if "is not executable" not in line]
    assert [line for line in complaints if unit.name in line] == []


def test_the_image_holds_what_the_build_needs_and_nothing_else():
    kept = re.findall(r"^!(.+)$", (DEPLOY / "container" / "Containerfile.dockerignore").read_text(), re.MULTILINE)
    copied = re.findall(
        r"^COPY ((?:[^-\s]\S* )+)\S+$", (DEPLOY / "container" / "Containerfile").read_text(), re.MULTILINE
    )

    assert {name for line in copied for name in line.split()} == set(kept)
    assert [name for name in kept if not (DEPLOY.parent / name).exists()] == []
