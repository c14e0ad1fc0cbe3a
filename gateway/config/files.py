"""Which files a list of paths means, and several trees made one."""

import errno
import os
import re
import stat
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path as FilePath
from typing import Any, Final

import msgspec

from gateway.config.diagnostics import Diagnostic
from gateway.config.patches import Hit, Line, Patched, PatchFault, PatchFile, read_patch
from gateway.config.source import Path, Place, places

PRICE_LOCK: Final = "prices.lock.yaml"
"""The file that `gateway prices update` writes. It is read as one of the configuration's."""

_ENDINGS = (".yaml", ".yml")
_TESTS = (".test.yaml", ".test.yml")
_MODELINE: Final = re.compile(r"^#\s*yaml-language-server:\s*\$schema=\S*gateway\.schema\.json\s*$", re.MULTILINE)
_VERSION: Final = re.compile(r"^[\"']?version[\"']?:\s*[\"']?1[\"']?\s*(?:#.*)?$", re.MULTILINE)
_PATCH: Final = re.compile(rb"^(?:---[ \t]+)?\{?[ \t]*[\"']?patch[\"']?[ \t]*:", re.MULTILINE)
_TOP_LEVEL: Final = re.compile(r"^[\"']?([a-z_]+)[\"']?:", re.MULTILINE)


class SourceFile(msgspec.Struct, frozen=True):
    """One file that was read: its text and its tree."""

    path: FilePath
    shown_as: str
    text: str
    tree: dict[str, Any]


class SourcePatch(msgspec.Struct, frozen=True):
    """A patch that was read: its file, its lines, and what keeps it from having any."""

    file: SourceFile
    lines: Sequence[Line]
    faults: Sequence[PatchFault]

    @classmethod
    def of(cls, file: SourceFile) -> "SourcePatch":
        """What a file says as a patch."""
        return cls(file, *read_patch(file.tree))


def expand(paths: Sequence[FilePath]) -> tuple[list[FilePath], list[FilePath], list[Diagnostic]]:
    """The files that the paths name, the directories among the paths, and what is wrong with them.

    A directory means the `*.yaml` and `*.yml` files in it and below, in the order of their paths, without hidden ones
    (such as the `..data` of a Kubernetes ConfigMap), policy tests (`*.test.yaml`) and patches. A `PatchFile`
    among the paths is none of them.
    """
    files: list[FilePath] = []
    directories: list[FilePath] = []
    findings: list[Diagnostic] = []
    for path in paths:
        if isinstance(path, PatchFile):
            continue
        below: list[FilePath] = []
        try:
            inside = _inside(path, below) if path.is_dir() else None
        except (OSError, ValueError) as error:
            message = f"the directory cannot be read: {getattr(error, 'strerror', None) or 'its name is malformed'}"
            findings.append(Diagnostic(code="file-unreadable", message=message, file=str(path)))
            continue
        if inside is None:
            files.append(path)
            continue
        directories += below
        if not inside:
            message = "the directory holds no *.yaml file"
            findings.append(Diagnostic(code="file-unreadable", message=message, file=str(path)))
        files += inside
    return list(dict.fromkeys(files)), directories, findings


def read_regular_file(path: FilePath, most: int = -1) -> bytes:
    """The first `most` bytes of a file, or all. Raises `OSError`, and `ValueError` for a malformed name.

    A pipe would have its reader wait for a writer that may never come, and a device need not end.
    """
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(handle, "rb") as opened:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise OSError(errno.EINVAL, "it is not a regular file")
        return opened.read(most)


def file_roots(environ: Mapping[str, str]) -> tuple[FilePath, ...]:
    """The folders of `GATEWAY_FILE_ROOTS`, which are separated by commas. No file of a repository can name them."""
    return tuple(map(FilePath, _listed(environ, "GATEWAY_FILE_ROOTS")))


def patches(given: Sequence[FilePath] | None, environ: Mapping[str, str]) -> tuple[PatchFile, ...]:
    """The patches that were given, else those of `GATEWAY_PATCH`, which are separated by commas."""
    return tuple(map(PatchFile, given or _listed(environ, "GATEWAY_PATCH")))


def _listed(environ: Mapping[str, str], name: str) -> list[str]:
    return [one.strip() for one in environ.get(name, "").split(",") if one.strip()]


def price_lock(paths: Sequence[FilePath]) -> FilePath:
    """Where the lock of prices lies: beside the first file, or in the first directory."""
    first = paths[0]
    return (first if first.is_dir() else first.parent) / PRICE_LOCK


def is_configuration(path: FilePath, sections: Collection[str]) -> bool:
    """Whether a file says that it is a whole configuration: by its modeline, or by `version` and one of the sections.

    Not the lock of prices and policy tests, which belong to one. What cannot be read is for whoever reads it.
    """
    if path.name == PRICE_LOCK or path.name.endswith(_TESTS):
        return False
    try:
        text = path.read_text("utf-8-sig")
    except (OSError, ValueError):
        return True
    names = {match[1] for match in _TOP_LEVEL.finditer(text)}
    return bool(_MODELINE.search(text) or (_VERSION.search(text) and not names.isdisjoint(sections)))


def _inside(directory: FilePath, seen: list[FilePath]) -> list[FilePath]:
    """The files of a directory and of those below; `seen` gets each directory."""
    seen.append(directory)
    files: list[FilePath] = []
    for one in entries_of(directory):
        if one.is_dir():
            if not any(one.samefile(other) for other in seen):
                files += _inside(one, seen)
        elif not one.name.endswith(_TESTS) and not _is_patch(one):
            files.append(one)
    return files


def entries_of(directory: FilePath) -> list[FilePath]:
    """What may be of a configuration in its directory: folders and YAML files, in order. Raises `OSError`."""
    found = (one for one in directory.iterdir() if not one.name.startswith("."))
    return sorted(one for one in found if one.suffix in _ENDINGS or one.is_dir())


def _is_patch(path: FilePath) -> bool:
    """By its text: what cannot be read is told where it is read."""
    try:
        return _PATCH.search(read_regular_file(path)) is not None
    except (OSError, ValueError):
        return False


class Clash(msgspec.Struct, frozen=True):
    """What `file` says again that `other` said before."""

    code: str
    path: Path
    file: SourceFile
    other: SourceFile


def locate(wanted: Iterable[tuple[SourceFile, Path]]) -> dict[tuple[str, Path], tuple[Place, Place]]:
    """Where paths stand, or their nearest part that is written: the place of the key and the place of the value.

    Each file is read once, however many paths are wanted of it. The answers go by the file's `shown_as` and the path.
    """
    by_file: dict[str, tuple[SourceFile, list[Path]]] = {}
    for file, path in wanted:
        by_file.setdefault(file.shown_as, (file, []))[1].append(path)
    located = {}
    for shown_as, (file, paths) in by_file.items():
        found = places(file.text, paths)
        for path in paths:
            nearest = next((path[:end] for end in range(len(path), -1, -1) if path[:end] in found), None)
            key, value = found[nearest] if nearest is not None else ((1, 1), (1, 1))
            located[shown_as, path] = (key, value if nearest == path else key)
    return located


class _Layer(msgspec.Struct):
    """Where what patches changed stands, since an item was taken out of a list, which moved those after it."""

    places: dict[Path, tuple[SourceFile, Path]] = {}
    over_item: Path | None = None

    def before(self, path: Path) -> Path:
        """A path as it was while the list had the item."""
        if self.over_item is None or len(path) < len(self.over_item):
            return path
        *held_by, index = self.over_item
        at = len(held_by)
        step = path[at]
        moved = path[:at] == (*held_by,) and isinstance(step, int) and step >= int(index)
        return (*path[:at], int(step) + 1, *path[at + 1 :]) if moved else path


class Merged:
    """The trees of all files as one, which remembers where each part came from."""

    def __init__(self, files: Sequence[SourceFile]) -> None:
        self.tree: dict[str, Any] = {}
        self._files = files
        self._origin: dict[Path, SourceFile] = {}
        self._layers: list[_Layer] = []
        self.clashes: list[Clash] = []
        for file in files:
            for section, value in file.tree.items():
                self._add(file, section, value)

    def patch(self, patches: Sequence[SourcePatch]) -> list[tuple[SourceFile, PatchFault]]:
        """Applies patches, one after the other; returns what is wrong with them."""
        found: list[tuple[SourceFile, PatchFault]] = []
        hits: list[tuple[SourceFile, Hit]] = []
        patched = Patched(self.tree)
        for one in patches:
            changed, missed = patched.apply(one.lines)
            found += ((one.file, fault) for fault in (*one.faults, *missed))
            hits += ((one.file, hit) for hit in changed)
        self.tree = patched.tree
        layer, over = _Layer(), set[Path]()
        for file, hit in reversed(hits):
            if hit.written_at is None and isinstance(hit.place[-1], int):
                layer.over_item = hit.place
                self._layers.append(layer)
                layer, over = _Layer(), set()
            elif over.isdisjoint(hit.place[:end] for end in range(1, len(hit.place) + 1)):
                over.add(hit.place)
                if hit.written_at is not None:
                    layer.places[hit.place] = file, hit.written_at
        self._layers.append(layer)
        return found

    def stands_at(self, path: Path) -> tuple[SourceFile, Path] | None:
        """The file that has what is at a path, and the path there; the first one for what no file has."""
        for layer in self._layers:
            for end in range(len(path) if layer.places else 0, 0, -1):
                if (found := layer.places.get(path[:end])) is not None:
                    file, place = found
                    return file, (*place, *path[end:])
            path = layer.before(path)
        origin = self._origin_of(path)
        return None if origin is None else (origin, path)

    def _origin_of(self, path: Path) -> SourceFile | None:
        return self._origin.get(path[:2]) or self._origin.get(path[:1]) or (self._files[0] if self._files else None)

    def _add(self, file: SourceFile, section: str, value: Any) -> None:
        known = self.tree.get(section)
        if section not in self.tree or known is None:
            self.tree[section] = dict(value) if isinstance(value, dict) and len(self._files) > 1 else value
        elif isinstance(known, dict) and isinstance(value, dict):
            for name in value:
                if name in known:
                    path = (section, name)
                    self.clashes.append(Clash("duplicate-name", path, file, self._origin[path]))
                else:
                    known[name] = value[name]
                    self._origin[section, name] = file
            return
        elif known != value:
            self.clashes.append(Clash("conflicting-value", (section,), file, self._origin[(section,)]))
            return
        else:
            return
        self._origin[(section,)] = file
        if isinstance(value, dict) and len(self._files) > 1:
            for name in value:
                self._origin[section, name] = file
