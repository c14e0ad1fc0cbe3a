"""`gateway plan`, `gateway show` and `gateway apply`: what would change, and changing it."""

import math
import os
import sys
from collections.abc import Iterable, Sequence
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO, Final, Self

import typer
from rich.text import Text

from gateway.cli.annotations import print_findings
from gateway.cli.database import command_line, failed
from gateway.cli.groups import Commands
from gateway.cli.options import ConfigPaths, ControlPlaneUrl, Database, FileRoots, PatchPaths, Token, paths_of, roots
from gateway.cli.output import print_json, results, say, show
from gateway.cli.snapshot import NotValidError
from gateway.cli.target import GUARD, UNKNOWN, Applied, RefusedError, Target, as_flags, target
from gateway.duration import parse_duration
from gateway.plan.words import count, names
from gateway.private_files import make_new, replace

if TYPE_CHECKING:
    from gateway.config.diagnostics import Diagnostic
    from gateway.config.documents import PlanRequest
    from gateway.config.load import Loaded
    from gateway.config.model import Config as FileConfig
    from gateway.plan.guards import Allowed
    from gateway.plan.plan import Plan
    from gateway.plan.render.lines import Line
    from gateway.plan.saved import SavedPlan

_LONGEST_REPLAY_DAYS = 90
_LONGEST_LOCK_WAIT_S = 600
CHANGES = 2
"""The exit code of `--detailed-exitcode` where there are changes."""

app: Final = Commands()

PLAN_EPILOG = (
    "Example: gateway plan -c gateway.yaml --control-plane https://control-plane.example.com --out plan.json\n\n"
    "Exit codes: 0 done, 1 error; with --detailed-exitcode 0 no changes, 2 changes, 1 error. It writes "
    "nothing but --out FILE, for which it prepares a database of this machine that is not there yet."
)
SHOW_EPILOG = "Example: gateway show plan.json --format markdown"
APPLY_EPILOG = (
    "Example: gateway apply plan.json --control-plane https://control-plane.example.com\n\n"
    "Exit codes: 0 done, 1 error, 3 the plan is stale, 4 a guard refuses, 5 somebody else applies, 6 outcome unknown."
)


class ShownDrift(StrEnum):
    """Which changes outside the file a plan tells."""

    RELEVANT = "relevant"
    ALL = "all"
    NONE = "none"


class PlanFormat(StrEnum):
    """For a terminal, a machine, or a pull request."""

    TEXT = "text"
    JSON = "json"
    MARKDOWN = "markdown"
    GITHUB = "github"
    SARIF = "sarif"


PlanOutput = Annotated[
    PlanFormat,
    typer.Option("--format", help="text, json, markdown, github (text, and annotations of a pull request) or sarif."),
]
Targets = Annotated[
    list[str] | None, typer.Option("--target", help="Only KIND/NAME and what it needs that is not there; repeatable.")
]
NoDelete = Annotated[
    bool, typer.Option("--no-delete", help="Leave, and count as skipped, what the file does not have.")
]
Detailed = Annotated[bool, typer.Option("--detailed-exitcode", help="Exit with 2 where there are changes.")]


@app.command("plan", epilog=PLAN_EPILOG)
def plan(
    config: ConfigPaths = None,
    patch: PatchPaths = None,
    control_plane: ControlPlaneUrl = None,
    database: Database = None,
    token: Token = None,
    targets: Targets = None,
    out: Annotated[Path | None, typer.Option("--out", help="Save the plan, for `gateway apply FILE`.")] = None,
    replay: Annotated[
        str | None,
        typer.Option(
            "--replay", help="Send the requests of so many days through both: 7d. Needs the gateways' ledger."
        ),
    ] = None,
    no_delete: NoDelete = False,
    drift: Annotated[
        ShownDrift,
        typer.Option(
            "--drift",
            help="Changes made outside the file: relevant tells those that the plan overwrites or leaves, all also "
            "those that the file has by now, none none.",
        ),
    ] = ShownDrift.RELEVANT,
    drift_only: Annotated[
        bool,
        typer.Option("--drift-only", help="Look for changes made outside the file, and for nothing else."),
    ] = False,
    to_revision: Annotated[
        int | None,
        typer.Option(
            "--to-revision",
            min=0,
            help="Lead back to what there was at a revision: see gateway history. No file counts.",
        ),
    ] = None,
    owner: Annotated[
        str | None, typer.Option("--owner", help="With --to-revision, whose resources. Default: the file's owner.")
    ] = None,
    file_root: FileRoots = None,
    output: PlanOutput = PlanFormat.TEXT,
    detailed: Detailed = False,
) -> None:
    """Print what `gateway apply` would change in a control plane, and what would follow from it. Changes nothing."""
    if drift_only and out is not None:
        raise failed("--drift-only plans nothing that could be applied: leave --out away")
    if owner is not None and to_revision is None:
        raise failed("--owner goes with --to-revision: a file says whose it is")
    days, paths = _days(replay), paths_of(config, patch) if to_revision is None else ()
    asked = {"replay_days": days, "no_delete": no_delete, "drift": drift.value, "drift_only": drift_only}
    found: Sequence[Diagnostic] = ()
    try:
        if to_revision is None:
            request, found = request_of(paths, targets, file_root, may_lack_credentials=True, **asked)
        else:
            request = _request_back(
                to_revision, owner or owner_of(paths_of(config, patch), file_root), targets, **asked
            )
    except NotValidError as error:
        _print_no_plan(error.diagnostics, output)
        raise typer.Exit(1) from None
    if output not in (PlanFormat.GITHUB, PlanFormat.SARIF):
        show(found)
    with target(control_plane, database, token, only_looks=out is None) as home:
        saved = home.plan(request)
    if out is not None:
        _save(saved, out)
    _print(saved.plan, output, paths, found)
    if out is not None:
        again = command_line("gateway", "apply", str(out), *as_flags(control_plane, database))
        say(f"Saved to {out}. To do exactly this: {again}")
    raise typer.Exit(_code(saved.plan, detailed=detailed))


@app.command("show", epilog=SHOW_EPILOG)
def show_plan(
    file: Annotated[Path, typer.Argument(help="What `gateway plan --out` wrote.")],
    output: PlanOutput = PlanFormat.TEXT,
    detailed: Detailed = False,
) -> None:
    """Print a saved plan."""
    saved = _read(file)
    _print(saved.plan, output)
    raise typer.Exit(_code(saved.plan, detailed=detailed))


@app.command("apply", epilog=APPLY_EPILOG)
def apply(
    file: Annotated[Path | None, typer.Argument(help="A saved plan; without one, the files are planned first.")] = None,
    config: ConfigPaths = None,
    patch: PatchPaths = None,
    control_plane: ControlPlaneUrl = None,
    database: Database = None,
    token: Token = None,
    targets: Targets = None,
    file_root: FileRoots = None,
    auto_approve: Annotated[bool, typer.Option("--auto-approve", "-y", help="Do not ask.")] = False,
    allow_delete: Annotated[int, typer.Option(help="Let so many be deleted where that is a large share.", min=0)] = 0,
    allow_empty: Annotated[
        bool, typer.Option("--allow-empty", help="Let everything be deleted that the file's owner has.")
    ] = False,
    discard_outside_edits: Annotated[
        bool,
        typer.Option("--discard-outside-edits", help="Let what was changed outside the file be overwritten."),
    ] = False,
    no_delete: NoDelete = False,
    no_widen: Annotated[bool, typer.Option("--no-widen", help="Refuse what widens access, or may.")] = False,
    no_refuse_traffic: Annotated[
        bool, typer.Option("--no-refuse-traffic", help="Refuse what would refuse traffic of today.")
    ] = False,
    lock_timeout: Annotated[
        str, typer.Option("--lock-timeout", help="How long to wait while somebody else applies: 30s, 5m.")
    ] = "30s",
    secrets_out: Annotated[
        Path | None, typer.Option(help="Write the secrets of new keys to this file, mode 0600, and print none.")
    ] = None,
) -> None:
    """Make a control plane what the files say, all of it or nothing: from a saved plan, or planned and confirmed."""
    from gateway.plan.guards import Allowed  # noqa: PLC0415 - `gateway version` should not wait for it
    from gateway.plan.saved import SavedPlan  # noqa: PLC0415 - see above

    if file is not None and (config or patch or targets or no_delete):
        raise failed("a saved plan is applied as it is: leave --config, --target and --no-delete away")
    wait_s = _lock_wait_s(lock_timeout)
    allowed = Allowed(allow_delete, allow_empty, discard_outside_edits, no_widen, no_refuse_traffic)
    wanted = (
        _read(file) if file is not None else _wanted(paths_of(config, patch), targets, file_root, no_delete=no_delete)
    )
    with _Secrets(secrets_out) as secrets, target(control_plane, database, token) as home:
        saved = (
            wanted if isinstance(wanted, SavedPlan) else _confirmed(home, wanted, allowed, auto_approve=auto_approve)
        )
        if saved.plan.is_empty and not saved.plan.errors:
            if file is not None:
                say("The plan changes nothing.")
            return
        try:
            done = home.apply(saved, allowed, lock_wait_s=wait_s)
        except RefusedError as error:
            if error.code == UNKNOWN and file is None:
                _keep(saved, as_flags(control_plane, database))
            raise
        if done.already:
            say(f"This plan was applied before, as revision {done.revision}.")
        else:
            say(f"Applied as revision {done.revision}.", "green")
        secrets.tell(done.minted)
        _tell_of_secrets_that_are_gone(saved, done)


def _confirmed(home: Target, request: "PlanRequest", allowed: "Allowed", *, auto_approve: bool) -> "SavedPlan":
    from gateway.plan.guards import refusals  # noqa: PLC0415 - see above

    saved = home.plan(request)
    _print(saved.plan, PlanFormat.TEXT)
    if saved.plan.errors:
        raise typer.Exit(1)
    if saved.plan.is_empty:
        return saved
    if refused := refusals(saved.plan, allowed):
        for one in refused:
            say(f"refused: {one}", "bold red")
        raise typer.Exit(GUARD)
    if not auto_approve:
        if not sys.stdin.isatty():
            raise failed("nobody is there to confirm: apply a saved plan, or say --auto-approve")
        if not typer.confirm("Apply this?", default=False, err=True):
            say("Nothing was changed.")
            raise typer.Exit(1)
    return saved


def _lock_wait_s(written: str) -> float:
    try:
        seconds = parse_duration(written).total_seconds()
    except ValueError as error:
        raise failed(f"--lock-timeout: {error}") from None
    if not 0 <= seconds <= _LONGEST_LOCK_WAIT_S:
        raise failed(f"--lock-timeout: between 0s and {_LONGEST_LOCK_WAIT_S}s")
    return seconds


def _days(written: str | None) -> int:
    if written is None:
        return 0
    try:
        days = math.ceil(parse_duration(written) / timedelta(days=1))
    except ValueError as error:
        raise failed(f"--replay: {error}") from None
    if not 1 <= days <= _LONGEST_REPLAY_DAYS:
        raise failed(f"--replay: between 1d and {_LONGEST_REPLAY_DAYS}d")
    return days


def _wanted(paths: Sequence[Path], *arguments: Any, **more: Any) -> "PlanRequest":
    """The request of files that are valid; ends the command where they are not."""
    try:
        request, found = request_of(paths, *arguments, **more)
    except NotValidError as error:
        _print_no_plan(error.diagnostics, PlanFormat.TEXT)
        raise typer.Exit(1) from None
    show(found)
    return request


def request_of(
    paths: Sequence[Path],
    targets: list[str] | None,
    file_root: list[Path] | None,
    *,
    may_lack_credentials: bool = False,
    **more: Any,
) -> "tuple[PlanRequest, Sequence[Diagnostic]]":
    """What files want of a control plane, and what was found in them. Raises `NotValidError`."""
    from gateway.config.documents import PlanRequest, documents  # noqa: PLC0415 - see above
    from gateway.config.resources import resources_of  # noqa: PLC0415 - see above
    from gateway.config.source import pointer  # noqa: PLC0415 - see above

    loaded, read, owner = _owned(paths, file_root, may_lack_credentials=may_lack_credentials)
    request = PlanRequest(
        owner=owner,
        resources=[*documents(resources_of(read, loaded.references))],
        moves=[(one.from_, one.to) for one in read.moved],
        targets=targets or [],
        digest=loaded.digest,
        commit=loaded.commit,
        absent=sorted((f"{path[0]}.{path[1]}", pointer(path[2:])) for path in loaded.absent),
        **more,
    )
    return request, loaded.diagnostics


def _request_back(revision: int, owner: str, targets: list[str] | None, **more: Any) -> "PlanRequest":
    """What an owner had at a revision."""
    from gateway.config.documents import PlanRequest  # noqa: PLC0415 - see above

    digest = f"revision {revision}"
    return PlanRequest(owner, [], targets=targets or [], digest=digest, to_revision=revision, **more)


def owner_of(paths: Sequence[Path], file_root: list[Path] | None) -> str:
    """Whose the files are; ends the command where they are nobody's, or not valid."""
    try:
        return _owned(paths, file_root)[2]
    except NotValidError as error:
        show(error.diagnostics)
        raise typer.Exit(1) from None


def _owned(
    paths: Sequence[Path], file_root: list[Path] | None, *, may_lack_credentials: bool = False
) -> "tuple[Loaded, FileConfig, str]":
    """The files as a control plane takes them, and their owner; ends the command where they have none.

    Raises `NotValidError`.
    """
    from gateway import clock  # noqa: PLC0415 - see above
    from gateway.config.load import load  # noqa: PLC0415 - see above

    loaded = load(
        paths,
        environ=os.environ,
        now=clock.utc_now(),
        for_control_plane=True,
        file_roots=roots(file_root),
        may_lack_credentials=may_lack_credentials,
    )
    if loaded.config is None:
        raise NotValidError(loaded.diagnostics)
    if loaded.config.owner is None:
        raise failed("the file says nobody's name: add `owner: NAME`, under which the control plane keeps what it has")
    return loaded, loaded.config, loaded.config.owner


def _print_no_plan(diagnostics: "Sequence[Diagnostic]", output: PlanFormat) -> None:
    """Why the files cannot be planned, on standard output where that is read by a program."""
    problem = "The configuration is not valid; nothing was planned."
    if output is PlanFormat.JSON:
        from gateway.plan.render.findings import NoPlan  # noqa: PLC0415 - see above

        print_json(NoPlan(errors=[problem], diagnostics=[*diagnostics]))
        return
    print_findings(diagnostics, output, "gateway-plan")
    if output is not PlanFormat.SARIF:
        say(problem, "red")


def _print(made: "Plan", output: PlanFormat, paths: Sequence[Path] = (), found: "Sequence[Diagnostic]" = ()) -> None:
    """Prints a plan; with the files that it is of, what reviews read is said where it stands."""
    from gateway.config.load import find_places  # noqa: PLC0415 - see above
    from gateway.plan.render.findings import findings, places_wanted  # noqa: PLC0415 - see above
    from gateway.plan.render.json import json  # noqa: PLC0415 - see above
    from gateway.plan.render.lines import lines  # noqa: PLC0415 - see above
    from gateway.plan.render.markdown import markdown  # noqa: PLC0415 - see above

    if output is PlanFormat.JSON:
        results.out(json(made))
        return
    if output is PlanFormat.MARKDOWN:
        results.out(markdown(made), end="")
        return
    if output in (PlanFormat.GITHUB, PlanFormat.SARIF):
        print_findings([*found, *findings(made, find_places(paths, places_wanted(made)))], output, "gateway-plan")
    if output is PlanFormat.SARIF:
        return
    print_lines(lines(made))


def print_lines(told: "Iterable[Line]") -> None:
    """Lines of a plan, coloured on a terminal."""
    if results.is_terminal:
        results.print(Text("\n").join(Text(line.text, style=line.style) for line in told))
    else:
        # PERF: a first plan of many keys has hundreds of thousands of lines.
        results.out("\n".join(line.text for line in told))


def _code(made: "Plan", *, detailed: bool) -> int:
    if made.errors:
        return 1
    is_changed = bool(made.drift) if made.drift_only else not made.is_empty
    return CHANGES if detailed and is_changed else 0


def _save(saved: "SavedPlan", file: Path) -> None:
    from gateway.plan.saved import written  # noqa: PLC0415 - see above

    try:
        replace(file, written(saved))
    except OSError as error:
        raise failed(f"{file} cannot be written: {error.strerror}") from None


def _keep(saved: "SavedPlan", where: Sequence[str]) -> None:
    """Saves a plan of which nobody knows whether it was carried out: applied again it tells that, and its secrets."""
    file = Path(f"{saved.plan.plan_id}.json")
    try:
        _save(saved, file)
    except typer.Exit:
        # Said already; what became of the apply weighs more.
        return
    again = command_line("gateway", "apply", str(file), *where)
    say(f"Saved to {file}. To learn what came of it, and within an hour the secrets that it made: {again}", "yellow")


def _tell_of_secrets_that_are_gone(saved: "SavedPlan", done: Applied) -> None:
    gone = [one.name for one in saved.plan.resource_changes if one.mints_secret and one.name not in done.minted]
    if gone:
        of = "The secret of" if len(gone) == 1 else "The secrets of"
        say(f"{of} {names(gone)} can no longer be told: gateway keys rotate NAME gives a key another one.", "yellow")


def _read(file: Path) -> "SavedPlan":
    from gateway.plan.saved import PlanFileError, read  # noqa: PLC0415 - see above

    try:
        return read(file.read_bytes())
    except OSError as error:
        raise failed(f"{file} cannot be read: {error.strerror}") from None
    except PlanFileError as error:
        raise failed(f"{file}: {error}") from None


class _Secrets:
    """Where the secrets of new keys go: a file that is made before anything is applied, or standard output.

    The file is readable by its owner alone; no link is followed, nothing is overwritten, and it is gone again where
    there was no secret to write.
    """

    def __init__(self, file: Path | None) -> None:
        self._file = file
        self._opened: BinaryIO | None = None
        self._is_written = False

    def __enter__(self) -> Self:
        if self._file is not None:
            try:
                handle = make_new(self._file)
            except FileExistsError:
                raise failed(f"{self._file} is there already; secrets overwrite nothing") from None
            except OSError as error:
                raise failed(f"{self._file} cannot be written: {error.strerror}") from None
            self._opened = os.fdopen(handle, "wb")
        return self

    def __exit__(self, *_raised: object) -> None:
        if self._opened is not None and self._file is not None:
            self._opened.close()
            if not self._is_written:
                self._file.unlink(missing_ok=True)

    def tell(self, minted: dict[str, str]) -> None:
        """Hands them on."""
        if not minted:
            return
        if self._opened is not None:
            self._is_written = True
            try:
                self._opened.write("".join(f"{name}={secret}\n" for name, secret in minted.items()).encode())
                self._opened.flush()
            except OSError as error:
                say(f"error: {self._file} cannot be written: {error.strerror}; the secrets follow, this once", "red")
            else:
                what, have = ("The secret", "is") if len(minted) == 1 else ("The secrets", "are")
                say(f"{what} of {count(len(minted), 'new key')} {have} in {self._file}, readable by you alone.")
                return
        say("The secrets of new keys, shown this once:")
        for name, secret in minted.items():
            results.out(f"{name}={secret}")
