"""A load generator: so many connections, each asking again as soon as it was answered.

`python -m bench.load PORT CONNECTIONS SECONDS BODY [RATE]` prints one JSON object; RATE is so many a second in all,
which come independently of each other, as the requests of many clients do.
"""

import asyncio
import json
import random
import sys
import time
from pathlib import Path

import uvloop

KEY = "lw_vk_test_01K00000000000000000000000"


class Connection:
    """One connection of keep-alive requests."""

    def __init__(self, port: int, request: bytes, number: int) -> None:
        self._port = port
        self._arrivals = random.Random(number)  # noqa: S311 - the same arrivals in every run
        self._request = request
        self.latencies: list[float] = []
        self.chunks = 0
        self.failures = 0

    async def run(self, until: float, interval: float) -> None:
        """Asks until the time is over; with an interval, that long after the last time it was due, on average."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port, limit=2**20)
        due = time.monotonic() + self._pause(interval)
        while (now := time.monotonic()) < until:
            if interval and now < due:
                await asyncio.sleep(due - now)
            began = due if interval else time.monotonic()
            due += self._pause(interval)
            writer.write(self._request)
            await self._answer(reader)
            self.latencies.append(time.monotonic() - began)
        writer.close()

    def _pause(self, interval: float) -> float:
        return self._arrivals.expovariate(1 / interval) if interval else 0.0

    async def _answer(self, reader: asyncio.StreamReader) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        if not head.startswith(b"http/1.1 200"):
            self.failures += 1
        at = head.find(b"content-length:")
        if at >= 0:
            await reader.readexactly(int(head[at + 15 :].split(b"\r\n", 1)[0]))
            return
        while size := int(await reader.readuntil(b"\r\n"), 16):
            await reader.readexactly(size + 2)
            self.chunks += 1
        await reader.readexactly(2)


async def main(port: int, connections: int, seconds: float, body: bytes, rate: float) -> dict[str, float]:
    """The figures of one run; times in milliseconds."""
    head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {KEY}\r\n"
    head += f"user-agent: bench\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    workers = [Connection(port, head.encode() + body, number) for number in range(connections)]
    until = time.monotonic() + seconds
    interval = connections / rate if rate else 0.0
    await asyncio.gather(*(worker.run(until, interval) for worker in workers))
    latencies = sorted(latency for worker in workers for latency in worker.latencies)
    return {
        "requests": len(latencies),
        "failures": sum(worker.failures for worker in workers),
        "per_second": len(latencies) / seconds,
        "chunks": sum(worker.chunks for worker in workers),
        "p50_ms": latencies[len(latencies) // 2] * 1000,
        "p99_ms": latencies[int(len(latencies) * 0.99)] * 1000,
    }


if __name__ == "__main__":
    _port, _connections, _seconds, _body = sys.argv[1:5]
    _rate = float(sys.argv[5]) if len(sys.argv) > 5 else 0.0
    print(json.dumps(uvloop.run(main(int(_port), int(_connections), float(_seconds), Path(_body).read_bytes(), _rate))))
