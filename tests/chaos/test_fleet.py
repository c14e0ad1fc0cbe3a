"""What two gateways share breaks under load and comes back: one table of what is broken, and of how clients are refused."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field

import pytest
from sqlalchemy import text

from gateway.storage.engine import open_engine
from tests.chaos.fleet import (
    CONFIG,
    Fleet,
    every_answer_ends,
    kill,
    memory_is_bounded,
    nobody_stumbled,
    under_load,
)
from tests.contract.test_shared_budgets import command
from tests.support.load import Load
from tests.support.redis_server import SentinelSet

pytestmark = pytest.mark.service

UNCOUNTED = frozenset({"counters_unavailable"})
NOBODY = frozenset[str]()
_BACK_S = 20
"""How soon the fleet serves again by itself once what broke is there again."""


@dataclass(frozen=True)
class Row:
    """What is broken for how long, and the errors that clients may see meanwhile."""

    breaks: Callable[[Fleet], AbstractContextManager[None]]
    lasts_s: float = 3
    refusals: frozenset[str] = NOBODY
    silent: bool = False
    """Whether some clients get no answer at all: their node was killed."""
    settings: dict[str, str] = field(default_factory=dict)
    """What the nodes are told besides."""


@contextmanager
def _redis_is_killed(fleet: Fleet) -> Iterator[None]:
    fleet.redis.stop()
    yield
    fleet.redis.start()


@contextmanager
def _redis_hangs(fleet: Fleet) -> Iterator[None]:
    fleet.redis.freeze()
    yield
    fleet.redis.thaw()


@contextmanager
def _redis_is_full(fleet: Fleet) -> Iterator[None]:
    command(fleet.redis.url, "CONFIG", "SET", "maxmemory", "1mb")
    yield
    command(fleet.redis.url, "CONFIG", "SET", "maxmemory", "0")


@contextmanager
def _redis_is_emptied(fleet: Fleet) -> Iterator[None]:
    for _ in range(3):
        command(fleet.redis.url, "FLUSHALL")
        time.sleep(0.5)
    yield


@contextmanager
def _redis_takes_no_writes(fleet: Fleet) -> Iterator[None]:
    command(fleet.redis.url, "REPLICAOF", "127.0.0.1", "1")
    yield
    command(fleet.redis.url, "REPLICAOF", "NO", "ONE")


@contextmanager
def _one_is_cut_off_from_redis(fleet: Fleet) -> Iterator[None]:
    fleet.way.cut()
    yield
    fleet.way.mend()


@contextmanager
def _one_reaches_redis_slowly(fleet: Fleet) -> Iterator[None]:
    fleet.way.delay_s = 0.1
    yield
    fleet.way.delay_s = 0


@contextmanager
def _redis_forgets_its_scripts(fleet: Fleet) -> Iterator[None]:
    for _ in range(5):
        command(fleet.redis.url, "SCRIPT", "FLUSH")
        time.sleep(0.2)
    yield


@contextmanager
def _redis_pauses(fleet: Fleet) -> Iterator[None]:
    command(fleet.redis.url, "CLIENT", "PAUSE", "2000")
    yield


@contextmanager
def _redis_asks_for_a_password(fleet: Fleet) -> Iterator[None]:
    fleet.redis.ask("CONFIG", "SET", "requirepass", "another")
    fleet.redis.ask("-a", "another", "CLIENT", "KILL", "TYPE", "normal")
    yield
    fleet.redis.ask("-a", "another", "CONFIG", "SET", "requirepass", "")


@contextmanager
def _postgresql_is_stopped(fleet: Fleet) -> Iterator[None]:
    fleet.postgresql.stop()
    yield
    fleet.postgresql.start()


@contextmanager
def _postgresql_restarts(fleet: Fleet) -> Iterator[None]:
    fleet.postgresql.stop()
    fleet.postgresql.start()
    yield


@contextmanager
def _postgresql_hangs(fleet: Fleet) -> Iterator[None]:
    fleet.postgresql.freeze()
    yield
    fleet.postgresql.thaw()


@contextmanager
def _postgresql_is_read_only(fleet: Fleet) -> Iterator[None]:
    fleet.postgresql.set_read_only(True)
    yield
    fleet.postgresql.set_read_only(False)


@contextmanager
def _the_ledger_is_locked(fleet: Fleet) -> Iterator[None]:
    engine = open_engine(fleet.database_url)
    with engine.begin() as connection:
        connection.execute(text("LOCK TABLE ledger_entries IN ACCESS EXCLUSIVE MODE"))
        yield
    engine.dispose()


@contextmanager
def _postgresql_ends_its_connections(fleet: Fleet) -> Iterator[None]:
    name = fleet.database_url.rpartition("/")[2]
    for _ in range(5):
        ends = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name"
        fleet.postgresql.execute(ends, name=name)
        time.sleep(0.3)
    yield


@contextmanager
def _redis_and_postgresql_are_away(fleet: Fleet) -> Iterator[None]:
    with _postgresql_is_stopped(fleet), _redis_is_killed(fleet):
        yield


@contextmanager
def _a_node_is_killed(fleet: Fleet) -> Iterator[None]:
    node = fleet.nodes[0]
    kill(node)
    yield
    fleet.nodes[0] = fleet.start_node("one", node.port)


@contextmanager
def _a_node_is_killed_again_and_again(fleet: Fleet) -> Iterator[None]:
    for _ in range(5):
        with _a_node_is_killed(fleet):
            time.sleep(0.2)
        time.sleep(1)
    yield


@contextmanager
def _files_are_broken(fleet: Fleet) -> Iterator[None]:
    for broken in ("version: 1\nvirtual_kyes: {}\n", "", "\0\x01", CONFIG[: len(CONFIG) // 2]):
        for node in fleet.nodes:
            node.write_config(broken)
        fleet.nodes[0].wait(lambda: fleet.nodes[0].readyz()["config"] == "stale")
    yield
    for node in fleet.nodes:
        node.write_config(CONFIG)
        node.wait(lambda node=node: node.readyz()["config"] == "current")


ROWS = {
    "Redis is killed and comes back empty": Row(_redis_is_killed, refusals=UNCOUNTED),
    "Redis is killed, and nobody is served": Row(
        _redis_is_killed, refusals=UNCOUNTED, settings={"GATEWAY_ON_COUNTER_LOSS": "refuse"}
    ),
    "Redis hangs": Row(_redis_hangs, refusals=UNCOUNTED),
    "Redis hangs, and everybody is served": Row(_redis_hangs, settings={"GATEWAY_ON_COUNTER_LOSS": "allow"}),
    "Redis is full": Row(_redis_is_full, refusals=UNCOUNTED),
    "Redis loses its data three times": Row(_redis_is_emptied, lasts_s=1, refusals=UNCOUNTED),
    "Redis takes no writes": Row(_redis_takes_no_writes, refusals=UNCOUNTED),
    "Redis forgets its scripts": Row(_redis_forgets_its_scripts, lasts_s=1),
    "Redis pauses": Row(_redis_pauses, refusals=UNCOUNTED),
    "Redis asks for a password": Row(_redis_asks_for_a_password, refusals=UNCOUNTED),
    "one node is cut off from Redis": Row(_one_is_cut_off_from_redis, refusals=UNCOUNTED),
    "one node reaches Redis slowly": Row(_one_reaches_redis_slowly, refusals=UNCOUNTED),
    "PostgreSQL is stopped": Row(_postgresql_is_stopped),
    "PostgreSQL restarts": Row(_postgresql_restarts, lasts_s=1),
    "PostgreSQL hangs": Row(_postgresql_hangs, lasts_s=5),
    "PostgreSQL is read-only": Row(_postgresql_is_read_only),
    "PostgreSQL ends its connections": Row(_postgresql_ends_its_connections, lasts_s=1),
    "the ledger is locked": Row(_the_ledger_is_locked, lasts_s=5),
    "Redis and PostgreSQL are away": Row(_redis_and_postgresql_are_away, refusals=UNCOUNTED),
    "a node is killed and started again": Row(_a_node_is_killed, lasts_s=1, refusals=UNCOUNTED, silent=True),
    "a node is killed again and again": Row(
        _a_node_is_killed_again_and_again, lasts_s=0, refusals=UNCOUNTED, silent=True
    ),
    "files that cannot be served": Row(_files_are_broken, lasts_s=1),
}
_IN_EACH_RUN = ("one node is cut off from Redis", "PostgreSQL is stopped")


@pytest.mark.parametrize(
    "row",
    [pytest.param(row, id=name, marks=[] if name in _IN_EACH_RUN else pytest.mark.chaos) for name, row in ROWS.items()],
)
def test_a_fleet_goes_through(tmp_path, server, postgresql, figures, row):
    fleet = Fleet(tmp_path, server, postgresql, settings=row.settings)
    goes_through(fleet, row, figures)


def goes_through(fleet, row, figures):
    """The fleet serves again by itself, every client has been told, and the books agree."""
    with Load(fleet.ports) as load:
        under_load(fleet, load)
        before_mb = fleet.memory_mb()

        with row.breaks(fleet):
            time.sleep(row.lasts_s)
        back_s = load.wait(load.all_served(), _BACK_S)

    every_answer_ends(load, row.refusals, silent=row.silent)
    fleet.books_agree(load)
    after_mb = fleet.memory_mb()
    memory_is_bounded(before_mb, after_mb, len(fleet.nodes))
    nobody_stumbled(fleet.nodes)
    figures(load.told(), f"serves again {back_s:.1f} s later", f"two nodes {before_mb:.0f} -> {after_mb:.0f} MB")
    fleet.stop()


def _dies(watched: SentinelSet) -> None:
    watched.master.stop()


def _hangs(watched: SentinelSet) -> None:
    watched.master.freeze()


def _steps_down(watched: SentinelSet) -> None:
    watched.sentinels[0].ask("SENTINEL", "FAILOVER", "mymaster")


@pytest.mark.chaos
@pytest.mark.parametrize("how", [_dies, _hangs, _steps_down], ids=["dies", "hangs", "steps down"])
def test_a_replica_follows_a_master_that(tmp_path, postgresql, figures, how):
    watched = SentinelSet(tmp_path)

    @contextmanager
    def fails_over(_: Fleet) -> Iterator[None]:
        watched.fail_over(lambda: how(watched))
        if how is _hangs:
            watched.replica.thaw()
        watched.heal()
        yield

    try:
        place = tmp_path / "nodes"
        place.mkdir()
        fleet = Fleet(place, watched, postgresql)
        goes_through(fleet, Row(fails_over, lasts_s=1, refusals=UNCOUNTED), figures)
    finally:
        watched.stop()
