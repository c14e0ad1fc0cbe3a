"""`gateway config`: the file as it is served, with everything written out that keys inherit."""

import os
from typing import Annotated, Final

import typer

from gateway.cli.database import failed
from gateway.cli.groups import Commands
from gateway.cli.options import ConfigPaths, FileRoots, PatchPaths, paths_of, roots
from gateway.cli.output import results, show

app: Final = Commands()

EPILOG = "Example: gateway config --resolved --key dev-migration"


@app.command("config", epilog=EPILOG)
def config(
    config: ConfigPaths = None,
    patch: PatchPaths = None,
    _resolved: Annotated[
        bool, typer.Option("--resolved", help="With everything written out that keys inherit; there is no other form.")
    ] = True,
    key: Annotated[str | None, typer.Option(help="Only this virtual key.")] = None,
    file_root: FileRoots = None,
) -> None:
    """Print the configuration as it is served: keys with what their classes say, and where each value comes from.

    What is printed is a file that serves the same without classes. References stay references.
    """
    from gateway import clock  # noqa: PLC0415 - `gateway version` should not wait for what only this command needs
    from gateway.config.load import load  # noqa: PLC0415
    from gateway.config.resolved import resolved  # noqa: PLC0415

    loaded = load(
        paths_of(config, patch),
        environ=os.environ,
        now=clock.utc_now(),
        file_roots=roots(file_root),
        for_control_plane=True,
        may_lack_credentials=True,
    )
    show([one for one in loaded.diagnostics if loaded.config is None or one.is_error])
    if loaded.config is None:
        raise typer.Exit(1)
    try:
        # PERF: the terminal's layout has nothing to do here, and takes a millisecond a line.
        results.file.writelines(f"{line}\n" for line in resolved(loaded.config, loaded.references, key))
    except KeyError:
        raise failed(f"there is no virtual key named {key!r}") from None
