"""What no schema can say of prices."""

import difflib
from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from itertools import pairwise

from gateway.config.budget_checks import MOST_USD
from gateway.config.diagnostics import Severity
from gateway.config.findings import Checked, Facts, Finding
from gateway.config.model import Config
from gateway.config.sections.base import Section
from gateway.config.sections.prices import LockedChange, PriceTier, WholePrice
from gateway.config.source import Path
from gateway.money.price_lists import NO_LIST, list_names

_FACTORS = ("times", "price_factor")


def prices(config: Config, _facts: Facts) -> Iterator[Checked]:
    """Prices of the file: providers that exist, amounts, tiers and times that make sense."""
    for target, price in config.prices.items():
        at = ("prices", target)
        provider, _, _ = target.partition("/")
        if not price.model_fields_set:
            yield Checked(Finding("empty-price", f"the price of {target} says nothing", at, None, True))
        yield from _sound(price, price.changes, at)
        base = config.prices.get(f"{provider}/{price.base_model}")
        if price.base_model is not None and base is not None and base.base_model is not None:
            message = f"{price.base_model} has a base_model itself, {base.base_model}"
            yield Checked(Finding("invalid-value", message, (*at, "base_model"), "Name the model that it is."))


def _sound(price: WholePrice, changes: Sequence[LockedChange], at: Path) -> Iterator[Checked]:
    """Findings in the amounts, tiers and times of a price."""
    for place, rate in _amounts(price, at):
        if rate > MOST_USD:
            yield Checked(Finding("invalid-value", f"a price is at most {MOST_USD:,} US dollars", place))
    for whole, where in ((price, at), *((one, (*at, "changes", index)) for index, one in enumerate(changes))):
        for place, tiers in _all_tiers(whole, where):
            starts = [tier.from_tokens for tier in tiers]
            if any(later <= earlier for earlier, later in pairwise(starts)):
                yield Checked(Finding("invalid-value", "tiers begin at growing numbers of tokens", place))
    since: datetime | None = getattr(price, "from_", None)
    for index, one in enumerate(changes):
        place = (*at, "changes", index)
        if one.from_ is None and one.hours_utc is None:
            yield Checked(Finding("invalid-value", "a change says from when on it holds, or at which hours", place))
        if one.from_ is not None and since is not None and one.from_ < since:
            message = "a change begins no earlier than the one before it"
            yield Checked(Finding("invalid-value", message, (*place, "from")))
        since = one.from_ or since
    yield from _hours(price, changes, at)


def _hours(price: WholePrice, changes: Sequence[LockedChange], at: Path) -> Iterator[Checked]:
    stated = [(getattr(price, "hours_utc", None), at)]
    stated += [(one.hours_utc, (*at, "changes", index)) for index, one in enumerate(changes)]
    for hours, place in stated:
        begin, _, end = (hours or "").partition("-")
        if hours is not None and begin == end:
            yield Checked(Finding("invalid-value", "hours end at another time than they begin", (*place, "hours_utc")))


def price_lists(config: Config, _facts: Facts) -> Iterator[Checked]:
    """Lists of the price catalogue that providers name, and that there are."""
    for name, provider in config.providers.items():
        stated = provider.prices_of
        at: Path = ("providers", name, "prices_of")
        if isinstance(stated, str):
            yield from _known_list(stated, at, alone=True)
        for index, one in enumerate([] if stated is None or isinstance(stated, str) else stated):
            yield from _known_list(one, (*at, index), alone=False)


def price_factors(config: Config, _facts: Facts) -> Iterator[Checked]:
    """Factors of providers that begin one after another."""
    for name, provider in config.providers.items():
        stated = provider.price_factor
        since: datetime | None = None
        for index, one in enumerate(stated if isinstance(stated, list) else []):
            if one.from_ is not None and since is not None and one.from_ < since:
                message = "a factor begins no earlier than the one before it"
                at = ("providers", name, "price_factor", index, "from")
                yield Checked(Finding("invalid-value", message, at))
            since = one.from_ or since


def _known_list(name: str, at: Path, *, alone: bool) -> Iterator[Checked]:
    if alone and name == NO_LIST:
        return
    names = list_names()
    if name not in names:
        close = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
        hint = f"Did you mean {close[0]!r}?" if close else f"There are: {', '.join(names)}."
        yield Checked(Finding("invalid-value", f"the price catalogue has no list {name!r}", at, hint))


def _amounts(price: Section, at: Path) -> Iterator[tuple[Path, Decimal]]:
    """Every amount of a price, at any depth."""
    for name, value in price:
        if isinstance(value, Decimal) and name not in _FACTORS:
            yield (*at, name), value
        elif isinstance(value, list):
            for index, one in enumerate(value):
                yield from _amounts(one, (*at, name, index))
        elif isinstance(value, dict):
            for key, one in value.items():
                yield from _amounts(one, (*at, name, key))


def _all_tiers(price: WholePrice, at: Path) -> Iterator[tuple[Path, Sequence[PriceTier]]]:
    yield (*at, "tiers"), price.tiers
    for section in ("service_tiers", "speeds", "regions"):
        for name, service in getattr(price, section).items():
            yield (*at, section, name, "tiers"), service.tiers


def locked_prices(config: Config, _facts: Facts) -> Iterator[Checked]:
    """Locked prices that make no sense, or that no request can ever have."""
    for target, price in config.locked_prices.items():
        yield from _sound(price, price.changes, ("locked_prices", target))
        if target.partition("/")[0] not in config.providers:
            message = f"the price of {target} is locked, and there is no such provider"
            hint = "gateway prices update --prune takes it out."
            finding = Finding("unused-locked-price", message, ("locked_prices", target), hint, True, "providers")
            yield Checked(finding, Severity.WARNING)
