"""What a process takes of its machine, under the names that every Prometheus client has for it.

The client's own collector knows one process; these are gauges of each worker, so that they add up over several.
"""

import os
import resource
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge

_PROC = Path("/proc/self")
_PAGE = resource.getpagesize()
_RESIDENT = 1
"""Which figure of `/proc/self/statm` it is (proc(5))."""
_STARTED = 21
"""Which figure of `/proc/self/stat` it is, counted from zero (proc(5))."""


class ProcessFigures:
    """The figures of this process, as of the last `publish`. Outside Linux some are missing."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._cpu = Counter("process_cpu_seconds", "CPU time of the workers, user and system.", registry=registry)
        self._memory = _gauge(registry, "resident_memory_bytes", "Memory that the workers hold.", "livesum")
        self._open = _gauge(registry, "open_fds", "Files and connections of the worker that has most.", "livemax")
        self._most = _gauge(registry, "max_fds", "Of which a worker may have so many.", "livemin")
        self._started = _gauge(registry, "start_time_seconds", "When the oldest worker began, Unix time.", "livemin")
        self._counted = 0.0
        self._most.set(resource.getrlimit(resource.RLIMIT_NOFILE)[0])
        if (_PROC / "stat").exists():
            self._started.set(_boot_time() + int(_words("stat")[_STARTED]) / os.sysconf("SC_CLK_TCK"))

    def publish(self) -> None:
        """Looks at the process anew."""
        used = resource.getrusage(resource.RUSAGE_SELF)
        seconds = used.ru_utime + used.ru_stime
        self._cpu.inc(max(0.0, seconds - self._counted))
        self._counted = seconds
        if _PROC.exists():
            self._memory.set(int(_words("statm")[_RESIDENT]) * _PAGE)
            self._open.set(len(os.listdir(_PROC / "fd")))  # noqa: PTH208 - a Path for each would be made for nothing


def _gauge(registry: CollectorRegistry, name: str, text: str, mode: str) -> Gauge:
    return Gauge(f"process_{name}", text, registry=registry, multiprocess_mode=mode)  # type: ignore[arg-type]


def _words(file: str) -> list[str]:
    text = (_PROC / file).read_text()
    # The second word of `stat` is the program's name in brackets, with whatever it has in it.
    return text.split() if ")" not in text else ["", *text[text.rindex(")") :].split()]


def _boot_time() -> float:
    lines = Path("/proc/stat").read_text().splitlines()
    return float(next(line.split()[1] for line in lines if line.startswith("btime")))
