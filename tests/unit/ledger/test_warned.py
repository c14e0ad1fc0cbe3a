"""What would have been refused, by key and rule."""

import csv
import io

import pytest

from gateway.ledger import warned as reports
from gateway.ledger.period import BadParameterError
from gateway.ledger.rows import entry_of
from gateway.storage.tables import ledger_entries
from tests.unit.ledger.ledger_entries import HOUR, NOON, entry, put
from tests.unit.ledger.test_spend_report import NOW

TOOLS = "no-shell.tools"


@pytest.fixture
def ledger(engine):
    put(
        engine,
        entry("grq_1", warnings=(TOOLS,), occurred_at=NOON - 30 * HOUR),
        entry("grq_2", warnings=(TOOLS, "models_allowed"), model="o3"),
        entry("grq_3", warnings=(TOOLS, "models_allowed"), model="o3"),
        entry("grq_4", warnings=("rate_limits.rpm",), virtual_key="=ci", team="b"),
        entry("grq_5"),
    )
    return engine


def ask(engine, **parameters):
    question = reports.read_question({name: [value] for name, value in parameters.items()}, NOW)
    with engine.connect() as connection:
        return reports.warned_requests(connection, question)


def test_requests_are_counted_by_key_and_rule(ledger):
    found = ask(ledger, **{"from": "7d"})

    assert [(one.virtual_key, one.rule, one.requests, one.cost_nano_usd) for one in found] == [
        ("dev", TOOLS, 3, 870_000),
        ("dev", "models_allowed", 2, 580_000),
        ("=ci", "rate_limits.rpm", 1, 290_000),
    ]
    first = found[0]
    assert first.models == ("openai/o3", "openai/gpt-5-mini")
    assert (first.first_at, first.last_at, first.last_request) == (NOON - 30 * HOUR, NOON, "grq_3")


def test_work_that_goes_on_is_one_request_with_the_one_that_began_it(engine):
    warned = {"warnings": ("models_allowed",)}
    put(
        engine,
        entry("grq_1", endpoint="batches_create", provider="openai", model="", cost_nano_usd=None, **warned),
        entry("grq_2", endpoint="batch", provider="openai", model="o3", **warned),
        entry("grq_3", endpoint="files_list", provider=None, model=None, cost_nano_usd=None, **warned),
    )

    (found,) = ask(engine)

    assert (found.requests, found.cost_nano_usd, found.models) == (2, 290_000, ("openai/o3",))


def test_the_report_is_of_a_period_and_of_some(ledger):
    assert [one.requests for one in ask(ledger, key="dev")] == [2, 2]
    assert [one.virtual_key for one in ask(ledger, team="b")] == ["=ci"]
    assert ask(ledger, team="nobody") == ()
    with pytest.raises(BadParameterError, match="92 days at once"):
        ask(ledger, **{"from": "2024-01-01"})


def test_machines_read_it_too(ledger):
    found = ask(ledger)

    assert reports.read_document(reports.document(found)) == found
    rows = list(csv.DictReader(io.StringIO(reports.csv_text(found))))
    assert [(row["virtual_key"], row["rule"], row["cost_usd"]) for row in rows][-1] == (
        "'=ci",
        "rate_limits.rpm",
        "0.00029",
    )


def test_an_entry_reads_as_it_was_written(ledger):
    with ledger.connect() as connection:
        rows = connection.execute(ledger_entries.select().order_by(ledger_entries.c.request_id)).mappings().all()

    assert [entry_of(row).warnings or () for row in rows][1:5:3] == [(TOOLS, "models_allowed"), ()]
