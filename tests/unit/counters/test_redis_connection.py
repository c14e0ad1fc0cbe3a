"""Addresses of Redis, and servers that are something else."""

import asyncio
import subprocess
import sys

import pytest

from gateway.counters.redis import RedisCounters
from gateway.counters.redis_connection import RedisAway, connect, parse_redis_url


@pytest.mark.parametrize(
    ("url", "where", "database", "tls"),
    [
        ("redis://", "Redis at localhost:6379", 0, False),
        ("redis://cache:7000/2", "Redis at cache:7000", 2, False),
        ("valkey://cache?db=4", "Redis at cache:6379", 4, False),
        ("rediss://:hunter%402@cache/1", "Redis at cache:6379", 1, True),
        ("unix://user:hunter2@/run/redis.sock?db=3", "Redis at /run/redis.sock", 3, False),
    ],
)
def test_a_url_says_where_redis_is(url, where, database, tls):
    address = parse_redis_url(url)

    assert (str(address), address.database, address.tls) == (where, database, tls)
    assert "hunter" not in repr(address)


def test_credentials_are_unquoted():
    address = parse_redis_url("redis://me%3A:p%40ss@cache")

    assert (address.username, address.password.reveal()) == ("me:", "p@ss")


@pytest.mark.parametrize(
    "url",
    ["cache:6379", "http://u:hunter2@cache", "redis://u:hunter2@cache:hunter2", "redis://cache/x", "redis://c?a=1"],
)
def test_a_url_that_cannot_be_read_is_not_repeated(url):
    with pytest.raises(ValueError, match="the URL of Redis cannot be read") as raised:
        RedisCounters(url)

    assert "hunter2" not in str(raised.value)
    assert raised.value.__suppress_context__


@pytest.mark.parametrize("prefix", ["gateway:", "{}:", "}{:"])
def test_a_prefix_needs_a_hash_tag(prefix):
    with pytest.raises(ValueError, match="needs a hash tag"):
        RedisCounters("redis://", prefix=prefix)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "does not speak the protocol of Redis"),
        (b"-ERR unknown command 'AUTH', with args beginning with: 'hunter2'\r\n", "refuses the credentials (ERR)"),
        (b"-LOADING Redis is loading the dataset in memory\r\n", "refuses: LOADING Redis is loading"),
        (b"", "does not answer within 0.05 s"),
        (None, "closed the connection"),
    ],
)
def test_a_server_that_is_not_redis_is_told(answer, said):
    served = asyncio.Event()

    async def serve(reader, writer):
        await reader.read(100)
        if answer:
            writer.write(answer)
        elif answer is not None:
            await asyncio.sleep(0.1)
        writer.close()
        served.set()

    async def run():
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        async with server:
            with pytest.raises(RedisAway) as raised:
                await connect(parse_redis_url(f"redis://:hunter2@127.0.0.1:{port}"), 0.05, 1)
            await served.wait()
            await asyncio.sleep(0.01)
        assert said in str(raised.value)
        assert "hunter2" not in str(raised.value)

    asyncio.run(run())


def test_counters_in_memory_do_not_load_what_redis_needs():
    script = "import sys, gateway.counters.memory; sys.exit('hiredis' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
