"""What an answer costs by the data and the calculation of `genai-prices`: nothing here is shared with the gateway.

An answer's consumption is told in leaves, each token in one of them: `cache_read` are those of text, `cache_audio_read`
those of audio, `text` is output that is neither audio nor image.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

import genai_prices
from genai_prices.data import providers

NOW = datetime(2026, 11, 24, tzinfo=UTC)

INPUT = {
    "fresh": ("input_mtok",),
    "cache_read": ("cache_read_mtok", "input_mtok"),
    "cache_write": ("cache_write_mtok", "input_mtok"),
    "cache_write_1h": ("cache_write_1h_mtok", "cache_write_mtok", "input_mtok"),
    "input_audio": ("input_audio_mtok", "input_mtok"),
    "cache_audio_read": ("cache_audio_read_mtok", "input_audio_mtok", "cache_read_mtok", "input_mtok"),
    "input_image": ("input_image_mtok", "input_mtok"),
    "cache_image_read": ("cache_image_read_mtok", "input_image_mtok", "cache_read_mtok", "input_mtok"),
}
OUTPUT = {
    "text": ("output_mtok",),
    "reasoning": ("output_reasoning_mtok", "output_mtok"),
    "citation": ("output_citation_mtok", "output_mtok"),
    "output_audio": ("output_audio_mtok", "output_mtok"),
    "output_image": ("output_image_mtok", "output_mtok"),
}
FEES = {
    "web_searches": ("web_searches_kcount", 1000),
    "file_searches": ("storage_searches_kcount", 1000),
    "audio_s": ("input_audio_hours", 3600),
}


@dataclass(frozen=True)
class Charge:
    """What one model consumed. `longest` is its longest prompt where there were several; `times` multiplies tokens."""

    publisher: str
    model: str
    leaves: Mapping[str, int]
    longest: int | None = None
    times: Fraction = Fraction(1)
    context: Mapping[str, str] = field(default_factory=dict)

    @property
    def prompt(self) -> int:
        """All tokens that went in."""
        return sum(self.leaves.get(name, 0) for name in INPUT)


def half_up(usd: Fraction) -> int:
    """US dollars in nano-USD, as the gateway rounds: once, a half up."""
    return (usd * 10**9 + Fraction(1, 2)).__floor__()


def usd(charge: Charge, at: datetime = NOW) -> Fraction:
    """What a charge comes to: by the package's own calculation, or rate by rate where it has none for such."""
    if charge.longest is None and charge.times == 1 and not charge.leaves.get("audio_s"):
        return Fraction(calculated(charge, at))
    return summed(charge, at)


def summed(charge: Charge, at: datetime = NOW) -> Fraction:
    """Count times rate, for each leaf, at the tier of the longest prompt."""
    prices, longest = _prices(charge, at), charge.prompt if charge.longest is None else charge.longest
    total = Fraction()
    for name, count in charge.leaves.items():
        if name in FEES:
            key, per = FEES[name]
            total += count * _rate(prices.get(key), longest) / per
        else:
            keys = INPUT.get(name) or OUTPUT[name]
            key = next((one for one in keys if prices.get(one) is not None), None)
            rate = Fraction() if key is None else _rate(prices[key], longest)
            total += count * rate * charge.times / 1_000_000
    return total


def calculated(charge: Charge, at: datetime = NOW) -> Decimal:
    """What `genai_prices.calc_price` says."""
    counts: dict[str, int] = {}
    prices = _prices(charge, at)

    def add(unit: str, count: int) -> None:
        counts[unit] = counts.get(unit, 0) + count

    for name, count in charge.leaves.items():
        if name in FEES:
            key = FEES[name][0]
            if prices.get(key) is not None:
                add("storage_searches" if name == "file_searches" else name, count)
            continue
        keys = INPUT.get(name) or OUTPUT[name]
        priced = next((one for one in keys if prices.get(one) is not None), None)
        add("input_tokens" if name in INPUT else "output_tokens", count)
        if priced in ("input_mtok", "output_mtok", None):
            continue
        add(priced.removesuffix("_mtok") + "_tokens", count)
        if priced == "cache_write_1h_mtok":
            add("cache_write_tokens", count)
        for whole in ("audio", "image"):
            if priced == f"cache_{whole}_read_mtok":
                add("cache_read_tokens", count)
                add(f"input_{whole}_tokens", count)
    for media in ("audio", "image"):
        both = ("input_" + media + "_tokens", "cache_read_tokens", f"cache_{media}_read_tokens")
        if counts.get(both[0]) and counts.get(both[1]):
            counts.setdefault(both[2], 0)
    found = genai_prices.calc_price(
        genai_prices.Usage(**counts),
        charge.model,
        provider_id=charge.publisher,
        genai_request_timestamp=at,
        price_context=dict(charge.context) or None,
    )
    return found.total_price


def has_service(publisher: str, model: str, **context: str) -> bool:
    """Whether the catalogue states what a service costs."""
    found = _model(publisher, model)
    return any(dict(variant.when) == context for variant in found.price_variants or ())


def _prices(charge: Charge, at: datetime) -> dict[str, Any]:
    found = _model(charge.publisher, charge.model).get_prices(at, dict(charge.context) or None)
    return {key: value for key, value in vars(found).items() if not key.startswith("_")}


def _model(publisher: str, model: str) -> Any:
    provider = next(one for one in providers if one.id == publisher)
    return provider.find_model(model, all_providers=providers)


def _rate(price: Any, prompt: int) -> Fraction:
    """A tier begins with the first token after its start."""
    if price is None:
        return Fraction()
    if isinstance(price, Decimal):
        return Fraction(price)
    passed = [tier.price for tier in price.tiers if prompt > tier.start]
    return Fraction(passed[-1] if passed else price.base)
