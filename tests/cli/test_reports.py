"""`gateway spend`, `gateway budgets` and `gateway db`: what people and machines read."""

import json
import shlex
import subprocess
from datetime import UTC, datetime

import pytest

from gateway import clock
from gateway.cli.database import with_flag
from gateway.cli.tables import since
from gateway.ledger.counter_states import CounterState, report
from gateway.storage.engine import open_engine, writing
from gateway.telemetry.decision_record import Charge
from tests.support.sqlite import migrated
from tests.unit.ledger.ledger_entries import HOUR, NOON, entry, put

NOW = NOON / 1_000_000 + 600
TOTAL = "budget:company:organization=acme:month=2026-01"
PEOPLE = "budget:people:team=core:day=2026-01-01:each_principal="
CONFIG = """version: 1
organization: acme
teams: {core: {}, search: {}}
principals: {ada@example.com: {}, bob@example.com: {}}
providers: {sim: {type: simulator}}
budgets:
  company: {scope: {organization: acme}, window: month, limit_usd: 1500}
  people: {scope: {team: core}, each: principal, window: day, limit_usd: "0.5", timezone: Asia/Kolkata}
  trial: {scope: {team: search}, window: total, limit_usd: 2, provider: sim, on_breach: warn}
"""


@pytest.fixture(autouse=True)
def at_noon(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(clock, "utc_now", lambda: datetime.fromtimestamp(NOW, UTC))
    monkeypatch.setattr(clock, "now", lambda: NOW)
    monkeypatch.setenv("GATEWAY_DATA_DIR", str(tmp_path))
    monkeypatch.delenv("GATEWAY_DATABASE_URL", raising=False)
    (tmp_path / "gateway.yaml").write_text(CONFIG)


@pytest.fixture
def ledger(tmp_path):
    engine = open_engine(migrated(tmp_path / "gateway.db"))
    put(
        engine,
        entry("grq_1", team="core", cost_nano_usd=1_234_500_000_000, budgets=(Charge(TOTAL, 1_234_500_000_000),)),
        entry("grq_2", team="core", cost_nano_usd=30_000, budgets=(Charge(f"{PEOPLE}ada@example.com", 500_000_000),)),
        entry("grq_3", team="search", model="claude", provider="anthropic", cost_nano_usd=400_250_000_000),
        entry("grq_4", team="", model="\x1b[31mred\x1b[0m[bold]", status=429, cost_nano_usd=0),
        entry(
            "grq_5", team="core", occurred_at=NOON - 13 * HOUR, budgets=(Charge(f"{PEOPLE}bob@example.com", 10_000),)
        ),
    )
    yield engine
    engine.dispose()


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--by", "team,model"],
        ["--by", "team", "--by", "model", "--sort", "requests", "--limit", "2"],
        ["--by", "day", "--from", "2025-12-01"],
        ["--by", "day,team", "--from", "yesterday", "--timezone", "Europe/Amsterdam"],
        ["--team", "nobody"],
        ["--by", "model", "--format", "csv"],
        ["--by", "model", "--limit", "1", "--team", "core", "--format", "json"],
    ],
    ids=" ".join,
)
def test_spend(gateway, ledger, snapshot, arguments):
    done = gateway("spend", *arguments)

    assert done.code == 0
    assert "\x1b" not in done.out
    assert f"{done.out}{done.err}" == snapshot


@pytest.mark.parametrize("form", ["table", "csv", "json"])
def test_what_has_no_price_is_reported(gateway, ledger, snapshot, form):
    unpriced = {"usage_warning": "unpriced: model llama", "provider": "ours", "model": "llama", "cost_nano_usd": 0}
    put(
        ledger,
        entry("grq_6", **unpriced, budgets=()),
        entry("grq_7", **unpriced, budgets=()),
        entry("grq_8", usage_warning="unpriced: web_searches"),
    )

    spent, done = gateway("spend"), gateway("report", "unpriced", "--format", form)

    assert "2 models without a price, 3 requests: what these cost is in no sum. `gateway report unpriced`" in spent.err
    assert (done.code, f"{done.out}{done.err}") == (0, snapshot)


def test_that_all_has_a_price_is_said_too(gateway, ledger):
    assert "price" not in gateway("spend").err
    assert gateway("report", "unpriced").out == "All that was used in this period has a price.\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--by", "colour"], "error: --by: 'colour' is none of virtual_key, principal"),
        (["--from", "soon"], "error: --from: 'soon' is no date, moment or period; write 2026-11-24"),
        (["--to", "2020-01-01", "--from", "2020-01-02"], "error: --to: the period ends before it begins"),
        (["--timezone", "Mars"], "error: --timezone: 'Mars' is not an IANA time zone"),
        (["--limit", "0"], "error: --limit: '0' is no whole number from 1 to 10000"),
        (["--database", "oracle://x:secret@y"], "error: Databases of the kind `oracle` are not supported"),
        (["--database", "postgresql://u:secret@127.0.0.1:1/x"], "error: PostgreSQL database x at 127.0.0.1:1: "),
    ],
)
def test_spend_says_what_is_wrong(gateway, ledger, arguments, said):
    done = gateway("spend", *arguments)

    assert (done.code, done.out) == (1, "")
    assert done.err.startswith(said)
    assert "secret" not in done.err


@pytest.mark.parametrize("command", [["spend"], ["budgets", "-c", "gateway.yaml"], ["tokens", "list"]])
def test_a_database_that_is_not_there(gateway, tmp_path, command):
    missing = gateway(*command)
    (tmp_path / "gateway.db").touch()
    empty = gateway(*command)

    assert (missing.code, empty.code) == (1, 1)
    assert (
        missing.err
        == f"error: There is no SQLite database {tmp_path}/gateway.db yet. To make it, run: gateway db upgrade\n"
    )
    assert "has no tables of the gateway yet. To make them, run: gateway db upgrade" in empty.err


def test_the_next_command_works_on_the_database_that_was_given(gateway, tmp_path):
    where = f"sqlite:///{tmp_path}/my other.db"

    missing = gateway("spend", "--database", where)
    status = gateway("db", "status", "--database", where)
    printed = missing.err.rpartition("run: gateway ")[2]

    assert status.err.rpartition("run: gateway ")[2] == printed
    assert gateway(*shlex.split(printed)).code == 0
    assert gateway("spend", "--database", where).code == 0


@pytest.mark.parametrize(
    "url", ["postgresql://me:hunter2@db.example/x", "postgresql://db.example/x?user=me&password=hunter2"]
)
def test_a_next_command_has_no_password_in_it_and_runs_as_printed(monkeypatch, url):
    monkeypatch.setenv("GATEWAY_DATABASE_URL", url)

    told = with_flag("to make it, run: gateway db upgrade", url)

    assert "hunter2" not in told
    assert told == 'to make it, run: gateway db upgrade --database "$GATEWAY_DATABASE_URL"'
    run = ["sh", "-c", told.rpartition("run: ")[2].replace("gateway", "printf '%s\\n'", 1)]
    assert subprocess.run(run, check=True, capture_output=True, text=True).stdout.splitlines()[-1] == url


@pytest.mark.parametrize("form", ["table", "csv", "json"])
def test_budgets(gateway, ledger, snapshot, form):
    with writing(ledger) as connection:
        report(connection, "n1", [CounterState(TOTAL, spent=0, held=1_500, resets_at=None)], int(NOW * 1e6))
        report(connection, "n2", [CounterState(TOTAL, spent=0, held=9, resets_at=None)], int(NOW * 1e6) - 11_000_000)

    done = gateway("budgets", "-c", "gateway.yaml", "--limit", "1", "--format", form)

    assert done.code == 0
    assert f"{done.out}{done.err}" == snapshot


def test_budgets_that_count_something_else_say_what(gateway, ledger, tmp_path, snapshot):
    scope = "scope: {organization: acme}, window: total"
    (tmp_path / "others.yaml").write_text(
        f"version: 1\norganization: acme\nbudgets:\n  usd: {{{scope}, limit_usd: 12.5}}\n"
        f"  tokens: {{{scope}, limit_tokens: 2000000, model: '*opus*'}}\n"
        f"  one: {{{scope}, limit_requests: 1, endpoint: messages}}\n"
    )

    assert gateway("budgets", "-c", "others.yaml").out == snapshot


def test_budgets_of_a_file_that_is_wrong(gateway, ledger, tmp_path):
    (tmp_path / "gateway.yaml").write_text("version: 2\n")

    assert "gateway.yaml:1" in gateway("budgets", "-c", "gateway.yaml").err
    (tmp_path / "gateway.yaml").write_text("version: 1\n")
    assert gateway("budgets", GATEWAY_CONFIG="gateway.yaml").out == "The configuration has no budgets.\n"


def test_db(gateway, tmp_path):
    place = f"SQLite database {tmp_path}/gateway.db"
    before = gateway("db", "status")
    first, second = gateway("db", "upgrade"), gateway("db", "upgrade")
    after, facts = gateway("db", "status"), gateway("db", "status", "--format", "json")

    assert (before.code, first.code, second.code, after.code) == (1, 0, 0, 0)
    assert before.err == f"There is no {place} yet. To make it, run: gateway db upgrade\n"
    head = json.loads(facts.out)["expected"]
    assert json.loads(facts.out) == {"database": place, "revision": head, "expected": head, "problem": None}
    assert first.out == f"{place}: upgraded from an empty database to {head}\n"
    assert second.out == f"{place}: nothing to do, it has revision {head}\n"
    assert after.out == f"{place}: revision {head}, up to date\n"


def test_settings_that_are_wrong_are_named(gateway):
    done = gateway("spend", GATEWAY_PORT="many")

    assert done.code == 1
    assert done.err.startswith("error: GATEWAY_PORT: ")


@pytest.mark.parametrize(
    ("written", "told"),
    [
        (None, ""),
        ("2026-11-30T07:50:25.624794Z", "3 min ago"),
        ("2026-11-30T05:50:25Z", "2 h ago"),
        ("2026-11-30T05:55:00Z", "119 min ago"),
        ("2026-11-28T08:00:00Z", "47 h ago"),
        ("2026-11-28T07:50:00Z", "2 d ago"),
        ("2026-11-30T07:54:00Z", "just now"),
    ],
)
def test_tables_tell_how_long_ago_a_moment_was(written, told):
    assert since(written, clock.microseconds_of(datetime(2026, 11, 30, 7, 54, tzinfo=UTC))) == told


@pytest.mark.parametrize("form", ["table", "csv", "json"])
def test_what_would_have_been_refused_is_reported(gateway, ledger, snapshot, form):
    assert gateway("report", "warnings").out == (
        "Nothing that only warns would have refused a request in this period.\n"
    )
    put(
        ledger,
        entry("grq_6", warnings=("no-shell.tools", "rate_limits.rpm")),
        entry("grq_7", warnings=("no-shell.tools",), model="o3"),
        entry("grq_8", warnings=("models_allowed",), virtual_key="\x1b[31mred"),
    )

    done = gateway("report", "warnings", "--format", form)

    assert (done.code, f"{done.out}{done.err}") == (0, snapshot)
