"""The process of the control plane: Granian with one worker, and where it may listen."""

import ipaddress
import logging
from functools import partial
from typing import Any

from granian.constants import Interfaces, Loops
from granian.log import LogLevels
from granian.server.mp import MPServer

from gateway.control_plane import wiring
from gateway.control_plane.wiring import Options
from gateway.telemetry import logs

_log = logging.getLogger(__name__)


def is_exposed(options: Options) -> bool:
    """Whether tokens would cross a network in clear: neither TLS nor an address that only this machine reaches."""
    return options.tls_cert is None and not _is_loopback(options.host)


def run(options: Options) -> int:
    """Serves until SIGTERM or SIGINT; returns the exit code."""
    logs.configure(options.log_level)
    server = MPServer(
        "gateway control plane",
        address=options.host,
        port=options.port,
        interface=Interfaces.ASGI,
        loop=Loops.uvloop,
        websockets=False,
        log_level=LogLevels(options.log_level),
        log_dictconfig=logs.granian_config(options.log_level),
        ssl_cert=options.tls_cert,
        ssl_key=options.tls_key,
        respawn_failed_workers=True,
        workers_kill_timeout=10,
    )
    try:
        server.serve(target_loader=partial(_load, options), wrap_loader=False)
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else 1
    except RuntimeError as problem:
        # Granian's words, with a stack trace behind the first line: the address is taken or is not this machine's.
        _log.error("%s port %d cannot be listened on: %s", options.host, options.port, str(problem).split("\n", 1)[0])  # noqa: TRY400 - see above
        return 1
    return 0


def _load(options: Options) -> Any:
    logs.configure(options.log_level)
    # Reading the revision of the database, as every probe of readiness does, is no news.
    logging.getLogger("alembic").setLevel(logging.WARNING)
    return wiring.build(options)


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        # A name may mean another address tomorrow.
        return False
