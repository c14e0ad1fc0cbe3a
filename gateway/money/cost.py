"""What a call cost: the tokens of each kind times their rates, summed exactly, rounded half up once."""

from dataclasses import dataclass

from gateway.money.nano_usd import divide_half_up
from gateway.money.prices import TOKENS_PER_RATE, Price, Rates
from gateway.usage import Usage


@dataclass(frozen=True)
class Part:
    """One kind of token in a cost: how many, at which rate (nano-USD per million tokens).

    `kind` is a name of `RATE_NAMES`; for `per_request`, `count` is a number of requests and `rate` is for each of them.
    """

    kind: str
    count: int
    rate: int


def cost(usage: Usage, price: Price, requests: int = 1) -> int:
    """Nano-USD that a usage costs, never negative.

    Cached tokens are charged at the price of the cache or, where it has none, at that of other input; so are audio
    tokens. Reasoning tokens are part of the output. The length of the whole prompt decides on the tier. A kind that has
    no price at all costs nothing.
    """
    rates = price.rates_at(usage.input_tokens)
    base = rates.input or 0
    said = rates.output or 0
    fixed = max(requests, 0) * (rates.per_request or 0)
    if _is_plain(usage):
        return divide_half_up(usage.input_tokens * base + usage.output_tokens * said, TOKENS_PER_RATE) + fixed
    rest, read, written, heard, text, spoken = _counts(usage)
    total = (
        rest * base
        + read * _or(rates.cache_read, base)
        + written * _or(rates.cache_write, base)
        + heard * _or(rates.input_audio, base)
        + text * said
        + spoken * _or(rates.output_audio, said)
    )
    return divide_half_up(total, TOKENS_PER_RATE) + fixed


def breakdown(usage: Usage, price: Price, requests: int = 1) -> tuple[Part, ...]:
    """What `cost` adds up, part by part, without the parts of which there is none.

    `count * rate` is exact, in nano-USD per million tokens; the rounding is of the sum alone.
    """
    rates = price.rates_at(usage.input_tokens)
    kinds = ("input", "cache_read", "cache_write", "input_audio", "output", "output_audio")
    parts = [
        Part(kind, count, _charged(rates, kind)) for kind, count in zip(kinds, _counts(usage), strict=True) if count
    ]
    if requests > 0 and rates.per_request is not None:
        parts.append(Part("per_request", requests, rates.per_request))
    return tuple(parts)


def _is_plain(usage: Usage) -> bool:
    """PERF: most answers report nothing but text in and out, with no kind to be told apart."""
    return (
        usage.input_tokens >= 0
        and usage.output_tokens >= 0
        and not (
            usage.cache_read_tokens or usage.cache_write_tokens or usage.input_audio_tokens or usage.output_audio_tokens
        )
    )


def _counts(usage: Usage) -> tuple[int, int, int, int, int, int]:
    """Tokens by kind: other input, cache reads, cache writes, audio input, other output, audio output.

    The total of a direction holds: a report whose parts are more than their whole is cut in this order.
    """
    whole = max(usage.input_tokens, 0)
    read = min(max(usage.cache_read_tokens, 0), whole)
    written = min(max(usage.cache_write_tokens, 0), whole - read)
    heard = min(max(usage.input_audio_tokens, 0), whole - read - written)
    said = max(usage.output_tokens, 0)
    spoken = min(max(usage.output_audio_tokens, 0), said)
    return whole - read - written - heard, read, written, heard, said - spoken, spoken


def _charged(rates: Rates, kind: str) -> int:
    rate: int | None = getattr(rates, kind)
    return _or(rate, (rates.output if kind.startswith("output") else rates.input) or 0)


def _or(rate: int | None, base: int) -> int:
    return base if rate is None else rate
