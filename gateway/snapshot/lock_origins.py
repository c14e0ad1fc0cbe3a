"""Where a locked price came from, beside what counts for its model: another list, or another model of it, is told."""

from collections.abc import Iterator

from gateway.config.diagnostics import Severity
from gateway.config.findings import Checked, Finding
from gateway.config.model import Config
from gateway.money.price_lists import Seller
from gateway.money.published_prices import Origin, PublishedPrices, origin_of
from gateway.snapshot.prices import Prices, seller_at


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
        return "of a provider to which no list applies, and does not count"
    if origin is None:
        return None
    if origin.seller not in seller.lists:
        return f"out of the list of {origin.seller}, and does not count; that of {', '.join(seller.lists)} does"
    if entry is not None and origin.entry != entry:
        return f"that of {origin.entry}; the model is {entry}"
    return None
