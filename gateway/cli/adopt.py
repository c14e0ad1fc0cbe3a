"""`gateway adopt`: hand a resource of the control plane over to the owner of a file."""

from typing import Annotated, Final

import typer

from gateway.cli.database import failed
from gateway.cli.groups import Commands
from gateway.cli.options import ConfigPaths, ControlPlaneUrl, Database, FileRoots, PatchPaths, Token, paths_of
from gateway.cli.output import say
from gateway.cli.plan import owner_of
from gateway.cli.target import target

app: Final = Commands()

EPILOG = (
    "Example: gateway adopt virtual_keys/night-shift -c gateway.yaml\n\n"
    "Where the file has the resource, the next plan compares the two; where it has not, the next plan deletes it. The "
    "token is one of scope admin."
)


@app.command("adopt", epilog=EPILOG)
def adopt(
    addresses: Annotated[list[str], typer.Argument(metavar="KIND/NAME...", help="What is handed over.")],
    config: ConfigPaths = None,
    patch: PatchPaths = None,
    owner: Annotated[
        str | None, typer.Option("--owner", help="Who has it from now on. Default: the owner of the files.")
    ] = None,
    control_plane: ControlPlaneUrl = None,
    database: Database = None,
    token: Token = None,
    file_root: FileRoots = None,
) -> None:
    """Take what was made by a single change, or by another file, under the owner of these files."""
    from gateway.config.address import parse_address  # noqa: PLC0415 - `gateway version` should not wait for it

    try:
        keys = [parse_address(one) for one in addresses]
    except ValueError as error:
        raise failed(str(error)) from None
    new = owner if owner is not None else owner_of(paths_of(config, patch), file_root)
    with target(control_plane, database, token) as home:
        for kind, name in keys:
            home.hand_over(kind, name, new)
            say(f"{kind}.{name} belongs to {new} now.")
