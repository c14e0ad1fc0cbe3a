"""`python -P bench/watched.py ARGUMENTS...`: the `gateway` command, whose worker tells how long its loop stood still.

GET /longest-gap answers with three numbers, in milliseconds, of the time since it was asked last: the longest gap
between two turns of the loop, the most that the process worked in any gap, and the most that the loop's own thread did.
"""

import asyncio
import time
from typing import Any

from gateway.cli.main import main
from gateway.server import wiring

PATH = "/longest-gap"
_TICK_S = 0.001


class Watch:
    """A timer that looks how late it is."""

    def __init__(self) -> None:
        self._ticks = False
        self._clear()

    def _clear(self) -> None:
        self._gap = self._most_busy = self._most_worked = 0.0
        self._due, self._busy, self._worked = time.monotonic() + _TICK_S, time.process_time(), time.thread_time()

    def _tick(self) -> None:
        now, busy, worked = time.monotonic(), time.process_time(), time.thread_time()
        self._gap = max(self._gap, now - self._due)
        self._most_busy = max(self._most_busy, busy - self._busy)
        self._most_worked = max(self._most_worked, worked - self._worked)
        self._due, self._busy, self._worked = now + _TICK_S, busy, worked
        asyncio.get_running_loop().call_later(_TICK_S, self._tick)

    async def answer(self, send: Any) -> None:
        """The figures; begins to count anew."""
        told = f"{self._gap * 1000} {self._most_busy * 1000} {self._most_worked * 1000}".encode()
        self._clear()
        if not self._ticks:
            self._ticks = True
            self._tick()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(told))]})
        await send({"type": "http.response.body", "body": told})


def watched(load: Any) -> Any:
    """`load_app`, with one more path."""

    def load_app(*arguments: Any, **named: Any) -> Any:
        app, watch = load(*arguments, **named), Watch()

        def serve(scope: Any, receive: Any, send: Any) -> Any:
            return watch.answer(send) if scope.get("path") == PATH else app(scope, receive, send)

        return serve

    return load_app


if __name__ == "__main__":
    wiring.load_app = watched(wiring.load_app)
    main()
