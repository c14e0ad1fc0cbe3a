"""What this process has to settle, in its order, until Redis has acknowledged it and the ledger has it too.

What counts money is numbered. Redis knows up to which number it has counted, so what is sent twice counts once; and
the ledger's entries say which numbers are theirs, so who sets counters to the ledger tells Redis where each process
goes on. What Redis has acknowledged is therefore kept until it is surely in the ledger: a Redis that was filled from
the ledger before lacks it, and gets it again.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from itertools import chain
from typing import Any, Final

from gateway.counters.hold import Dimension, Hold
from gateway.counters.redis_connection import RedisConnection
from gateway.counters.redis_holds import pack, unpacked_holds
from gateway.counters.redis_refusals import RedisAway, check
from gateway.counters.redis_script import RedisScript, is_unknown_script

_SPEND: Final = Dimension.SPEND
_BATCH: Final = 128
_IN_FLIGHT: Final = 8
_BATCHING_S: Final = 0.002
_RESTORING_S: Final = 10.0
"""Who restores has hardly ever read the ledger longer ago than this; where it has, the counters are restored again."""
_MOST_KEPT: Final = 20_000


class Settlement:
    """The end of a lease: what each of its `holds` consumed, -1 for what was held.

    With `untaken` there is no lease: these holds were never taken, and what they consumed is counted all the same.
    """

    __slots__ = ("amounts", "holds", "lease", "number", "untaken")

    def __init__(self, lease: str, amounts: list[int], holds: Sequence[Hold], *, untaken: bool = False) -> None:
        self.lease = lease
        self.amounts = amounts
        self.holds = holds
        self.untaken = untaken
        self.number = 0
        """Its place among those of this process that count money; 0: it counts none."""

    @property
    def counts(self) -> bool:
        """Whether it counts money."""
        # PERF: asked for every request, mostly of one that consumed something of its budgets.
        for hold, amount in zip(self.holds, self.amounts, strict=True):
            if amount and hold.limit.dimension is _SPEND:
                return True
        return False

    def as_packed(self, whole_until: int) -> tuple[Any, ...]:
        """As the script reads it, with its holds where Redis may not know them: up to a number."""
        if self.untaken or 0 < self.number <= whole_until:
            return self.lease, self.amounts, self.number, unpacked_holds(self.holds)
        return self.lease, self.amounts, self.number


class RedisSettlements:
    """A queue of ended leases. Each is sent until it is acknowledged; the script makes doing it twice harmless.

    Args:
        process: Whose they are: the numbers of each process are its own.
        script: Sends them.
        connection: The connection to use at present, `None` while there is none.
        refused: Told of a connection, and the generation that was known, where the data is no longer that.
        bound: So many wait at most. Beyond it the oldest are forgotten, and `reaches` tells.
    """

    def __init__(
        self,
        process: str,
        script: RedisScript,
        connection: Callable[[], RedisConnection | None],
        refused: Callable[[RedisConnection, str], None],
        bound: int,
    ) -> None:
        self._process = process
        self._script = script
        self._connection = connection
        self._refused = refused
        self._bound = bound
        self._waiting: deque[Settlement] = deque()
        self._sent: deque[list[Settlement]] = deque()
        self._kept: deque[Settlement] = deque(maxlen=_MOST_KEPT)
        self._uncounted: deque[tuple[float, Settlement]] = deque(maxlen=_MOST_KEPT)
        self._recorded: deque[tuple[float, int]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._whole_until = 0
        self._forgotten = 0
        self.last = 0
        """The number of the last one that counts money."""

    def __len__(self) -> int:
        return len(self._waiting) + sum(map(len, self._sent))

    def add(self, settlement: Settlement) -> None:
        """Queues the end of a lease."""
        if settlement.counts:
            self.last += 1
            settlement.number = self.last
        if len(self._waiting) >= self._bound:
            self._forgotten = max(self._forgotten, self._waiting.popleft().number)
        self._waiting.append(settlement)
        if self._timer is None and len(self._sent) < _IN_FLIGHT:
            self._timer = asyncio.get_running_loop().call_later(_BATCHING_S, self.ship)

    def recorded(self, number: int) -> None:
        """What is in the ledger, up to a number, is forgotten when nobody restores any more who read it before.

        While there is no connection nothing is: somebody may be at it, and that takes as long as there are counters.
        """
        if self._connection() is None:
            return
        now = asyncio.get_running_loop().time()
        if not self._recorded or number > self._recorded[-1][1]:
            self._recorded.append((now, number))
        while self._recorded and self._recorded[0][0] <= now - _RESTORING_S:
            _, until = self._recorded.popleft()
            while self._kept and self._kept[0].number <= until:
                self._kept.popleft()

    def reaches(self, counted: int) -> bool:
        """Whether everything is here that comes after the number up to which Redis has counted."""
        known = chain(self._kept, *self._sent, self._waiting)
        oldest = next((one.number for one in known if one.number), self.last + 1)
        return self._forgotten <= counted and oldest <= counted + 1

    def resume(self, counted: int, *, is_other: bool) -> None:
        """Queues what Redis lacks, which has counted up to a number, and of which it may know no lease.

        Where the data `is_other` than before, leases may be open in it that had been ended: they are ended again.
        """
        self.take_back()
        again: list[Settlement] = []
        while self._kept and (is_other or self._kept[-1].number > counted):
            again.append(self._kept.pop())
        if is_other:
            again += [settlement for _, settlement in reversed(self._uncounted)]
            self._uncounted.clear()
        self._waiting.extendleft(again)
        self._whole_until = self.last

    def take_back(self) -> None:
        """What was sent and is not acknowledged waits again."""
        for batch in reversed(self._sent):
            self._waiting.extendleft(reversed(batch))
        self._sent.clear()

    def ship(self) -> None:
        """Sends what waits, as far as not too much is under way already.

        What is sent on the same connection afterwards comes after it.
        """
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        connection = self._connection()
        while self._waiting and connection is not None and len(self._sent) < _IN_FLIGHT:
            batch = [self._waiting.popleft() for _ in range(min(_BATCH, len(self._waiting)))]
            self._sent.append(batch)
            try:
                self._post(connection, batch)
            except RedisAway:
                self.take_back()
                return

    async def drained(self) -> None:
        """Returns when everything is acknowledged."""
        while self:
            self.ship()
            await asyncio.sleep(_BATCHING_S)

    def stop(self) -> None:
        """Sends nothing more."""
        if self._timer is not None:
            self._timer.cancel()

    def _post(self, connection: RedisConnection, batch: list[Settlement], *, whole: bool = False) -> None:
        generation = self._script.generation

        def end(answer: asyncio.Future[Any]) -> None:
            self._acknowledge(connection, generation, batch, answer)

        packed = pack([settlement.as_packed(self._whole_until) for settlement in batch])
        self._script.post(connection, "settle", packed, self._process, whole=whole).add_done_callback(end)

    def _acknowledge(
        self, connection: RedisConnection, generation: str, batch: list[Settlement], answer: asyncio.Future[Any]
    ) -> None:
        failure = answer.exception()
        if not any(batch is one for one in self._sent):
            return  # taken back already, with one before it
        try:
            if failure is not None:
                raise failure
            if is_unknown_script(answer.result()):
                self._post(connection, batch, whole=True)
                return
            done = check(answer.result(), connection.address)
        except RedisAway as away:
            self.take_back()
            connection.abort(away)
            return
        if not done:
            self.take_back()
            self._refused(connection, generation)
            return
        self._sent.remove(batch)
        self._keep(batch)
        self.ship()

    def _keep(self, batch: list[Settlement]) -> None:
        now = asyncio.get_running_loop().time()
        for settlement in batch:
            if settlement.number:
                self._kept.append(settlement)
            else:
                self._uncounted.append((now, settlement))
        while self._uncounted and self._uncounted[0][0] < now - _RESTORING_S:
            self._uncounted.popleft()
