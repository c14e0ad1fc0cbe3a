"""Rate limits by selector: which of them a call of a key counts under, and under which counter of each."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from gateway.config.resources import NO_IDENTITIES, Identities
from gateway.config.sections.base import RateLimits
from gateway.config.sections.limits import LimitMatch, Limits
from gateway.counters.hold import Dimension, Hold, Limit
from gateway.money.budget import LONGEST_NAME, Each, Who, bounded, matches_target, quoted
from gateway.policy.patterns import compile_glob
from gateway.snapshot.budgets import by_ids

WINDOWS: Final = ((Dimension.RPM, 60), (Dimension.RPD, 86_400), (Dimension.TPM, 60), (Dimension.CONCURRENCY, 0))
"""Seconds in which each is counted."""
_MANY_END_USERS: Final = 10_000


class SelectedHold(Hold):
    """A hold of a limit by selector."""

    __slots__ = ("selected",)

    def __init__(self, limit: Limit, amount: int, selected: "CompiledLimits") -> None:
        super().__init__(limit, amount)
        self.selected: Final = selected

    def sized(self, amount: int) -> "SelectedHold":
        """The same of another amount."""
        return SelectedHold(self.limit, amount, self.selected)


@dataclass(frozen=True, kw_only=True, eq=False)
class CompiledLimits:
    """A set of limits by selector.

    Args:
        name: Its name in the configuration.
        counted_as: What its counters call it: an id, which outlives the name.
        match: Which requests count.
        matches_model: What the glob of `match` says of a model's name; `None`: all models count.
        each: Who has a counter of their own; `None`: one counter for all together.
        ceilings: What is counted, in how many seconds (0: at one time), and how much of it may be.
        warns: Whether it refuses nothing.
        message: What clients are told beside a refusal.
    """

    name: str
    counted_as: str
    match: LimitMatch
    matches_model: Callable[[str], bool] | None
    each: Each | None
    ceilings: tuple[tuple[Dimension, int, int], ...]
    warns: bool
    message: str | None

    def counts_key(self, who: Who) -> bool:
        """Whether requests of a key may count."""
        match = self.match
        return (
            (match.team is None or match.team in who.teams)
            and match.project in (None, who.project)
            and match.principal in (None, who.principal)
            and match.virtual_key in (None, who.virtual_key)
            and (match.tag is None or match.tag in who.tags)
        )

    def counts_target(self, provider: str, model: str) -> bool:
        """Whether a call to a model counts, if its request does."""
        return matches_target(self.matches_model, provider, model)


class KeyLimits:
    """A set of limits as it counts for one key."""

    __slots__ = ("_by_end_user", "_holds", "_root", "of")

    def __init__(self, of: CompiledLimits, who: Who) -> None:
        """`who` is named by ids."""
        self.of: Final = of
        self._root = f"limit:{quoted(of.counted_as)}"
        self._by_end_user: dict[str, tuple[SelectedHold, ...]] = {}
        own = who.principal if of.each == "principal" else None
        if of.each is not None:
            whose = f"virtual_key={quoted(who.virtual_key)}" if own is None else f"principal={quoted(own)}"
            self._holds = self._held(f"{self._root}:{whose}")
        else:
            self._holds = self._held(self._root)

    def holds(self, end_user: str | None) -> tuple[SelectedHold, ...]:
        """What one request holds, of each of the limits."""
        if self.of.each != "end_user" or end_user is None:
            return self._holds
        found = self._by_end_user.get(end_user)
        if found is None:
            if len(self._by_end_user) >= _MANY_END_USERS:
                self._by_end_user.clear()
            found = self._by_end_user[end_user] = self._held(f"{self._root}:end_user={quoted(end_user)}")
        return found

    def _held(self, counter: str) -> tuple[SelectedHold, ...]:
        counter = bounded(counter, LONGEST_NAME)
        return tuple(
            SelectedHold(
                Limit(key=f"{counter}:{what}", dimension=what, ceiling=most, window_s=window_s, of=self.of.name),
                1,
                self.of,
            )
            for what, window_s, most in self.of.ceilings
        )


def ceilings(section: RateLimits) -> tuple[tuple[Dimension, int, int], ...]:
    """What a section limits: the dimension, in how many seconds, and how much."""
    found = ((what, window_s, getattr(section, what.value)) for what, window_s in WINDOWS)
    return tuple((what, window_s, most) for what, window_s, most in found if most is not None)


def compile_limits(
    sections: Mapping[str, Limits], identities: Identities = NO_IDENTITIES
) -> tuple[CompiledLimits, ...]:
    """The sets of a validated file, in its order."""
    return tuple(
        CompiledLimits(
            name=name,
            counted_as=identities.get(("limits", name), name),
            match=section.match,
            matches_model=None if section.match.model is None else compile_glob(section.match.model),
            each=section.each,
            ceilings=ceilings(section),
            warns=section.mode == "warn",
            message=section.message,
        )
        for name, section in sections.items()
    )


def limits_of(
    sets: Iterable[CompiledLimits], who: Who, identities: Identities = NO_IDENTITIES
) -> tuple[KeyLimits, ...]:
    """Those that requests of a key may count under."""
    counted = by_ids(who, identities)
    return tuple(KeyLimits(one, counted) for one in sets if one.counts_key(who))
