"""Rules of the house that a reader would otherwise have to remember."""

import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from compiled_modules import BEGINS
from compiled_modules import find as find_compiled

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


def test_no_two_files_of_tests_have_one_name():
    """But in packages: pytest collects the first of them only."""
    files = [file for file in (ROOT / "tests").rglob("test_*.py") if not (file.parent / "__init__.py").exists()]

    assert [name for name, times in Counter(file.name for file in files).items() if times > 1] == []


def test_what_a_request_walks_through_is_compiled_and_what_is_not_would_lose_by_it():
    """`pytest -rP` shows what is left out, and why."""
    compiled, stays = find_compiled(ROOT)

    print(*(f"{name}: {reason}" for name, reason in stays.items()), sep="\n")
    walk = ("admit", "ask", "holds", "outbound", "relay", "relay_translated", "resolve", "run", "settle", "states")
    told_by = "gateway.version"  # whether a build is compiled
    assert {told_by, *(f"gateway.pipeline.{name}" for name in walk)} <= set(compiled)
    assert not set(compiled) & stays.keys()


@pytest.mark.parametrize(
    ("text", "loses"),
    [
        ("class A(Struct, frozen=True):\n    x: int", "keywords"),
        ("class A(msgspec.Struct):\n    x: int", "annotations"),
        ("@dataclass(frozen=True, slots=True)\nclass A:\n    x: int", "slots"),
        ("async def f():\n    try:\n        pass\n    finally:\n        await g()", "finally"),
        ("async def f():\n    yield 1", "generator"),
        ("class A:\n    @cached_property\n    def f(self): return 1", "cached property"),
        ("A: Final = (0.5, 1)\ndef f(): return A", "float"),
        ("A = {1: 2}", "tables"),
        ("@dataclass(frozen=True)\nclass A:\n    x: int\n    def f(self): return self.x", None),
        ("from gateway.interpreted import Base\nclass A(Base):\n    def f(self): return 1", "derives from Base"),
        ("class Above:\n    def f(self): return 1", "derives from its Above"),
    ],
)
def test_a_module_that_mypyc_would_change_stays_interpreted(tmp_path, text, loses):
    begin = "gateway.server.llm_resource"
    files = {
        **dict.fromkeys(BEGINS, "def f(): return 1"),
        begin: "from gateway.wire import tried\n" + "def f(): return 1",
        "gateway.wire.tried": text,
        "gateway.interpreted": "class Base: ...",
        "gateway.below": "from gateway.wire.tried import Above\nclass B(Above): ..." if "Above" in text else "",
    }
    for name, source in files.items():
        file = tmp_path / (name.replace(".", "/") + ".py")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(source)

    compiled, stays = find_compiled(tmp_path)

    assert begin in compiled
    assert ("gateway.wire.tried" in compiled) == (loses is None)
    assert loses is None or loses in stays["gateway.wire.tried"]
