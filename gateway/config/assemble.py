"""Resources from wherever they come, judged as a whole like the files of one configuration."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

import msgspec

from gateway.config.credential_checks import SECRET_SECTIONS
from gateway.config.diagnostics import Diagnostic, Severity
from gateway.config.findings import Checked, Facts, Finding
from gateway.config.judge import Serving, judge
from gateway.config.misplaced_references import misplaced
from gateway.config.model import Config
from gateway.config.origins import Origins
from gateway.config.ownership import NOBODYS, Ownership, not_shared, ownership_of
from gateway.config.references import is_of_a_node, resolve_portable
from gateway.config.resources import Resource, inheriting, origins_of, tree_of
from gateway.config.source import Path, pointer
from gateway.secret import Secret


class Assembled(msgspec.Struct, frozen=True):
    """What resources are together. `config` is `None` if, and only if, a diagnostic is an error.

    `named` has the owner of what another owner's file names, for diagnostics that are about that.
    """

    config: Config | None
    diagnostics: tuple[Diagnostic, ...]
    ownership: Ownership = NOBODYS
    named: Mapping[Diagnostic, str] = {}


def assemble(
    resources: Iterable[Resource],
    *,
    now: datetime,
    environ: Mapping[str, str] | None = None,
    serving: Serving | None = None,
) -> Assembled:
    """The configuration that portable resources make; their places are addresses and JSON pointers.

    Args:
        resources: Of every owner: they refer to each other.
        now: The moment by which dates are judged.
        environ: On a node, what `${runtime-env:NAME}` is resolved from; elsewhere such references stay, and those
            that no node could resolve are errors too.
        serving: As in `load`.
    """
    resources = list(resources)
    tree = tree_of(resources)
    found: list[Checked] = []
    read_here: dict[Path, str] = {}
    listed = serving.runtime_env if serving is not None else ()
    tree = _resolved(tree, _resolver(environ, listed, found, read_here))
    keys = tree.get("virtual_keys")
    with_secrets = {section: tree.get(section, {}) for section in SECRET_SECTIONS}
    hidden = frozenset(_secret_paths(with_secrets, ()))
    facts = Facts(hidden=hidden, key_names=frozenset(keys or ()), now=now, strict=False)
    config, judged = judge(tree, facts, serving)
    ownership = ownership_of(resources)
    judged += not_shared(resources, inheriting(resources), ownership) if ownership.confined else []
    origins = Origins.within(tree, read_here).with_those_of(origins_of(resources))
    all_found = [*found, *judged]
    diagnostics = tuple(_told(origins.checked(one)) for one in all_found)
    owners = ((told, one.finding.whose) for told, one in zip(diagnostics, all_found, strict=True))
    named = {told: owner for told, owner in owners if owner is not None}
    return Assembled(None if any(one.is_error for one in diagnostics) else config, diagnostics, ownership, named)


def _resolver(
    environ: Mapping[str, str] | None, listed: Collection[str], found: list[Checked], read_here: dict[Path, str]
) -> Callable[[str, Path], str]:
    """What was read from the environment is put into `read_here`, as it is written."""

    def resolve(text: str, path: Path) -> str:
        if is_of_a_node(text):
            found.extend(one for one in misplaced((path,)) if one.severity is Severity.ERROR)
        try:
            resolved = resolve_portable(text, environ, listed)
        except ValueError as error:
            found.append(Checked(Finding("reference-missing", str(error), path)))
            return text
        if environ is not None and is_of_a_node(text):
            read_here[path] = text
        return resolved

    return resolve


def _resolved(tree: dict[str, Any], resolve: Callable[[str, Path], str]) -> dict[str, Any]:
    """The tree without references. PERF: entries that have none, as nearly all keys, are taken as they are."""
    return {
        section: {
            name: _mapped(entry, (section, name), resolve) if _refers(entry) else entry for name, entry in value.items()
        }
        if isinstance(value, dict)
        else _mapped(value, (section,), resolve)
        for section, value in tree.items()
    }


def _refers(value: Any) -> bool:
    if isinstance(value, str):
        return "${" in value
    if isinstance(value, dict):
        return any(map(_refers, value.values()))
    if isinstance(value, list):
        return any(map(_refers, value))
    return isinstance(value, Secret) and "${" in value.reveal()


def _mapped(value: Any, path: Path, resolve: Callable[[str, Path], str]) -> Any:
    if isinstance(value, str):
        return resolve(value, path) if "${" in value else value
    if isinstance(value, Secret):
        return Secret(resolve(value.reveal(), path))
    if isinstance(value, dict):
        return {name: _mapped(inner, (*path, name), resolve) for name, inner in value.items()}
    if isinstance(value, list):
        return [_mapped(inner, (*path, index), resolve) for index, inner in enumerate(value)]
    return value


def _secret_paths(value: Any, path: Path) -> Iterator[Path]:
    if isinstance(value, Secret):
        yield path
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield from _secret_paths(inner, (*path, name))


def _told(one: Checked) -> Diagnostic:
    path = one.finding.path
    return Diagnostic(
        code=one.finding.code,
        message=one.finding.message,
        severity=one.severity,
        file=".".join(map(str, path[:2])) or None,
        pointer=pointer(path),
        hint=one.finding.hint,
    )
