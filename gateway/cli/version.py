"""`gateway version`."""

import json
from typing import Annotated, Final

import typer

from gateway.cli.groups import Commands
from gateway.cli.output import Format, results
from gateway.version import BUILD, PYTHON, __version__, told

app: Final = Commands()

EPILOG = "Example: gateway version --format json"


@app.command("version", epilog=EPILOG)
def version(output: Annotated[Format, typer.Option("--format", help="text or json.")] = Format.TEXT) -> None:
    """Print the version of this build, and whether it is compiled."""
    if output is Format.JSON:
        results.out(json.dumps({"version": __version__, "python": PYTHON, "build": BUILD}))
    else:
        results.out(told())
