"""A wall clock that a test sets while a process runs, as an operator or NTP would. Whatever waits, waits as it did.

Libraries that fake time fake sleeping along with it. Here only what tells the time of the day is told another one, so
a wait that ends at a time of the day ends too late or too early.
"""

import mmap
import shutil
import struct
import subprocess
from pathlib import Path

import pytest

_SOURCE = """
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static volatile const long long *ahead;

__attribute__((constructor)) static void find(void) {
    int file = open(getenv("CLOCK_AHEAD_S"), O_RDONLY | O_CLOEXEC);
    ahead = mmap(NULL, sizeof *ahead, PROT_READ, MAP_SHARED, file, 0);
    close(file);
}

int clock_gettime(clockid_t clock, struct timespec *at) {
    int failed = syscall(SYS_clock_gettime, clock, at);
    if (!failed && ahead && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) at->tv_sec += *ahead;
    return failed;
}

int gettimeofday(struct timeval *at, void *zone) {
    int failed = syscall(SYS_gettimeofday, at, zone);
    if (!failed && ahead) at->tv_sec += *ahead;
    return failed;
}

time_t time(time_t *at) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return at ? *at = now.tv_sec : now.tv_sec;
}
"""


class SetClock:
    """The clock of processes that start with its `environment`."""

    def __init__(self, directory: Path) -> None:
        compiler = shutil.which("cc")
        if compiler is None:
            pytest.skip("there is no C compiler")
        library, ahead = directory / "set_clock.so", directory / "ahead"
        subprocess.run([compiler, "-shared", "-fPIC", "-o", library, "-xc", "-"], input=_SOURCE.encode(), check=True)
        ahead.write_bytes(bytes(8))
        with ahead.open("r+b") as file:
            self._ahead = mmap.mmap(file.fileno(), 8)
        self.environment = {"LD_PRELOAD": str(library), "CLOCK_AHEAD_S": str(ahead)}

    def set(self, ahead_s: int) -> None:
        """From now on it is so many seconds ahead of the machine's."""
        self._ahead[:] = struct.pack("q", ahead_s)
