"""Load that goes on in a thread while a test breaks things: so many requests a second, each on a connection of its own."""

import asyncio
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Self

from tests.support.keys import SECRET

_PATIENCE_S = 45
"""What has not ended by then never does."""

NO_ANSWER = 0
"""In place of a status: nobody listened, or the connection ended before a head."""


@dataclass(frozen=True)
class Kind:
    """One way to ask: a body, and after how many seconds the client leaves, if it does."""

    body: Mapping[str, Any]
    leaves_after_s: float | None = None


def chat(text: str = "hi", model: str = "cent", **more: Any) -> dict[str, Any]:
    return {"model": model, "messages": [{"role": "user", "content": text}], **more}


MIXED = (
    Kind(chat()),
    Kind(chat("[[words 5]] [[pace 10ms]]", stream=True)),
    Kind(chat("[[delay 100ms]]")),
    Kind(chat("[[words 20]] [[pace 50ms]]", stream=True), leaves_after_s=0.2),
)
"""Whole answers, fast and slow, streams, and streams whose clients leave."""


@dataclass(frozen=True)
class Answer:
    """What a client that stayed got."""

    port: int
    model: str
    status: int
    request_id: str
    body: bytes
    is_stream: bool
    is_whole: bool
    """As its framing says: nothing was cut off."""
    began: float
    took_s: float

    @property
    def code(self) -> str:
        """The error's, as clients read it, or where that is none of ours, what is wrong with it."""
        try:
            return str(json.loads(self.body)["error"]["code"])
        except (ValueError, KeyError, TypeError):
            return f"no envelope: {self.body[:80]!r}"

    @property
    def is_told(self) -> bool:
        """Whether the client knows that the answer is over: a stream ends with its last event or with an error."""
        return self.is_whole and (not self.is_stream or b"[DONE]" in self.body or b"event: error" in self.body)


@dataclass
class Load:
    """Asks `ports` in turn, which may be others from now on, `per_second` altogether, from `start` to `stop`."""

    ports: Sequence[int]
    per_second: float = 20
    kinds: Sequence[Kind] = MIXED
    secret: str = SECRET
    answers: list[Answer] = field(default_factory=list)
    left: int = 0
    never_ended: int = 0
    _done: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def start(self) -> Self:
        self._thread = threading.Thread(target=lambda: asyncio.run(self._ask_on()))
        self._thread.start()
        return self

    def stop(self) -> None:
        """Once everything has been answered that was asked."""
        self._done.set()
        if self._thread is not None:
            self._thread.join()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def wait(self, condition: Callable[[], bool], timeout_s: float) -> float:
        """The seconds until the condition came true."""
        began = time.monotonic()
        while not condition():
            assert time.monotonic() < began + timeout_s, f"not within {timeout_s} s: {self.told()}"
            time.sleep(0.05)
        return time.monotonic() - began

    def since(self, moment: float) -> list[Answer]:
        """The answers to what was asked after that moment of `time.monotonic()`."""
        return [one for one in self.answers.copy() if one.began > moment]

    def all_served(self, count: int = 3) -> Callable[[], bool]:
        """Whether of what is asked from now on, so many in a row are served at each port."""
        now = time.monotonic()

        def served() -> bool:
            last = {port: [one.status for one in self.since(now) if one.port == port][-count:] for port in self.ports}
            return all(statuses == [200] * count for statuses in last.values())

        return served

    def told(self) -> str:
        """The figures, for people."""
        statuses = Counter(one.status for one in self.answers)
        said = ", ".join(f"{count} x {status or 'no answer'}" for status, count in sorted(statuses.items()))
        took = sorted(one.took_s for one in self.answers) or [0.0]
        p50, p99 = (took[int(len(took) * share)] * 1000 for share in (0.5, 0.99))
        left = f", {self.left} clients left" if self.left else ""
        return f"{said}{left}; p50 {p50:.0f} ms, p99 {p99:.0f} ms, max {took[-1] * 1000:.0f} ms"

    async def _ask_on(self) -> None:
        number = 0
        began = asyncio.get_running_loop().time()
        async with asyncio.TaskGroup() as asking:
            while not self._done.is_set():
                # What a busy machine was late for is not made up for in a crowd.
                ports = self.ports
                kind = self.kinds[number // len(ports) % len(self.kinds)]
                asking.create_task(self._ask(ports[number % len(ports)], kind))
                number += 1
                now = asyncio.get_running_loop().time()
                began = max(began + 1 / self.per_second, now - 1)
                await asyncio.sleep(began - now)

    async def _ask(self, port: int, kind: Kind) -> None:
        began = time.monotonic()
        try:
            async with asyncio.timeout(_PATIENCE_S):
                received = await self._exchange(port, kind)
        except TimeoutError:
            self.never_ended += 1
            return
        if received is None:
            self.left += 1
            return
        self.answers.append(_read(port, kind, received, began))

    async def _exchange(self, port: int, kind: Kind) -> bytes | None:
        """All that came, or nothing where the client left."""
        content = json.dumps(kind.body).encode()
        head = (
            f"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {self.secret}\r\n"
            f"content-type: application/json\r\ncontent-length: {len(content)}\r\nconnection: close\r\n\r\n"
        )
        received = bytearray()
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            return b""
        try:
            writer.write(head.encode() + content)
            async with asyncio.timeout(kind.leaves_after_s):
                while data := await reader.read(65536):
                    received += data
        except TimeoutError:
            if kind.leaves_after_s is None:
                raise
            return None
        except OSError:
            pass
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()
        return bytes(received)


def _read(port: int, kind: Kind, received: bytes, began: float) -> Answer:
    head, end, rest = received.partition(b"\r\n\r\n")
    took_s = time.monotonic() - began
    model = kind.body["model"]
    if not end:
        return Answer(port, model, NO_ANSWER, "", received, is_stream=False, is_whole=False, began=began, took_s=took_s)
    status_line, *lines = head.decode("latin-1").split("\r\n")
    status = int(status_line.split()[1])
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    if headers.get("transfer-encoding") == "chunked":
        is_whole = rest.endswith(b"0\r\n\r\n")
    else:
        is_whole = len(rest) == int(headers.get("content-length", "-1"))
    id_ = headers.get("x-langwatch-request-id", "")
    is_stream = status == 200 and bool(kind.body.get("stream"))
    return Answer(port, model, status, id_, rest, is_stream, is_whole, began, took_s)
