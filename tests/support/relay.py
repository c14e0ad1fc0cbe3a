"""A way to a server that a test may cut, and mend."""

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any

_ACCEPTED_S = 0.05


class Relay:
    """Hands on what comes to `port`, in a thread of its own."""

    def __init__(self, port: int) -> None:
        self.delay_s = 0.0
        """What each piece is late by."""
        self._there = port
        self._is_cut = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._server = self._run(asyncio.start_server(self._serve, "127.0.0.1", 0))
        self.port: int = self._server.sockets[0].getsockname()[1]

    def cut(self) -> None:
        """Ends what is open, and takes nothing new."""
        self._is_cut = True
        self._run(self._end())

    def mend(self) -> None:
        """Hands on again."""
        self._is_cut = False

    def close(self) -> None:
        self._is_cut = True
        self._run(self._finish())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _end(self) -> None:
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        while self._writers:  # a task that had not begun closed none
            self._writers.pop().transport.abort()

    async def _finish(self) -> None:
        self._server.close()
        await asyncio.sleep(_ACCEPTED_S)  # what was accepted just before is refused
        await self._end()
        await asyncio.sleep(_ACCEPTED_S)  # transports end in later turns of the loop

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._is_cut:
            writer.close()
            return
        self._writers.add(writer)
        try:
            on, back = await asyncio.open_connection("127.0.0.1", self._there)
        except OSError:
            self._close(writer)
            return
        self._writers.add(back)
        for source, target in ((reader, back), (on, writer)):
            task = asyncio.ensure_future(self._pump(source, target))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _pump(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        at = 0.0
        try:
            while data := await source.read(65536):
                at = max(at, self._loop.time() + self.delay_s)  # nothing overtakes what came before
                self._loop.call_at(at, target.write, data)
        except ConnectionError:
            pass
        finally:
            self._close(target)

    def _close(self, writer: asyncio.StreamWriter) -> None:
        self._writers.discard(writer)
        writer.close()
