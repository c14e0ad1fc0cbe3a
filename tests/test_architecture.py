"""Rules of the house that a reader would otherwise have to remember."""

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent


def test_imports_run_one_way():
    done = subprocess.run(
        [Path(sys.executable).parent / "lint-imports"], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stdout


def test_there_is_no_drawer_for_odds_and_ends():
    assert list((ROOT / "gateway").rglob("*util*.py")) == []


def test_no_file_names_a_place_of_one_machine():
    """`/tmp` and home directories are where somebody happened to work."""
    checked = [ROOT / "README.md", *(ROOT / "docs").glob("*.md"), *(ROOT / "gateway").rglob("*.py")]
    places = re.compile(r"(?<![\w.}])/(?:tmp|work|home|root)/")

    assert {str(file.relative_to(ROOT)) for file in checked if places.search(file.read_text())} == set()


def test_modules_to_be_compiled_exist_and_lose_nothing_by_it():
    """Without a word, mypyc leaves out a class's keywords (`frozen=True`) and most annotations of its fields, by which
    msgspec decodes."""
    modules = _compiled_modules()
    trees = {name: ast.parse((ROOT / f"{name.replace('.', '/')}.py").read_text()) for name in modules}

    losing = {
        f"{name}.{node.name}"
        for name, tree in trees.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef) and (node.keywords or "msgspec.Struct" in map(ast.unparse, node.bases))
    }
    assert losing == set()
    assert modules == sorted(set(modules))


def test_no_class_that_stays_interpreted_derives_from_a_compiled_one():
    """mypyc refuses that when the class is used for the first time."""
    modules = _compiled_modules()
    compiled = {f"{name.replace('.', '/')}.py" for name in modules}

    refused = set()
    for file in (ROOT / "gateway").rglob("*.py"):
        if (path := str(file.relative_to(ROOT))) in compiled:
            continue
        nodes = list(ast.walk(ast.parse(file.read_text())))
        imported = {
            one.asname or one.name for node in nodes if isinstance(node, ast.ImportFrom) and node.module in modules
            for one in node.names
        }  # fmt: skip
        bases = {(node.name, base) for node in nodes if isinstance(node, ast.ClassDef) for base in map(ast.unparse, node.bases)}  # fmt: skip
        refused |= {f"{path}: {name}({base})" for name, base in bases if base in imported}
    assert refused == set()


def test_no_compiled_module_awaits_where_something_ends_in_any_case():
    """An exception that was caught earlier is raised again there, since mypyc takes it for one that is under way."""
    found = set()
    for module in _compiled_modules():
        path = ROOT / (module.replace(".", "/") + ".py")
        tries = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Try)]
        awaited = [
            node for one in tries for end in one.finalbody for node in ast.walk(end) if isinstance(node, ast.Await)
        ]
        found |= {f"{path}:{node.lineno}" for node in awaited}
    assert found == set()


def _compiled_modules():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    return project["tool"]["hatch"]["build"]["targets"]["wheel"]["hooks"]["custom"]["modules"]
