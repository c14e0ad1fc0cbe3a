"""The HTTP client against a server that plays bytes."""

import asyncio
import socket
import ssl
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import uvloop

from gateway.upstream import tls
from gateway.upstream.client import Http1Transport
from gateway.upstream.failure import FailureKind, UpstreamFailure
from gateway.upstream.request import UpstreamRequest
from tests.support.certificate import certificate

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
Play = Callable[["Peer"], Awaitable[None]]


class Peer:
    """The server's end of one connection."""

    def __init__(self, number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.number = number
        self.reader = reader
        self.writer = writer

    async def request(self) -> tuple[str, dict[str, str], bytes]:
        """The request line, the header fields and the body of the next request."""
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        line, *fields = head.removesuffix("\r\n\r\n").split("\r\n")
        headers = dict(field.split(": ", 1) for field in fields)
        body = await self.reader.readexactly(int(headers.get("content-length", "0")))
        return line, headers, body

    async def play(self, *pieces: bytes, pause_s: float = 0.01) -> None:
        """Sends pieces one after the other, each in a packet of its own."""
        for piece in pieces:
            self.writer.write(piece)
            await self.writer.drain()
            await asyncio.sleep(pause_s)


@asynccontextmanager
async def serving(play: Play, tls_context: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    """A server where every connection is played by `play`; yields its authority."""
    connections: list[asyncio.Task[None]] = []

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = Peer(len(connections), reader, writer)
        task = asyncio.current_task()
        assert task is not None
        connections.append(task)
        try:
            await play(peer)
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=tls_context)
    try:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for connection in connections:
            connection.cancel()
        await asyncio.gather(*connections, return_exceptions=True)


def request_to(url: str, body: bytes = b"hi", **changes: Any) -> UpstreamRequest:
    """A POST with short deadlines."""
    fields: dict[str, Any] = {
        "method": "POST",
        "url": url,
        "headers": [("x-one", "1")],
        "body": body,
        "connect_timeout_s": 1.0,
        "first_byte_timeout_s": 1.0,
        "idle_timeout_s": 1.0,
    }
    return UpstreamRequest(**{**fields, **changes})


async def fetch(transport: Http1Transport, request: UpstreamRequest) -> tuple[int, list[tuple[str, str]], list[bytes]]:
    """Status, headers and the pieces of the body."""
    response = await transport.send(request)
    pieces: list[bytes] = []
    try:
        while (piece := await response.read_chunk()) is not None:
            pieces.append(piece)
    finally:
        await response.close()
    return response.status, response.headers, pieces


def run(play: Play, use: Callable[[Http1Transport, str], Awaitable[None]], **server: Any) -> None:
    """Plays against a transport, on the loop that the gateway runs on."""

    async def main() -> None:
        async with serving(play, **server) as authority:
            transport = Http1Transport()
            try:
                await asyncio.wait_for(use(transport, authority), 10)
            finally:
                await transport.close()

    uvloop.run(main())


def answering(*pieces: bytes) -> Play:
    """Answers one request with these pieces and closes."""

    async def play(peer: Peer) -> None:
        await peer.request()
        await peer.play(*pieces)

    return play


HEAD = b"HTTP/1.1 200 OK\r\n"


@pytest.mark.parametrize(
    ("sent", "pieces"),
    [
        ((OK,), [b"ok"]),
        ((HEAD + b"content-length: 0\r\n\r\n",), []),
        ((HEAD + b"content-length: 4\r\n\r\n", b"ab", b"cd"), [b"ab", b"cd"]),
        ((HEAD + b"transfer-encoding: chunked\r\n\r\n2\r\nab\r\n", b"3\r\ncde\r\n0\r\n\r\n"), [b"ab", b"cde"]),
        ((HEAD + b"transfer-encoding: chunked\r\n\r\n2\r\nab\r\n3\r\ncde\r\n0\r\nx-t: 1\r\n\r\n",), [b"ab", b"cde"]),
        ((HEAD + b"\r\n", b"until", b"the end"), [b"until", b"the end"]),
        ((b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n", OK), [b"ok"]),
        ((b"HTTP/1.1 100 Continue\r\n\r\n" + OK,), [b"ok"]),
        (tuple(OK[i : i + 1] for i in range(len(OK))), [b"o", b"k"]),
        ((b"HTTP/1.0 200 OK\r\n\r\n", b"old"), [b"old"]),
        ((b"HTTP/1.1 204 No Content\r\n\r\n",), []),
    ],
)
def test_a_body_arrives_in_the_pieces_in_which_it_was_sent(sent: tuple[bytes, ...], pieces: list[bytes]) -> None:
    async def use(transport: Http1Transport, authority: str) -> None:
        _, headers, received = await fetch(transport, request_to(f"http://{authority}/v1/x"))
        assert received == pieces
        assert ("link", "</a>") not in headers

    run(answering(*sent), use)


def test_the_request_arrives_as_it_was_given() -> None:
    seen: list[tuple[str, dict[str, str], bytes]] = []

    async def play(peer: Peer) -> None:
        seen.append(await peer.request())
        await peer.play(OK)

    async def use(transport: Http1Transport, authority: str) -> None:
        await fetch(transport, request_to(f"http://{authority}/v1/chat?a=b%2Fc", body=b"\x00\xff" * 500_000))
        line, headers, body = seen[0]
        assert line == "POST /v1/chat?a=b%2Fc HTTP/1.1"
        assert headers == {"host": authority, "x-one": "1", "content-length": "1000000"}
        assert body == b"\x00\xff" * 500_000

    run(play, use)


@pytest.mark.parametrize(
    "path", ["/..", "/a/../b", "/a/./b", "/a/%2e%2E/b", "/%252e%252e", "/a%2f..%2fb", "/a\\..", "/..;x/b"]
)
def test_a_path_that_climbs_is_asked_for_nowhere(path: str) -> None:
    async def play(peer: Peer) -> None:
        await peer.play(OK)

    async def use(transport: Http1Transport, authority: str) -> None:
        with pytest.raises(UpstreamFailure, match=r"the path of the URL has a segment `.` or `..`"):
            await fetch(transport, request_to(f"http://{authority}{path}"))

    run(play, use)


@pytest.mark.parametrize(
    ("pieces", "kind", "message"),
    [
        ((), FailureKind.NETWORK, "the connection closed before an answer came"),
        ((b"HTTP/1.1 200 O",), FailureKind.NETWORK, "the connection closed in the middle of the answer"),
        ((HEAD + b"content-length: 5\r\n\r\nab",), FailureKind.NETWORK, "the connection closed in the middle of the"),
        (
            (HEAD + b"transfer-encoding: chunked\r\n\r\n2\r\nab\r\n",),
            FailureKind.NETWORK,
            "in the middle of the answer",
        ),
        ((HEAD + b"transfer-encoding: chunked\r\n\r\nzz\r\n",), FailureKind.PROTOCOL, "the response is not HTTP"),
        ((b"SSH-2.0-OpenSSH_9.2\r\n",), FailureKind.PROTOCOL, "the response is not HTTP"),
        ((HEAD + b"content-length: 2\r\ncontent-length: 3\r\n\r\nabc",), FailureKind.PROTOCOL, "is not HTTP"),
        ((b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\n\r\n",), FailureKind.PROTOCOL, "another protocol"),
        ((HEAD + b"x: " + b"y" * 300_000,), FailureKind.PROTOCOL, "the head of the response is too large"),
        (
            (HEAD + b"x: " + b"y" * 300_000 + b"\r\ncontent-length: 2\r\n\r\nok",),
            FailureKind.PROTOCOL,
            "the head of the response is too large",
        ),
    ],
)
def test_an_answer_that_is_none_says_why(pieces: tuple[bytes, ...], kind: FailureKind, message: str) -> None:
    async def use(transport: Http1Transport, authority: str) -> None:
        with pytest.raises(UpstreamFailure) as caught:
            await fetch(transport, request_to(f"http://{authority}/"))
        assert caught.value.kind is kind
        assert message in caught.value.message

    run(answering(*pieces), use)


def staying(*pieces: bytes) -> Play:
    """Answers, and then neither says more nor hangs up."""

    async def play(peer: Peer) -> None:
        await peer.request()
        await peer.play(*pieces)
        await peer.reader.read()

    return play


@pytest.mark.parametrize(
    ("pieces", "answer"),
    [
        ((OK + b"more",), [b"ok"]),
        ((OK, b"more"), [b"ok"]),
        ((OK + OK,), [b"ok"]),
        ((HEAD + b"content-length: 0\r\n\r\nmore",), []),
        ((b"HTTP/1.1 204 No Content\r\n\r\nmore",), []),
        ((HEAD + b"content-length: 2\r\nconnection: close\r\n\r\nokmore",), [b"ok"]),
        ((HEAD + b"transfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\nmore",), [b"ok"]),
        ((b"HTTP/1.1 103 Early Hints\r\n\r\n" + OK + b"more",), [b"ok"]),
        ((HEAD + b"transfer-encoding: chunked\r\n\r\nzz\r\n",), "the response is not HTTP"),
        ((HEAD, b"nonsense\r\n\r\n"), "the response is not HTTP"),
        ((b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\n\r\nmore",), "another protocol"),
        ((HEAD + b"x: " + b"y" * 300_000,), "the head of the response is too large"),
    ],
)
def test_whatever_a_peer_sends_nobody_waits_longer_than_it_takes(
    pieces: tuple[bytes, ...], answer: list[bytes] | str
) -> None:
    async def use(transport: Http1Transport, authority: str) -> None:
        request = request_to(f"http://{authority}/", first_byte_timeout_s=60, idle_timeout_s=60)
        async with asyncio.timeout(5):
            if isinstance(answer, list):
                assert (await fetch(transport, request))[2] == answer
            else:
                with pytest.raises(UpstreamFailure, match=answer):
                    await fetch(transport, request)

    run(staying(*pieces), use)


async def silent(peer: Peer) -> None:
    """Reads, and says nothing more than a head when asked for `/head`."""
    line, _, _ = await peer.request()
    if "/head" in line:
        await peer.play(HEAD + b"content-length: 5\r\n\r\n")
    await peer.reader.read()


@pytest.mark.parametrize(
    ("path", "changes", "message"),
    [
        ("/", {"first_byte_timeout_s": 0.1}, "no response within 0.1 s"),
        ("/head", {"idle_timeout_s": 0.1}, "silent for 0.1 s"),
    ],
)
def test_silence_has_an_end(path: str, changes: dict[str, float], message: str) -> None:
    async def use(transport: Http1Transport, authority: str) -> None:
        with pytest.raises(UpstreamFailure, match=message) as caught:
            await fetch(transport, request_to(f"http://{authority}{path}", **changes))
        assert caught.value.kind is FailureKind.TIMEOUT

    run(silent, use)


def test_what_came_while_the_process_stood_still_is_read_before_its_deadline_counts() -> None:
    goes_on = threading.Event()

    def serve(listening: socket.socket) -> None:
        with listening.accept()[0] as client:
            client.recv(1000)
            client.sendall(HEAD + b"\r\nfirst")
            goes_on.wait(10)
            client.sendall(b"last")

    def stand_still(loop: asyncio.AbstractEventLoop) -> None:
        """While the event loop reads, as it does nearly all the time."""
        loop.remove_reader(here)
        goes_on.set()
        time.sleep(0.4)

    async def main(port: int) -> None:
        loop = asyncio.get_running_loop()
        transport = Http1Transport()
        response = await transport.send(request_to(f"http://127.0.0.1:{port}/", idle_timeout_s=0.2))
        assert await response.read_chunk() == b"first"
        loop.add_reader(here, stand_still, loop)
        there.send(b"x")
        assert await response.read_chunk() == b"last"
        assert await response.read_chunk() is None
        await response.close()
        await transport.close()

    here, there = socket.socketpair()
    with here, there, socket.create_server(("127.0.0.1", 0)) as listening:
        peer = threading.Thread(target=serve, args=(listening,))
        peer.start()
        uvloop.run(main(listening.getsockname()[1]))
        peer.join()


def test_a_stream_may_take_longer_than_any_of_its_pauses() -> None:
    async def play(peer: Peer) -> None:
        await peer.request()
        await peer.play(HEAD + b"\r\n", *[b"x"] * 8, pause_s=0.05)

    async def use(transport: Http1Transport, authority: str) -> None:
        request = request_to(f"http://{authority}/", first_byte_timeout_s=0.2, idle_timeout_s=0.2)
        assert b"".join((await fetch(transport, request))[2]) == b"x" * 8

    run(play, use)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("http://127.0.0.1:1/", "connection refused|not be reached|connect call failed|the connection failed"),
        ("http://no-such-host.invalid/", "the name no-such-host.invalid was not found"),
        ("http://127.0.0.1:99999/", "not an http\\(s\\) URL with a valid port"),
    ],
)
def test_a_connection_that_cannot_be_opened_says_why(url: str, message: str) -> None:
    async def use(transport: Http1Transport, _authority: str) -> None:
        with pytest.raises(UpstreamFailure, match=message) as caught:
            await transport.send(request_to(url))
        assert caught.value.kind is FailureKind.CONNECT

    run(silent, use)


async def numbered(peer: Peer) -> None:
    """Answers each request with the number of its connection."""
    while True:
        line, _, _ = await peer.request()
        close = b"connection: close\r\n" if "/close" in line else b""
        await peer.play(HEAD + close + b"content-length: 1\r\n\r\n" + str(peer.number).encode())
        if "/garbage" in line:
            await peer.play(b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nforged")
        if "/leave" in line:
            return


@pytest.mark.parametrize(
    ("first", "connection_of_second"),
    [("/", b"0"), ("/close", b"1"), ("/garbage", b"1"), ("/leave", b"1")],
)
def test_a_connection_is_used_again_only_when_it_is_whole(first: str, connection_of_second: bytes) -> None:
    async def use(transport: Http1Transport, authority: str) -> None:
        assert (await fetch(transport, request_to(f"http://{authority}{first}")))[2] == [b"0"]
        await asyncio.sleep(0.1)
        assert (await fetch(transport, request_to(f"http://{authority}/")))[2] == [connection_of_second]

    run(numbered, use)


@pytest.mark.parametrize("path", ["/", "/head"])
def test_a_cancelled_call_drops_its_connection_at_once(path: str) -> None:
    left = asyncio.Event()

    async def play(peer: Peer) -> None:
        try:
            await silent(peer)
        finally:
            left.set()

    async def use(transport: Http1Transport, authority: str) -> None:
        call = asyncio.create_task(fetch(transport, request_to(f"http://{authority}{path}")))
        await asyncio.sleep(0.1)
        assert not left.is_set()
        call.cancel()
        await asyncio.wait_for(left.wait(), 0.5)

    run(play, use)


def test_a_reader_that_stops_reading_stops_the_sender() -> None:
    sent = 0

    async def play(peer: Peer) -> None:
        nonlocal sent
        await peer.request()
        peer.writer.write(HEAD + b"\r\n")
        while sent < 200_000_000:
            peer.writer.write(b"x" * 65536)
            await peer.writer.drain()
            sent += 65536

    async def use(transport: Http1Transport, authority: str) -> None:
        response = await transport.send(request_to(f"http://{authority}/"))
        await asyncio.sleep(0.5)
        assert 0 < sent < 50_000_000
        stopped_at = sent
        for _ in range(2000):
            await response.read_chunk()
        assert sent > stopped_at
        await response.close()

    run(play, use)


@pytest.mark.parametrize(
    "headers",
    [[("x", "a\r\nb: c")], [("x", "a\nb")], [("x\r\n", "a")], [("x", "a\0")], [("x", "\u20ac")]],
)
def test_a_header_that_would_break_out_of_its_line_is_never_sent(headers: list[tuple[str, str]]) -> None:
    async def use(transport: Http1Transport, authority: str) -> None:
        with pytest.raises(UpstreamFailure) as caught:
            await transport.send(request_to(f"http://{authority}/", headers=headers))
        assert caught.value.kind is FailureKind.PROTOCOL

    run(numbered, use)


@pytest.fixture
def fresh_trust() -> Any:
    """Trust is read anew before and after."""
    tls.client_context.cache_clear()
    yield
    tls.client_context.cache_clear()


@pytest.mark.usefixtures("fresh_trust")
@pytest.mark.parametrize("trusted", [True, False])
def test_tls_trusts_what_the_system_trusts(trusted: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, context = certificate(tmp_path)
    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(file))

    async def use(transport: Http1Transport, authority: str) -> None:
        request = request_to(f"https://{authority}/")
        if trusted:
            assert (await fetch(transport, request))[2] == [b"0"]
            assert (await fetch(transport, request))[2] == [b"0"]
        else:
            with pytest.raises(UpstreamFailure, match="its certificate is not to be trusted") as caught:
                await transport.send(request)
            assert caught.value.kind is FailureKind.CONNECT

    run(numbered, use, tls_context=context)


def test_a_server_without_tls_is_named_as_such() -> None:
    async def play(peer: Peer) -> None:
        await peer.play(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    async def use(transport: Http1Transport, authority: str) -> None:
        with pytest.raises(UpstreamFailure, match="TLS failed") as caught:
            await transport.send(request_to(f"https://{authority}/"))
        assert caught.value.kind is FailureKind.CONNECT

    run(play, use)


@pytest.mark.parametrize(("user", "credential"), [("", None), ("me:p%40ss@", "Basic bWU6cEBzcw==")])
def test_a_plain_request_goes_through_the_proxy_of_the_environment(
    monkeypatch: pytest.MonkeyPatch, user: str, credential: str | None
) -> None:
    seen: list[tuple[str, str | None]] = []

    async def proxy(peer: Peer) -> None:
        line, headers, _ = await peer.request()
        seen.append((line, headers.get("proxy-authorization")))
        await peer.play(OK)

    async def use(transport: Http1Transport, authority: str) -> None:
        monkeypatch.setenv("http_proxy", f"http://{user}{authority}")
        monkeypatch.setenv("no_proxy", "")
        await fetch(transport, request_to("http://provider.test/v1/chat"))
        assert seen == [("POST http://provider.test/v1/chat HTTP/1.1", credential)]

    run(proxy, use)


def test_connections_to_one_origin_have_a_bound_and_a_state() -> None:
    async def main() -> None:
        async with serving(numbered) as authority:
            transport = Http1Transport(most_connections=2)
            request = request_to(f"http://{authority}/")
            first, second = [await transport.send(request) for _ in range(2)]
            with pytest.raises(UpstreamFailure, match="all 2 connections to it are in use"):
                await transport.send(request_to(f"http://{authority}/", connect_timeout_s=0.05))
            third = asyncio.ensure_future(transport.send(request))
            await asyncio.sleep(0.05)
            assert transport.states() == {f"http://{authority}": (2, 0, 1)}

            await second.read_all()
            await second.close()
            answer = await third
            assert transport.states() == {f"http://{authority}": (2, 0, 0)}
            assert await answer.read_all() == b"1"  # on the connection of the second
            await answer.close()
            await first.close()
            (pool,) = transport._pools.values()
            assert repr(pool) == f"Pool(http://{authority}: 0 active, 2 idle, 0 waiting, at most 2)"
            await transport.close()

    uvloop.run(main())


def test_who_stops_waiting_for_a_connection_leaves_its_turn_to_the_next() -> None:
    async def main() -> None:
        async with serving(numbered) as authority:
            transport = Http1Transport(most_connections=1)
            request = request_to(f"http://{authority}/")
            first = await transport.send(request)
            leaving, staying = (asyncio.ensure_future(transport.send(request)) for _ in range(2))
            await asyncio.sleep(0.05)
            await first.read_all()
            await first.close()
            leaving.cancel()

            answer = await asyncio.wait_for(staying, 5)
            await answer.read_all()
            await answer.close()
            assert transport.states() == {f"http://{authority}": (0, 1, 0)}
            await transport.close()

    uvloop.run(main())


@pytest.mark.usefixtures("fresh_trust")
def test_an_encrypted_request_goes_through_a_tunnel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, context = certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    monkeypatch.setenv("no_proxy", "")
    asked: list[tuple[str, dict[str, str]]] = []

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65536):
                writer.write(data)
        finally:
            writer.close()

    async def proxy(peer: Peer) -> None:
        line, headers, _ = await peer.request()
        asked.append((line, headers))
        if "refused" in line:
            await peer.play(b"HTTP/1.1 403 Forbidden\r\n\r\n")
            return
        reader, writer = await asyncio.open_connection(*line.split()[1].split(":"))
        await peer.play(b"HTTP/1.1 200 Connection established\r\n\r\n")
        await asyncio.gather(pump(peer.reader, writer), pump(reader, peer.writer))

    async def use(transport: Http1Transport, authority: str) -> None:
        async with serving(proxy) as proxy_authority:
            monkeypatch.setenv("https_proxy", f"http://me:p%40ss@{proxy_authority}")
            assert (await fetch(transport, request_to(f"https://{authority}/")))[2] == [b"0"]
            assert asked[0][0] == f"CONNECT {authority} HTTP/1.1"
            assert asked[0][1]["Proxy-Authorization"] == "Basic bWU6cEBzcw=="
            with pytest.raises(UpstreamFailure, match="the proxy refused the tunnel"):
                await transport.send(request_to("https://refused.test/"))

    run(numbered, use, tls_context=context)
