"""A load generator: so many connections, each asking again as soon as it was answered.

`python -m bench.load PORT CONNECTIONS SECONDS BODY [RATE [PATH [KEY [HOST]]]]` prints one JSON object; RATE is so many
a second in all, which come independently of each other, as the requests of many clients do.

It shares a core with the upstream, so it is as light as can be; and `select`, unlike an event loop, waits for less than
a millisecond.
"""

import json
import random
import select
import socket
import sys
import time
from collections import deque
from pathlib import Path

HOST, PATH = "127.0.0.1", "/v1/chat/completions"
KEY = "lw_vk_test_01K00000000000000000000000"
_PATIENCE_S = 30.0


class Connection:
    """A connection that stays open for one request after the other."""

    def __init__(self, host: str, port: int) -> None:
        self.socket = socket.create_connection((host, port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.chunks = 0
        self.failures = 0
        self.due = 0.0
        self._received, self._at, self._length = b"", -1, -1

    def ask(self, request: bytes, due: float) -> None:
        """Sends a request that should have been sent at `due`."""
        self.due = due
        self._received, self._at, self._length = b"", -1, -1
        self.socket.sendall(request)

    def receive(self) -> bool:
        """Reads what has come; says whether that is the whole answer."""
        data = self.socket.recv(2**18)
        if not data:
            message = "the server has closed a connection"
            raise ConnectionError(message)
        self._received += data
        if self._at < 0 and not self._read_head():
            return False
        return len(self._received) - self._at == self._length if self._length >= 0 else self._read_chunks()

    def _read_head(self) -> bool:
        end = self._received.find(b"\r\n\r\n")
        if end < 0:
            return False
        head = self._received[:end].lower()
        self.failures += not head.startswith(b"http/1.1 200")
        self._at = end + 4
        at = head.find(b"content-length:")
        if at >= 0:
            self._length = int(head[at + 15 :].split(b"\r\n", 1)[0])
        return True

    def _read_chunks(self) -> bool:
        while (end := self._received.find(b"\r\n", self._at)) >= 0:
            size = int(self._received[self._at : end], 16)
            behind = end + 2 + size + 2
            if len(self._received) < behind:
                break
            self._at = behind
            if not size:
                return True
            self.chunks += 1
        self._received, self._at = self._received[self._at :], 0
        return False


def run(connections: list[Connection], request: bytes, seconds: float, rate: float) -> list[float]:
    """Asks for so long and returns the latencies in seconds, from the moment at which a request was due."""
    arrivals = random.Random(1)  # noqa: S311 - the same arrivals in every run
    free, busy = deque(connections), {}
    latencies: list[float] = []
    due = now = time.monotonic()
    until = now + seconds
    while busy or now < until:
        while free and due <= now < until:
            connection = free.popleft()
            connection.ask(request, due)
            busy[connection.socket] = connection
            due = due + arrivals.expovariate(rate) if rate else now
        wait = max(0.0, min(due, until) - now) if free and now < until else _PATIENCE_S
        answering = select.select(busy, (), (), wait)[0]
        if not answering and wait == _PATIENCE_S:
            message = f"the server has said nothing for {_PATIENCE_S} seconds"
            raise TimeoutError(message)
        for ready in answering:
            if busy[ready].receive():
                free.append(connection := busy.pop(ready))
                latencies.append(time.monotonic() - connection.due)
        now = time.monotonic()
    return latencies


def main(
    port: int, count: int, seconds: float, body: bytes, rate: float, path: str = PATH, key: str = KEY, host: str = HOST
) -> dict[str, float]:
    """The figures of one run; times in milliseconds."""
    head = f"POST {path} HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {key}\r\nanthropic-version: 2023-06-01\r\n"
    head += f"user-agent: bench\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    connections = [Connection(host, port) for _ in range(count)]
    latencies = sorted(run(connections, head.encode() + body, seconds, rate))
    return {
        "requests": len(latencies),
        "failures": sum(connection.failures for connection in connections),
        "per_second": len(latencies) / seconds,
        "chunks": sum(connection.chunks for connection in connections),
        "p50_ms": latencies[len(latencies) // 2] * 1000,
        "p99_ms": latencies[int(len(latencies) * 0.99)] * 1000,
    }


if __name__ == "__main__":
    _port, _connections, _seconds, _body = sys.argv[1:5]
    _rate, _further = float(sys.argv[5]) if len(sys.argv) > 5 else 0.0, sys.argv[6:]
    _sent = Path(_body).read_bytes()
    print(json.dumps(main(int(_port), int(_connections), float(_seconds), _sent, _rate, *_further)))
