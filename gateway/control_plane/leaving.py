"""Noticing that a client has left: nobody else tells, and what it asked for would be worked on to its end."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

RECEIVE: Final = "gateway.receive"
"""Where the ASGI scope has `receive`, which stays silent after the body until the client disconnects."""


@asynccontextmanager
async def told_when_it_leaves(scope: dict[str, Any], tell: Callable[[], None]) -> AsyncIterator[None]:
    """Calls back when the client of a request, whose body has been read, disconnects meanwhile."""
    receive = scope.get(RECEIVE)
    if receive is None:
        yield
        return

    async def watch() -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        tell()

    watching = asyncio.get_running_loop().create_task(watch())
    try:
        yield
    finally:
        watching.cancel()
        with suppress(asyncio.CancelledError):
            await watching
