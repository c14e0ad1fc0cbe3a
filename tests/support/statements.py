"""Which statements of the gateway ran on which database while the tests did: one that never ran on one of them is a gap.

A statement is known by its place in the code. Every process of a test session (pytest's workers, and gateways that they
fork) appends each place that it comes by to one file, once for each database.
"""

import ast
import os
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import Engine, event

DIRECTORY = "TEST_STATEMENTS"
"""The environment variable that names the directory of the file."""

ROOMS = ("ledger", "storage", "control_plane")
DIALECTS = ("sqlite", "postgresql")
_EXECUTE = frozenset(("execute", "scalar", "scalars", "exec_driver_sql"))
_GATEWAY = Path(__file__).parents[2] / "gateway"
_WITHIN = tuple(f"{_GATEWAY / room}{os.sep}" for room in ROOMS)


class Place(NamedTuple):
    """Where a statement is executed: the file below `gateway/`, its function, and the lines of the call."""

    file: str
    function: str
    first: int
    last: int

    def __str__(self) -> str:
        return f"gateway/{self.file}:{self.first} ({self.function})"


def record() -> None:
    """Begins to write down what this process executes, if the session wants to know."""
    directory = os.environ.get(DIRECTORY)
    if directory is None:
        return
    known: set[tuple[str, int, str]] = set()
    into = Path(directory) / "statements.txt"

    def before(connection: Any, *_: object) -> None:
        frame = sys._getframe()
        while frame.f_back is not None and not frame.f_code.co_filename.startswith(_WITHIN):
            frame = frame.f_back
        at = (frame.f_code.co_filename, frame.f_lineno, connection.dialect.name)
        if at not in known and at[0].startswith(_WITHIN):
            known.add(at)
            with into.open("a") as file:
                file.write("\t".join((str(Path(at[0]).relative_to(_GATEWAY)), str(at[1]), at[2])) + "\n")

    event.listen(Engine, "before_cursor_execute", before)


def never_run() -> Iterator[tuple[Place, str]]:
    """The places that the processes of the session did not come by, with the database on which they did not."""
    into = Path(os.environ[DIRECTORY]) / "statements.txt"
    lines = into.read_text().splitlines() if into.exists() else []
    seen = {(file, int(line), dialect) for file, line, dialect in (one.split("\t") for one in lines)}
    for place in places():
        for dialect in DIALECTS:
            if dialect in NOT_FOR.get((place.file, place.function), ()):
                continue
            if not any((place.file, line, dialect) in seen for line in range(place.first, place.last + 1)):
                yield place, dialect


_ONLY_SQLITE, _ONLY_POSTGRESQL = frozenset({"postgresql"}), frozenset({"sqlite"})
NOT_FOR = {
    # These speak to the driver, where nobody listens; they run with every connection to SQLite.
    ("storage/engine.py", "_prepare_sqlite"): frozenset(DIALECTS),
    ("storage/engine.py", "_enter_wal"): frozenset(DIALECTS),
    ("storage/engine.py", "_begin_sqlite"): _ONLY_SQLITE,
    ("storage/insert.py", "add_to_sums"): _ONLY_POSTGRESQL,
    ("storage/insert.py", "_execute_many"): _ONLY_SQLITE,
    ("storage/insert.py", "_insert_missing_into_sqlite"): _ONLY_SQLITE,
    ("storage/insert.py", "_known"): _ONLY_SQLITE,
    ("storage/insert.py", "_insert_missing_into_postgresql"): _ONLY_POSTGRESQL,
    ("storage/migrate.py", "_alone"): _ONLY_POSTGRESQL,
    ("storage/patience.py", "at_most"): _ONLY_POSTGRESQL,
    ("ledger/check.py", "mend_sums"): _ONLY_POSTGRESQL,
    ("ledger/prune.py", "_check_clock"): _ONLY_POSTGRESQL,
    ("ledger/writer.py", "_bound_waiting"): _ONLY_POSTGRESQL,
    ("control_plane/state.py", "lock"): _ONLY_POSTGRESQL,
}
"""Functions that speak to one database alone, with those that they are not for."""


@cache
def places() -> tuple[Place, ...]:
    """Every place in the rooms that hold what speaks to a database."""
    return tuple(place for room in ROOMS for file in sorted((_GATEWAY / room).rglob("*.py")) for place in _in(file))


def _executes(call: ast.Attribute) -> bool:
    """Not what reads the result that a function of the same module has executed, as in `_run(...).scalar()`."""
    reads = isinstance(call.value, ast.Call) and isinstance(call.value.func, ast.Name)
    return call.attr in _EXECUTE and not reads


def _in(file: Path) -> Iterator[Place]:
    name = str(file.relative_to(_GATEWAY))

    def walk(node: ast.AST, function: str) -> Iterator[Place]:
        for inner in ast.iter_child_nodes(node):
            within = inner.name if isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef) else function
            if isinstance(inner, ast.Call) and isinstance(inner.func, ast.Attribute) and _executes(inner.func):
                yield Place(name, within, inner.lineno, inner.end_lineno or inner.lineno)
            yield from walk(inner, within)

    yield from walk(ast.parse(file.read_text()), "")
