"""What models cost under one revision of the file: its own prices, over the locked ones, over the catalogue."""

from collections.abc import Mapping
from datetime import datetime

import genai_prices.data  # noqa: F401 - half a second of loading, which no request should wait for

from gateway.config.sections.prices import LockedPrice, ModelPrice
from gateway.money.prices import Price, find_price, rates_in_usd
from gateway.money.published_prices import PublishedPrices
from gateway.snapshot.locked_prices import LockedCatalogue


class Prices:
    """Prices by provider and model, found when they are first asked for, as of the moment of loading."""

    def __init__(self, written: Mapping[str, ModelPrice], locked: Mapping[str, LockedPrice], at: datetime) -> None:
        self._overrides = {target: rates_in_usd(**price.model_dump()) for target, price in written.items()}
        self._at = at
        self._catalogue = LockedCatalogue(locked, PublishedPrices())
        self._known: dict[tuple[str, str], Price | None] = {}

    def of(self, provider: str, provider_type: str, model: str) -> Price | None:
        """The price of a model at a provider; `None` where neither file, lock nor catalogue has one."""
        if (provider, model) not in self._known:
            found = find_price(self._catalogue, provider_type, provider, model, self._overrides, self._at)
            self._known[provider, model] = found
        return self._known[provider, model]
