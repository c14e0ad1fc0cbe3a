from datetime import UTC, datetime
from decimal import Decimal

import pytest

from gateway.money.cost import cost
from gateway.money.price_lists import seller_of
from gateway.money.prices import Override, Price, Rates, Tier, overridden, rates_in_usd
from gateway.money.published_prices import PublishedPrices
from gateway.usage import Served, Usage

NOW = datetime(2026, 11, 24, tzinfo=UTC)
PUBLISHED = PublishedPrices()


def published(type_, model, at=NOW, address=None, prices_of=None, **served):
    price = PUBLISHED.price(seller_of(type_, address, prices_of), model, at)
    return price if price is None else price.under(Served(**served))


KNOWN = [
    ("openai", "gpt-5-mini", "0.25", "2", "0.025", None),
    ("openai", "gpt-5-mini-2025-08-07", "0.25", "2", "0.025", None),
    ("azure", "gpt-5-mini", "0.25", "2", "0.025", None),
    ("anthropic", "claude-haiku-4-5", "1", "5", "0.1", "1.25"),
    ("vertex", "claude-haiku-4-5@20251001", "1", "5", "0.1", "1.25"),
    ("bedrock", "us.anthropic.claude-haiku-4-5-20251001-v1:0", "1.1", "5.5", "0.11", "1.375"),
    ("openai", "text-embedding-3-small", "0.02", None, None, None),
    ("gemini", "models/gemini-2.5-pro", "1.25", "10", "0.125", None),
]


@pytest.mark.parametrize(("type_", "model", *"iorw"), KNOWN)
def test_known_models(type_, model, i, o, r, w):
    price = published(type_, model)

    stated = rates_in_usd(**{
        name: None if usd is None else Decimal(usd)
        for name, usd in zip(
            ("input_usd_per_mtok", "output_usd_per_mtok", "cache_read_usd_per_mtok", "cache_write_usd_per_mtok"), (i, o, r, w), strict=True
        )
    })  # fmt: skip
    assert {
        name: rate for name, rate in price.known.items() if name in ("input", "output", "cache_read", "cache_write")
    } == stated.known
    assert price.source.startswith("genai-prices ")


def test_hand_computed_costs():
    usage = Usage(input_tokens=1_200, cache_read_tokens=1_000, output_tokens=300)
    assert cost(usage, published("openai", "gpt-5-mini")) == 200 * 250 + 1_000 * 25 + 300 * 2_000
    written = Usage(input_tokens=5_000, cache_read_tokens=1_000, cache_write_tokens=3_000, output_tokens=100)
    assert cost(written, published("anthropic", "claude-haiku-4-5")) == 1_000_000 + 100_000 + 3_750_000 + 500_000
    assert cost(Usage(input_tokens=7), published("openai", "text-embedding-3-small")) == 140


def test_a_long_prompt_pays_the_upper_tier_for_all_its_tokens():
    price = published("gemini", "gemini-2.5-pro")

    assert cost(Usage(input_tokens=200_000, output_tokens=10), price) == 200_000 * 1_250 + 10 * 10_000
    assert cost(Usage(input_tokens=200_001, output_tokens=10), price) == 200_001 * 2_500 + 10 * 15_000


def test_a_service_tier_has_its_own_price_from_its_date_on():
    assert published("openai", "gpt-5-mini", service_tier="priority").output == 3_600_000_000
    assert (
        published("openai", "gpt-5-mini", datetime(2026, 1, 1, tzinfo=UTC), service_tier="priority").output
        == 2_000_000_000
    )
    assert published("openai", "gpt-5-mini", service_tier="unheard-of").output == 2_000_000_000


@pytest.mark.parametrize(
    ("type_", "model", "address", "prices_of"),
    [
        ("openai", "made-up", None, None),
        ("openai", "gpt-5", None, "none"),
        ("simulator", "gpt-5", None, None),
        ("custom", "gpt-5", "https://llm.example.com/v1", None),
        ("openai", "gpt-5", "https://api.groq.com/openai/v1", None),
        ("azure", "deepseek-v4-pro", "https://ours.openai.azure.com", None),
        ("azure", "gpt-oss-120b", "https://ours.openai.azure.com", None),
    ],
)
def test_what_the_sellers_list_does_not_know_is_unpriced(type_, model, address, prices_of):
    assert published(type_, model, address=address, prices_of=prices_of) is None


@pytest.mark.parametrize(
    ("type_", "model", "address", "prices_of", "told"),
    [
        ("custom", "llama-3.3-70b-versatile", "https://api.groq.com/openai/v1", None, "groq/llama-3.3-70b-versatile"),
        ("custom", "grok-4", "https://API.X.AI/v1", None, "x-ai/grok-4-0709"),
        ("openai", "llama-3.3-70b-versatile", "https://api.groq.com/v1", None, "groq/llama-3.3-70b-versatile"),
        ("openai", "gpt-5", "https://llm.example.com/v1", None, "openai/gpt-5"),
        ("azure", "gpt-5", None, None, "openai/gpt-5, as sold by azure"),
        ("azure", "o3", None, None, "azure/o3-2025-04-16"),
        ("azure", "deepseek-v4-pro", None, ["azure", "deepseek"], "deepseek/deepseek-v4-pro, by prices_of"),
        ("azure", "gpt-5", None, ["azure", "deepseek"], "openai/gpt-5, as sold by azure"),
        ("custom", "gpt-5", "https://llm.example.com/v1", "azure", "openai/gpt-5, as sold by azure, by prices_of"),
        ("custom", "gpt-5", "https://llm.example.com/v1", "openai", "openai/gpt-5, by prices_of"),
        ("openai", "gpt-5", None, "openai", "openai/gpt-5"),
    ],
)
def test_the_address_says_whose_list_counts_and_the_file_where_it_cannot(type_, model, address, prices_of, told):
    assert published(type_, model, address=address, prices_of=prices_of).source.partition(": ")[2] == told


LISTED = Price(input=10, output=20, tiers=(Tier(100, Rates(input=11, output=22)),), source="list")


def found(listed, override):
    return overridden(listed, Override(override))


def test_an_override_replaces_what_it_sets_at_every_length():
    price = found(LISTED, Rates(output=5))

    assert (price.input, price.output) == (10, 5)
    assert price.rates_at(100) == Rates(input=11, output=5)
    assert price.source == "file: output; list"


def test_an_override_of_everything_is_the_files_price():
    assert found(LISTED, Rates(input=0, output=1)) == Price(input=0, output=1, source="file")
    assert found(None, Rates(input=3)) == Price(input=3, source="file")


def test_without_input_output_or_request_there_is_no_price():
    assert found(None, Rates(cache_read=3)) is None
    assert found(None, Rates()) is None
    assert found(LISTED, Rates()) == LISTED
    assert overridden(LISTED, None) == LISTED


def test_prices_that_make_no_sense_are_refused():
    with pytest.raises(ValueError, match="negative"):
        Rates(input=-1)
    with pytest.raises(ValueError, match="growing"):
        Price(input=1, tiers=(Tier(5, Rates()), Tier(5, Rates())), source="x")
