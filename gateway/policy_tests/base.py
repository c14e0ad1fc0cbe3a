"""The configuration at another revision of git, to compare with."""

import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

from gateway.config.files import file_roots
from gateway.config.load import load
from gateway.config.resources import Resource, resources_of

_TIMEOUT_S = 30


class BaseError(Exception):
    """The base cannot be read; the message says why."""


class _Any(dict[str, str]):
    """An environment in which every variable is set: what is compared are rules, not credentials."""

    def get(self, key: str, default: str | None = None) -> str | None:  # type: ignore[override] # one of dict's overloads
        return super().get(key) or default or "unset"


def resources(paths: Sequence[Path], environ: Mapping[str, str], now: datetime) -> list[Resource]:
    """What files declare. Raises `BaseError`."""
    roots = file_roots(environ)
    loaded = load(paths, environ=_Any(environ), now=now, for_control_plane=True, file_roots=roots)
    if loaded.config is None:
        raise BaseError("\n".join(str(one) for one in loaded.diagnostics if one.is_error))
    return [*resources_of(loaded.config)]


def resources_at(revision: str, paths: Sequence[Path], environ: Mapping[str, str], now: datetime) -> list[Resource]:
    """What the same files declare at a revision of git. Raises `BaseError`."""
    with tempfile.TemporaryDirectory(prefix="gateway-base-") as directory:
        copies = []
        for index, path in enumerate(paths):
            copy = Path(directory) / str(index) / path.name
            copy.parent.mkdir()
            copy.write_bytes(_content(revision, path))
            copies.append(copy)
        try:
            return resources(copies, environ, now)
        except BaseError as error:
            raise BaseError(f"the configuration at {revision} cannot be read: {error}") from None


def _content(revision: str, path: Path) -> bytes:
    if path.is_dir():
        raise BaseError(f"{path} is a directory: name its files, to compare them with a base")
    if revision.startswith("-"):
        raise BaseError(f"{revision!r} is no revision")
    command = ["git", "show", f"{revision}:./{path.name}"]
    try:
        done = subprocess.run(  # noqa: S603 - git, with a revision that is no option
            command, cwd=path.resolve().parent, capture_output=True, check=False, timeout=_TIMEOUT_S
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BaseError(f"git cannot be asked: {error}") from None
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        raise BaseError(f"git has no {path.name} at {revision}: {said[0] if said else 'it does not say why'}")
    return done.stdout
