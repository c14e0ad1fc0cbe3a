"""What looks at the database every so often, for as long as a control plane serves."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

from gateway.control_plane.errors import ApiError


class Lookout:
    """One task. `start` in the event loop, `close` before it ends.

    Args:
        look: Looks once. While the database is away it raises `ApiError`, which `Database` tells of.
        every_s: Seconds between two looks.
    """

    def __init__(self, look: Callable[[], Awaitable[None]], every_s: float) -> None:
        self._look = look
        self._every_s = every_s
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begins to look."""
        self._task = asyncio.get_running_loop().create_task(self._look_on())

    async def close(self) -> None:
        """Stops looking."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def _look_on(self) -> None:
        while True:
            with suppress(ApiError):
                await self._look()
            await asyncio.sleep(self._every_s)
