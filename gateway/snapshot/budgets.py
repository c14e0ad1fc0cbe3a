"""The budgets of a key, each with its counter in the present window kept at hand."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Final

from gateway.config.resources import NO_IDENTITIES, Identities
from gateway.config.sections.budgets import Budget
from gateway.counters.hold import Dimension, Limit
from gateway.money.budget import (
    CompiledBudget,
    Counted,
    Scope,
    Who,
    applies,
    counter_key,
    counts_provider,
    refuses_unpriced,
)
from gateway.money.nano_usd import from_usd
from gateway.money.window import CurrentWindow, Span, Window

MARGIN: Final = "margin:"
"""What the name of a counter of margins begins with. Nothing is ever spent of one, so the ledger knows none."""

_MANY_END_USERS = 10_000


class Meter:
    """One budget as it counts for one key."""

    __slots__ = ("_limits", "_margins", "_who", "budget", "is_by_end_user", "window")

    def __init__(self, budget: CompiledBudget, who: Who) -> None:
        """`who` is named by ids: counters outlive names."""
        self.budget = budget
        self._who = who
        self.window = CurrentWindow(budget.window)
        self.is_by_end_user = budget.each == "end_user"
        self._limits: dict[str | None, Limit] = {}
        self._margins: dict[str, Limit] = {}

    def limit(self, now: float, end_user: str | None) -> Limit:
        """The limit that holds at a moment, in seconds since the epoch. Raises `end_user_required`."""
        window = self.window
        # PERF: as long as the window lasts, nothing is called but `get`.
        if not window.start <= now < window.end or len(self._limits) > _MANY_END_USERS:
            self._limits.clear()
            self._margins.clear()
        person = end_user if self.is_by_end_user else None
        return self._limits.get(person) or self._limit_of(person, window.span(now))

    def _limit_of(self, person: str | None, span: Span) -> Limit:
        budget = self.budget
        limit = self._limits[person] = Limit(
            key=counter_key(budget, self._who, person, span.id),
            dimension=Dimension.SPEND,
            ceiling=budget.ceiling,
            window_s=0,
            resets_at=span.end,
            blocks=budget.blocks,
        )
        return limit

    def margin(self, limit: Limit) -> Limit:
        """The limit on what requests under way may cost beyond what they hold of a limit of this meter."""
        known = self._margins.get(limit.key)
        if known is None:
            key = f"{MARGIN}{limit.key}"
            known = self._margins[limit.key] = replace(limit, key=key, ceiling=self.budget.margin or 0)
        return known


class Metering:
    """The budgets of a key that calls to one provider count against.

    `blocking` is the first that blocks, `strict` the first that refuses what has no price.
    """

    __slots__ = ("_end", "_limits", "_start", "blocking", "meters", "strict")

    def __init__(self, meters: tuple[Meter, ...]) -> None:
        self.meters = meters
        self.blocking = next((meter.budget for meter in meters if meter.budget.blocks), None)
        self.strict = next((meter.budget for meter in meters if refuses_unpriced(meter.budget)), None)
        self._limits: tuple[tuple[Meter, Limit], ...] = ()
        self._start = self._end = 0.0

    def limits(self, now: float, end_user: str | None) -> tuple[tuple[Meter, Limit], ...]:
        """Each of them with the limit that holds at a moment, as `Meter.limit` says. Raises `end_user_required`."""
        # PERF: as long as all their windows last, the limits are the same for everybody, but where one is by end user.
        if self._start <= now < self._end:
            return self._limits
        found = tuple([(meter, meter.limit(now, end_user)) for meter in self.meters])
        if not any(meter.is_by_end_user for meter in self.meters):
            self._limits = found
            self._start = max([meter.window.start for meter in self.meters], default=0.0)
            self._end = min([meter.window.end for meter in self.meters], default=0.0)
        return found


def metering(budgets: Iterable[Meter], provider: str) -> Metering:
    """Those of a key's budgets that count a provider."""
    return Metering(tuple(meter for meter in budgets if counts_provider(meter.budget, provider)))


def compile_budgets(
    sections: Mapping[str, Budget], identities: Identities = NO_IDENTITIES
) -> tuple[CompiledBudget, ...]:
    """The budgets of a validated file, in its order; `identities` are the ids of all that was renamed."""
    return tuple(_compiled(name, section, identities) for name, section in sections.items())


def meters(budgets: Iterable[CompiledBudget], who: Who, identities: Identities = NO_IDENTITIES) -> tuple[Meter, ...]:
    """The budgets that requests of somebody count against."""
    counted = replace(
        who,
        virtual_key=identities.get(("virtual_keys", who.virtual_key), who.virtual_key),
        principal=identities.get(("principals", who.principal or ""), who.principal),
    )
    return tuple(Meter(budget, counted) for budget in budgets if applies(budget, who))


def _compiled(name: str, section: Budget, identities: Identities) -> CompiledBudget:
    kind, value = section.scope.named
    return CompiledBudget(
        name=name,
        scope=Scope(kind, value),
        each=section.each,
        window=Window(section.window, section.timezone, section.cycle_anchor_at),
        limit=from_usd(section.limit_usd),
        blocks=section.on_breach == "block",
        provider=section.provider,
        refuses_unpriced=section.unpriced == "refuse",
        margin=None if section.reserve == "worst" else from_usd(section.reserve_margin_usd or 0),
        counted_as=Counted(
            identities.get(("budgets", name), name),
            identities.get((f"{kind}s", value), value),
            section.provider and identities.get(("providers", section.provider), section.provider),
        )
        if identities
        else None,
    )
