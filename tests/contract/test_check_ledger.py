"""`gateway check-ledger`: what was tampered with is found, and mended by the entries."""

import json
import os
from dataclasses import replace

import pytest
from sqlalchemy import text

from gateway.storage.engine import open_engine, writing
from tests.contract.test_budgets import config
from tests.contract.test_shared_budgets import CENT, COUNTER, DOLLAR, command, spending
from tests.support import launcher
from tests.support.ledger import settled_entries
from tests.unit.storage.databases import database_url, empty_database_url

__all__ = ["database_url", "empty_database_url"]


def check(gateway, *arguments, **env):
    """The command, as an operator of this gateway would run it."""
    done = launcher.run(
        ["check-ledger", "-c", str(gateway.config), "--format", "json", *arguments],
        env={**os.environ, "GATEWAY_DATA_DIR": str(gateway.directory / "data"), **env},
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, {one["what"]: (one["kept"], one["true"]) for one in json.loads(done.stdout)["differences"]}


def test_sums_that_differ_from_the_entries_are_found_and_mended(start_gateway, database_url):
    database = {"GATEWAY_DATABASE_URL": database_url}
    gateway = start_gateway(DOLLAR, env=database)
    gateway.chat("cent")
    settled_entries(gateway, 1, url=database_url)
    assert check(gateway, **database) == (0, {})

    engine = open_engine(database_url)
    with writing(engine) as connection:
        connection.execute(text("UPDATE spend_by_hour SET cost_nano_usd = 5"))
        connection.execute(text("DELETE FROM charged_by_hour"))
        connection.execute(text("UPDATE traffic_by_hour SET requests = 3"))
        (bucket,) = connection.scalars(text("SELECT bucket FROM traffic_by_hour"))
        (hour,) = connection.scalars(text("SELECT hour FROM spend_by_hour"))
    engine.dispose()

    found = {
        f"spend_by_hour hour {hour} cost_nano_usd": (5, CENT),
        f"charged_by_hour {hour} {COUNTER.key}": (0, CENT),
        f"traffic_by_hour {hour} 200 {bucket} ok ": (3, 1),
    }
    assert check(gateway, **database) == (1, found)
    assert check(gateway, "--repair", **database) == (0, found)
    assert check(gateway, **database) == (0, {})


def test_charges_of_what_cost_nothing_are_compared_as_well(start_gateway, database_url):
    database = {"GATEWAY_DATABASE_URL": database_url}
    scope = "scope: {team: engineering}, window: total"
    gateway = start_gateway(
        config(f"t: {{{scope}, limit_tokens: 9000}}", f"r: {{{scope}, limit_requests: 9}}"), env=database
    )
    answer = gateway.chat("simulator/who-knows")
    settled_entries(gateway, 1, url=database_url)

    assert len(gateway.record_of(answer)["budgets"]) == 2
    assert check(gateway, **database) == (0, {})


@pytest.mark.service
def test_a_counter_that_differs_from_the_entries_is_found_and_mended(start_gateway, server):
    redis = {"GATEWAY_REDIS_URL": server.url}
    scopes = {"low": "team: engineering", "high": "organization: acme"}
    budgets = [f"{name}: {{scope: {{{scope}}}, window: total, limit_usd: 1}}" for name, scope in scopes.items()]
    low, high = (
        replace(COUNTER, key=f"budget:{name}:{scope.replace(': ', '=')}:total=total") for name, scope in scopes.items()
    )
    gateway = start_gateway(config(*budgets), env=redis)
    gateway.chat("cent")
    settled_entries(gateway, 1)
    for counter in (low, high):
        gateway.wait(lambda counter=counter: spending(server.url, counter).spent == CENT)
    assert check(gateway, **redis) == (0, {})

    for counter, wrong in ((low, 7), (high, 99 * CENT)):
        command(server.url, "HSET", f"{{gw:default}}:spend:{counter.key}", "s", str(wrong))

    found = {f"counter {low.key}": (7, CENT), f"counter {high.key}": (99 * CENT, CENT)}
    assert check(gateway, "--repair", **redis) == (0, found)
    assert [spending(server.url, counter).spent for counter in (low, high)] == [CENT, CENT]

    # What was spent at another gateway is in shared counters as soon as the ledger has it.
    dump = gateway.directory / "dump.json"
    dump.write_text(json.dumps({"teams": [{"team_id": "engineering", "spend": 0.05}]}))
    done = launcher.run(
        ["import", "litellm", "--spend", str(dump), "-c", str(gateway.config)],
        env={**os.environ, "GATEWAY_DATA_DIR": str(gateway.directory / "data"), **redis},
    )
    assert done.returncode == 0, done.stderr
    assert spending(server.url, low).spent == 6 * CENT
