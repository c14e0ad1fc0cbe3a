"""The Redis that tests talk to, and servers of their own that they may stop, restart and empty."""

import asyncio
import atexit
import os
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import asynccontextmanager
from pathlib import Path

from gateway import ids
from gateway.counters.hold import CountersLost, Dimension, Hold, LedgerState, Limit, Refusal, Restored
from gateway.counters.redis import RedisCounters
from gateway.counters.redis_address import parse_redis_url
from gateway.counters.redis_connection import connect
from gateway.counters.redis_refusals import RedisAway, check
from gateway.ledger.settled import parsed
from tests.support.redis_server import Server

_INSTALLED = "redis://127.0.0.1:6379/9"

RPM = Limit(key="key:a:rpm", dimension=Dimension.RPM, ceiling=5, window_s=60)
TPM = Limit(key="key:a:tpm", dimension=Dimension.TPM, ceiling=1000, window_s=60)
CONCURRENCY = Limit(key="key:a:concurrency", dimension=Dimension.CONCURRENCY, ceiling=2, window_s=0)
BUDGET = Limit(key="budget:team:2026-11", dimension=Dimension.SPEND, ceiling=1_000_000_000, window_s=0)

PATIENT_S = 10
"""A busy machine may keep a test waiting for longer than production should."""


async def command(url, *arguments):
    connection = await connect(parse_redis_url(url).addresses[0], 5, 5)
    try:
        return await connection.send(*arguments)
    finally:
        connection.abort(RedisAway("done"))


def _answers(url):
    try:
        return asyncio.run(command(url, "PING")) == b"PONG"
    except RedisAway:
        return False


def _url():
    """That of a Redis which runs already, or of one that ends with this process."""
    if (named := os.environ.get("GATEWAY_TEST_REDIS_URL")) or shutil.which("redis-server") is None:
        return named or _INSTALLED
    if _answers(_INSTALLED):
        return _INSTALLED
    directory = tempfile.TemporaryDirectory()
    server = Server(directory.name).start()
    atexit.register(directory.cleanup)
    atexit.register(server.stop)
    return server.url


URL = _url()


def reachable():
    return _answers(URL)


def prefix():
    return f"{{test:{ids.ulid()}}}:"


async def keys_of(prefix, url=URL):
    return [key.decode() for key in await command(url, "KEYS", prefix + "*")]


@asynccontextmanager
async def opened(url=URL, **options):
    """Counters under a prefix of their own, whose keys are gone afterwards."""
    options.setdefault("prefix", prefix())
    counters = RedisCounters(url, **{"timeout_s": PATIENT_S, **options})
    try:
        yield counters
    finally:
        await counters.close()
        if url == URL and (keys := await keys_of(options["prefix"])):
            await command(url, "DEL", *keys)


class Ledger:
    """What several processes have charged BUDGET, as far as it has been written."""

    def __init__(self, spent=0):
        self.spent = spent
        self.settled = {}
        self.asked = 0
        self.broken = False

    def write(self, amount, settled_until):
        """The entry of a request that charged so much, with what `settled_until` said when it ended."""
        self.spent += amount
        self.settled |= parsed(settled_until)

    async def read(self):
        self.asked += 1
        if self.broken:
            raise ValueError("postgresql://user:hunter2@host")
        return self.state()

    def state(self):
        spent = {BUDGET.key: Restored(self.spent, None)} if self.spent else {}
        return LedgerState(spent, dict(self.settled))


async def emptied(prefix):
    """Redis forgets everything of a deployment."""
    await command(URL, "EVAL", "return redis.call('DEL', unpack(redis.call('KEYS', ARGV[1])))", "0", prefix + "*")


BEFORE = "".join(
    (Path(__file__).parent / "version_before" / name).read_text() for name in ("hold_counters.lua", "hold.lua")
)


class Before:
    """A gateway of the version before beside a new one, whose connection and clock it shares; it numbers nothing."""

    def __init__(self, beside, prefix, clock):
        self.beside, self.prefix, self.clock = beside, prefix, clock

    async def call(self, operation, about=b"", lease=""):
        connection, generation = self.beside._connection, self.beside._script.generation
        now, keys = str(int(self.clock() * 1_000_000)), (self.prefix + "marker", self.prefix + "deadlines")
        told = [operation, now, generation, "60000000", about, lease]
        return check(await connection.send("EVAL", BEFORE, "2", *keys, *told), connection.address)


async def take(counters, *holds):
    return await counters.reserve([Hold(limit, amount) for limit, amount in holds])


async def taken(counters, *holds):
    lease = await take(counters, *holds)
    assert not isinstance(lease, Refusal)
    return lease


async def used(counters, *limits):
    return [await counters.used(limit) for limit in limits]


async def until(condition, within_s=60):
    """Waits for something that other processes bring about."""
    late = time.monotonic() + within_s
    while not await condition():
        assert time.monotonic() < late, "it did not happen in time"
        await asyncio.sleep(0.02)


async def settled(counters):
    """Waits for what was settled."""

    async def empty():
        return not counters._settlements

    await until(empty)


async def lost(counters):
    """Whether the store refuses to reserve."""
    try:
        await take(counters, (RPM, 0))
    except CountersLost:
        return True
    return False


async def answers(counters):
    return not await lost(counters)


ROOT = Path(__file__).parents[3]
WORKER = """
import asyncio, sys
from gateway.counters.redis import RedisCounters
from tests.unit.counters.redis_service import BUDGET, CONCURRENCY, PATIENT_S, Refusal, take

async def work(url, prefix, asked, lease_s, stay):
    counters = RedisCounters(url, prefix=prefix, lease_s=lease_s, timeout_s=PATIENT_S)
    holds = [(BUDGET, 10_000_000)] + [(CONCURRENCY, 1)] * stay
    outcomes = await asyncio.gather(*[take(counters, *holds) for _ in range(asked)])
    print(sum(not isinstance(outcome, Refusal) for outcome in outcomes), flush=True)
    await asyncio.sleep(1000 * stay)

asyncio.run(work(sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4]), int(sys.argv[5])))
"""


def worker(prefix, asked, lease_s=60, stay=0):
    """A process that takes a cent so many times and says how often it got it; it may stay, holding a slot each."""
    arguments = [URL, prefix, str(asked), str(lease_s), str(stay)]
    return subprocess.Popen(
        [sys.executable, "-c", WORKER, *arguments],
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT), "GATEWAY_TEST_REDIS_URL": URL, "PATH": os.environ["PATH"]},
        stdout=subprocess.PIPE,
    )
