"""The configuration at another revision of git, to compare with."""

import os
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Final

import msgspec

from gateway.config.diagnostics import Diagnostic
from gateway.config.files import file_roots, price_lock
from gateway.config.git import root_of
from gateway.config.load import Loaded, load
from gateway.config.patches import PatchFile
from gateway.config.resources import Resource, resources_of
from gateway.private_files import make_folder, write_new

_TIMEOUT_S: Final = 30
_MOST_LINKS: Final = 8
_LINK: Final = "120000"

Load = Callable[[Sequence[Path], Sequence[Path]], Loaded]
"""Loads files; the second are the folders below which `${file:}` may read."""


class BaseError(Exception):
    """The base cannot be read; the message says why."""


class NotThereError(BaseError):
    """The revision does not have the files."""


class _Any(dict[str, str]):
    """An environment in which every variable is set: what is compared are rules, not credentials."""

    def get(self, key: str, default: str | None = None) -> str | None:  # type: ignore[override] # one of dict's overloads
        return super().get(key) or default or "unset"


def resources(paths: Sequence[Path], environ: Mapping[str, str], now: datetime) -> list[Resource]:
    """What files declare. Raises `BaseError`."""
    return _declared(_loaded(paths, environ, now, file_roots(environ)))


def resources_at(revision: str, paths: Sequence[Path], environ: Mapping[str, str], now: datetime) -> list[Resource]:
    """What the same files declare at a revision of git. Raises `BaseError`."""

    def read(files: Sequence[Path], roots: Sequence[Path]) -> Loaded:
        return _loaded(files, environ, now, roots)

    with loaded_at(revision, paths, file_roots(environ), read) as base:
        try:
            return _declared(base.loaded)
        except BaseError as error:
            told = str(error).replace(str(base.directory), "")
            raise BaseError(f"the configuration at {revision} cannot be read: {told}") from None


class AtRevision(msgspec.Struct, frozen=True):
    """What files were at a revision, as long as the copies of them lie in a directory of their own.

    `lacking` are those of the files that the revision does not have.
    """

    loaded: Loaded
    copies: Sequence[Path]
    lacking: Sequence[Path]
    directory: Path

    def as_given(self, text: str) -> str:
        """A text that names copies, with the names that the files have for whoever works in this directory."""
        here = str(self.directory / Path.cwd().relative_to("/")).rstrip("/")
        return text.replace(f"{here}/", "").replace(str(self.directory), "")

    def diagnostics(self, revision: str) -> list[Diagnostic]:
        """What was found in the files, each named as git names it: `HEAD~1:gateway.yaml`."""
        return [
            msgspec.structs.replace(
                one,
                message=self.as_given(one.message),
                file=None if one.file is None else f"{revision}:{self.as_given(one.file)}",
            )
            for one in self.loaded.diagnostics
        ]


@contextmanager
def loaded_at(revision: str, paths: Sequence[Path], roots: Sequence[Path], read: Load) -> Iterator[AtRevision]:
    """Files as a revision of git has them, loaded by `read`. Raises `BaseError`.

    1. lay out the configuration of the revision, with its lock of prices
    2. load it
    3. add what its `${file:}` references name, of which only the load knows, and load it again
    """
    with tempfile.TemporaryDirectory(prefix="gateway-base-") as directory:
        base = _Base(revision, Path(directory))
        there = [path for path in paths if base.lay_out(path)]
        if all(isinstance(path, PatchFile) for path in there):
            named = " or ".join(str(path) for path in paths if not isinstance(path, PatchFile))
            raise NotThereError(f"git has no {named} at {revision}{base.said}")
        base.lay_out(price_lock(there))
        copies = [base.copy_of(path) for path in there]
        roots = (*roots, *map(base.copy_of, roots))
        loaded = read(copies, roots)
        if base.lay_out_referenced(set(loaded.files) - {price_lock(copies)}):
            loaded = read(copies, roots)
        yield AtRevision(loaded, copies, [path for path in paths if path not in there], Path(directory))


def commit_at(revision: str, directory: Path) -> str | None:
    """The first digits of the commit that a branch, a tag or any other name of git means, `None` where it is none.

    Raises `BaseError` where git cannot be asked.
    """
    if not revision or revision.startswith("-"):
        return None
    found = _asked(directory, "rev-parse", "--verify", "--quiet", "--short", f"{revision}^{{commit}}")
    return None if found.returncode else found.stdout.decode().strip()


def _loaded(paths: Sequence[Path], environ: Mapping[str, str], now: datetime, roots: Sequence[Path]) -> Loaded:
    return load(paths, environ=_Any(environ), now=now, for_control_plane=True, file_roots=roots)


def _declared(loaded: Loaded) -> list[Resource]:
    if loaded.config is None:
        raise BaseError("; ".join(str(one).replace("\n  ", ", ") for one in loaded.diagnostics if one.is_error))
    return [*resources_of(loaded.config)]


class _Base:
    """Files of a revision below a directory of their own, where each lies as it lies on this machine."""

    def __init__(self, revision: str, directory: Path) -> None:
        if revision.startswith("-"):
            raise BaseError(f"{revision!r} is no revision")
        self._revision = revision
        self._directory = directory
        self.said = ""
        """Why git had nothing, in its words."""

    def copy_of(self, path: Path) -> Path:
        """Where a path of this machine lies."""
        absolute = Path(os.path.abspath(path))  # noqa: PTH100 - a link may lead elsewhere at the revision
        return type(path)(self._directory / absolute.relative_to(absolute.anchor))

    def lay_out(self, path: Path, above: tuple[bytes, ...] = ()) -> bool:
        """Writes the file, or the YAML files of the directory and of those below; whether the revision has it.

        `above` are the directories that lead here: a link to one of them is not followed.
        """
        root = root_of(path / "any" if path.is_dir() else path)
        if root is None:
            raise BaseError(f"{path} is in no repository of git")
        found = self._found(root, path)
        if found is None:
            return False
        kind, content = found
        copy = self.copy_of(path)
        if kind == "tree":
            if content in above:
                return False
            make_folder(copy)
            for name, may_be_folder in self._names(root, content.decode()):
                if not name.startswith(".") and (may_be_folder or name.endswith((".yaml", ".yml"))):
                    self.lay_out(path / name, (*above, content))
        elif not copy.exists():
            make_folder(copy.parent)
            write_new(copy, content)
        return True

    def lay_out_referenced(self, copies: Iterable[Path]) -> bool:
        """Writes what is not there yet; whether there was anything.

        What git does not keep, such as a credential that is mounted, is the same on both sides.
        """
        added = False
        for copy in copies:
            if copy.exists() or not copy.is_relative_to(self._directory):
                continue
            path = Path("/", copy.relative_to(self._directory))
            if root_of(path) is not None and self.lay_out(path):
                added = True
            elif path.is_file():
                make_folder(copy.parent)
                write_new(copy, path.read_bytes())
                added = True
        return added

    def _found(self, root: Path, path: Path) -> tuple[str, bytes] | None:
        """`blob` with its content, or `tree` with its name in git."""
        place = Path(os.path.normpath(path.parent.resolve() / path.name))
        for _ in range(_MOST_LINKS):
            if not place.is_relative_to(root):
                return None
            within = place.relative_to(root).as_posix()
            name = f"{self._revision}^{{tree}}" if within == "." else f"{self._revision}:{within}"
            listed = self._git(root, "ls-tree", "-z", self._revision, "--", within) if within != "." else b"040000 tree"
            if not listed:
                return None
            mode, kind = listed.decode(errors="replace").split()[:2]
            if kind == "tree":
                return kind, name.encode()
            content = self._git(root, "show", name)
            if content is None or mode != _LINK:
                return None if content is None else (kind, content)
            place = Path(os.path.normpath(place.parent / content.decode(errors="replace")))
        return None

    def _names(self, root: Path, tree: str) -> list[tuple[str, bool]]:
        """What is in a directory, and whether it is one itself, or a link, which may lead to one."""
        entries = (self._git(root, "ls-tree", "-z", tree) or b"").split(b"\0")
        split = (entry.partition(b"\t") for entry in entries if entry)
        return [(os.fsdecode(name), said.startswith((b"040000", _LINK.encode()))) for said, _, name in split]

    def _git(self, root: Path, *arguments: str) -> bytes | None:
        done = _asked(root, *arguments)
        if done.returncode:
            said = done.stderr.decode(errors="replace").strip().splitlines()
            self.said = f": {said[0]}" if said else ""
            return None
        return done.stdout


def _asked(directory: Path, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(  # noqa: S603 - git, with a revision that is no option
            ["git", *arguments],  # noqa: S607 - the one that its user has
            cwd=directory,
            capture_output=True,
            check=False,
            timeout=_TIMEOUT_S,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BaseError(f"git cannot be asked: {error}") from None
