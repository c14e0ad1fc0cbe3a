"""What a model costs, and how the file's prices lie over those of a catalogue."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from functools import cached_property
from itertools import pairwise
from typing import Any, Final, Protocol

import msgspec

from gateway.money import nano_usd

TOKENS_PER_RATE: Final = 1_000_000
"""Rates are amounts for this many tokens."""

FROM_FILE: Final = "file"
"""The source of a price that the configuration states in full."""


class Rates(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, dict=True):
    """Prices by kind of token, each in nano-USD per million tokens; `None` where nothing is known.

    `per_request` is in nano-USD per request.
    """

    input: int | None = None
    output: int | None = None
    cache_read: int | None = None
    cache_write: int | None = None
    input_audio: int | None = None
    output_audio: int | None = None
    per_request: int | None = None

    def __post_init__(self) -> None:
        for name in RATE_NAMES:
            if (getattr(self, name) or 0) < 0:
                raise ValueError(f"the price {name} is negative")

    @property
    def is_priced(self) -> bool:
        """Whether a call's cost can be told: input, output or the request itself has a price, be it zero."""
        return not (self.input is None and self.output is None and self.per_request is None)

    @cached_property
    def known(self) -> Mapping[str, Any]:
        """The prices that are not `None`, by name."""
        return {name: rate for name in RATE_NAMES if (rate := getattr(self, name)) is not None}


RATE_NAMES: Final = ("input", "output", "cache_read", "cache_write", "input_audio", "output_audio", "per_request")
"""The fields of `Rates`."""


class Tier(msgspec.Struct, frozen=True):
    """The rates of a request whose whole prompt has at least `from_tokens` tokens; they hold for all its tokens."""

    from_tokens: int
    rates: Rates


class Price(Rates, frozen=True, kw_only=True, omit_defaults=True):
    """What one model costs at one provider.

    Its own rates are those of short prompts. `tiers` are those of longer ones, shortest first. `source` says where the
    figures come from, such as `genai-prices 0.2.3: openai/gpt-5-mini` or `file`.
    """

    tiers: tuple[Tier, ...] = ()
    source: str

    def __post_init__(self) -> None:
        super().__post_init__()
        starts = [0, *(tier.from_tokens for tier in self.tiers)]
        if any(later <= earlier for earlier, later in pairwise(starts)):
            raise ValueError(f"the tiers of {self.source} do not begin at growing numbers of tokens")

    def rates_at(self, input_tokens: int) -> Rates:
        """The rates of a request with a prompt of `input_tokens`, cached parts included."""
        for tier in reversed(self.tiers):
            if input_tokens >= tier.from_tokens:
                return tier.rates
        return self


class Catalogue(Protocol):
    """Somewhere that prices are published."""

    def price(
        self, provider_type: str, provider_name: str, model: str, at: datetime, service_tier: str | None = None
    ) -> Price | None:
        """The price at a moment (with a zone) at a provider of a type, `None` where the catalogue has none.

        `service_tier` is the one that was asked for or that served, such as `priority`; one without a price of its
        own costs what the standard one does.
        """


def rates_in_usd(
    *,
    input_usd_per_mtok: Decimal | None = None,
    output_usd_per_mtok: Decimal | None = None,
    cache_read_usd_per_mtok: Decimal | None = None,
    cache_write_usd_per_mtok: Decimal | None = None,
    input_audio_usd_per_mtok: Decimal | None = None,
    output_audio_usd_per_mtok: Decimal | None = None,
    per_request_usd: Decimal | None = None,
) -> Rates:
    """Rates from US dollars, under the names that the configuration file gives them. Raises as `from_usd` does."""
    return Rates(
        input=_nano(input_usd_per_mtok),
        output=_nano(output_usd_per_mtok),
        cache_read=_nano(cache_read_usd_per_mtok),
        cache_write=_nano(cache_write_usd_per_mtok),
        input_audio=_nano(input_audio_usd_per_mtok),
        output_audio=_nano(output_audio_usd_per_mtok),
        per_request=_nano(per_request_usd),
    )


def find_price(
    catalogue: Catalogue,
    provider_type: str,
    provider_name: str,
    model: str,
    overrides: Mapping[str, Rates],
    at: datetime,
    service_tier: str | None = None,
) -> Price | None:
    """The price of a model at a provider, `None` where it has no price.

    `overrides` are the file's, by `provider/model`. One replaces the rates that it sets, at every length of prompt and
    in every service tier, and leaves the others to the catalogue.
    """
    listed = catalogue.price(provider_type, provider_name, model, at, service_tier)
    override = overrides.get(f"{provider_name}/{model}")
    price = listed if override is None else _overridden(listed, override)
    return price if price is not None and price.is_priced else None


def _overridden(listed: Price | None, override: Rates) -> Price | None:
    changes = override.known
    if not changes:
        return listed
    if listed is None:
        return Price(**changes, source=FROM_FILE)
    merged = {**listed.known, **changes}
    tiers = tuple(Tier(tier.from_tokens, Rates(**{**tier.rates.known, **changes})) for tier in listed.tiers)
    if merged == changes and all(tier.rates.known == changes for tier in tiers):
        return Price(**changes, source=FROM_FILE)
    return Price(**merged, tiers=tiers, source=f"{FROM_FILE}: {', '.join(changes)}; {listed.source}")


def _nano(usd: Decimal | None) -> int | None:
    return None if usd is None else nano_usd.from_usd(usd)
