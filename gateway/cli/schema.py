"""`gateway schema`: the JSON Schema of the configuration, and its reference for people."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

import typer

from gateway.cli.groups import Commands
from gateway.cli.output import results, say

app: Final = Commands()

EPILOG = (
    "Example: gateway schema --output schema/gateway.schema.json\n\n"
    "Point an editor at it: # yaml-language-server: $schema=../schema/gateway.schema.json\n\n"
    "Exit codes: 0 done or equal, 1 --check found a difference."
)


class SchemaFormat(StrEnum):
    """The schema itself, or the reference that is generated from it."""

    JSON = "json"
    MARKDOWN = "markdown"


@app.command("schema", epilog=EPILOG)
def schema(
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write here instead of printing.")] = None,
    check: Annotated[Path | None, typer.Option("--check", help="Fail when this file differs from the schema.")] = None,
    form: Annotated[SchemaFormat, typer.Option("--format", help="json or markdown.")] = SchemaFormat.JSON,
) -> None:
    """Print the JSON Schema (draft 2020-12) of gateway.yaml, generated from the program itself."""
    from gateway.config import reference  # noqa: PLC0415 - `gateway version` should not wait for it
    from gateway.config import schema as json_schema  # noqa: PLC0415

    text = json_schema.render() if form is SchemaFormat.JSON else reference.render()
    if check is not None:
        if not check.is_file() or check.read_bytes() != text.encode():
            command = f"gateway schema --format {form.value} --output {check}"
            say(f"{check} differs from the schema of this version; run: {command}", "red")
            raise typer.Exit(1)
        return
    if output is not None:
        try:
            output.write_text(text, encoding="utf-8")
        except OSError as error:
            say(f"error: {output} cannot be written: {error.strerror}", "red")
            raise typer.Exit(1) from None
        return
    results.out(text, end="")
