"""The kinds that are billed here, beside those of the catalogue."""

import pytest
from genai_prices.data import providers
from genai_prices.data_units import unit_data

from gateway.config.sections.prices import ModelRates
from gateway.money.kinds import KINDS
from gateway.money.multipliers import MULTIPLIERS
from gateway.money.prices import RATE_NAMES, Rates
from gateway.usage import FURTHER_KINDS, Usage

PUBLISHED = {name for kind in KINDS for name in kind.published}


def prices_of(model):
    dated = [one.prices for one in model.prices] if isinstance(model.prices, list) else [model.prices]
    return [*dated, *(one.prices for one in model.price_variants or ())]


def test_everything_that_any_model_of_the_catalogue_is_priced_by_is_a_kind():
    priced = {
        name
        for provider in providers
        for model in provider.models
        for prices in prices_of(model)
        for name, price in vars(prices).items()
        if price is not None
    }

    assert len(priced) > 20
    assert priced <= PUBLISHED


def test_every_kind_of_the_catalogue_without_a_row_is_one_that_no_model_is_priced_by():
    units = {unit["price_key"]: unit for unit in unit_data.values()}
    rows = {name: kind for kind in KINDS for name in kind.published}

    assert rows.keys() <= units.keys()
    for name, kind in rows.items():
        each = 3_600_000 / 3600 if kind.figure.endswith("_ms") else 1
        assert units[name]["per"] * each == kind.per * kind.published[name], name


def test_a_kind_is_a_rate_a_field_of_the_file_and_a_figure():
    assert tuple(Rates.__struct_fields__) == RATE_NAMES
    assert [kind.usd for kind in KINDS] == list(ModelRates.model_fields)
    assert [kind.words for kind in KINDS] == [field.description for field in ModelRates.model_fields.values()]
    assert {kind.figure for kind in KINDS} == {
        "requests",
        *(name for name in Usage.__struct_fields__ if name != "further"),
        *FURTHER_KINDS,
    }


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.rate)
def test_tokens_fall_to_the_rate_of_their_direction(kind):
    direction = "output" if kind.rate.startswith("output") else "input"

    assert (kind.falls_to[-1:] == (direction,)) == (kind.is_of_tokens and kind.rate != direction)
    assert set(kind.falls_to) <= set(RATE_NAMES)


def test_multipliers_are_of_publishers_of_the_catalogue_and_of_models_that_it_has():
    models = {provider.id: [model.id for model in provider.models] for provider in providers}
    models["google"] += models["anthropic"]
    models["azure"] += models["openai"]

    for row in MULTIPLIERS:
        assert any(row.applies_to(row.publisher, model) for model in models[row.publisher]), row


@pytest.mark.parametrize(
    ("publisher", "model", "by", "value", "times"),
    [
        ("anthropic", "claude-opus-4-6", "region", "us", 1100),
        ("anthropic", "claude-sonnet-4-5", "region", "us", None),
        ("anthropic", "claude-haiku-5-5", "region", "us", 1100),
        ("anthropic", "claude-opus-4-7", "speed", "fast", 6000),
        ("openai", "gpt-6-astra", "service_tier", "ultrafast", 6000),
        ("openai", "gpt-6.1-sol", "service_tier", "ultrafast", 6000),
        ("openai", "gpt-6-sol", "service_tier", "ultrafast", None),
        ("openai", "gpt-5.4-mini", "region", "regional", 1100),
        ("openai", "gpt-5.2", "region", "regional", None),
        ("azure", "gpt-4.1", "service_tier", "priority", 1750),
        ("azure", "gpt-5.5", "service_tier", "priority", 2500),
        ("azure", "gpt-5.6-sol", "service_tier", "priority", 2000),
        ("aws", "amazon.nova-pro-v1:0", "service_tier", "priority", 1750),
        ("aws", "openai.gpt-oss-120b-1:0", "service_tier", "flex", 500),
        ("aws", "global.openai.gpt-5.6-sol", "service_tier", "priority", None),
        ("aws", "us.anthropic.claude-haiku-4-5-20251001-v1:0", "service_tier", "flex", None),
        ("aws", "us.anthropic.claude-3-5-haiku-20241022-v1:0", "speed", "optimized", 1250),
        ("google", "gemini-3.6-flash", "service_tier", "priority", 1800),
        ("google", "gemini-3.6-flash", "region", "regional", 1100),
        ("google", "gemini-2.5-pro", "region", "regional", None),
        ("google", "claude-sonnet-4-5@20250929", "region", "regional", 1100),
    ],
)
def test_what_a_service_costs_beside_the_list(publisher, model, by, value, times):
    found = {
        row.per_mille for row in MULTIPLIERS if row.applies_to(publisher, model) and (row.by, row.value) == (by, value)
    }

    assert found == (set() if times is None else {times})
