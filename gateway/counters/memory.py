"""Counters of one process, for one worker: plain Python on one event loop, so every call is atomic.

Windows slide: what counts is the present window's sum plus the share of the window before that still lies within reach,
`ceil(before * (window - elapsed) / window)`. Compared with remembering every request this is exact when traffic was
even in the window before, and never lets more than the ceiling pass within one aligned window.
"""

import math
from collections.abc import Callable, Sequence

from gateway import clock
from gateway.counters.hold import Hold, Lease, Limit, Refusal

_SWEEP_EVERY = 10_000


class _Window:
    """The sums of the present and of the last window of one limit."""

    __slots__ = ("before", "index", "now", "seconds")

    def __init__(self, index: int, seconds: int) -> None:
        self.index = index
        self.seconds = seconds
        self.now = 0
        self.before = 0

    def move_to(self, index: int) -> None:
        if index != self.index:
            self.before = self.now if index == self.index + 1 else 0
            self.now = 0
            self.index = index


class MemoryCounters:
    """A `CounterStore` in memory. Counters outlive reloads: they are known by their limit's key."""

    def __init__(self, time: Callable[[], float] = clock.monotonic) -> None:
        self._time = time
        self._windows: dict[str, _Window] = {}
        self._gauges: dict[str, int] = {}
        self._until_sweep = _SWEEP_EVERY

    async def reserve(self, holds: Sequence[Hold]) -> Lease | Refusal:
        """Takes every hold or none."""
        return self.try_reserve(holds)

    def try_reserve(self, holds: Sequence[Hold]) -> "MemoryLease | Refusal":
        """The same without a coroutine."""
        now = self._time()
        for hold in holds:
            limit = hold.limit
            if limit.window_s == 0:
                if self._gauges.get(limit.key, 0) + hold.amount > limit.ceiling:
                    return Refusal(hold, None)
            elif self._used(limit, now) + hold.amount > limit.ceiling:
                return Refusal(hold, self._fits_after(hold, now))
        for hold in holds:
            self._add(hold.limit, hold.amount)
        self._until_sweep -= 1
        if self._until_sweep <= 0:
            self._sweep(now)
        return MemoryLease(self, holds, now)

    def used(self, limit: Limit) -> int:
        """How much of a limit is used now."""
        if limit.window_s == 0:
            return self._gauges.get(limit.key, 0)
        return self._used(limit, self._time())

    def correct(self, limit: Limit, amount: int, taken_at: float) -> None:
        """Adds `amount` (which may be negative) to what was counted at `taken_at`, as far as that still counts."""
        self._used(limit, self._time())
        window = self._windows[limit.key]
        age = window.index - int(taken_at // limit.window_s)
        if age <= 0:
            window.now = max(0, window.now + amount)
        elif age == 1:
            window.before = max(0, window.before + amount)

    def give_back(self, limit: Limit, amount: int) -> None:
        """Ends what was held at one time."""
        left = self._gauges.get(limit.key, 0) - amount
        if left > 0:
            self._gauges[limit.key] = left
        else:
            self._gauges.pop(limit.key, None)

    def _used(self, limit: Limit, now: float) -> int:
        seconds = limit.window_s
        index = int(now // seconds)
        window = self._windows.get(limit.key)
        if window is None:
            window = self._windows[limit.key] = _Window(index, seconds)
            return 0
        window.move_to(index)
        if window.before == 0:
            return window.now
        left = seconds - now % seconds
        return window.now + math.ceil(window.before * left / seconds)

    def _add(self, limit: Limit, amount: int) -> None:
        if limit.window_s == 0:
            self._gauges[limit.key] = self._gauges.get(limit.key, 0) + amount
        else:
            self._windows[limit.key].now += amount

    def _fits_after(self, hold: Hold, now: float) -> float | None:
        """Seconds until the hold fits if nobody else comes; `None` when it never will."""
        limit, amount = hold.limit, hold.amount
        if amount > limit.ceiling:
            return None
        seconds, window = limit.window_s, self._windows[hold.limit.key]
        left = seconds - now % seconds
        room = limit.ceiling - amount
        if window.now <= room:
            # Enough of the last window has to slide out of reach, within the present one.
            return left - (room - window.now) * seconds / window.before
        # The present window has to become the last one, and then to slide.
        return left + seconds - room * seconds / window.now

    def _sweep(self, now: float) -> None:
        """Drops what is out of reach, so that memory follows the keys in use."""
        self._until_sweep = max(_SWEEP_EVERY, len(self._windows))
        self._windows = {
            key: window for key, window in self._windows.items() if window.index >= int(now // window.seconds) - 1
        }


class MemoryLease:
    """Holds taken together, ended exactly once."""

    __slots__ = ("_counters", "_ended", "_holds", "_taken_at")

    def __init__(self, counters: MemoryCounters, holds: Sequence[Hold], taken_at: float) -> None:
        self._taken_at = taken_at
        self._counters = counters
        self._holds = tuple(holds)
        self._ended = False

    def settle(self, amounts: dict[str, int]) -> None:
        """Gives concurrency back and corrects the counters in `amounts` to what was consumed."""
        if self._ended:
            return
        self._ended = True
        for hold in self._holds:
            limit = hold.limit
            if limit.window_s == 0:
                self._counters.give_back(limit, hold.amount)
            elif limit.key in amounts:
                self._counters.correct(limit, amounts[limit.key] - hold.amount, self._taken_at)

    def cancel(self) -> None:
        """Takes everything back."""
        self.settle({hold.limit.key: 0 for hold in self._holds})
