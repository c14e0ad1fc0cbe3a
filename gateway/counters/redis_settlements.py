"""What is to be settled, in its order, until Redis has acknowledged it."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Final

from gateway.counters.hold import CounterState, Dimension, Hold
from gateway.counters.redis_connection import RedisConnection
from gateway.counters.redis_holds import pack, unpacked_holds
from gateway.counters.redis_refusals import RedisAway, check
from gateway.counters.redis_script import RedisScript, is_unknown_script

_BATCH: Final = 128
_IN_FLIGHT: Final = 8
_BATCHING_S: Final = 0.002
_REMEMBERED_S: Final = 10.0
_MOST_REMEMBERED: Final = 20_000


class Settlement:
    """The end of a lease: what each of its `holds` consumed, -1 for what was held.

    With `untaken` there is no lease: these holds were never taken, and what they consumed is counted all the same.
    """

    __slots__ = ("amounts", "holds", "lease", "untaken")

    def __init__(self, lease: str, amounts: list[int], holds: Sequence[Hold], *, untaken: bool = False) -> None:
        self.lease = lease
        self.amounts = amounts
        self.holds = holds
        self.untaken = untaken

    def as_packed(self) -> tuple[Any, ...]:
        """As the script reads it."""
        if self.untaken:
            return self.lease, self.amounts, unpacked_holds(self.holds)
        return self.lease, self.amounts

    def without_spend(self) -> "Settlement | None":
        """The same where the ledger says what was spent; `None` if nothing is left of it."""
        if self.untaken:
            return None
        spent = Dimension.SPEND
        amounts = [
            0 if hold.limit.dimension is spent else amount
            for hold, amount in zip(self.holds, self.amounts, strict=True)
        ]
        return Settlement(self.lease, amounts, self.holds)


class RedisSettlements:
    """A queue of ended leases. Each is sent until it is acknowledged; the script makes doing it twice harmless.

    Args:
        script: Sends them.
        connection: The connection to use now, `None` while there is none.
        bound: So many wait at most. Beyond it the oldest are forgotten, and `forgotten` says that the counters have
            to be rebuilt.
    """

    def __init__(self, script: RedisScript, connection: Callable[[], RedisConnection | None], bound: int) -> None:
        self._script = script
        self._connection = connection
        self._bound = bound
        self._waiting: deque[Settlement] = deque()
        self._sent: deque[list[Settlement]] = deque()
        self._acknowledged: deque[tuple[float, Settlement]] = deque(maxlen=_MOST_REMEMBERED)
        self._timer: asyncio.TimerHandle | None = None
        self._restorations = ""
        self._in_doubt = 0
        self.forgotten = 0

    def __len__(self) -> int:
        return len(self._waiting) + sum(map(len, self._sent))

    def add(self, settlement: Settlement) -> None:
        """Queues the end of a lease."""
        if len(self._waiting) >= self._bound:
            self._waiting.popleft()
            self.forgotten += 1
        self._waiting.append(settlement)
        if self._timer is None and len(self._sent) < _IN_FLIGHT:
            self._timer = asyncio.get_running_loop().call_later(_BATCHING_S, self.ship)

    def hold_against(self, restorations: int | None) -> None:
        """What waits now is counted only while this is the number of the last restoration; `None`: in any case.

        Who restores counters has read rows of the ledger, of which some may be those of what waits here.
        """
        self._restorations = "" if restorations is None else str(restorations)
        self._in_doubt = 0 if restorations is None else len(self)

    def settle_again(self) -> None:
        """Queues what was acknowledged in the last seconds: who takes over for a server may not have heard of it."""
        self._take_back()
        self._forget_old()
        self._waiting.extendleft(settlement for _, settlement in reversed(self._acknowledged))
        self._acknowledged.clear()

    def leave_spend_to_the_ledger(self) -> None:
        """What waits gives back what it held and counts no money: that is counted by its rows of the ledger."""
        self._take_back()
        left = (settlement.without_spend() for settlement in self._waiting)
        self._waiting = deque(settlement for settlement in left if settlement is not None)

    def ship(self, *, everything: bool = False) -> None:
        """Sends what waits, as far as not too much is under way already, or `everything`.

        What is sent on the same connection afterwards comes after it.
        """
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        connection = self._connection()
        while self._waiting and connection is not None and (everything or len(self._sent) < _IN_FLIGHT):
            batch = [self._waiting.popleft() for _ in range(min(_BATCH, len(self._waiting)))]
            self._sent.append(batch)
            try:
                self._post(connection, batch)
            except RedisAway:
                self._take_back()
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
        def end(answer: asyncio.Future[Any]) -> None:
            self._acknowledge(connection, batch, answer)

        packed = pack([settlement.as_packed() for settlement in batch])
        known = self._restorations if self._in_doubt > 0 else ""
        self._script.post(connection, "settle", packed, known, whole=whole).add_done_callback(end)

    def _acknowledge(self, connection: RedisConnection, batch: list[Settlement], answer: asyncio.Future[Any]) -> None:
        failure = answer.exception()
        if batch not in self._sent:
            return  # taken back already, with one before it
        try:
            if failure is not None:
                raise failure
            if is_unknown_script(answer.result()):
                self._post(connection, batch, whole=True)
                return
            done = check(answer.result(), connection.address)
        except RedisAway as away:
            self._give_up(connection, away)
            return
        if not done:
            said = "the counters were brought up to the ledger meanwhile"
            self._give_up(connection, RedisAway(said, CounterState.REBUILDING))
            return
        self._sent.remove(batch)
        self._in_doubt -= len(batch)
        now = asyncio.get_running_loop().time()
        self._acknowledged.extend((now, settlement) for settlement in batch)
        self._forget_old()
        self.ship()

    def _give_up(self, connection: RedisConnection, why: RedisAway) -> None:
        self._take_back()
        connection.abort(why)

    def _forget_old(self) -> None:
        old = asyncio.get_running_loop().time() - _REMEMBERED_S
        while self._acknowledged and self._acknowledged[0][0] < old:
            self._acknowledged.popleft()

    def _take_back(self) -> None:
        for batch in reversed(self._sent):
            self._waiting.extendleft(reversed(batch))
        self._sent.clear()
