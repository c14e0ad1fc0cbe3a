"""What waits in the spool for the database: this worker's segments and those adopted from dead workers."""

import logging
import os
from pathlib import Path
from typing import Final

import msgspec

from gateway import clock
from gateway.ledger.pace import Pace
from gateway.ledger.segment import scan
from gateway.ledger.storable import decode
from gateway.ledger.worker_directory import WorkerDirectory, abandoned
from gateway.telemetry.decision_record import DecisionRecord
from gateway.turns import turns

_log = logging.getLogger(__name__)

_BATCH_BYTES: Final = 4 * 1024 * 1024
_SET_ASIDE: Final = "set-aside.jsonl"


class Segment:
    """One spool file. `size` and `entries` grow with what is appended; `read` and `taken` with what is shipped."""

    __slots__ = ("directory", "entries", "is_active", "path", "pending_since", "read", "size", "taken")

    def __init__(self, path: Path, directory: WorkerDirectory, *, size: int = 0, entries: int = 0) -> None:
        self.path = path
        self.directory = directory
        self.size = size
        self.entries = entries
        self.read = 0
        self.taken = 0
        self.pending_since = clock.monotonic()
        self.is_active = False


class Batch(msgspec.Struct, frozen=True):
    """Entries to ship together. `unreadable` are whole records that are no entry; `end` is the place behind them all.

    `damaged` counts stretches of the file that were no whole record: what a kill or a loss of power cut off.
    """

    segment: Segment
    end: int
    entries: tuple[DecisionRecord, ...]
    unreadable: tuple[bytes, ...]
    damaged: int


class Backlog:
    """The reading side of a spool; its methods belong to one thread, its figures may be read by any.

    Args:
        root: The directory with every worker's spool.
        own: The directory of this worker.
    """

    def __init__(self, root: Path, own: WorkerDirectory) -> None:
        self._root = root
        self._own = own
        self.segments: list[Segment] = []
        """Oldest first; the spool puts its new ones at the end."""
        self.adopted = 0
        """Entries found in adopted segments."""
        self.adopted_bytes = 0
        """What those segments take."""
        self.shipped = 0
        """Entries that left the spool."""
        self.shipped_bytes = 0
        """What those took."""
        self.damaged = 0
        """Stretches of segments that were no whole record."""
        self.set_aside_count = 0
        """Entries that the database refuses for what they are, kept in `set-aside.jsonl`."""

    @property
    def oldest_s(self) -> float:
        """Seconds for which the oldest entry waits, too high by at most the time in which one segment fills."""
        for segment in list(self.segments):
            if segment.read < segment.size:
                return clock.monotonic() - segment.pending_since
        return 0.0

    @property
    def is_behind(self) -> bool:
        """Whether enough waits to be shipped without a pause: a whole batch, or files that nothing is added to."""
        return any(
            segment.size - segment.read >= (_BATCH_BYTES if segment.is_active else 1) for segment in list(self.segments)
        )

    def adopt(self) -> int:
        """Takes over the segments of workers that died, before this worker's own, and returns how many entries.

        Raises:
            OSError: The spool's directory cannot be read.
        """
        before = self.adopted
        for directory in abandoned(self._root):
            found = [_examined(path, directory) for path in directory.segments()]
            if not found:
                directory.release()
            self.segments[:0] = found
            self.adopted += sum(segment.entries for segment in found)
            self.adopted_bytes += sum(segment.size for segment in found)
        return self.adopted - before

    def next_batch(self, pace: Pace, most_bytes: int = _BATCH_BYTES) -> Batch | None:
        """The oldest entries that wait, as many as `most_bytes` of the file hold; the same until they are `ship`ped.

        Raises:
            OSError: A segment cannot be read.
        """
        for segment in list(self.segments):
            end = segment.size
            try:
                if segment.read < end:
                    return self._read(segment, end, most_bytes, pace)
            except FileNotFoundError:
                _log.error("the ledger's spool file %s is gone, with entries in it", segment.path)
                self._advance(segment, end)
            if not segment.is_active:
                self.remove(segment)
        return None

    def ship(self, batch: Batch) -> None:
        """Forgets a batch, whose entries are in the database. A file without any other goes away."""
        segment = batch.segment
        self.damaged += batch.damaged
        segment.taken += len(batch.entries) + len(batch.unreadable)
        self.shipped += len(batch.entries) + len(batch.unreadable)
        self._advance(segment, batch.end)
        if segment.read >= segment.size and not segment.is_active:
            self.remove(segment)

    def remove(self, segment: Segment) -> None:
        """Deletes a file that is shipped, and the directory of a dead worker with its last one."""
        segment.path.unlink(missing_ok=True)
        self.segments.remove(segment)
        self.shipped += segment.entries - segment.taken  # those that damage made unreadable
        if segment.directory is not self._own and all(one.directory is not segment.directory for one in self.segments):
            segment.directory.release()

    def set_aside(self, payload: bytes) -> None:
        """Keeps an entry that cannot be shipped where a person finds it, one JSON line, and counts it.

        Raises:
            OSError: The disk takes no more.
        """
        descriptor = os.open(self._root / _SET_ASIDE, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            os.write(descriptor, payload.replace(b"\n", b" ") + b"\n")
        finally:
            os.close(descriptor)
        self.set_aside_count += 1

    def close(self) -> None:
        """Deletes what is shipped and gives up adopted directories; another worker adopts what is left."""
        for segment in list(self.segments):
            if segment.read >= segment.size:
                self.remove(segment)
        for directory in {segment.directory for segment in self.segments} - {self._own}:
            directory.release()
        self.segments.clear()

    def _read(self, segment: Segment, end: int, most_bytes: int, pace: Pace) -> Batch:
        until = min(end, segment.read + most_bytes)
        result = scan(_stretch(segment.path, segment.read, until), complete=until == end)
        if not result.consumed:  # one record is longer than `most_bytes`, or damage hides where it ends
            until = end
            result = scan(_stretch(segment.path, segment.read, end), complete=True)
        entries, unreadable = [], []
        for payload in turns(result.payloads, pace.decoded, pace.rest_s):
            try:
                entries.append(decode(payload))
            except msgspec.DecodeError:
                unreadable.append(payload)
        behind = end if until == end else segment.read + result.consumed
        return Batch(segment, behind, tuple(entries), tuple(unreadable), result.damaged)

    def _advance(self, segment: Segment, end: int) -> None:
        self.shipped_bytes += end - segment.read
        segment.read = end


def _examined(path: Path, directory: WorkerDirectory) -> Segment:
    data = path.read_bytes()
    return Segment(path, directory, size=len(data), entries=len(scan(data, complete=True).payloads))


def _stretch(path: Path, begin: int, end: int) -> bytes:
    with path.open("rb", buffering=0) as file:
        file.seek(begin)
        return file.read(end - begin)
