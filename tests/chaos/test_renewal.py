"""A fleet is renewed node by node under load, and goes back: old and new on one Redis, one database and one spool folder."""

import io
import os
import signal
import subprocess
import sys
import tarfile
import time
from collections import Counter
from pathlib import Path

import httpx
import pytest

from tests.chaos.fleet import CENT, every_answer_ends
from tests.contract.test_budgets import config
from tests.contract.test_shared_budgets import spending
from tests.support.gateway import NO_TLS, free_port
from tests.support.keys import new_key
from tests.support.ledger import ledger_entries
from tests.support.load import Kind, Load, chat

ROOT = Path(__file__).parents[2]
OLD = os.environ.get("CHAOS_OLD_COMMIT", "1f43357")
"""The version that a fleet is renewed from."""

LATE = frozenset({"counters_unavailable"})
"""Redis takes longer than a gateway waits for it where the machine does much else."""
LIMIT = 30
LIMITED, LIMITED_HASH = new_key()
CONFIG = config("cap: {scope: {team: engineering}, window: total, limit_usd: 1000}").replace(
    "virtual_keys:",
    f"virtual_keys:\n  limited: {{environment: test, secret_hash: {LIMITED_HASH}, rate_limits: {{rpm: {LIMIT}}}}}",
)

pytestmark = [pytest.mark.service, pytest.mark.chaos]


@pytest.fixture(scope="module")
def old(tmp_path_factory):
    """The source of the old version."""
    packed = subprocess.run(["git", "archive", OLD, "gateway"], cwd=ROOT, capture_output=True, check=False)
    if packed.returncode:
        pytest.skip(f"this checkout does not have commit {OLD}: set CHAOS_OLD_COMMIT")
    place = tmp_path_factory.mktemp("old")
    with tarfile.open(fileobj=io.BytesIO(packed.stdout)) as archive:
        archive.extractall(place, filter="data")
    return place


class Node:
    """A gateway of either version, with the folder that all of this machine share."""

    def __init__(self, directory: Path, source: Path, environment: dict[str, str]) -> None:
        self.port = free_port()
        self._log = directory / f"node-{self.port}.txt"
        command = [
            sys.executable,
            "-m",
            "gateway",
            "serve",
            "-c",
            str(directory / "gateway.yaml"),
            "--port",
            str(self.port),
        ]
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                command, env=environment, cwd=source, stdout=subprocess.DEVNULL, stderr=log, start_new_session=True
            )
        self._client = httpx.Client(
            base_url=f"http://127.0.0.1:{self.port}", trust_env=False, verify=NO_TLS, timeout=30
        )
        deadline = time.monotonic() + 60
        while not self._is_ready():
            assert self._process.poll() is None, self.log()
            assert time.monotonic() < deadline, self.log()
            time.sleep(0.1)

    def log(self) -> str:
        return self._log.read_text()

    def waiting(self) -> int:
        return int(self._client.get("/readyz").json()["ledger"]["waiting_entries"])

    def stop(self) -> None:
        self._client.close()
        self._process.send_signal(signal.SIGTERM)
        assert self._process.wait(40) == 0, self.log()
        assert "Traceback" not in self.log(), self.log()

    def _is_ready(self) -> bool:
        try:
            return self._client.get("/readyz").status_code == 200
        except httpx.HTTPError:
            return False


def test_nobody_pays_twice_or_nothing_and_limits_are_at_most_doubled(tmp_path, old, server, postgresql, figures):
    postgresql.execute("CREATE DATABASE renewed")
    url = f"{postgresql.url.rpartition('/')[0]}/renewed"
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GATEWAY_")}
    environment = kept | {
        "PYTHONWARNINGS": "ignore",
        "GATEWAY_DATABASE_URL": url,
        "GATEWAY_REDIS_URL": server.url,
        "GATEWAY_DATA_DIR": str(tmp_path / "data"),
    }
    (tmp_path / "gateway.yaml").write_text(CONFIG)

    def prepare(source: Path) -> None:
        command = [sys.executable, "-m", "gateway", "db", "upgrade"]
        done = subprocess.run(command, cwd=source, env=environment, check=False, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr

    prepare(old)
    nodes = [Node(tmp_path, old, environment) for _ in range(2)]
    load = Load([node.port for node in nodes], 20)
    limited = Load([], 20, kinds=[Kind(chat())], secret=LIMITED)
    with load:
        load.wait(load.all_served(), 30)
        prepare(ROOT)
        for source in (ROOT, ROOT, old, old):
            nodes.append(Node(tmp_path, source, environment))
            load.ports = [node.port for node in nodes]
            load.wait(load.all_served(), 30)
            if len({*limited.ports}) == 0:
                limited.ports = load.ports
                with limited:
                    time.sleep(6)
            leaving, load.ports = nodes.pop(0), load.ports[1:]
            time.sleep(0.5)
            leaving.stop()
            load.wait(load.all_served(), 30)
    late = time.monotonic() + 60
    while sum(node.waiting() for node in nodes) and time.monotonic() < late:
        time.sleep(0.1)
    for node in nodes:
        node.stop()

    every_answer_ends(load, LATE)
    every_answer_ends(limited, LATE | {"vk_rate_limit_exceeded"})
    found = ledger_entries(url=url)
    assert [one for one, times in Counter(entry.request_id for entry in found).items() if times > 1] == []
    answers = [one for one in (*load.answers, *limited.answers) if one.status == 200]
    costs = {entry.request_id: entry.cost_nano_usd for entry in found}
    assert [one for one in answers if costs.get(one.request_id) != CENT] == []
    passed = sum(one.status == 200 for one in limited.answers)
    assert LIMIT <= passed <= 2 * LIMIT
    spent = sum(entry.cost_nano_usd or 0 for entry in found if entry.virtual_key != "limited")
    now = spending(server.url)
    assert (now.spent, now.held) == (spent, 0)
    figures(load.told(), f"{passed} of {len(limited.answers)} passed under a limit of {LIMIT} while both ran")
