"""Gateways that start beside what does not answer, are killed while they start, and end under load."""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections import Counter
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from tests.chaos.fleet import CENT, CONFIG, every_answer_ends, memory_mb, nobody_stumbled
from tests.chaos.test_one_node import WithPipes, books_agree, small_disk
from tests.contract.test_budgets import config
from tests.support.gateway import Gateway
from tests.support.keys import SECRET, new_key
from tests.support.ledger import ledger_entries
from tests.support.load import NO_ANSWER, Kind, Load, chat

__all__ = ["small_disk"]

pytestmark = pytest.mark.chaos

HANGING = Kind(chat("[[hang]]"))
LONG = Kind(chat("[[words 2000]] [[pace 50ms]]", stream=True))
SHORT = (Kind(chat("[[delay 100ms]]")), Kind(chat("[[words 10]] [[pace 50ms]]", stream=True)))


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_gateway_that_is_told_to_end_under_load(start_gateway, server, figures, workers):
    environment = {"GATEWAY_DRAIN_GRACE_S": "1", "GATEWAY_DRAIN_TIMEOUT_S": "4", "GATEWAY_REDIS_URL": server.url}
    gateway = start_gateway(CONFIG, "--workers", workers, env=environment)
    with Load([gateway.port], 20, SHORT) as short, Load([gateway.port], 5, (HANGING, LONG)) as long:
        short.wait(short.all_served(), 30)
        time.sleep(2)
        gateway.process.send_signal(signal.SIGTERM)
        told_at = time.monotonic()
        gateway.wait(lambda: gateway.client.get("/readyz").status_code == 503)
        code = gateway.process.wait(20)
        took_s = time.monotonic() - told_at

    assert code == 0
    assert took_s < 8
    served = [one for load in (short, long) for one in load.answers if one.status != NO_ANSWER]
    told = Load([], answers=served)
    every_answer_ends(told, frozenset({"shutting_down"}))
    assert all(one.status == 200 for one in short.answers if one.began < told_at)
    assert all(one.began > told_at for load in (short, long) for one in load.answers if one.status == NO_ANSWER)
    known = Counter(entry.request_id for entry in ledger_entries(gateway))
    assert {known[one.request_id] for one in served} == {1}
    nobody_stumbled([gateway])
    figures(f"ended {took_s:.1f} s after SIGTERM", f"short: {short.told()}", f"long: {long.told()}")


@pytest.mark.service
@pytest.mark.parametrize("how", ["refuses", "hangs"])
def test_a_start_beside_a_postgresql_that(tmp_path, postgresql, figures, how):
    database = postgresql.database()
    secret, digest = new_key()
    free = f"  free: {{environment: test, secret_hash: {digest}}}\n"
    text = config("cap: {scope: {project: checkout}, window: total, limit_usd: 100}").replace(
        "virtual_keys:\n", f"virtual_keys:\n{free}"
    )
    postgresql.stop() if how == "refuses" else postgresql.freeze()
    began = time.monotonic()
    gateway = Gateway(tmp_path, text, env={"GATEWAY_DATABASE_URL": database})
    started_s = time.monotonic() - began
    try:
        refused = gateway.chat("cent")
        assert (refused.status_code, refused.json()["error"]["code"]) == (503, "counters_unavailable")
        assert gateway.chat("cent", headers={"authorization": f"Bearer {secret}"}).status_code == 200
    finally:
        postgresql.start() if how == "refuses" else postgresql.thaw()
    back_at = time.monotonic()
    gateway.wait(lambda: gateway.chat("cent").status_code == 200, 60)
    back_s = time.monotonic() - back_at
    nobody_stumbled([gateway])
    gateway.stop()
    figures(f"serves {started_s:.1f} s after its start, counts {back_s:.1f} s after the database is back")


def test_workers_that_are_killed_while_they_start(start_gateway, figures):
    gateway = start_gateway(CONFIG)
    began = time.monotonic()
    for after_s in (*[0.25] * 8, *[2.5] * 4):
        with suppress(IndexError, ProcessLookupError):
            os.kill(gateway.worker_pid(), signal.SIGKILL)
        time.sleep(after_s)
    assert gateway.process.poll() is None, gateway.log()
    with Load([gateway.port], 20) as load:
        back_s = load.wait(load.all_served(), 30)
    assert {one.status for one in load.since(time.monotonic() - 1)} <= {200}
    nobody_stumbled([gateway])
    figures(f"12 kills in {time.monotonic() - began:.0f} s, serves again {back_s:.1f} s later")


class WithFewFiles(WithPipes):
    """One that may open 1,024 files, and may ask for more."""

    before = ("prlimit", "--nofile=1024:")


def test_1000_slow_streams_where_1024_files_may_be_open(tmp_path, figures):
    if shutil.which("prlimit") is None:
        pytest.skip("prlimit is not installed: apt-get install -y util-linux")
    gateway = WithFewFiles(tmp_path, "--no-access-log", "--log-level", "error")
    body = b'{"model":"cent","stream":true,"messages":[{"role":"user","content":"[[words 60]] [[pace 500ms]]"}]}'
    head = (
        f"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {SECRET}\r\n"
        f"content-type: application/json\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
    ).encode()
    try:
        gateway.serves()
        before_mb = memory_mb([gateway.process.pid])
        with ExitStack() as streams:
            clients = []
            for _ in range(1_000):
                client = streams.enter_context(socket.create_connection(("127.0.0.1", gateway.port)))
                client.sendall(head + body)
                clients.append(client)
            with Load([gateway.port], 20, (Kind(chat()),)) as load:
                load.wait(load.all_served(), 30)
                time.sleep(3)
                most_mb = memory_mb([gateway.process.pid])
            wholes = sum(_all_of(client).endswith(b"data: [DONE]\n\n\r\n0\r\n\r\n") for client in clients)
        gateway.process.send_signal(signal.SIGTERM)
        assert gateway.process.wait(40) == 0
    finally:
        gateway.close()

    every_answer_ends(load, frozenset())
    assert {one.status for one in load.answers} == {200}
    assert wholes == 1_000
    assert most_mb - before_mb < 120
    known = {entry.request_id for entry in ledger_entries(url=f"sqlite:///{tmp_path / 'data' / 'gateway.db'}")}
    assert len(known) == 1_000 + len(load.answers)
    figures(f"others meanwhile: {load.told()}", f"{before_mb:.0f} -> {most_mb:.0f} MB")


def _all_of(client: socket.socket) -> bytes:
    client.settimeout(90)
    received = b""
    while piece := client.recv(65_536):
        received += piece
    return received


def test_a_folder_that_cannot_be_written(small_disk, tmp_path):
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    began = time.monotonic()
    gateway = WithPipes(tmp_path, env={"GATEWAY_DATA_DIR": str(small_disk / "data")})
    try:
        assert gateway.process.wait(30) == 1
        said = gateway.process.stderr.read().decode()
    finally:
        gateway.close()
    assert "Read-only file system" in said
    assert "gateway.db cannot be made" in said
    assert "Traceback" not in said
    assert time.monotonic() - began < 15


def test_a_database_of_sqlite_that_somebody_else_holds(start_gateway, tmp_path, figures):
    gateway = start_gateway(CONFIG)
    database = Path(gateway.directory / "data" / "gateway.db")
    with Load([gateway.port], 40) as load:
        load.wait(load.all_served(), 30)
        holds = subprocess.Popen(
            ["python3", "-c", _HOLDS.format(database=str(database))], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert holds.stdout.readline() == b"held\n"
        held_at = time.monotonic()
        revision = gateway.readyz()["revision"]
        gateway.write_config(f"{CONFIG}# changed\n")
        gateway.wait(lambda: gateway.readyz()["revision"] != revision)
        load.wait(load.all_served(), 5)
        time.sleep(max(0.0, held_at + 15 - time.monotonic()))
        holds.communicate(b"\n")
        free_at = time.monotonic()
        load.wait(load.all_served(), 5)
        gateway.wait(lambda: gateway.readyz()["ledger"]["fault"] is None, 30)
        drained_s = time.monotonic() - free_at

    every_answer_ends(load, frozenset())
    assert {one.status for one in load.answers} == {200}
    books_agree(gateway, load, CENT)
    nobody_stumbled([gateway])
    figures(load.told(), f"drained {drained_s:.1f} s after it was free")


_HOLDS = """
import sqlite3
held = sqlite3.connect({database!r}, isolation_level=None, timeout=30)
held.execute("BEGIN EXCLUSIVE")
print("held", flush=True)
input()
held.execute("ROLLBACK")
"""
