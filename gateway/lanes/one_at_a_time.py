"""A stream's events with one block open at a time, for APIs that number their blocks one after the other.

Nothing keeps a provider from sending several calls in turns. The first goes out as it comes; what comes meanwhile waits
until that one is whole.
"""

from collections import deque
from collections.abc import Iterator
from typing import Final

from gateway.lanes.answer import ArgumentsPiece, Begun, CallBegun, CallEnd, Event, Stopped, UsageStated

_OF_CALLS: Final = (CallBegun, ArgumentsPiece, CallEnd)


class _Block:
    """A block that waits. `key` is that of a call, `None` for what was said and thought in a row."""

    __slots__ = ("events", "is_whole", "key")

    def __init__(self, key: int | None, event: Event) -> None:
        self.key = key
        self.events = [event]
        self.is_whole = key is None


class OneAtATime:
    """Puts the events of one stream in order."""

    __slots__ = ("_open", "_waiting")

    def __init__(self) -> None:
        self._open: int | None = None
        self._waiting: deque[_Block] = deque()

    def ordered(self, event: Event) -> Iterator[Event]:
        """What can be said now that this has come."""
        if isinstance(event, Begun | UsageStated):
            yield event
        elif isinstance(event, Stopped):
            yield from self._rest()
            yield event
        elif isinstance(event, _OF_CALLS):
            yield from self._of_call(event)
        elif self._open is None:
            yield event
        elif self._waiting and self._waiting[-1].key is None:
            self._waiting[-1].events.append(event)
        else:
            self._waiting.append(_Block(None, event))

    def _of_call(self, event: CallBegun | ArgumentsPiece | CallEnd) -> Iterator[Event]:
        if self._open is None and isinstance(event, CallBegun):
            self._open = event.key
        if event.key == self._open:
            yield event
            if isinstance(event, CallEnd):
                yield from self._next()
            return
        for block in self._waiting:
            if block.key == event.key:
                block.events.append(event)
                block.is_whole = isinstance(event, CallEnd)
                return
        if isinstance(event, CallBegun):
            self._waiting.append(_Block(event.key, event))

    def _next(self) -> Iterator[Event]:
        self._open = None
        while self._waiting and self._open is None:
            block = self._waiting.popleft()
            yield from block.events
            self._open = None if block.is_whole else block.key

    def _rest(self) -> Iterator[Event]:
        """All that waits, though nothing has ended the call before it."""
        while self._open is not None:
            yield from self._next()
