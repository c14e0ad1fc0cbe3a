from datetime import UTC, datetime
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.money.catalogue import catalogue_price
from gateway.money.cost import cost
from gateway.money.estimate import most_cost, most_input_tokens
from gateway.money.price import Price, Rate
from gateway.usage import Usage

NOW = datetime(2026, 11, 24, tzinfo=UTC)
DOLLAR = 1_000_000_000

# Input per million, output per million, cache reads, in dollars, from the providers' own price lists.
KNOWN = {
    ("openai", "gpt-5-mini"): ("0.25", "2", "0.025"),
    ("azure", "gpt-5-mini"): ("0.25", "2", "0.025"),
    ("anthropic", "claude-haiku-4-5-20251001"): ("1", "5", "0.1"),
    ("vertex", "claude-haiku-4-5@20251001"): ("1", "5", "0.1"),
    ("bedrock", "eu.anthropic.claude-haiku-4-5-20251001-v1:0"): ("1.1", "5.5", "0.11"),
    ("bedrock", "amazon.nova-lite-v1:0"): ("0.06", "0.24", "0.015"),
}


@pytest.mark.parametrize(("model", "dollars"), KNOWN.items(), ids=lambda one: "/".join(one))
def test_prices_of_known_models(model, dollars):
    price = catalogue_price(*model, NOW)

    stated = [Fraction(rate.base, DOLLAR) for rate in (price.input, price.output, price.cache_read)]
    assert stated == [Fraction(one) for one in dollars]
    assert price.source.startswith("genai-prices ")


def test_a_tier_is_for_all_tokens_of_a_long_request():
    price = catalogue_price("gemini", "gemini-2.5-pro", NOW)

    assert cost(Usage(input_tokens=200_000, output_tokens=1000), price) == 200_000 * 1250 + 1000 * 10_000
    assert cost(Usage(input_tokens=200_001, output_tokens=1000), price) == 200_001 * 2500 + 1000 * 15_000


@pytest.mark.parametrize("model", [("openai", "made-up"), ("custom", "gpt-5"), ("simulator", "gpt-5")])
def test_an_unknown_model_has_no_price(model):
    assert catalogue_price(*model, NOW) is None


PRICE = Price(
    input=Rate(3 * DOLLAR),
    output=Rate(15 * DOLLAR),
    cache_read=Rate(3 * DOLLAR // 10),
    cache_write=Rate(15 * DOLLAR // 4),
    per_request=7,
    source="file",
)


def test_each_token_is_charged_once():
    usage = Usage(input_tokens=1000, cache_read_tokens=600, cache_write_tokens=100, output_tokens=50)

    assert cost(usage, PRICE) == 300 * 3000 + 600 * 300 + 100 * 3750 + 50 * 15_000 + 7


def test_kinds_without_a_rate_are_charged_as_what_they_are_a_part_of():
    plain = Price(input=Rate(2 * DOLLAR), output=Rate(4 * DOLLAR), source="file")
    usage = Usage(
        input_tokens=100, cache_read_tokens=40, input_audio_tokens=10, output_tokens=20, output_audio_tokens=5
    )

    assert cost(usage, plain) == 100 * 2000 + 20 * 4000


@pytest.mark.parametrize(("tokens", "nano"), [(0, 0), (499_999, 0), (500_000, 1), (1_499_999, 1), (1_500_000, 2)])
def test_a_sum_is_rounded_once_and_half_up(tokens, nano):
    assert cost(Usage(input_tokens=tokens), Price(input=Rate(1), source="file")) == nano


TOKENS = st.integers(0, 10**7)
RATES = st.none() | st.builds(
    Rate, st.integers(0, 10**12), st.lists(st.tuples(TOKENS, st.integers(0, 10**12)), max_size=2).map(sorted).map(tuple)
)
PRICES = st.builds(
    Price,
    input=RATES,
    output=RATES,
    cache_read=RATES,
    cache_write=RATES,
    input_audio=RATES,
    output_audio=RATES,
    per_request=st.integers(0, DOLLAR),
    source=st.just("file"),
)
USAGES = st.builds(
    Usage,
    input_tokens=TOKENS,
    output_tokens=TOKENS,
    cache_read_tokens=TOKENS,
    cache_write_tokens=TOKENS,
    input_audio_tokens=TOKENS,
    output_audio_tokens=TOKENS,
)


@given(USAGES, PRICES)
def test_whatever_is_reported_a_cost_is_never_negative_and_never_above_the_dearest_rate(usage, price):
    charged = cost(usage, price)

    inputs = [rate.highest for rate in (price.input, price.cache_read, price.cache_write, price.input_audio) if rate]
    outputs = [rate.highest for rate in (price.output, price.output_audio) if rate]
    most = Fraction(usage.input_tokens * max(inputs, default=0) + usage.output_tokens * max(outputs, default=0), 10**6)
    assert price.per_request <= charged <= most + Fraction(1, 2) + price.per_request


@given(USAGES, PRICES)
def test_an_estimate_is_an_upper_bound(usage, price):
    body_bytes = usage.input_tokens * 2

    assert cost(usage, price) <= most_cost(body_bytes, usage.output_tokens, price)


@pytest.mark.parametrize(("size", "tokens"), [(0, 0), (1, 1), (2, 1), (3, 2)])
def test_the_input_is_estimated_from_its_bytes(size, tokens):
    assert most_input_tokens(size) == tokens
