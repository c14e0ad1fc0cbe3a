"""The process of the control plane: Granian with one worker, and where it may listen."""

import ipaddress
import logging
from functools import partial
from typing import Any

from granian.constants import Interfaces, Loops
from granian.log import LogLevels

from gateway.control_plane import wiring
from gateway.control_plane.wiring import Options
from gateway.listening import Server, address_of, check_certificate, serve
from gateway.private_files import keep_to_owner
from gateway.telemetry import logs


def check_listening(options: Options, *, allow_remote_http: bool) -> None:
    """Whether it may listen there at all. Raises `ValueError` with the answer for the operator."""
    address = ipaddress.ip_address(address_of(options.host))
    check_certificate(options.tls_cert, options.tls_key)
    if options.tls_cert is None and not address.is_loopback and not allow_remote_http:
        raise ValueError(
            f"on {options.host} tokens would cross the network in clear: give --tls-cert and --tls-key, listen on "
            "127.0.0.1, or, with TLS in front of it, say --allow-remote-http"
        )


def run(options: Options) -> int:
    """Serves until SIGTERM or SIGINT; returns the exit code."""
    keep_to_owner()
    logs.configure(options.log_level, options.log_format)
    server = Server(
        "gateway control plane",
        address=address_of(options.host),
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
