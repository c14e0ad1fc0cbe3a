"""Prices of known models: the data of the `genai-prices` package, as it was installed; nothing is fetched.

https://github.com/pydantic/genai-prices. Prices of service tiers and of batches are not distinguished; prices per page,
per hour or per search are left out.
"""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from functools import cache
from importlib.metadata import version
from typing import Any, Final

from gateway.money.nano_usd import nano_usd
from gateway.money.price import Price, Rate

_PROVIDERS: Final[Mapping[str, tuple[str, ...]]] = {
    "openai": ("openai",),
    "azure": ("azure", "openai"),
    "anthropic": ("anthropic",),
    "bedrock": ("aws",),
    "gemini": ("google",),
    "vertex": ("google",),
}
"""Our types of providers, and where the catalogue has their models. Anything may stand behind the other types."""

_RATES: Final = {
    "input": "input_mtok",
    "output": "output_mtok",
    "cache_read": "cache_read_mtok",
    "cache_write": "cache_write_mtok",
    "input_audio": "input_audio_mtok",
    "output_audio": "output_audio_mtok",
}


def catalogue_price(provider_type: str, model: str, at: datetime) -> Price | None:
    """The price of a model at that moment; `None` for a model that the catalogue does not know."""
    for place in _PROVIDERS.get(provider_type, ()):
        known = _models(place)
        found = None if known is None else known.find_model(model)
        if found is not None:
            return _price(found.get_prices(at), f"genai-prices {version('genai-prices')}: {place}/{found.id}")
    return None


@cache
def _models(place: str) -> Any:
    from genai_prices.data import providers  # noqa: PLC0415 - it takes a while, and validation does not need it

    return next((provider for provider in providers if provider.id == place), None)


def _price(prices: Any, source: str) -> Price | None:
    rates = {ours: _rate(getattr(prices, theirs, None)) for ours, theirs in _RATES.items()}
    if rates["input"] is None and rates["output"] is None:
        return None
    per_thousand = getattr(prices, "requests_kcount", None)
    per_request = 0 if per_thousand is None else nano_usd(Decimal(per_thousand) / 1000)
    return Price(**rates, per_request=per_request, source=source)


def _rate(stated: Any) -> Rate | None:
    if stated is None:
        return None
    if isinstance(stated, Decimal):
        return Rate(nano_usd(stated))
    return Rate(nano_usd(stated.base), tuple((tier.start, nano_usd(tier.price)) for tier in stated.tiers))
