"""What the connection to Redis costs: `python -m bench.redis_clients URL`, beside `coredis` and `valkey-glide`.

These two have to be installed beside the gateway. Each carries the same requests: three budgets and four limits, held
and settled by the walk of a request that has neither a client's socket nor an upstream's. Rounds of all take turns; the
figures are the least CPU time of the process per request, with all of its threads, that any round took: what else a
machine does only adds to it. `--whole US` is what a request costs a whole gateway with the own connection
(`cpu_us_per_request` of the row "3 budgets in Redis" of `python -m bench`): by it the ratio of a whole gateway is told.
"""

import argparse
import asyncio
import importlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Generator
from contextlib import asynccontextmanager
from typing import Any, Final
from urllib.parse import urlsplit

from bench.__main__ import BUDGETS, CONFIG
from gateway.counters import redis_link
from gateway.counters.redis import RedisCounters
from gateway.counters.redis_address import RedisAddress
from gateway.counters.redis_connection import connect
from tests.support.keys import HASH
from tests.support.nodes import Ledger, Node

BODY: Final = {"model": "fast", "messages": [{"role": "user", "content": "u" * 300}], "max_tokens": 100}
PARALLEL: Final = (1, 32, 256)
LINE: Final = "{:>9}  {:>24}  {:>12}  {:>6}  {:>12}  {:>6}"
_OK: Final = 200

Execute = Callable[..., Awaitable[Any]]


class Answer:
    """An answer that is awaited where it is asked for, as an application would; a task only where nobody waits."""

    def __init__(self, answer: Awaitable[Any]) -> None:
        self._answer = answer

    def __await__(self) -> Generator[Any, None, Any]:
        return self._answer.__await__()

    def add_done_callback(self, callback: Callable[[asyncio.Future[Any]], None]) -> None:
        """As a future's."""
        asyncio.ensure_future(self._answer).add_done_callback(callback)


class Connection:
    """What the counters ask of a connection, by way of a client."""

    def __init__(self, address: RedisAddress, execute: Execute) -> None:
        self.address = address
        self.closed: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._execute = execute

    def send(self, *command: str | bytes) -> Answer:
        """One command."""
        return Answer(self._execute(*command))

    def abort(self, reason: str) -> None:
        """The client is closed by whoever opened it."""
        if not self.closed.done():
            self.closed.set_result(reason)


@asynccontextmanager
async def coredis_client(host: str, port: int) -> AsyncIterator[Execute]:
    """The client as its documentation shows it, with its pool."""
    coredis = importlib.import_module("coredis")
    async with coredis.Redis(host, port) as client:

        async def execute(name: str, *arguments: Any) -> Any:
            if name == "EVALSHA":
                digest, count, *rest = arguments
                return await client.evalsha(digest, rest[: int(count)], rest[int(count) :])
            return await client.create_request(name.encode(), *arguments, callback=lambda reply: reply)

        yield execute


@asynccontextmanager
async def coredis_connection(host: str, port: int) -> AsyncIterator[Execute]:
    """One of its connections, by itself: the least that it can cost."""
    coredis = importlib.import_module("coredis")
    async with coredis.Redis(host, port) as client, client.connection_pool.acquire() as connection:

        def execute(name: str, *arguments: Any) -> Any:
            return connection.create_request(name.encode(), *arguments, decode=False)

        yield execute


@asynccontextmanager
async def glide_client(host: str, port: int) -> AsyncIterator[Execute]:
    """The client of Valkey, whose core is Rust."""
    glide = importlib.import_module("glide")
    addresses = [glide.NodeAddress(host, port)]
    client = await glide.GlideClient.create(glide.GlideClientConfiguration(addresses, request_timeout=5000))

    def execute(*command: Any) -> Awaitable[Any]:
        answer: Awaitable[Any] = client.custom_command(list(command))
        return answer

    try:
        yield execute
    finally:
        await client.close()


@asynccontextmanager
async def own(_host: str, _port: int) -> AsyncIterator[None]:
    """The gateway's own connection."""
    yield None


CLIENTS: Final = {
    "own": own,
    "coredis, client": coredis_client,
    "coredis, one connection": coredis_connection,
    "valkey-glide": glide_client,
}


async def cost(name: str, url: str, parallel: int, count: int) -> float:
    """Microseconds of CPU for each request."""
    address = urlsplit(url)
    async with CLIENTS[name](address.hostname or "127.0.0.1", address.port or 6379) as execute:

        async def adapted(address: RedisAddress, *_timeouts: float) -> Any:
            return Connection(address, execute) if execute else await connect(address, 5, 5)

        setattr(redis_link, "connect", adapted)  # noqa: B010 - in place of what the module imported
        counters = RedisCounters(url, prefix="{bench:clients}:", timeout_s=5)
        try:
            node = Node(CONFIG.format(upstream="http://127.0.0.1:1", key=HASH) + BUDGETS, counters, Ledger())
            await _asked(node, parallel, max(parallel, count // 4))
            began = time.process_time()
            await _asked(node, parallel, count)
            await counters._settlements.drained()  # noqa: SLF001 - part of what a request costs
            return (time.process_time() - began) / count * 1e6
        finally:
            await counters.close()


async def _asked(node: Node, parallel: int, count: int) -> None:
    async def ask() -> None:
        for _ in range(count // parallel):
            if await node.ask(BODY) != _OK:
                raise RuntimeError(str(node.refusal))

    await asyncio.gather(*[ask() for _ in range(parallel)])


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--requests", type=int, default=2560)
    parser.add_argument("--parallel", type=int, nargs="+", default=PARALLEL)
    parser.add_argument("--whole", type=float)
    options = parser.parse_args()
    print(LINE.format("parallel", "client", "us a request", "ratio", "more us", "whole"))
    for parallel in options.parallel:
        rounds = [
            {name: asyncio.run(cost(name, options.url, parallel, options.requests)) for name in CLIENTS}
            for _ in range(options.rounds)
        ]
        for name in CLIENTS:
            took, least = (min(one[each] for one in rounds) for each in (name, "own"))
            ratio, more = took / least, took - least
            whole = f"{1 + more / options.whole:.2f}" if options.whole else ""
            print(LINE.format(parallel, name, f"{took:.1f}", f"{ratio:.2f}", f"{more:.1f}", whole), flush=True)


if __name__ == "__main__":
    main()
