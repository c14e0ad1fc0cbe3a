"""The prices of the lock as a catalogue: what is not locked is asked of the published one."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from gateway.config.sections.prices import LockedPrice, ModelPrice
from gateway.money.prices import RATE_NAMES, Catalogue, Price, Rates, Tier, rates_in_usd

LOCKED: Final = "lock: "
"""What the source of a locked price begins with."""

USD_NAMES: Final[Mapping[str, str]] = {
    name: "per_request_usd" if name == "per_request" else f"{name}_usd_per_mtok" for name in RATE_NAMES
}
"""How the file calls each rate."""


class LockedCatalogue:
    """See `gateway.money.prices.Catalogue`. A locked price is that of every service tier."""

    def __init__(self, locked: Mapping[str, LockedPrice], published: Catalogue) -> None:
        self._locked = locked
        self._published = published

    def price(
        self, provider_type: str, provider_name: str, model: str, at: datetime, service_tier: str | None = None
    ) -> Price | None:
        """The locked price, else the published one at a moment."""
        locked = self._locked.get(f"{provider_name}/{model}")
        if locked is None:
            return self._published.price(provider_type, provider_name, model, at, service_tier)
        return price_of(locked, source=f"{LOCKED}{locked.source}")


def price_of(locked: LockedPrice, source: str) -> Price:
    """A locked price as the gateway computes with it."""
    tiers = tuple(Tier(tier.from_tokens, _rates(tier)) for tier in locked.tiers)
    return Price(**_rates(locked).known, tiers=tiers, source=source)


def _rates(written: ModelPrice) -> Rates:
    return rates_in_usd(**{name: getattr(written, name) for name in USD_NAMES.values()})
