from fractions import Fraction

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET

from gateway.money.cost import breakdown, cost
from gateway.money.kinds import KIND_OF
from gateway.money.prices import RATE_NAMES, Price, Rates, Tier
from gateway.usage import FURTHER_KINDS, Usage

FIGURES = (
    "input_tokens",
    "output_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "input_audio_tokens",
    "output_audio_tokens",
)
RATES = st.fixed_dictionaries({name: st.none() | st.integers(0, 10**12) for name in RATE_NAMES})
FLAT = RATES.map(lambda rates: Price(**rates, source="x"))
_PLAIN = st.fixed_dictionaries({kind: st.integers(-5, 10**7) for kind in FIGURES})
FURTHER = st.dictionaries(st.sampled_from(sorted(FURTHER_KINDS)), st.integers(0, 10**7), min_size=1)
USAGES = st.builds(lambda plain, further: Usage(**plain, further=further), _PLAIN, st.just(UNSET) | FURTHER)


@given(USAGES, FLAT, st.integers(-1, 3))
def test_a_cost_is_the_rounded_sum_of_its_parts(usage, price, requests):
    parts = breakdown(usage, price, requests)
    exact = sum((Fraction(p.count * p.rate, p.per) for p in parts), Fraction())
    charged = cost(usage, price, requests)

    assert charged >= 0
    assert Fraction(-1, 2) < charged - exact <= Fraction(1, 2)
    tokens = sum(p.count for p in parts if KIND_OF[p.kind].is_of_tokens)
    assert tokens == max(usage.input_tokens, 0) + max(usage.output_tokens, 0)


@given(USAGES, FLAT, st.sampled_from(["input_tokens", "output_tokens"]), st.integers(0, 10**6))
def test_more_tokens_never_cost_less(usage, price, kind, more):
    assert cost(msgspec.structs.replace(usage, **{kind: getattr(usage, kind) + more}), price) >= cost(usage, price)


@given(st.lists(USAGES, max_size=20), FLAT)
def test_the_error_of_a_sum_is_half_a_nano_dollar_each(usages, price):
    exact = sum((Fraction(p.count * p.rate, p.per) for u in usages for p in breakdown(u, price, 0)), Fraction())

    assert abs(sum(cost(u, price, 0) for u in usages) - exact) <= Fraction(len(usages), 2)


@pytest.mark.parametrize(("tokens", "nano"), [(0, 0), (499_999, 0), (500_000, 1), (1_499_999, 1), (1_500_000, 2)])
def test_a_half_goes_up(tokens, nano):
    assert cost(Usage(input_tokens=tokens), Price(input=1, source="x")) == nano


def test_kinds_without_a_rate_cost_what_their_direction_does():
    usage = Usage(
        input_tokens=100,
        cache_read_tokens=40,
        cache_write_tokens=20,
        input_audio_tokens=10,
        output_tokens=20,
        output_audio_tokens=5,
    )

    assert cost(usage, Price(input=2 * 10**9, output=4 * 10**9, source="x")) == 100 * 2_000 + 20 * 4_000


def test_parts_above_their_whole_are_cut_and_reasoning_is_output():
    price = Price(input=10**9, cache_read=10**8, output=10**9, per_request=7, source="x")

    assert cost(Usage(input_tokens=10, cache_read_tokens=99, cache_write_tokens=5), price) == 10 * 100 + 7
    assert cost(Usage(output_tokens=10, reasoning_tokens=8), price) == 10 * 1_000 + 7
    assert cost(Usage(input_tokens=-5, output_tokens=-5), price) == 7


def test_the_tier_is_that_of_the_whole_prompt():
    price = Price(input=10**6, tiers=(Tier(11, Rates(input=2 * 10**6)),), source="x")

    assert [cost(Usage(input_tokens=n), price) for n in (10, 11)] == [10, 22]
