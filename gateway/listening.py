"""Serving until told to stop, and what is said where an address cannot be listened on."""

import ctypes
import gc
import ipaddress
import logging
import os
import signal
import socket
import ssl
import sys
import threading
from asyncio import AbstractEventLoop
from collections.abc import Callable
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, Final

from cryptography import x509
from granian import _signals
from granian._granian import WorkerSignal
from granian.server.mp import MPServer, WorkerProcess

_log = logging.getLogger(__name__)

_PR_SET_PDEATHSIG = 1
"""https://man7.org/linux/man-pages/man2/pr_set_pdeathsig.2const.html"""

TOLD: Final = (signal.SIGTERM, signal.SIGINT)
"""By these a whole gateway is told to end, its main process that is: a terminal, systemd and others tell every process
of the group."""

_ENDS: Final = signal.SIGUSR2
"""By this a main process ends a worker: nobody else sends it, so only the main process decides when it is time."""

_HEARD: Final = (*TOLD, signal.SIGHUP)
"""What a main process hears."""

_NOT_AT_ONCE: Final = (*_HEARD, _ENDS)
"""What ends no main process by itself, nor a worker that has just been forked."""

_before_the_end: list[Callable[[], None]] = []

_CANNOT_LISTEN = "%s port %d cannot be listened on: %s"


class Server(MPServer):
    """Granian, with workers whose end nobody overlooks."""

    def _spawn_worker(self, *args: Any, **kwargs: Any) -> WorkerProcess:
        worker: WorkerProcess = super()._spawn_worker(*args, **kwargs)
        worker.inner = WaitedFor(worker.inner)
        return worker


class WaitedFor:
    """A process that two threads wait for.

    The kernel tells one of them that it has ended; the other would take it for alive until the first has noted that,
    and Granian would log that it kills a worker which refuses to stop.
    """

    def __init__(self, process: BaseProcess) -> None:
        self._process = process
        self._reaping = threading.Lock()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._process, name)

    def terminate(self) -> None:
        """Tells it to finish what is under way and end."""
        with self._reaping:
            if self._process.pid is not None and self._process.is_alive():
                os.kill(self._process.pid, _ENDS)

    def join(self, timeout: float | None = None) -> None:
        """Waits for its end."""
        if wait([self._process.sentinel], timeout):
            with self._reaping:
                self._process.join()

    def is_alive(self) -> bool:
        """Whether it has not ended yet."""
        with self._reaping:
            return self._process.is_alive()


def address_of(host: str) -> str:
    """The IP address that a host stands for. Raises `ValueError` for another name: it may mean another one tomorrow."""
    if host == "localhost":
        return "127.0.0.1"
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        raise ValueError(f"{host!r} is no IP address to listen on, such as 127.0.0.1 or ::1") from None


def bound_writes(port: int, timeout_s: float) -> bool:
    """Has the kernel close a connection to a port of this process whose client reads nothing for so long.

    The listening socket gets the option, which the connections that it accepts take over (tcp(7), TCP_USER_TIMEOUT).
    The server makes that socket by itself and hands it to nobody, so it is looked for. Only Linux has this.

    Returns:
        Whether that is settled; something may not listen yet.
    """
    if sys.platform != "linux":
        return True
    found = False
    for descriptor in Path("/proc/self/fd").iterdir():
        try:
            if not descriptor.is_socket():
                continue
            one = socket.socket(fileno=os.dup(int(descriptor.name)))
        except OSError:  # closed meanwhile
            continue
        with one:
            is_tcp = one.family in (socket.AF_INET, socket.AF_INET6) and one.type == socket.SOCK_STREAM
            if is_tcp and one.getsockname()[1] == port:  # that which listens, and what it has accepted already
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, round(timeout_s * 1000))
                found = found or bool(one.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN))
    return found


def check_certificate(certificate: Path | None, key: Path | None) -> None:
    """Whether HTTPS can be served with these two; plain HTTP is, with neither. Raises `ValueError`."""
    if certificate is None and key is None:
        return
    if certificate is None or key is None:
        raise ValueError("a TLS certificate and its key belong together: give --tls-cert and --tls-key")
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, password="")
    except (OSError, ValueError) as error:
        missing = isinstance(error, OSError) and not isinstance(error, ssl.SSLError)
        why = str(getattr(error, "strerror", error)) if missing else "they are no PEM files, or no pair"
        raise ValueError(f"{certificate} and {key} cannot be served with: {why}") from None


def certificate_ends(certificate: Path) -> float:
    """When the first certificate of a chain in PEM expires, Unix time."""
    return x509.load_pem_x509_certificates(certificate.read_bytes())[0].not_valid_after_utc.timestamp()


def before_the_end(act: Callable[[], None]) -> None:
    """Has this worker, once it is told to end, `act` in its event loop before it waits for the requests under way."""
    _before_the_end.append(act)


def serve(server: Server, load: Callable[[], Any]) -> int:
    """Serves what `load` makes in each worker; returns the exit code."""
    if (reason := _why_taken(server.bind_addr, server.bind_port)) is not None:
        _log.error(_CANNOT_LISTEN, server.bind_addr, server.bind_port, reason)
        return 1
    _signals.set_loop_signals = _listen_for_the_end
    gc.freeze()  # PERF: what is there by now stays, in pages that the workers, which are forks, share
    # For good: who says it again while Python ends changes no exit code.
    signal.pthread_sigmask(signal.SIG_BLOCK, _NOT_AT_ONCE)
    server.on_startup(threading.Thread(target=_hear, name="signals", daemon=True).start)
    os.register_at_fork(after_in_child=_end_when_told)
    try:
        server.serve(target_loader=load, wrap_loader=False)
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else 1
    except RuntimeError as problem:
        # Granian's words, with a stack trace behind the first line: the address is taken or is not this machine's.
        reason = str(problem).split("\n", 1)[0]
        _log.error(_CANNOT_LISTEN, server.bind_addr, server.bind_port, reason)
        return 1
    return 0


def _hear() -> None:
    """Does what the handlers of the main process say, one signal after the other, in a thread that does nothing else.

    Python runs handlers in its main thread only. That one waits in a lock, and where the kernel hands a signal to
    another thread nothing wakes it: the signal would be lost. And a handler that comes in between whatever the main
    thread does may wait for a lock that the main thread holds itself.
    """
    while True:
        signum = signal.sigwait(_HEARD)
        handler = signal.getsignal(signum)
        if callable(handler):
            handler(signum, None)


def _why_taken(address: str, port: int) -> str | None:
    """Why nobody can listen there.

    Granian's workers share their port with whoever asks for it likewise, so another gateway would go unnoticed, and
    answer a part of the requests.
    """
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError as error:
            return error.strerror or type(error).__name__
    return None


def _end_when_told() -> None:
    """A worker is a fork, with its parent's handlers until it serves and has its own, and nothing reaches it at first.

    Until it serves it has nothing to finish, so it ends when its parent tells it to. What is sent to every process of
    the group it leaves to its parent, for as long as it lives. When its parent is killed it drains and ends as well,
    where the kernel tells it: it would hold the port, and nobody could stop it any more.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, _ENDS)
    signal.signal(_ENDS, signal.SIG_DFL)
    for signum in (*TOLD, signal.SIGHUP):
        signal.signal(signum, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _NOT_AT_ONCE)


def _listen_for_the_end(loop: AbstractEventLoop) -> WorkerSignal:
    """In place of Granian's handlers in a worker: what it returns is set when the worker is told to end.

    It is set once only: whoever sets it again waits until the last time was noticed, and nothing else of the process
    runs meanwhile. The loop's own handlers would miss a signal that comes while the loop pauses, as it does between the
    application's start and its serving.
    """
    end = WorkerSignal()

    def begin() -> None:
        try:
            for act in _before_the_end:
                act()
        finally:
            end.set()

    def tell(*_: object) -> None:
        signal.signal(_ENDS, signal.SIG_IGN)
        loop.call_soon_threadsafe(begin)

    signal.signal(_ENDS, tell)
    return end
