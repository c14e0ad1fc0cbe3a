"""A changed file becomes the new snapshot beside the old one, or is refused and changes nothing.

1. a file changes, or somebody asks (SIGHUP)
2. the configuration is loaded and compiled in a thread, never twice at once
3. a valid one that differs is swapped in; a refused one is kept as the reason why the old one serves on
4. what to watch is asked anew, since references may have changed
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

from gateway import clock
from gateway.snapshot.holder import Holder, Rejection
from gateway.snapshot.snapshot import Snapshot
from gateway.snapshot.watch import changes

_log = logging.getLogger(__name__)

Outcome = Literal["swapped", "unchanged", "rejected", "failed"]

_RETRY_S = 5.0


class Reloader:
    """Keeps a holder up to date. `start` inside the event loop, `close` before it ends."""

    def __init__(
        self,
        *,
        load: Callable[[], Snapshot | Rejection],
        holder: Holder[Snapshot],
        watch_paths: Callable[[], Sequence[Path]],
        on_outcome: Callable[[Outcome, str], None],
    ) -> None:
        self._load = load
        self._holder = holder
        self._watch_paths = watch_paths
        self._on_outcome = on_outcome
        self._wanted = asyncio.Event()
        self._stop_watching = asyncio.Event()
        self._closing = False
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begins to watch."""
        loop = asyncio.get_running_loop()
        self._tasks = [loop.create_task(self._watch()), loop.create_task(self._reload())]

    def request(self) -> None:
        """Asks for a reload, whatever the files say."""
        self._wanted.set()

    async def close(self) -> None:
        """Ends watching; leaves no task and no watch behind."""
        self._closing = True
        self._stop_watching.set()
        self._tasks[1].cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _watch(self) -> None:
        while not self._closing:
            self._stop_watching.clear()
            try:
                async for _ in changes(self._watch_paths(), self._stop_watching):
                    self._wanted.set()
            except (OSError, RuntimeError) as error:
                _log.warning("watching the configuration failed, trying again: %s", error)
                await asyncio.sleep(_RETRY_S)
                self._wanted.set()

    async def _reload(self) -> None:
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            watched = tuple(self._watch_paths())
            resolved = _resolved(watched)
            await self._once()
            if tuple(self._watch_paths()) != watched or _resolved(watched) != resolved:
                self._stop_watching.set()

    async def _once(self) -> None:
        try:
            loaded = await asyncio.to_thread(self._load)
        except Exception as error:  # noqa: BLE001 - whatever a load runs into, the old snapshot serves on
            _log.exception("loading the configuration failed")
            self._holder.keep(Rejection((f"internal error: {type(error).__name__}",), clock.now()))
            self._on_outcome("failed", f"{type(error).__name__}, see the log")
            return
        if isinstance(loaded, Rejection):
            self._holder.keep(loaded)
            self._on_outcome("rejected", "the revision before serves on\n" + "\n".join(map(str, loaded.diagnostics)))
        elif loaded.revision == self._holder.current.revision:
            self._holder.keep(None)
            self._on_outcome("unchanged", f"revision {loaded.revision_label}")
        else:
            self._holder.install(loaded)
            self._on_outcome("swapped", f"revision {loaded.revision_label} serves")


def _resolved(paths: Sequence[Path]) -> tuple[Path, ...]:
    return tuple(path.resolve() for path in paths)
