"""`gateway serve`: the data plane."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from gateway.cli.groups import Commands
from gateway.cli.options import DEFAULT_CONFIG, ConfigPaths, FileRoots, OwnDatabase, PatchPaths, paths_of
from gateway.cli.output import say, show, speaks_as_the_log
from gateway.cli.process_settings import read_settings
from gateway.cli.stopping import stop_when_told

if TYPE_CHECKING:
    from gateway.settings import Settings

app: Final = Commands()

EPILOG = (
    "Example: gateway serve --config gateway.yaml --config keys/ --host 0.0.0.0\n\n"
    "Every setting has a GATEWAY_* variable (see docs/operations.md); flags win. SIGHUP reloads, SIGTERM drains.\n\n"
    "Exit codes: 0 stopped as told, 1 the configuration cannot be served."
)


@app.command("serve", epilog=EPILOG)
@speaks_as_the_log
def serve(
    config: ConfigPaths = None,
    patch: PatchPaths = None,
    file_root: FileRoots = None,
    env_file: Annotated[
        Path | None,
        typer.Option(help="NAME=value lines that ${env:} reads before the environment; watched, and read by SIGHUP."),
    ] = None,
    control_plane: Annotated[
        str | None,
        typer.Option(
            "--control-plane",
            metavar="URL",
            help="Follow this control plane in place of files; GATEWAY_CONTROL_PLANE_TOKEN is of scope gateway. "
            "Default: GATEWAY_CONTROL_PLANE_URL.",
        ),
    ] = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on. Default: 127.0.0.1")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on. Default: 5563")] = None,
    url: OwnDatabase = None,
    workers: Annotated[int | None, typer.Option(help="Worker processes. Default: 1")] = None,
    tls_cert: Annotated[Path | None, typer.Option(help="PEM certificate chain; serves HTTPS.")] = None,
    tls_key: Annotated[Path | None, typer.Option(help="PEM private key of the certificate.")] = None,
    log_level: Annotated[str | None, typer.Option(help="debug, info, warning or error. Default: info")] = None,
    access_log: Annotated[
        bool | None, typer.Option("--access-log/--no-access-log", help="One JSON line per request on standard output.")
    ] = None,
) -> None:
    """Serve the data plane: applications call it instead of their providers.

    The files are watched; a valid change is live within a second, an invalid one changes nothing.
    """
    stop_when_told()
    from gateway.server import process  # noqa: PLC0415 - `gateway version` should not wait for what only serving needs
    from gateway.server.startup import load_for_serving  # noqa: PLC0415

    flags = {
        "config": tuple(config) if config else None,
        "patch": tuple(patch) if patch else None,
        "file_roots": tuple(file_root) if file_root else None,
        "env_file": env_file,
        "control_plane_url": control_plane,
        "host": host,
        "port": port,
        "database_url": url,
        "workers": workers,
        "tls_cert": tls_cert,
        "tls_key": tls_key,
        "log_level": log_level,
        "access_log": access_log,
    }
    settings = read_settings(**flags)
    if settings.control_plane_url is not None:
        _check_control_plane(settings, settings.control_plane_url)
        raise typer.Exit(process.run(settings))
    if not settings.config:
        paths_of(None)  # ends the command where there is none
        settings = settings.model_copy(update={"config": (DEFAULT_CONFIG,)})
    loaded = load_for_serving(settings)
    show(loaded.diagnostics)
    if loaded.config is None:
        say("The configuration cannot be served; nothing was started.", "red")
        raise typer.Exit(1)
    del loaded
    raise typer.Exit(process.run(settings))


def _check_control_plane(settings: "Settings", url: str) -> None:
    from gateway.snapshot.following.client import check_url  # noqa: PLC0415 - see above

    problem = None
    if settings.config:
        problem = "a gateway serves files or follows a control plane, not both: give --config or --control-plane"
    elif settings.env_file is not None:
        problem = (
            "--env-file (GATEWAY_ENV_FILE) is for files that are served: a control plane resolves `${env:}` when it is "
            "applied to. Renew a credential with gateway apply, or let a node resolve it: `${runtime-env:}`"
        )
    elif settings.control_plane_token is None:
        problem = (
            "the control plane wants a token: set GATEWAY_CONTROL_PLANE_TOKEN, which is made there with: "
            "gateway tokens create --scope gateway --name gateway"
        )
    else:
        try:
            check_url(url)
        except ValueError as error:
            problem = str(error)
    if problem is not None:
        say(f"error: {problem}", "red")
        raise typer.Exit(1)
