"""Old requests lose their rows, and every budget and report goes on to say what it said, on both databases."""

import asyncio
import threading
from collections import Counter
from contextlib import ExitStack

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event, select, text, update
from sqlalchemy.exc import IntegrityError

from gateway import clock
from gateway.clock import moment_at
from gateway.ledger import prune as prune_module
from gateway.ledger import prune_task
from gateway.ledger.check import check_sums, mend_sums
from gateway.ledger.period import BadParameterError
from gateway.ledger.prune import MOST_ROWS, HeldError, PruneError, prospect, prune
from gateway.ledger.query import Scope, charged, entries, spend
from gateway.ledger.query import entry as entry_of_id
from gateway.ledger.rebuild import counters_in_force
from gateway.ledger.recompute import recompute
from gateway.ledger.report import document, read_document, read_question, spend_report
from gateway.ledger.retention import kept_since, pruned_before
from gateway.ledger.spool import Spool
from gateway.ledger.traffic import traffic
from gateway.ledger.unpriced import read_question as read_unpriced
from gateway.ledger.unpriced import unpriced
from gateway.ledger.writer import LedgerWriter
from gateway.money.budget import CompiledBudget, Who, counter_key, counter_root
from gateway.money.budget import Scope as BudgetScope
from gateway.money.window import Window
from gateway.storage import partitions
from gateway.storage.engine import StorageError, open_engine, writing
from gateway.storage.partitions import month_start
from gateway.storage.tables import charged_by_hour, ledger_entries, ledger_retention
from gateway.telemetry.decision_record import AttemptRecord, Charge
from tests.support.sqlite import migrated
from tests.unit.ledger.ledger_entries import HOUR, NOON, count, entry, ids_of, payload, put
from tests.unit.storage.databases import BOTH, _upgrade, empty, postgresql_database

DAY = 24 * HOUR
NOW = NOON + 20 * DAY
"""2026-01-21."""
OCTOBER, NOVEMBER, DECEMBER, JANUARY = (month_start(NOW, months) for months in (-3, -2, -1, 0))


@pytest.fixture(scope="module", params=BOTH)
def ledger_url(request, tmp_path_factory):
    """A database of this module's own: pruning changes its tables."""
    with ExitStack() as stack:
        if request.param == "sqlite":
            yield migrated(tmp_path_factory.mktemp("ledger") / "gateway.db")
        else:
            url = stack.enter_context(postgresql_database())
            _upgrade(url)
            yield url


@pytest.fixture
def engine(ledger_url):
    opened = open_engine(ledger_url)
    forget(opened)
    yield opened
    opened.dispose()


def forget(engine):
    """Nothing was ever pruned, and there are no rows."""
    empty(engine)
    partitions.in_a_moment(engine, lambda connection: partitions.retain(connection, 0))


@pytest.fixture(autouse=True)
def no_rests(monkeypatch):
    monkeypatch.setattr(prune_module, "_REST_S", 0)


def budget(name, kind, each=None, **window):
    return CompiledBudget(
        name=name, scope=BudgetScope("team", "core"), each=each, window=Window(kind, **window), limit=10**12
    )


BUDGETS = [
    budget("all", "total"),
    budget("mine", "manual", anchor=moment_at(OCTOBER + 10 * DAY + HOUR // 3)),
    budget("people", "total", each="principal"),
    budget("users", "total", each="end_user"),
    budget("monthly", "month"),
    CompiledBudget(name="tagged", scope=BudgetScope("tag", "env=test"), window=Window("total"), limit=5),
]


def charges(at, who, amount):
    """What a request adds to the counters, as its gateway knows them at that moment."""
    of = Who(virtual_key="dev", teams=("core",), principal=who, tags=("env=test",))
    names = [counter_key(one, of, who, one.window.span(at / 1e6).id) for one in BUDGETS]
    return tuple(Charge(name, amount) for name in names)


def spending(number, at, who="ada", amount=7, **members):
    return entry(
        f"grq_{number}",
        occurred_at=at,
        principal=who,
        end_user=who,
        cost_nano_usd=amount,
        budgets=charges(at, who, amount),
        **members,
    )


def rebuilt(engine, at=NOW):
    """What empty counters are brought to at a start."""
    with engine.connect() as connection:
        return {name: one.spent for name, one in counters_in_force(connection, BUDGETS, at / 1e6).items()}


def differences(engine):
    with engine.connect() as connection:
        return check_sums(connection)


def by_team_and_person(engine):
    with engine.connect() as connection:
        rows = spend(connection, ("team", "principal", "day"), start=0, end=NOW + DAY)
        return {row.group: (row.requests, row.cost_nano_usd, row.usage) for row in rows}


def test_everything_that_was_spent_stays_when_everything_is_pruned(engine):
    moments = [OCTOBER + 12 * DAY, OCTOBER + 31 * DAY - 1, NOVEMBER, DECEMBER - 5, JANUARY, NOW]
    put(engine, *(spending(number, at, "ada" if number % 2 else "bob") for number, at in enumerate(moments)))
    counters, sums = rebuilt(engine), by_team_and_person(engine)
    shared = [one for one in counters if ":each" not in one]
    with engine.connect() as connection:
        told = charged(connection, shared, start=OCTOBER + 10 * DAY + HOUR // 3, end=NOW + HOUR)
        assert [(one.requests, one.cost_nano_usd) for one in prospect(connection, DECEMBER)] == [(2, 14), (2, 14)]

    assert prune(engine, month_start(NOW, 1)) == 6

    assert count(engine) == 0
    assert (rebuilt(engine), by_team_and_person(engine), differences(engine)) == (counters, sums, ())
    with engine.connect() as connection:
        assert charged(connection, shared, start=OCTOBER + 10 * DAY + HOUR // 3, end=NOW + HOUR) == told
        assert prospect(connection, month_start(NOW, 1)) == ()
    with writing(engine) as connection:
        mend_sums(connection)
    assert (rebuilt(engine), by_team_and_person(engine), differences(engine)) == (counters, sums, ())
    assert counters["budget:all:team=core:total=total"] == 42


STEPS = st.lists(
    st.one_of(
        st.tuples(
            st.just("spend"),
            st.integers(0, 110 * 24),
            st.sampled_from(["ada", "bob", "ü"]),
            st.integers(1, 10**9),
            st.integers(0, 3 * 3_600_000),
        ),
        st.tuples(st.just("prune"), st.integers(-3, 1), st.integers(0, 4)),
        st.tuples(st.just("repair")),
    ),
    min_size=3,
    max_size=14,
)


@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_no_sequence_of_spending_pruning_dying_and_repairing_loses_or_doubles_anything(engine, steps):
    """The oracle is a plain sum; restarts are in every look, since counters are always rebuilt from nothing."""
    forget(engine)
    spent, by_day = Counter(), Counter()
    for number, step in enumerate(steps):
        if step[0] == "spend":
            _, hours, who, amount, took_ms = step
            at = OCTOBER + hours * HOUR + 17
            with engine.connect() as connection:
                if at < pruned_before(connection):
                    continue
            one = spending(number, at, who, amount, attempts=(AttemptRecord("openai", "m", "ok", 0, took_ms),))
            put(engine, one, one)
            put(engine, one)
            spent.update({charge.counter: charge.amount for charge in one.budgets})
            by_day[at // DAY] += amount
        elif step[0] == "prune":
            _, months, transactions = step
            left = iter([True] * transactions)
            prune(engine, month_start(NOW, months), go_on=lambda left=left: next(left, False))
        else:
            with writing(engine) as connection:
                mend_sums(connection)

    roots = tuple(counter_root(one, one.window.span(NOW / 1e6).id) for one in BUDGETS)
    assert rebuilt(engine) == {name: amount for name, amount in spent.items() if name.startswith(roots)}
    with engine.connect() as connection:
        rows = spend(connection, ("day",), start=0, end=NOW + 30 * DAY)
        assert sum(row.cost_nano_usd for row in rows) == by_day.total()
        assert check_sums(connection) == ()


def test_a_month_whose_sums_are_not_what_its_rows_say_is_kept(engine):
    put(engine, spending(1, OCTOBER), spending(2, NOVEMBER))
    with writing(engine) as connection:
        connection.execute(update(charged_by_hour).where(charged_by_hour.c.hour == NOVEMBER // HOUR).values(amount=0))

    with pytest.raises(PruneError, match=r"the sums of 2025-11 .*`gateway check-ledger --repair` first"):
        prune(engine, JANUARY)

    assert ids_of(engine) == {"grq_2"}
    with writing(engine) as connection:
        mend_sums(connection)
    assert prune(engine, JANUARY) == 1
    assert rebuilt(engine)["budget:all:team=core:total=total"] == 14


def test_an_attempt_that_ended_in_the_month_after_stays_counted(engine):
    put(engine, spending(1, NOVEMBER - 1, attempts=(AttemptRecord("openai", "m", "ok", 0, 60_000),)))
    put(engine, spending(2, NOVEMBER + 2 * DAY))
    prune(engine, NOVEMBER)

    with writing(engine) as connection:
        mend_sums(connection)

    assert differences(engine) == ()
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT sum(attempts) FROM attempts_by_hour")) == 2


def test_an_entry_of_a_month_that_is_pruned_is_set_aside_and_told(engine, tmp_path, caplog):
    put(engine, spending(1, OCTOBER), spending(2, NOVEMBER))
    prune(engine, NOVEMBER)
    counters = rebuilt(engine)
    spool = Spool(tmp_path / "spool", max_bytes=2**20)
    for again in (spending(1, OCTOBER), spending(2, NOVEMBER), spending(3, OCTOBER), spending(4, NOVEMBER)):
        spool.append(payload(again.request_id, occurred_at=again.occurred_at, budgets=again.budgets))

    async def ship():
        writer = LedgerWriter(spool, engine, poll_s=0.01)
        writer.start()
        assert await writer.close(10)

    asyncio.run(ship())

    assert ids_of(engine) == {"grq_2", "grq_4"}
    lines = (tmp_path / "spool" / "set-aside.jsonl").read_text().splitlines()
    assert ["grq_1" in lines[0], "grq_3" in lines[1], len(lines), spool.backlog.set_aside_count] == [True, True, 2, 2]
    assert "is set aside in" in caplog.text
    assert "requests before 2025-11-01T00:00:00Z are pruned" in caplog.text
    assert rebuilt(engine)["budget:all:team=core:total=total"] == counters["budget:all:team=core:total=total"] + 7
    assert differences(engine) == ()


def test_a_gateway_of_the_version_before_cannot_bring_back_what_is_pruned(engine):
    """It does not look whether a month is pruned; the database refuses its rows, for which it sets an entry aside."""
    put(engine, spending(1, OCTOBER), spending(2, NOVEMBER))
    prune(engine, NOVEMBER)

    with pytest.raises(IntegrityError):
        put(engine, spending(1, OCTOBER))
    put(engine, spending(2, NOVEMBER), spending(5, NOVEMBER + 1))

    assert ids_of(engine) == {"grq_2", "grq_5"}
    assert differences(engine) == ()


def test_no_transaction_deletes_more_than_a_few_rows(engine, monkeypatch):
    monkeypatch.setattr(prune_module, "MOST_ROWS", 20)
    put(engine, *(spending(number, OCTOBER + number) for number in range(43)))
    deleted, at_once = [], [0]

    def after(_connection, cursor, statement, *_):
        if statement.startswith("DELETE FROM ledger_entries"):
            at_once[0] += cursor.rowcount

    def ended(_connection):
        deleted.append(at_once[0])
        at_once[0] = 0

    event.listen(engine, "after_cursor_execute", after)
    event.listen(engine, "commit", ended)
    prune(engine, NOVEMBER)

    assert [rows for rows in deleted if rows] == [20, 20, 3]
    assert MOST_ROWS == 500
    assert count(engine) == 0


def test_one_process_prunes_at_a_time(engine):
    put(engine, spending(1, OCTOBER))
    other = update(ledger_retention).values(holder="elsewhere:7", held_until=2**51)
    with writing(engine) as connection:
        connection.execute(other)
    with pytest.raises(HeldError, match="elsewhere:7 prunes at present"):
        prune(engine, JANUARY)
    assert count(engine) == 1

    with writing(engine) as connection:
        connection.execute(other.values(held_until=1))
    prune(engine, JANUARY)

    with engine.connect() as connection:
        assert connection.scalar(select(ledger_retention.c.holder)) == ""
    assert count(engine) == 0


def test_a_prune_that_takes_long_keeps_no_process_from_ending(monkeypatch, tmp_path):
    began, may_end = threading.Event(), threading.Event()

    def takes_long(*_, **__):
        began.set()
        may_end.wait(10)

    monkeypatch.setattr(prune_task, "prune", takes_long)
    monkeypatch.setattr(prune_task, "_FIRST_S", (0.0, 0.0))
    monkeypatch.setattr(prune_task, "_FAREWELL_S", 0.01)

    async def run():
        task = prune_task.PruneTask(open_engine(f"sqlite:///{tmp_path / 'gateway.db'}"), 13)
        task.start()
        await asyncio.to_thread(began.wait, 10)
        await task.close()
        assert not may_end.is_set()
        may_end.set()

    asyncio.run(run())


def test_reports_say_what_they_cannot_say_any_more(engine):
    put(engine, *(spending(number, at, tags=("a", "b")) for number, at in enumerate([OCTOBER, NOVEMBER, JANUARY])))
    prune(engine, JANUARY)
    now = moment_at(NOW)

    def report(**asked):
        with engine.connect() as connection:
            question = read_question({name: [value] for name, value in asked.items()}, now)
            told = spend_report(connection, question)
        assert read_document(question, document(told)).total == told.total
        return told

    whole = report(**{"by": "team,virtual_key,day", "from": "2025-10"} | {"to": "2026-01"})
    assert (whole.total.cost_nano_usd, len(whole.rows)) == (21, 3)
    assert whole.pruned_told == (
        "Requests before 2026-01-01T00:00:00Z are pruned: their sums are in this report, but cannot be told apart by "
        "tag, end_user, served_model, service_tier."
    )
    assert report(by="team").pruned_told is None
    inside = report(**{"by": "team", "from": "2025-10-01T00:20:00Z"})
    assert (inside.total.requests, inside.question.period.start) == (3, OCTOBER)

    refused = {
        "tag is summed request by request, and requests before 2026-01-01": {"by": "tag", "from": "2025-12"},
        "the spend of one end user": {"by": "team", "end_user": "ada", "from": "2025-12"},
        "within an hour of UTC": {"by": "day", "timezone": "Asia/Kolkata", "from": "2025-12", "to": "2025-12"},
    }
    for words, asked in refused.items():
        with pytest.raises(BadParameterError, match=words):
            report(**asked)
    with engine.connect() as connection:
        with pytest.raises(BadParameterError, match="worked out request by request, and requests before 2026-01-01"):
            recompute(connection, ("day",), start=DECEMBER, end=NOW, cost_of=lambda *_: None)
        with pytest.raises(BadParameterError, match="summed request by request, and requests before 2026-01-01"):
            unpriced(connection, read_unpriced({"from": ["2025-12"]}, now))
        with pytest.raises(BadParameterError, match="counted request by request"):
            traffic(connection, start=DECEMBER, end=NOW, owners=("a",))
        assert traffic(connection, start=OCTOBER, end=NOW).total.requests == 3
        page = entries(connection, limit=5)
        assert ([one.request_id for one in page.entries], page.pruned_before) == (["grq_2"], JANUARY)
        assert entries(connection, limit=5, scope=Scope(team="core")).pruned_before == JANUARY
        assert entries(connection, limit=5, start=JANUARY).pruned_before is None
        assert entry_of_id(connection, "grq_0") is None


def test_what_is_kept_is_whole_months(engine):
    assert kept_since(NOW, 1) == DECEMBER
    assert kept_since(NOW, 3) == OCTOBER
    assert kept_since(month_start(NOW, 1) - 1, 13) == month_start(NOW, -13)


@pytest.fixture
def postgresql():
    with postgresql_database() as url:
        _upgrade(url)
        opened = open_engine(url)
        yield opened
        opened.dispose()


def names_of(engine):
    with engine.connect() as connection:
        return [one.name.removeprefix("ledger_entries_") for one in partitions.parts(connection)]


@pytest.mark.service
def test_a_ledger_of_postgresql_is_cut_into_months_without_a_row_being_read_under_a_lock(postgresql):
    put(postgresql, spending(1, NOVEMBER), spending(2, NOW))
    with writing(postgresql) as connection:
        connection.execute(text("GRANT SELECT, INSERT ON ledger_entries TO PUBLIC"))
    said = []
    event.listen(postgresql, "before_cursor_execute", lambda _c, _cursor, statement, *_: said.append(statement))

    partitions.cut(postgresql, NOW)

    assert names_of(postgresql) == ["2026_04", "before", "default"]
    with postgresql.connect() as connection:
        found = connection.execute(
            text(
                "SELECT relacl::text, relowner FROM pg_class WHERE relname IN ('ledger_entries', 'ledger_entries_before')"
            )
        )
        assert len({tuple(row) for row in found}) == 1
    locks = [place for place, one in enumerate(said) if one.startswith(("LOCK", "ALTER"))]
    assert locks
    validated = next(place for place, one in enumerate(said) if "VALIDATE" in one)
    assert said[validated - 1] == "SET LOCAL lock_timeout = '40ms'"

    again, later = len(said), month_start(NOW, 2)
    partitions.cut(postgresql, NOW)
    assert not [one for one in said[again:] if one.startswith(("LOCK", "ALTER", "CREATE"))]
    partitions.cut(postgresql, later)
    assert names_of(postgresql) == ["2026_04", "2026_05", "2026_06", "before", "default"]

    april = month_start(NOW, 3)
    put(postgresql, *(spending(number, at) for number, at in enumerate([NOVEMBER, april, april + 40 * DAY, 2**51])))
    put(postgresql, spending(1, april), spending(1, NOVEMBER))
    with postgresql.connect() as connection:
        places = connection.execute(text("SELECT tableoid::regclass::text, count(*) FROM ledger_entries GROUP BY 1"))
        assert dict(places.all()) == {
            "ledger_entries_before": 3,
            "ledger_entries_2026_04": 1,
            "ledger_entries_2026_05": 1,
            "ledger_entries_default": 1,
        }
    prune(postgresql, month_start(NOW, 4))
    assert names_of(postgresql)[0] != "2026_04"
    assert "before" not in names_of(postgresql)
    with pytest.raises(IntegrityError):
        put(postgresql, spending(1, april))


@pytest.mark.service
def test_whoever_reads_the_ledger_for_long_holds_up_the_prune_and_nobody_else(postgresql, monkeypatch):
    put(postgresql, spending(1, OCTOBER), spending(2, NOW))
    partitions.cut(postgresql, NOW)
    monkeypatch.setattr(partitions, "_TRIES", 2)
    with postgresql.connect() as reader:
        reader.execute(select(ledger_entries.c.request_id))

        with pytest.raises(StorageError, match="long transactions hold the ledger"):
            prune(postgresql, JANUARY)
        put(postgresql, spending(3, NOW))

    assert (count(postgresql), differences(postgresql)) == (3, ())
    assert prune(postgresql, JANUARY) == 1
    assert ids_of(postgresql) == {"grq_2", "grq_3"}


@pytest.mark.service
def test_a_machine_whose_clock_is_years_ahead_prunes_nothing(postgresql, monkeypatch):
    put(postgresql, spending(1, OCTOBER))
    ahead = clock.microseconds() + 900 * DAY
    monkeypatch.setattr(clock, "microseconds", lambda: ahead)

    with pytest.raises(PruneError, match=r"by the clock of this machine and .* by that of the database"):
        prune(postgresql, kept_since(ahead, 13))

    with postgresql.connect() as connection:
        assert pruned_before(connection) == 0
    assert count(postgresql) == 1


@pytest.mark.service
def test_a_row_from_years_ahead_keeps_a_ledger_in_one_part(postgresql):
    put(postgresql, spending(1, OCTOBER), spending(2, month_start(NOW, 300)))

    partitions.cut(postgresql, NOW)

    assert names_of(postgresql) == ["before"]
    assert prune(postgresql, JANUARY) == 1
    with pytest.raises(IntegrityError):
        put(postgresql, spending(1, OCTOBER))
