"""What stands in the pages between fences is well-formed, and is run or says why it cannot be."""

import itertools
import re

import pytest
import typer

from gateway.cli.commands import app
from tests.docs.snippets import PAGES, ROOT, snippets_of
from tests.docs.syntax import fault_of


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_snippets_are_well_formed(page, tmp_path):
    faults = {one.place: fault_of(one, tmp_path) for one in snippets_of(page)}

    assert {place: fault for place, fault in faults.items() if fault} == {}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_nothing_takes_the_place_of_a_readers_own_file(page):
    """Whoever is told to copy the example over the file that they serve would serve the example's public key."""
    commands = "".join(one.text for one in snippets_of(page) if one.language == "sh")

    assert re.findall(r"^(?:cp|mv) .* gateway\.yaml$", commands, re.MULTILINE) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_what_is_shown_stands_between_fences(page):
    """Only there it is seen by these tests."""
    lines = re.sub(r"^( *)```.*?^\1```$", "", page.read_text(), flags=re.MULTILINE | re.DOTALL).splitlines()

    assert [line for before, line in itertools.pairwise(lines) if not before and re.match(" {4}[^ -]", line)] == []


def test_whoever_contributes_finds_every_room():
    page = (ROOT / "CONTRIBUTING.md").read_text()
    rooms = [one for top in ("gateway", "tests") for one in (ROOT / top).iterdir() if (one / "__init__.py").exists()]

    assert len(rooms) > 25
    assert [name for one in rooms if f"`{(name := str(one.relative_to(ROOT)))}`" not in page] == []


def test_commands_within_the_text_exist_with_their_options():
    wrong = {
        f"{page.name}: {command}: {fault}"
        for page in PAGES
        for command in re.findall(r"`(gateway [^`]+)`", page.read_text())
        if (fault := _fault_of_command(command.split()[1:]))
    }

    assert wrong == set()


def _fault_of_command(words):
    command = typer.main.get_command(app)
    while words and hasattr(command, "commands"):
        name, *words = words
        if name.startswith(("-", "...")):
            return None
        if name not in command.commands:
            return f"no command {name}"
        command = command.commands[name]
    known = {name for one in getattr(command, "params", ()) for name in (*one.opts, *one.secondary_opts)} | {"--help"}
    given = {word.split("=")[0] for word in words if re.match("--?[a-z]", word)}
    return ", ".join(sorted(given - known)) or None
