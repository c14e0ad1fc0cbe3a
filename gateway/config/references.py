"""`${env:NAME}`, `${env:NAME:-default}`, `${file:PATH}` and `${runtime-env:NAME}` in string values.

`$${` is a literal `${`. A `runtime-env` reference stays as it is unless the loader serves: every gateway node resolves
it from its own environment. Values on their way to a control plane are portable: what is left to resolve on a node are
`runtime-env` references, and any other `${` is escaped.
"""

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path as FilePath
from typing import Any, Final, Self

from gateway.config.diagnostics import Diagnostic
from gateway.config.files import read_regular_file
from gateway.config.source import Path, Place, pointer

RUNTIME_ENV: Final = "GATEWAY_RUNTIME_ENV"
"""The variable that lists which others `${runtime-env:NAME}` may read."""

STAND_IN: Final = "absent"
"""In place of a credential that is not at hand."""

_OWN: Final = "GATEWAY_"
_MAX_FILE_BYTES = 1024 * 1024
_REFERENCE = re.compile(r"\$\$\{|\$\{(?:([a-z-]+):([^}]*))?\}?")
_MOST_PARTS = 4
_ENV_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_OF_A_NODE = re.compile(r"(?<!\$)\$\{runtime-env:")
_SCHEME = re.compile(r"((Bearer|Basic|Token|Key)\s)?\s*", re.IGNORECASE)
_HOW = "Write ${env:NAME}, ${env:NAME:-default}, ${file:PATH} or ${runtime-env:NAME}; $${ is a literal ${."


class Unresolved(str):
    """A text with references as a file has it, and where: what it stands for is asked once all patches are applied."""

    __slots__ = ("place", "references")

    def __new__(cls, text: str, references: "References", place: Place) -> Self:
        """A text of a file."""
        made = super().__new__(cls, text)
        made.references, made.place = references, place
        return made

    references: "References"
    place: Place


def resolve_all(tree: Any, typed: Callable[[Path, str], Any]) -> Any:
    """Plain data with what its references stand for; what has none is taken as it is.

    Args:
        tree: With an `Unresolved` wherever a text has a `${`.
        typed: What a text that references gave means at a path.
    """
    return _resolved(tree, [], typed)


def _resolved(value: Any, at: list[str | int], typed: Callable[[Path, str], Any]) -> Any:
    kind = type(value)
    if kind is Unresolved:
        path = (*at,)
        return typed(path, value.references.resolve(str(value), path, value.place))
    if kind is not dict and kind is not list:
        return value
    changed = None
    for step, inner in value.items() if kind is dict else enumerate(value):
        at.append(step)
        if (found := _resolved(inner, at, typed)) is not inner:
            changed = value.copy() if changed is None else changed
            changed[step] = found
        at.pop()
    return value if changed is None else changed


class References:
    """Resolves the references of one file, and remembers what they led to.

    `written` are the texts of the file that stand for something else, by path; `hidden` are the paths of those that
    would show no secret to a reader of the file, `failed` of those that stayed unresolved; `files` and `values` hold
    what was read for the others. With `may_be_absent`, what leads to nothing is no finding yet: `absent` has what would
    be said of it, and `STAND_IN` stands in its place.
    """

    def __init__(
        self,
        file: FilePath,
        shown_as: str,
        environ: Mapping[str, str],
        *,
        resolve_runtime_env: bool,
        portable: bool = False,
        roots: Sequence[FilePath] = (),
        runtime_env: Collection[str] = (),
        may_be_absent: bool = False,
    ) -> None:
        self._may_be_absent = may_be_absent
        self._directory = file.parent
        self._roots = roots
        self._runtime_env = runtime_env
        self._file = shown_as
        self._environ = environ
        self._resolve_runtime_env = resolve_runtime_env
        self._portable = portable
        self.findings: list[Diagnostic] = []
        self.files: dict[FilePath, bytes] = {}
        self.values: dict[str, str] = {}
        self.written: dict[Path, str] = {}
        self.hidden: set[Path] = set()
        self.failed: set[Path] = set()
        self.absent: dict[Path, Diagnostic] = {}
        self._told_at: dict[tuple[Place, str], Diagnostic] = {}

    def mark(self, text: str, place: Place) -> Unresolved:
        """A text of the file, to be resolved where it comes to stand."""
        return Unresolved(text, self, place)

    def resolve(self, text: str, path: Path, place: Place) -> str:
        """The text with every reference replaced; what leads to nothing becomes a finding."""

        def replace(match: re.Match[str]) -> str:
            written = match[0]
            if written == "$${":
                return "$${" if self._portable else "${"
            value = self._value(match[1], match[2], written)
            if isinstance(value, str):
                return value.replace("${", "$${") if self._portable and match[1] != "runtime-env" else value
            # Of a text that aliases repeat, the same is said once.
            told = self._told_at.setdefault((place, written), self._told(value, path, place))
            if self._may_be_absent and value.code == "reference-missing":
                self.absent[path] = told
                return STAND_IN
            self.failed.add(path)
            self.findings += [told] if told not in self.findings else []
            return ""

        if hides_everything(text):
            self.hidden.add(path)
            self.written[path] = text
        elif any(self._is_read_here(match) for match in _REFERENCE.finditer(text)):
            self.written[path] = text
        return _REFERENCE.sub(replace, text)

    def _is_read_here(self, match: re.Match[str]) -> bool:
        return match[1] is not None and (match[1] != "runtime-env" or self._resolve_runtime_env)

    def _value(self, kind: str | None, name: str | None, written: str) -> "str | _Missing":
        if kind is None or name is None or not written.endswith("}"):
            return _Missing("reference-syntax", "a reference is not complete", _HOW)
        if kind == "env":
            return self._environment(*_split_default(name))
        if kind == "runtime-env":
            if not self._resolve_runtime_env:
                return written
            if (why := refused_name(name, self._runtime_env)) is not None:
                return _Missing("reference-missing", why, f"{RUNTIME_ENV} lists what a gateway may read for its files.")
            return self._environment(name, None)
        if kind == "file":
            return self._file_content(name)
        return _Missing("reference-syntax", f"there is no kind of reference named {kind!r}", _HOW)

    def _environment(self, name: str, default: str | None) -> "str | _Missing":
        if not _ENV_NAME.fullmatch(name):
            return _Missing("reference-syntax", "the name of an environment variable is malformed", _HOW)
        value = self._environ.get(name)
        if not value and default is not None:
            value = default
        if value is None:
            return _Missing(
                "reference-missing",
                f"the environment variable {name} is not set",
                f"Set {name}, or give a default: ${{env:{name}:-...}}.",
            )
        self.values[name] = value
        return value

    def _file_content(self, name: str) -> "str | _Missing":
        path = self._directory / name
        try:
            # Links are followed first, so that what is judged is what is read.
            real = path.resolve()
            if not any(real.is_relative_to(root.resolve()) for root in (self._directory, *self._roots)):
                self.files[path] = b""
                return _Missing(
                    "reference-outside",
                    f"the file {name} is not below the configuration's folder",
                    "Name its folder with --file-root DIR or in GATEWAY_FILE_ROOTS.",
                )
            content = read_regular_file(real, _MAX_FILE_BYTES + 1)
            text = content[:_MAX_FILE_BYTES].decode(errors="strict" if len(content) <= _MAX_FILE_BYTES else "ignore")
        except (OSError, RuntimeError, ValueError) as error:
            self.files[path] = b""
            reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
            return _Missing(
                "reference-missing",
                f"the file {name} cannot be read: {reason}",
                "A path is relative to the configuration file that names it.",
            )
        if len(content) > _MAX_FILE_BYTES:
            return _Missing("reference-missing", f"the file {name} is larger than {_MAX_FILE_BYTES} bytes", None)
        self.files[path] = content
        return text.removesuffix("\n").removesuffix("\r")

    def _told(self, missing: "_Missing", path: Path, place: Place) -> Diagnostic:
        return Diagnostic(
            code=missing.code,
            message=missing.message,
            file=self._file,
            line=place[0],
            column=place[1],
            pointer=pointer(path),
            hint=missing.hint,
        )


def refused_name(name: str, listed: Collection[str]) -> str | None:
    """Why `${runtime-env:NAME}` may not be read on this node; `None`: it may."""
    if name.upper().startswith(_OWN):
        return f"{name} is the gateway's own: ${{runtime-env:}} never reads {_OWN}* variables"
    return None if name in listed else f"the environment variable {name} is not in this node's {RUNTIME_ENV}"


def resolve_portable(text: str, environ: Mapping[str, str] | None, listed: Collection[str]) -> str:
    """The value of a portable text on this node. Nothing but `runtime-env` is looked up, whatever the text says.

    `listed` are the variables that may be read. Without `environ`, which only a node has, `runtime-env` references stay
    as they are, but for those that no node would read.
    Raises `ValueError`, saying what is missing.
    """

    def replace(match: re.Match[str]) -> str:
        if match[0] == "$${":
            return "${"
        if match[1] != "runtime-env" or not match[0].endswith("}"):
            raise ValueError("a node resolves ${runtime-env:NAME} only; others are resolved where a file is loaded")
        if not _ENV_NAME.fullmatch(match[2]):
            raise ValueError("the name of an environment variable is malformed")
        if (why := refused_name(match[2], listed if environ is not None else (match[2],))) is not None:
            raise ValueError(why)
        if environ is None:
            return match[0]
        if (value := environ.get(match[2])) is None:
            raise ValueError(f"the environment variable {match[2]} is not set on this node")
        return value

    return _REFERENCE.sub(replace, text)


def parts(written: str, value: str) -> Iterator[tuple[str, str]]:
    """Each reference of a text, and what it stands for in the value that the text became, where that can be told."""
    references = list(_REFERENCE.finditer(written))
    if len(references) > _MOST_PARTS:
        return
    pattern, end = "", 0
    for one in references:
        literal = re.escape(written[end : one.start()])
        pattern += literal + (r"\$?\$\{" if one[1] is None else "(.*?)")
        end = one.end()
    found = re.fullmatch(pattern + re.escape(written[end:]), value, re.DOTALL)
    if found is not None:
        yield from zip((one[0] for one in references if one[1] is not None), found.groups(), strict=True)


def named(written: str) -> list[str]:
    """The references of a text, without their defaults."""
    found = (match for match in _REFERENCE.finditer(written) if match[1] is not None)
    return [f"${{{match[1]}:{_split_default(match[2])[0]}}}" for match in found]


def is_of_a_node(text: str) -> bool:
    """Whether a portable text has something in it that every node resolves from its own environment."""
    return _OF_A_NODE.search(text) is not None


def is_reference(text: str) -> bool:
    """Whether a portable text is nothing but references that every node resolves itself, and so no secret."""
    rest = _REFERENCE.sub(lambda match: "" if match[1] == "runtime-env" and match[0].endswith("}") else match[0], text)
    return rest != text and bool(_SCHEME.fullmatch(rest))


def hides_everything(text: str) -> bool:
    """Whether only references stand here, without defaults, after at most the name of an authorization scheme."""
    matches = list(_REFERENCE.finditer(text))
    if not matches or any(match[1] is None or ":-" in (match[2] or "") for match in matches):
        return False
    return bool(_SCHEME.fullmatch(_REFERENCE.sub("", text)))


class _Missing:
    def __init__(self, code: str, message: str, hint: str | None) -> None:
        self.code, self.message, self.hint = code, message, hint


def _split_default(name: str) -> tuple[str, str | None]:
    name, dash, default = name.partition(":-")
    return name, default if dash else None
