"""`gateway test`: cases written beside the configuration, judged offline."""

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer
from rich.text import Text

from gateway.cli.database import failed
from gateway.cli.output import Format, results, say, show
from gateway.cli.snapshot import offline_snapshot

if TYPE_CHECKING:
    from gateway.policy_tests.cases import CaseFile
    from gateway.policy_tests.judge import Result

EPILOG = (
    "Example: gateway test examples/gateway.test.yaml --junit report.xml\n\n"
    "Exit codes: 0 every case is as expected, 1 one is not, or the question cannot be answered."
)


def run_tests(
    files: Annotated[
        list[Path] | None, typer.Argument(help="Files of cases. Default: every *.test.yaml in this directory.")
    ] = None,
    config: Annotated[
        list[Path] | None, typer.Option("--config", "-c", help="The configuration, in place of what the files name.")
    ] = None,
    base: Annotated[
        str | None, typer.Option(help="Fail where anybody may do more than at this git revision: origin/main.")
    ] = None,
    only: Annotated[str | None, typer.Option("-k", help="Only cases whose name has this in it.")] = None,
    junit: Annotated[Path | None, typer.Option("--junit", help="Write a JUnit report to this file.")] = None,
    output: Annotated[Format, typer.Option("--format", help="text or json.")] = Format.TEXT,
) -> None:
    """Run policy tests: what requests have to be routed to, refused for, charged at. Nothing is sent."""
    from gateway.policy_tests.cases import read_cases  # noqa: PLC0415 - `gateway version` should not wait for it

    paths = files or sorted(Path().glob("*.test.yaml"))
    if not paths:
        raise failed("there is no *.test.yaml here; name the files")
    read = {path: read_cases(path) for path in paths}
    if any(one.cases is None for one in read.values()):
        for one in read.values():
            show(one.diagnostics)
        raise typer.Exit(1)
    found: dict[str, list[Result]] = {}
    for path, one in read.items():
        if one.cases is not None:
            found[str(path)] = _judged(path, one.cases, one.lines, config, base, only)
    if not any(found.values()):
        raise failed("no case was chosen")
    if junit is not None:
        _write_junit(junit, found)
    if output is Format.JSON:
        results.out(json.dumps(_document(found), indent=2))
    else:
        _print(found)
    raise typer.Exit(0 if all(one.passed for some in found.values() for one in some) else 1)


def _judged(
    path: Path,
    cases: "CaseFile",
    lines: Mapping[int, int],
    config: list[Path] | None,
    base: str | None,
    only: str | None,
) -> "list[Result]":
    from gateway.policy_tests.judge import judge  # noqa: PLC0415 - see above

    chosen = [
        (case, lines.get(index, 1)) for index, case in enumerate(cases.cases) if only is None or only in case.name
    ]
    paths = config or cases.config_paths(path)
    found = []
    if chosen:
        snapshot, origins = offline_snapshot(paths)
        judged = (judge(case, line, snapshot) for case, line in chosen)
        found = [msgspec.convert(origins.told(msgspec.to_builtins(one)), type(one)) for one in judged]
    revision = base or cases.base
    if revision is not None and only is None:
        found.append(_never_widens(paths, revision))
    return found


def _never_widens(paths: Sequence[Path], revision: str) -> "Result":
    from gateway import clock  # noqa: PLC0415 - see above
    from gateway.plan.access import widenings  # noqa: PLC0415 - see above
    from gateway.policy_tests.base import BaseError, resources, resources_at  # noqa: PLC0415 - see above
    from gateway.policy_tests.judge import Mismatch, Result  # noqa: PLC0415 - see above

    name, now = f"nobody may do more than at {revision}", clock.utc_now()
    try:
        found = widenings(resources_at(revision, paths, os.environ, now), resources(paths, os.environ, now))
    except BaseError as error:
        return Result(name, 1, [], str(error))
    return Result(name, 1, [Mismatch(f"{one.address}{one.path}", "no more than before", str(one)) for one in found])


def _print(found: "Mapping[str, list[Result]]") -> None:
    for file, some in found.items():
        for one in some:
            mark, style = ("ok", "green") if one.passed else ("FAILED", "bold red")
            results.print(Text.assemble((f"{mark:<7}", style), f"{file}:{one.line}: {one.name}"))
            if one.problem is not None:
                results.print(Text(f"         {one.problem}", style="red"))
            for mismatch in one.mismatches:
                results.print(Text(f"         {mismatch.what}"))
                results.print(Text(f"           expected {mismatch.expected}", style="green"))
                results.print(Text(f"           got      {mismatch.got}", style="red"))
    every = [one for some in found.values() for one in some]
    say(f"{sum(one.passed for one in every)} passed, {sum(not one.passed for one in every)} failed")


def _document(found: "Mapping[str, list[Result]]") -> list[dict[str, object]]:
    return [
        {
            "file": file,
            "line": one.line,
            "name": one.name,
            "passed": one.passed,
            "problem": one.problem,
            "mismatches": [{"what": it.what, "expected": it.expected, "got": it.got} for it in one.mismatches],
        }
        for file, some in found.items()
        for one in some
    ]


def _write_junit(file: Path, found: "Mapping[str, list[Result]]") -> None:
    from gateway.policy_tests.junit import junit  # noqa: PLC0415 - see above

    try:
        file.write_bytes(junit(found))
    except OSError as error:
        raise failed(f"{file} cannot be written: {error.strerror}") from None
