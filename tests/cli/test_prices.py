"""`gateway prices`: the lock of prices, what is compared with it, and periods at other prices."""

import json

import msgspec
import pytest
import yaml

from gateway.ledger.insert import insert_entries
from gateway.ledger.pace import FAST
from gateway.money.cost import STATED
from gateway.storage.engine import open_engine, writing
from gateway.telemetry.decision_record import DecisionRecord
from gateway.usage import Usage
from tests.support.sqlite import migrated

FILE = """version: 1
providers:
  openai: {type: openai, api_key: "${env:KEY:-x}"}
  spare: {type: openai, api_key: "${env:KEY:-x}"}
  sim: {type: simulator}
model_aliases:
  fast: openai/gpt-5-mini
  smart: [openai/gpt-5, {model: gpt-5, balance: {spare: 1}}]
  free: sim/made-up
prices:
  sim/priced: {input_usd_per_mtok: 1}
"""
STALE = """version: 1
locked_prices:
  openai/gpt-5: {input_usd_per_mtok: "99", output_usd_per_mtok: "10", source: "an old day", locked_on: 2025-01-01}
"""


@pytest.fixture
def file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GATEWAY_CONFIG", raising=False)
    path = tmp_path / "gateway.yaml"
    path.write_text(FILE)
    return path


@pytest.fixture
def lock(file):
    return file.with_name("prices.lock.yaml")


def locked(lock):
    return yaml.safe_load(lock.read_text())["locked_prices"]


def test_update_locks_every_model_that_is_named_and_published_and_is_at_rest_then(gateway, lock):
    done = gateway("prices", "update", "-c", "gateway.yaml")

    assert done.code == 0, done.err
    assert set(locked(lock)) == {"openai/gpt-5-mini", "openai/gpt-5", "spare/gpt-5"}
    assert locked(lock)["openai/gpt-5"]["input_usd_per_mtok"] == "1.25"
    assert "nobody publishes a price of sim/made-up" in done.err
    assert "sim/priced" not in done.err
    written = lock.read_bytes()

    again = gateway("prices", "update", "-c", "gateway.yaml")

    assert "nothing changes" in again.err
    assert lock.read_bytes() == written
    assert gateway("prices", "diff", "-c", "gateway.yaml", "--exit-code").code == 0


def test_diff_says_what_moved_and_changes_nothing(gateway, lock):
    lock.write_text(STALE)

    done = gateway("prices", "diff", "-c", "gateway.yaml", "--exit-code")

    assert done.code == 2
    assert "~ openai/gpt-5\n    input_usd_per_mtok: 99 -> 1.25\n" in done.out
    assert lock.read_text() == STALE
    changes = json.loads(gateway("prices", "diff", "-c", "gateway.yaml", "--format", "json").out)["changes"]
    assert {(one["target"], one["action"]) for one in changes} == {
        ("openai/gpt-5", "change"),
        ("openai/gpt-5-mini", "add"),
        ("spare/gpt-5", "add"),
    }


def test_the_lock_wins_over_the_catalogue_and_the_file_over_the_lock(gateway, file, lock):
    lock.write_text(STALE)
    file.write_text(FILE + "  openai/gpt-5: {output_usd_per_mtok: 7}\n")

    listed = json.loads(gateway("prices", "list", "-c", "gateway.yaml", "--format", "json").out)

    rates = {one["model"]: (one["rates"], one["source"]) for one in listed}
    assert rates["openai/gpt-5"] == (
        {"input_usd_per_mtok": "99", "output_usd_per_mtok": "7"},
        "file: output; lock: an old day",
    )
    assert rates["sim/made-up"] == ({}, None)


def test_what_is_not_named_any_more_stays_until_it_is_pruned(gateway, file, lock):
    gateway("prices", "update", "-c", "gateway.yaml")
    file.write_text(FILE.replace("  fast: openai/gpt-5-mini\n", ""))

    gateway("prices", "update", "-c", "gateway.yaml")
    assert "openai/gpt-5-mini" in locked(lock)

    assert "- openai/gpt-5-mini" in gateway("prices", "update", "-c", "gateway.yaml", "--prune").out
    assert "openai/gpt-5-mini" not in locked(lock)


def test_a_lock_that_is_wrong_makes_the_configuration_wrong(gateway, lock):
    lock.write_text(STALE.replace('"99"', "much") + "  gone/model: {source: x, locked_on: 2025-13-01}\n")

    done = gateway("validate", "gateway.yaml")

    assert done.code == 1
    assert "prices.lock.yaml:3:38: error[" in done.err
    assert "prices.lock.yaml:4:" in done.err


def test_a_directory_holds_its_lock(gateway, file, lock):
    gateway("prices", "update", "-c", ".")

    assert lock.exists()
    assert gateway("validate", ".").code == 0


def test_a_period_can_be_seen_at_todays_prices(gateway, file, snapshot):
    url = migrated(file.with_name("ledger.db"))
    engine = open_engine(url)
    entry = DecisionRecord(
        request_id="a", occurred_at=1_795_000_000_000_000, virtual_key="dev", team="t", provider="openai",
        provider_type="openai", model="gpt-5", status=200, outcome="ok", cost_nano_usd=5,
        usage=Usage(input_tokens=1_000_000, output_tokens=0),
    )  # fmt: skip
    unknown = DecisionRecord(
        request_id="b", occurred_at=1_795_000_000_000_001, team="t", provider="sim", provider_type="simulator",
        model="made-up", status=200, outcome="ok", cost_nano_usd=7, usage=Usage(input_tokens=3),
    )  # fmt: skip
    stated = msgspec.structs.replace(unknown, request_id="c", model="said", price_source=STATED, cost_nano_usd=9)
    with writing(engine) as connection:
        insert_entries(connection, [entry, unknown, stated], FAST)
    engine.dispose()
    arguments = ("spend", "--recompute", "-c", "gateway.yaml", "--from", "2026-11", "--database", url)

    done = gateway(*arguments)

    assert done.code == 0, done.err
    assert done.out == snapshot
    rows = json.loads(gateway(*arguments, "--by", "model", "--format", "json").out)
    assert [(row["group"]["model"], row["charged"], row["recomputed"], row["unpriced"]) for row in rows] == [
        ("gpt-5", 5, 1_250_000_000, 0),
        ("made-up", 7, 7, 1),
        ("said", 9, 9, 0),
    ]
    assert "Requests that were charged what their answers stated: 1; they stay at that." in done.err
    assert gateway(*arguments, "--format", "csv").out.splitlines()[1] == "t,3,21,1250000016,1,1"


@pytest.mark.parametrize(("prices_at", "dollars"), [(None, 2), ("now", 2), ("request", 1)])
def test_a_period_can_be_seen_at_the_prices_of_its_own_time(gateway, file, prices_at, dollars):
    url = migrated(file.with_name("ledger.db"))
    file.write_text(
        FILE + "  openai/gpt-5: {input_usd_per_mtok: 1, changes: [{from: 2021-01-01, input_usd_per_mtok: 2}]}\n"
    )
    engine = open_engine(url)
    entry = DecisionRecord(
        request_id="a", occurred_at=1_600_000_000_000_000, virtual_key="dev", team="t", provider="openai",
        provider_type="openai", model="gpt-5", status=200, outcome="ok", cost_nano_usd=5,
        usage=Usage(input_tokens=1_000_000, output_tokens=0),
    )  # fmt: skip
    with writing(engine) as connection:
        insert_entries(connection, [entry], FAST)
    engine.dispose()
    when = () if prices_at is None else ("--prices-at", prices_at)

    done = gateway(
        "spend",
        "--recompute",
        *when,
        "-c",
        "gateway.yaml",
        "--from",
        "2020-09",
        "--database",
        url,
        "--format",
        "csv",
    )

    assert done.out.splitlines()[1] == f"t,1,5,{dollars}000000000,0,0", done.err


PROVIDERS = """version: 1
providers:
  fast: {type: custom, base_url: "https://api.groq.com/openai/v1"}
  groq: {type: custom, base_url: "https://llm.example.com/v1"}
  openai: {type: openai, api_key: "${env:KEY:-x}"}
  proxied: {type: openai, api_key: "${env:KEY:-x}", base_url: "https://proxy.example.com/v1"}
  foundry: {type: azure, api_key: "${env:KEY:-x}", base_url: "https://a.openai.azure.com", prices_of: [azure, deepseek]}
  sim: {type: simulator}
model_aliases: {fast: fast/llama-3.3-70b-versatile, mine: groq/llama-3.3-70b-versatile, deep: foundry/deepseek-v4-pro}
"""


def test_validate_tells_whose_list_counts_at_each_provider(gateway, file):
    file.write_text(PROVIDERS)

    assert gateway("validate", "gateway.yaml").out.splitlines()[-1] == (
        "Price lists: groq for fast; none for groq; openai for openai, proxied; azure, deepseek for foundry."
    )
    assert json.loads(gateway("validate", "gateway.yaml", "--format", "json").out)["price_lists"] == {
        "fast": ["groq"],
        "groq": [],
        "openai": ["openai"],
        "proxied": ["openai"],
        "foundry": ["azure", "deepseek"],
    }


def test_list_and_lock_name_the_list_of_a_price(gateway, file, lock):
    file.write_text(PROVIDERS)

    listed = json.loads(gateway("prices", "list", "-c", "gateway.yaml", "--format", "json").out)

    assert {one["model"]: one["source"] and one["source"].partition(": ")[2] for one in listed} == {
        "fast/llama-3.3-70b-versatile": "groq/llama-3.3-70b-versatile",
        "groq/llama-3.3-70b-versatile": None,
        "foundry/deepseek-v4-pro": "deepseek/deepseek-v4-pro, by prices_of",
    }
    gateway("prices", "update", "-c", "gateway.yaml")
    assert set(locked(lock)) == {"fast/llama-3.3-70b-versatile", "foundry/deepseek-v4-pro"}


MOVING = """version: 1
providers:
  openai: {type: openai, api_key: "${env:KEY:-x}"}
  other: {type: custom, base_url: "https://api.groq.com/openai/v1"}
model_aliases: {ours: openai/ours, theirs: other/llama-3.3-70b-versatile}
prices:
  openai/ours: {base_model: gpt-5}
"""
GROQ = 'base_url: "https://api.groq.com/openai/v1"'


@pytest.mark.parametrize(
    ("old", "new", "told", "sign"),
    [
        ("gpt-5", "gpt-5-mini", "openai/ours is that of openai/gpt-5; the model is openai/gpt-5-mini", "~"),
        (
            GROQ,
            'base_url: "https://api.cerebras.ai/v1"',
            "other/llama-3.3-70b-versatile is out of the list of groq, and does not count; that of cerebras does",
            "-",
        ),
        (
            GROQ,
            'base_url: "https://llm.example.com/v1"',
            "other/llama-3.3-70b-versatile is of a provider to which no list applies, and does not count",
            "-",
        ),
        (
            GROQ,
            f"{GROQ}, prices_of: none",
            "other/llama-3.3-70b-versatile is of a provider to which no list applies, and does not count",
            "-",
        ),
    ],
)
def test_a_lock_of_another_list_or_model_is_told_and_mended(gateway, file, lock, old, new, told, sign):
    file.write_text(MOVING)
    gateway("prices", "update", "-c", "gateway.yaml")
    assert "moved-locked-price" not in gateway("validate", "gateway.yaml").err

    file.write_text(MOVING.replace(old, new))
    done = gateway("validate", "gateway.yaml")
    updated = gateway("prices", "update", "-c", "gateway.yaml")

    assert done.code == 0
    assert f"[moved-locked-price] the locked price of {told}" in done.err
    assert f"{sign} {told.partition(' ')[0]}\n" in updated.out
    assert "moved-locked-price" not in gateway("validate", "gateway.yaml").err


def test_a_lock_of_the_same_price_in_another_list_has_its_source_mended(gateway, file, lock):
    file.write_text(MOVING)
    gateway("prices", "update", "-c", "gateway.yaml")
    lock.write_text(lock.read_text().replace(": openai/gpt-5", ": openai/gpt-4.1"))

    assert "openai/ours is that of openai/gpt-4.1; the model is openai/gpt-5" in gateway("validate", "gateway.yaml").err
    assert "    source: genai-prices" in gateway("prices", "update", "-c", "gateway.yaml").out
    assert locked(lock)["openai/ours"]["source"].endswith(": openai/gpt-5")
    assert "nothing changes" in gateway("prices", "update", "-c", "gateway.yaml").err
