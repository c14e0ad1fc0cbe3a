"""A gateway that keeps a year of requests: old ones lose their rows, and its budgets refuse as they did before."""

import json
import os

import pytest

from gateway import clock
from gateway.ledger.check import check_sums
from gateway.ledger.retention import kept_since, pruned_before
from gateway.storage.engine import open_engine
from gateway.storage.partitions import month_start
from gateway.telemetry.decision_record import Charge
from tests.contract.test_shared_budgets import CENT, COUNTER, DOLLAR
from tests.support import launcher
from tests.support.ledger import settled_entries
from tests.unit.ledger.ledger_entries import entry, put
from tests.unit.storage.databases import database_url, empty_database_url

__all__ = ["database_url", "empty_database_url"]


def run(gateway, *arguments, code=0, **env):
    done = launcher.run([*arguments], env={**os.environ, "GATEWAY_DATA_DIR": str(gateway.directory / "data"), **env})
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout


@pytest.mark.service
def test_a_gateway_prunes_by_itself_and_its_budgets_refuse_as_before(start_gateway, database_url):
    database = {"GATEWAY_DATABASE_URL": database_url}
    since = kept_since(clock.microseconds(), 12)
    engine = open_engine(database_url)
    old = [
        entry(f"grq_{number}", occurred_at=at, cost_nano_usd=48 * CENT, budgets=(Charge(COUNTER.key, 48 * CENT),))
        for number, at in enumerate([month_start(since, -2), since - 1])
    ]
    put(engine, *old)
    engine.dispose()  # processes are forked from this one, and SQLite's connections are not for two
    gateway = start_gateway(DOLLAR, env=database)
    assert gateway.chat("cent").status_code == 200
    settled_entries(gateway, 3, url=database_url)
    before = json.loads(
        run(gateway, "ledger", "prune", "--keep", "1 year", "--dry-run", "--format", "json", **database)
    )
    assert [(month["requests"], month["cost_nano_usd"]) for month in before["months"]] == [(1, 48 * CENT)] * 2
    gateway.stop()

    pruning = start_gateway(DOLLAR, env={**database, "GATEWAY_LEDGER_RETENTION": "12 months"})

    assert pruning.hears("are pruned from the ledger: 2", 30)
    assert pruning.chat("cent").status_code == 200
    settled_entries(pruning, 2, url=database_url)
    pruning.stop()
    again = start_gateway(DOLLAR, env=database)
    assert [again.chat("cent").status_code for _ in range(3)] == [200, 200, 402]
    settled_entries(again, 5, url=database_url)
    with engine.connect() as connection:
        assert (check_sums(connection), pruned_before(connection)) == ((), since)
    spent = json.loads(run(again, "budgets", "-c", str(again.config), "--format", "json", **database))["budgets"]
    assert [one["spent_nano_usd"] for one in spent] == [100 * CENT]
    told = run(again, "check-ledger", "-c", str(again.config), "--format", "json", **database)
    assert json.loads(told)["pruned_before"] is not None
    refused = launcher.run(
        ["spend", "--by", "team", "--from", "500d", "--recompute", "-c", str(again.config)],
        env={**os.environ, **database},
    )
    assert refused.returncode == 1
    assert "worked out request by request, and requests before" in refused.stderr
    report = json.loads(run(again, "spend", "--by", "team", "--from", "500d", "--format", "json", **database))
    assert report["total"]["cost_nano_usd"] == 100 * CENT
    assert run(again, "ledger", "prune", code=1, **database) == ""
    engine.dispose()
