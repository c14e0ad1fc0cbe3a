"""What no schema can say of prices."""

import difflib
from collections.abc import Iterator, Sequence
from decimal import Decimal
from itertools import pairwise

from gateway.config.budget_checks import MOST_USD
from gateway.config.declared_names import known
from gateway.config.diagnostics import Severity
from gateway.config.findings import Checked, Facts, Finding
from gateway.config.model import Config
from gateway.config.sections.base import Section
from gateway.config.sections.prices import ModelPrice, PriceTier
from gateway.config.source import Path
from gateway.money.price_lists import NO_LIST, list_names


def prices(config: Config, _facts: Facts) -> Iterator[Checked]:
    """Prices of the file: providers that exist, amounts and tiers that make sense."""
    for target, price in config.prices.items():
        at = ("prices", target)
        yield from known(target.partition("/")[0], config.providers, "provider", at, at_key=True)
        if not price.model_fields_set:
            yield Checked(Finding("empty-price", f"the price of {target} says nothing", at, None, True))
        for place, rate in _amounts(price, at):
            if rate > MOST_USD:
                yield Checked(Finding("invalid-value", f"a price is at most {MOST_USD:,} US dollars", place))
        for place, tiers in _all_tiers(price, at):
            starts = [tier.from_tokens for tier in tiers]
            if any(later <= earlier for earlier, later in pairwise(starts)):
                yield Checked(Finding("invalid-value", "tiers begin at growing numbers of tokens", place))


def price_lists(config: Config, _facts: Facts) -> Iterator[Checked]:
    """Lists of the price catalogue that providers name, and that there are."""
    for name, provider in config.providers.items():
        stated = provider.prices_of
        at: Path = ("providers", name, "prices_of")
        if isinstance(stated, str):
            yield from _known_list(stated, at, alone=True)
        for index, one in enumerate([] if stated is None or isinstance(stated, str) else stated):
            yield from _known_list(one, (*at, index), alone=False)


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
        if isinstance(value, Decimal) and name != "times":
            yield (*at, name), value
        elif isinstance(value, list):
            for index, one in enumerate(value):
                yield from _amounts(one, (*at, name, index))
        elif isinstance(value, dict):
            for key, one in value.items():
                yield from _amounts(one, (*at, name, key))


def _all_tiers(price: ModelPrice, at: Path) -> Iterator[tuple[Path, Sequence[PriceTier]]]:
    yield (*at, "tiers"), price.tiers
    for section in ("service_tiers", "speeds", "regions"):
        for name, service in getattr(price, section).items():
            yield (*at, section, name, "tiers"), service.tiers


def locked_prices(config: Config, _facts: Facts) -> Iterator[Checked]:
    """Locked prices that no request can ever have."""
    for target in config.locked_prices:
        if target.partition("/")[0] not in config.providers:
            message = f"the price of {target} is locked, and there is no such provider"
            hint = "gateway prices update --prune takes it out."
            finding = Finding("unused-locked-price", message, ("locked_prices", target), hint, True, "providers")
            yield Checked(finding, Severity.WARNING)
