"""What LiteLLM says of prices: amounts per token, base models, discounts.

https://docs.litellm.ai/docs/proxy/custom_pricing, https://docs.litellm.ai/docs/proxy/provider_discounts
"""

import re
from decimal import Decimal
from typing import Any, Final

from gateway.importers.draft import Draft, mapping, words
from gateway.importers.peers import COMPATIBLE, NATIVE

_RATES: Final = {
    "input_cost_per_token": "input_usd_per_mtok",
    "output_cost_per_token": "output_usd_per_mtok",
    "cache_read_input_token_cost": "cache_read_usd_per_mtok",
    "cache_creation_input_token_cost": "cache_write_usd_per_mtok",
    "cache_creation_input_token_cost_above_1hr": "cache_write_1h_usd_per_mtok",
    "input_cost_per_audio_token": "input_audio_usd_per_mtok",
    "output_cost_per_audio_token": "output_audio_usd_per_mtok",
    "output_cost_per_reasoning_token": "output_reasoning_usd_per_mtok",
}
_LONGER: Final = re.compile(r"(.+)_above_(\d{1,6})k_tokens")
_AMOUNT: Final = re.compile(r"(?:input|output)_cost_per_|cache_(?:read|creation)_.*cost")
_DECIMAL_PLACES: Final = 9
_DATA_ZONES: Final = ("us", "eu")


def is_of_prices(field: str) -> bool:
    """Whether a parameter of a deployment says what it costs."""
    return field == "base_model" or _AMOUNT.match(field) is not None


def read_prices(draft: Draft, where: str, target: str, figures: dict[str, Any]) -> None:
    """What a deployment costs, by its amounts per token and by the model that it is."""
    rates: dict[str, Any] = {}
    tiers: dict[int, dict[str, Any]] = {}
    for field, written in figures.items():
        if written is None or not _AMOUNT.match(field):
            continue
        longer = _LONGER.fullmatch(field)
        name = _RATES.get(field if longer is None else longer[1])
        amount = _per_million(written)
        if name is None or amount is None:
            why = "it is no price" if name is not None else "there is no such price; see `prices`"
            draft.note(f"{where}.{field}", f"not carried over: {why}")
        elif longer is None:
            rates[name] = amount
        else:
            tiers.setdefault(int(longer[2]) * 1000 + 1, {})[name] = amount
    if tiers:
        rates["tiers"] = [{"from_tokens": start, **tiers[start]} for start in sorted(tiers)]
    base = base_model(figures)
    if base and base != target.partition("/")[2]:
        rates["base_model"] = base
    if rates:
        draft.section("prices")[target] = rates


def base_model(figures: dict[str, Any]) -> str:
    """The model that a deployment is, without the provider and the place that LiteLLM writes before it."""
    written = words(figures.get("base_model"))
    prefix, slash, rest = written.partition("/")
    if slash and prefix in NATIVE:
        return rest.rpartition("/")[2]
    return rest if slash and prefix in COMPATIBLE else written


def is_in_data_zone(figures: dict[str, Any]) -> bool:
    """Whether the base model of a deployment on Azure is one of a data zone: `azure/eu/gpt-4o`."""
    parts = words(figures.get("base_model")).split("/")
    return parts[0] == "azure" and len(parts) > 2 and parts[1] in _DATA_ZONES  # noqa: PLR2004 - azure, zone, model


def read_discounts(draft: Draft, settings: dict[str, Any], peers_names: dict[str, str]) -> None:
    """Discounts on whole providers; `peers_names` says what LiteLLM calls each provider of the draft."""
    for peers_name, written in mapping(settings.get("cost_discount_config")).items():
        providers = [name for name, known in peers_names.items() if known == peers_name]
        try:
            factor = 1 - Decimal(str(written))
            is_share = 0 <= factor <= 1 and round(factor, 3) == factor
        except ArithmeticError:
            is_share = False
        where = f"litellm_settings.cost_discount_config.{peers_name}"
        if not is_share:
            draft.note(where, "not carried over: it is no share of a price, in thousandths")
            continue
        if not providers:
            draft.note(where, "not carried over: no model is of this provider")
        for name in providers:
            draft.section("providers")[name]["price_factor"] = format(factor.normalize(), "f")


def _per_million(written: object) -> str | None:
    """US dollars for a million tokens as the file writes them, `None` for what is no price."""
    try:
        rate = (Decimal(str(written)) * 1_000_000).normalize()
        fits = 0 <= rate <= 10**6 and round(rate, _DECIMAL_PLACES) == rate
    except ArithmeticError:  # no number, or none that compares
        return None
    return format(rate, "f") if fits else None
