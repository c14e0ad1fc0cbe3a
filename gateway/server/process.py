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
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

from granian.constants import HTTPModes, Interfaces, Loops
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server.mp import WorkerProcess

from gateway.listening import TOLD, Server, address_of, check_certificate, serve
from gateway.private_files import keep_to_owner
from gateway.settings import Settings
from gateway.telemetry import logs
from gateway.telemetry.otel_variables import Variables

_log = logging.getLogger(__name__)

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
    variables = Variables()
    for warning in variables.warnings:
        _log.warning("%s", warning)
    variables.take_out_unusable(os.environ)
    # Workers inherit this until they listen for it: a drain that begins while one starts must not kill it.
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    # Who is told to end between the directory's making and the `with` would leave it behind.
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, TOLD)
    with tempfile.TemporaryDirectory(prefix="gateway-metrics-") as shared:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        if settings.workers > 1:
            os.environ["PROMETHEUS_MULTIPROC_DIR"] = shared
        # Only now: the metrics decide at import whether workers share their counts, and OpenTelemetry's SDK raises then
        # for variables that it cannot use. And once for all workers, which are
        # forks: one that is replaced serves the sooner.
        from gateway.server.wiring import load_app  # noqa: PLC0415 - the variable comes first

        server = _Server(settings)
        return serve(server, partial(load_app, settings, restarts=server.restarts))


class _Served:
    """How often a worker in each place has begun to serve, in memory that the workers, which are forks, share.

    In each place one worker at a time counts, so nothing is counted over.
    """

    def __init__(self, places: int) -> None:
        self._places = places
        self._counts = mmap.mmap(-1, places * _COUNT.size)

    def __getitem__(self, place: int) -> int:
        count: int = _COUNT.unpack_from(self._counts, place * _COUNT.size)[0]
        return count

    def count(self, place: int) -> None:
        """Counts one more; the worker itself does."""
        _COUNT.pack_into(self._counts, place * _COUNT.size, self[place] + 1)

    def total(self) -> int:
        return sum(map(self.__getitem__, range(self._places)))


class _Replacements(dict[int, float]):
    """When the worker in a place was replaced, seconds of the monotonic clock; without those who have served since.

    Granian gives up when a worker ends soon after it replaced one. That is meant for one that cannot start, which ends
    by itself; one that served, or was killed, is replaced however often it happens.
    """

    def __init__(self, served: _Served, was_killed: Callable[[int], bool]) -> None:
        super().__init__()
        self._served = served
        self._was_killed = was_killed
        self._served_before: dict[int, int] = {}

    def __setitem__(self, place: int, when: float) -> None:
        self._served_before[place] = self._served[place]
        super().__setitem__(place, when)

    def get(self, place: int, default: Any = None) -> Any:
        has_served = self._served[place] > self._served_before.get(place, 0)
        return default if has_served or self._was_killed(place) else super().get(place, default)


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
        self._served = _Served(settings.workers)
        self.respawned_wrks = _Replacements(self._served, self._was_killed)

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

    def _spawn_worker(  # type: ignore[override] # the signature of its base is none that Granian calls
        self, idx: int, target: Any, callback_loader: Callable[..., Any]
    ) -> WorkerProcess:
        return super()._spawn_worker(idx, target, partial(callback_loader, on_started=partial(self._served.count, idx)))

    def restarts(self) -> int:
        """How many workers have served in the place of one that ended; any worker may ask."""
        return max(0, self._served.total() - self.workers)

    def _was_killed(self, place: int) -> bool:
        """Whether the worker in that place has ended by SIGKILL: of whoever ran out of memory, not of its own."""
        return bool(self.wrks[place].inner.exitcode == -signal.SIGKILL)

    def _signal_workers(self, signum: signal.Signals) -> None:
        for worker in tuple(self.wrks):  # the main thread may be replacing one
            pid = worker.inner.pid
            if pid is not None:
                with suppress(ProcessLookupError):  # one that has just ended is replaced
                    os.kill(pid, signum)
