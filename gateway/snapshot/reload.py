"""A changed file becomes the new snapshot beside the old one, or is refused and changes nothing.

1. a file changes, or somebody asks (SIGHUP)
2. the configuration is loaded and compiled in a thread, never twice at once
3. a valid one that differs is swapped in; a refused one is kept as the reason why the old one serves on
4. what to watch is asked anew, since references may have changed
"""

import asyncio
import logging
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import aclosing, contextmanager, suppress
from pathlib import Path
from typing import Literal

from gateway import clock
from gateway.snapshot.holder import Holder, Rejection
from gateway.snapshot.snapshot import Snapshot
from gateway.snapshot.watch import look_at, wakes

_log = logging.getLogger(__name__)

Outcome = Literal["swapped", "unchanged", "rejected", "failed"]

_RETRY_S = 1.0
_LOADING_SWITCH_INTERVAL_S = 0.0005


@contextmanager
def short_turns() -> Iterator[None]:
    """Lets requests take the interpreter back from the loading thread sooner.

    PERF: a request does so several times, and each time would wait for a whole switch interval.
    """
    interval = sys.getswitchinterval()
    sys.setswitchinterval(_LOADING_SWITCH_INTERVAL_S)
    try:
        yield
    finally:
        sys.setswitchinterval(interval)


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
        self._closing = asyncio.Event()
        self._seen: tuple[object, ...] = ()
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begins to watch; a change from now on is seen."""
        self._seen = look_at(self._watch_paths()).stamp
        loop = asyncio.get_running_loop()
        self._tasks = [loop.create_task(self._watch()), loop.create_task(self._reload())]

    def request(self) -> None:
        """Asks for a reload, whatever the files say."""
        self._wanted.set()

    async def close(self) -> None:
        """Ends watching, after a load that is under way; leaves no task and no watch behind."""
        self._closing.set()
        self._wanted.set()
        await asyncio.gather(*self._tasks)

    async def _watch(self) -> None:
        while not self._closing.is_set():
            try:
                await self._watch_these(tuple(self._watch_paths()))
            except Exception:  # noqa: BLE001 - whatever watching runs into, it has to go on
                _log.exception("watching the configuration failed, trying again")
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._closing.wait(), _RETRY_S)

    async def _watch_these(self, paths: Sequence[Path]) -> None:
        """Returns when other paths or other directories have to be watched.

        A change in the time until that is done is not lost: what is seen then differs from what the last load saw.
        """
        watched = await asyncio.to_thread(look_at, paths)
        async with aclosing(wakes(watched.directories, self._closing)) as waking:
            async for _ in waking:
                wanted = tuple(self._watch_paths())
                look = await asyncio.to_thread(look_at, wanted)
                if look.stamp != self._seen:
                    self._wanted.set()
                if wanted != paths or look.directories != watched.directories:
                    return

    async def _reload(self) -> None:
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            if self._closing.is_set():
                return
            try:
                await self._once()
            except Exception as error:  # noqa: BLE001 - whatever a load runs into, the old snapshot serves on
                _log.exception("loading the configuration failed")
                self._holder.keep(Rejection((f"internal error: {type(error).__name__}",), clock.now()))
                self._on_outcome("failed", f"{type(error).__name__}, see the log")

    async def _once(self) -> None:
        # Looking comes before loading: what changes in between is loaded once more, not missed.
        self._seen = (await asyncio.to_thread(look_at, self._watch_paths())).stamp
        with short_turns():
            loaded = await asyncio.to_thread(self._load)
        if isinstance(loaded, Rejection):
            self._holder.keep(loaded)
            self._on_outcome("rejected", "the revision before serves on\n" + "\n".join(map(str, loaded.diagnostics)))
        elif loaded.revision == self._holder.current.revision:
            self._holder.keep(None)
            self._on_outcome("unchanged", f"revision {loaded.revision_label}")
        else:
            self._holder.install(loaded)
            self._on_outcome("swapped", f"revision {loaded.revision_label} serves")
