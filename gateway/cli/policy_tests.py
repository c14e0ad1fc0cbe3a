"""`gateway test`: cases written beside the configuration, judged offline."""

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import msgspec
import typer
from rich.text import Text

from gateway.cli.annotations import FindingsFormat, FindingsOutput, chosen, print_findings
from gateway.cli.database import failed
from gateway.cli.groups import Commands
from gateway.cli.options import FileRoots, PatchPaths, with_patches
from gateway.cli.output import print_json, results, say
from gateway.cli.snapshot import NotValidError, compile_offline
from gateway.config.diagnostics import Diagnostic
from gateway.private_files import write_for_all
from gateway.visible import visible

if TYPE_CHECKING:
    from gateway.policy_tests.cases import CaseFile
    from gateway.policy_tests.judge import Result

app: Final = Commands()

EPILOG = (
    "Example: gateway test examples/gateway.test.yaml --junit report.xml\n\n"
    "Exit codes: 0 every case is as expected, 1 one is not, or the question cannot be answered."
)


class MismatchReport(msgspec.Struct, frozen=True):
    """One thing that is not as expected; the place is that of what is at fault, where it is not the case's own."""

    what: str
    expected: str
    got: str
    file: str | None
    line: int | None


class CaseReport(msgspec.Struct, frozen=True):
    """What came of one case; `problem` says why it could not be judged."""

    file: str
    line: int
    name: str
    passed: bool
    problem: str | None
    mismatches: list[MismatchReport]


class TestReport(msgspec.Struct, frozen=True, kw_only=True):
    """What `gateway test --format json` prints.

    `diagnostics` are what is wrong with files of cases or with the configuration; where one is an error there may be
    no results.
    """

    format_version: str = "1.0"
    passed: bool
    diagnostics: list[Diagnostic]
    results: list[CaseReport]


@app.command("test", epilog=EPILOG)
def run_tests(
    files: Annotated[
        list[Path] | None, typer.Argument(help="Files of cases. Default: every *.test.yaml in this directory.")
    ] = None,
    config: Annotated[
        list[Path] | None, typer.Option("--config", "-c", help="The configuration, in place of what the files name.")
    ] = None,
    patch: PatchPaths = None,
    base: Annotated[
        str | None, typer.Option(help="Fail where anybody may do more than at this git revision: origin/main.")
    ] = None,
    file_root: FileRoots = None,
    only: Annotated[str | None, typer.Option("-k", help="Only cases whose name has this in it.")] = None,
    junit: Annotated[Path | None, typer.Option("--junit", help="Write a JUnit report to this file.")] = None,
    output: FindingsOutput = None,
) -> None:
    """Run policy tests: what requests have to be routed to, refused for, charged at. Nothing is sent."""
    from gateway.policy_tests.cases import read_cases  # noqa: PLC0415 - `gateway version` should not wait for it

    form, paths = chosen(output), files or sorted(Path().glob("*.test.yaml"))
    if not paths:
        raise failed("there is no *.test.yaml here; name the files")
    read = {path: read_cases(path) for path in paths}
    told = [found for one in read.values() for found in one.diagnostics]
    found: dict[str, list[Result]] = {}
    if not told:
        try:
            for path, one in read.items():
                if one.cases is not None:
                    found[str(path)], said = _judged(path, one.cases, one.lines, (config, patch), file_root, base, only)
                    told += said
        except NotValidError as error:
            found, told = {}, [*told, *error.diagnostics]
    told = list(dict.fromkeys(told))
    if not any(one.is_error for one in told):
        if not any(found.values()):
            raise failed("no case was chosen")
        if junit is not None:
            _write_junit(junit, found)
    raise typer.Exit(0 if _tell(form, found, told) else 1)


def _tell(form: FindingsFormat, found: "Mapping[str, list[Result]]", told: list[Diagnostic]) -> bool:
    """Prints everything; whether all is as expected."""
    errors = any(one.is_error for one in told)
    passed = not errors and all(one.passed for some in found.values() for one in some)
    if form is FindingsFormat.JSON:
        report = TestReport(passed=passed, diagnostics=told, results=[*_reports(found)])
        print_json(report)
        return passed
    # People read what is not as expected beside each case.
    print_findings(told if form is FindingsFormat.TEXT else (*told, *_findings(found)), form, "gateway-test")
    if form is not FindingsFormat.SARIF and not errors:
        _print(found)
    return passed


def _judged(
    path: Path,
    cases: "CaseFile",
    lines: Mapping[int, int],
    given: tuple[list[Path] | None, list[Path] | None],
    file_root: list[Path] | None,
    base: str | None,
    only: str | None,
) -> "tuple[list[Result], Sequence[Diagnostic]]":
    from gateway.policy_tests.judge import judge  # noqa: PLC0415 - see above

    chosen = [
        (case, lines.get(index, 1)) for index, case in enumerate(cases.cases) if only is None or only in case.name
    ]
    config, patch = given
    paths = with_patches(config or cases.config_paths(path), patch or cases.patch_paths(path))
    found: list[Result] = []
    said: Sequence[Diagnostic] = ()
    if chosen:
        snapshot, origins, said = compile_offline(paths, file_root)
        judged = (judge(case, line, snapshot) for case, line in chosen)
        found = [msgspec.convert(origins.told(msgspec.to_builtins(one)), type(one)) for one in judged]
    revision = base or cases.base
    if revision is not None and only is None:
        found.append(_never_widens(paths, revision))
    return found, said


def _never_widens(paths: Sequence[Path], revision: str) -> "Result":
    from gateway import clock  # noqa: PLC0415 - see above
    from gateway.config.load import find_places  # noqa: PLC0415 - see above
    from gateway.config.resources import inheriting, written_at  # noqa: PLC0415 - see above
    from gateway.config.revision import BaseError, resources, resources_at  # noqa: PLC0415 - see above
    from gateway.plan.access import widenings  # noqa: PLC0415 - see above
    from gateway.policy_tests.judge import Mismatch, Result  # noqa: PLC0415 - see above

    name, now = f"nobody may do more than at {revision}", clock.utc_now()
    try:
        had, has = resources_at(revision, paths, os.environ, now), resources(paths, os.environ, now)
        found = widenings(inheriting(had), inheriting(has))
    except BaseError as error:
        return Result(name, 1, [], str(error))
    wanted = {one: written_at(one.address, one.path) for one in found}
    located = find_places(paths, wanted.values())
    return Result(
        name,
        1,
        [
            Mismatch(f"{one.address}{one.path}", "no more than before", str(one), *located.get(path, ()))
            for one, path in wanted.items()
        ],
    )


def _print(found: "Mapping[str, list[Result]]") -> None:
    for file, some in found.items():
        for one in some:
            mark, style = ("ok", "green") if one.passed else ("FAILED", "bold red")
            results.print(Text.assemble((f"{mark:<7}", style), visible(f"{file}:{one.line}: {one.name}")))
            if one.problem is not None:
                results.print(Text(f"         {visible(one.problem)}", style="red"))
            for mismatch in one.mismatches:
                results.print(Text(f"         {visible(mismatch.what)}"))
                results.print(Text(f"           expected {visible(mismatch.expected)}", style="green"))
                results.print(Text(f"           got      {visible(mismatch.got)}", style="red"))
    every = [one for some in found.values() for one in some]
    say(f"{sum(one.passed for one in every)} passed, {sum(not one.passed for one in every)} failed")


def _reports(found: "Mapping[str, list[Result]]") -> Iterator[CaseReport]:
    for file, some in found.items():
        for one in some:
            mismatches = [MismatchReport(it.what, it.expected, it.got, it.file, it.line) for it in one.mismatches]
            yield CaseReport(file, one.line, one.name, one.passed, one.problem, mismatches)


def _findings(found: "Mapping[str, list[Result]]") -> Iterator[Diagnostic]:
    """Each thing that is not as expected, where it is at fault, else at the case that expects it."""
    for file, some in found.items():
        for one in some:
            if one.problem is not None:
                yield Diagnostic(code="policy-test", message=f"{one.name}: {one.problem}", file=file, line=one.line)
            for it in one.mismatches:
                message = f"{one.name}: {it.what}: expected {it.expected}, got {it.got}"
                yield Diagnostic(code="policy-test", message=message, file=it.file or file, line=it.line or one.line)


def _write_junit(file: Path, found: "Mapping[str, list[Result]]") -> None:
    from gateway.policy_tests.junit import junit  # noqa: PLC0415 - see above

    try:
        write_for_all(file, junit(found))
    except OSError as error:
        raise failed(f"{file} cannot be written: {error.strerror}") from None
