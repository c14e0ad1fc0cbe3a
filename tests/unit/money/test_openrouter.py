"""What models cost at OpenRouter, whatever stands behind their names."""

from datetime import UTC, datetime

import pytest

from gateway.money.price_lists import seller_of
from gateway.money.published_prices import PublishedPrices

AT = datetime(2026, 11, 24, tzinfo=UTC)
ROUTER = seller_of("custom", "https://openrouter.ai/api/v1")
FEE = 20_000_000


def price(model, seller=ROUTER):
    return PublishedPrices().price(seller, model, AT)


BASE = price("openai/gpt-4o")
LONG = price("anthropic/claude-sonnet-4.5")


@pytest.mark.parametrize("suffix", [":nitro", ":floor", ":exacto", ":NITRO", ":nitro:floor"])
def test_who_serves_a_model_does_not_change_its_price(suffix):
    assert price(f"openai/gpt-4o{suffix}") == BASE
    assert PublishedPrices().entry(ROUTER, f"openai/gpt-4o{suffix}") == "openrouter/openai/gpt-4o"


@pytest.mark.parametrize("suffix", [":online", ":nitro:online", ":online:nitro"])
def test_searching_the_web_costs_a_fee_with_every_request_however_long(suffix):
    found, long = price(f"openai/gpt-4o{suffix}"), price(f"anthropic/claude-sonnet-4.5{suffix}")

    assert found.known == {**BASE.known, "per_request": FEE}
    assert found.source == f"{BASE.source}, online"
    assert [long.rates_at(length).per_request for length in (0, 300_000)] == [FEE, FEE]
    assert long.rates_at(300_000).input == LONG.rates_at(300_000).input


@pytest.mark.parametrize(
    ("model", "known"),
    [
        ("deepseek/deepseek-r1:free", {"input": 0, "output": 0}),
        ("nobody/knows-it:free", {"input": 0, "output": 0}),
        ("nobody/knows-it:free:online", {"input": 0, "output": 0, "per_request": FEE}),
    ],
)
def test_free_models_cost_nothing(model, known):
    assert price(model).known == known


@pytest.mark.parametrize("model", ["openrouter/auto", "openai/gpt-4o:surprise", "nobody/knows-it:nitro", ":nitro"])
def test_what_the_list_does_not_have_stays_without_a_price(model):
    assert price(model) is None


def test_suffixes_are_those_of_one_seller():
    groq = seller_of("custom", "https://api.groq.com/openai/v1")

    assert price("openai/gpt-oss-120b", groq) is not None
    assert price("nobody/knows-it:free", groq) is None
    assert price("openai/gpt-oss-120b:nitro", groq) is None


def test_a_variant_with_a_price_of_its_own_keeps_it():
    assert price("anthropic/claude-opus-5:batch").input < price("anthropic/claude-opus-5").input
