"""Long work in short turns: requests that want the core, Python's lock or the event loop come in between."""

import asyncio
import time
from collections.abc import Generator, Iterable, Iterator
from typing import Final, TypeVar

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
