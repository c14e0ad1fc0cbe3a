"""Whose price, of which model, of when: what one revision of the file says."""

from datetime import UTC, datetime

import genai_prices
import pytest
import yaml
from genai_prices.data import providers as catalogue

from gateway.money.price_lists import Seller
from gateway.money.price_times import in_force, moment_of, written_out
from gateway.money.published_prices import PublishedPrices
from gateway.snapshot.answer_costs import cost_of
from gateway.snapshot.price_lock import update
from gateway.snapshot.prices import Prices
from gateway.usage import Served, Usage
from tests.support.snapshot import config_of

PROVIDERS = """version: 1
providers:
  openai: {type: openai, api_key: "${env:K:-x}"}
  eu: {type: openai, api_key: "${env:K:-x}", base_url: "https://eu.api.openai.com/v1"}
  contract: {type: openai, api_key: "${env:K:-x}", price_factor: [{times: 0.9}, {from: 2027-01-01, times: 0.8}]}
  gemini: {type: gemini, api_key: "${env:K:-x}"}
  deepseek: {type: custom, base_url: "https://api.deepseek.com"}
  azure: {type: azure, api_key: "${env:K:-x}", base_url: "https://a.openai.azure.com"}
  zone: {type: azure, api_key: "${env:K:-x}", base_url: "https://a.openai.azure.com", zone: data_zone, price_factor: 0.5}
  bedrock: {type: bedrock, region: eu-central-1}
  vertex: {type: vertex, project: p, location: europe-west1}
  vllm: {type: custom, base_url: "http://localhost:8000/v1"}
"""
LIST = f"genai-prices {genai_prices.__version__}"
ARN = "arn:aws:bedrock:eu-central-1:123456789012:application-inference-profile/abc123"
NOVEMBER = datetime(2026, 11, 24, 12, 30, tzinfo=UTC)
MIDNIGHT = datetime(2027, 1, 1, tzinfo=UTC)
TYPES = {"eu": "openai", "contract": "openai", "deepseek": "custom", "vllm": "custom", "zone": "azure"}


def dollars(text, target, at=NOVEMBER):
    """Input and output of a target, in US dollars for a million tokens."""
    provider, _, model = target.partition("/")
    price = Prices(config_of(PROVIDERS + text)).of(provider, TYPES.get(provider, provider), model).at(at.timestamp())
    return None if price is None else (price.input / 10**9, price.output / 10**9)


def at_hour(hour, minute=0, second=0):
    return NOVEMBER.replace(hour=hour, minute=minute, second=second)


PRICES = [
    ("dated", "gemini/gemini-3.6-flash", datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC), (0.75, 3.75)),
    ("dated", "gemini/gemini-3.6-flash", MIDNIGHT, (1.5, 7.5)),
    ("a data zone, then half of it", "zone/gpt-5.4", NOVEMBER, (1.375, 8.25)),
    ("a global deployment", "azure/gpt-5.4", NOVEMBER, (2.5, 15)),
    ("a regional endpoint", "vertex/claude-sonnet-4-5", NOVEMBER, (3.3, 16.5)),
    ("a regional endpoint", "eu/gpt-5.4", NOVEMBER, (2.75, 16.5)),
    ("a contract", "contract/gpt-5", NOVEMBER, (1.125, 9)),
    ("a contract that changes", "contract/gpt-5", MIDNIGHT, (1, 8)),
    ("nobody's", "vllm/gpt-5", NOVEMBER, None),
]


@pytest.mark.parametrize(("_", "target", "at", "expected"), PRICES)
def test_a_price_is_that_of_the_moment_the_place_and_the_contract(_, target, at, expected):
    assert dollars("", target, at) == expected


WRITTEN = [
    ("{input_usd_per_mtok: 1}", "openai/GPT-5-2025-08-07", NOVEMBER, (1, 10)),
    ("{from: 2027-01-01, input_usd_per_mtok: 1}", "openai/gpt-5", MIDNIGHT.replace(year=2026), (1.25, 10)),
    ("{from: 2027-01-01, input_usd_per_mtok: 1}", "openai/gpt-5", MIDNIGHT, (1, 10)),
    ('{from: "2027-01-01T01:00:00+01:00", input_usd_per_mtok: 1}', "openai/gpt-5", MIDNIGHT, (1, 10)),
    ("{input_usd_per_mtok: 1, changes: [{from: 2027-01-01, output_usd_per_mtok: 2}]}", "openai/gpt-5", NOVEMBER, (1, 10)),
    ("{input_usd_per_mtok: 1, changes: [{from: 2027-01-01, output_usd_per_mtok: 2}]}", "openai/gpt-5", MIDNIGHT, (1.25, 2)),
    ('{changes: [{hours_utc: "22:00-02:00", input_usd_per_mtok: 3}]}', "openai/gpt-5", at_hour(21, 59, 59), (1.25, 10)),
    ('{changes: [{hours_utc: "22:00-02:00", input_usd_per_mtok: 3}]}', "openai/gpt-5", at_hour(22), (3, 10)),
    ('{changes: [{hours_utc: "22:00-02:00", input_usd_per_mtok: 3}]}', "openai/gpt-5", at_hour(1, 59, 59), (3, 10)),
    ('{changes: [{hours_utc: "22:00-02:00", input_usd_per_mtok: 3}]}', "openai/gpt-5", at_hour(2), (1.25, 10)),
    ("{price_factor: 0.9}", "openai/gpt-5", NOVEMBER, (1.125, 9)),
    ("{price_factor: 0.9, output_usd_per_mtok: 7}", "openai/gpt-5", NOVEMBER, (1.125, 7)),
    ("{from: 2027-01-01, price_factor: 0.9}", "openai/gpt-5", NOVEMBER, (1.25, 10)),
]  # fmt: skip


@pytest.mark.parametrize(("written", "target", "at", "expected"), WRITTEN)
def test_the_file_says_it_for_every_spelling_from_a_day_on_and_at_hours(written, target, at, expected):
    assert dollars(f"prices: {{openai/gpt-5: {written}}}", target, at) == expected


BASES = [
    ("azure/prod-chat", "{base_model: gpt-4o}", (2.5, 10)),
    ("azure/prod-chat", "{base_model: gpt-4o, output_usd_per_mtok: 9}", (2.5, 9)),
    ("azure/prod-chat", "{base_model: gpt-4o, price_factor: 2}", (5, 20)),
    ("zone/prod-chat", "{base_model: gpt-4o}", (1.375, 5.5)),
    (f"bedrock/{ARN}", "{base_model: us.anthropic.claude-haiku-4-5-20251001-v1:0}", (1.1, 5.5)),
    ("azure/prod-chat", "{price_factor: 0.9}", None),
    ("azure/prod-chat", "{base_model: of-nobody}", None),
]


@pytest.mark.parametrize(("target", "written", "expected"), BASES)
def test_a_deployment_costs_what_the_model_that_it_is_does(target, written, expected):
    assert dollars(f'prices: {{"{target}": {written}}}', target) == expected


def test_what_the_file_says_of_the_base_holds_for_its_deployments():
    text = "prices: {azure/gpt-4o: {input_usd_per_mtok: 2}, azure/prod-chat: {base_model: gpt-4o-2024-08-06, output_usd_per_mtok: 9}}"

    assert dollars(text, "azure/prod-chat") == (2, 9)


USAGE = Usage(input_tokens=1_000_000)
SERVED = [
    ("azure", "gpt-5-mini", "gpt-5-2025-08-07", 1.25, "LIST: openai/gpt-5, as sold by azure"),
    ("azure", "unheard-of", "gpt-4o-2024-11-20", 2.5, "LIST: openai/gpt-4o, as sold by azure"),
    ("azure", "prod-chat", "gpt-4o-2024-11-20", 7, "file: input; LIST: openai/gpt-4o, as sold by azure"),
    ("azure", "gpt-5", "of-nobody", 1.25, "LIST: openai/gpt-5, as sold by azure, as asked"),
    ("deepseek", "deepseek-reasoner", "deepseek-flash", None, "deepseek/deepseek-reasoner"),
    ("deepseek", "deepseek-flash", "deepseek-reasoner", None, "deepseek/deepseek-reasoner"),
]


@pytest.mark.parametrize(("provider", "asked", "served", "expected", "source"), SERVED)
def test_an_answer_costs_what_its_model_does_and_at_a_custom_provider_the_dearer(
    provider, asked, served, expected, source
):
    prices = Prices(config_of(PROVIDERS + "prices: {azure/prod-chat: {base_model: gpt-4o, input_usd_per_mtok: 7}}"))

    found = cost_of(
        prices, provider, TYPES.get(provider, provider), asked, USAGE, Served(model=served), NOVEMBER.timestamp()
    )

    if expected is not None:
        assert (found.nano_usd, found.source) == (expected * 10**9, source.replace("LIST", LIST))
    else:
        either = [prices.of(provider, "custom", name).at(NOVEMBER.timestamp()).input for name in (asked, served)]
        assert either[0] != either[1]
        assert found.nano_usd == max(either)


@pytest.mark.parametrize("seller", catalogue, ids=lambda one: one.id)
def test_a_lock_keeps_every_date_and_hour(seller):
    published = PublishedPrices()
    own = Seller((seller.id,), seller.id)
    for model in seller.models:
        changes = published.changes(own, model.id)
        entries = written_out(changes, lambda seconds, name=model.id: published.price(own, name, moment_of(seconds)))
        marks = {NOVEMBER.timestamp(), *changes.moments, *(one - 1 for one in changes.moments)}
        marks |= {
            day // 86_400 * 86_400 + second + shift
            for day in list(marks)
            for second in changes.daily
            for shift in (-1, 0)
        }
        for seconds in marks:
            assert in_force(entries, seconds) == published.price(own, model.id, moment_of(seconds))


def test_the_lock_is_the_same_at_every_hour_and_at_rest_once_written():
    text = PROVIDERS + "model_aliases: {a: deepseek/deepseek-v4-pro, b: gemini/gemini-3.6-flash, c: openai/gpt-5.4}\n"
    config = config_of(text)
    moments = [NOVEMBER.replace(hour=hour) for hour in range(24)]
    plans = [update(config, PublishedPrices(), at, prunes=False) for at in moments]

    assert all(one == plans[0] for one in plans)
    assert {"from", "hours_utc"} & set().union(*(one for one in plans[0].locked["deepseek/deepseek-v4-pro"]["changes"]))
    locked = "locked_prices: " + written(plans[0].locked)
    assert update(config_of(text + locked), PublishedPrices(), MIDNIGHT, prunes=False).changes == ()
    for target in plans[0].locked:
        for at in (*moments, MIDNIGHT, datetime(2026, 12, 31, tzinfo=UTC), datetime(2024, 1, 1, tzinfo=UTC)):
            assert dollars(locked, target, at) == dollars("", target, at)


def written(locked):
    return yaml.safe_dump(locked, default_flow_style=True, width=10_000)
