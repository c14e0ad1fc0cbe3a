"""What a locked price says, and what is published beside it."""

import pytest

from gateway.snapshot.prices import Prices
from tests.support.snapshot import config_of

FILE = """version: 1
providers:
  or: {type: custom, base_url: "https://openrouter.ai/api/v1"}
  zone: {type: azure, api_key: "${env:K:-x}", base_url: "https://a.openai.azure.com", zone: data_zone}
  azure: {type: azure, api_key: "${env:K:-x}", base_url: "https://a.openai.azure.com"}
  groq: {type: openai, api_key: "${env:K:-x}", base_url: "https://api.groq.com/openai/v1"}
  both: {type: custom, base_url: "https://llm.example.com/v1", prices_of: [cerebras, groq]}
  proxy: {type: custom, base_url: "https://llm.example.com/v1"}
  unlisted: {type: openai, api_key: "${env:K:-x}", prices_of: none}
"""
LOCKED = "  %s: {input_usd_per_mtok: '3', output_usd_per_mtok: '15'%s, source: a day, locked_on: 2026-11-24}\n"
FEE = ", per_request_usd: '0.02'"
SONNET = "anthropic/claude-sonnet-4.5"
PLAIN = ((f"or/{SONNET}", ""),)
ONLINE = ((f"or/{SONNET}:online", FEE),)


def price(locks, target, locked=LOCKED):
    provider, _, model = target.partition("/")
    section = "locked_prices:\n" + "".join(locked % lock for lock in locks) if locks else ""
    config = config_of(FILE + section)
    return Prices(config).of(provider, config.providers[provider].type, model).at(1_795_000_000)


@pytest.mark.parametrize(
    ("locks", "model", "fee"),
    [
        (PLAIN, SONNET, None),
        (PLAIN, f"{SONNET}:online", 20_000_000),
        (PLAIN, f"{SONNET}:nitro", None),
        (PLAIN, f"{SONNET}:nitro:online", 20_000_000),
        (ONLINE, f"{SONNET}:online", 20_000_000),
        (ONLINE, f"{SONNET}:online:nitro", 20_000_000),
        (PLAIN + ONLINE, SONNET, None),
        (PLAIN + ONLINE, f"{SONNET}:online", 20_000_000),
    ],
)
def test_a_search_costs_its_fee_under_a_lock(locks, model, fee):
    found = price(locks, f"or/{model}")

    assert (found.input, found.per_request) == (3 * 10**9, fee)
    assert found.source.startswith("lock: a day")


def test_a_lock_of_searches_is_none_of_the_model_itself():
    found = price(ONLINE, f"or/{SONNET}")

    assert found.per_request is None
    assert not found.source.startswith("lock: ")


@pytest.mark.parametrize(
    ("provider", "regions", "dollars"),
    [
        ("zone", "", 3.3),
        ("azure", "", 3),
        ("zone", ", regions: {data_zone: {times: 2}}", 6),
        ("zone", ", regions: {eu: {times: 2}}", 3),
    ],
)
def test_what_is_published_of_regions_counts_where_a_lock_says_nothing_of_them(provider, regions, dollars):
    assert price(((f"{provider}/gpt-4o", regions),), f"{provider}/gpt-4o").input == dollars * 10**9


OPENAIS, GROQS = "genai-prices 0.2.3: openai/gpt-4o", "genai-prices 0.2.3: groq/gpt-oss-120b"


@pytest.mark.parametrize(
    ("target", "source", "counts"),
    [
        ("azure/gpt-4o", f"{OPENAIS}, as sold by azure", True),
        ("azure/gpt-4o", OPENAIS, False),
        ("groq/gpt-oss-120b", GROQS, True),
        ("groq/gpt-oss-120b", OPENAIS, False),
        ("groq/gpt-oss-120b", "agreed by mail", True),
        ("both/gpt-oss-120b", f"{GROQS}, by prices_of", True),
        ("both/gpt-oss-120b", "data.json: x-ai/grok-4", False),
        ("proxy/gpt-oss-120b", GROQS, False),
        ("unlisted/gpt-4o", OPENAIS, False),
    ],
)
def test_a_locked_price_out_of_the_list_of_another_seller_does_not_count(target, source, counts):
    def found(source):
        return price(((target, source),), target, LOCKED.replace("%s, source: a day", ", source: '%s'"))

    published = price((), target)
    assert (found(source) != published) is counts
    if counts:
        assert (found(source).input, found(source).source) == (3 * 10**9, f"lock: {source}")
