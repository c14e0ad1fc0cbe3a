"""`gateway control-plane`: the API over spend, budgets and requests."""

from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.database import DatabaseUrl, database_url, failed
from gateway.cli.process_settings import read_settings

app = typer.Typer(help="Serve the control plane's REST API.", no_args_is_help=True)

EPILOG = (
    "Example: gateway control-plane serve -c gateway.yaml --port 5560\n\n"
    "Callers need a token: gateway tokens create --scope view --name ci. Without TLS it listens on this machine only."
)


@app.command("serve", epilog=EPILOG)
def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.", min=1, max=65535)] = 5560,
    config: Annotated[
        list[Path] | None, typer.Option("--config", "-c", help="The files whose budgets are reported; repeatable.")
    ] = None,
    url: DatabaseUrl = None,
    tls_cert: Annotated[Path | None, typer.Option(help="PEM certificate chain; serves HTTPS.")] = None,
    tls_key: Annotated[Path | None, typer.Option(help="PEM private key of the certificate.")] = None,
    allow_remote_http: Annotated[
        bool,
        typer.Option(
            "--allow-remote-http",
            help="Listen beyond this machine without TLS, because something in front of it speaks TLS.",
        ),
    ] = False,
    log_level: Annotated[str | None, typer.Option(help="debug, info, warning or error. Default: info")] = None,
) -> None:
    """Serve `/api/gateway/v1`, `/healthz` and `/readyz` over the database that `gateway db upgrade` prepared."""
    from gateway.control_plane import process, wiring  # noqa: PLC0415 - `gateway version` should not wait for a server
    from gateway.storage.engine import StorageError  # noqa: PLC0415

    settings = read_settings(log_level=log_level)
    options = wiring.Options(
        host=host,
        port=port,
        database_url=database_url(url),
        config=tuple(config) if config else settings.config,
        tls_cert=tls_cert,
        tls_key=tls_key,
        log_level=settings.log_level,
    )
    try:
        process.check_listening(options, allow_remote_http=allow_remote_http)
        wiring.check(options)
    except (StorageError, ValueError) as error:
        raise failed(str(error)) from None
    raise typer.Exit(process.run(options))
