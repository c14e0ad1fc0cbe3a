"""What models cost under one revision of the file: its own prices, over the locked ones, over the catalogue."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import genai_prices.data  # noqa: F401 - half a second of loading, which no request should wait for

from gateway.config.model import Config
from gateway.config.sections.providers import Provider
from gateway.money.multipliers import REGIONAL
from gateway.money.prices import PER_MILLE, Price, overridden
from gateway.money.published_prices import PublishedPrices
from gateway.snapshot.locked_prices import LockedCatalogue
from gateway.snapshot.written_prices import override_of

_REGIONAL_OPENAI: Final = re.compile(r"https://[a-z]{2}\.api\.openai\.com(?:[:/]|$)")


class Prices:
    """Prices by provider and model, found when they are first asked for, as of the moment of loading.

    What the file or its lock says of a model holds for every spelling of it that the catalogue knows.
    """

    def __init__(self, config: Config, at: datetime) -> None:
        self._providers = config.providers
        self._overrides = {target: override_of(price) for target, price in config.prices.items()}
        self._locked = config.locked_prices
        self._catalogue = LockedCatalogue(config.locked_prices, PublishedPrices())
        self._at = at
        self._known: dict[tuple[str, str], Price | None] = {}

    def of(self, provider: str, provider_type: str, model: str) -> Price | None:
        """The price of a model at a provider; `None` where neither file, lock nor catalogue has one."""
        if (provider, model) not in self._known:
            self._known[provider, model] = self._find(provider, provider_type, model)
        return self._known[provider, model]

    def _find(self, provider: str, provider_type: str, model: str) -> Price | None:
        own = f"{provider}/{model}"
        spelled = own if own in self._overrides else self._spelled(provider, provider_type, model, self._overrides)
        locked = own if own in self._locked else self._spelled(provider, provider_type, model, self._locked)
        listed = self._catalogue.price(provider_type, provider, locked.partition("/")[2] or model, self._at)
        section = self._providers.get(provider)
        if listed is not None and section is not None:
            listed = _at_its_endpoint(listed, section)
        return overridden(listed, self._overrides.get(spelled))

    def _spelled(self, provider: str, provider_type: str, model: str, written: Mapping[str, Any]) -> str:
        """The name under which a section has the model in another spelling, empty where it has none."""
        entry_of = self._catalogue.entry
        prefix = f"{provider}/"
        others = [target for target in written if target.startswith(prefix)]
        entry = entry_of(provider_type, provider, model) if others else None
        if entry is None:
            return ""
        same = (one for one in others if entry_of(provider_type, provider, one.removeprefix(prefix)) == entry)
        return next(same, "")


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
