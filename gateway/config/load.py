"""The front door: paths in, a `Config` or every diagnostic out."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path as FilePath

import msgspec

from gateway.config.checks import Checked, Facts, check
from gateway.config.diagnostics import Diagnostic, Severity
from gateway.config.enforcement import unenforced
from gateway.config.files import Merged, SourceFile, expand
from gateway.config.git import commit_of
from gateway.config.model import Config
from gateway.config.references import References
from gateway.config.source import Path, parse
from gateway.config.validate import Finding, build


class Serving(msgspec.Struct, frozen=True):
    """That the configuration is to be served, and by what: resolves `runtime-env` and refuses what is not enforced."""

    workers: int = 1
    development_pepper: bool = False


class Loaded(msgspec.Struct, frozen=True):
    """What came of loading. `config` is `None` if, and only if, a diagnostic is an error.

    `digest` is the SHA-256 of everything that was read; `files` are all files and directories that a watcher has to
    watch, those that `${file:}` names included.
    """

    config: Config | None
    diagnostics: tuple[Diagnostic, ...]
    digest: str
    commit: str | None
    files: tuple[FilePath, ...]


def load(
    paths: Sequence[FilePath],
    *,
    environ: Mapping[str, str],
    now: datetime,
    strict: bool = False,
    serving: Serving | None = None,
) -> Loaded:
    """Loads a configuration. Never raises for what a file or its surroundings hold.

    1. expand directories and read every file
    2. parse each into a tree, refusing duplicate keys, and resolve its references on the way
    3. merge the trees
    4. build the model, or explain why that cannot be done
    5. check what goes across sections
    6. for serving, refuse what this build does not enforce
    7. give every finding its place
    """
    files, directories, diagnostics = expand(paths)
    reading = _Reading(environ, resolve_runtime_env=serving is not None)
    for file in files:
        reading.read(file)
    diagnostics += reading.findings
    watched = (*directories, *files, *reading.referenced_files)
    digest, commit = reading.digest.hexdigest(), commit_of(files[0]) if files else None

    merged = Merged(reading.sources)
    for code, message, path, source in merged.clashes:
        diagnostics.append(_placed(merged.place_in(source, path, at_key=True), Finding(code, message, path)))
    if any(one.is_error for one in diagnostics) and not reading.can_go_on:
        return Loaded(None, _ordered(diagnostics), digest, commit, watched)

    config, findings = build(merged.tree)
    diagnostics += _told(merged, (Checked(one) for one in findings if one.path not in reading.failed))
    if config is not None:
        facts = Facts(frozenset(reading.whole), now, strict)
        diagnostics += _told(merged, check(config, facts))
        if serving is not None:
            asked = unenforced(config, workers=serving.workers, development_pepper=serving.development_pepper)
            diagnostics += _told(merged, asked)
    if any(one.is_error for one in diagnostics):
        config = None
    return Loaded(config, _ordered(diagnostics), digest, commit, watched)


class _Reading:
    """The files read so far, and what reading them brought to light."""

    def __init__(self, environ: Mapping[str, str], *, resolve_runtime_env: bool) -> None:
        self._environ = environ
        self._resolve_runtime_env = resolve_runtime_env
        self.sources: list[SourceFile] = []
        self.findings: list[Diagnostic] = []
        self.referenced_files: list[FilePath] = []
        self.whole: set[Path] = set()
        self.failed: set[Path] = set()
        self.digest = hashlib.sha256()
        self.can_go_on = True

    def read(self, path: FilePath) -> None:
        shown_as = str(path)
        try:
            content = path.read_bytes()
            text = content.decode("utf-8-sig")
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
            self._unreadable(shown_as, f"the file cannot be read: {reason}")
            return
        references = References(path, shown_as, self._environ, resolve_runtime_env=self._resolve_runtime_env)
        tree, findings = parse(text, shown_as, references.resolve)
        self.findings += [*findings, *references.findings]
        self.whole |= references.whole
        self.failed |= references.failed
        self.referenced_files += references.files
        self._digest(content, *references.files.values(), *(f"{k}={v}".encode() for k, v in references.values.items()))
        if isinstance(tree, dict):
            self.sources.append(SourceFile(path, shown_as, text, tree))
        elif findings:
            self.can_go_on = False
        else:
            self._unreadable(shown_as, "the file is empty" if tree is None else "the file is not a mapping of sections")

    def _unreadable(self, shown_as: str, message: str) -> None:
        self.findings.append(Diagnostic(code="file-unreadable", message=message, file=shown_as))
        self.can_go_on = False

    def _digest(self, *parts: bytes) -> None:
        for part in parts:
            self.digest.update(len(part).to_bytes(8))
            self.digest.update(part)


def _told(merged: Merged, found: Iterable[Checked]) -> list[Diagnostic]:
    return [
        _placed(merged.place(one.finding.path, at_key=one.finding.at_key), one.finding, one.severity) for one in found
    ]


def _placed(place: Diagnostic, finding: Finding, severity: Severity = Severity.ERROR) -> Diagnostic:
    return msgspec.structs.replace(
        place, code=finding.code, message=finding.message, hint=finding.hint, severity=severity
    )


def _ordered(diagnostics: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    return tuple(sorted(dict.fromkeys(diagnostics), key=lambda one: (one.file or "", one.line or 0, one.column or 0)))
