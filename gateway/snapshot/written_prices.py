"""Prices as the configuration writes them, in US dollars, and as the gateway computes with them."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from gateway.config.sections.prices import ModelPrice, ModelRates, PriceTier, ServicePrice
from gateway.money.kinds import KINDS
from gateway.money.nano_usd import to_usd
from gateway.money.prices import PER_MILLE, Override, Price, Rates, Terms, Tier, rates_in_usd

USD_NAMES: Final[Mapping[str, str]] = {kind.rate: kind.usd for kind in KINDS}
"""How the file calls each rate."""

_SERVICES: Final[Mapping[str, str]] = {"service_tier": "service_tiers", "speed": "speeds", "region": "regions"}
"""How the file calls what a price may hang on."""


def override_of(written: ModelPrice) -> Override:
    """What the file says of a model."""
    return Override(_rates(written), _tiers(written.tiers), tuple(_terms(written)))


def price_of(written: ModelPrice, source: str) -> Price:
    """A price that is written down in full."""
    override = override_of(written)
    return Price(**override.rates.known, tiers=override.tiers, terms=override.terms, source=source)


def written_price(price: Price) -> dict[str, Any]:
    """A price in full, as the file writes it."""
    written = _written(price, price.tiers)
    for by, section in _SERVICES.items():
        services = {one.value: _service(one) for one in price.terms if one.by == by}
        if services:
            written[section] = services
    return written


def _rates(written: ModelRates) -> Rates:
    return rates_in_usd(**{name: getattr(written, name) for name in USD_NAMES.values()})


def _tiers(written: list[PriceTier]) -> tuple[Tier, ...]:
    return tuple(Tier(tier.from_tokens, _rates(tier)) for tier in written)


def _terms(written: ModelPrice) -> Iterator[Terms]:
    for by, section in _SERVICES.items():
        services: Mapping[str, ServicePrice] = getattr(written, section)
        for value, service in services.items():
            rates = _rates(service)
            per_mille = PER_MILLE if service.times is None else int(service.times * PER_MILLE)
            stated = rates if rates.known or service.tiers else None
            yield Terms(by, value, stated, _tiers(service.tiers), per_mille)


def _service(terms: Terms) -> dict[str, Any]:
    written = {} if terms.rates is None else _written(terms.rates, terms.tiers)
    if terms.per_mille != PER_MILLE or not written:
        whole, thousandths = divmod(terms.per_mille, PER_MILLE)
        written["times"] = f"{whole}.{thousandths:03d}".rstrip("0").rstrip(".")
    return written


def _written(rates: Rates, tiers: tuple[Tier, ...]) -> dict[str, Any]:
    written: dict[str, Any] = dict(_usd(rates))
    if tiers:
        written["tiers"] = [{"from_tokens": tier.from_tokens, **dict(_usd(tier.rates))} for tier in tiers]
    return written


def _usd(rates: Rates) -> Iterator[tuple[str, str]]:
    return ((USD_NAMES[name], to_usd(rate)) for name, rate in rates.known.items())
