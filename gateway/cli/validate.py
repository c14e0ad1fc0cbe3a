"""`gateway validate`: is the file right?"""

import hashlib
import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import msgspec
import typer
from rich.text import Text

from gateway.cli.annotations import FindingsFormat, FindingsOutput, chosen, print_findings
from gateway.cli.database import failed
from gateway.cli.groups import Commands
from gateway.cli.options import ConfigPaths, FileRoots, PatchPaths, Token, paths_of, roots
from gateway.cli.output import print_json, results
from gateway.config.diagnostics import Diagnostic, Severity
from gateway.plan.words import count
from gateway.visible import visible

if TYPE_CHECKING:
    from gateway.config.findings import Checked
    from gateway.config.load import Loaded
    from gateway.config.model import Config

app: Final = Commands()

EPILOG = (
    "Example: gateway validate gateway.yaml keys/ --strict\n\n"
    "Exit codes: 0 the configuration is valid, 1 it is not (with --strict: or a secret stands in it in clear)."
)


class ValidationReport(msgspec.Struct, frozen=True, kw_only=True):
    """What `gateway validate --format json` prints.

    `digest` is the SHA-256 of everything that was read, `price_lists` the lists of published prices that count at each
    provider.
    """

    format_version: str = "1.0"
    valid: bool
    digest: str
    diagnostics: tuple[Diagnostic, ...]
    price_lists: dict[str, tuple[str, ...]]


@app.command("validate", epilog=EPILOG)
def validate(
    paths: Annotated[list[Path] | None, typer.Argument(help="Configuration files and directories.")] = None,
    config: ConfigPaths = None,
    patch: PatchPaths = None,
    strict: Annotated[bool, typer.Option("--strict", help="A secret in clear is an error, not a warning.")] = False,
    serving: Annotated[
        bool, typer.Option("--serving", help="Also refuse what this version checks but does not enforce yet.")
    ] = False,
    each: Annotated[
        bool,
        typer.Option(
            "--each",
            help="Judge each file as a configuration of its own and leave alone what is none: for hooks, which get all "
            "files that change.",
        ),
    ] = False,
    file_root: FileRoots = None,
    control_plane: Annotated[
        str | None,
        typer.Option(
            "--control-plane",
            metavar="URL",
            help="Also ask this control plane, with a token that may plan, whether it fits what others have.",
        ),
    ] = None,
    database: Annotated[
        str | None,
        typer.Option("--database", metavar="URL", help="The same of a database; `default` as for `gateway plan`."),
    ] = None,
    token: Token = None,
    output: FindingsOutput = None,
) -> None:
    """Check configuration files without starting anything.

    Every finding is reported at once, with its place, a stable code and how to mend it. In a file with an `owner`,
    names that it does not declare are notes: another owner of the same control plane may have them.
    """
    from gateway import clock  # noqa: PLC0415 - `gateway version` should not wait for what only validation needs
    from gateway.config.judge import Serving  # noqa: PLC0415
    from gateway.config.load import load  # noqa: PLC0415
    from gateway.config.model import Config  # noqa: PLC0415
    from gateway.snapshot.lock_origins import moved_locks  # noqa: PLC0415
    from gateway.snapshot.unpriced_models import unpriced_models  # noqa: PLC0415

    given = paths_of([*(paths or ()), *(config or ())], patch)
    sections = Config.model_fields.keys() - {"version"}
    now = clock.utc_now()
    judged = [
        load(
            some,
            environ=os.environ,
            now=now,
            strict=strict,
            file_roots=roots(file_root),
            serving=Serving() if serving else None,
            may_lack_credentials=not serving,
            others_may_declare=not serving,
            checks=[lambda config: unpriced_models(config, now), moved_locks, _unreachable_fallbacks],
        )
        for some in (_each(given, sections) if each else [given])
    ]
    if control_plane is not None or database is not None:
        if each:
            raise failed("--each judges files one by one: ask a control plane about a whole configuration")
        judged = [_with_answer(judged[0], _of_control_plane(given, file_root, control_plane, database, token))]
    diagnostics = tuple(finding for one in judged for finding in one.diagnostics)
    valid, form = all(one.config is not None for one in judged), chosen(output)
    if form is FindingsFormat.JSON:
        report = ValidationReport(
            valid=valid,
            digest=judged[0].digest if len(judged) == 1 else _digest_of(judged),
            diagnostics=diagnostics,
            price_lists={name: lists for one in judged for name, lists in _price_lists(one.config).items()},
        )
        print_json(report)
        raise typer.Exit(0 if valid else 1)
    print_findings(diagnostics, form, "gateway-validate")
    if form is not FindingsFormat.SARIF:
        for one in judged:
            _sum_up(one, f"{visible(str(one.files[0]))}: " if each else "")
        if not judged:
            results.print(Text("None of these files is a configuration."))
    raise typer.Exit(0 if valid else 1)


def _digest_of(judged: "Iterable[Loaded]") -> str:
    """One digest over several configurations."""
    return hashlib.sha256("".join(one.digest for one in judged).encode()).hexdigest()


def _sum_up(one: "Loaded", name: str) -> None:
    results.print(Text(f"{name}{_summary(one.config, one.diagnostics)}"))
    if told := _told(_price_lists(one.config)):
        results.print(Text(f"Price lists: {told}."))


def _each(given: Sequence[Path], sections: Collection[str]) -> list[list[Path]]:
    """Each file that is a configuration, with the patches."""
    from gateway.config.files import is_configuration  # noqa: PLC0415 - see above
    from gateway.config.patches import PatchFile  # noqa: PLC0415

    patches = [one for one in given if isinstance(one, PatchFile)]
    return [[one, *patches] for one in given if one not in patches and is_configuration(one, sections)]


def _unreachable_fallbacks(config: "Config") -> "Iterable[Checked]":
    from gateway.pipeline.unreachable import unreachable_fallbacks  # noqa: PLC0415 - only a valid file needs the walk

    return unreachable_fallbacks(config)


def _with_answer(loaded: "Loaded", answered: tuple[Diagnostic, ...]) -> "Loaded":
    """What was found, with what a control plane says in place of what could not be checked without it."""
    found = (*(one for one in loaded.diagnostics if one.severity is not Severity.NOTE), *answered)
    return msgspec.structs.replace(loaded, config=None if answered else loaded.config, diagnostics=found)


def _of_control_plane(
    paths: Sequence[Path], file_root: list[Path] | None, url: str | None, database: str | None, token: str | None
) -> tuple[Diagnostic, ...]:
    """What a plan of the files says is wrong with them, beside what others have in the control plane."""
    from gateway.cli.plan import request_of  # noqa: PLC0415 - most files are checked without a control plane
    from gateway.cli.snapshot import NotValidError  # noqa: PLC0415 - see above
    from gateway.cli.target import target  # noqa: PLC0415 - see above

    try:
        request, _ = request_of(paths, None, file_root, may_lack_credentials=True)
    except NotValidError as error:
        return tuple(one for one in error.diagnostics if one.is_error)
    with target(url, database, token, only_looks=True) as home:
        errors = home.plan(request).plan.errors
    told = (error.partition("\n  hint: ") for error in errors)
    return tuple(Diagnostic(code="plan-error", message=message, hint=hint or None) for message, _, hint in told)


def _summary(config: "Config | None", found: Sequence[Diagnostic]) -> str:
    errors, warnings, notes = (sum(one.severity is of for one in found) for of in Severity)
    told = count(warnings, "warning") + (f", {count(notes, 'note')}" if notes else "")
    if config is None:
        return f"Not valid: {count(errors, 'error')}, {told}."
    sections = (
        ("providers", "provider"),
        ("virtual_keys", "virtual key"),
        ("model_aliases", "model alias"),
        ("models", "model"),
        ("policy_rules", "policy rule set"),
        ("budgets", "budget"),
    )
    parts = [count(len(getattr(config, section)), noun) for section, noun in sections]
    return f"Valid: {', '.join(parts)}; {told}."


def _price_lists(config: "Config | None") -> dict[str, tuple[str, ...]]:
    """Whose lists of the price catalogue count at each provider; the simulator costs what the file says."""
    from gateway.snapshot.prices import seller_at  # noqa: PLC0415 - see above

    providers = {} if config is None else config.providers
    return {name: seller_at(one).lists for name, one in providers.items() if one.type != "simulator"}


def _told(price_lists: Mapping[str, tuple[str, ...]]) -> str:
    """Each list once, with those to whom it applies."""
    by_list: dict[tuple[str, ...], list[str]] = {}
    for name, lists in price_lists.items():
        by_list.setdefault(lists, []).append(name)
    return "; ".join(f"{', '.join(lists) or 'none'} for {', '.join(names)}" for lists, names in by_list.items())
