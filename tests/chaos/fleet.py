"""A fleet under load: gateways that share one Redis and one PostgreSQL, and what must hold of them whatever breaks."""

import os
import signal
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import psutil

from gateway.counters.redis import Spending
from tests.contract.test_budgets import config
from tests.contract.test_shared_budgets import spending
from tests.support.gateway import Gateway
from tests.support.ledger import ledger_entries
from tests.support.load import NO_ANSWER, Load
from tests.support.postgresql import Server as Postgresql
from tests.support.redis_server import SentinelSet
from tests.support.redis_server import Server as Redis
from tests.support.relay import Relay

CENT = 10_000_000
CONFIG = config("cap: {scope: {team: engineering}, window: total, limit_usd: 1000}")
_GROWTH_MB = 60
"""What the memory of a node may grow by while it begins to serve and fails; none leaks so little that this hides it,
since `soak` runs for longer."""


def memory_mb(pids: Iterable[int]) -> float:
    """What processes and those below them have for themselves (PSS: pages that several share count in parts)."""
    sizes = []
    for pid in pids:
        for one in (psutil.Process(pid), *psutil.Process(pid).children(recursive=True)):
            lines = Path(f"/proc/{one.pid}/smaps_rollup").read_text().splitlines()
            sizes += [int(line.split()[1]) for line in lines if line.startswith("Pss:")]
    return sum(sizes) / 1024


def kill(node: Gateway) -> None:
    """With its workers, which would else finish what is under way."""
    node.client.close()
    os.killpg(node.process.pid, signal.SIGKILL)
    node.kill()


class Fleet:
    """Two gateways, of which the second reaches a Redis that stands alone by a way that can be cut.

    `arguments` and `settings` (variables of the environment) are those of each.
    """

    def __init__(
        self,
        directory: Path,
        redis: Redis | SentinelSet,
        postgresql: Postgresql,
        text: str = CONFIG,
        *arguments: str,
        settings: dict[str, str] | None = None,
    ) -> None:
        self.directory = directory
        self.redis, self.postgresql = redis, postgresql
        self.database_url = postgresql.database()
        self.way = Relay(redis.port) if isinstance(redis, Redis) else None
        self.text = text
        self._arguments = arguments
        self._settings = settings or {}
        self.nodes = [self.start_node("one"), self.start_node("other")]

    def start_node(self, name: str, port: int | None = None) -> Gateway:
        """Of that name, at a port of its own or the one that it had before."""
        directory = self.directory / name
        directory.mkdir(exist_ok=True)
        return Gateway(directory, self.text, *self._arguments, env=self.environment(name), port=port)

    def environment(self, name: str) -> dict[str, str]:
        by_way = name == "other" and self.way is not None
        return {
            "GATEWAY_NODE_NAME": name,
            "GATEWAY_DATABASE_URL": self.database_url,
            "GATEWAY_REDIS_URL": f"redis://127.0.0.1:{self.way.port}/0" if by_way else self.redis.url,
            **self._settings,
        }

    @property
    def ports(self) -> list[int]:
        return [node.port for node in self.nodes]

    def memory_mb(self) -> float:
        return memory_mb(node.process.pid for node in self.nodes)

    def faults(self) -> list[object]:
        """What the nodes say of themselves that is wrong."""
        told = [node.readyz() for node in self.nodes]
        return [fault for one in told for fault in (one["counters"]["fault"], one["ledger"]["fault"]) if fault]

    def settles(self, timeout: float = 90) -> None:
        """Waits until every entry is in the database and no node complains."""
        for node in self.nodes:
            node.wait(lambda node=node: node.readyz()["ledger"]["waiting_entries"] == 0, timeout)
        self.nodes[0].wait(lambda: not self.faults(), timeout)

    def books_agree(self, load: Load) -> None:
        """No money is lost or counted twice.

        Whoever saw the end of an answer finds it in the ledger, once, at its price; the counters say what the ledger
        does, with nothing held any more.
        """
        self.settles()
        # What a killed node held is given back when its lease ends, a minute later.
        late = time.monotonic() + 90
        counted = entered = None
        while counted is None or (counted != entered and time.monotonic() < late):
            found = ledger_entries(url=self.database_url)
            entered = Spending(spent=sum(entry.cost_nano_usd or 0 for entry in found), held=0)
            counted = spending(self.redis.url)
            time.sleep(0.2)
        assert counted == entered
        ids = [entry.request_id for entry in found]
        assert [one for one, times in Counter(ids).items() if times > 1] == []
        served = {one.request_id for one in load.answers if one.status == 200 and one.is_whole}
        assert sorted(served.difference(ids)) == []
        assert {entry.cost_nano_usd for entry in found if entry.request_id in served} <= {CENT}

    def stop(self) -> None:
        for node in self.nodes:
            node.stop()
        if self.way is not None:
            self.way.close()


def every_answer_ends(load: Load, refusals: frozenset[str], *, silent: bool = False) -> None:
    """No client waits for ever; each is told the end, in the API's own words, or that it may ask another node."""
    assert load.never_ended == 0
    for one in load.answers:
        if one.status == NO_ANSWER or (one.status == 200 and not one.is_told):
            assert silent, f"no end was told: {one}"
        elif one.status != 200:
            assert one.code in refusals, f"{one.status} {one.code}"
            assert one.request_id, one


def nobody_stumbled(nodes: Iterable[Gateway]) -> None:
    for node in nodes:
        assert "Traceback" not in node.log(), node.log()


def memory_is_bounded(before_mb: float, after_mb: float, nodes: int = 1) -> None:
    assert after_mb - before_mb < _GROWTH_MB * nodes, f"{before_mb:.0f} -> {after_mb:.0f} MB"


def under_load(fleet: Fleet, load: Load, warm_s: float = 1.0) -> None:
    """Waits until every node serves, and for a moment more."""
    load.wait(load.all_served(), 30)
    time.sleep(warm_s)
