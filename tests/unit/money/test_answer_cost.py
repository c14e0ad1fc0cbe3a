"""Answers of every kind cost what the catalogue's own calculation says, which shares no code with ours."""

from datetime import UTC, datetime
from decimal import Decimal

import genai_prices
import pytest
from genai_prices import Usage as TheirUsage
from hypothesis import given
from hypothesis import strategies as st

from gateway.money.cost import answer_cost, rates_of
from gateway.money.estimate import InputBound, at_most, estimate
from gateway.money.price_lists import seller_of
from gateway.money.prices import Price, Rates, Terms, Tier
from gateway.money.published_prices import PublishedPrices
from gateway.usage import Iteration, Served, Usage

NOW = datetime(2026, 11, 24, tzinfo=UTC)
COUNT = st.integers(0, 400_000)

MODELS = [
    ("openai", "openai", "gpt-5"),
    ("openai", "openai", "gpt-5.4"),
    ("openai", "openai", "gpt-6-sol"),
    ("openai", "openai", "gpt-image-1.5"),
    ("openai", "openai", "gpt-audio"),
    ("anthropic", "anthropic", "claude-sonnet-4-5"),
    ("anthropic", "anthropic", "claude-opus-4-8"),
    ("bedrock", "aws", "us.anthropic.claude-haiku-4-5-20251001-v1:0"),
    ("gemini", "google", "gemini-2.5-pro"),
    ("gemini", "google", "gemini-2.5-flash"),
]


def priced(type_, model):
    return PublishedPrices().price(seller_of(type_, None), model, NOW)


def theirs(publisher, model, usage, **context):
    counted = genai_prices.calc_price(
        usage, model, provider_id=publisher, genai_request_timestamp=NOW, price_context=context or None
    )
    return counted.total_price


def half_up(usd):
    return int((usd * 10**9 + Decimal("0.5")) // 1)


def nobody(_model):
    return None


@pytest.mark.parametrize(("type_", "publisher", "model"), MODELS)
@given(fresh=COUNT, read=COUNT, written=COUNT, hour=COUNT, heard=COUNT, seen=COUNT, text=COUNT, drawn=COUNT, spoken=COUNT, searches=st.integers(0, 99))  # fmt: skip
def test_an_answer_costs_what_the_catalogue_calculates(
    type_, publisher, model, fresh, read, written, hour, heard, seen, text, drawn, spoken, searches
):
    price = priced(type_, model)
    known = price.known
    hour = hour if "cache_write_1h" in known else 0
    heard = heard if "input_audio" in known else 0
    seen = seen if "input_image" in known else 0
    drawn = drawn if "output_image" in known else 0
    spoken = spoken if "output_audio" in known else 0
    searches = searches if "web_search" in known else 0
    written = written if "cache_write" in known else 0
    read = read if "cache_read" in known else 0
    whole, said = fresh + read + written + hour + heard + seen, text + drawn + spoken
    further = {
        "cache_write_1h_tokens": hour,
        "input_image_tokens": seen,
        "output_image_tokens": drawn,
        "web_searches": searches,
    }
    usage = Usage(
        input_tokens=whole,
        output_tokens=said,
        cache_read_tokens=read,
        cache_write_tokens=written + hour,
        input_audio_tokens=heard,
        output_audio_tokens=spoken,
        further={figure: count for figure, count in further.items() if count},
    )
    stated = TheirUsage(
        input_tokens=whole,
        output_tokens=said,
        cache_read_tokens=read,
        cache_write_tokens=written + hour,
        cache_write_1h_tokens=hour,
        input_audio_tokens=heard,
        input_image_tokens=seen,
        cache_audio_read_tokens=0,
        cache_image_read_tokens=0,
        output_image_tokens=drawn,
        output_audio_tokens=spoken,
        web_searches=searches,
    )

    assert answer_cost(usage, None, price, nobody).nano_usd == half_up(theirs(publisher, model, stated))


@pytest.mark.parametrize(
    ("type_", "publisher", "model", "service"),
    [
        ("openai", "openai", "gpt-5", {"service_tier": "flex"}),
        ("openai", "openai", "gpt-5.4", {"service_tier": "flex"}),
        ("openai", "openai", "gpt-5.4", {"service_tier": "priority"}),
        ("openai", "openai", "gpt-4.1", {"service_tier": "priority"}),
        ("anthropic", "anthropic", "claude-opus-4-8", {"speed": "fast"}),
    ],
)
@given(fresh=COUNT, read=COUNT, said=COUNT)
def test_a_service_costs_what_the_catalogue_calculates(type_, publisher, model, service, fresh, read, said):
    usage = Usage(input_tokens=fresh + read, output_tokens=said, cache_read_tokens=read)
    stated = TheirUsage(input_tokens=fresh + read, output_tokens=said, cache_read_tokens=read)

    charged = answer_cost(usage, Served(**service), priced(type_, model), nobody)

    assert charged.nano_usd == half_up(theirs(publisher, model, stated, **service))
    assert charged.unpriced == ()


SIMPLE = Price(input=10**9, output=10**10, source="list")
DEAR = Price(input=10**10, output=10**11, source="dear")


@pytest.mark.parametrize(
    ("served", "cost", "unpriced"),
    [
        (Served(model="m"), 20_000, ()),
        (Served(model="dear"), 200_000, ()),
        (Served(model="unknown"), 20_000, ()),
        (Served(service_tier="turbo"), 20_000, ("service_tier turbo",)),
        (Served(region="mars"), 20_000, ()),
        (Served(region="unreadable"), 20_000, ("region unreadable",)),
        (Served(iterations=(Iteration("x", Usage(input_tokens=7)),)), 27_000, ()),
        (Served(iterations=(Iteration("x", Usage(input_tokens=7), "dear"),)), 90_000, ()),
        (Served(iterations=(Iteration("x", Usage(input_tokens=7), "unknown"),)), 27_000, ("model unknown",)),
    ],
)
def test_what_served_prices_the_answer(served, cost, unpriced):
    usage = Usage(input_tokens=10, output_tokens=1)

    charged = answer_cost(usage, served, SIMPLE, {"dear": DEAR}.get, "m")

    assert (charged.nano_usd, charged.unpriced) == (cost, unpriced)


@pytest.mark.parametrize(
    ("asked", "served", "is_asked"),
    [
        ("gpt-5-mini", "gpt-5", False),
        ("gpt-5", "gpt-5-mini", False),
        ("global.anthropic.claude-x-1-v1:0", "claude-x-1", True),
        ("claude-x@20251001", "claude-x-20251001", True),
        ("models/gemini-x", "gemini-x", True),
        ("ft:gpt-x:org::id", "gpt-x", True),
    ],
)
def test_a_model_is_the_asked_one_under_a_part_of_its_name(asked, served, is_asked):
    charged = answer_cost(Usage(input_tokens=10), Served(model=served), SIMPLE, lambda _: DEAR, asked)

    assert charged.nano_usd == (10_000 if is_asked else 100_000)


@pytest.mark.parametrize(
    ("served", "rate", "beside"),
    [
        (None, 2_000, 0),
        (Served(model="m"), 2_000, 0),
        (Served(longest_prompt=10), 1_000, 0),
        (Served(longest_prompt=11), 2_000, 0),
        (Served(longest_prompt=10, iterations=(Iteration("x", Usage(input_tokens=11)),)), 1_000, 22_000),
        (Served(longest_prompt=11, iterations=(Iteration("x", Usage(input_tokens=10)),)), 2_000, 10_000),
    ],
)
def test_the_longest_prompt_of_several_decides_on_the_tier(served, rate, beside):
    price = Price(input=10**9, tiers=(Tier(11, Rates(input=2 * 10**9)),), source="list")
    usage = Usage(input_tokens=30)

    assert answer_cost(usage, served, price, nobody, "m").nano_usd == 30 * rate + beside
    assert rates_of(price, usage, served).input == rate * 10**6


def test_steps_are_rounded_together():
    price = Price(input=1, source="list")
    step = Iteration("x", Usage(input_tokens=300_000))

    assert answer_cost(step.usage, Served(iterations=(step,)), price, nobody).nano_usd == 1


def test_multipliers_are_of_tokens_alone():
    price = Price(
        input=1000,
        web_search=500,
        tiers=(Tier(100, Rates(input=2000)),),
        terms=(
            Terms("region", "us", per_mille=1100),
            Terms("speed", "fast", Rates(input=3000, web_search=500), (Tier(100, Rates(input=4000)),)),
        ),
        source="list",
    )
    both = price.under(Served(speed="fast", region="us"))

    assert (both.input, both.web_search, both.rates_at(100).input) == (3300, 500, 4400)
    assert both.source == "list, speed fast, region us"
    assert price.under(Served(model="x")) is price
    assert price.under(Served(region="us")) is price.under(Served(region="us", model="y"))


@given(st.lists(st.sampled_from(["input_tokens", "output_tokens", "cache_write_tokens", "cache_write_1h_tokens", "input_audio_tokens", "output_image_tokens", "web_searches"]), unique=True), COUNT, COUNT)  # fmt: skip
def test_what_could_not_be_read_counts_as_the_most_that_it_can_be(unread, stated_input, stated_output):
    usage = Usage(input_tokens=stated_input, output_tokens=stated_output)

    most = at_most(usage, unread, 10**6, 10**6)

    assert most.input_tokens == (10**6 if "input_tokens" in unread else stated_input)
    assert most.output_tokens == (10**6 if "output_tokens" in unread else stated_output)
    price = priced("anthropic", "claude-opus-4-8")
    assert answer_cost(most, None, price, nobody).nano_usd >= answer_cost(usage, None, price, nobody).nano_usd


@given(fresh=COUNT, hour=COUNT, searches=st.integers(0, 20), said=COUNT)
def test_no_answer_within_what_is_allowed_costs_more_than_is_held(fresh, hour, searches, said):
    price = priced("anthropic", "claude-opus-4-8")
    prompt = InputBound(fresh + hour, has_audio=False, writes_cache=True, keeps_cache=True)
    further = {"web_searches": searches} if searches else {}
    if hour:
        further["cache_write_1h_tokens"] = hour
    usage = Usage(input_tokens=fresh + hour, output_tokens=said, cache_write_tokens=hour, further=further)
    served = Served(speed="fast", region="us")

    held = estimate(price.under(served), prompt, said, beside={"web_searches": 20})

    assert answer_cost(usage, served, price, nobody).nano_usd <= held
