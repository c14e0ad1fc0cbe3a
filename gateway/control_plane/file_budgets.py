"""The budgets of configuration files, read again when a file changes."""

import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

from gateway import clock
from gateway.config.files import file_roots
from gateway.config.load import Loaded, load
from gateway.config.resources import identities_of_moved
from gateway.control_plane.services import KnownBudgets
from gateway.snapshot.budgets import compile_budgets

_Marks = tuple[tuple[int, int] | None, ...]


class FileBudgets:
    """Asked from several threads. A file that cannot be read leaves the budgets as they were, and says why.

    Raises `ValueError` with one line per diagnostic where there is nothing to begin with.
    """

    def __init__(self, paths: Sequence[Path], environ: Mapping[str, str]) -> None:
        self._paths = paths
        self._environ = environ
        self._lock = threading.Lock()
        self._files: tuple[Path, ...] = ()
        self._marks: _Marks = ()
        self._known = KnownBudgets(())
        self._read()
        if self._known.problems:
            raise ValueError("\n".join(self._known.problems))

    def known(self) -> KnownBudgets:
        """The budgets as the files have them now."""
        with self._lock:
            if _marks_of(self._files) != self._marks:
                self._read()
            return self._known

    def _read(self) -> None:
        # Marks before content: a change in between is read twice, never missed.
        marks = _marks_of(self._files)
        loaded = load(self._paths, environ=self._environ, now=clock.utc_now(), file_roots=file_roots(self._environ))
        files = loaded.files or tuple(self._paths)
        self._marks = marks if files == self._files else _marks_of(files)
        self._files = files
        self._known = self._judged(loaded)

    def _judged(self, loaded: Loaded) -> KnownBudgets:
        if loaded.config is None:
            problems = tuple(str(one) for one in loaded.diagnostics if one.is_error)
            return KnownBudgets(self._known.budgets, problems)
        return KnownBudgets(compile_budgets(loaded.config.budgets, identities_of_moved(loaded.config)))


def _marks_of(files: Sequence[Path]) -> _Marks:
    return tuple(_mark(file) for file in files)


def _mark(file: Path) -> tuple[int, int] | None:
    try:
        state = file.stat()
    except OSError:
        return None
    return state.st_mtime_ns, state.st_size
