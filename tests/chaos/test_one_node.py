"""What one gateway has for itself breaks under load: its disk, its spool, its clock, its pipes, and what it talks to."""

import fcntl
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from tests.chaos.fleet import CENT, CONFIG, every_answer_ends, kill, memory_is_bounded, memory_mb, nobody_stumbled
from tests.contract.test_budgets import config
from tests.contract.test_following import CONFIG as FOLLOWED
from tests.contract.test_following import Following
from tests.support.collector import HttpCollector
from tests.support.control_plane import ControlPlane
from tests.support.gateway import NO_TLS, Gateway, free_port
from tests.support.ledger import ledger_entries
from tests.support.load import NO_ANSWER, Kind, Load, chat
from tests.support.set_clock import SetClock

FULL = frozenset({"ledger_full"})


def books_agree(gateway, load, cost=CENT):
    """Whoever saw the end of an answer finds it in the ledger, once, at its price."""
    served = {one.request_id for one in load.answers if one.status == 200 and one.is_whole}
    gateway.wait(lambda: gateway.readyz()["ledger"]["waiting_entries"] == 0, 30)
    found = ledger_entries(gateway)
    ids = [entry.request_id for entry in found]
    assert len(set(ids)) == len(ids)
    assert sorted(served.difference(ids)) == []
    assert {entry.cost_nano_usd for entry in found if entry.request_id in served} == {cost}


@pytest.fixture
def small_disk():
    """A file system of 3 MiB, outside the folders that pytest cleans up: nobody can delete what is mounted."""
    place = Path(tempfile.mkdtemp())
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", place], check=False, capture_output=True
    )
    if mounted.returncode:
        pytest.skip(f"no tmpfs can be mounted: {mounted.stderr.decode().strip()}")
    yield place
    subprocess.run(["umount", "--lazy", place], check=True)
    place.rmdir()


@pytest.mark.chaos
@pytest.mark.parametrize("policy", ["refuse", "drop"])
def test_a_disk_that_is_full(small_disk, start_gateway, figures, policy):
    data = small_disk / "data"
    gateway = start_gateway(CONFIG, env={"GATEWAY_DATA_DIR": str(data), "GATEWAY_ON_SPOOL_FULL": policy})
    filler = small_disk / "filler"
    url = f"sqlite:///{data / 'gateway.db'}"
    with Load([gateway.port], 40) as load:
        load.wait(load.all_served(), 30)
        before_mb = memory_mb([gateway.process.pid])
        with filler.open("wb", buffering=0) as file, suppress(OSError):
            while True:
                file.write(b"x" * 4096)
        gateway.wait(lambda: gateway.readyz()["ledger"]["fault"], 60)
        if policy == "refuse":
            gateway.wait(lambda: any(one.status == 503 for one in load.answers), 60)
        time.sleep(3)
        filler.unlink()
        back_s = load.wait(load.all_served(), 30)
    lost = gateway.readyz()["ledger"]["lost_entries"]

    every_answer_ends(load, FULL)
    gateway.wait(lambda: gateway.readyz()["ledger"]["waiting_entries"] == 0, 30)
    found = ledger_entries(url=url)
    ids = {entry.request_id for entry in found}
    missing = {one.request_id for one in load.answers if one.status == 200} - ids
    assert len(ids) == len(found)
    assert len(missing) <= (lost if policy == "drop" else 0)
    assert gateway.wait(lambda: gateway.readyz()["ledger"]["fault"] is None, 30)
    memory_is_bounded(before_mb, memory_mb([gateway.process.pid]))
    nobody_stumbled([gateway])
    figures(load.told(), f"serves again {back_s:.1f} s later", f"{len(missing)} entries lost, {lost} told")


@pytest.mark.chaos
def test_a_spool_that_is_deleted_again_and_again(start_gateway, figures):
    gateway = start_gateway(CONFIG)
    with Load([gateway.port], 40) as load:
        load.wait(load.all_served(), 30)
        for _ in range(5):
            shutil.rmtree(gateway.directory / "data" / "spool", ignore_errors=True)
            time.sleep(0.5)
    gateway.wait(lambda: gateway.readyz()["ledger"]["waiting_entries"] == 0, 30)

    every_answer_ends(load, frozenset())
    known = {entry.request_id for entry in ledger_entries(gateway)}
    missing = [one for one in load.answers if one.request_id not in known]
    assert len(missing) <= gateway.readyz()["ledger"]["lost_entries"]
    nobody_stumbled([gateway])
    figures(load.told(), f"{len(missing)} entries lost, {gateway.readyz()['ledger']['lost_entries']} told")


@pytest.mark.service
@pytest.mark.chaos
def test_a_spool_that_is_damaged_while_nobody_runs(tmp_path, postgresql, figures):
    environment = {"GATEWAY_DATABASE_URL": postgresql.database()}
    gateway = Gateway(tmp_path, CONFIG, env=environment)
    with Load([gateway.port], 40, kinds=[Kind(chat())]) as load:
        load.wait(load.all_served(), 30)
        postgresql.stop()
        time.sleep(3)
    kill(gateway)
    spool = tmp_path / "data" / "spool"
    segment = max(spool.rglob("*.seg"), key=lambda file: file.stat().st_size)
    damaged = bytearray(segment.read_bytes())
    damaged[len(damaged) // 2 : len(damaged) // 2 + 30] = b"\xff" * 30
    segment.write_bytes(damaged)
    segment.with_name("99999999.seg").write_bytes(b"no segment")
    postgresql.start()

    gateway = Gateway(tmp_path, CONFIG, env=environment)
    gateway.wait(lambda: gateway.readyz()["ledger"]["waiting_entries"] == 0, 30)

    known = {entry.request_id for entry in ledger_entries(url=environment["GATEWAY_DATABASE_URL"])}
    missing = [one for one in load.answers if one.request_id not in known]
    lost = gateway.readyz()["ledger"]["lost_entries"]
    assert 1 <= len(missing) <= 3
    assert lost >= len(missing)
    assert str(segment.name) in gateway.log()
    nobody_stumbled([gateway])
    figures(load.told(), f"{len(missing)} entries lost to 30 damaged bytes, {lost} told")
    gateway.stop()


@pytest.mark.chaos
@pytest.mark.parametrize("way", ["refuses", "hangs", "answers 500"])
def test_a_collector_that(start_gateway, figures, way):
    collector = HttpCollector(hangs=way == "hangs")
    collector.status = 500
    url = f"http://127.0.0.1:{free_port()}" if way == "refuses" else collector.url
    gateway = start_gateway(
        CONFIG,
        env={"OTEL_EXPORTER_OTLP_ENDPOINT": url, "OTEL_BSP_SCHEDULE_DELAY": "100", "OTEL_BSP_MAX_QUEUE_SIZE": "64"},
    )
    with Load([gateway.port], 40) as load:
        load.wait(load.all_served(), 30)
        before_mb = memory_mb([gateway.process.pid])
        time.sleep(5)
    memory_is_bounded(before_mb, memory_mb([gateway.process.pid]))

    every_answer_ends(load, frozenset())
    books_agree(gateway, load)
    nobody_stumbled([gateway])
    figures(load.told())
    collector.close()


@pytest.mark.chaos
def test_a_control_plane_that_is_away(tmp_path, figures):
    following = Following(tmp_path)
    following.apply(f'{FOLLOWED}prices: {{sim/gpt-5-mini: {{per_request_usd: "0.01"}}}}\n')
    gateway = following.gateway()
    with Load([gateway.port], 20, kinds=[Kind(chat(model="gpt-5-mini"))]) as load:
        load.wait(load.all_served(), 30)
        port = following.plane.port
        following.plane.client.close()
        following.plane.process.kill()
        following.plane.process.wait()
        gateway.wait(lambda: gateway.readyz()["control_plane"]["fault"], 30)
        time.sleep(2)
        following.plane = ControlPlane(tmp_path, following.url, port=port)
        gateway.wait(lambda: gateway.readyz()["control_plane"]["fault"] is None, 60)

    every_answer_ends(load, frozenset())
    books_agree(gateway, load)
    nobody_stumbled([gateway])
    figures(load.told())
    gateway.stop()
    following.plane.stop()


class WithPipes:
    """A gateway in a process that nothing was imported in before, with pipes of which nobody reads one."""

    before: tuple[str, ...] = ()
    """What the command is an argument of."""

    def __init__(self, directory: Path, *arguments: str, text: str = CONFIG, env: dict[str, str] | None = None) -> None:
        self.port = free_port()
        file = directory / "gateway.yaml"
        file.write_text(text)
        kept = {name: value for name, value in os.environ.items() if not name.startswith("GATEWAY_")}
        kept |= {"GATEWAY_DATA_DIR": str(directory / "data"), "PYTHONWARNINGS": "ignore", **(env or {})}
        serve = [sys.executable, "-m", "gateway", "serve", "-c", str(file), "--port", str(self.port), *arguments]
        command = [*self.before, *serve]
        self.process = subprocess.Popen(
            command, env=kept, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
        )
        for pipe in (self.process.stdout, self.process.stderr):
            fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, 4096)

    def readyz(self):
        return httpx.get(f"http://127.0.0.1:{self.port}/readyz", trust_env=False, verify=NO_TLS)

    def serves(self) -> None:
        """Returns once it does."""
        late = time.monotonic() + 60
        while True:
            with suppress(httpx.TransportError):
                self.readyz()
                return
            assert time.monotonic() < late
            assert self.process.poll() is None
            time.sleep(0.1)

    def close(self) -> None:
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        for pipe in (self.process.stdout, self.process.stderr):
            pipe.close()
        self.process.wait()


@pytest.mark.chaos
def test_pipes_that_are_full_when_it_is_told_to_end(tmp_path, figures):
    gateway = WithPipes(tmp_path, "--log-level", "debug", env={"GATEWAY_DRAIN_TIMEOUT_S": "2"})
    try:
        with Load([gateway.port], 40) as load:
            load.wait(load.all_served(), 60)
            for _ in range(100):
                gateway.process.send_signal(signal.SIGHUP)
                time.sleep(0.03)
            load.wait(load.all_served(), 30)
            gateway.process.send_signal(signal.SIGTERM)
            began = time.monotonic()
            code = gateway.process.wait(20)
            took_s = time.monotonic() - began
        database = f"sqlite:///{tmp_path / 'data' / 'gateway.db'}"
        known = {entry.request_id for entry in ledger_entries(url=database)}
    finally:
        gateway.close()

    assert code == 0
    assert load.never_ended == 0
    assert {one.status for one in load.answers} <= {NO_ANSWER, 200, 503}
    assert {one.request_id for one in load.answers if one.status == 200} <= known
    assert all(one.is_told for one in load.answers if one.status == 200)
    figures(f"ended {took_s:.1f} s after SIGTERM", load.told())


@pytest.mark.service
@pytest.mark.chaos
def test_a_clock_that_is_set(tmp_path, figures):
    clock = SetClock(tmp_path)
    daily = config("cap: {scope: {team: engineering}, window: day, limit_usd: 1000}")
    gateway = WithPipes(tmp_path, "--no-access-log", "--log-level", "error", text=daily, env=clock.environment)
    try:
        gateway.serves()
        with Load([gateway.port], 20) as load:
            load.wait(load.all_served(), 60)
            for ahead_s in (60, -600, 3_600, 26 * 3_600, -26 * 3_600, 0):
                clock.set(ahead_s)
                load.wait(load.all_served(5), 20)
        gateway.process.send_signal(signal.SIGTERM)
        assert gateway.process.wait(40) == 0
        found = ledger_entries(url=f"sqlite:///{tmp_path / 'data' / 'gateway.db'}")
    finally:
        gateway.close()

    every_answer_ends(load, frozenset())
    ids = [entry.request_id for entry in found]
    assert len(set(ids)) == len(ids)
    assert {one.request_id for one in load.answers} <= set(ids)
    assert found[-1].occurred_at - found[0].occurred_at > 50 * 3_600 * 1_000_000
    figures(load.told())
