"""Being told to end: by a signal to the process, or, as by terminals and systemd, to every process of its group."""

import fcntl
import os
import signal
import struct
import subprocess
import sys
import termios
import threading
import time
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from tests.contract.conftest import config
from tests.support.control_plane import ControlPlane
from tests.support.gateway import free_port
from tests.support.keys import SECRET
from tests.support.launcher import launch
from tests.support.sqlite import migrated
from tests.support.upstream import stream

EVENT, LAST = b"data: {}\n\n", b"data: [DONE]\n\n"
STREAM = {"model": "gpt-5-mini", "messages": [], "stream": True}

both = pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM], ids=lambda signum: signum.name)


class Command:
    """A command with a directory of its own for temporary files.

    Args:
        cold: Whether its process is a new one, in which it has to import everything, and no fork.
    """

    def __init__(self, directory: Path, *arguments: str, cold: bool) -> None:
        self.temporary = directory / "tmp"
        self.temporary.mkdir()
        self._log = directory / "log.txt"
        environment = {name: value for name, value in os.environ.items() if not name.startswith("GATEWAY_")}
        environment |= {"GATEWAY_DATA_DIR": str(directory / "data"), "TMPDIR": str(self.temporary)}
        with self._log.open("wb") as log, Path(os.devnull).open("wb") as nobody:
            self.process = (
                subprocess.Popen(
                    [sys.executable, "-m", "gateway", *arguments],
                    env=environment,
                    stdout=nobody,
                    stderr=log,
                    start_new_session=True,
                )
                if cold
                else launch(arguments, env=environment, stdout=nobody, stderr=log)
            )

    def log(self) -> str:
        return self._log.read_text()

    def catches(self, signum: int) -> bool:
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        (caught,) = (line.split()[1] for line in status.splitlines() if line.startswith("SigCgt"))
        return bool(int(caught, 16) & 1 << signum - 1)

    def wait_until(self, condition) -> None:
        deadline = time.monotonic() + 30
        while not condition():
            assert time.monotonic() < deadline, self.log()
            assert self.process.poll() is None, self.log()
            time.sleep(0.01)

    def has_stopped_in_peace(self) -> bool:
        assert self.process.wait(15) == 0, self.log()
        assert list(self.temporary.iterdir()) == []
        assert not [word for word in ("Traceback", "Unexpected exit", "Killing") if word in self.log()], self.log()
        return True


@pytest.fixture
def start(tmp_path):
    """Starts commands; those that have not ended by the end of the test are killed."""
    started = []

    def start(*arguments, cold=False):
        directory = tmp_path / f"command-{len(started)}"
        directory.mkdir()
        started.append(Command(directory, *arguments, cold=cold))
        return started[-1]

    yield start
    for one in started:
        if one.process.poll() is None:
            os.killpg(one.process.pid, signal.SIGKILL)
            one.process.wait()


@pytest.fixture
def serve(tmp_path, upstream):
    file = tmp_path / "gateway.yaml"
    file.write_text(config(upstream.url))
    return "serve", "-c", str(file), "--port", str(free_port())


@both
def test_a_group_that_is_told_twice_lets_requests_finish(start_gateway, upstream, signum):
    gateway = start_gateway(config(upstream.url))
    told = threading.Event()
    upstream.play = lambda _: stream([EVENT, told, LAST])

    with gateway.client.stream("POST", "/v1/chat/completions", json=STREAM) as answer:
        pieces = answer.iter_raw()
        next(pieces)
        os.killpg(gateway.process.pid, signum)
        time.sleep(0.3)
        os.killpg(gateway.process.pid, signum)
        time.sleep(0.3)
        told.set()
        rest = b"".join(pieces)

    assert rest == LAST
    assert gateway.process.wait(10) == 0
    assert "Unexpected exit" not in gateway.log()


@both
def test_a_group_that_is_told_has_its_grace(start_gateway, upstream, signum):
    gateway = start_gateway(config(upstream.url), env={"GATEWAY_DRAIN_GRACE_S": "0.5"})

    os.killpg(gateway.process.pid, signum)

    assert gateway.process.wait(10) == 0
    assert "Unexpected exit" not in gateway.log()
    assert gateway.noted_at("Stopping worker") - gateway.noted_at("draining") >= timedelta(seconds=0.45)


@both
@pytest.mark.parametrize("moment", ["Spawning worker-2", "serving revision", "Started worker"])
def test_a_group_that_is_told_while_its_workers_start_ends(start, serve, signum, moment):
    gateway = start(*serve, "--workers", "2")
    gateway.wait_until(lambda: moment in gateway.log())

    os.killpg(gateway.process.pid, signum)

    assert gateway.has_stopped_in_peace()


def test_a_gateway_that_is_told_while_it_is_suspended_ends(start, serve):
    gateway = start(*serve, "--workers", "2")
    gateway.wait_until(lambda: gateway.log().count("Started worker") == 2)

    gateway.process.send_signal(signal.SIGSTOP)
    gateway.process.send_signal(signal.SIGTERM)
    gateway.process.send_signal(signal.SIGCONT)

    assert gateway.has_stopped_in_peace()


@both
def test_a_control_plane_ends_when_its_group_is_told_twice(tmp_path, signum):
    plane = ControlPlane(tmp_path, migrated(tmp_path / "ledger.db"))
    plane.client.close()

    os.killpg(plane.process.pid, signum)
    os.killpg(plane.process.pid, signum)

    assert plane.process.wait(10) == 0, plane.log()
    assert not [word for word in ("Traceback", "Unexpected exit", "Killing") if word in plane.log()], plane.log()


@pytest.mark.parametrize(
    ("after_s", "signum"), [(0.0, signal.SIGTERM), (0.1, signal.SIGINT), (0.3, signal.SIGTERM), (0.8, signal.SIGINT)]
)
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells which signals a process catches")
def test_a_gateway_that_is_told_while_it_is_loaded_ends(start, serve, signum, after_s):
    gateway = start(*serve, "--workers", "2", cold=True)
    gateway.wait_until(lambda: gateway.catches(signal.SIGTERM))
    assert "Starting" not in gateway.log()
    time.sleep(after_s)

    gateway.process.send_signal(signum)

    assert gateway.has_stopped_in_peace()


def test_a_gateway_that_is_told_while_it_prepares_its_metrics_leaves_nothing_behind(start, serve):
    gateway = start(*serve, "--workers", "2")
    gateway.wait_until(lambda: list(gateway.temporary.iterdir()))

    gateway.process.send_signal(signal.SIGTERM)

    assert gateway.has_stopped_in_peace()


@pytest.mark.parametrize("after_s", [0.0, 0.3])
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells which signals a process catches")
def test_a_control_plane_that_is_told_while_it_is_loaded_ends(start, tmp_path, after_s):
    # Without a database it would end by itself, and not in peace.
    database = migrated(tmp_path / "ledger.db")
    plane = start("control-plane", "serve", "--database", database, "--port", str(free_port()), cold=True)
    plane.wait_until(lambda: plane.catches(signal.SIGTERM))
    assert "Starting" not in plane.log()
    time.sleep(after_s)

    plane.process.send_signal(signal.SIGTERM)

    assert plane.process.wait(15) == 0, plane.log()


def test_a_gateway_that_nothing_was_prepared_for_serves(start, serve):
    gateway = start(*serve, cold=True)
    gateway.wait_until(lambda: "Started worker" in gateway.log())

    answer = httpx.post(
        f"http://127.0.0.1:{serve[-1]}/v1/chat/completions",
        json={"model": "sim", "messages": []},
        headers={"authorization": f"Bearer {SECRET}"},
    )

    assert answer.status_code == 200
    gateway.process.send_signal(signal.SIGTERM)
    assert gateway.has_stopped_in_peace()


@pytest.mark.parametrize("unread", ["stdout", "stderr"])
@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_gateway_whose_lines_nobody_reads_serves_and_ends(tmp_path, serve, unread, workers):
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GATEWAY_")}
    environment["GATEWAY_DATA_DIR"] = str(tmp_path / "data")
    url = f"http://127.0.0.1:{serve[-1]}"
    reads, writes = os.pipe()
    with open(reads, "rb") as pipe, (tmp_path / "log.txt").open("wb") as log:
        fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, 4096)
        with open(writes, "wb") as full:
            outputs = {"stdout": log, "stderr": log} | {unread: full}
            process = launch([*serve, "--workers", workers, "--log-level", "debug"], env=environment, **outputs)
        try:
            with httpx.Client(base_url=url, trust_env=False, headers={"authorization": f"Bearer {SECRET}"}) as client:
                _wait_until_it_serves(client)
                for _ in range(60):
                    process.send_signal(signal.SIGHUP)
                    client.post("/v1/chat/completions", json={"model": "sim", "messages": []})

                assert _bytes_in(pipe) > 2000
                assert client.get("/healthz").status_code == 200
                process.send_signal(signal.SIGTERM)
                assert process.wait(15) == 0
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)


def _wait_until_it_serves(client: httpx.Client) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            assert client.get("/readyz").status_code == 200
        except httpx.ConnectError:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        else:
            return


def _bytes_in(pipe) -> int:
    (count,) = struct.unpack("i", fcntl.ioctl(pipe, termios.FIONREAD, b"\0" * 4))
    return count
