"""`gateway version`."""

import json
import platform
from typing import Annotated

import typer

from gateway.cli.output import Format, results
from gateway.version import BUILD, __version__

EPILOG = "Example: gateway version --format json"


def version(output: Annotated[Format, typer.Option("--format", help="text or json.")] = Format.TEXT) -> None:
    """Print the version of this build, and whether it is compiled."""
    if output is Format.JSON:
        results.out(json.dumps({"version": __version__, "python": platform.python_version(), "build": BUILD}))
    else:
        results.out(f"gateway {__version__} (Python {platform.python_version()}, {BUILD})")
