"""What is charged for every model of the catalogue, at its own dates, hours and tiers, beside its own calculation."""

import re
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from itertools import product

import genai_prices
import pytest
from genai_prices import Usage as TheirUsage
from genai_prices.data import providers as catalogue
from genai_prices.types import StartDateConstraint, TieredPrices

from gateway.money.price_lists import list_names
from gateway.snapshot.answer_costs import cost_of
from gateway.snapshot.prices import Prices
from gateway.usage import Served, Usage
from tests.support.snapshot import config_of

USUAL = datetime(2026, 11, 24, 12, 30, tzinfo=UTC)
STEP = timedelta(seconds=1)
OF_TOKENS = ("input_mtok", "output_mtok", "cache_read_mtok", "cache_write_mtok")


def constraints(model):
    conditional = model.prices if isinstance(model.prices, list) else []
    services = [one for one in model.price_variants or () if one.when.keys() <= {"service_tier", "speed"}]
    return [one.constraint for one in (*conditional, *services) if one.constraint is not None]


def moments(model):
    """A usual moment, and both sides of every change of the model."""
    found = {USUAL}
    stated = constraints(model)
    dates = {one.start_date for one in stated if isinstance(one, StartDateConstraint)}
    hours = {
        clock for one in stated if not isinstance(one, StartDateConstraint) for clock in (one.start_time, one.end_time)
    }
    for day in dates:
        midnight = datetime.combine(day, time(), UTC)
        found |= {midnight - STEP, midnight}
    for day, clock in product({date(2026, 11, 24), *(one + timedelta(days=1) for one in dates)}, hours):
        mark = datetime.combine(day, clock.replace(tzinfo=clock.tzinfo or UTC))
        found |= {mark - STEP, mark, mark - STEP * 0.5}
    return sorted(found)


def sizes(model):
    """A usual prompt, and both sides of every tier."""
    every = [one.prices for one in model.prices] if isinstance(model.prices, list) else [model.prices]
    tiered = [value for prices in every for value in vars(prices).values() if isinstance(value, TieredPrices)]
    return sorted({1_000, *(tier.start + more for one in tiered for tier in one.tiers for more in (0, 1))})


def services(model, at):
    """The ordinary one, and those for which the catalogue states a price at the time."""
    stated = [one for one in model.price_variants or () if one.constraint is None or one.constraint.active(at)]
    ours = [one.when for one in stated if len(one.when) == 1 and one.when.keys() <= {"service_tier", "speed"}]
    return [{}, *(one for one in ours if "default" not in one.values())]


def spelling(seller, model):
    """A name that leads to the model: some ids of the catalogue do not themselves."""
    texts = [model.id, *re.findall(r"='([^']+)'", repr(model.match))]
    return next(one for text in texts for one in (text, f"{text}1") if seller.find_model(one) is model)


@pytest.fixture(scope="module")
def prices():
    sellers = "".join(
        f"  {name}: {{type: custom, base_url: 'https://x.example/v1', prices_of: {name}}}\n" for name in list_names()
    )
    return Prices(config_of(f"version: 1\nproviders:\n{sellers}"))


@pytest.mark.parametrize("seller", catalogue, ids=lambda one: one.id)
def test_every_model_costs_what_the_catalogue_calculates(seller, prices):
    compared = 0
    for model in seller.models:
        priced = model.prices[0].prices if isinstance(model.prices, list) else model.prices
        if not any(getattr(priced, name) is not None for name in OF_TOKENS):
            continue
        name = spelling(seller, model)
        cases = [(at, size, one) for at in moments(model) for size in sizes(model) for one in services(model, at)]
        for at, size, service in cases:
            usage = Usage(input_tokens=size, output_tokens=333)
            stated = TheirUsage(input_tokens=size, output_tokens=333)
            theirs = genai_prices.calc_price(
                stated, name, provider_id=seller.id, genai_request_timestamp=at, price_context=service or None
            )
            served = Served(**service) if service else None
            ours = cost_of(prices, seller.id, "custom", name, usage, served, at.timestamp())
            assert ours.nano_usd == half_up(theirs.total_price), (model.id, at, size, service)
            compared += 1
    assert compared or not seller.models


def half_up(usd):
    return int((usd * 10**9 + Decimal("0.5")) // 1)
