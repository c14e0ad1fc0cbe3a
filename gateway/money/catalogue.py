"""What a catalogue of prices is."""

from datetime import datetime
from typing import Protocol

from gateway.money.price_lists import Seller
from gateway.money.price_times import Changes
from gateway.money.prices import Price


class Catalogue(Protocol):
    """Somewhere that prices are published."""

    def price(self, seller: Seller, model: str, at: datetime) -> Price | None:
        """The price at a moment (with a zone) at a seller, `None` where the catalogue has none."""

    def changes(self, seller: Seller, model: str) -> Changes:
        """When that price may change, which some do by date and some by the hour."""

    def entry(self, seller: Seller, model: str) -> str | None:
        """What the catalogue calls the model, the same for all of its spellings; `None` where it does not know it."""

    def context_window(self, seller: Seller, model: str) -> int | None:
        """Tokens that the model takes in at most, by the seller or by a maker; `None` where neither says."""
