"""An event loop with a clock of its own, which goes on when everything waits: a minute of it takes no time."""

import asyncio
import selectors
import time
from collections.abc import Callable, Coroutine
from typing import Any

import pytest


class _Selector(selectors.DefaultSelector):
    """Finds that a timeout is over as soon as there is nothing else to do."""

    passed_s = 0.0

    def select(self, timeout: float | None = None) -> Any:
        ready = super().select(timeout if timeout is None else 0)
        if not ready and timeout is not None:
            self.passed_s += timeout
        return ready


class _OwnTime(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._passing = _Selector()
        super().__init__(self._passing)

    def time(self) -> float:
        return self._passing.passed_s

    def sleep(self, seconds: float) -> None:
        self._passing.passed_s += seconds


async def _at_once(function: Callable[..., Any], *arguments: Any) -> Any:
    return function(*arguments)


def run_in_own_time(monkeypatch: pytest.MonkeyPatch, main: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    """What a coroutine returns in such a loop; `time.sleep` and threads belong to its time as well."""
    with asyncio.Runner(loop_factory=_OwnTime) as runner, monkeypatch.context() as patched:
        loop = runner.get_loop()
        assert isinstance(loop, _OwnTime)
        patched.setattr(time, "sleep", loop.sleep)
        patched.setattr(asyncio, "to_thread", _at_once)
        return runner.run(main())
