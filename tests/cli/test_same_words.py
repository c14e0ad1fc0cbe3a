"""The same word everywhere: options, the variables that help names, and the commands that messages and pages name."""

import ast
import re
import shlex
from functools import cache
from pathlib import Path

import pytest

from tests.cli.conftest import FILE
from tests.cli.test_command_tree import TREE
from tests.support.sqlite import migrated

ROOT = Path(__file__).parents[2]
FLAGS = {flag for command in TREE.values() for one in command.params for flag in (*one.opts, *one.secondary_opts)}
HELP = {"--help", "-h"}


def options(command):
    return {flag: one for one in command.params for flag in (*one.opts, *one.secondary_opts) if flag.startswith("-")}


def told(command):
    return "\n".join([command.help, command.epilog or "", *(one.help or "" for one in command.params)])


def test_an_option_has_one_meaning_in_every_command():
    """What stands in the table of options is said in the same words wherever it is; two of them mean two things."""
    said = {}
    for command in TREE.values():
        for flag, one in options(command).items():
            said.setdefault(flag, {}).setdefault(one.help, []).append(command.name)

    assert len(said["--control-plane"]) == 3, "to be asked, to be followed by serve, and to be asked too by validate"
    assert len(said["--database"]) == 3, "in place of a control plane, a command's own, and that of validate"
    assert all(len(said[flag]) == 1 for flag in ("--token", "--file-root"))
    assert "--database-url" not in said
    assert {tuple(names) for names in said["--config"].values() if len(names) == 1} == {
        ("serve",),
        ("test",),
        ("diff",),
    }


STATE = [
    "plan",
    "apply",
    "export",
    "status",
    "audit",
    "spend",
    "budgets",
    "check-ledger",
    "report unpriced",
    "report warnings",
]


@pytest.mark.parametrize("path", [*STATE, "keys list", "keys mint", "keys rotate", "prices list", "prices update"])
def test_what_reads_state_asks_a_control_plane_or_a_database(path):
    assert {"--control-plane", "--database", "--token"} <= options(TREE[tuple(path.split())]).keys()


ARGUMENTS = {
    "keys mint": "new --environment test",
    "keys rotate": "old --environment test",
    "keys disable": "old",
    "keys enable": "old",
    "keys revoke": "old",
    "keys purge": "old",
    "validate": "--control-plane http://127.0.0.1:1",
    "keys expire": "old",
    "adopt": "virtual_keys/old",
    "adopt-id": "file-1 --key old --provider sim",
    "smoke": "--url http://127.0.0.1:1 --model gpt-5-mini",
    "tokens create": "--scope view --name ci",
    "tokens revoke": "ci",
    "diff": "gateway.yaml gateway.yaml",
    "explain": "--key old --model gpt-5-mini",
    "ledger prune": "--keep 12months",
    "prices list": "--used 30d",
    "prices diff": "--used 30d",
    "prices update": "--used 30d",
}
"""What a command needs before it looks at its surroundings."""

WITHOUT_LEDGER = {
    "validate": "",
    "spend": "--recompute",
    "prices list": "",
    "prices diff": "",
    "prices update": "",
    "ledger prune": "",
}
"""The same, for what it looks for before it asks for spend."""

PROBES = {
    "GATEWAY_CONTROL_PLANE_URL": ("gopher://probe.example", {"GATEWAY_CONTROL_PLANE_TOKEN": "x"}),
    "GATEWAY_CONTROL_PLANE_TOKEN": ("x", {"GATEWAY_CONTROL_PLANE_URL": "http://127.0.0.1:1"}),
    "GATEWAY_DATABASE_URL": ("oracle://probe", {}),
    "GATEWAY_DATA_DIR": ("probe", {}),
    "GATEWAY_CONFIG": ("probe.yaml", {}),
    "GATEWAY_FILE_ROOTS": ("../elsewhere", {}),
    "GATEWAY_PATCH": ("probe.yaml", {}),
    "GATEWAY_ENCRYPTION_KEYS": ("probe", {}),
    "GATEWAY_REDIS_URL": ("redis://127.0.0.1:1", {}),
    "GATEWAY_LEDGER_RETENTION": ("probe", {}),
    "GITHUB_ACTIONS": ("true", {}),
}
"""A value that changes what any command does that looks at the variable, and what else has to be set."""

LOCAL = {"GATEWAY_CONFIG", "GATEWAY_FILE_ROOTS", "GATEWAY_PATCH", "GATEWAY_LEDGER_RETENTION", "GITHUB_ACTIONS"}
"""What counts before anything but files is asked."""

BEHIND = {"GATEWAY_DATABASE_URL", "GATEWAY_DATA_DIR"}
"""What counts for a command with --control-plane only under `--database default`."""

ELSEWHERE = {
    ("serve", "GATEWAY_DATABASE_URL"): "a server starts, and tests/contract/ sees to what it does",
    ("serve", "GATEWAY_DATA_DIR"): "the same",
    ("serve", "GATEWAY_FILE_ROOTS"): "the same",
    ("serve", "GATEWAY_PATCH"): "the same",
    ("serve", "GATEWAY_CONTROL_PLANE_TOKEN"): "the same",
    ("control-plane serve", "GATEWAY_METRICS_TOKEN"): "the same",
    ("control-plane serve", "GATEWAY_PATCH"): "files are read when somebody asks for budgets",
    ("top", "GATEWAY_METRICS_TOKEN"): "a gateway has to look at it, in test_top.py",
    ("control-plane serve", "GATEWAY_CONTROL_PLANE_NAME"): "the same",
    ("import bifrost", "GATEWAY_KEY_PEPPER"): "it counts for a file with keys, in tests/importers/",
    ("import litellm", "GATEWAY_KEY_PEPPER"): "it counts for a file with keys, in tests/importers/",
    ("import litellm", "GATEWAY_CONFIG"): "it counts for --spend, in tests/importers/ and test_check_ledger.py",
    ("import litellm", "GATEWAY_PATCH"): "it counts for --spend, with the files of GATEWAY_CONFIG",
    ("import litellm", "GATEWAY_DATABASE_URL"): "it counts for --spend, in tests/importers/ and test_check_ledger.py",
    ("import litellm", "GATEWAY_DATA_DIR"): "it counts for --spend, in tests/importers/ and test_check_ledger.py",
    ("import litellm", "GATEWAY_REDIS_URL"): "it counts for --spend, in tests/importers/ and test_check_ledger.py",
    ("diff", "GATEWAY_CONFIG"): "a commit is read there, in test_diff.py",
    ("control-plane generate-key", "GATEWAY_ENCRYPTION_KEYS"): "the key is made for it",
}

NAMED = [
    (" ".join(path), variable)
    for path, command in TREE.items()
    for variable in sorted(set(re.findall(r"(?:GATEWAY|GITHUB)_[A-Z_]+[A-Z]", told(command))))
]


@pytest.mark.parametrize(("path", "variable"), [one for one in NAMED if one not in ELSEWHERE])
def test_a_variable_that_help_names_counts(gateway, file, path, variable, monkeypatch):
    elsewhere = file.parent / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "about").write_text("of all")
    reference = f"description: '${{file:{elsewhere}/about}}'" if variable == "GATEWAY_FILE_ROOTS" else "tags: []"
    budget = "budgets: {cap: {scope: {virtual_key: old}, window: month, limit_usd: 5}}\n"
    config = FILE.replace("environment: test", f"environment: test\n    {reference}")
    folder = file.parent / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    (folder / "gateway.yaml").write_text(f"owner: us\n{config}{budget}")
    (folder / "one.test.yaml").write_text("cases: [{name: a, key: old, model: x/y, expect: {provider: sim}}]")
    if path not in ("db upgrade", "control-plane serve") or variable not in BEHIND:
        migrated(folder / "gateway.db")  # which commands would do themselves, at length
    if (path, variable) == ("plan", "GATEWAY_DATA_DIR"):
        (folder / "probe").mkdir()
        (folder / "probe" / "gateway.db").write_text("no database")
    value, others = PROBES[variable]
    needed = ARGUMENTS if variable not in LOCAL else {**ARGUMENTS, **WITHOUT_LEDGER}
    arguments = [*path.split(), *needed.get(path, "").split()]
    flags = options(TREE[tuple(path.split())])
    if variable in BEHIND and "--token" in flags:
        arguments += ["--database", "default"]
    others = {"GATEWAY_DATA_DIR": str(folder), **others}

    def run(**environ):
        return gateway(*arguments, **{**others, **environ}), {
            one.name for one in folder.rglob("*") if "probe" in str(one)
        }

    if variable == "GATEWAY_CONFIG" or path == "serve":
        (folder / "gateway.yaml").unlink()
    without, there = run(), run(**{variable: value})

    assert without != there


def test_every_exception_is_needed():
    assert ELSEWHERE.keys() <= set(NAMED)


@cache
def messages():
    """Every text in the program that is no docstring, with its module."""
    found = []
    for file in sorted((ROOT / "gateway").rglob("*.py")):
        tree = ast.parse(file.read_text())
        docstrings = {
            id(node.body[0].value)
            for node in ast.walk(tree)
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
            and node.body
            and isinstance(node.body[0], ast.Expr)
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
                found.append((str(file.relative_to(ROOT)), node.value))
    return found


OF_OTHERS = {
    "--name-only",
    "--porcelain",
    "--no-optional-locks",
    "--show-toplevel",
    "--verify",
    "--quiet",
    "--short",
    "--",
}
"""Flags of git, which some modules call."""


def test_messages_name_only_flags_that_there_are():
    named = {(file, flag) for file, text in messages() for flag in re.findall(r"(?<![\w-])--[a-z][a-z-]*[a-z]", text)}

    assert len(named) > 30
    assert sorted(one for one in named if one[1] not in FLAGS | HELP | OF_OTHERS | {"--version"}) == []


def commands_in(text):
    """Commands that are named in text: within backticks, or after a colon."""
    for found in re.findall(r"`(gateway [^`]+)`|: (gateway [a-z][^.;()\n]*)", text):
        yield found[0] or found[1]


def problem_of(written):
    """Why a command cannot be run as it is written; `None` where it can, as far as its words go."""
    words = shlex.split(re.split(r" [|>&<] ?| && ", written.replace("...", ""))[0])[1:]
    path = max((one for one in TREE if tuple(words[: len(one)]) == one), key=len, default=None)
    if path is None:
        groups = {one[: len(words)] for one in TREE}
        return None if tuple(words) in groups or words[:1] in (["--help"], ["--version"], []) else f"no command {words}"
    known = options(TREE[path])
    unknown = [
        one for one in words if one.startswith("-") and one != "-" and one.partition("=")[0] not in known.keys() | HELP
    ]
    return f"{' '.join(path)} has no {unknown}" if unknown else None


def test_messages_name_only_commands_that_there_are():
    named = {(file, one) for file, text in messages() for one in commands_in(text) if not re.search(r"[{}]", one)}

    assert len(named) > 10
    assert [(file, one, why) for file, one in sorted(named) if (why := problem_of(one))] == []


def examples(page):
    """The lines of a page's code that are commands, and the commands within its text."""
    before, fenced = "", False
    for line in page.replace("\\\n", " ").splitlines():
        fenced ^= line.startswith("```")
        is_code = fenced or (line.startswith("    ") and (not before or before.startswith("    ")))
        written = line.strip().removeprefix("$ ")
        if re.match(r"gateway (?!--? |-\. )", written) and is_code:  # and no arrow of a diagram
            yield written
        before = line
    yield from (one for one in re.findall(r"`(gateway [^`\n]+)`", page) if not one.endswith(":"))


def test_pages_name_only_commands_that_there_are():
    pages = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
    found = [(page.name, one) for page in pages for one in examples(page.read_text())]

    assert len(found) > 100
    asked = ((name, one, re.sub(r"\[|\]|\||FILE\S*|…", " ", one.partition("  #")[0])) for name, one in found)
    assert [(name, one, why) for name, one, written in asked if (why := problem_of(written))] == []
