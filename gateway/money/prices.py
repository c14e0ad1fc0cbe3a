"""What a model costs, and how the file's prices lie over those of a catalogue."""

from collections.abc import Mapping
from decimal import Decimal
from functools import cached_property
from itertools import pairwise
from typing import Any, Final

import msgspec

from gateway.money import nano_usd
from gateway.money.kinds import KINDS
from gateway.usage import UNREADABLE_SERVICE, Served

FROM_FILE: Final = "file"
"""The source of a price that the configuration states in full."""

RATE_NAMES: Final = tuple(kind.rate for kind in KINDS)
"""The fields of `Rates`."""

PER_MILLE: Final = 1000
"""Multipliers are whole thousandths."""

_DECIDING: Final = frozenset(kind.rate for kind in KINDS if not kind.falls_to and not kind.is_of_tool)
_OF_TOKENS: Final = frozenset(kind.rate for kind in KINDS if kind.is_of_tokens)


class Rates(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, dict=True):
    """Prices by kind, each in nano-USD for so many as `KINDS` says; `None` where nothing is known."""

    input: int | None = None
    output: int | None = None
    cache_read: int | None = None
    cache_write: int | None = None
    cache_write_1h: int | None = None
    input_audio: int | None = None
    output_audio: int | None = None
    cache_audio_read: int | None = None
    cache_image_read: int | None = None
    input_image: int | None = None
    output_image: int | None = None
    input_video: int | None = None
    output_video: int | None = None
    output_reasoning: int | None = None
    output_citation: int | None = None
    per_request: int | None = None
    web_search: int | None = None
    social_search: int | None = None
    file_search: int | None = None
    code_execution: int | None = None
    input_audio_hour: int | None = None
    output_audio_hour: int | None = None
    input_characters: int | None = None
    image: int | None = None
    search_unit: int | None = None
    document_page: int | None = None
    annotated_page: int | None = None
    text_message: int | None = None

    def __post_init__(self) -> None:
        for name in RATE_NAMES:
            if (getattr(self, name) or 0) < 0:
                raise ValueError(f"the price {name} is negative")

    @property
    def is_priced(self) -> bool:
        """Whether a call's cost can be told: what a model itself does has a price, be it zero."""
        return not self.known.keys().isdisjoint(_DECIDING)

    @cached_property
    def known(self) -> Mapping[str, Any]:
        """The prices that are not `None`, by name."""
        return {name: rate for name in RATE_NAMES if (rate := getattr(self, name)) is not None}

    @cached_property
    def dearest_input(self) -> int:
        """That of the kinds which a prompt's text may be billed as, where nothing is written to a cache."""
        return max(self.input or 0, self.cache_read or 0)

    @cached_property
    def dearest_output(self) -> int:
        """That of the kinds which a model's output may be billed as, but for audio."""
        kinds = (self.output, self.output_image, self.output_video, self.output_reasoning, self.output_citation)
        return max(rate or 0 for rate in kinds)

    def times(self, per_mille: int, *, fees: bool = False) -> "Rates":
        """These with a multiplier on every rate of tokens, and on `fees` if it says so, rounded half up."""
        return Rates(
            **{
                name: nano_usd.divide_half_up(rate * per_mille, PER_MILLE) if fees or name in _OF_TOKENS else rate
                for name, rate in self.known.items()
            }
        )


class Tier(msgspec.Struct, frozen=True):
    """The rates of a request whose whole prompt has at least `from_tokens` tokens; they hold for all its tokens."""

    from_tokens: int
    rates: Rates


class Terms(msgspec.Struct, frozen=True):
    """What a service other than the ordinary one costs: `by` is `service_tier`, `speed` or `region`.

    Either the rates are stated, in full and with their tiers, or a multiplier in thousandths on all that tokens cost.
    """

    by: str
    value: str
    rates: Rates | None = None
    tiers: tuple[Tier, ...] = ()
    per_mille: int = PER_MILLE


class Price(Rates, frozen=True, kw_only=True, omit_defaults=True):
    """What one model costs at one provider.

    Its own rates are those of short prompts in ordinary service. `tiers` are those of longer ones, shortest first;
    `terms` those of other services. `source` says where the figures come from, such as
    `genai-prices 0.2.3: openai/gpt-5-mini` or `file`. `unpriced` names the service that was asked about and has no
    price of its own.
    """

    tiers: tuple[Tier, ...] = ()
    terms: tuple[Terms, ...] = ()
    source: str
    unpriced: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_tiers(self.tiers, self.source)
        for one in self.terms:
            _check_tiers(one.tiers, f"{self.source}, {one.by} {one.value}")

    def everywhere_times(self, per_mille: int, source: str, *, fees: bool = False) -> "Price":
        """This price with a multiplier on all that tokens cost, in every service; on all `fees` too if it says so."""

        def times(rates: Rates) -> Rates:
            return rates.times(per_mille, fees=fees)

        def each(tiers: tuple[Tier, ...]) -> tuple[Tier, ...]:
            return tuple(Tier(tier.from_tokens, times(tier.rates)) for tier in tiers)

        terms = tuple(
            one if one.rates is None else msgspec.structs.replace(one, rates=times(one.rates), tiers=each(one.tiers))
            for one in self.terms
        )
        return Price(**times(self).known, tiers=each(self.tiers), terms=terms, source=source)

    def rates_at(self, input_tokens: int) -> Rates:
        """The rates of a request with a prompt of `input_tokens`, cached parts included."""
        for tier in reversed(self.tiers):
            if input_tokens >= tier.from_tokens:
                return tier.rates
        return self

    def under(self, served: Served | None) -> "Price":
        """What the model costs as it was served; the ordinary price where nothing else is said, or known."""
        if served is None or (served.service_tier is None and served.speed is None and served.region is None):
            return self
        key = (served.service_tier, served.speed, served.region)
        known = self._by_service.get(key)
        if known is None:
            known = self._by_service[key] = self._served(served)
        return known

    @cached_property
    def _by_service(self) -> "dict[tuple[str | None, str | None, str | None], Price]":
        return {}

    def _served(self, served: Served) -> "Price":
        rates: Rates = self
        tiers, source, unpriced = self.tiers, self.source, []
        for by in ("service_tier", "speed", "region"):
            value: str | None = getattr(served, by)
            if value is None:
                continue
            terms = next((one for one in self.terms if one.by == by and one.value == value), None)
            if terms is None:
                if by != "region" or value == UNREADABLE_SERVICE:
                    unpriced.append(f"{by} {value}")
                continue
            source = f"{source}, {by} {value}"
            if terms.rates is not None:
                rates, tiers = terms.rates, terms.tiers
            if terms.per_mille != PER_MILLE:
                rates = rates.times(terms.per_mille)
                tiers = _times(tiers, terms.per_mille)
        if rates is self and not unpriced:
            return self
        return Price(**rates.known, tiers=tiers, source=source, unpriced=tuple(unpriced))


def rates_in_usd(**usd: Decimal | None) -> Rates:
    """Rates from US dollars, under the names that the configuration file gives them. Raises as `from_usd` does."""
    return Rates(**{_RATE_OF[name]: nano_usd.from_usd(amount) for name, amount in usd.items() if amount is not None})


class Override(msgspec.Struct, frozen=True):
    """What the file says of one model: the rates that it changes, its tiers and its services, each with its changes.

    `factor` multiplies what is listed, in thousandths; `None` leaves that to the provider.
    """

    rates: Rates = Rates()
    tiers: tuple[Tier, ...] = ()
    terms: tuple[Terms, ...] = ()
    factor: int | None = None


def overridden(listed: Price | None, override: Override | None) -> Price | None:
    """The price of a model, `None` where it has none: what the file says of it over what is listed.

    The file replaces the rates that it sets, and leaves the others as they are: at every length of prompt, unless it
    states tiers, and in every service, unless it states that one.
    """
    price = listed if override is None else _overridden(listed, override)
    return price if price is not None and price.is_priced else None


def _overridden(listed: Price | None, override: Override) -> Price | None:
    changes = override.rates.known
    if not changes and not override.tiers and not override.terms:
        return listed
    if listed is None:
        base = Rates(**changes)
        return Price(
            **changes,
            tiers=_laid_over(override.tiers, base, ()),
            terms=tuple(_service(one, base, ()) for one in override.terms),
            source=FROM_FILE,
        )
    base = Rates(**{**listed.known, **changes})
    tiers = _laid_over(override.tiers, base, listed.tiers) if override.tiers else _changed(listed.tiers, changes)
    stated = {(one.by, one.value): one for one in override.terms}
    terms = [
        msgspec.structs.replace(
            one,
            rates=None if one.rates is None else Rates(**{**one.rates.known, **changes}),
            tiers=_changed(one.tiers, changes),
        )
        for one in listed.terms
        if (one.by, one.value) not in stated
    ]
    terms += [_service(one, base, tiers) for one in override.terms]
    names = [*changes, *(["tiers"] if override.tiers else []), *(f"{one.by} {one.value}" for one in override.terms)]
    is_whole = base.known == changes and all(tier.rates.known.keys() <= changes.keys() for tier in listed.tiers)
    source = FROM_FILE if is_whole else f"{FROM_FILE}: {', '.join(names)}; {listed.source}"
    if is_whole and not override.tiers:
        tiers = ()
    return Price(**base.known, tiers=tiers, terms=tuple(terms), source=source)


def _changed(tiers: tuple[Tier, ...], changes: Mapping[str, int]) -> tuple[Tier, ...]:
    return tuple(Tier(tier.from_tokens, Rates(**{**tier.rates.known, **changes})) for tier in tiers)


def _laid_over(stated: tuple[Tier, ...], base: Rates, listed: tuple[Tier, ...]) -> tuple[Tier, ...]:
    """Tiers of the file: what one does not say is what the tier of the catalogue below it says, else the base."""
    tiers = []
    for tier in stated:
        below = [one.rates for one in listed if one.from_tokens <= tier.from_tokens]
        under = {**base.known, **(below[-1].known if below else {})}
        tiers.append(Tier(tier.from_tokens, Rates(**{**under, **tier.rates.known})))
    return tuple(tiers)


def _service(stated: Terms, base: Rates, tiers: tuple[Tier, ...]) -> Terms:
    """A service of the file: its own rates over the ordinary ones."""
    if stated.rates is None:
        return stated
    rates = Rates(**{**base.known, **stated.rates.known})
    own = _laid_over(stated.tiers, rates, ()) if stated.tiers else _changed(tiers, stated.rates.known)
    return msgspec.structs.replace(stated, rates=rates, tiers=own)


def _times(tiers: tuple[Tier, ...], per_mille: int) -> tuple[Tier, ...]:
    return tuple(Tier(tier.from_tokens, tier.rates.times(per_mille)) for tier in tiers)


def _check_tiers(tiers: tuple[Tier, ...], source: str) -> None:
    starts = [0, *(tier.from_tokens for tier in tiers)]
    if any(later <= earlier for earlier, later in pairwise(starts)):
        raise ValueError(f"the tiers of {source} do not begin at growing numbers of tokens")


_RATE_OF: Final = {kind.usd: kind.rate for kind in KINDS}
