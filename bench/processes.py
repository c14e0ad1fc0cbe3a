"""Starting what is measured, pinning it to a core, and reading what it consumed."""

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

CORES = sorted(os.sched_getaffinity(0))
SERVER_CORE, OTHER_CORE = CORES[0], CORES[-1]
_TICK = os.sysconf("SC_CLK_TCK")


def free_port() -> int:
    """A TCP port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def started(core: int, *command: str, port: int, env: dict[str, str] | None = None) -> Iterator[int]:
    """A process on one core, listening; ended in any case. Yields its pid."""
    process = subprocess.Popen(
        ("taskset", "-c", str(core), *command),
        env={**os.environ, **(env or {})},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_for_port(process, port)
        yield process.pid
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()


def wait_for_port(process: subprocess.Popen[bytes], port: int, seconds: float = 120) -> None:
    """Until somebody listens."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.2):
            return
        time.sleep(0.05)
    message = f"{process.args} did not start"
    raise RuntimeError(message)


def family(pid: int) -> list[int]:
    """A process and its descendants."""
    found = [pid]
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            found += family(int(child))
    return found


def cpu_seconds(pid: int) -> float:
    """User and system time of a process and its descendants."""
    ticks = 0
    for one in family(pid):
        fields = Path(f"/proc/{one}/stat").read_text().rsplit(")", 1)[1].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / _TICK


def resident_mib(pid: int) -> float:
    """Resident memory of the largest of a process and its descendants: the worker."""
    statuses = [Path(f"/proc/{one}/status").read_text().splitlines() for one in family(pid)]
    return max(int(line.split()[1]) / 1024 for status in statuses for line in status if line.startswith("VmRSS:"))


def proportional_mib(pid: int) -> list[float]:
    """Memory of a process and of each descendant, what they share divided among all that share it."""
    rollups = [Path(f"/proc/{one}/smaps_rollup").read_text().splitlines() for one in family(pid)]
    return [int(line.split()[1]) / 1024 for rollup in rollups for line in rollup if line.startswith("Pss:")]


def listener(port: int) -> int | None:
    """The process that listens on a local port; `None` where it cannot be told, as for one in a container."""
    listening = "0A"
    inodes = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == listening and int(fields[1].rsplit(":", 1)[1], 16) == port:
                inodes.add(f"socket:[{fields[9]}]")
    found = []
    for entry in Path("/proc").glob("[0-9]*/fd/*"):
        with contextlib.suppress(OSError):
            if entry.readlink().name in inodes:
                found.append(int(entry.parts[2]))
    # A parent that has forked workers holds the socket too, and was there before them.
    return min(found, default=None)


def load(
    port: int, body: Path, *, connections: int, seconds: float, rate: float = 0, further: Sequence[str] = ()
) -> dict[str, Any]:
    """One run of the load generator on the other core; `further`: path, key and host of another than a gateway."""
    command = [
        "taskset",
        "-c",
        str(OTHER_CORE),
        sys.executable,
        "-m",
        "bench.load",
        str(port),
        str(connections),
        str(seconds),
        str(body),
        str(rate),
        *further,
    ]
    done = subprocess.run(command, capture_output=True, check=True)
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def readyz(port: int) -> dict[str, Any]:
    """What the gateway says of itself."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=60) as answer:
        said: dict[str, Any] = json.load(answer)
        return said
