"""What waits in the spool for the database: this worker's segments and those adopted from dead workers."""

import logging
import os
from pathlib import Path
from typing import Final

import msgspec

from gateway import clock, private_files
from gateway.ledger import stored_entry
from gateway.ledger.pace import Pace
from gateway.ledger.segment import Damage, scan
from gateway.ledger.storable import decode
from gateway.ledger.stored_entry import StoredObject
from gateway.ledger.worker_directory import WorkerDirectory, abandoned
from gateway.telemetry.decision_record import DecisionRecord
from gateway.turns import turns

_log = logging.getLogger(__name__)

_BATCH_BYTES: Final = 4 * 1024 * 1024
_SET_ASIDE: Final = "set-aside.jsonl"


class Segment:
    """One spool file. `size` and `entries` grow with what is appended; `read` and `taken` with what is shipped.

    It is read through a descriptor of its own, so that what was written is there until it is shipped, whoever deletes
    the file meanwhile.

    Raises:
        OSError: The file cannot be opened.
    """

    __slots__ = (
        "directory",
        "entries",
        "is_active",
        "is_deleted",
        "path",
        "pending_since",
        "read",
        "reader",
        "size",
        "taken",
    )

    def __init__(self, path: Path, directory: WorkerDirectory, *, size: int = 0, entries: int = 0) -> None:
        self.path = path
        self.directory = directory
        self.reader = os.open(path, os.O_RDONLY)
        self.size = size
        self.entries = entries
        self.read = 0
        self.taken = 0
        self.pending_since = clock.monotonic()
        self.is_active = False
        self.is_deleted = False
        """Whether somebody deleted it: what it holds goes with the process."""

    @property
    def is_over(self) -> bool:
        """Whether all of it is shipped, and nothing is added any more.

        Whether it is active is asked first: what its size says then is all that it will ever hold.
        """
        return not self.is_active and self.read >= self.size


class Batch(msgspec.Struct, frozen=True):
    """Entries to ship together: of requests, and of what providers keep (`stored`).

    `unreadable` are whole records that are no entry; `end` is the place behind them all.

    `damaged` are stretches of the file that were no whole record: what a kill or a loss of power cut off.
    """

    segment: Segment
    end: int
    entries: tuple[DecisionRecord, ...]
    unreadable: tuple[bytes, ...]
    damaged: tuple[Damage, ...]
    stored: tuple[StoredObject, ...] = ()

    @property
    def count(self) -> int:
        """Entries of every kind."""
        return len(self.entries) + len(self.unreadable) + len(self.stored)


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
        self.lost = 0
        """Entries that damage to files made unreadable."""
        self.set_aside_count = 0
        """Entries that the database refuses for what they are, kept in `set-aside.jsonl` of the spool's directory."""

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
        self.set_aside_count = _lines_of(self.set_aside_path)
        before = self.adopted
        for directory in abandoned(self._root):
            found = [_examined(path, directory) for path in directory.segments()]
            if not found:
                directory.release()
            self.segments[:0] = found
            self.adopted += sum(segment.entries for segment in found)
            self.adopted_bytes += sum(segment.size for segment in found)
        return self.adopted - before

    def move(self, own: WorkerDirectory) -> None:
        """New segments of this worker come into another directory."""
        before, self._own = self._own, own
        self._release_unused(before)

    def next_batch(self, pace: Pace, most_bytes: int = _BATCH_BYTES) -> Batch | None:
        """The oldest entries that wait, as many as `most_bytes` of the file hold; the same until they are `ship`ped.

        Raises:
            OSError: A segment cannot be read.
        """
        for segment in list(self.segments):
            if segment.is_over:
                self.remove(segment)
                continue
            end = segment.size
            if segment.read < end:
                self._look_after(segment, end)
                return self._read(segment, end, most_bytes, pace)
        return None

    def ship(self, batch: Batch) -> None:
        """Forgets a batch, whose entries are in the database. A file without any other goes away."""
        segment = batch.segment
        for damage in batch.damaged:
            self._lose(segment, damage.records, f"it is damaged from byte {damage.begin} to {damage.end}")
        segment.taken += batch.count
        self.shipped += batch.count
        self.shipped_bytes += batch.end - segment.read
        segment.read = batch.end
        if segment.is_over:
            self.remove(segment)

    def remove(self, segment: Segment) -> None:
        """Deletes a file that is shipped, and the directory of a dead worker with its last one."""
        missing = segment.entries - segment.taken
        if missing > 0:
            self._lose(segment, missing, "it is shorter than what was written to it")
        else:  # damage that looks like the beginnings of more records than there were
            self.shipped += missing
            self.lost += missing
        segment.path.unlink(missing_ok=True)
        self.segments.remove(segment)
        os.close(segment.reader)
        if segment.directory is not self._own:
            self._release_unused(segment.directory)

    @property
    def set_aside_path(self) -> Path:
        """Where entries lie that the database refuses; a file of all workers, which may not be there."""
        return self._root / _SET_ASIDE

    def set_aside(self, payload: bytes) -> None:
        """Keeps an entry that cannot be shipped where a person finds it, one JSON line, and counts it.

        Raises:
            OSError: The disk takes no more.
        """
        descriptor = private_files.open_private(self.set_aside_path, os.O_WRONLY | os.O_APPEND)
        try:
            os.write(descriptor, payload.replace(b"\n", b" ") + b"\n")
        finally:
            os.close(descriptor)
        self.set_aside_count += 1

    def close(self) -> None:
        """Deletes what is shipped and gives up adopted directories; another worker adopts what is left."""
        for segment in list(self.segments):
            if segment.is_over:
                self.remove(segment)
        for directory in {segment.directory for segment in self.segments} - {self._own}:
            directory.release()
        for segment in self.segments:
            if segment.is_deleted:
                self._lose(segment, segment.entries - segment.taken, "somebody deleted it")
            os.close(segment.reader)
        self.segments.clear()

    def _release_unused(self, directory: WorkerDirectory) -> None:
        if all(one.directory is not directory for one in self.segments):
            directory.release()

    def _read(self, segment: Segment, end: int, most_bytes: int, pace: Pace) -> Batch:
        until = min(end, segment.read + most_bytes)
        result = scan(_stretch(segment, until), complete=until == end)
        if not result.consumed:  # one record is longer than `most_bytes`, or damage hides where it ends
            until = end
            result = scan(_stretch(segment, end), complete=True)
        entries, unreadable, stored = [], [], []
        for payload in turns(result.payloads, pace.decoded, pace.rest_s):
            try:
                if stored_entry.is_encoded(payload):
                    stored.append(stored_entry.decode(payload))
                else:
                    entries.append(decode(payload))
            except msgspec.DecodeError:
                unreadable.append(payload)
        behind = end if until == end else segment.read + result.consumed
        damaged = tuple(Damage(segment.read + one.begin, segment.read + one.end, one.records) for one in result.damaged)
        return Batch(segment, behind, tuple(entries), tuple(unreadable), damaged, tuple(stored))

    def _look_after(self, segment: Segment, end: int) -> None:
        """Notes whether somebody deleted a file that holds something up to `end`, or cut it off."""
        here = os.fstat(segment.reader)
        if segment.is_deleted or (here.st_nlink and here.st_size >= end):
            return
        segment.is_deleted = True
        done = "cut off" if here.st_nlink else "deleted"
        _log.error("somebody %s the ledger's spool file %s; what it holds is still written", done, segment.path)

    def _lose(self, segment: Segment, entries: int, why: str) -> None:
        segment.taken += entries
        self.shipped += entries
        self.lost += entries
        _log.error("%d ledger entries of the spool file %s are lost: %s", entries, segment.path, why)


def _examined(path: Path, directory: WorkerDirectory) -> Segment:
    """The segment of a worker that died; what is damaged counts as entries as well, until it is found to be lost.

    Raises:
        OSError: The file cannot be read.
    """
    data = path.read_bytes()
    found = scan(data, complete=True)
    entries = len(found.payloads) + sum(one.records for one in found.damaged)
    return Segment(path, directory, size=len(data), entries=entries)


def _stretch(segment: Segment, end: int) -> bytes:
    """What a file holds from where it was read to; less where somebody cut it off."""
    data = b""
    while segment.read + len(data) < end:
        piece = os.pread(segment.reader, end - segment.read - len(data), segment.read + len(data))
        if not piece:
            break
        data = data + piece if data else piece
    return data


def _lines_of(path: Path) -> int:
    try:
        return path.read_bytes().count(b"\n")
    except FileNotFoundError:
        return 0
