"""Where a locked price came from, beside what counts for its model: another list, or another model of it, is told."""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from gateway.config.diagnostics import Severity
from gateway.config.findings import Checked, Finding
from gateway.config.model import Config
from gateway.money.price_lists import Seller, list_names
from gateway.money.published_prices import PublishedPrices
from gateway.snapshot.prices import Prices, seller_at

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


def moved_locks(config: Config) -> Iterator[Checked]:
    """A warning for each locked price that is out of another list than counts at its provider, or of another model."""
    prices, published = Prices(config), PublishedPrices()
    for target, locked in config.locked_prices.items():
        name, _, model = target.partition("/")
        provider = config.providers.get(name)
        if provider is None:
            continue
        seller = seller_at(provider)
        entry = published.entry(seller, prices.base_of(name, provider.type, model))
        if (fault := _fault(origin_of(locked.source), seller, entry)) is not None:
            message = f"the locked price of {target} is {fault}"
            hint = "gateway prices update takes the one that counts."
            finding = Finding("moved-locked-price", message, ("locked_prices", target), hint, True)
            yield Checked(finding, Severity.WARNING)


def _fault(origin: Origin | None, seller: Seller, entry: str | None) -> str | None:
    if not seller.lists:
        return "of a provider to which no list applies"
    if origin is None:
        return None
    if origin.seller not in seller.lists:
        return f"out of the list of {origin.seller}; that of {', '.join(seller.lists)} counts"
    if entry is not None and origin.entry != entry:
        return f"that of {origin.entry}; the model is {entry}"
    return None
