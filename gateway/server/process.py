"""The main process: Granian, its workers, and what signals mean.

SIGHUP reloads the configuration in every worker. SIGTERM and SIGINT drain: readiness fails at once, after
`drain_grace_s` no connection is accepted any more, and after `drain_timeout_s` what is still under way is cancelled.
"""

import logging
import mmap
import os
import signal
import struct
import tempfile
import time
from contextlib import suppress
from functools import partial

from granian.constants import HTTPModes, Interfaces, Loops
from granian.http import HTTP1Settings
from granian.log import LogLevels

from gateway.listening import TOLD, Server, address_of, check_certificate, serve
from gateway.private_files import keep_to_owner
from gateway.settings import Settings
from gateway.telemetry import logs

_log = logging.getLogger(__name__)

_SERVES = signal.SIGUSR2
"""What a worker sends to its parent once it serves."""

_COUNT = struct.Struct("Q")
_AFTER_CANCEL_S = 3
"""Seconds that cancelled requests get to be settled and recorded before a worker is killed."""


def run(settings: Settings) -> int:
    """Serves until told to stop; returns the exit code."""
    keep_to_owner()
    logs.configure(settings.log_level, settings.log_format)
    try:
        address_of(settings.host)
        check_certificate(settings.tls_cert, settings.tls_key)
    except ValueError as problem:
        _log.error("%s", problem)
        return 1
    # Workers inherit this until they listen for it: a drain that begins while one starts must not kill it.
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    # Who is told to end between the directory's making and the `with` would leave it behind.
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, TOLD)
    with tempfile.TemporaryDirectory(prefix="gateway-metrics-") as shared:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        if settings.workers > 1:
            os.environ["PROMETHEUS_MULTIPROC_DIR"] = shared
        # Only now: the metrics decide at import whether workers share their counts. And once for all workers, which are
        # forks: one that is replaced serves the sooner.
        from gateway.server.wiring import load_app  # noqa: PLC0415 - the variable comes first

        server = _Server(settings)
        return serve(server, partial(load_app, settings, on_started=_tell_parent, restarts=server.restarts))


def _tell_parent() -> None:
    os.kill(os.getppid(), _SERVES)


class _Server(Server):
    """Granian with the gateway's meaning of signals."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(
            "gateway",
            address=address_of(settings.host),
            port=settings.port,
            interface=Interfaces.ASGI,
            workers=settings.workers,
            loop=Loops.uvloop,
            websockets=False,
            # Connections that say nothing are closed by the timeout of a head, which HTTP/2 has not.
            http=HTTPModes.http1,
            backlog=settings.backlog,
            backpressure=settings.backpressure,
            http1_settings=HTTP1Settings(
                header_read_timeout=round(settings.keepalive_timeout_s * 1000),
                max_buffer_size=settings.max_header_bytes,
            ),
            log_level=LogLevels(settings.log_level),
            log_dictconfig=logs.granian_config(settings.log_level, settings.log_format),
            ssl_cert=settings.tls_cert,
            ssl_key=settings.tls_key,
            respawn_failed_workers=True,
            workers_kill_timeout=round(settings.drain_timeout_s) + _AFTER_CANCEL_S,
        )
        self._drain_grace_s = settings.drain_grace_s
        self._draining = False
        # Shared with the workers, which are forks; who replaces one knows of it, who serves `/metrics` tells it.
        self._served = mmap.mmap(-1, _COUNT.size)
        signal.signal(_SERVES, self._worker_serves)

    def signal_handler_interrupt(self, *_args: object, **_kwargs: object) -> None:
        """Tells the workers to fail readiness, and stops them when the grace is over."""
        if self._draining:
            return
        self._draining = True
        self._signal_workers(signal.SIGUSR1)
        time.sleep(self._drain_grace_s)
        super().signal_handler_interrupt()  # type: ignore[no-untyped-call] # granian leaves it untyped

    def signal_handler_reload(self, *_args: object, **_kwargs: object) -> None:
        """Hands SIGHUP on: workers reload the configuration and go on serving."""
        self._signal_workers(signal.SIGHUP)

    def _worker_serves(self, *_args: object) -> None:
        """Forgets when workers were replaced.

        Granian gives up when one ends soon after that. This holds for one that cannot start; one that served and was
        killed is replaced however often it happens.
        """
        self.respawned_wrks.clear()
        _COUNT.pack_into(self._served, 0, _COUNT.unpack_from(self._served)[0] + 1)

    def restarts(self) -> int:
        """How many workers have served in the place of one that ended; any worker may ask."""
        served: int = _COUNT.unpack_from(self._served)[0]
        return max(0, served - self.workers)

    def _signal_workers(self, signum: signal.Signals) -> None:
        for worker in tuple(self.wrks):  # the main thread may be replacing one
            pid = worker.inner.pid
            if pid is not None:
                with suppress(ProcessLookupError):  # one that has just ended is replaced
                    os.kill(pid, signum)
