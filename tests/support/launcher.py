"""Runs the `gateway` command in processes of its own, each a fork of one that has imported the gateway already.

Importing takes more CPU than all else that a gateway does until it serves, and the tests start hundreds.
"""

import atexit
import gc
import importlib
import json
import mimetypes
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import IO, Any, NoReturn

from tests.support import authorities, statements

ROOT = Path(__file__).parents[2]
IMPORTED = (
    "alembic.command",
    "gateway.control_plane.process",
    "gateway.server.process",
    "gateway.server.wiring",
    "httpcore",
    "multiprocessing.popen_fork",
    "rich.table",
    "sqlalchemy.dialects.postgresql.psycopg",
    "sqlalchemy.dialects.sqlite.pysqlite",
    "sqlite3",
    "typer._adapters",
    "typer.main",
)
"""Not `gateway.cli`: consoles look at the environment when they are made."""
_LONGEST = 2**17


class Launched:
    """What `subprocess.Popen` is for a child, as far as tests need it."""

    def __init__(self, launcher: "_Launcher", pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._launcher = launcher
        self._end = os.pidfd_open(pid)

    def poll(self) -> int | None:
        if self.returncode is None and self._has_ended(0):
            self._reap()
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        if self.returncode is None:
            if not self._has_ended(timeout):
                raise subprocess.TimeoutExpired(f"process {self.pid}", timeout or 0)
            self._reap()
        assert self.returncode is not None
        return self.returncode

    def send_signal(self, signum: int) -> None:
        if self.poll() is None:
            signal.pidfd_send_signal(self._end, signum)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def _has_ended(self, timeout: float | None) -> bool:
        ending = select.poll()
        ending.register(self._end, select.POLLIN)
        return bool(ending.poll(None if timeout is None else timeout * 1000))

    def _reap(self) -> None:
        self.returncode = self._launcher.ask({"reap": self.pid})
        os.close(self._end)


def launch(
    arguments: Sequence[str],
    *,
    env: Mapping[str, str],
    stdout: IO[bytes],
    stderr: IO[bytes],
    directory: Path | None = None,
) -> "Launched | subprocess.Popen[bytes]":
    """Starts `python -m gateway ARGUMENTS`, in a process group of its own."""
    if sys.platform != "linux":
        command = [sys.executable, "-m", "gateway", *arguments]
        return subprocess.Popen(command, env=env, stdout=stdout, stderr=stderr, cwd=directory, start_new_session=True)
    launcher = _launcher(_are_several(arguments, env))
    asked = {
        "arguments": arguments,
        "env": dict(env),
        "directory": str(directory or Path.cwd()),
        "umask": _umask(),
    }
    return Launched(launcher, launcher.ask(asked, stdout.fileno(), stderr.fileno()))


def run(
    arguments: Sequence[str], *, env: Mapping[str, str], directory: Path | None = None, timeout: float = 60
) -> subprocess.CompletedProcess[str]:
    """Runs `python -m gateway ARGUMENTS` to its end."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        process = launch(arguments, env=env, stdout=out, stderr=err, directory=directory)
        try:
            code = process.wait(timeout)
        finally:
            process.kill()
        said = []
        for file in (out, err):
            file.seek(0)
            said.append(file.read().decode())
    return subprocess.CompletedProcess(["gateway", *arguments], code, *said)


def _are_several(arguments: Sequence[str], env: Mapping[str, str]) -> bool:
    """Whether that is a command of several workers."""
    if "--workers" in arguments:
        return arguments[arguments.index("--workers") + 1] != "1"
    return env.get("GATEWAY_WORKERS", "1") != "1"


def _umask() -> int:
    """The present one, which cannot be asked for without setting it."""
    present = os.umask(0)
    os.umask(present)
    return present


@cache
def _launcher(several: bool) -> "_Launcher":
    return _Launcher(several)


class _Launcher:
    """A process that has imported the gateway, as one of several workers or as a single one.

    Whether workers share their metrics is decided by this variable when they are imported. Each command sets its own.
    """

    def __init__(self, several: bool) -> None:
        self._lock = threading.Lock()
        self._channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        environment = {name: value for name, value in os.environ.items() if not name.startswith("GATEWAY_")}
        if several:
            environment["PROMETHEUS_MULTIPROC_DIR"] = os.devnull
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.support.launcher", str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                cwd=ROOT,
                env={**environment, "PYTHONWARNINGS": "ignore"},
                pass_fds=[theirs.fileno()],
            )
        atexit.register(self._close)

    def ask(self, asked: Any, *files: int) -> int:
        message = json.dumps(asked).encode()
        assert len(message) <= _LONGEST, (
            f"the arguments and the environment have {len(message)} bytes, beyond {_LONGEST}"
        )
        with self._lock:
            socket.send_fds(self._channel, [message], files)
            answer = self._channel.recv(_LONGEST)
        assert answer, "the launcher has ended"
        return int(answer)

    def _close(self) -> None:
        self._channel.close()
        self._process.wait()


def _serve(channel: socket.socket) -> None:
    """Forks and reaps as it is asked to; in a fork, it ends as the command does."""
    for name in IMPORTED:
        importlib.import_module(name)
    authorities.read_once()
    mimetypes.init()  # which Falcon asks for with each app
    statements.record()
    gc.freeze()  # what a fork need not take apart when it ends
    assert threading.active_count() == 1, "a fork has no threads but its own"
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the end of the tests is the end of the channel
    while True:
        message, files, _, _ = socket.recv_fds(channel, _LONGEST, 2)
        if not message:
            return
        asked = json.loads(message)
        if "reap" in asked:
            _, status = os.waitpid(asked["reap"], 0)
            channel.send(str(os.waitstatus_to_exitcode(status)).encode())
            continue
        pid = os.fork()
        if pid == 0:
            break
        for file in files:
            os.close(file)
        channel.send(str(pid).encode())
    channel.close()
    os.setsid()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for ours, theirs in enumerate(files, 1):
        os.dup2(theirs, ours)
        os.close(theirs)
    os.environ.clear()
    os.environ.update(asked["env"])
    os.chdir(asked["directory"])
    os.umask(asked["umask"])
    sys.argv = ["gateway", *asked["arguments"]]
    try:
        runpy.run_module("gateway", run_name="__main__")
    except SystemExit as end:
        if isinstance(end.code, int):
            _end(end.code)
        raise


def _end(code: int) -> NoReturn:
    """Ends as Python does, but takes nothing apart: a fork would copy all that was imported, only to let go of it."""
    threading._shutdown()
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    with socket.socket(fileno=int(sys.argv[1])) as given:
        _serve(given)
