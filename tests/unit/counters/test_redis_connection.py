"""What is connected to, and is something else."""

import asyncio
import subprocess
import sys

import pytest

from gateway.counters.redis import RedisCounters
from gateway.counters.redis_address import parse_redis_url
from gateway.counters.redis_connection import connect
from gateway.counters.redis_refusals import RedisAway


@pytest.mark.parametrize("prefix", ["gateway:", "{}:", "}{:"])
def test_a_prefix_needs_a_hash_tag(prefix):
    with pytest.raises(ValueError, match="needs a hash tag"):
        RedisCounters("redis://", prefix=prefix)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "does not speak the protocol of Redis"),
        (b"-ERR unknown command 'AUTH', with args beginning with: 'hunter2'\r\n", "refuses the credentials (ERR)"),
        (b"-LOADING Redis is loading the dataset in memory\r\n", "is loading its data (LOADING)"),
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
            await reader.read()
        writer.close()
        served.set()

    async def run():
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        async with server:
            with pytest.raises(RedisAway) as raised:
                await connect(parse_redis_url(f"redis://:hunter2@127.0.0.1:{port}").addresses[0], 0.05, 1)
            await served.wait()
            await asyncio.sleep(0.01)
        assert said in str(raised.value)
        assert "hunter2" not in str(raised.value)

    asyncio.run(run())


def test_counters_in_memory_do_not_load_what_redis_needs():
    script = "import sys, gateway.counters.memory; sys.exit('hiredis' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
