"""Prices as the configuration writes them, in US dollars, and as the gateway computes with them."""

import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, time
from decimal import Decimal
from typing import Any, Final

from gateway.config.sections.prices import (
    LockedChange,
    LockedPrice,
    ModelPrice,
    ModelRates,
    PriceChange,
    PriceTier,
    ServicePrice,
    WholePrice,
)
from gateway.config.sections.providers import DatedFactor
from gateway.money.kinds import KINDS
from gateway.money.nano_usd import to_usd
from gateway.money.price_times import ALWAYS, Period, moment_of
from gateway.money.prices import PER_MILLE, Override, Price, Rates, Terms, Tier, rates_in_usd

USD_NAMES: Final[Mapping[str, str]] = {kind.rate: kind.usd for kind in KINDS}
"""How the file calls each rate."""

_SERVICES: Final[Mapping[str, str]] = {"service_tier": "service_tiers", "speed": "speeds", "region": "regions"}
"""How the file calls what a price may hang on."""


def overrides_of(written: ModelPrice) -> tuple[tuple[Period, Override], ...]:
    """What the file says of a model, and when it holds; of those that hold, the last counts."""
    return tuple((_period(one), _override(one)) for one in (written, *written.changes))


def locked_over_time(written: LockedPrice, source: str) -> tuple[tuple[Period, Price], ...]:
    """The prices of a lock, and when each holds; of those that hold, the last counts."""
    return ((ALWAYS, _price(written, source)), *((_period(one), _price(one, source)) for one in written.changes))


def factors_of(stated: Decimal | Sequence[DatedFactor] | None) -> tuple[tuple[Period, int], ...]:
    """A provider's factors in thousandths, and when each holds."""
    if stated is None:
        return ()
    if isinstance(stated, Decimal):
        return ((ALWAYS, _per_mille(stated)),)
    return tuple((Period(_second(one.from_)), _per_mille(one.times)) for one in stated)


def thousandths(per_mille: int) -> str:
    """A multiplier as the file writes it."""
    whole, rest = divmod(per_mille, PER_MILLE)
    return f"{whole}.{rest:03d}".rstrip("0").rstrip(".")


def _price(written: WholePrice, source: str) -> Price:
    override = _override(written)
    return Price(**override.rates.known, tiers=override.tiers, terms=override.terms, source=source)


def _override(written: WholePrice) -> Override:
    factor = written.price_factor if isinstance(written, PriceChange) else None
    stated = None if factor is None else _per_mille(factor)
    return Override(_rates(written), _tiers(written.tiers), tuple(_terms(written)), stated)


def _period(written: LockedChange) -> Period:
    if written.hours_utc is None:
        return Period(_second(written.from_))
    begin, _, end = written.hours_utc.partition("-")
    return Period(_second(written.from_), (_second_of_day(begin), _second_of_day(end)))


def _second(moment: datetime | None) -> int | None:
    """Moments within a second count from its end on."""
    return None if moment is None else math.ceil(moment.timestamp())


def _second_of_day(written: str) -> int:
    hours, _, minutes = written.partition(":")
    return int(hours) * 3600 + int(minutes) * 60


def _per_mille(factor: Decimal) -> int:
    return int(factor * PER_MILLE)


def written_price(price: Price) -> dict[str, Any]:
    """A price in full, as the file writes it."""
    written = _written(price, price.tiers)
    for by, section in _SERVICES.items():
        services = {one.value: _service(one) for one in price.terms if one.by == by}
        if services:
            written[section] = services
    return written


def written_over_time(prices: Sequence[tuple[Period, Price]]) -> dict[str, Any]:
    """A price with its changes, as the file writes it; the first holds always."""
    (_, first), *later = prices
    written = written_price(first)
    if later:
        written["changes"] = [{**dict(written_period(period)), **written_price(price)} for period, price in later]
    return written


def written_period(period: Period) -> Iterator[tuple[str, str]]:
    """When something holds, as members of the file say it."""
    if period.since is not None:
        moment = moment_of(period.since)
        is_midnight = moment.time() == time()
        yield "from", moment.date().isoformat() if is_midnight else moment.isoformat().replace("+00:00", "Z")
    if period.hours is not None:
        yield "hours_utc", "-".join(f"{second // 3600:02d}:{second // 60 % 60:02d}" for second in period.hours)


def _rates(written: ModelRates) -> Rates:
    return rates_in_usd(**{name: getattr(written, name) for name in USD_NAMES.values()})


def _tiers(written: list[PriceTier]) -> tuple[Tier, ...]:
    return tuple(Tier(tier.from_tokens, _rates(tier)) for tier in written)


def _terms(written: WholePrice) -> Iterator[Terms]:
    for by, section in _SERVICES.items():
        services: Mapping[str, ServicePrice] = getattr(written, section)
        for value, service in services.items():
            rates = _rates(service)
            per_mille = PER_MILLE if service.times is None else _per_mille(service.times)
            stated = rates if rates.known or service.tiers else None
            yield Terms(by, value, stated, _tiers(service.tiers), per_mille)


def _service(terms: Terms) -> dict[str, Any]:
    written = {} if terms.rates is None else _written(terms.rates, terms.tiers)
    if terms.per_mille != PER_MILLE or not written:
        written["times"] = thousandths(terms.per_mille)
    return written


def _written(rates: Rates, tiers: tuple[Tier, ...]) -> dict[str, Any]:
    written: dict[str, Any] = dict(_usd(rates))
    if tiers:
        written["tiers"] = [{"from_tokens": tier.from_tokens, **dict(_usd(tier.rates))} for tier in tiers]
    return written


def _usd(rates: Rates) -> Iterator[tuple[str, str]]:
    return ((USD_NAMES[name], to_usd(rate)) for name, rate in rates.known.items())
