"""Whether there is a new revision: one task asks the database, any number of gateways wait for it."""

import asyncio
from contextlib import suppress
from typing import Final

from gateway.control_plane import state
from gateway.control_plane.database import Database
from gateway.control_plane.lookout import Lookout

LOOK_EVERY_S: Final = 0.25


class News(Lookout):
    """The newest revision that was seen."""

    def __init__(self, database: Database) -> None:
        super().__init__(self._look_once, LOOK_EVERY_S)
        self._database = database
        self._changed = asyncio.Event()
        self.is_ending = False
        """Whether nobody should ask the database any more: it is closed next."""
        self.lineage = ""
        self.revision = -1
        self.identity = ""

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

    async def _look_once(self) -> None:
        at = await self._database.read(state.position)
        if (at.lineage, at.revision, at.identity) != (self.lineage, self.revision, self.identity):
            self.lineage, self.revision, self.identity = at.lineage, at.revision, at.identity
            self._tell()
