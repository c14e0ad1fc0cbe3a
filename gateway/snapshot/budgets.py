"""The budgets of a key, each with its counter in the present window kept at hand."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from gateway.config.resources import NO_IDENTITIES, Identities
from gateway.config.sections.budgets import Budget, Raise
from gateway.counters.hold import Dimension, Limit
from gateway.money.budget import (
    CompiledBudget,
    Counted,
    Raised,
    Scope,
    Who,
    applies,
    counter_key,
    counts,
    raised,
    refuses_unpriced,
)
from gateway.money.nano_usd import from_usd
from gateway.money.window import Span, Window
from gateway.policy.patterns import compile_glob

MARGIN: Final = "margin:"
"""What the name of a counter of margins begins with. Nothing is ever spent of one, so the ledger knows none."""

_MANY_END_USERS = 10_000


class _Lasting:
    """A window with the limits in it, by end user, and their margins, by counter.

    A thread that puts together a long request of the window before may find another one in its place at any moment; so
    what is found goes where it belongs, and a window is replaced as a whole.
    """

    __slots__ = ("end", "limits", "margins", "now", "span", "start")

    def __init__(self, span: Span, raises: Sequence[Raised] = (), now: float = 0.0) -> None:
        """Of a span the part around a moment in which no raise ends."""
        self.span = span
        self.now = now
        self.start = max([float(span.start), *(one.until for one in raises if one.until <= now)])
        end = math.inf if span.end is None else float(span.end)
        self.end = min([end, *(one.until for one in raises if one.until > now)])
        self.limits: dict[str | None, Limit] = {}
        self.margins: dict[str, Limit] = {}


_NEVER: Final = _Lasting(Span("", 0, 0))


class Meter:
    """One budget as it counts for one key."""

    __slots__ = ("_lasting", "_who", "budget", "is_by_end_user")

    def __init__(self, budget: CompiledBudget, who: Who) -> None:
        """`who` is named by ids: counters outlive names."""
        self.budget = budget
        self._who = who
        self._lasting = _NEVER
        self.is_by_end_user = budget.each == "end_user"

    def window(self, now: float) -> _Lasting:
        """The window of a moment, in seconds since the epoch."""
        lasting = self._lasting
        # PERF: as long as the window lasts, nothing is called.
        if not lasting.start <= now < lasting.end or len(lasting.limits) > _MANY_END_USERS:
            lasting = self._lasting = _Lasting(self.budget.window.span(now), self.budget.raises, now)
        return lasting

    def limit(self, lasting: _Lasting, end_user: str | None) -> Limit:
        """The limit that holds in a window. Raises `end_user_required`."""
        person = end_user if self.is_by_end_user else None
        return lasting.limits.get(person) or self._limit_of(lasting, person)

    def _limit_of(self, lasting: _Lasting, person: str | None) -> Limit:
        budget, span = self.budget, lasting.span
        ceiling = budget.ceiling
        if budget.raises:
            whose = {"virtual_key": self._who.virtual_key, "principal": self._who.principal, "end_user": person}
            ceiling += raised(budget.raises, whose.get(budget.each or ""), lasting.now)
        limit = lasting.limits[person] = Limit(
            key=counter_key(budget, self._who, person, span.id),
            dimension=Dimension.SPEND,
            ceiling=ceiling,
            window_s=0,
            resets_at=span.end,
            blocks=budget.blocks,
        )
        return limit

    def margin(self, limit: Limit) -> Limit:
        """The limit on what requests under way may cost beyond what they hold of a limit of this meter."""
        margins = self._lasting.margins
        known = margins.get(limit.key)
        if known is None:
            key = f"{MARGIN}{limit.key}"
            known = margins[limit.key] = replace(limit, key=key, ceiling=self.budget.margin or 0)
        return known


class Metering:
    """The budgets of a key that calls to one provider count against.

    `blocking` is the first that refuses for what a request may consume, `strict` the first that refuses what has no
    price; `counts_tokens` says that one counts tokens, `counts_money_alone` that none counts anything but money.
    """

    __slots__ = ("_known", "blocking", "counts_money_alone", "counts_tokens", "meters", "strict")

    def __init__(self, meters: tuple[Meter, ...]) -> None:
        self.meters = meters
        budgets = [meter.budget for meter in meters]
        self.blocking = next((one for one in budgets if one.blocks and one.unit != "requests"), None)
        self.counts_tokens = any(one.unit == "tokens" for one in budgets)
        self.counts_money_alone = all(one.unit == "usd" for one in budgets)
        self.strict = next(filter(refuses_unpriced, budgets), None)
        self._known: tuple[float, float, tuple[tuple[Meter, Limit], ...]] = (0.0, 0.0, ())

    def limits(self, now: float, end_user: str | None) -> tuple[tuple[Meter, Limit], ...]:
        """Each of them with the limit that holds at a moment, as `Meter.limit` says. Raises `end_user_required`."""
        # PERF: as long as all their windows last, the limits are the same for everybody, but where one is by end user.
        start, end, found = self._known
        if start <= now < end:
            return found
        windows = [meter.window(now) for meter in self.meters]
        found = tuple([(meter, meter.limit(one, end_user)) for meter, one in zip(self.meters, windows, strict=True)])
        if windows and not any(meter.is_by_end_user for meter in self.meters):
            self._known = max([one.start for one in windows]), min([one.end for one in windows]), found
        return found


class Meterings:
    """The budgets of a key, by what a call counts against; what was found once is kept."""

    __slots__ = ("_by_call", "_by_provider", "meters")

    def __init__(self, meters: tuple[Meter, ...]) -> None:
        self.meters = meters
        self._by_call: dict[tuple[bool, ...], Metering] | None = {} if any(map(_asks_more, meters)) else None
        self._by_provider: dict[str, Metering] = {}

    def of(self, provider: str, model: str, endpoint: str) -> Metering:
        """Those that a call counts against."""
        by_call = self._by_call
        if by_call is None:
            # PERF: most budgets count every model and endpoint, and clients make up names of models.
            found = self._by_provider.get(provider)
            if found is None:
                found = self._by_provider[provider] = self._those(self._counted(provider, model, endpoint))
            return found
        counted = self._counted(provider, model, endpoint)
        found = by_call.get(counted)
        if found is None:
            found = by_call[counted] = self._those(counted)
        return found

    def _counted(self, provider: str, model: str, endpoint: str) -> tuple[bool, ...]:
        return tuple([counts(meter.budget, provider, model, endpoint) for meter in self.meters])

    def _those(self, counted: tuple[bool, ...]) -> Metering:
        return Metering(tuple(meter for meter, counts_it in zip(self.meters, counted, strict=True) if counts_it))


def _asks_more(meter: Meter) -> bool:
    return meter.budget.model is not None or meter.budget.endpoint is not None


def compile_budgets(
    sections: Mapping[str, Budget], identities: Identities = NO_IDENTITIES
) -> tuple[CompiledBudget, ...]:
    """The budgets of a validated file, in its order; `identities` are the ids of all that was renamed."""
    return tuple(_compiled(name, section, identities) for name, section in sections.items())


def by_ids(who: Who, identities: Identities) -> Who:
    """Somebody with ids in place of the names that may be part of a counter's: counters outlive names."""
    return replace(
        who,
        virtual_key=identities.get(("virtual_keys", who.virtual_key), who.virtual_key),
        principal=identities.get(("principals", who.principal or ""), who.principal),
    )


def meters(budgets: Iterable[CompiledBudget], who: Who, identities: Identities = NO_IDENTITIES) -> tuple[Meter, ...]:
    """The budgets that requests of somebody count against."""
    counted = by_ids(who, identities)
    return tuple(Meter(budget, counted) for budget in budgets if applies(budget, who))


def _compiled(name: str, section: Budget, identities: Identities) -> CompiledBudget:
    kind, value = section.scope.named
    return CompiledBudget(
        name=name,
        scope=Scope(kind, value),
        each=section.each,
        window=Window(section.window, section.timezone, section.cycle_anchor_at),
        limit=_limit(section),
        unit=section.unit,
        blocks=section.on_breach == "block",
        provider=section.provider,
        model=section.model,
        endpoint=section.endpoint,
        matches_model=None if section.model is None else compile_glob(section.model),
        message=section.message,
        when_over=tuple(sorted(((int(percent), model) for percent, model in section.when_over.items()), reverse=True)),
        raises=tuple(_raised(one, identities) for one in section.raises),
        refuses_unpriced=section.unpriced == "refuse",
        margin=None if section.reserve == "worst" else from_usd(section.reserve_margin_usd or 0),
        counted_as=Counted(
            identities.get(("budgets", name), name),
            identities.get((f"{kind}s", value), value),
            section.provider and identities.get(("providers", section.provider), section.provider),
            section.model and _by_identity(section.model, identities),
        )
        if identities
        else None,
    )


def _raised(section: Raise, identities: Identities) -> Raised:
    add = section.add_tokens or section.add_requests or from_usd(section.add_usd or 0)
    if section.whose is None:
        return Raised(None, None, add, section.until.timestamp())
    kind, name = section.whose
    return Raised(name, identities.get((f"{kind}s", name), name), add, section.until.timestamp())


def _limit(section: Budget) -> int:
    return section.limit_tokens or section.limit_requests or from_usd(section.limit_usd or 0)


def _by_identity(glob: str, identities: Identities) -> str:
    """A glob on models with the id of the provider that it begins with."""
    provider, slash, model = glob.partition("/")
    return f"{identities.get(('providers', provider), provider)}/{model}" if slash else glob
