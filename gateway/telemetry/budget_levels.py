"""How full budgets are, from the words of requests that end in any order."""

from collections.abc import Iterator, Mapping

from gateway import clock


class _Level:
    """What is told of a budget, since when, and when the last request that had a say began."""

    __slots__ = ("began", "counter", "declared", "limit", "ratio", "resets_at", "told_at")

    def __init__(
        self, counter: str, ratio: float, resets_at: int | None, declared: object, began: float, limit: float
    ) -> None:
        self.counter = counter
        self.ratio = ratio
        self.resets_at = resets_at
        self.declared = declared
        self.limit = limit
        self.began = began
        self.told_at = clock.monotonic()


class BudgetLevels:
    """The level of each budget: that of its fullest counter in the present window, as it is declared now."""

    def __init__(self) -> None:
        self._levels: dict[str, _Level] = {}

    def tell(
        self,
        budget: str,
        counter: str,
        ratio: float,
        resets_at: int | None,
        declared: object,
        began: float,
        limit: float = 0.0,
    ) -> None:
        """How full a request found a counter of a budget; it `began` at a moment of the monotonic clock.

        `ratio` is of the `limit`, in what the budget counts; money in US dollars.

        A window that is over, or a declaration that serves no more, has nothing to say beside the present one. Within a
        window, a word may be older than it comes, and know nothing of what others spent meanwhile; so only a request
        that began after the last word can tell that a counter is less full than it was, which is how it is corrected.
        """
        level = self._levels.get(budget)
        if level is None:
            self._levels[budget] = _Level(counter, ratio, resets_at, declared, began, limit)
            return
        if level.counter == counter and level.declared is declared and level.resets_at == resets_at:
            # PERF: nearly every word. Who goes by an earlier declaration began before the first that goes by this one.
            if ratio > level.ratio or began > level.told_at:
                level.ratio, level.limit, level.told_at = ratio, limit, clock.monotonic()
            return
        if level.declared is not declared and level.declared != declared:
            if began < level.began:
                return
        elif level.resets_at != resets_at:
            if level.resets_at is None or (resets_at is not None and resets_at < level.resets_at):
                return
        elif ratio <= level.ratio and (began <= level.told_at or counter != level.counter):
            return
        level.counter, level.ratio, level.resets_at, level.declared = counter, ratio, resets_at, declared
        level.limit = limit
        level.began = max(level.began, began)
        level.told_at = clock.monotonic()

    def keep(self, limits: Mapping[str, float]) -> None:
        """Forgets the levels of other budgets; of these, what is spent is told against the limits that serve now."""
        for budget in self._levels.keys() - limits.keys():
            del self._levels[budget]
        for budget, level in self._levels.items():
            limit = limits[budget]
            if limit != level.limit:
                level.ratio = level.ratio * level.limit / limit if limit else 1.0
                level.limit = limit

    def counters(self) -> dict[str, str]:
        """Every budget and the counter that is told of it."""
        return {budget: level.counter for budget, level in self._levels.items()}

    def ratios(self, now: float) -> Iterator[tuple[str, float, float]]:
        """Every budget, its level and its limit.

        A window that is over at a moment since the epoch is told as empty, and left.
        """
        for budget, level in list(self._levels.items()):
            if level.resets_at is not None and level.resets_at <= now:
                del self._levels[budget]
                yield budget, 0.0, level.limit
            else:
                yield budget, level.ratio, level.limit
