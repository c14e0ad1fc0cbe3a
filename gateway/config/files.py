"""Which files a list of paths means, and several trees made one."""

from collections.abc import Sequence
from pathlib import Path as FilePath
from typing import Any

import msgspec

from gateway.config.diagnostics import Diagnostic
from gateway.config.source import Path, places, pointer

_ENDINGS = (".yaml", ".yml")


class SourceFile(msgspec.Struct, frozen=True):
    """One file that was read: its text and its tree."""

    path: FilePath
    shown_as: str
    text: str
    tree: dict[str, Any]


def expand(paths: Sequence[FilePath]) -> tuple[list[FilePath], list[FilePath], list[Diagnostic]]:
    """The files that the paths name, the directories among the paths, and what is wrong with them.

    A directory means its `*.yaml` and `*.yml` files in the order of their names, hidden ones (such as the `..data` of a
    Kubernetes ConfigMap) left out.
    """
    files: list[FilePath] = []
    directories: list[FilePath] = []
    findings: list[Diagnostic] = []
    for path in paths:
        if not path.is_dir():
            files.append(path)
            continue
        directories.append(path)
        inside = sorted(one for one in path.iterdir() if one.suffix in _ENDINGS and not one.name.startswith("."))
        if not inside:
            message = "the directory holds no *.yaml file"
            findings.append(Diagnostic(code="file-unreadable", message=message, file=str(path)))
        files += [one for one in inside if not one.is_dir()]
    return files, directories, findings


class Merged:
    """The trees of all files as one, which remembers where each part came from."""

    def __init__(self, files: Sequence[SourceFile]) -> None:
        self.tree: dict[str, Any] = {}
        self._files = files
        self._origin: dict[Path, SourceFile] = {}
        self.clashes: list[tuple[str, str, Path, SourceFile]] = []
        for file in files:
            for section, value in file.tree.items():
                self._add(file, section, value)

    def place(self, path: Path, *, at_key: bool) -> Diagnostic:
        """A diagnostic without words, at the place of a path or of its nearest part that is written."""
        file = self._origin.get(path[:2]) or self._origin.get(path[:1]) or (self._files[0] if self._files else None)
        if file is None:
            return Diagnostic(code="", message="", pointer=pointer(path))
        return self.place_in(file, path, at_key=at_key)

    @staticmethod
    def place_in(file: SourceFile, path: Path, *, at_key: bool) -> Diagnostic:
        """The same, within one file."""
        found = places(file.text, [path])
        nearest = next((path[:end] for end in range(len(path), -1, -1) if path[:end] in found), None)
        line, column = found[nearest][0 if at_key or nearest != path else 1] if nearest is not None else (1, 1)
        return Diagnostic(code="", message="", file=file.shown_as, line=line, column=column, pointer=pointer(path))

    def _add(self, file: SourceFile, section: str, value: Any) -> None:
        known = self.tree.get(section)
        if section not in self.tree or known is None:
            self.tree[section] = dict(value) if isinstance(value, dict) and len(self._files) > 1 else value
        elif isinstance(known, dict) and isinstance(value, dict):
            for name in value:
                if name in known:
                    other = self._origin[section, name].shown_as
                    message = f"{section} has {name!r} already in {other}"
                    self.clashes.append(("duplicate-name", message, (section, name), file))
                else:
                    known[name] = value[name]
                    self._origin[section, name] = file
            return
        elif known != value:
            message = f"{section} is {known!r} in {self._origin[(section,)].shown_as}"
            self.clashes.append(("conflicting-value", message, (section,), file))
            return
        else:
            return
        self._origin[(section,)] = file
        if isinstance(value, dict) and len(self._files) > 1:
            for name in value:
                self._origin[section, name] = file
