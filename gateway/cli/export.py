"""`gateway export`: what a control plane has, as a file that plans to no changes."""

from pathlib import Path
from typing import Annotated, Any, Final

import typer

from gateway.cli.database import failed
from gateway.cli.groups import Commands
from gateway.cli.options import ControlPlaneUrl, Database, Token
from gateway.cli.output import results, say
from gateway.cli.target import Target, target
from gateway.private_files import write_new

app: Final = Commands()

EPILOG = "Example: gateway export --owner platform --database default > gateway.yaml"


@app.command("export", epilog=EPILOG)
def export(
    owner: Annotated[
        str | None, typer.Option(help="Whose resources; may be left away where there is one owner.")
    ] = None,
    control_plane: ControlPlaneUrl = None,
    database: Database = None,
    token: Token = None,
    out: Annotated[Path | None, typer.Option("--out", help="Write to this file, which must not be there.")] = None,
) -> None:
    """Print an owner's resources as a `gateway.yaml`. Secrets are references; a plan of the file shows no changes."""
    from gateway.config.export import exported  # noqa: PLC0415 - `gateway version` should not wait for it

    with target(control_plane, database, token) as home:
        rows = _all(home)
    owners = sorted({row["owner"] for row in rows})
    if owner is None and len(owners) != 1:
        known = f"there are {', '.join(owners)}" if owners else "nothing is there"
        raise failed(f"say whose with --owner: {known}")
    chosen = owner or owners[0]
    text, variables = exported(chosen, [row for row in rows if row["owner"] == chosen])
    if out is None:
        results.out(text, end="")
    else:
        try:
            write_new(out, text.encode())
        except OSError as error:
            raise failed(f"{out} cannot be written: {error.strerror}") from None
    if variables:
        say(f"Secrets are references; before a plan of the file, set: {', '.join(variables)}")


def _all(home: Target) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    after: str | None = ""
    while after is not None:
        page = home.get("/resources", {"limit": "1000", **({"after": after} if after else {})})
        rows += page["resources"]
        after = page["next_after"]
    return rows
