"""The spool: what a worker writes an entry to before anything else, and what the database is fed from.

- An entry is appended with one `write` to the end of a file. The kernel has it then: it survives the death of the
  process in any way. A thread calls `fdatasync` every second: a loss of power loses at most that second.
- The file is replaced by a new one every few MiB; one whose entries are all in the database is deleted. How far the
  present one is shipped is kept in memory only: after a crash its entries are shipped again, and the database knows
  them by their ids.
- The methods here belong to the event loop, those of `backlog` to one other thread. Each figure has one writer, so
  neither side needs a lock.

The directory has to be on a local disk of this machine.
"""

import logging
import os
from collections import deque
from pathlib import Path
from typing import Literal

from gateway import clock, private_files
from gateway.ledger.backlog import Backlog, Segment
from gateway.ledger.segment import frame
from gateway.ledger.spool_sync import SpoolSync
from gateway.ledger.worker_directory import claim

_log = logging.getLogger(__name__)

OnFull = Literal["refuse", "drop"]

_SEGMENT_BYTES = 4 * 1024 * 1024
_PROBE_BYTES = 64 * 1024


class Spool:
    """The spool of one worker under `root`, which all workers of the machine share. Construct it in the worker.

    Args:
        root: The directory of every worker's spool; made if it is not there.
        max_bytes: Of entries that wait, adopted ones included. The disk holds at most one segment more.
        on_full: At the bound, or on a full disk: `refuse` makes `refuses` true, and the entries of requests that were
            under way are still taken, in memory while the disk is full; `drop` loses the entry and counts it.
        segment_bytes: Where a new file begins.
        sync_s: Seconds between calls of `fdatasync`.

    Raises:
        OSError: The directory cannot be made or locked.
    """

    def __init__(
        self,
        root: Path,
        *,
        max_bytes: int,
        on_full: OnFull = "refuse",
        segment_bytes: int = _SEGMENT_BYTES,
        sync_s: float = 1.0,
    ) -> None:
        self._max_bytes = max_bytes
        self._drops = on_full == "drop"
        self._segment_bytes = segment_bytes
        self._root = root
        self._directory = claim(root)
        self._sync = SpoolSync(self._directory, sync_s)
        self._active: Segment | None = None
        self._descriptor = -1
        self._segments_begun = 0
        self._unwritten: deque[bytes] = deque()
        self._appended = self._appended_bytes = 0
        self.backlog = Backlog(root, self._directory)
        """The side that is read from."""
        self._dropped = 0
        self.disk_error: str | None = None
        """Why the disk does not take entries at present."""

    @property
    def dropped(self) -> int:
        """Entries lost: at the bound with `on_full: drop`, by damage to files, with a process whose disk was full."""
        return self._dropped + self.backlog.lost

    @property
    def depth(self) -> int:
        """Entries that wait for the database."""
        return self._appended + len(self._unwritten) + self.backlog.adopted - self.backlog.shipped

    @property
    def waiting_bytes(self) -> int:
        """What they take on the disk."""
        return self._appended_bytes + self.backlog.adopted_bytes - self.backlog.shipped_bytes

    @property
    def is_full(self) -> bool:
        """Whether the bound is reached or the disk takes no more."""
        return self.waiting_bytes >= self._max_bytes or self.disk_error is not None

    @property
    def refuses(self) -> bool:
        """Whether a new request is to be refused, since its entry might find no room."""
        # PERF: asked for every request, so it is `is_full` without a call of it.
        return not self._drops and (
            self.disk_error is not None
            or self._appended_bytes + self.backlog.adopted_bytes - self.backlog.shipped_bytes >= self._max_bytes
        )

    def append(self, payload: bytes) -> bool:
        """Takes one entry; waits for neither disk nor database, and no failure of the disk raises.

        Args:
            payload: As `gateway.ledger.storable.encode` makes it.

        Returns:
            Whether the kernel has the entry. If not, memory holds it until the disk takes it (`on_full: refuse`), or
            it is lost (`drop`).
        """
        record = frame(payload)
        if self._drops and self.waiting_bytes >= self._max_bytes:
            self._dropped += 1
            return False
        if self._unwritten:
            self.retry()
        if not self._unwritten and self._write(record):
            return True
        if self._drops:
            self._dropped += 1
        else:
            self._unwritten.append(record)
        return False

    def retry(self) -> None:
        """Writes what a full disk did not take, and looks whether it takes entries again; to be called now and then."""
        while self._unwritten and self._write(self._unwritten[0]):
            self._unwritten.popleft()
        if self.disk_error is not None and not self._unwritten and self._has_room():
            self.disk_error = None

    def close(self) -> None:
        """Brings everything to the disk and gives up the locks; another worker adopts what was not shipped.

        Nothing may use the backlog any more. Doing it twice is an error.
        """
        self.retry()
        if self._unwritten:
            self._dropped += len(self._unwritten)
            _log.error("%d ledger entries are lost: %s", len(self._unwritten), self.disk_error)
        self._retire_active()
        self._sync.close()
        self.backlog.close()
        self._directory.release()

    def _write(self, record: bytes) -> bool:
        try:
            segment = self._active
            if segment is None or segment.size >= self._segment_bytes or segment.is_deleted:
                segment = self._begin_segment()
            written = os.write(self._descriptor, record)
        except OSError as problem:
            self.disk_error = problem.strerror or type(problem).__name__
            return False
        if written != len(record):
            self._take_back(segment)
            self.disk_error = "the disk is full"
            return False
        if segment.read == segment.size:
            segment.pending_since = clock.monotonic()
        segment.entries += 1
        self._appended += 1
        self._appended_bytes += written
        segment.size += written  # last: from here on the other thread may ship it
        self._sync.has_grown = True
        self.disk_error = None
        return True

    def _has_room(self) -> bool:
        try:
            return not self._directory.is_there() or self._directory.has_room(_PROBE_BYTES)
        except OSError:
            return False

    def _begin_segment(self) -> Segment:
        if not self._directory.is_there():
            self._directory = claim(self._root)
            self._sync.move(self._directory)
            self.backlog.move(self._directory)
        path = self._directory.path_of_segment(self._segments_begun + 1)
        descriptor = private_files.make_new(path, append=True)
        self._segments_begun += 1
        self._retire_active()
        try:
            segment = Segment(path, self._directory)
        except OSError:
            os.close(descriptor)
            raise
        segment.is_active = True
        self._active, self._descriptor = segment, descriptor
        self.backlog.segments.append(segment)
        self._sync.follow(descriptor)
        return segment

    def _take_back(self, segment: Segment) -> None:
        """Cuts off a record that was written in part; where that fails, it stays as the torn end of its file."""
        try:
            os.ftruncate(self._descriptor, segment.size)
        except OSError:
            self._retire_active()

    def _retire_active(self) -> None:
        if self._active is not None:
            self._active.is_active = False
            self._sync.retire(self._descriptor)
            self._active, self._descriptor = None, -1
