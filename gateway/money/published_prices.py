"""The catalogue that the package `genai-prices` carries with it. Its data is read as installed, never from the network.

The package is imported when the first price is asked for: it takes some time and memory.
"""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from gateway.money import nano_usd
from gateway.money.prices import Price, Rates, Tier

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

_PER_MILLION_TOKENS: Final[Mapping[str, str]] = {
    "input": "input_mtok",
    "output": "output_mtok",
    "cache_read": "cache_read_mtok",
    "cache_write": "cache_write_mtok",
    "input_audio": "input_audio_mtok",
    "output_audio": "output_audio_mtok",
}
_PER_THOUSAND_REQUESTS: Final = "requests_kcount"


class PublishedPrices:
    """The prices of `genai-prices`.

    A provider of type `custom` is looked up under its name in the file: one called `groq` has Groq's prices, one called
    `our-vllm` has none. A model that is priced in other units alone, such as hours of audio, has no price here, because
    no usage tells how many were used.
    """

    def price(
        self, provider_type: str, provider_name: str, model: str, at: datetime, service_tier: str | None = None
    ) -> Price | None:
        """The price at a moment (with a zone), `None` where the package has none; see `Catalogue.price`."""
        publisher = provider_name if provider_type == "custom" else _PUBLISHER.get(provider_type)
        found = _find(publisher, model, by_last_segment=provider_type != "custom") if publisher is not None else None
        if found is None:
            return None
        context = None if service_tier is None else {"service_tier": service_tier}
        converted = _convert(found.get_prices(at, context), f"{_version()}: {publisher}/{found.id}")
        return converted if converted.is_priced else None


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


def _convert(prices: "ModelPrice", source: str) -> Price:
    """The package's prices as ours. It counts a tier from the first token *after* its `start`."""
    published = {name: getattr(prices, theirs) for name, theirs in _PER_MILLION_TOKENS.items()}
    per_request: Decimal | TieredPrices | None = getattr(prices, _PER_THOUSAND_REQUESTS)
    starts = sorted({tier.start for one in (*published.values(), per_request) for tier in getattr(one, "tiers", ())})

    def at_start(start: int) -> dict[str, int | None]:
        rates = {name: _nano(_rate_after(start, price)) for name, price in published.items()}
        return {**rates, "per_request": _nano(_rate_after(start, per_request), share_of=1000)}

    tiers = tuple(Tier(start + 1, Rates(**at_start(start))) for start in starts)
    return Price(**at_start(-1), tiers=tiers, source=source)


def _rate_after(start: int, price: "Decimal | TieredPrices | None") -> Decimal | None:
    """The price of a prompt that is one token longer than `start`."""
    if price is None or isinstance(price, Decimal):
        return price
    return next((tier.price for tier in reversed(price.tiers) if tier.start <= start), price.base)


def _nano(usd: Decimal | None, *, share_of: int = 1) -> int | None:
    """Published US dollars in nano-USD: some carry seventeen digits of a float, so the nearest is taken."""
    return None if usd is None else nano_usd.nearest_to_usd(usd / share_of)
