"""Waiting for files to change: plain writes, atomic renames, and the symlink swaps of Kubernetes ConfigMaps.

Watched are the directories around the files, as written and as resolved, since a file that is replaced takes its own
watch away with it. What a path leads to may also change by a symlink further up, so a change of any entry in those
directories counts when it is one of the files, `..data`, or a directory that was given as a whole.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from watchfiles import Change, awatch

_SETTLE_MS = 50
_STEP_MS = 20
_POLL_MS = 300


async def changes(paths: Sequence[Path], stop: asyncio.Event) -> AsyncIterator[None]:
    """Yields after every burst of changes of these files and directories, until `stop` is set."""
    wholes = {_absolute(path) for path in paths if path.is_dir()}
    files = {_absolute(path) for path in paths if not path.is_dir()}
    files |= {file.resolve() for file in files}
    around = {file.parent for file in files} | wholes | {whole.resolve() for whole in wholes}
    around |= {link.parent for link in files | wholes if link.is_symlink()}
    existing = sorted(directory for directory in around if directory.is_dir())

    def matters(_change: Change, changed: str) -> bool:
        path = Path(changed)
        return path in files or path.name == "..data" or path.parent in wholes or path.parent.resolve() in wholes

    if not existing:
        await stop.wait()
        return
    async for _ in awatch(
        *existing,
        watch_filter=matters,
        stop_event=stop,
        recursive=False,
        debounce=_SETTLE_MS,
        step=_STEP_MS,
        rust_timeout=500,
        yield_on_timeout=False,
        poll_delay_ms=_POLL_MS,
        raise_interrupt=False,
    ):
        yield


def _absolute(path: Path) -> Path:
    return path if path.is_absolute() else Path.cwd() / path
