"""`gateway import`: a peer's configuration as a `gateway.yaml`, and what could not come along."""

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import msgspec
import typer

from gateway.cli.database import failed
from gateway.cli.groups import Commands
from gateway.cli.options import ConfigPaths, Database, PatchPaths, found_paths
from gateway.cli.output import results, say, show
from gateway.cli.process_settings import read_pepper
from gateway.private_files import write_new

if TYPE_CHECKING:
    from gateway.importers.draft import Draft

app: Final = Commands(
    "import",
    "Turn another gateway's configuration into a gateway.yaml. What cannot come along is said, with what to do.",
)

Output = Annotated[Path | None, typer.Option("--output", "-o", help="Write to this file, which must not be there.")]
Report = Annotated[
    str | None,
    typer.Option(
        "--report",
        metavar="FILE|markdown|json",
        help="Write the notes to this file, as Markdown where it ends with .md, else as JSON; or print them in this "
        "form, where the configuration goes to a file.",
    ),
]
_PRINTED: Final = ("markdown", "json")
Owner = Annotated[str, typer.Option(help="The `owner` of the file.")]


@app.command("litellm", epilog="Example: gateway import litellm config.yaml --keys keys.json --output gateway.yaml")
def litellm(
    file: Annotated[Path | None, typer.Argument(help="LiteLLM's config.yaml; none with --spend.")] = None,
    keys: Annotated[
        Path | None, typer.Option(help="Virtual keys as JSON: what /key/list answers, or rows of the database.")
    ] = None,
    spend: Annotated[
        Path | None,
        typer.Option(help="In place of converting: write what this dump, as of --keys, says was spent to the ledger."),
    ] = None,
    config_: ConfigPaths = None,
    patch: PatchPaths = None,
    database_: Database = None,
    owner: Owner = "imported",
    output: Output = None,
    report: Report = None,
) -> None:
    """Convert LiteLLM's configuration, and its virtual keys with their budgets.

    Where GATEWAY_KEY_PEPPER is set as for the gateway, people go on with the secrets that they have.

    With --spend, budgets go on with what was spent so far: the ledger gets one opening row for each counter, once. The
    budgets are those of --config, else those that were applied to the database; GATEWAY_REDIS_URL says where counters
    are shared, which take it at once. Counters in the memory of a gateway take it at its next start or reload.
    """
    if spend is not None:
        if file is not None or keys is not None:
            raise failed("--spend converts nothing: give it without a config.yaml and --keys")
        from gateway.cli.opening_balances import open_budgets  # noqa: PLC0415 - `gateway version` should not wait for it

        open_budgets(_read(spend), found_paths(config_, patch), database_)
        return
    if file is None:
        raise failed("give LiteLLM's config.yaml, or --spend")
    from gateway.importers.litellm import convert  # noqa: PLC0415 - likewise
    from gateway.importers.litellm_file import UnreadableFile, read  # noqa: PLC0415 - likewise

    try:
        config = read(file)
    except UnreadableFile as problem:
        raise failed(str(problem).removesuffix(".")) from None
    _finish(convert(config, None if keys is None else _read(keys), owner, read_pepper()), output, report)


@app.command("portkey", epilog="Example: gateway import portkey config.json --alias smart --output gateway.yaml")
def portkey(
    file: Annotated[Path, typer.Argument(help="Portkey's config, JSON.")],
    alias: Annotated[str, typer.Option(help="The model name under which clients reach the targets.")] = "default",
    owner: Owner = "imported",
    output: Output = None,
    report: Report = None,
) -> None:
    """Convert a Portkey config: its targets under one alias, and its fallback."""
    from gateway.importers.portkey import convert  # noqa: PLC0415 - see above

    _finish(convert(_read(file), alias, owner), output, report)


@app.command("bifrost", epilog="Example: gateway import bifrost config.json --output gateway.yaml")
def bifrost(
    file: Annotated[Path, typer.Argument(help="Bifrost's config.json.")],
    owner: Owner = "imported",
    output: Output = None,
    report: Report = None,
) -> None:
    """Convert Bifrost's config.json: providers, virtual keys with their budgets and limits, routing rules.

    Where GATEWAY_KEY_PEPPER is set as for the gateway, people go on with the secrets that they have.
    """
    from gateway.importers.bifrost import convert  # noqa: PLC0415 - see above

    _finish(convert(_read(file), owner, read_pepper(), os.environ), output, report)


def _read(file: Path) -> Any:
    """JSON, or YAML, whose reader takes no surrogates of JSON, but says where a file is wrong."""
    from gateway.config.source import parse  # noqa: PLC0415 - see above

    try:
        text = file.read_bytes().decode("utf-8-sig")
    except (OSError, ValueError) as error:
        raise failed(f"{file} cannot be read: {getattr(error, 'strerror', None) or 'it is not UTF-8 text'}") from None
    try:
        tree = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        tree, diagnostics = parse(text, str(file))
        if diagnostics:
            show(diagnostics)
            raise typer.Exit(1) from None
    if not isinstance(tree, dict | list):
        raise failed(f"{file} holds no configuration")
    return tree


def _finish(draft: "Draft", output: Path | None, report: str | None) -> None:
    text = draft.text()
    if report in _PRINTED and output is None:
        raise failed(f"standard output gets the configuration: give --output too, or a file as --report {report}")
    if report is not None:
        _report(draft, report)
    if output is None:
        results.out(text, end="")
    else:
        _write(output, text)
    for note in draft.notes:
        say(f"note: {note}", "yellow")
    if draft.variables:
        say(f"Before it is used, set: {', '.join(sorted(draft.variables))}")


def _report(draft: "Draft", report: str) -> None:
    """What to tell, to a file or to standard output."""
    from gateway.importers.report import markdown  # noqa: PLC0415 - see above

    is_markdown = report == "markdown" or report.endswith(".md")
    notes = [{"where": one.where, "note": one.text} for one in draft.notes]
    text = markdown(draft) if is_markdown else json.dumps(notes, indent=2) + "\n"
    if report in _PRINTED:
        results.out(text, end="")
    else:
        _write(Path(report), text)


def _write(file: Path, text: str) -> None:
    try:
        write_new(file, text.encode())
    except OSError as error:
        raise failed(f"{file} cannot be written: {error.strerror}") from None
