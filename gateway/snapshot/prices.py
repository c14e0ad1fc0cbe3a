"""What models cost under one revision of the file: its own prices, over the locked ones, over the catalogue."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import genai_prices.data  # noqa: F401 - half a second of loading, which no request should wait for

from gateway.config.model import Config
from gateway.config.sections.providers import Provider
from gateway.money.multipliers import REGIONAL
from gateway.money.price_lists import Seller, seller_of
from gateway.money.prices import PER_MILLE, Price, overridden
from gateway.money.published_prices import PublishedPrices
from gateway.snapshot.written_prices import override_of, price_of

LOCKED: Final = "lock: "
"""What the source of a locked price begins with."""

_REGIONAL_OPENAI: Final = re.compile(r"https://[a-z]{2}\.api\.openai\.com(?:[:/]|$)")


class Prices:
    """Prices by provider and model, found when they are first asked for, as of the moment of loading.

    What the file or its lock says of a model holds for every spelling of it that the catalogue knows.
    """

    def __init__(self, config: Config, at: datetime) -> None:
        self._providers = config.providers
        self._overrides = {target: override_of(price) for target, price in config.prices.items()}
        self._locked = config.locked_prices
        self._published = PublishedPrices()
        self._at = at
        self._known: dict[tuple[str, str], Price | None] = {}

    def of(self, provider: str, provider_type: str, model: str) -> Price | None:
        """The price of a model at a provider; `None` where neither file, lock nor catalogue has one.

        The type counts for a provider that the file does not declare, such as one of an earlier day.
        """
        if (provider, model) not in self._known:
            self._known[provider, model] = self._find(provider, provider_type, model)
        return self._known[provider, model]

    def _find(self, provider: str, provider_type: str, model: str) -> Price | None:
        section = self._providers.get(provider)
        seller = seller_of(provider_type, None) if section is None else seller_at(section)
        override = self._spelled(provider, seller, model, self._overrides)
        locked = self._spelled(provider, seller, model, self._locked)
        if locked is None:
            listed = self._published.price(seller, model, self._at)
        else:
            listed = price_of(locked, source=f"{LOCKED}{locked.source}")
        if listed is not None and section is not None:
            listed = _at_its_endpoint(listed, section)
        return overridden(listed, override)

    def _spelled(self, provider: str, seller: Seller, model: str, written: Mapping[str, Any]) -> Any:
        """What a section says of the model, be it in another spelling; `None` where it says nothing."""
        prefix = f"{provider}/"
        if (own := written.get(prefix + model)) is not None:
            return own
        others = [target for target in written if target.startswith(prefix)]
        entry = self._published.entry(seller, model) if others else None
        if entry is None:
            return None
        same = (written[one] for one in others if self._published.entry(seller, one.removeprefix(prefix)) == entry)
        return next(same, None)


def seller_at(section: Provider) -> Seller:
    """Whose prices count at a provider of the file."""
    return seller_of(section.type, section.base_url, section.prices_of)


def _at_its_endpoint(price: Price, section: Provider) -> Price:
    """The price at an endpoint that keeps inference in one geography, where that costs more."""
    if not _is_regional(section):
        return price
    terms = next((one for one in price.terms if one.by == "region" and one.value == REGIONAL), None)
    if terms is None or terms.per_mille == PER_MILLE:
        return price
    return price.everywhere_times(terms.per_mille, f"{price.source}, {REGIONAL}")


def _is_regional(section: Provider) -> bool:
    if section.type == "vertex":
        return section.location != "global"
    return section.base_url is not None and _REGIONAL_OPENAI.match(section.base_url) is not None
