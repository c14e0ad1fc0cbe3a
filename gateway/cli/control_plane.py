"""`gateway control-plane`: the API and the console over spend, budgets, requests and configuration."""

from pathlib import Path
from typing import Annotated, Final

import typer

from gateway.cli.database import database, database_url, failed
from gateway.cli.groups import Commands
from gateway.cli.options import OwnDatabase, PatchPaths, with_patches
from gateway.cli.output import results, say, speaks_as_the_log
from gateway.cli.process_settings import read_settings
from gateway.cli.stopping import stop_when_told
from gateway.plan.words import count

app: Final = Commands("control-plane", "Serve the control plane: its REST API and its console.")

EPILOG = (
    "Example: gateway control-plane serve -c gateway.yaml --port 5560\n\n"
    "Callers need a token: gateway tokens create --scope view --name ci. Without TLS it listens on this machine only."
)


@app.command("serve", epilog=EPILOG)
@speaks_as_the_log
def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.", min=1, max=65535)] = 5560,
    config: Annotated[
        list[Path] | None, typer.Option("--config", "-c", help="The files whose budgets are reported; repeatable.")
    ] = None,
    patch: PatchPaths = None,
    url: OwnDatabase = None,
    tls_cert: Annotated[Path | None, typer.Option(help="PEM certificate chain; serves HTTPS.")] = None,
    tls_key: Annotated[Path | None, typer.Option(help="PEM private key of the certificate.")] = None,
    allow_remote_http: Annotated[
        bool,
        typer.Option(
            "--allow-remote-http",
            help="Listen beyond this machine without TLS, because something in front of it speaks TLS.",
        ),
    ] = False,
    console_trace_url: Annotated[
        str | None, typer.Option(help="Where the console finds a trace: an http(s) URL with {trace_id} in it.")
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="How plans call it, such as prod. Default: GATEWAY_CONTROL_PLANE_NAME.")
    ] = None,
    log_level: Annotated[str | None, typer.Option(help="debug, info, warning or error. Default: info")] = None,
) -> None:
    """Serve the API under `/api/gateway/v1`, the console at `/console`, `/healthz`, `/readyz` and `/metrics`.

    `/metrics` is for who sends GATEWAY_METRICS_TOKEN. The database is the one that `gateway db upgrade` prepared.
    """
    stop_when_told()
    from gateway.control_plane import process, wiring  # noqa: PLC0415 - `gateway version` should not wait for a server
    from gateway.control_plane.encryption import EncryptionError  # noqa: PLC0415
    from gateway.storage.engine import StorageError  # noqa: PLC0415

    settings = read_settings(log_level=log_level, console_trace_url=console_trace_url, control_plane_name=name)
    options = wiring.Options(
        host=host,
        port=port,
        database_url=database_url(url),
        config=with_patches(config or settings.config, patch),
        tls_cert=tls_cert,
        tls_key=tls_key,
        log_level=settings.log_level,
        log_format=settings.log_format,
        encryption_keys=settings.encryption_keys,
        key_pepper=settings.key_pepper,
        metrics_token=settings.metrics_token,
        node=settings.node_at(port),
        access_log=settings.access_log,
        trusted_proxies=settings.trusted_proxies,
        behind_tls=allow_remote_http,
        trace_url=settings.console_trace_url,
        name=settings.control_plane_name,
        ledger_retention=settings.ledger_retention,
    )
    try:
        process.check_listening(options, allow_remote_http=allow_remote_http)
        wiring.check(options)
    except (StorageError, EncryptionError, ValueError) as error:
        raise failed(str(error)) from None
    raise typer.Exit(process.run(options))


@app.command("generate-key", epilog="Example: export GATEWAY_ENCRYPTION_KEYS=$(gateway control-plane generate-key)")
def generate_key() -> None:
    """Print a new key for GATEWAY_ENCRYPTION_KEYS, under which secrets in the database are encrypted."""
    from gateway.control_plane import encryption  # noqa: PLC0415 - see above

    results.out(encryption.generate_key())


@app.command(
    "rotate-encryption",
    epilog="1. Put a new key in front: GATEWAY_ENCRYPTION_KEYS=NEW,OLD, and restart the control plane.\n\n"
    "2. Run this command.  3. Take the old key out of GATEWAY_ENCRYPTION_KEYS.",
)
def rotate_encryption(url: OwnDatabase = None) -> None:
    """Encrypt every secret in the database anew, under the first of GATEWAY_ENCRYPTION_KEYS."""
    from gateway.control_plane.encryption import EncryptionError, open_vault, rotate  # noqa: PLC0415 - see above
    from gateway.storage.engine import writing  # noqa: PLC0415

    settings = read_settings()
    keys = settings.encryption_keys
    with database(url) as engine:
        try:
            vault = open_vault(keys.get_secret_value() if keys is not None else None, engine)
            with writing(engine) as connection:
                number = rotate(connection, vault)
        except EncryptionError as error:
            raise failed(str(error)) from None
    are = "is" if number == 1 else "are"
    say(f"{count(number, 'resource')} with secrets {are} encrypted under the first key.")
