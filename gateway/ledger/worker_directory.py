"""One spool directory per worker, locked while the worker lives; those of dead workers are adopted, each once.

The kernel drops the lock (`flock`) when a process ends, however it ends. A directory goes away only under its lock, so
whoever gets a lock looks again whether the file it locked is still the one in the directory.
"""

import fcntl
import os
from contextlib import suppress
from pathlib import Path
from typing import Final

from gateway import ids, private_files

_LOCK: Final = "lock"
_SUFFIX: Final = ".seg"
_PROBE: Final = "probe"


class WorkerDirectory:
    """A directory that this process holds the lock of, from `claim` or `abandoned`."""

    def __init__(self, path: Path, lock: int) -> None:
        self.path = path
        self._lock = lock

    def segments(self) -> list[Path]:
        """The segment files, oldest first."""
        return sorted(self.path.glob(f"*{_SUFFIX}"))

    def path_of_segment(self, number: int) -> Path:
        """Where segment `number` of this directory lies."""
        return self.path / f"{number:08d}{_SUFFIX}"

    def is_there(self) -> bool:
        """Whether nobody deleted it."""
        return bool(os.fstat(self._lock).st_nlink)

    def has_room(self, size: int) -> bool:
        """Whether the disk takes so many bytes more.

        Raises:
            OSError: It takes none, or the directory is gone.
        """
        probe = self.path / _PROBE
        try:
            with os.fdopen(private_files.open_private(probe, os.O_WRONLY), "wb", buffering=0) as opened:
                return opened.write(bytes(size)) == size
        finally:
            probe.unlink(missing_ok=True)

    def sync(self) -> None:
        """Makes the names of new segments survive a loss of power.

        Raises:
            OSError: The disk fails.
        """
        descriptor = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def release(self) -> None:
        """Gives up the lock; an empty directory is removed, one with segments waits for who adopts it. Idempotent."""
        lock, self._lock = self._lock, -1
        if lock < 0:
            return
        with suppress(OSError):
            if not self.segments():
                (self.path / _LOCK).unlink(missing_ok=True)
                self.path.rmdir()
        os.close(lock)


def claim(root: Path) -> WorkerDirectory:
    """Makes a new directory under `root` for this worker and locks it.

    Raises:
        OSError: The directory cannot be made or locked.
    """
    private_files.make_folder(root.parent)
    private_files.make_folder(root)
    while True:
        path = root / ids.ulid()
        # Whoever looks for dead workers in this very moment may take the directory for one and remove it.
        with suppress(FileNotFoundError):
            private_files.make_folder(path)
            locked = _lock(path)
            if locked is not None:
                return locked


def abandoned(root: Path) -> list[WorkerDirectory]:
    """The directories under `root` whose workers are gone, oldest first, locked for this process alone.

    Raises:
        OSError: The directory cannot be read.
    """
    found: list[WorkerDirectory] = []
    if not root.exists():  # somebody deleted it: it is made again with the next entry
        return found
    for path in sorted(entry for entry in root.iterdir() if entry.is_dir() and not entry.is_symlink()):
        with suppress(FileNotFoundError):
            locked = _lock(path)
            if locked is not None:
                found.append(locked)
    return found


def _lock(path: Path) -> WorkerDirectory | None:
    descriptor = private_files.open_private(path / _LOCK, os.O_RDWR)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        here = os.fstat(descriptor)
        if (path / _LOCK).stat().st_ino == here.st_ino and here.st_nlink:
            return WorkerDirectory(path, descriptor)
    except (BlockingIOError, FileNotFoundError):
        pass
    except OSError:
        os.close(descriptor)
        raise
    os.close(descriptor)
    return None
