"""A reservation in Redis, as its owner sees it."""

from collections.abc import Callable

from gateway.counters.hold import Hold


class RedisLease:
    """Holds taken together, ended exactly once. Ending it only queues what Redis is to be told.

    Args:
        end: Takes what each hold consumed, -1 for what was held; the first time counts, and it says whether this is it.
        lease: Its id.
        holds: What was taken.
        packed: The same as the script reads it.
        taken_at: Microseconds since the epoch.
        spent: By key, what counted against each SPEND limit when it was taken, its own hold included.
        settled: By key, what of it was spent; once the lease is settled, with what it consumed.
    """

    __slots__ = ("_end", "holds", "id", "packed", "settled", "spent", "taken_at")

    def __init__(
        self,
        end: Callable[["RedisLease", list[int]], bool],
        lease: str,
        holds: tuple[Hold, ...],
        packed: bytes,
        taken_at: int,
        spent: dict[str, int],
        settled: dict[str, int],
    ) -> None:
        self._end = end
        self.id = lease
        self.holds = holds
        self.packed = packed
        self.taken_at = taken_at
        self.spent = spent
        self.settled = settled

    def settle(self, amounts: dict[str, int]) -> None:
        """Gives concurrency back and corrects the counters in `amounts` to what was consumed."""
        if not self._end(self, [amounts.get(hold.limit.key, -1) for hold in self.holds]):
            return
        for hold in self.holds:
            if hold.limit.key in self.settled:
                self.settled[hold.limit.key] += amounts.get(hold.limit.key, hold.amount)

    def cancel(self) -> None:
        """Takes everything back."""
        self._end(self, [0] * len(self.holds))
