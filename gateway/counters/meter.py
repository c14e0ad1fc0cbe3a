"""The meter of one rate: what was used in the last `length` microseconds, remembered request by request.

In no window of that length is more used than the ceiling, and whoever leaves a ceiling-th of it between two requests is
never refused. `hold_counters.lua` does the same in Redis, step by step.

Below `EXACT_BELOW` units each request is remembered by itself. From there on requests are remembered together, as if
all had come with the last of them, for as long as they make no more than a hundredth of the ceiling: so the oldest of
them count a moment longer than they would, and refusing may begin where 0.99 of the ceiling is used.

A meter takes 16 bytes for each entry, of which it has 999 at most below `EXACT_BELOW` units, and `MOST` from there on:
16 kB. In Redis an entry takes about 21.
"""

import math
from array import array
from bisect import bisect_left, bisect_right
from typing import Final

EXACT_BELOW: Final = 1_000
"""Units below which every request is remembered by itself."""

MOST: Final = 400
"""Entries above which those that are small are put together."""

_PARTS: Final = 100


class Meter:
    """See the module. Times are microseconds of any clock; one that goes back counts as one that stands.

    PERF: the newest entry, which nearly every call is about, is kept beside the others. Where it is none, there are
    none.
    """

    __slots__ = ("_amounts", "_length", "_newest", "_newest_at", "_times", "asked", "stands_until", "total")

    def __init__(self, length: int) -> None:
        self._length = length
        self._times = array("q")
        self._amounts = array("q")
        self._newest_at = 0
        self._newest = 0
        self.total = 0
        """What is used, as of the last moment that was asked about."""
        self.stands_until = 0
        """A moment before which nothing of it is forgotten."""
        self.asked = 0
        """What those ask for who are about to take."""

    def used(self, at: int) -> int:
        """What counts at a moment; what is out of reach is forgotten."""
        times, out_of_reach = self._times, at - self._length
        if times and times[0] <= out_of_reach:
            # PERF: where requests come evenly, one leaves for each that comes.
            times.pop(0)
            self.total -= self._amounts.pop(0)
            if times and times[0] <= out_of_reach:
                gone = bisect_right(times, out_of_reach)
                self.total -= sum(self._amounts[:gone])
                del times[:gone], self._amounts[:gone]
        if self._newest and self._newest_at <= out_of_reach:
            self.total = self._newest = 0
        first = times[0] if times else self._newest_at if self._newest else at
        self.stands_until = first + self._length
        return self.total

    def take(self, at: int, amount: int, ceiling: int) -> None:
        """Adds what fits."""
        if not amount:
            return
        self.total += amount
        newest, newest_at = self._newest, self._newest_at
        if newest and (at <= newest_at or (ceiling >= EXACT_BELOW and newest + amount <= ceiling // _PARTS)):
            self._newest = newest + amount
            if at > newest_at:
                self._newest_at = at
            return
        if newest:
            self._times.append(newest_at)
            self._amounts.append(newest)
        self._newest, self._newest_at = amount, at
        if len(self._times) >= MOST:
            self._put_together(ceiling // _PARTS if ceiling >= EXACT_BELOW else 0)

    def correct(self, amount: int, taken_at: int, at: int, ceiling: int) -> None:
        """Adds `amount` (which may be negative) to what was taken at a moment, as far as that still counts."""
        if taken_at <= at - self._length:
            return
        if at >= self.stands_until:
            self.used(at)
        times, newest = self._times, self._newest
        step = ceiling // _PARTS if ceiling >= EXACT_BELOW else 0
        is_newest = newest > 0 and taken_at <= self._newest_at and (not times or times[-1] < taken_at)
        if is_newest and newest > -amount and (amount <= 0 or taken_at == self._newest_at or newest + amount <= step):
            # PERF: most requests end before another begins to be remembered apart.
            self._newest = newest + amount
            self.total += amount
        elif not self._corrects(amount, taken_at, step):
            return
        if step and len(self._times) >= MOST:
            self._put_together(step)

    def _corrects(self, amount: int, taken_at: int, step: int) -> bool:
        """The same, wherever that is remembered; whether it was."""
        self._put_newest_behind()
        times, amounts = self._times, self._amounts
        place = bisect_left(times, taken_at)
        is_there = place < len(times)
        if amount < 0 and is_there:
            amount = max(amount, -amounts[place])
            amounts[place] += amount
            if not amounts[place]:
                del times[place], amounts[place]
        elif amount < 0:
            self._take_newest()
            return False
        elif is_there and (times[place] == taken_at or amounts[place] + amount <= step):
            amounts[place] += amount
        elif amount:
            times.insert(place, taken_at)
            amounts.insert(place, amount)
            self.stands_until = min(self.stands_until, taken_at + self._length)
        self.total += amount
        self._take_newest()
        return True

    def fits_after(self, at: int, amount: int, ceiling: int) -> float:
        """Microseconds until so much fits, if nobody else comes: 0 where it fits, infinity where it never will."""
        if amount > ceiling:
            return math.inf
        beyond = self.used(at) + amount - ceiling
        if beyond <= 0:
            return 0
        for time, used in zip((*self._times, self._newest_at), (*self._amounts, self._newest), strict=True):
            beyond -= used
            if beyond <= 0:
                return time + self._length - at
        return math.inf

    def is_idle(self, at: int) -> bool:
        """Whether nothing counts any more."""
        return not self._newest or self._newest_at <= at - self._length

    def _put_together(self, step: int) -> None:
        """Puts entries together, once there are many, as `take` does; those of what was given back are small."""
        if not step:
            return
        self._put_newest_behind()
        step = max(step, self.total // _PARTS)
        times, amounts = array("q"), array("q")
        for time, amount in zip(self._times, self._amounts, strict=True):
            if amounts and amounts[-1] + amount <= step:
                times[-1] = time
                amounts[-1] += amount
            else:
                times.append(time)
                amounts.append(amount)
        self._times, self._amounts = times, amounts
        self._take_newest()

    def _put_newest_behind(self) -> None:
        """The newest entry stands with the others."""
        if self._newest:
            self._times.append(self._newest_at)
            self._amounts.append(self._newest)
            self._newest = 0

    def _take_newest(self) -> None:
        """The last of the entries is the newest."""
        if self._times:
            self._newest_at, self._newest = self._times.pop(), self._amounts.pop()
