"""The catalogue that the package `genai-prices` carries with it. Its data is read as installed, never from the network.

The package is imported when the first price is asked for: it takes some time and memory.
"""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from gateway.money import nano_usd
from gateway.money.kinds import KINDS, Kind
from gateway.money.multipliers import MULTIPLIERS
from gateway.money.prices import Price, Rates, Terms, Tier

if TYPE_CHECKING:
    from genai_prices.types import ModelInfo, ModelPrice, TieredPrices

_PUBLISHER: Final[Mapping[str, str]] = {
    "openai": "openai",
    "azure": "azure",
    "anthropic": "anthropic",
    "bedrock": "aws",
    "gemini": "google",
    "vertex": "google",
}

_SERVICES: Final = ("service_tier", "speed")
"""What a price of the catalogue may hang on, besides the moment."""

_ORDINARY: Final = ("default", "standard")


class PublishedPrices:
    """The prices of `genai-prices`, with the multipliers that providers publish.

    A provider of type `custom` is looked up under its name in the file: one called `groq` has Groq's prices, one called
    `our-vllm` has none.
    """

    def price(self, provider_type: str, provider_name: str, model: str, at: datetime) -> Price | None:
        """The price at a moment (with a zone), `None` where the package has none; see `Catalogue.price`."""
        publisher, found = _entry(provider_type, provider_name, model)
        if publisher is None or found is None:
            return None
        ordinary = found.get_prices(at)
        rates, tiers = _convert(ordinary)
        source = f"{_version()}: {publisher}/{found.id}"
        price = Price(**rates.known, tiers=tiers, terms=_terms(found, publisher, model, at), source=source)
        return price if price.is_priced else None

    def entry(self, provider_type: str, provider_name: str, model: str) -> str | None:
        """See `Catalogue.entry`."""
        _, found = _entry(provider_type, provider_name, model)
        return None if found is None else found.id


def _entry(provider_type: str, provider_name: str, model: str) -> "tuple[str | None, ModelInfo | None]":
    publisher = provider_name if provider_type == "custom" else _PUBLISHER.get(provider_type)
    if publisher is None:
        return None, None
    return publisher, _find(publisher, model, by_last_segment=provider_type != "custom")


@lru_cache(maxsize=1)
def _version() -> str:
    import genai_prices  # noqa: PLC0415 - see the module's docstring

    return f"genai-prices {genai_prices.__version__}"


@lru_cache(maxsize=4096)
def _find(publisher: str, model: str, *, by_last_segment: bool) -> "ModelInfo | None":
    """The package's own entry of a model, by its own rules of matching.

    `by_last_segment`: where the whole does not match, so may what follows the last slash, as in `models/gemini-2.5-pro`
    or in the ARN of an inference profile.
    """
    from genai_prices.data import providers  # noqa: PLC0415 - see the module's docstring

    provider = next((one for one in providers if one.id == publisher), None)
    if provider is None:
        return None
    found = provider.find_model(model, all_providers=providers)
    if found is None and by_last_segment and "/" in model:
        found = provider.find_model(model.rpartition("/")[2], all_providers=providers)
    return found


def _terms(found: "ModelInfo", publisher: str, model: str, at: datetime) -> tuple[Terms, ...]:
    """What other services cost: as the catalogue states it, else by a multiplier."""
    terms: dict[tuple[str, str], Terms] = {}
    for variant in found.price_variants or ():
        if len(variant.when) != 1 or (variant.constraint is not None and not variant.constraint.active(at)):
            continue
        by, value = next(iter(variant.when.items()))
        if by in _SERVICES and value not in _ORDINARY and (by, value) not in terms:
            rates, tiers = _convert(found.get_prices(at, {by: value}))
            terms[by, value] = Terms(by, value, rates, tiers)
    for row in MULTIPLIERS:
        if row.applies_to(publisher, model) and (row.by, row.value) not in terms:
            terms[row.by, row.value] = Terms(row.by, row.value, per_mille=row.per_mille)
    return tuple(terms.values())


def _convert(prices: "ModelPrice") -> tuple[Rates, tuple[Tier, ...]]:
    """The package's prices as ours. It counts a tier from the first token *after* its `start`."""
    published = {kind.rate: _published(prices, kind) for kind in KINDS}
    starts = sorted({tier.start for one, _ in published.values() for tier in getattr(one, "tiers", ())})

    def at_start(start: int) -> Rates:
        return Rates(**{name: _nano(_rate_after(start, one), each) for name, (one, each) in published.items()})

    return at_start(-1), tuple(Tier(start + 1, at_start(start)) for start in starts)


def _published(prices: "ModelPrice", kind: Kind) -> "tuple[Decimal | TieredPrices | None, int]":
    for name, each in kind.published.items():
        price: Decimal | TieredPrices | None = getattr(prices, name)
        if price is not None:
            return price, each
    return None, 1


def _rate_after(start: int, price: "Decimal | TieredPrices | None") -> Decimal | None:
    """The price of a prompt that is one token longer than `start`."""
    if price is None or isinstance(price, Decimal):
        return price
    return next((tier.price for tier in reversed(price.tiers) if tier.start <= start), price.base)


def _nano(usd: Decimal | None, share_of: int) -> int | None:
    """Published US dollars in nano-USD: some carry seventeen digits of a float, so the nearest is taken."""
    return None if usd is None else nano_usd.nearest_to_usd(usd / share_of)
