"""The prices of the lock as a catalogue: what is not locked is asked of the published one."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from gateway.config.sections.prices import LockedPrice
from gateway.money.prices import Catalogue, Price
from gateway.snapshot.written_prices import price_of

LOCKED: Final = "lock: "
"""What the source of a locked price begins with."""


class LockedCatalogue:
    """See `gateway.money.prices.Catalogue`."""

    def __init__(self, locked: Mapping[str, LockedPrice], published: Catalogue) -> None:
        self._locked = locked
        self._published = published

    def price(self, provider_type: str, provider_name: str, model: str, at: datetime) -> Price | None:
        """The locked price, else the published one at a moment."""
        locked = self._locked.get(f"{provider_name}/{model}")
        if locked is None:
            return self._published.price(provider_type, provider_name, model, at)
        return price_of(locked, source=f"{LOCKED}{locked.source}")

    def entry(self, provider_type: str, provider_name: str, model: str) -> str | None:
        """See `Catalogue`."""
        return self._published.entry(provider_type, provider_name, model)
