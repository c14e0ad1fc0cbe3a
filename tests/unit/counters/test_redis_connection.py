"""What is connected to, and is something else."""

import asyncio
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager

import pytest
import uvloop

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


@contextmanager
def answering(after_s):
    """The address of a server that answers each command so many seconds later."""

    def serve():
        with listening.accept()[0] as client:
            while client.recv(1000):
                time.sleep(after_s)
                client.sendall(b"+PONG\r\n")

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serve)
        thread.start()
        yield parse_redis_url(f"redis://127.0.0.1:{listening.getsockname()[1]}").addresses[0]
        thread.join()


@pytest.mark.parametrize("when", ["before it sent", "before it read"])
def test_an_event_loop_that_is_late_does_not_blame_redis(when):
    async def run():
        connection = await connect(address, 0.2, 1)
        answer = connection.send("PING")
        if when == "before it read":
            await asyncio.sleep(0)
        time.sleep(0.45)  # noqa: ASYNC251 - the loop is late
        if when == "before it read":
            connection._judge(connection._waiting[0][0])
        assert await answer == b"PONG"
        connection.abort(RedisAway("done"))
        await asyncio.sleep(0)

    with answering(0.05) as address:
        uvloop.run(run())


def test_counters_in_memory_do_not_load_what_redis_needs():
    script = "import sys, gateway.counters.memory; sys.exit('hiredis' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
