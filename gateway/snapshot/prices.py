"""What models cost under one revision of the file: its own prices, over the locked ones, over the catalogue."""

import re
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Final, NamedTuple, TypeVar

import genai_prices.data  # noqa: F401 - half a second of loading, which no request should wait for
import msgspec

from gateway.config.model import Config
from gateway.config.sections.providers import Provider
from gateway.money import openrouter
from gateway.money.catalogue import Catalogue
from gateway.money.multipliers import REGIONAL
from gateway.money.price_lists import Seller, seller_of
from gateway.money.price_times import Period, PriceOverTime, changes_of, in_force
from gateway.money.prices import PER_MILLE, Price, overridden
from gateway.money.published_prices import PublishedPrices, by_suffix, may_be_of
from gateway.snapshot.written_prices import factors_of, locked_over_time, overrides_of, thousandths

LOCKED: Final = "lock: "
"""What the source of a locked price begins with."""

_REMEMBERED: Final = 4096
"""Models: clients and providers call them what they like."""

_REGIONAL_OPENAI: Final = re.compile(r"https://[a-z]{2}\.api\.openai\.com(?:[:/]|$)")


_T = TypeVar("_T")


class Prices:
    """Prices by provider and model, found when they are first asked for.

    What the file or its lock says of a model holds for every spelling of it that the catalogue knows.
    """

    def __init__(self, config: Config) -> None:
        self._providers = config.providers
        self._written = config.prices
        self._overrides = {target: overrides_of(price) for target, price in config.prices.items()}
        self._locked = {
            target: locked_over_time(price, f"{LOCKED}{price.source}")
            for target, price in config.locked_prices.items()
            if _counts_at(config.providers.get(target.partition("/")[0]), price.source)
        }
        self._factors = {name: factors_of(one.price_factor) for name, one in config.providers.items()}
        self._published: Catalogue = PublishedPrices()
        self._known: dict[tuple[str, str], PriceOverTime] = {}
        self._served: dict[tuple[str, str, str], PriceOverTime] = {}

    @property
    def written(self) -> Collection[str]:
        """The targets, `provider/model`, of which the file states prices."""
        return self._written

    def of(self, provider: str, provider_type: str, model: str) -> PriceOverTime:
        """The price of a model at a provider, moment by moment.

        The type counts for a provider that the file does not declare, such as one of an earlier day.
        """
        known = self._known.get((provider, model))
        if known is None:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            known = self._known[provider, model] = self._over_time(
                _Asked(provider, self._seller(provider, provider_type), model)
            )
        return known

    def served(self, provider: str, provider_type: str, asked: str, served: str) -> PriceOverTime:
        """The price of a model that answered in the place of the asked one.

        Where it is that one, in another spelling or as the model that a deployment is, it costs what that one does.
        """
        # PERF: most answers name their model in full, so one look has to do.
        known = self._served.get((provider, asked, served))
        if known is None:
            if len(self._served) >= _REMEMBERED:
                self._served.clear()
            name = asked if self._is_same(provider, provider_type, asked, served) else served
            known = self._served[provider, asked, served] = self.of(provider, provider_type, name)
        return known

    def base_of(self, provider: str, provider_type: str, model: str) -> str:
        """The model that the file says one is; its own name where the file says nothing."""
        return self._base_of(_Asked(provider, self._seller(provider, provider_type), model)) or model

    def context_window(self, provider: str, provider_type: str, model: str) -> int | None:
        """Tokens that a model takes in at most, where the catalogue knows."""
        return self._published.context_window(self._seller(provider, provider_type), model)

    def _is_same(self, provider: str, provider_type: str, asked: str, served: str) -> bool:
        """Whether two names at a provider are spellings of one model: a deployment's, and that of its base."""
        seller = self._seller(provider, provider_type)
        entries = [
            self._published.entry(seller, self._base_of(_Asked(provider, seller, model)) or model)
            for model in (asked, served)
        ]
        return entries[0] is not None and entries[0] == entries[1]

    def _seller(self, provider: str, provider_type: str) -> Seller:
        section = self._providers.get(provider)
        return seller_of(provider_type, None) if section is None else seller_at(section)

    def _over_time(self, asked: "_Asked") -> PriceOverTime:
        """The model's own section of the file, over that of the model that it is, over what is listed."""
        base = self._base_of(asked)
        names = [asked] if base is None else [asked._replace(model=base), asked]
        written = [found for one in names if (found := self._spelled(one, self._overrides)) is not None]
        locked = next((one for name in reversed(names) if (one := self._lock_of(name)) is not None), None)
        factors = self._factors.get(asked.provider, ())
        changes = changes_of(period for entries in (*written, factors, locked or ()) for period, _ in entries)
        if locked is None:
            changes = changes.with_those_of(self._published.changes(asked.seller, names[0].model))
        section = self._providers.get(asked.provider)

        def find(at: datetime) -> Price | None:
            seconds = at.timestamp()
            if locked is None:
                price = self._published.price(asked.seller, names[0].model, at)
            else:
                listed = self._published.price(asked.seller, names[0].model, at)
                price = _with_regions(in_force(locked, seconds), listed)
            overrides = [one for entries in written if (one := in_force(entries, seconds)) is not None]
            if price is not None:
                price = price if section is None else _at_its_endpoint(price, section)
                stated = [in_force(factors, seconds), *(one.factor for one in overrides)]
                price = _times(price, next((one for one in reversed(stated) if one is not None), PER_MILLE))
            for one in overrides:
                price = overridden(price, one)
            return price

        return PriceOverTime(find, changes)

    def _lock_of(self, asked: "_Asked") -> Sequence[tuple[Period, Price]] | None:
        """The locked prices of the model; those of another spelling with what the suffixes of this one cost."""
        prefix = f"{asked.provider}/"
        if (own := self._locked.get(prefix + asked.model)) is not None or openrouter.LIST not in asked.seller.lists:
            return own or self._spelled(asked, self._locked)
        searching = {target for target in self._locked if openrouter.searches(target)}
        searches = openrouter.searches(asked.model)
        if searches and (same := self._spelled(asked, {one: self._locked[one] for one in searching})) is not None:
            return same
        plain = self._spelled(asked, {one: found for one, found in self._locked.items() if one not in searching})
        if plain is None or not searches:
            return plain
        return tuple((period, by_suffix(price, asked.model)) for period, price in plain)

    def _base_of(self, asked: "_Asked") -> str | None:
        """The model that the file says this one is."""
        written = self._spelled(asked, self._written)
        return None if written is None else written.base_model

    def _spelled(self, asked: "_Asked", written: Mapping[str, _T]) -> _T | None:
        """What a section says of the model, be it in another spelling; `None` where it says nothing."""
        prefix = f"{asked.provider}/"
        if (own := written.get(prefix + asked.model)) is not None:
            return own
        others = [target for target in written if target.startswith(prefix)]
        entry = self._published.entry(asked.seller, asked.model) if others else None
        if entry is None:
            return None
        entry_of = self._published.entry
        same = (written[one] for one in others if entry_of(asked.seller, one.removeprefix(prefix)) == entry)
        return next(same, None)


class _Asked(NamedTuple):
    """A model at a provider, and whose prices count there."""

    provider: str
    seller: Seller
    model: str


def seller_at(section: Provider) -> Seller:
    """Whose prices count at a provider of the file."""
    return seller_of(section.type, section.base_url, section.prices_of)


def _counts_at(section: Provider | None, source: str) -> bool:
    """Whether a locked price counts at a provider: another seller's is none there."""
    return section is None or may_be_of(source, seller_at(section))


def _times(price: Price, factor: int) -> Price:
    """A price under a contract."""
    if factor == PER_MILLE:
        return price
    return price.everywhere_times(factor, f"{price.source}, price_factor {thousandths(factor)}", fees=True)


def _with_regions(locked: Price | None, listed: Price | None) -> Price | None:
    """A locked price, with what is published of regions where it says nothing of them."""
    if locked is None or listed is None or any(one.by == "region" for one in locked.terms):
        return locked
    regions = tuple(one for one in listed.terms if one.by == "region")
    return msgspec.structs.replace(locked, terms=(*locked.terms, *regions)) if regions else locked


def _at_its_endpoint(price: Price, section: Provider) -> Price:
    """The price at an endpoint that keeps inference in one geography, where that costs more."""
    region = _region_of(section)
    terms = next((one for one in price.terms if one.by == "region" and one.value == region), None)
    if region is None or terms is None or terms.per_mille == PER_MILLE:
        return price
    return price.everywhere_times(terms.per_mille, f"{price.source}, {region}")


def _region_of(section: Provider) -> str | None:
    """The region of a provider's endpoint, as the published multipliers call it; `None` where it is anywhere."""
    if section.type == "azure":
        return None if section.zone == "global" else section.zone
    if section.type == "vertex":
        return None if section.location == "global" else REGIONAL
    is_regional = section.base_url is not None and _REGIONAL_OPENAI.match(section.base_url) is not None
    return REGIONAL if is_regional else None
