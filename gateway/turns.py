"""Long work in short turns: requests that want the core, Python's lock or the event loop come in between."""

import asyncio
import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from typing import Any, Final, TypeVar

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")

LONG_BYTES: Final = 128 * 1024
"""Bytes of a body from which on it is worked on in threads, beside which others are served: that may take long."""

PAUSE_S: Final = 0.004
"""A rest that is long enough to work off what came meanwhile, on a core that is shared."""
BREATH_S: Final = 0.0001
"""A rest that lets others go first, for work that has to get done: it takes no time where nobody waits."""


def turns(items: Iterable[_Item], length: int, rest_s: float) -> Iterator[_Item]:
    """The items, `length` of them in a turn, with a rest of so many seconds between two turns."""
    for number, item in enumerate(items):
        if number and not number % length:
            time.sleep(rest_s)
        yield item


_PACE: Final = 128
_HERE = threading.local()


async def beside(work: Callable[..., _Result], *arguments: Any) -> _Result:
    """The result of long work that is done in a thread, beside the event loop.

    Whoever is cancelled meanwhile waits for the end of it: the thread goes on in any case, and what it finds counts.
    """
    working = [asyncio.ensure_future(asyncio.to_thread(_paced_work, work, arguments))]
    try:
        return await asyncio.shield(working[0])
    except asyncio.CancelledError:
        await asyncio.wait(working)
        raise
    finally:
        # It holds what the work raised, whose traceback holds this frame: only the collector of garbage, which comes
        # seldom, would let go of all that the work was done on.
        working.clear()


def _paced_work(work: Callable[..., _Result], arguments: tuple[Any, ...]) -> _Result:
    _HERE.is_beside = True
    try:
        return work(*arguments)
    finally:
        _HERE.is_beside = False


def paced(items: Iterable[_Item]) -> Iterable[_Item]:
    """The items as they are; for work `beside` the event loop, with a breath every so many.

    PERF: a thread that gives Python's lock away for each of many short searches, as of RE2, takes it again before the
    event loop is awake, over and over.
    """
    return turns(items, _PACE, BREATH_S) if getattr(_HERE, "is_beside", False) else items


_TURN_S: Final = 0.002


async def in_turns(work: Generator[None, None, _Result]) -> _Result:
    """The result of work that is done in short steps on the event loop, which serves others every few milliseconds."""
    until = time.perf_counter() + _TURN_S
    while True:
        try:
            next(work)
        except StopIteration as end:
            result: _Result = end.value
            return result
        if time.perf_counter() >= until:
            await asyncio.sleep(0)
            until = time.perf_counter() + _TURN_S


def at_once(work: Generator[None, None, _Result]) -> _Result:
    """The result of such work where nobody waits."""
    while True:
        try:
            next(work)
        except StopIteration as end:
            result: _Result = end.value
            return result
