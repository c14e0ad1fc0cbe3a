"""`gateway diff`: what one configuration has otherwise than another, each a file, a folder or a commit."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, NamedTuple

import typer

from gateway.cli.annotations import print_findings
from gateway.cli.database import failed
from gateway.cli.groups import Commands
from gateway.cli.options import DEFAULT_CONFIG, FileRoots, PatchPaths, roots, with_patches
from gateway.cli.output import print_json, results, say
from gateway.cli.plan import CHANGES, Detailed, PlanFormat, PlanOutput, print_lines
from gateway.cli.process_settings import read_settings

if TYPE_CHECKING:
    from gateway.config.diagnostics import Diagnostic
    from gateway.config.load import Loaded
    from gateway.config.model import Config as FileConfig
    from gateway.plan.difference import Configuration, Difference

_CATEGORY: Final = "gateway-diff"

app: Final = Commands()

EPILOG = (
    "Examples: gateway diff old.yaml new.yaml; gateway diff HEAD~1 gateway.yaml; gateway diff main HEAD\n\n"
    "A is what there is, B what is to be. What is there as a file or a folder is read as that, everything else as a "
    "commit of git: a branch, a tag, a hash, HEAD~1. A commit is read at the paths of --config; without, at the path "
    "of the other side, else of GATEWAY_CONFIG, else gateway.yaml. Patches apply to both sides, and are read from a "
    "commit too where a side is one.\n\n"
    "No control plane is asked, and no credential has to be set: credentials are compared as they are written.\n\n"
    "Exit codes: 0 done, 1 error; with --detailed-exitcode 0 no differences, 2 differences, 1 error."
)


class _Side(NamedTuple):
    """A side as it was read; `commit` is `None` where it is no commit."""

    name: str
    commit: str | None
    loaded: "Loaded"
    diagnostics: "Sequence[Diagnostic]"
    files: Sequence[Path]
    as_given: Callable[[str], str]


@app.command("diff", epilog=EPILOG)
def diff(
    a: Annotated[str, typer.Argument(metavar="A", help="A file, a folder or a commit: what there is.")],
    b: Annotated[str, typer.Argument(metavar="B", help="A file, a folder or a commit: what is to be.")],
    config: Annotated[
        list[Path] | None,
        typer.Option(
            "--config",
            "-c",
            metavar="PATH",
            help="Where a commit has the configuration; repeatable. Default: the other side where that is a path, "
            "else GATEWAY_CONFIG, else ./gateway.yaml.",
        ),
    ] = None,
    patch: PatchPaths = None,
    file_root: FileRoots = None,
    output: PlanOutput = PlanFormat.TEXT,
    detailed: Detailed = False,
) -> None:
    """Print what configuration B has otherwise than configuration A, as a plan would say it. Asks nobody."""
    from gateway import clock  # noqa: PLC0415 - `gateway version` should not wait for it
    from gateway.plan.difference import difference  # noqa: PLC0415 - see above

    now = clock.utc_now()
    with ExitStack() as stack:
        sides = [
            stack.enter_context(_read(name, _paths(name, other, config, patch), roots(file_root), now))
            for name, other in ((a, b), (b, a))
        ]
        wrong = [side for side in sides if side.loaded.config is None]
        if wrong:
            _print_wrong(wrong, output)
            raise typer.Exit(1)
        had, has = (_configuration(side, read) for side in sides if (read := side.loaded.config) is not None)
        found = difference(had, has, now=int(now.timestamp() * 1_000_000))
        _print(found, sides[1], output)
    raise typer.Exit(CHANGES if detailed and not found.is_empty else 0)


def _paths(name: str, other: str, config: Sequence[Path] | None, patch: Sequence[Path] | None) -> tuple[Path, ...]:
    """The files and folders that a side is read from, with patches; of a commit, where they are in it."""
    if _is_there(name):
        return with_patches((Path(name),), patch)
    if config:
        return with_patches(tuple(config), patch)
    if _in_repository(Path(other)):
        return with_patches((Path(other),), patch)
    return with_patches(tuple(read_settings().config) or (DEFAULT_CONFIG,), patch)


def _is_there(name: str) -> bool:
    """Whether it is the name of a file or a folder."""
    try:
        return Path(name).exists()
    except (OSError, ValueError):
        return False


def _in_repository(path: Path) -> bool:
    from gateway.config.git import root_of  # noqa: PLC0415 - see above

    return _is_there(str(path)) and root_of(path / "any" if path.is_dir() else path) is not None


@contextmanager
def _read(name: str, paths: Sequence[Path], file_roots: Sequence[Path], now: datetime) -> Iterator[_Side]:
    """A side, as long as its files lie somewhere; ends the command where it is nothing."""
    from gateway.config.load import load  # noqa: PLC0415 - see above
    from gateway.config.revision import BaseError, NotThereError, loaded_at  # noqa: PLC0415 - see above

    def read(files: Sequence[Path], below: Sequence[Path]) -> "Loaded":
        return load(
            files,
            environ=os.environ,
            now=now,
            for_control_plane=True,
            file_roots=below,
            may_lack_credentials=True,
        )

    if _is_there(name):
        loaded = read(paths, file_roots)
        yield _Side(name, None, loaded, loaded.diagnostics, paths, str)
        return
    try:
        commit = _commit(name, paths[0])
        with loaded_at(name, paths, file_roots, read) as there:
            for one in there.lacking:
                say(f"{name} has no {one}: it is read without", "yellow")
            yield _Side(name, commit, there.loaded, there.diagnostics(name), there.copies, there.as_given)
    except NotThereError as error:
        raise failed(f"{error}; --config says where a commit has the configuration") from None
    except BaseError as error:
        raise failed(str(error)) from None


def _commit(name: str, file: Path) -> str:
    from gateway.config.git import root_of  # noqa: PLC0415 - see above
    from gateway.config.revision import commit_at  # noqa: PLC0415 - see above

    root = root_of(file / "any" if file.is_dir() else file)
    if root is None:
        raise failed(f"{name} is neither a file nor a folder, and no commit either: {file} is in no repository of git")
    commit = commit_at(name, root)
    if commit is None:
        raise failed(f"{name} is neither a file nor a folder, and git knows no such commit")
    return commit


def _configuration(side: _Side, read: "FileConfig") -> "Configuration":
    from gateway.config.address import parse_address  # noqa: PLC0415 - see above
    from gateway.config.resources import resources_as_written  # noqa: PLC0415 - see above
    from gateway.plan.difference import Configuration, Side  # noqa: PLC0415 - see above

    return Configuration(
        Side(side.name, side.commit, read.owner),
        [*resources_as_written(read, side.loaded.references)],
        {parse_address(one.from_): parse_address(one.to) for one in read.moved},
    )


def _print_wrong(wrong: Sequence[_Side], output: PlanFormat) -> None:
    """Which sides are no valid configuration, and why; on standard output where that is read by a program."""
    from gateway.plan.render.difference import NoDifference  # noqa: PLC0415 - see above

    errors = [f"{side.name} is not a valid configuration; nothing was compared." for side in wrong]
    diagnostics = [one for side in wrong for one in side.diagnostics if one.is_error]
    if output is PlanFormat.JSON:
        print_json(NoDifference(errors=errors, diagnostics=diagnostics))
        return
    print_findings(diagnostics, output, _CATEGORY)
    if output is not PlanFormat.SARIF:
        for error in errors:
            say(error, "red")


def _print(found: "Difference", after: _Side, output: PlanFormat) -> None:
    from gateway.config.load import find_places  # noqa: PLC0415 - see above
    from gateway.plan.render.difference import lines, markdown  # noqa: PLC0415 - see above
    from gateway.plan.render.findings import findings_of, places_of  # noqa: PLC0415 - see above

    if output is PlanFormat.JSON:
        print_json(found)
        return
    if output is PlanFormat.MARKDOWN:
        results.out(markdown(found), end="")
        return
    if output in (PlanFormat.GITHUB, PlanFormat.SARIF):
        at = find_places(after.files, places_of(found.resource_changes))
        places = {path: (after.as_given(file), line) for path, (file, line) in at.items()}
        print_findings(findings_of(found.resource_changes, places), output, _CATEGORY)
    if output is not PlanFormat.SARIF:
        print_lines(lines(found))
