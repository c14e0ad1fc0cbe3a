"""An upstream that records what reaches it byte for byte and plays back what a test tells it to."""

import asyncio
import ssl
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

CUT = object()
"""Resets the connection at this point of a response."""
HANG = object()
"""Says nothing more, and keeps the connection open."""


@dataclass
class Flood:
    """Bytes again and again; a reader that takes none of them for so many seconds has its connection reset."""

    piece: bytes
    patience_s: float
    gave_up: threading.Event = field(default_factory=threading.Event)


Step = bytes | float | threading.Event | Flood | object


@dataclass
class Recorded:
    """One request as it arrived, and whether the other side hung up before its answer was over."""

    head: bytes
    body: bytes
    hung_up: threading.Event = field(default_factory=threading.Event)

    @property
    def request_line(self) -> str:
        return self.head.split(b"\r\n", 1)[0].decode()

    @property
    def headers(self) -> dict[str, str]:
        lines = self.head.decode("latin-1").split("\r\n")[1:]
        return {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines if line)}


def response(
    body: bytes = b"{}",
    status: int = 200,
    headers: dict[str, str] | None = None,
    content_type: str = "application/json",
) -> list[Step]:
    """A whole response with a content length."""
    lines = [f"HTTP/1.1 {status} X", f"content-type: {content_type}", f"content-length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    return ["\r\n".join(lines).encode() + b"\r\n\r\n" + body]


def stream(pieces: Sequence[Step], *, ends: bool = True, content_type: str = "text/event-stream") -> list[Step]:
    """A chunked response; every piece of bytes is one chunk, a float is a pause in seconds, an event one until it is set."""
    head = f"HTTP/1.1 200 OK\r\ncontent-type: {content_type}\r\ntransfer-encoding: chunked\r\n\r\n".encode()
    steps: list[Step] = [head]
    steps += [b"%x\r\n%s\r\n" % (len(piece), piece) if isinstance(piece, bytes) else piece for piece in pieces]
    return [*steps, b"0\r\n\r\n"] if ends else steps


CHAT = (
    b'{"id":"c1","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":'
    b'{"role":"assistant","content":"hello"},"finish_reason":"stop"}],'
    b'"usage":{"prompt_tokens":11,"completion_tokens":7,"total_tokens":18}}'
)


class PlayedUpstream:
    """Listens on a port of its own, on a thread of its own, until `close`."""

    def __init__(self, certificate: Path | None = None, tls: ssl.SSLContext | None = None) -> None:
        self.certificate = certificate
        self._tls = tls
        self.requests: list[Recorded] = []
        self.play: Callable[[Recorded], Sequence[Step]] = lambda _: response(CHAT)
        self._loop = asyncio.new_event_loop()
        self._arrived = threading.Condition()
        started = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(started,), daemon=True)
        self._thread.start()
        started.wait(5)

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"

    def reset(self) -> None:
        self.requests.clear()
        self.play = lambda _: response(CHAT)

    def waits_with(self, *words: str) -> dict[str, threading.Event]:
        """Answers chats, one that has one of these words only once its event is set."""
        events = {word: threading.Event() for word in words}

        def play(asked: Recorded) -> Sequence[Step]:
            return [*(event for word, event in events.items() if word.encode() in asked.body), *response(CHAT)]

        self.play = play
        return events

    def wait_for(self, count: int = 1, timeout: float = 10) -> Recorded:
        """The `count`-th request since the last reset."""
        with self._arrived:
            assert self._arrived.wait_for(lambda: len(self.requests) >= count, timeout), "no request arrived"
        return self.requests[count - 1]

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)

    def _run(self, started: threading.Event) -> None:
        asyncio.set_event_loop(self._loop)
        listening = asyncio.start_server(self._serve, "127.0.0.1", 0, limit=64 * 2**20, ssl=self._tls)
        server = self._loop.run_until_complete(listening)
        self.port = server.sockets[0].getsockname()[1]
        started.set()
        self._loop.run_forever()
        server.close()
        tasks = asyncio.all_tasks(self._loop)
        for task in tasks:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        # Closed connections say goodbye in later turns of the loop.
        self._loop.run_until_complete(asyncio.sleep(0.05))
        self._loop.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n"))[:-4]
                recorded = Recorded(head, b"")
                recorded.body = await reader.readexactly(int(recorded.headers.get("content-length", "0")))
                with self._arrived:
                    self.requests.append(recorded)
                    self._arrived.notify_all()
                if not await self._answer(recorded, reader, writer):
                    break
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            # Over TLS a polite close would wait for the other side, beyond the end of the loop.
            writer.transport.abort() if self._tls else writer.close()

    async def _answer(self, recorded: Recorded, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        hung_up = asyncio.ensure_future(self._watch(recorded, reader))
        try:
            for step in self.play(recorded):
                if isinstance(step, bytes):
                    writer.write(step)
                    await writer.drain()
                elif isinstance(step, float | int):
                    await asyncio.wait((hung_up,), timeout=step)
                elif isinstance(step, threading.Event):
                    while not step.is_set() and not hung_up.done():
                        await asyncio.sleep(0.01)
                elif isinstance(step, Flood):
                    await self._flood(step, writer)
                    return False
                elif step is HANG:
                    await hung_up
                elif step is CUT:
                    writer.transport.abort()
                    return False
                if recorded.hung_up.is_set():
                    return False
        finally:
            hung_up.cancel()
        return not recorded.hung_up.is_set()

    @staticmethod
    async def _flood(flood: Flood, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                writer.write(flood.piece)
                await asyncio.wait_for(writer.drain(), flood.patience_s)
        except TimeoutError:
            writer.transport.abort()
            flood.gave_up.set()

    @staticmethod
    async def _watch(recorded: Recorded, reader: asyncio.StreamReader) -> None:
        while not reader.at_eof() and reader.exception() is None:
            await asyncio.sleep(0.01)
        recorded.hung_up.set()
