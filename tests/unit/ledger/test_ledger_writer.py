"""From the spool to the database, through kills and outages."""

import asyncio
import os
import random
import signal
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import pytest
from sqlalchemy import Engine, exc, text

import gateway.ledger.writer as writer_module
from gateway.ledger.backlog import Backlog
from gateway.ledger.pace import FAST, GENTLE
from gateway.ledger.query import entries
from gateway.ledger.spool import Spool
from gateway.ledger.writer import LedgerWriter
from gateway.storage.engine import open_engine
from gateway.storage.migrate import upgrade
from gateway.telemetry.decision_record import Charge
from tests.support.sqlite import migrated
from tests.unit.ledger.ledger_entries import assert_sums_agree, count, ids_of, payload
from tests.unit.storage.databases import postgresql_database

MIB = 1024 * 1024

UNDER_LOAD = """
import asyncio, os, sys
from pathlib import Path
from gateway.ledger.spool import Spool
from gateway.ledger.writer import LedgerWriter
from gateway.storage.engine import open_engine
from tests.unit.ledger.ledger_entries import NOON, payload

async def main(prefix):
    spool = Spool(Path(sys.argv[1]), max_bytes=2**30, segment_bytes=20_000)
    writer = LedgerWriter(spool, open_engine(sys.argv[2]), poll_s=0.001)
    writer.start()
    number = 0
    while True:
        for _ in range(20):
            number += 1
            request_id = f"{prefix}_{number}"
            assert spool.append(payload(request_id, occurred_at=NOON + number * 1_000_000, model=f"m{number % 3}"))
            os.write(1, request_id.encode() + b"\\n")
        await asyncio.sleep(0)

for line in sys.stdin:  # each line is answered by a process that works until it is killed
    if (pid := os.fork()) == 0:
        os.write(1, f"{os.getpid()}\\n".encode())
        asyncio.run(main(line.strip()))
    os.waitpid(pid, 0)
    os.write(1, b"\\nended\\n")
"""


HOLDS_THE_LOCK = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print("held", flush=True)
sys.stdin.readline()
"""


def ship(spool: Spool, engine: Engine, timeout_s: float = 30) -> LedgerWriter:
    """Ships everything, in a loop of its own, and closes the writer."""

    async def run() -> LedgerWriter:
        writer = LedgerWriter(spool, engine, poll_s=0.01)
        writer.start()
        assert await writer.close(timeout_s), writer.last_error
        return writer

    return asyncio.run(run())


async def nothing_waits(writer: LedgerWriter) -> None:
    async with asyncio.timeout(30):
        while writer.depth:
            await asyncio.sleep(0.01)


@pytest.fixture
def spool(tmp_path: Path):
    opened = Spool(tmp_path / "spool", max_bytes=64 * MIB, segment_bytes=20_000)
    yield opened
    opened.close()


def test_entries_reach_the_database_by_themselves(engine, spool):
    async def run() -> None:
        writer = LedgerWriter(spool, engine, poll_s=0.01)
        writer.start()
        for number in range(300):
            spool.append(payload(f"grq_{number}"))
        assert writer.depth == 300
        assert writer.oldest_s >= 0
        await nothing_waits(writer)
        assert writer.oldest_s == 0
        assert writer.last_error is None
        assert await writer.close(1)

    asyncio.run(run())

    assert count(engine) == 300
    assert_sums_agree(engine)


def test_what_piled_up_is_shipped_without_pauses(engine, spool):
    for number in range(300):
        spool.append(payload(f"grq_{number}"))

    async def run() -> None:
        writer = LedgerWriter(spool, engine, poll_s=3600)
        writer.start()
        async with asyncio.timeout(30):
            while spool.backlog.is_behind:
                await asyncio.sleep(0.01)
        assert count(engine) > 250
        assert await writer.close(30)

    asyncio.run(run())

    assert count(engine) == 300


def test_a_batch_that_was_committed_but_not_forgotten_is_not_counted_twice(engine, spool, monkeypatch):
    for number in range(100):
        spool.append(payload(f"grq_{number}"))
    forget, failures = spool.backlog.ship, iter([True, True])

    def forget_later(batch):
        if next(failures, False):
            raise OSError(5, "killed between commit and here")
        forget(batch)

    monkeypatch.setattr(spool.backlog, "ship", forget_later)

    ship(spool, engine)

    assert count(engine) == 100
    assert_sums_agree(engine)


@pytest.fixture
def paces(monkeypatch):
    """At which pace each batch is read and inserted."""
    found = []
    insert, read = writer_module.insert_entries, Backlog.next_batch
    reads = []

    def reading(self, pace):
        reads.append(pace)
        return read(self, pace)

    def inserting(connection, entries, pace):
        assert pace is reads[-1]
        found.append(pace)
        return insert(connection, entries, pace)

    monkeypatch.setattr(Backlog, "next_batch", reading)
    monkeypatch.setattr(writer_module, "insert_entries", inserting)
    return found


def test_shipping_is_gentle_to_requests_until_much_waits(engine, spool, monkeypatch, paces):
    monkeypatch.setattr(writer_module, "_MUCH_BYTES", 90_000)
    monkeypatch.setattr(writer_module, "_STILL_MUCH_BYTES", 45_000)
    for number in range(100):
        spool.append(payload(f"grq_{number}"))
    assert spool.waiting_bytes > 90_000

    async def run() -> None:
        writer = LedgerWriter(spool, engine, poll_s=0.01)
        writer.start()
        await nothing_waits(writer)
        assert await writer.close(1)

    asyncio.run(run())

    assert (paces[0], paces[1], paces[-1]) == (FAST, FAST, GENTLE)
    assert count(engine) == 100


def test_shipping_hurries_where_somebody_waits_for_it(engine, spool, paces):
    async def run() -> None:
        writer = LedgerWriter(spool, engine, poll_s=3600)
        writer.start()
        assert await writer.catch_up(30)  # the first look is over
        for hurried in (writer.catch_up, writer.flush, writer.close):
            spool.append(payload(f"grq_{hurried.__name__}"))
            assert await hurried(30)

    asyncio.run(run())

    assert paces == [FAST] * 3
    assert count(engine) == 3


def test_an_entry_that_the_database_refuses_does_not_hold_up_the_others(engine, spool, tmp_path, monkeypatch):
    insert = writer_module.insert_entries

    def picky(connection, entries, pace):
        if any(one.request_id == "grq_13" for one in entries):
            raise exc.DataError("INSERT", {}, ValueError("no such number"))
        return insert(connection, entries, pace)

    monkeypatch.setattr(writer_module, "insert_entries", picky)
    for number in range(40):
        spool.append(payload(f"grq_{number}"))

    ship(spool, engine)

    assert ids_of(engine) == {f"grq_{number}" for number in range(40)} - {"grq_13"}
    assert spool.backlog.set_aside_count == 1
    assert (tmp_path / "spool" / "set-aside.jsonl").read_text().count("grq_13") == 1
    assert_sums_agree(engine)


def test_figures_that_no_database_holds_are_set_aside(engine, spool):
    spool.append(payload("grq_status", status=2**70))
    spool.append(payload("grq_moment", occurred_at=2**70))
    spool.append(payload("grq_cost", cost_nano_usd=2**70))
    spool.append(payload("grq_usual"))

    ship(spool, engine)

    assert ids_of(engine) == {"grq_cost", "grq_usual"}
    assert spool.backlog.set_aside_count == 2
    assert_sums_agree(engine)


def test_what_an_earlier_version_spooled_is_read(engine, spool):
    spool.append(
        b'{"request_id":"grq_old","occurred_at":1767268800000000,"virtual_key":"dev","principal":"","tags":["a"],'
        b'"provider":"openai","status":200,"outcome":"ok","usage":{"input_tokens":7,"output_tokens":1},'
        b'"cost_nano_usd":5,"price":null,"price_source":"","budgets":[{"counter":"one","amount":5}]}'
    )

    ship(spool, engine)

    with engine.connect() as connection:
        (found,) = entries(connection, limit=5).entries
    assert (found.virtual_key, found.principal, found.cost_nano_usd) == ("dev", None, 5)
    assert (found.usage.input_tokens, found.budgets, found.duration_ms) == (7, (Charge("one", 5),), None)
    assert_sums_agree(engine)


def test_a_database_without_tables_is_waited_for(empty_database_url, spool):
    engine = open_engine(empty_database_url)
    spool.append(payload("grq_1"))

    async def run() -> None:
        writer = LedgerWriter(spool, engine, poll_s=0.01, longest_backoff_s=0.05)
        writer.start()
        assert not await writer.flush(0.5)
        assert "ledger_retention" in writer.last_error
        assert "INSERT" not in writer.last_error
        assert writer.oldest_s >= 0.5
        await asyncio.to_thread(upgrade, engine)
        assert await writer.close(30)
        assert writer.last_error is None

    asyncio.run(run())

    assert count(engine) == 1
    assert spool.backlog.set_aside_count == 0
    engine.dispose()


@pytest.mark.service
def test_postgresql_may_go_away_and_come_back(spool):
    with postgresql_database() as url:
        engine, other = open_engine(url), open_engine(url)
        upgrade(engine)
        name = engine.url.database

        def on_server(*statements: str) -> None:
            server = open_engine(os.environ.get("TEST_DATABASE_URL", url.replace(name, "postgres")))
            with server.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                for statement in statements:
                    connection.execute(text(statement))
            server.dispose()

        async def run() -> None:
            writer = LedgerWriter(spool, engine, poll_s=0.01, longest_backoff_s=0.1)
            writer.start()
            spool.append(payload("grq_before"))
            assert await writer.flush(30)
            engine_pid = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"  # noqa: S608 - made up here
            await asyncio.to_thread(on_server, f"ALTER DATABASE {name} WITH ALLOW_CONNECTIONS false", engine_pid)
            for number in range(200):
                spool.append(payload(f"grq_{number}"))
            assert not await writer.flush(0.5)
            assert writer.depth == 200
            assert "not currently accepting connections" in writer.last_error
            await asyncio.to_thread(on_server, f"ALTER DATABASE {name} WITH ALLOW_CONNECTIONS true")
            assert await writer.close(30)

        asyncio.run(run())

        assert count(other) == 201
        assert_sums_agree(other)
        engine.dispose()
        other.dispose()


def test_an_sqlite_database_that_another_process_holds_is_waited_for(tmp_path, spool):
    engine = open_engine(migrated(tmp_path / "busy.db"))
    holder = subprocess.Popen(
        [
            sys.executable,
            "-c",
            HOLDS_THE_LOCK,
            f"{tmp_path}/busy.db",
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout.readline() == "held\n"
    spool.append(payload("grq_1"))

    async def run() -> None:
        writer = LedgerWriter(spool, engine, poll_s=0.01)
        writer.start()
        assert not await writer.flush(0.3)
        holder.communicate("\n")
        assert await writer.close(30)

    asyncio.run(run())

    assert count(engine) == 1
    engine.dispose()


def test_a_spool_that_filled_up_takes_requests_again_once_the_database_is_back(tmp_path):
    engine = open_engine(f"sqlite:///{tmp_path}/late.db")
    spool = Spool(tmp_path / "spool", max_bytes=5000)

    async def run() -> int:
        writer = LedgerWriter(spool, engine, poll_s=0.01, longest_backoff_s=0.05)
        writer.start()
        taken = 0
        while not spool.refuses:
            assert spool.append(payload(f"grq_{taken}"))
            taken += 1
            await asyncio.sleep(0)
        assert not await writer.flush(0.2)
        assert spool.refuses
        await asyncio.to_thread(upgrade, engine)
        assert await writer.flush(30)
        assert not spool.refuses
        assert await writer.close(30)
        return taken

    taken = asyncio.run(run())

    assert count(engine) == taken
    assert spool.dropped == 0
    spool.close()
    engine.dispose()


def test_shutting_down_without_a_database_keeps_the_entries(tmp_path):
    root = tmp_path / "spool"
    spool = Spool(root, max_bytes=MIB)
    spool.append(payload("grq_1"))
    away = open_engine("postgresql://someone:hunter2@127.0.0.1:1/spend")

    async def run() -> None:
        writer = LedgerWriter(spool, away, poll_s=0.01)
        writer.start()
        assert not await writer.close(0.2)
        assert "hunter2" not in writer.last_error

    asyncio.run(run())
    spool.close()

    heir = Spool(root, max_bytes=MIB)
    assert heir.backlog.adopt() == 1
    heir.close()


def test_workers_that_are_killed_under_load_lose_nothing_and_count_nothing_twice(engine, module_database_url, tmp_path):
    root = tmp_path / "spool"
    chance = random.Random(4)  # noqa: S311 - repeatable on purpose
    acknowledged: set[str] = set()
    command = [sys.executable, "-c", UNDER_LOAD, str(root), module_database_url]
    with ExitStack() as ended:
        forking = [
            ended.enter_context(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
            for _ in range(2)
        ]
        for round_ in range(3):
            for number, each in enumerate(forking):
                print(f"grq_{round_}_{number}", file=each.stdin, flush=True)
            workers = [int(each.stdout.readline()) for each in forking]
            for each in forking:
                acknowledged.add(each.stdout.readline().strip())
            time.sleep(chance.uniform(0.0, 0.02))
            for worker in workers:
                os.kill(worker, signal.SIGKILL)
            for each in forking:
                said = [line.strip() for line in iter(each.stdout.readline, "ended\n")]
                acknowledged |= set(said[:-1])  # the last line may be cut off

    spool = Spool(root, max_bytes=2**30)
    spool.backlog.adopt()
    ship(spool, engine)
    spool.close()

    assert acknowledged <= ids_of(engine)
    assert len(ids_of(engine)) - len(acknowledged) <= 10  # written, and killed before it was said
    assert [path.name for path in root.iterdir()] == []
    assert_sums_agree(engine)
