"""The thread that makes a spool survive a loss of power: it syncs the segments, and closes full ones."""

import logging
import os
import threading
from collections import deque

from gateway.ledger.worker_directory import WorkerDirectory

_log = logging.getLogger(__name__)


class SpoolSync:
    """Syncs one worker's segments. The event loop tells it what happened and never waits for it, except in `close`.

    Args:
        directory: Synced as well after a new segment came into it.
        interval_s: Seconds between two syncs; what a loss of power can cost.
    """

    def __init__(self, directory: WorkerDirectory, interval_s: float) -> None:
        self._directory = directory
        self._interval_s = interval_s
        self._descriptor = -1
        self._retired: deque[int] = deque()
        self.has_grown = False
        """Whether something was written since the last sync; who writes says so."""
        self._new_segment = False
        self._closing = threading.Event()
        self._syncing = threading.Thread(target=self._run, name="ledger-spool-sync", daemon=True)
        self._syncing.start()

    def move(self, directory: WorkerDirectory) -> None:
        """New segments come into another directory."""
        self._directory = directory

    def follow(self, descriptor: int) -> None:
        """From now on this segment is written to."""
        self._descriptor = descriptor
        self._new_segment = True

    def retire(self, descriptor: int) -> None:
        """This segment is not written to any more: it is synced a last time and closed, by the thread."""
        self._descriptor = -1
        self._retired.append(descriptor)

    def close(self) -> None:
        """Syncs and closes what is left; waits for the disk."""
        self._closing.set()
        self._syncing.join()
        self._sync()

    def _run(self) -> None:
        while not self._closing.wait(self._interval_s):
            self._sync()

    def _sync(self) -> None:
        # Only this thread closes descriptors, so the one that is read here stays open until the end of the method.
        descriptor = self._descriptor
        try:
            if self._new_segment:
                self._new_segment = False
                self._directory.sync()
            if self.has_grown and descriptor >= 0:
                self.has_grown = False
                os.fdatasync(descriptor)
        except OSError as problem:
            self.has_grown = True
            _log.warning("the ledger's spool cannot be synced: %s", problem.strerror)
        while self._retired:
            self._close(self._retired.popleft())

    def _close(self, descriptor: int) -> None:
        try:
            os.fdatasync(descriptor)
        except OSError as problem:
            _log.warning("a segment of the ledger's spool cannot be synced: %s", problem.strerror)
        finally:
            os.close(descriptor)
