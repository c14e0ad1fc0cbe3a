"""Clients that read nothing, leave at any moment or stop in the midst of what they send: the others are served."""

import socket
import time
from contextlib import ExitStack

import pytest

from tests.chaos.fleet import every_answer_ends, memory_is_bounded, memory_mb, nobody_stumbled
from tests.chaos.test_one_node import books_agree
from tests.chaos.test_upstreams import CONFIG, DELTA
from tests.contract.test_check_ledger import check
from tests.support.keys import HASH, SECRET
from tests.support.load import Kind, Load, chat
from tests.support.upstream import CHAT, Flood, stream

HEAD = f"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {SECRET}\r\ncontent-type: application/json\r\n"
ENDLESS = b'{"model":"broken","stream":true,"messages":[]}'
WHOLE = b'{"model":"broken","messages":[]}'
SAY = {
    "read nothing": f"{HEAD}content-length: {len(ENDLESS)}\r\n\r\n".encode() + ENDLESS,
    "stop in the midst of a head": HEAD.encode()[:60],
    "stop in the midst of a body": f"{HEAD}content-length: 1000\r\n\r\n".encode() + b"{",
    "say nothing": b"",
}
MANY = 10
_PATIENCE = {"GATEWAY_WRITE_TIMEOUT_S": "2", "GATEWAY_BODY_TIMEOUT_S": "2", "GATEWAY_KEEPALIVE_TIMEOUT_S": "3"}


@pytest.mark.chaos
@pytest.mark.parametrize("say", [pytest.param(say, id=name) for name, say in SAY.items()])
def test_clients_that(start_gateway, upstream, figures, say):
    head, chunk = stream([DELTA * 2000], ends=False)
    upstream.play = lambda _: [head, Flood(chunk, patience_s=60)]
    gateway = start_gateway(CONFIG.format(url=upstream.url, hash=HASH), env=_PATIENCE)
    with Load([gateway.port], 20, kinds=[Kind(chat()), Kind(chat("[[words 5]]", stream=True))]) as load:
        load.wait(load.all_served(), 30)
        before_mb = memory_mb([gateway.process.pid])
        with ExitStack() as held:
            for _ in range(MANY):
                client = held.enter_context(socket.socket())
                client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                client.connect(("127.0.0.1", gateway.port))
                client.sendall(say)
            time.sleep(5)
            most_mb = memory_mb([gateway.process.pid])
            load.wait(load.all_served(), 30)
            if b"stream" in say:
                # They are there and read nothing; the gateway ends what they asked for all the same.
                gateway.wait(lambda: sum(one["model_asked"] == "broken" for one in gateway.records()) == MANY, 60)

    every_answer_ends(load, frozenset())
    assert {one.status for one in load.answers} == {200}
    books_agree(gateway, load)
    memory_is_bounded(before_mb, most_mb)
    nobody_stumbled([gateway])
    figures(load.told(), f"{before_mb:.0f} -> {most_mb:.0f} MB with {MANY} of them")


@pytest.mark.service
@pytest.mark.parametrize("workers", ["1", pytest.param("3", marks=pytest.mark.chaos)])
def test_clients_that_leave_at_any_moment(start_gateway, server, figures, workers):
    environment = {} if workers == "1" else {"GATEWAY_REDIS_URL": server.url}
    gateway = start_gateway(CONFIG.format(url="http://127.0.0.1:1", hash=HASH), "--workers", workers, env=environment)
    bodies = (chat(), chat("[[words 5]] [[pace 10ms]]", stream=True), chat("[[delay 30ms]]"))
    kinds = [Kind(body, leaves_after_s=after_ms / 1000) for after_ms in range(1, 60, 4) for body in bodies]
    with Load([gateway.port], 100, kinds=kinds) as leaving, Load([gateway.port], 10) as staying:
        time.sleep(4)
    gateway.wait(lambda: "gateway_requests_in_flight 0.0" in gateway.metrics())

    assert leaving.left > 10
    for load in (leaving, staying):
        every_answer_ends(load, frozenset())
        books_agree(gateway, load)
    assert check(gateway, **environment) == (0, {})
    nobody_stumbled([gateway])
    figures(f"leaving: {leaving.told()}", f"staying: {staying.told()}")


@pytest.mark.chaos
def test_clients_that_leave_in_the_midst_of_an_upload(start_gateway, figures):
    """What they had sent is let go of: three that stay have all the room that bodies may take."""
    gateway = start_gateway(
        CONFIG.format(url="http://127.0.0.1:1", hash=HASH), env={"GATEWAY_MAX_BUFFERED_BODY_BYTES": "10000000"}
    )
    size = 3_000_000
    before_mb = memory_mb([gateway.process.pid])
    for _ in range(50):
        with ExitStack() as held:
            for _ in range(3):
                client = held.enter_context(socket.create_connection(("127.0.0.1", gateway.port)))
                client.sendall(f"{HEAD}content-length: {size}\r\n\r\n".encode() + b"x" * (size // 2))
    with Load([gateway.port], 3, kinds=[Kind(chat("x" * (size - 1000)))]) as load:
        load.wait(load.all_served(9), 60)

    every_answer_ends(load, frozenset())
    assert {one.status for one in load.answers} == {200}
    memory_is_bounded(before_mb, memory_mb([gateway.process.pid]))
    nobody_stumbled([gateway])
    figures(load.told())


@pytest.mark.chaos
def test_answers_of_100_mb_that_are_read_slowly_or_never(start_gateway, upstream, figures):
    size = 100_000_000
    piece = b" " * 100_000
    head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {size + len(CHAT)}\r\n\r\n".encode()
    upstream.play = lambda _: [head, *[piece] * (size // len(piece)), CHAT]
    gateway = start_gateway(CONFIG.format(url=upstream.url, hash=HASH), env=_PATIENCE)
    ask = f"{HEAD}connection: close\r\ncontent-length: {len(WHOLE)}\r\n\r\n".encode() + WHOLE
    with ExitStack() as held, Load([gateway.port], 20) as load:
        load.wait(load.all_served(), 30)
        before_mb = most_mb = memory_mb([gateway.process.pid])
        slow, never = (held.enter_context(socket.create_connection(("127.0.0.1", gateway.port))) for _ in range(2))
        slow.sendall(ask)
        never.sendall(ask)
        received = 0
        while data := slow.recv(2_000_000):
            received += len(data)
            most_mb = max(most_mb, memory_mb([gateway.process.pid]))
            time.sleep(0.02)
        gateway.wait(lambda: sum(one["model_asked"] == "broken" for one in gateway.records()) == 2, 30)

    every_answer_ends(load, frozenset())
    assert {one.status for one in load.answers} == {200}
    assert received > size
    whole, left = sorted(
        (one for one in gateway.records() if one["model_asked"] == "broken"), key=lambda one: one["outcome"] != "ok"
    )
    assert (whole["usage"]["output_tokens"], whole["usage"]["input_tokens"]) == (7, 11)
    assert left["outcome"] != "ok"
    memory_is_bounded(before_mb, most_mb)
    nobody_stumbled([gateway])
    figures(load.told(), f"{before_mb:.0f} -> {most_mb:.0f} MB")
