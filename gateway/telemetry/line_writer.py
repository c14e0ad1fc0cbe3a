"""Lines for standard output or standard error, written by a thread: who has something to say never waits for a reader.

A pipe that nobody reads takes 64 KiB, then a write into it waits for ever. What waits here is bounded as well; beyond
that lines are dropped and counted.
"""

import os
import select
import signal
import sys
import threading
from collections.abc import Callable, Iterable
from typing import Final

FAREWELL_S: Final = 1.0
"""For so long somebody who ends waits for a reader."""

_LOOK_AGAIN_MS: Final = 1000
_ACCESS_BYTES: Final = 32 * 1024 * 1024
_GATHER_S: Final = 0.1


class LineWriter:
    """Writes to a file descriptor whatever any thread hands over, in that order. `None` is one that is closed.

    `dropped` counts the lines that were lost: more than `most_bytes` waited, or the descriptor took none. Once it takes
    some again `on_recovery` is told, by the thread, how many that were. `gather_s` is for how long lines are gathered
    before they are written together.
    """

    def __init__(
        self,
        descriptor: int | None,
        *,
        most_bytes: int,
        gather_s: float = 0.0,
        on_recovery: Callable[[int], None] | None = None,
    ) -> None:
        self._descriptor = descriptor
        self._most_bytes = most_bytes
        self._gather_s = gather_s
        self._on_recovery = on_recovery
        self.begin_anew()

    def begin_anew(self) -> None:
        """Forgets what waits. For a process that was forked: it has no thread, and its parent writes what waited."""
        self.dropped = 0
        self._recovered_from = 0
        self._pending: list[bytes] = []
        self._bytes = 0
        # Reentrant, since whatever is collected while a line is handed over may have something to say itself.
        self._lock = threading.RLock()
        self._wake = threading.Event()
        self._hurry = threading.Event()
        self._idle = threading.Event()
        self._idle.set()
        self._writing: threading.Thread | None = None

    def write(self, lines: bytes) -> None:
        """Hands whole lines over."""
        with self._lock:
            if self._descriptor is None or self._bytes + len(lines) > self._most_bytes:
                self.dropped += lines.count(b"\n")
                return
            self._pending.append(lines)
            self._bytes += len(lines)
            if len(self._pending) > 1:
                return
            self._idle.clear()
            self._wake.set()
            if self._writing is None:
                # A daemon: a process whose lines nobody reads ends all the same.
                self._writing = threading.Thread(target=self._write_on, name="lines", daemon=True)
                # A signal that the kernel hands to this thread would not wake the one that waits for it.
                mask = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
                self._writing.start()
                signal.pthread_sigmask(signal.SIG_SETMASK, mask)

    def flush(self, wait_s: float) -> None:
        """Waits until everything is written, but no longer than `wait_s` seconds."""
        self._hurry.set()
        self._idle.wait(wait_s)
        self._hurry.clear()

    def _write_on(self) -> None:
        while True:
            self._wake.wait()
            if self._gather_s:
                self._hurry.wait(self._gather_s)
            with self._lock:
                taken, self._pending = self._pending, []
                self._wake.clear()
            lost = self._lost_of(taken)
            with self._lock:
                self._bytes -= sum(map(len, taken))
                self.dropped += lost
                if not self._pending:
                    self._idle.set()
                news = 0 if lost else self.dropped - self._recovered_from
                self._recovered_from += news
            if news and self._on_recovery is not None:
                self._on_recovery(news)

    def _lost_of(self, taken: Iterable[bytes]) -> int:
        """How many lines could not be written. A closed descriptor or a full disk must not stop anything."""
        text = memoryview(b"".join(taken))
        done = 0
        while done < len(text):
            try:
                done += os.write(self._descriptor or 0, text[done:])
            except BlockingIOError:
                self._wait_for_room()
            except OSError:
                return bytes(text[done:]).count(b"\n")
        return 0

    def _wait_for_room(self) -> None:
        """Another process that has the same pipe has switched waiting off."""
        poll = select.poll()
        poll.register(self._descriptor or 0, select.POLLOUT)
        poll.poll(_LOOK_AGAIN_MS)


def access_lines() -> LineWriter:
    """Those of an access log, on standard output."""
    descriptor = None if sys.stdout is None else sys.stdout.fileno()
    return LineWriter(descriptor, most_bytes=_ACCESS_BYTES, gather_s=_GATHER_S)


def line_for_people(parts: Iterable[str]) -> bytes:
    """What there is of the parts, on one line: what a client sent could hold the terminal's own commands."""
    return "".join(char if char.isprintable() else "?" for char in "  ".join(filter(None, parts))).encode()
