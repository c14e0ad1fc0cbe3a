"""The front door: paths in, a `Config` or every diagnostic out."""

import gc
import hashlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path as FilePath
from typing import Any

import msgspec

from gateway.config.credential_checks import credentials
from gateway.config.derived_keys import derive
from gateway.config.diagnostics import Diagnostic, Severity
from gateway.config.field_tree import tree_of_file
from gateway.config.files import Clash, Merged, SourceFile, SourcePatch, expand, locate, price_lock, read_regular_file
from gateway.config.findings import Checked, Facts
from gateway.config.git import commit_of
from gateway.config.judge import SAID_OF_OTHERS, Serving, judge, may_be_of_others
from gateway.config.misplaced_references import misplaced
from gateway.config.model import Config
from gateway.config.origins import NOWHERE, Origins
from gateway.config.patches import PatchFault, PatchFile
from gateway.config.references import References, resolve_all
from gateway.config.source import ASIDE, Path, Place, parse, plain_scalar, pointer

Check = Callable[[Config], Iterable[Checked]]
"""What rooms above know of a configuration."""


class Loaded(msgspec.Struct, frozen=True):
    """What came of loading. `config` is `None` if, and only if, a diagnostic is an error.

    `digest` is the SHA-256 of everything that was read; `files` are all files and directories that a watcher has to
    watch, those that `${file:}` names included, and the price lock, which may be absent.
    """

    config: Config | None
    diagnostics: tuple[Diagnostic, ...]
    digest: str
    commit: str | None
    files: tuple[FilePath, ...]
    references: Mapping[Path, str] = {}
    """What the files have in place of values that were read elsewhere, such as `${env:OPENAI_API_KEY}`."""
    origins: Origins = NOWHERE
    """The same, to tell people of the configuration without those values."""
    absent: frozenset[Path] = frozenset()
    """Where a credential would be, had it been at hand."""


def load(
    paths: Sequence[FilePath],
    *,
    environ: Mapping[str, str],
    now: datetime,
    strict: bool = False,
    serving: Serving | None = None,
    for_control_plane: bool = False,
    file_roots: Sequence[FilePath] = (),
    checks: Sequence[Check] = (),
    may_lack_credentials: bool = False,
    others_may_declare: bool = False,
) -> Loaded:
    """Loads a configuration. Never raises for what a file or its surroundings hold.

    `for_control_plane` keeps values portable, and leaves names that the file does not declare to the control plane,
    where others may declare them. `file_roots` are folders beside those of the files below which `${file:}` reaches; a
    file cannot name them itself. `checks` are further ones, which only a configuration without errors is asked.
    `may_lack_credentials`: a credential that is not at hand is a warning, since only serving and applying need it.
    `others_may_declare`: in a file with an `owner`, names that it does not declare are notes, since other owners may.

    1. expand directories and read every file, the price lock beside them too
    2. parse each into a tree, refusing duplicate keys
    3. merge the trees, apply patches, resolve the references of what came of it, and make the keys of people
    4. judge it: `gateway.config.judge`
    5. give every finding its place
    """
    files, directories, diagnostics = expand(paths)
    patches = [one for one in paths if isinstance(one, PatchFile)]
    absent: list[FilePath] = []
    if files and (lock := price_lock(paths)) not in files:
        (files if lock.is_file() else absent).append(lock)
    reading = _Reading(
        environ, serving, portable=for_control_plane, file_roots=file_roots, may_be_absent=may_lack_credentials
    )
    with _without_garbage_collection():
        for patch in patches:
            reading.read_patch(patch)
        for file in files:
            reading.read(file)
        merged = Merged(reading.sources)
        misdirected = _misdirected(merged.patch(reading.patches))
        tree, derived = derive(resolve_all(merged.tree, _typed))
        reading.close()
        diagnostics += reading.findings
        config, origins = None, NOWHERE
        written: Mapping[Path, str] = reading.written
        if reading.can_go_on:
            diagnostics += [*_clashing(merged.clashes), *misdirected]
            facts = Facts(frozenset(reading.hidden), _names(tree.get("virtual_keys")), now, strict)
            config, found = judge(tree, facts, serving, derived)
            if for_control_plane:
                found = [one for one in found if one.finding.code not in SAID_OF_OTHERS]
            elif others_may_declare and "owner" in tree:
                found = [_noted(one) if may_be_of_others(one.finding, tree) else one for one in found]
            found += misplaced(reading.written)
            diagnostics += reading.lacking(config, [one.finding.path for one in found])
            if config is not None and all(one.severity is Severity.WARNING for one in found):
                found += [one for check in checks for one in check(config)]
            written = derived.references(reading.written) if derived else reading.written
            origins = Origins.within(tree, written)
            told = (origins.checked(one) for one in found if one.finding.path not in reading.failed)
            diagnostics += _placed(merged, told)
    if any(one.is_error for one in diagnostics):
        config = None
    return Loaded(
        config=config,
        diagnostics=_ordered(diagnostics),
        digest=reading.digest.hexdigest(),
        commit=commit_of([*files, *patches]) if files else None,
        files=tuple(dict.fromkeys((*directories, *files, *patches, *reading.referenced_files, *absent))),
        references=written,
        origins=origins,
        absent=frozenset(reading.absent),
    )


def _typed(path: Path, text: str) -> Any:
    """A number or a truth value where references gave its text and the field takes no text."""
    field = tree_of_file().below(path)
    value = plain_scalar(text) if field is not None and field.reads else text
    return value if field is not None and type(value) in field.reads else text


def _noted(one: Checked) -> Checked:
    """What could not be checked, as far as it is an error where everything is declared in one place."""
    if one.severity is not Severity.ERROR:
        return one
    message = f"not checked, belongs to another owner? {one.finding.message}"
    return Checked(msgspec.structs.replace(one.finding, message=message), Severity.NOTE)


def find_places(paths: Sequence[FilePath], wanted: Iterable[Path]) -> dict[Path, tuple[str, int]]:
    """The file and the line in which each path of a configuration stands, or the nearest part of it that is written."""
    sources: list[SourceFile] = []
    patches: list[SourcePatch] = []
    for name in (*expand(paths)[0], *(one for one in paths if isinstance(one, PatchFile))):
        with suppress(OSError, ValueError):
            text = read_regular_file(name).decode("utf-8-sig")
            tree, _ = parse(text, str(name))
            if isinstance(tree, dict):
                file = SourceFile(name, str(name), text, tree)
                if isinstance(name, PatchFile):
                    patches.append(SourcePatch.of(file))
                else:
                    sources.append(file)
    merged = Merged(sources)
    merged.patch(patches)
    derived = derive(merged.tree)[1]
    at = {path: place for path in wanted if (place := merged.stands_at(derived.stands_at(path))) is not None}
    located = locate(at.values())
    return {path: (file.shown_as, located[file.shown_as, there][0][0]) for path, (file, there) in at.items()}


@contextmanager
def _without_garbage_collection() -> Iterator[None]:
    """A large tree has no cycles to collect, and looking for them again and again costs a fifth of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


class _Reading:
    """The files read so far, and what reading them brought to light."""

    def __init__(
        self,
        environ: Mapping[str, str],
        serving: Serving | None,
        *,
        portable: bool,
        file_roots: Sequence[FilePath],
        may_be_absent: bool,
    ) -> None:
        self._environ = environ
        self._serving = serving
        self._portable = portable
        self._file_roots = file_roots
        self._may_be_absent = may_be_absent
        self.sources: list[SourceFile] = []
        self.patches: list[SourcePatch] = []
        self._references: list[References] = []
        self.findings: list[Diagnostic] = []
        self.referenced_files: list[FilePath] = []
        self.written: dict[Path, str] = {}
        self.hidden: set[Path] = set()
        self.failed: set[Path] = set()
        self.absent: dict[Path, Diagnostic] = {}
        self.digest = hashlib.sha256()
        self.can_go_on = True

    def read(self, path: FilePath) -> None:
        """A file of the configuration."""
        text, tree = self._parsed(path)
        if isinstance(tree, dict):
            sections = {name: one for name, one in tree.items() if not name.startswith(ASIDE)}
            self.sources.append(SourceFile(path, str(path), text, sections))
        elif tree is not None:
            self._unreadable(str(path), "the file is not a mapping of sections")

    def read_patch(self, path: FilePath) -> None:
        """A patch."""
        text, tree = self._parsed(path)
        if tree is not None:
            self.patches.append(SourcePatch.of(SourceFile(path, str(path), text, tree)))

    def close(self) -> None:
        """What references led to, once all are resolved."""
        for one in self._references:
            self.findings += one.findings
            self.written |= one.written
            self.hidden |= one.hidden
            self.failed |= one.failed
            self.absent |= one.absent
            self.referenced_files += one.files
            self._digest(*one.files.values(), *(f"{k}={v}".encode() for k, v in one.values.items()))

    def _parsed(self, path: FilePath) -> tuple[str, Any]:
        """The text of a file and what is in it, references unresolved; `None` for what is not there."""
        shown_as = str(path)
        try:
            content = read_regular_file(path)
            text = content.decode("utf-8-sig")
        except (OSError, ValueError) as error:
            reason = "it is not UTF-8 text" if isinstance(error, UnicodeDecodeError) else _reason(error)
            self._unreadable(shown_as, f"the file cannot be read: {reason}")
            return "", None
        self._digest(content)
        references = References(
            path,
            shown_as,
            self._environ,
            resolve_runtime_env=self._serving is not None,
            portable=self._portable,
            roots=self._file_roots,
            runtime_env=self._serving.runtime_env if self._serving is not None else (),
            may_be_absent=self._may_be_absent,
        )
        self._references.append(references)
        tree, findings = parse(text, shown_as, references.mark)
        self.findings += findings
        if tree is None:
            self.can_go_on = False
            if not findings:
                self._unreadable(shown_as, "the file is empty")
        return text, tree

    def lacking(self, config: Config | None, faulty: Collection[Path]) -> Iterator[Diagnostic]:
        """What is said of values that are not at hand; nothing more is said of them then.

        Whether a value is a credential, the model knows; of what has other faults nobody can say.
        """
        secret = {path for path, _ in credentials(config)} if config is not None else ()
        entries = {path[:2] for path in faulty if path not in self.absent}
        for path, one in self.absent.items():
            if path in secret or path[:2] in entries or config is None:
                hint = "It is needed where the file is applied or served."
                yield msgspec.structs.replace(
                    one, severity=Severity.WARNING, message=f"{one.message}; the credential is not checked", hint=hint
                )
            else:
                yield one
        self.failed |= {*self.absent}

    def _unreadable(self, shown_as: str, message: str) -> None:
        self.findings.append(Diagnostic(code="file-unreadable", message=message, file=shown_as))
        self.can_go_on = False

    def _digest(self, *parts: bytes) -> None:
        for part in parts:
            self.digest.update(len(part).to_bytes(8))
            self.digest.update(part)


def _reason(error: OSError | ValueError) -> str:
    return (isinstance(error, OSError) and error.strerror) or "its name is malformed"


def _names(section: object) -> frozenset[str]:
    return frozenset(section) if isinstance(section, dict) else frozenset()


def _placed(merged: Merged, found: Iterable[Checked]) -> list[Diagnostic]:
    at = [(one, merged.stands_at(one.finding.path)) for one in found]
    located = locate(place for _, place in at if place is not None)
    return [_told(one, place, located) for one, place in at]


def _told(
    one: Checked, stands_at: tuple[SourceFile, Path] | None, located: Mapping[tuple[str, Path], tuple[Place, Place]]
) -> Diagnostic:
    finding = one.finding
    file, path = stands_at if stands_at is not None else (None, ())
    key, value = located[file.shown_as, path] if file is not None else (None, None)
    line, column = (key if finding.at_key else value) or (None, None)
    return Diagnostic(
        code=finding.code,
        message=finding.message,
        severity=one.severity,
        file=file.shown_as if file is not None else None,
        line=line,
        column=column,
        pointer=pointer(finding.path),
        hint=finding.hint,
    )


def _clashing(clashes: Sequence[Clash]) -> list[Diagnostic]:
    located = locate((file, one.path) for one in clashes for file in (one.file, one.other))
    diagnostics = []
    for one in clashes:
        other = ":".join(map(str, (one.other.shown_as, *located[one.other.shown_as, one.path][0])))
        name = ".".join(map(str, one.path))
        words = "is declared already" if one.code == "duplicate-name" else "has another value"
        line, column = located[one.file.shown_as, one.path][0]
        diagnostics.append(
            Diagnostic(
                code=one.code,
                message=f"{name} {words} at {other}",
                file=one.file.shown_as,
                line=line,
                column=column,
                pointer=pointer(one.path),
                hint="Keep one of them.",
            )
        )
    return diagnostics


def _misdirected(faults: Sequence[tuple[SourceFile, PatchFault]]) -> list[Diagnostic]:
    located = locate((file, one.path) for file, one in faults)
    found = []
    for file, one in faults:
        line, column = located[file.shown_as, one.path][1]
        found.append(
            Diagnostic(
                code="bad-patch",
                message=one.message,
                file=file.shown_as,
                line=line,
                column=column,
                pointer=pointer(one.path),
                hint=one.hint,
            )
        )
    return found


def _ordered(diagnostics: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    return tuple(sorted(dict.fromkeys(diagnostics), key=lambda one: (one.file or "", one.line or 0, one.column or 0)))
