"""The process of the control plane: Granian with one worker, and where it may listen."""

import ipaddress
import logging
import ssl
from functools import partial
from pathlib import Path
from typing import Any

from granian.constants import Interfaces, Loops
from granian.log import LogLevels
from granian.server.mp import MPServer

from gateway.control_plane import wiring
from gateway.control_plane.wiring import Options
from gateway.listening import serve
from gateway.telemetry import logs


def check_listening(options: Options, *, allow_remote_http: bool) -> None:
    """Whether it may listen there at all. Raises `ValueError` with the answer for the operator."""
    try:
        address = ipaddress.ip_address(_address(options.host))
    except ValueError:
        # A name may mean another address tomorrow.
        raise ValueError(f"{options.host!r} is no IP address to listen on, such as 127.0.0.1 or ::1") from None
    if (options.tls_cert is None) is not (options.tls_key is None):
        raise ValueError("a TLS certificate and its key belong together: give --tls-cert and --tls-key")
    if options.tls_cert is not None and options.tls_key is not None:
        _check_certificate(options.tls_cert, options.tls_key)
    elif not address.is_loopback and not allow_remote_http:
        raise ValueError(
            f"on {options.host} tokens would cross the network in clear: give --tls-cert and --tls-key, listen on "
            "127.0.0.1, or, with TLS in front of it, say --allow-remote-http"
        )


def run(options: Options) -> int:
    """Serves until SIGTERM or SIGINT; returns the exit code."""
    logs.configure(options.log_level, options.log_format)
    server = MPServer(
        "gateway control plane",
        address=_address(options.host),
        port=options.port,
        interface=Interfaces.ASGI,
        loop=Loops.uvloop,
        websockets=False,
        log_level=LogLevels(options.log_level),
        log_dictconfig=logs.granian_config(options.log_level, options.log_format),
        ssl_cert=options.tls_cert,
        ssl_key=options.tls_key,
        respawn_failed_workers=True,
        workers_kill_timeout=10,
    )
    return serve(server, partial(_load, options))


def _load(options: Options) -> Any:
    logs.configure(options.log_level, options.log_format)
    # Reading the revision of the database, as every probe of readiness does, is no news.
    logging.getLogger("alembic").setLevel(logging.WARNING)
    return wiring.build(options)


def _address(host: str) -> str:
    return "127.0.0.1" if host == "localhost" else host


def _check_certificate(certificate: Path, key: Path) -> None:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, password="")
    except (OSError, ValueError) as error:
        missing = isinstance(error, OSError) and not isinstance(error, ssl.SSLError)
        why = str(getattr(error, "strerror", error)) if missing else "they are no PEM files, or no pair"
        raise ValueError(f"{certificate} and {key} cannot be served with: {why}") from None
