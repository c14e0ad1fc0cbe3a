"""Whether there is a new revision: one task asks the database, any number of gateways wait for it."""

import asyncio
from contextlib import suppress
from typing import Final

from gateway.control_plane import state
from gateway.control_plane.database import Database
from gateway.control_plane.errors import ApiError

LOOK_EVERY_S: Final = 0.25


class News:
    """The newest revision that was seen. `start` in the event loop, `close` before it ends."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._changed = asyncio.Event()
        self.is_ending = False
        """Whether nobody should ask the database any more: it is closed next."""
        self._task: asyncio.Task[None] | None = None
        self.lineage = ""
        self.revision = -1
        self.identity = ""

    def start(self) -> None:
        """Begins to look."""
        self._task = asyncio.get_running_loop().create_task(self._look())

    async def close(self) -> None:
        """Stops looking."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    def dismiss(self) -> None:
        """Nobody waits any more: the process is to end, which would wait for them."""
        self.is_ending = True
        self._tell()

    async def after(self, revision: int, identity: str, wait_s: float) -> None:
        """Returns once there is another revision than this one, after `wait_s` seconds or `dismiss` at the latest.

        `identity` is empty where only the number is known.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                while self.revision == revision and identity in ("", self.identity) and not self.is_ending:
                    await self._changed.wait()

    def _tell(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    async def _look(self) -> None:
        while True:
            with suppress(ApiError):  # `Database` tells that it is away, and that it is back
                at = await self._database.read(state.position)
                if (at.lineage, at.revision, at.identity) != (self.lineage, self.revision, self.identity):
                    self.lineage, self.revision, self.identity = at.lineage, at.revision, at.identity
                    self._tell()
            await asyncio.sleep(LOOK_EVERY_S)
