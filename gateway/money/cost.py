"""What a call cost: so many of each kind times their rates, summed exactly, rounded half up once."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NamedTuple

from msgspec import UNSET

from gateway.money.kinds import KIND_OF, KINDS, TOKENS_PER_RATE
from gateway.money.nano_usd import divide_half_up
from gateway.money.prices import FROM_FILE, Price, Rates
from gateway.usage import Served, Usage

STATED: Final = "stated: usage.cost"
"""The source of a cost that the answer itself stated."""

_SCALE: Final = 18_000_000
"""What every kind's `per` divides, so that a sum of several is exact."""

_NONE: Final[Mapping[str, int]] = {}
_FEES: Final = tuple(kind for kind in KINDS if not kind.is_of_tokens and kind.rate != "per_request")


@dataclass(frozen=True)
class Part:
    """One kind in a cost: how many, at which rate, in nano-USD for `per` of them.

    `kind` is a name of `RATE_NAMES`; `charged_as` the one whose rate counted, `None` where there is none.
    """

    kind: str
    count: int
    rate: int
    per: int
    charged_as: str | None


class AnswerCost(NamedTuple):
    """What an answer cost, and by what: the price of its own model as it was served, and where that comes from.

    `unpriced` names what was consumed and has no price anywhere: kinds of usage, `service_tier priority`.
    """

    nano_usd: int
    price: Price
    unpriced: tuple[str, ...] = ()
    source: str = ""


def answer_cost(
    usage: Usage,
    served: Served | None,
    price: Price,
    price_of: Callable[[str], Price | None],
    asked: str = "",
    requests: int = 1,
) -> AnswerCost:
    """What an answer cost, with all that happened on the provider's side for it.

    Args:
        usage: Of the model that answered.
        served: How it was served, and the steps on other models.
        price: Of the model that was asked.
        price_of: The price of another model at the same provider, `None` where it has none.
        asked: The name of the model that was asked. One that is served under a part of that name is the same.
        requests: How many calls it was.
    """
    if served is None:
        # PERF: most answers say nothing but tokens in and out, and those of most prices are told by two products.
        if _is_plain(usage, price):
            return AnswerCost(cost(usage, price, requests), price, (), price.source)
        rates = price.rates_at(usage.input_tokens)
        missing = _unpriced(usage, rates, requests)
        return AnswerCost(_cost_at(rates, usage, requests), price, missing, price.source)
    is_asked = served.model is None or _is_same(served.model, asked)
    other = None if is_asked or served.model is None else price_of(served.model)
    own = other or price
    if served.service_tier is not None or served.speed is not None or served.region is not None:
        own = own.under(served)
    # A price that the file states in full is what the operator pays, whatever the server calls the model.
    is_certain = is_asked or other is not None or price.source == FROM_FILE
    source = own.source if is_certain else f"{own.source}, as asked"
    # PERF: most prices are the same for prompts of all lengths.
    rates = rates_of(own, usage, served) if own.tiers else own
    missing = own.unpriced
    if usage.further is not UNSET or rates.input is None or rates.output is None:
        missing += _unpriced(usage, rates, requests)
    if not served.iterations:
        return AnswerCost(_cost_at(rates, usage, requests), own, missing, source)
    exact = _exact_at(rates, usage, requests)
    unpriced = list(missing)
    for step in served.iterations:
        listed = None if step.model is None or _is_same(step.model, asked) else price_of(step.model)
        charged = own if step.model is None else (listed or price).under(served)
        rates = charged.rates_at(step.usage.input_tokens)
        exact += _exact_at(rates, step.usage, 0)
        unpriced += _unpriced(step.usage, rates, 0)
        if step.model is not None and listed is None and not _is_same(step.model, asked):
            unpriced.append(f"model {step.model}")
    return AnswerCost(divide_half_up(exact, _SCALE), own, tuple(dict.fromkeys(unpriced)), source)


def trusted_cost(stated: int | None, listed: AnswerCost | None) -> AnswerCost | None:
    """What an answer cost by its own word, where that is to be trusted, else by what is listed.

    Args:
        stated: Nano-USD that the answer states. A zero counts only beside a listed cost of zero.
        listed: What it costs by the price of its model; `None` where that has none.
    """
    if stated is None or stated < 0 or (stated == 0 and (listed is None or listed.nano_usd > 0 or listed.unpriced)):
        return listed
    return AnswerCost(stated, Price(source=STATED), (), STATED)


def cost(usage: Usage, price: Price, requests: int = 1) -> int:
    """Nano-USD that a usage costs, never negative.

    A kind without a rate costs what those do that it falls to, in the end what its direction does. The length of the
    whole prompt decides on the tier. A kind that has no price at all costs nothing.
    """
    return _cost_at(price.rates_at(usage.input_tokens), usage, requests)


def rates_of(price: Price, usage: Usage | None, served: Served | None) -> Rates:
    """The rates of an answer: those of the tier that its longest prompt falls into."""
    if served is not None and served.longest_prompt is not None:
        return price.rates_at(served.longest_prompt)
    return price.rates_at(0 if usage is None else usage.input_tokens)


def _cost_at(rates: Rates, usage: Usage, requests: int) -> int:
    if _is_plain(usage, rates):
        tokens = usage.input_tokens * (rates.input or 0) + usage.output_tokens * (rates.output or 0)
        fees = max(requests, 0) * rates.per_request if rates.per_request else 0
        return divide_half_up(tokens, TOKENS_PER_RATE) + fees
    return divide_half_up(_exact_at(rates, usage, requests), _SCALE)


def _exact_at(rates: Rates, usage: Usage, requests: int) -> int:
    """What a usage costs in parts of a nano-USD, `_SCALE` of them, with nothing rounded."""
    exact = max(requests, 0) * (rates.per_request or 0) * _SCALE
    for part in _parts(usage, rates):
        exact += part.count * part.rate * (_SCALE // part.per)
    return exact


def breakdown(usage: Usage, price: Price, requests: int = 1) -> tuple[Part, ...]:
    """What `cost` adds up, part by part, without the parts of which there is none.

    `count * rate / per` is exact; the rounding is of the sum alone.
    """
    rates = price.rates_at(usage.input_tokens)
    parts = _parts(usage, rates)
    if requests > 0 and rates.per_request is not None:
        parts.append(Part("per_request", requests, rates.per_request, 1, "per_request"))
    return tuple(parts)


@lru_cache(maxsize=1024)
def _is_same(served: str, asked: str) -> bool:
    """Whether an answer's model is the asked one: its name, or the part of it behind a region or a maker."""
    if served == asked:
        return True
    name, whole = served.lower().replace("@", "-"), asked.lower().replace("@", "-")
    begin = whole.find(name)
    if begin < 0 or (begin and whole[begin - 1] not in "./:"):
        return False
    rest = whole[begin + len(name) :]
    return not rest or rest[0] == ":" or (rest[:2] == "-v" and rest[2:3].isdigit())


def _is_plain(usage: Usage, rates: Rates) -> bool:
    """PERF: most answers report nothing but text in and out, with no kind to be told apart."""
    return (
        usage.input_tokens >= 0
        and usage.output_tokens >= 0
        and usage.further is UNSET
        and not (
            usage.cache_read_tokens or usage.cache_write_tokens or usage.input_audio_tokens or usage.output_audio_tokens
        )
        and (rates.output_reasoning is None or not usage.reasoning_tokens)
    )


def _parts(usage: Usage, rates: Rates) -> list[Part]:
    further = _NONE if usage.further is UNSET else usage.further
    counts = _of_input(usage, further)
    counts.update(_of_output(usage, further, rates))
    for kind in _FEES:
        counts[kind.rate] = max(further.get(kind.figure, 0), 0)
    return [_part(name, count, rates) for name, count in counts.items() if count]


def _part(name: str, count: int, rates: Rates) -> Part:
    kind = KIND_OF[name]
    for one in (name, *kind.falls_to):
        rate: int | None = getattr(rates, one)
        if rate is not None:
            return Part(name, count, rate, kind.per, one)
    return Part(name, count, 0, kind.per, None)


def _of_input(usage: Usage, further: Mapping[str, int]) -> dict[str, int]:
    """Tokens of the prompt by kind, each in one. Parts that are more than their whole are cut in this order."""
    left = max(usage.input_tokens, 0)
    counts: dict[str, int] = {}

    def taken(name: str, stated: int) -> int:
        nonlocal left
        counts[name] = count = min(max(stated, 0), left)
        left -= count
        return count

    heard = taken("cache_audio_read", further.get("cache_audio_read_tokens", 0))
    seen = taken("cache_image_read", further.get("cache_image_read_tokens", 0))
    taken("cache_read", usage.cache_read_tokens - heard - seen)
    for_an_hour = taken("cache_write_1h", min(further.get("cache_write_1h_tokens", 0), usage.cache_write_tokens))
    taken("cache_write", usage.cache_write_tokens - for_an_hour)
    taken("input_audio", usage.input_audio_tokens - heard)
    taken("input_image", further.get("input_image_tokens", 0) - seen)
    taken("input_video", further.get("input_video_tokens", 0))
    counts["input"] = left
    return counts


def _of_output(usage: Usage, further: Mapping[str, int], rates: Rates) -> dict[str, int]:
    """Tokens of the answer by kind. Reasoning is told apart only where it has a rate of its own."""
    left = max(usage.output_tokens, 0)
    counts: dict[str, int] = {}
    stated = (
        ("output_audio", usage.output_audio_tokens),
        ("output_image", further.get("output_image_tokens", 0)),
        ("output_video", further.get("output_video_tokens", 0)),
        ("output_citation", further.get("output_citation_tokens", 0)),
        ("output_reasoning", 0 if rates.output_reasoning is None else usage.reasoning_tokens),
    )
    for name, count in stated:
        counts[name] = taken = min(max(count, 0), left)
        left -= taken
    counts["output"] = left
    return counts


def _unpriced(usage: Usage, rates: Rates, requests: int) -> tuple[str, ...]:
    """What was consumed and has no rate; tokens that a price for the whole request pays for are none of it."""
    if usage.further is UNSET and rates.input is not None and rates.output is not None:
        return ()
    paid = requests > 0 and rates.per_request is not None and rates.input is None and rates.output is None
    return tuple(
        KIND_OF[part.kind].figure
        for part in _parts(usage, rates)
        if part.charged_as is None and not (paid and KIND_OF[part.kind].is_of_tokens)
    )
