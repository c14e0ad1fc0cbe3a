"""Seeing that files change: plain writes, atomic renames, and the symlink swaps of Kubernetes ConfigMaps.

Events only say *when* to look, what is seen decides. So it does not matter which name an event carries, how many
symlinks lead to a file, or whether a file system tells of changes at all: somebody looks twice a second anyway.
Watched are the directories around the files, as written and as resolved, since a file that is replaced takes its own
watch away with it.
"""

import asyncio
import logging
import os
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing, suppress
from pathlib import Path
from stat import S_ISDIR

import anyio._backends._asyncio  # noqa: F401 - PERF: `awatch` imports it while the event loop waits, in every worker anew
import msgspec
from watchfiles import awatch

from gateway.config.files import entries_of

_log = logging.getLogger(__name__)

_SETTLE_MS = 50
_STEP_MS = 20
_LOOK_EVERY_MS = 500
_LOOKS_WITHOUT_EVENTS = 60
"""How often to look before events are tried again where there were none: half a minute's worth."""


class Look(msgspec.Struct, frozen=True):
    """What the file system says of paths at one moment: `stamp` differs after any change, `directories` hold them."""

    stamp: tuple[object, ...]
    directories: tuple[str, ...]


def look_at(paths: Sequence[Path]) -> Look:
    """Looks at files, and at directories with what may be of a configuration. What is not there is a fact as well.

    A log or a database that is written beside it is no change.
    """
    directories = {directory for path in paths for directory in _around(path) if directory.is_dir()}
    return Look(
        tuple(_facts(entry) for path in paths for entry in _entries(path)), tuple(sorted(map(str, directories)))
    )


async def wakes(directories: Sequence[str], stop: asyncio.Event) -> AsyncGenerator[None, None]:
    """Yields after every burst of events in these directories and twice a second anyway, until `stop` is set.

    Ends by itself where there are no events to be had, after half a minute without them, so that they are tried again.
    """
    if directories:
        try:
            async with aclosing(_bursts(directories, stop)) as bursts:
                async for _ in bursts:
                    yield
        except (OSError, RuntimeError) as error:
            _log.warning("no events for changed configuration files, looking twice a second: %s", error)
    for _ in range(_LOOKS_WITHOUT_EVENTS):
        if stop.is_set():
            return
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), _LOOK_EVERY_MS / 1000)
        yield


async def _bursts(directories: Sequence[str], stop: asyncio.Event) -> AsyncGenerator[None, None]:
    events = awatch(
        *directories,
        watch_filter=None,
        stop_event=stop,
        recursive=False,
        debounce=_SETTLE_MS,
        step=_STEP_MS,
        rust_timeout=_LOOK_EVERY_MS,
        yield_on_timeout=True,
    )
    async with aclosing(events):
        async for _ in events:
            yield


def _entries(path: Path) -> Iterator[Path]:
    yield path
    with suppress(OSError):
        yield from entries_of(path)


def _facts(path: Path) -> tuple[object, ...]:
    """Identity, size and times. The time of the last change of the inode is the one that nobody can set back."""
    try:
        status = path.stat()
    except OSError:
        return (path,)
    if S_ISDIR(status.st_mode):
        return path, status.st_dev, status.st_ino
    return path, status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def _around(path: Path) -> Iterator[Path]:
    """The directories in which something happens when a path comes to lead to other content."""
    yield path.absolute().parent
    # Not `Path.resolve`, which raises where symlinks lead in a circle.
    resolved = Path(os.path.realpath(path))
    yield resolved.parent
    yield resolved
