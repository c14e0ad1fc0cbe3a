"""All commands at once: what each imports, what help says of it, and how shells complete it."""

import os
import re
import shutil
import subprocess
import sys

import pytest
import typer

from gateway.cli.commands import MODULES, app
from gateway.cli.groups import COMPLETION_VARIABLE
from gateway.version import __version__


def leaves(command, path=()):
    """Every command that does something, by the words that name it."""
    inner = getattr(command, "commands", None)
    if inner is None:
        return {path: command}
    return {found: one for name, group in inner.items() for found, one in leaves(group, (*path, name)).items()}


TREE = leaves(typer.main.get_command(app))
PATHS = [" ".join(path) for path in TREE]


def test_every_command_is_where_the_table_says():
    assert {path[0] for path in TREE} == set(MODULES)


def imported(*arguments, **environ):
    """The modules that a run of the command imports."""
    usual = {name: value for name, value in os.environ.items() if not name.startswith("GATEWAY_")}
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "gateway", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**usual, **environ},
    )
    return {line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if line.startswith("import time")}


SERVERS = {"falcon", "granian", "uvloop", "jinja2", "prometheus_client", "opentelemetry"}
REST = {"sqlalchemy", "alembic", "httpx", "asyncio", "jsonschema", "re2", "genai_prices"}
MODELS = {"pydantic_settings", "yaml"}
COMMAND_LINE = {"typer", "pydantic", "rich", "msgspec"}


@pytest.mark.parametrize(
    ("arguments", "never"),
    [
        (("version",), SERVERS | REST | MODELS | COMMAND_LINE),
        (("--version",), SERVERS | REST | MODELS | COMMAND_LINE),
        (("version", "--format", "json"), SERVERS | REST | MODELS),
        (("--help",), SERVERS | REST | MODELS),
        (("plan", "--help"), SERVERS | REST | MODELS),
        (("completion", "bash"), SERVERS | REST | MODELS),
        (("schema",), SERVERS | REST - {"jsonschema", "re2", "asyncio"}),
        (("validate", "absent.yaml"), SERVERS | {"sqlalchemy", "alembic"}),
    ],
)
def test_a_command_imports_only_what_it_needs(arguments, never):
    found = imported(*arguments)

    assert "gateway.cli.main" in found
    assert sorted(found & never) == []


def test_a_plan_on_this_machine_builds_no_server(gateway, tmp_path):
    file = tmp_path / "gateway.yaml"
    file.write_text("version: 1\nowner: us\nproviders: {sim: {type: simulator}}\nteams: {core: {}}\n")
    where = ("-c", str(file), "--database", f"sqlite:///{tmp_path}/gateway.db")
    assert gateway("apply", "-y", *where).code == 0
    file.write_text(file.read_text().replace("core", "others"))

    found = imported("plan", *where, GATEWAY_DATA_DIR=str(tmp_path))

    assert "sqlalchemy" in found
    assert sorted(found & (SERVERS - {"prometheus_client"} | {"alembic", "jsonschema", "httpx"})) == []


def test_what_is_asked_again_and_again_imports_hardly_anything():
    ours = {one for one in imported("version") if one.partition(".")[0] == "gateway"}

    assert ours == {"gateway", "gateway.cli", "gateway.cli.main", "gateway.version"}


@pytest.mark.parametrize("arguments", [("version",), ("--version",)])
def test_the_version_is_told_however_it_is_asked_for(gateway, arguments):
    assert gateway(*arguments).out.startswith(f"gateway {__version__} (Python ")


@pytest.mark.parametrize("columns", ["80", "200", None])
@pytest.mark.parametrize("path", PATHS)
def test_help_is_complete_however_wide_it_is(gateway, monkeypatch, path, columns):
    monkeypatch.delenv("COLUMNS", raising=False)

    done = gateway(*path.split(), "--help", **({} if columns is None else {"COLUMNS": columns}))

    command = TREE[tuple(path.split())]
    assert done.code == 0
    assert "…" not in done.out
    told = re.sub(r"[-\s]+", "", done.out)
    for text in [command.help, command.epilog or "", *(one.help or "" for one in command.params)]:
        assert re.sub(r"[-\s]+", "", text) in told


def test_help_of_groups_has_every_first_sentence(gateway):
    told = " ".join(gateway("--help").out.split())

    for path, command in TREE.items():
        if len(path) == 1:
            assert command.get_short_help_str(1000) in told
    assert "..." not in told.replace("[ARGS]...", "")


@pytest.mark.parametrize("path", PATHS)
def test_every_command_has_an_example_that_can_be_copied(gateway, path):
    examples = [line.strip() for line in gateway(*path.split(), "--help", COLUMNS="80").out.splitlines()]

    assert any(line.startswith(f"Example: gateway {path}") or f"gateway {path}" in line for line in examples)


SHELLS = {
    "bash": 'eval "$(gateway completion bash)"; COMP_WORDS=(gateway {words}); COMP_CWORD={index}; '
    "_gateway_completion gateway; printf '%s\\n' \"${{COMPREPLY[@]}}\"",
    "fish": "gateway completion fish | source; complete -C 'gateway {words}' | cut -f1",
}


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("ke", {"keys"}),
        ("keys ro", {"rotate"}),
        ("keys mint --env", {"--environment"}),
        ("validate --format ''", {"text", "json", "github", "sarif"}),
        ("validate --format s", {"sarif"}),
    ],
)
@pytest.mark.parametrize("shell", SHELLS)
def test_shells_complete(tmp_path, shell, words, expected):
    if shutil.which(shell) is None:
        pytest.skip(f"there is no {shell} here")
    (tmp_path / "gateway").write_text(f'#!/bin/sh\nexec {sys.executable} -m gateway "$@"\n')
    (tmp_path / "gateway").chmod(0o755)
    script = SHELLS[shell].format(
        words=words.removesuffix("''") if shell == "fish" else words, index=len(words.split())
    )

    done = subprocess.run(
        [shell, "-c", script],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}", "HOME": str(tmp_path)},
    )

    assert set(done.stdout.split()) == expected


def test_zsh_is_told_names_with_their_help(gateway):
    done = gateway(**{COMPLETION_VARIABLE: "complete_zsh", "_TYPER_COMPLETE_ARGS": "gateway keys ro"})

    assert '"rotate":"Give a key a new secret' in done.out


def test_the_script_of_zsh_names_the_command(gateway):
    assert "#compdef gateway" in gateway("completion", "zsh").out
