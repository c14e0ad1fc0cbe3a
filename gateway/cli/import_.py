"""`gateway import`: a peer's configuration as a `gateway.yaml`, and what could not come along."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import msgspec
import typer

from gateway.cli.database import failed
from gateway.cli.groups import Commands
from gateway.cli.output import results, say, show
from gateway.cli.process_settings import read_settings
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
    file: Annotated[Path, typer.Argument(help="LiteLLM's config.yaml.")],
    keys: Annotated[
        Path | None, typer.Option(help="Virtual keys as JSON: what /key/list answers, or rows of the database.")
    ] = None,
    owner: Owner = "imported",
    output: Output = None,
    report: Report = None,
) -> None:
    """Convert LiteLLM's configuration, and its virtual keys with their budgets.

    Where GATEWAY_KEY_PEPPER is set as for the gateway, people go on with the secrets that they have.
    """
    from gateway.importers.litellm import convert  # noqa: PLC0415 - `gateway version` should not wait for it
    from gateway.importers.litellm_file import UnreadableFile, read  # noqa: PLC0415 - likewise
    from gateway.keys.digest import Pepper  # noqa: PLC0415 - likewise

    try:
        config = read(file)
    except UnreadableFile as problem:
        raise failed(str(problem).removesuffix(".")) from None
    secret = read_settings().key_pepper
    pepper = None if secret is None else Pepper(secret.get_secret_value().encode())
    _finish(convert(config, None if keys is None else _read(keys), owner, pepper), output, report)


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
