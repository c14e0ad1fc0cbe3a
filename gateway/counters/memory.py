"""Counters of one process, for one worker: plain Python on one event loop, so every call is atomic.

A window slides in two halves. With windows of `W` microseconds that begin at multiples of `W`, what is used at a moment
`e` after the present one began is

    now + ceil(before * (W - e) / W)

where `now` and `before` are the sums of the present window and of the last one. It is integer arithmetic throughout.
The error against remembering every request: none when traffic was even in the last window; no aligned window ever lets
more than the ceiling pass; a window that begins anywhere lets less than twice the ceiling pass, and that only when the
whole of the last window's traffic came at its very end.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence

from gateway import clock
from gateway.counters.hold import CountersLost, Dimension, Hold, Lease, Limit, Refusal, Restored, Standing

_SPEND = Dimension.SPEND
_SECOND = 1_000_000
_SWEEP_EVERY = 10_000
_KEPT_S = 3600
"""So long a window that is over is kept for requests that began in it."""


class _Window:
    """The sums of the present and of the last window of one limit. Times and lengths are in microseconds."""

    __slots__ = ("before", "length", "now", "start")

    def __init__(self, length: int, at: int) -> None:
        self.length = length
        self.start = at - at % length
        self.now = 0
        self.before = 0

    def move_to(self, at: int) -> None:
        passed = (at - self.start) // self.length
        if passed > 0:
            self.before = self.now if passed == 1 else 0
            self.now = 0
            self.start += passed * self.length

    def used(self, at: int) -> int:
        """What counts at a moment of the present window."""
        if self.before == 0:
            return self.now
        return self.now - (-self.before * (self.start + self.length - at) // self.length)

    def fits_after(self, at: int, room: int) -> int:
        """Microseconds until no more than `room` (0 or more) is used, if nobody else comes."""
        left = self.start + self.length - at
        if self.now <= room:
            # Enough of the last window has to slide out of reach, within the present one.
            return max(0, left - (room - self.now) * self.length // self.before) if self.before else 0
        # The present window has to become the last one, and then to slide.
        return left + self.length - room * self.length // self.now


class _Spent:
    """One window of the calendar: what was spent, and what open leases hold."""

    __slots__ = ("held", "resets_at", "spent")

    def __init__(self, resets_at: int | None) -> None:
        self.spent = 0
        self.held = 0
        self.resets_at = resets_at

    @property
    def counts(self) -> int:
        return self.spent + self.held


class MemoryCounters:
    """A `CounterStore` in memory. Counters outlive reloads: they are known by their limit's key."""

    def __init__(self, time: Callable[[], float] = clock.monotonic) -> None:
        self._time = time
        self._windows: dict[str, _Window] = {}
        self._gauges: dict[str, int] = {}
        self._spent: dict[str, _Spent] = {}
        self._until_sweep = _SWEEP_EVERY
        self.fault: str | None = None
        """Why SPEND limits cannot be counted at present: set by an owner who has yet to `restore` them."""

    async def reserve(self, holds: Sequence[Hold]) -> Lease | Refusal:
        """Takes every hold or none."""
        return self.try_reserve(holds)

    def try_reserve(self, holds: Sequence[Hold]) -> "MemoryLease | Refusal":
        """The same without a coroutine."""
        if self.fault is not None and any(hold.limit.dimension is _SPEND for hold in holds):
            raise CountersLost(self.fault)
        now = self._now()
        self._until_sweep -= 1
        if self._until_sweep <= 0:
            self._sweep(now)
        counters: dict[str, _Spent] = {}
        for position, hold in enumerate(holds):
            limit = hold.limit
            if limit.dimension is _SPEND:
                counter = self._spent.get(limit.key) or self._counter(limit)
                fits = not limit.blocks or counter.counts + hold.amount <= limit.ceiling
                if fits:
                    counter.held += hold.amount
                    counters[limit.key] = counter
            else:
                fits = self._take(limit, hold.amount, now)
            if not fits:
                for taken in holds[:position]:
                    self._return(taken.limit, taken.amount)
                return self._refusal(holds, hold, now)
        return MemoryLease(self, holds, counters, now)

    def charge(self, spent: Sequence[tuple[Limit, int]]) -> None:
        """Counts under SPEND limits what a request consumed that holds nothing."""
        for limit, amount in spent:
            self._counter(limit).spent += amount

    async def restore(self, spent: Mapping[str, Restored]) -> None:
        """Raises SPEND counters to what the ledger knows; from then on they can be counted."""
        for key, known in spent.items():
            counter = self._spent.setdefault(key, _Spent(known.resets_at))
            counter.spent = max(counter.spent, known.spent)
        self.fault = None

    async def close(self) -> None:
        """Nothing is to be let go of."""

    def used(self, limit: Limit) -> int:
        """How much of a limit is used now."""
        if limit.dimension is _SPEND:
            known = self._spent.get(limit.key)
            return 0 if known is None else known.counts
        if limit.window_s == 0:
            return self._gauges.get(limit.key, 0)
        now = self._now()
        return self._window(limit, now).used(now)

    def standings(self) -> Iterator[Standing]:
        """The SPEND counters that open leases hold something of."""
        for key, counter in self._spent.items():
            if counter.held:
                yield Standing(key, counter.held, counter.resets_at)

    def correct(self, limit: Limit, amount: int, taken_at: int) -> None:
        """Adds `amount` (which may be negative) to what was counted at `taken_at`, as far as that still counts."""
        window = self._window(limit, self._now())
        if taken_at >= window.start:
            window.now = max(0, window.now + amount)
        elif taken_at >= window.start - window.length:
            window.before = max(0, window.before + amount)

    def give_back(self, limit: Limit, amount: int) -> None:
        """Ends what was held at one time."""
        left = self._gauges.get(limit.key, 0) - amount
        if left > 0:
            self._gauges[limit.key] = left
        else:
            self._gauges.pop(limit.key, None)

    def _now(self) -> int:
        return int(self._time() * _SECOND)

    def _window(self, limit: Limit, now: int) -> _Window:
        window = self._windows.get(limit.key)
        if window is None:
            window = self._windows[limit.key] = _Window(limit.window_s * _SECOND, now)
        elif now - window.start >= window.length:
            window.move_to(now)
        return window

    def _counter(self, limit: Limit) -> _Spent:
        known = self._spent.get(limit.key)
        if known is None:
            known = self._spent[limit.key] = _Spent(limit.resets_at)
        return known

    def _take(self, limit: Limit, amount: int, now: int) -> bool:
        if limit.window_s == 0:
            held = self._gauges.get(limit.key, 0) + amount
            if held > limit.ceiling:
                return False
            self._gauges[limit.key] = held
            return True
        window = self._windows.get(limit.key)
        if window is None or now - window.start >= window.length:
            window = self._window(limit, now)
        if (window.used(now) if window.before else window.now) + amount > limit.ceiling:
            return False
        window.now += amount
        return True

    def _return(self, limit: Limit, amount: int) -> None:
        """Undoes a `_take` of the same moment."""
        if limit.dimension is _SPEND:
            self._counter(limit).held -= amount
        elif limit.window_s == 0:
            self.give_back(limit, amount)
        else:
            self._windows[limit.key].now -= amount

    def _refusal(self, holds: Sequence[Hold], refused: Hold, now: int) -> Refusal:
        """The hold that takes longest to fit: whoever asks again before then would only meet it."""
        if refused.limit.dimension is _SPEND:
            counter = self._counter(refused.limit)
            return Refusal(refused, None, counter.spent, counter.counts)
        longest, worst = max(((self._wait(hold, now), hold) for hold in holds), key=lambda pair: pair[0])
        if 0 < longest < math.inf:
            # The clock counts in fractions of a second: one microsecond more makes up for its rounding.
            return Refusal(worst, (longest + 1) / _SECOND)
        return Refusal(worst if longest else refused, None)

    def _wait(self, hold: Hold, now: int) -> float:
        """Microseconds until a hold fits: 0 where it fits or nobody can say, infinity where it never will."""
        limit, amount = hold.limit, hold.amount
        if limit.dimension is _SPEND:
            return 0
        if amount > limit.ceiling:
            return math.inf
        if limit.window_s == 0:
            return 0
        return self._window(limit, now).fits_after(now, limit.ceiling - amount)

    def _sweep(self, now: int) -> None:
        """Drops what is out of reach, so that memory follows the keys in use."""
        self._windows = {key: window for key, window in self._windows.items() if now - window.start < 2 * window.length}
        over = clock.now()
        self._spent = {
            key: known
            for key, known in self._spent.items()
            if known.resets_at is None or known.resets_at + _KEPT_S > over
        }
        self._until_sweep = max(_SWEEP_EVERY, len(self._windows) + len(self._spent))


class MemoryLease:
    """Holds taken together, ended exactly once."""

    __slots__ = ("_counters", "_ended", "_holds", "_store", "_taken_at")

    def __init__(
        self, store: MemoryCounters, holds: Sequence[Hold], counters: dict[str, _Spent], taken_at: int
    ) -> None:
        self._taken_at = taken_at
        self._store = store
        self._counters = counters
        self._holds = tuple(holds)
        self._ended = False

    @property
    def spent(self) -> dict[str, int]:
        """What counts against each SPEND limit of the lease, its own hold included."""
        return {key: counter.counts for key, counter in self._counters.items()}

    @property
    def settled(self) -> dict[str, int]:
        """What is spent of each SPEND limit of the lease."""
        return {key: counter.spent for key, counter in self._counters.items()}

    def settle(self, amounts: dict[str, int]) -> None:
        """Gives concurrency back and corrects the counters in `amounts` to what was consumed."""
        if self._ended:
            return
        self._ended = True
        for hold in self._holds:
            limit = hold.limit
            if limit.dimension is _SPEND:
                counter = self._counters[limit.key]
                counter.held = max(0, counter.held - hold.amount)
                counter.spent += amounts.get(limit.key, hold.amount)
            elif limit.window_s == 0:
                self._store.give_back(limit, hold.amount)
            elif limit.key in amounts:
                self._store.correct(limit, amounts[limit.key] - hold.amount, self._taken_at)

    def cancel(self) -> None:
        """Takes everything back."""
        self.settle({hold.limit.key: 0 for hold in self._holds})
