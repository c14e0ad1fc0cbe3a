"""Counters of one process, for one worker: plain Python on one event loop, so every call is atomic.

How rates are counted, `gateway.counters.meter` says.
"""

import logging
import math
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from itertools import chain
from typing import Final

from gateway import clock
from gateway.counters.hold import (
    CountersLost,
    CounterState,
    Dimension,
    Hold,
    Lease,
    LedgerState,
    Limit,
    Refusal,
    Standing,
)
from gateway.counters.meter import Meter

_log = logging.getLogger(__name__)

_SPEND = Dimension.SPEND
_SECOND = 1_000_000
_SWEEP_EVERY = 10_000
_PERSON: Final = re.compile(r"(:(?:each_)?end_user=)[^:]*")
"""In the key of a counter, whose it is: `gateway.money.budget`, `gateway.snapshot.limits`. Nobody is called `*`."""
_MOST_PEOPLE: Final = 100_000
"""Of one budget in one window, and of one rate limit: some 30 MB. Who calls a gateway makes up such names, so memory
has to end somewhere."""
_CROWDED_SWEEP_US: Final = 60 * _SECOND
"""While somebody has as many, those who are gone are looked for so often."""
_KEPT_S = 3600
"""So long a window that is over is kept for requests that began in it."""


class _Spent:
    """One window of the calendar: what was spent, and what open leases hold."""

    __slots__ = ("held", "resets_at", "spent")

    def __init__(self, resets_at: int | None) -> None:
        self.spent = 0
        self.held = 0
        self.resets_at = resets_at


class MemoryCounters:
    """A `CounterStore` in memory. Counters outlive reloads: they are known by their limit's key."""

    def __init__(self, time: Callable[[], float] = clock.monotonic, most_people: int = _MOST_PEOPLE) -> None:
        self._time = time
        self._most_people = most_people
        self._people: Counter[str] = Counter()
        self._meters: dict[str, Meter] = {}
        self._gauges: dict[str, int] = {}
        self._spent: dict[str, _Spent] = {}
        self._until_sweep = _SWEEP_EVERY
        self._swept_at = 0
        self._is_crowded = False
        self.fault: str | None = None
        """Why SPEND limits cannot be counted at present: set by an owner who has yet to `restore` them."""

    @property
    def state(self) -> CounterState:
        """Whether they can be counted."""
        return CounterState.COUNTED if self.fault is None else CounterState.REBUILDING

    async def reserve(self, holds: Sequence[Hold]) -> Lease | Refusal:
        """Takes every hold or none."""
        return self.try_reserve(holds)

    def try_reserve(self, holds: Sequence[Hold]) -> "MemoryLease | Refusal":
        """The same without a coroutine."""
        if self.fault is not None and any(hold.limit.dimension is _SPEND for hold in holds):
            raise CountersLost(self.fault)
        now = int(self._time() * _SECOND)
        self._until_sweep -= 1
        if self._until_sweep <= 0 or (self._is_crowded and now - self._swept_at >= _CROWDED_SWEEP_US):
            self._sweep(now)
        counted: list[tuple[_Spent, Hold]] = []
        gauged: list[Hold] = []
        metered: list[tuple[Meter, Hold]] = []
        for hold in holds:
            limit, amount = hold.limit, hold.amount
            if limit.dimension is _SPEND:
                counter = self._spent.get(limit.key) or self._counter(limit)
                held = counter.held + amount
                if counter.spent + held <= limit.ceiling or not limit.blocks:
                    counter.held = held
                    counted.append((counter, hold))
                    continue
            elif limit.window_s == 0:
                if self._take(limit, amount):
                    gauged.append(hold)
                    continue
            else:
                meter = self._meters.get(limit.key) or self._meter(limit)
                # PERF: most of the time nothing leaves its window between two requests.
                used = meter.total if now < meter.stands_until else meter.used(now)
                asked = meter.asked = meter.asked + amount
                metered.append((meter, hold))
                if used + asked <= limit.ceiling:
                    continue
            self._return(counted, gauged, metered)
            return self._refusal(holds, hold, now)
        for meter, hold in metered:
            meter.asked = 0
            meter.take(now, hold.amount, hold.limit.ceiling)
        return MemoryLease(self, counted, gauged, metered, now)

    def charge(self, spent: Sequence[tuple[Limit, int]]) -> None:
        """Counts under SPEND limits what a request consumed that holds nothing."""
        for limit, amount in spent:
            self._counter(limit).spent += amount

    async def restore(self, known: LedgerState) -> None:
        """Raises SPEND counters to what the ledger knows; from then on they can be counted."""
        shared: Counter[str] = Counter()
        for key, one in known.spent.items():
            counted_as = self._counted_as(key, self._spent)
            counter = self._spent.setdefault(counted_as, _Spent(one.resets_at))
            shared[counted_as] += one.spent
            counter.spent = max(counter.spent, shared[counted_as])
        self.fault = None

    def settled_until(self) -> str | None:
        """Nobody counts beside this process, so nobody has to know what it has settled."""
        return None

    def recorded(self, settled: Mapping[str, int]) -> None:
        """Nothing is kept for that."""

    async def close(self) -> None:
        """Nothing is to be let go of."""

    def used(self, limit: Limit) -> int:
        """How much of a limit is used now."""
        if limit.dimension is _SPEND:
            known = self._spent.get(limit.key) or self._spent.get(self._shared_by(limit.key) or "")
            return 0 if known is None else known.spent + known.held
        if limit.window_s == 0:
            return self._gauges.get(limit.key, 0)
        meter = self._meters.get(limit.key) or self._meters.get(self._shared_by(limit.key) or "")
        return 0 if meter is None else meter.used(self.now())

    def standings(self) -> Iterator[Standing]:
        """The SPEND counters that open leases hold something of."""
        for key, counter in self._spent.items():
            if counter.held:
                yield Standing(key, counter.held, counter.resets_at)

    def give_back(self, limit: Limit, amount: int) -> None:
        """Ends what was held at one time."""
        left = self._gauges.get(limit.key, 0) - amount
        if left > 0:
            self._gauges[limit.key] = left
        else:
            self._gauges.pop(limit.key, None)

    def now(self) -> int:
        """Microseconds of its clock."""
        return int(self._time() * _SECOND)

    def _meter(self, limit: Limit) -> Meter:
        meter = self._meters.get(limit.key)
        if meter is None:
            counted_as = self._counted_as(limit.key, self._meters)
            meter = self._meters.get(counted_as)
            if meter is None:
                meter = self._meters[counted_as] = Meter(limit.window_s * _SECOND)
        return meter

    def _counter(self, limit: Limit) -> _Spent:
        known = self._spent.get(limit.key)
        if known is None:
            known = self._spent.setdefault(self._counted_as(limit.key, self._spent), _Spent(limit.resets_at))
        return known

    def _counted_as(self, key: str, known: Collection[str]) -> str:
        """The key, or, for an end user beyond the bound, that of the counter which all of those share.

        Forgetting one instead would let them spend their limit again.
        """
        person = _PERSON.search(key)
        if person is None or key in known:
            return key
        of_all = key[: person.start()] + key[person.end() :]
        if self._people[of_all] < self._most_people:
            self._people[of_all] += 1
            return key
        self._is_crowded = True
        shared = self._shared_by(key)
        if shared is not None and shared not in known:
            _log.warning(
                "%s counts for %d end users; further ones share one limit until its window is over",
                of_all,
                self._most_people,
            )
        return shared or key

    @staticmethod
    def _shared_by(key: str) -> str | None:
        shared, found = _PERSON.subn(r"\1*", key)
        return shared if found else None

    def _take(self, limit: Limit, amount: int) -> bool:
        held = self._gauges.get(limit.key, 0) + amount
        if held > limit.ceiling:
            return False
        self._gauges[limit.key] = held
        return True

    def _return(
        self, counted: list[tuple[_Spent, Hold]], gauged: list[Hold], metered: list[tuple[Meter, Hold]]
    ) -> None:
        """Undoes what was taken at this moment; of meters it was only asked for."""
        for counter, hold in counted:
            counter.held -= hold.amount
        for hold in gauged:
            self.give_back(hold.limit, hold.amount)
        for meter, _ in metered:
            meter.asked = 0

    def _refusal(self, holds: Sequence[Hold], refused: Hold, now: int) -> Refusal:
        """The hold that takes longest to fit: whoever asks again before then would only meet it."""
        if refused.limit.dimension is _SPEND:
            counter = self._counter(refused.limit)
            return Refusal(refused, None, counter.spent, counter.spent + counter.held)
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
        if limit.window_s == 0:
            return math.inf if amount > limit.ceiling else 0
        return self._meter(limit).fits_after(now, amount, limit.ceiling)

    def _sweep(self, now: int) -> None:
        """Drops what is out of reach, so that memory follows the keys in use."""
        self._meters = {key: meter for key, meter in self._meters.items() if not meter.is_idle(now)}
        over = clock.now()
        self._spent = {
            key: known
            for key, known in self._spent.items()
            if known.resets_at is None or known.resets_at + _KEPT_S > over
        }
        self._people = Counter(
            key[: person.start()] + key[person.end() :]
            for key in chain(self._spent, self._meters)
            if (person := _PERSON.search(key))
        )
        self._swept_at, self._is_crowded = now, False
        self._until_sweep = max(_SWEEP_EVERY, len(self._meters) + len(self._spent))


class MemoryLease:
    """Holds taken together, ended exactly once: those of SPEND limits with their counters, the others by their kind."""

    __slots__ = ("_counted", "_ended", "_gauged", "_metered", "_store", "_taken_at")

    def __init__(
        self,
        store: MemoryCounters,
        counted: list[tuple[_Spent, Hold]],
        gauged: list[Hold],
        metered: list[tuple[Meter, Hold]],
        taken_at: int,
    ) -> None:
        self._store = store
        self._counted = counted
        self._gauged = gauged
        self._metered = metered
        self._taken_at = taken_at
        self._ended = False

    @property
    def spent(self) -> dict[str, int]:
        """What counts against each SPEND limit of the lease, its own hold included."""
        # PERF: two loops are made for every request, which a comprehension would call a function for.
        found: dict[str, int] = {}
        for counter, hold in self._counted:
            found[hold.limit.key] = counter.spent + counter.held
        return found

    @property
    def settled(self) -> dict[str, int]:
        """What is spent of each SPEND limit of the lease."""
        found: dict[str, int] = {}
        for counter, hold in self._counted:
            found[hold.limit.key] = counter.spent
        return found

    def settle(self, amounts: dict[str, int]) -> None:
        """Gives concurrency back and corrects the counters in `amounts` to what was consumed."""
        if self._ended:
            return
        self._ended = True
        for counter, hold in self._counted:
            counter.held -= hold.amount
            counter.spent += amounts.get(hold.limit.key, hold.amount)
        for hold in self._gauged:
            self._store.give_back(hold.limit, hold.amount)
        for meter, hold in self._metered:
            amount = amounts.get(hold.limit.key)
            if amount is not None:
                meter.correct(amount - hold.amount, self._taken_at, self._store.now(), hold.limit.ceiling)

    def cancel(self) -> None:
        """Takes everything back."""
        self.settle({hold.limit.key: 0 for _, hold in (*self._counted, *self._metered)})
