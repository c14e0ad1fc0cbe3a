"""The catalogue that the package `genai-prices` carries with it, or newer data that is handed over in its format.

The package is imported when the first price is asked for: it takes some time and memory.
"""

import re
from datetime import UTC, date, datetime, time
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from gateway.money import nano_usd, openrouter
from gateway.money.kinds import KINDS, Kind
from gateway.money.multipliers import MULTIPLIERS
from gateway.money.price_data import PriceData, installed
from gateway.money.price_lists import RESALES, Seller, list_names
from gateway.money.price_times import ALWAYS, UNCHANGING, Changes, Period, changes_of
from gateway.money.prices import Price, Rates, Terms, Tier

if TYPE_CHECKING:
    from genai_prices.types import ModelInfo, ModelPrice, StartDateConstraint, TieredPrices, TimeOfDateConstraint

_SERVICES: Final = ("service_tier", "speed")
_SAID_AS: Final = {"processing": "service_tier"}
"""What the package calls otherwise: a batch is a tier of Anthropic's answers."""
"""What a price of the catalogue may hang on, besides the moment."""

_ORDINARY: Final = ("default", "standard")
_MAKERS: Final = ("openai", "anthropic", "google")


class PublishedPrices:
    """The prices of `genai-prices`, with the multipliers that providers publish.

    `data` is newer than the package's, in its format; `None` is the package's own.
    """

    def __init__(self, data: PriceData | None = None) -> None:
        self._data = data

    def price(self, seller: Seller, model: str, at: datetime) -> Price | None:
        """The price at a moment (with a zone), `None` where the seller's lists have none; see `Catalogue.price`."""
        data = self._data or installed()
        entry = _entry(data, seller, model)
        if entry is None:
            return _free(data, seller, model)
        found = entry.model
        ordinary = found.get_prices(at)
        rates, tiers = _convert(ordinary)
        source = f"{data.named}: {entry.told}{_mark(entry, seller)}"
        price = Price(**rates.known, tiers=tiers, terms=_terms(found, entry.seller, model, at), source=source)
        if entry.seller == openrouter.LIST:
            price = by_suffix(price, model)
        return price if price.is_priced else None

    def changes(self, seller: Seller, model: str) -> Changes:
        """See `Catalogue.changes`."""
        entry = _entry(self._data or installed(), seller, model)
        if entry is None:
            return UNCHANGING
        found = entry.model
        conditional = found.prices if isinstance(found.prices, list) else ()
        return changes_of(_period(one.constraint) for one in (*conditional, *(found.price_variants or ())))

    def entry(self, seller: Seller, model: str) -> str | None:
        """See `Catalogue.entry`."""
        entry = _entry(self._data or installed(), seller, model)
        return None if entry is None else entry.told

    def context_window(self, seller: Seller, model: str) -> int | None:
        """See `Catalogue.context_window`."""
        data = self._data or installed()
        entry = _entry(data, seller, model)
        if entry is not None and entry.model.context_window is not None:
            return entry.model.context_window
        made = (data.find(maker, model.rpartition("/")[2]) for maker in _MAKERS)
        return next((found.context_window for found in made if found is not None), None)


def _period(constraint: "StartDateConstraint | TimeOfDateConstraint | None") -> Period:
    """When a constraint of the package is met. Its days begin at midnight in UTC."""
    if constraint is None:
        return ALWAYS
    from genai_prices.types import StartDateConstraint  # noqa: PLC0415 - see the module's docstring

    if isinstance(constraint, StartDateConstraint):
        return Period(int(datetime.combine(constraint.start_date, time(), UTC).timestamp()))
    return Period(None, (_second_of_day(constraint.start_time), _second_of_day(constraint.end_time)))


def _second_of_day(clock_time: time) -> int:
    """In UTC, which a time without a zone is meant in."""
    zoned = clock_time if clock_time.tzinfo is not None else clock_time.replace(tzinfo=UTC)
    return int(datetime.combine(date(1970, 1, 1), zoned).timestamp()) % 86_400


class _Entry(NamedTuple):
    """A model of a list. `seller` is the list that was asked, `maker` the one that the model was found in."""

    seller: str
    maker: str
    model: "ModelInfo"

    @property
    def told(self) -> str:
        return f"{self.maker}/{self.model.id}"


def _mark(entry: _Entry, seller: Seller) -> str:
    """What the source says of a price that is not out of the list of the seller who is asked."""
    resold = "" if entry.maker == entry.seller else f", as sold by {entry.seller}"
    return resold if entry.seller == seller.own else f"{resold}, by prices_of"


_SOURCE: Final = re.compile(
    r": (?P<entry>(?P<maker>[^/:, ]+)/[^,]+)(?:, as sold by (?P<seller>[^,]+))?(?:, by prices_of)?(?:, online)?\Z"
)


class Origin(NamedTuple):
    """What a price was published as: the seller's list that was asked, and the entry in it or in a maker's."""

    seller: str
    entry: str


def origin_of(source: str) -> Origin | None:
    """What the source of a price names; `None` where it is not one that `gateway prices update` writes."""
    found = _SOURCE.search(source)
    if found is None:
        return None
    origin = Origin(found["seller"] or found["maker"], found["entry"])
    return origin if origin.seller in list_names() else None


def may_be_of(source: str, seller: Seller) -> bool:
    """Whether a price with a source can be one of a seller's: out of a list of his, or stated by somebody."""
    origin = origin_of(source)
    return bool(seller.lists) and (origin is None or origin.seller in seller.lists)


def _entry(data: PriceData, seller: Seller, model: str) -> _Entry | None:
    for one in seller.lists:
        found = _find(data, one, model, by_last_segment=seller.by_last_segment)
        if found is not None:
            return _Entry(one, *found)
    return None


@lru_cache(maxsize=4096)
def _find(data: PriceData, seller: str, model: str, *, by_last_segment: bool) -> "tuple[str, ModelInfo] | None":
    """The package's own entry of a model, by its own rules of matching, and the list that has it."""
    found = _listed(data, seller, model)
    if found is None and by_last_segment and "/" in model:
        found = _listed(data, seller, model.rpartition("/")[2])
    return found


def _listed(data: PriceData, seller: str, model: str) -> "tuple[str, ModelInfo] | None":
    """A model in a seller's own list, else in that of a maker whose prices the seller takes."""
    found = data.find(seller, model)
    if found is None and seller == openrouter.LIST:
        found = data.find(seller, openrouter.without_suffixes(model))
    if found is not None:
        return seller, found
    for resale in RESALES:
        if resale.seller == seller and (found := data.find(resale.maker, model)) and re.search(resale.models, found.id):
            return resale.maker, found
    return None


def _free(data: PriceData, seller: Seller, model: str) -> Price | None:
    """The price of a model that no list has, and that costs nothing wherever it is offered."""
    if openrouter.LIST not in seller.lists or not openrouter.is_free(model):
        return None
    return by_suffix(Price(input=0, output=0, source=f"{data.named}: {openrouter.LIST}, free"), model)


def by_suffix(price: Price, model: str) -> Price:
    """What a model of OpenRouter's costs with the suffixes of its name, by the price that it has without."""
    if openrouter.is_free(model):
        price = Price(input=0, output=0, source=price.source)
    if not openrouter.searches(model):
        return price

    def with_fee(rates: Rates) -> int:
        return (rates.per_request or 0) + openrouter.SEARCH_FEE

    tiers = tuple(
        Tier(one.from_tokens, msgspec.structs.replace(one.rates, per_request=with_fee(one.rates)))
        for one in price.tiers
    )
    source = f"{price.source}, online"
    return msgspec.structs.replace(price, per_request=with_fee(price), tiers=tiers, source=source)


def _terms(found: "ModelInfo", publisher: str, model: str, at: datetime) -> tuple[Terms, ...]:
    """What other services cost: as the catalogue states it, else by a multiplier."""
    terms: dict[tuple[str, str], Terms] = {}
    for variant in found.price_variants or ():
        if len(variant.when) != 1 or (variant.constraint is not None and not variant.constraint.active(at)):
            continue
        by, value = next(iter(variant.when.items()))
        said = _SAID_AS.get(by, by)
        if said in _SERVICES and value not in _ORDINARY and (said, value) not in terms:
            rates, tiers = _convert(found.get_prices(at, {by: value}))
            terms[said, value] = Terms(said, value, rates, tiers)
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
