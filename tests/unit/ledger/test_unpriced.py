"""What costs leave out."""

import csv
import io

import pytest

from gateway.ledger import unpriced as reports
from gateway.ledger.period import BadParameterError
from gateway.ledger.report import csv_text, document, read_question, spend_report
from tests.unit.ledger.ledger_entries import HOUR, NOON, assert_sums_agree, entry, put
from tests.unit.ledger.test_spend_report import NOW


@pytest.fixture
def ledger(engine):
    free = {"usage_warning": "unpriced: model gpt4o", "provider": "azure", "model": "gpt4o"}
    put(
        engine,
        entry("grq_1", **free, occurred_at=NOON - 30 * HOUR),
        entry("grq_2", **free, team="b"),
        entry("grq_3", usage_warning="unpriced: web_searches, service_tier turbo; unreadable: usage.x"),
        entry("grq_4", usage_warning="usage-not-reported"),
        entry("grq_5"),
        entry("grq_6", status=403, error_code="model_unpriced", provider="azure", model="=new", usage=None),
    )
    return engine


def ask(engine, **parameters):
    question = reports.read_question({name: [value] for name, value in parameters.items()}, NOW)
    with engine.connect() as connection:
        return reports.unpriced(connection, question)


def test_the_report_names_models_kinds_and_refusals(ledger):
    found = ask(ledger, **{"from": "7d"})

    assert [(one.provider, one.model, one.what, one.requests, one.refused) for one in found] == [
        ("azure", "gpt4o", ("model gpt4o",), 2, 0),
        ("openai", "gpt-5-mini", ("web_searches", "service_tier turbo"), 1, 0),
        ("azure", "=new", (), 0, 1),
    ]
    assert (found[0].first_at, found[0].last_at, found[0].input_tokens) == (NOON - 30 * HOUR, NOON, 2000)


def test_the_report_is_of_a_period_and_of_some(ledger):
    assert [one.requests for one in ask(ledger, provider="azure", model="gpt4o")] == [1]
    assert ask(ledger, team="nobody") == ()
    with pytest.raises(BadParameterError, match="92 days at once"):
        ask(ledger, **{"from": "2024-01-01"})


def test_machines_read_it_too(ledger):
    rows = list(csv.DictReader(io.StringIO(reports.csv_text(ask(ledger)))))

    assert [(row["model"], row["what"], row["refused"]) for row in rows] == [
        ("gpt4o", "model gpt4o", "0"),
        ("gpt-5-mini", "web_searches; service_tier turbo", "0"),
        ("'=new", "", "1"),
    ]
    assert reports.document(ask(ledger))[0]["last_at"] == "2026-01-01T12:00:00.000Z"


@pytest.mark.parametrize(
    ("begin", "by", "unpriced"),
    [
        ("2025-12-31", "provider", {"azure": 2, "openai": 1}),
        ("2026-01-01", "provider", {"azure": 1, "openai": 1}),
        ("2026-01-01", "team", {"b": 1, "core": 1}),
        ("2026-01-01", "tag", {"env=test": 2}),
    ],
)
def test_spend_says_how_many_requests_it_leaves_out(ledger, begin, by, unpriced):
    question = read_question({"by": [by], "from": [begin]}, NOW)
    with ledger.connect() as connection:
        found = spend_report(connection, question)

    assert {row.group[0]: row.unpriced_requests for row in found.rows} == unpriced
    assert document(found)["unpriced"]["requests"] == sum(unpriced.values())
    assert {row["unpriced_requests"] for row in csv.DictReader(io.StringIO(csv_text(found)))} == {
        str(count) for count in unpriced.values()
    }


def test_spend_says_it_in_a_sentence(ledger):
    with ledger.connect() as connection:
        some = spend_report(connection, read_question({"from": ["2025-12-31"]}, NOW))
        none = spend_report(connection, read_question({"team": ["nobody"]}, NOW))

    assert some.unpriced_told == "2 models without a price, 3 requests: what these cost is in no sum."
    assert document(some)["unpriced"]["models"][0] == {"provider": "azure", "model": "gpt4o", "requests": 2}
    assert none.unpriced_told is None


def test_sums_agree_with_entries(ledger):
    assert_sums_agree(ledger)
