"""Upstreams that fail under load in every way: each request ends, and what goes to a sound one is served all the same."""

import os
import signal
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.chaos.fleet import every_answer_ends, memory_is_bounded, memory_mb, nobody_stumbled
from tests.support.gateway import free_port
from tests.support.keys import HASH
from tests.support.ledger import ledger_entries
from tests.support.load import Kind, Load, chat
from tests.support.upstream import CHAT, CUT, HANG, Flood, PlayedUpstream, Recorded, Step, response, stream

DELTA = b'data: {"id":"c","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":"word "}}]}\n\n'
LONG = 2_000_000
"""Characters of a prompt that no socket takes whole while nobody reads."""

FAILS: dict[str, list[Step]] = {
    "resets": [CUT],
    "breaks off in the head": [b"HTTP/1.1 200 OK\r\ncontent-", CUT],
    "breaks off in the body": [response(CHAT)[0][:-20], CUT],
    "breaks off mid-stream": [*stream([DELTA, DELTA], ends=False), CUT],
    "hangs": [HANG],
    "hangs mid-stream": [*stream([DELTA], ends=False), HANG],
    "says nonsense": [b"\x16\x03\x01" * 50],
    "answers slowly": stream([piece for _ in range(20) for piece in (DELTA, 0.1)] + [b"data: [DONE]\n\n"]),
    "answers 503": response(b'{"error":{"message":"busy"}}', 503),
    "ends without its last event": stream([DELTA]),
}
REFUSALS = frozenset(
    {
        "upstream_connect_error",
        "upstream_network_error",
        "upstream_protocol_error",
        "upstream_redirect",
        "upstream_server_error",
        "upstream_timeout",
    }
)
_LASTS_S = 4

CONFIG = """
version: 1
organization: acme
teams: {{engineering: {{}}}}
projects: {{checkout: {{team: engineering}}}}
providers:
  simulator: {{type: simulator}}
  broken:
    type: openai
    api_key: "${{env:UP_KEY:-sk-upstream}}"
    base_url: "{url}/v1"
    timeouts: {{connect_ms: 500, first_byte_ms: 1000, idle_ms: 1000}}
    circuit_breaker: {{failures: 10000}}
prices:
  simulator/cent: {{per_request_usd: "0.01"}}
  broken/cent: {{per_request_usd: "0.01"}}
model_aliases: {{cent: simulator/cent, broken: broken/cent}}
budgets: {{cap: {{scope: {{team: engineering}}, window: total, limit_usd: 1000}}}}
virtual_keys:
  dev: {{environment: test, project: checkout, secret_hash: {hash}, rate_limits: {{concurrency: 500}}}}
"""


@contextmanager
def _never_read() -> Iterator[str]:
    """Takes connections, and nothing that is sent over them."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        taken = []

        def take() -> None:
            while True:
                try:
                    taken.append(listening.accept()[0])
                except OSError:
                    return

        thread = threading.Thread(target=take)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        listening.shutdown(socket.SHUT_RDWR)
        thread.join()
        for one in taken:
            one.close()


@contextmanager
def _playing(steps: list[Step]) -> Iterator[str]:
    upstream = PlayedUpstream()

    def play(_: Recorded) -> list[Step]:
        return steps

    upstream.play = play
    yield upstream.url
    upstream.close()


@contextmanager
def _nobody() -> Iterator[str]:
    yield f"http://127.0.0.1:{free_port()}"


WAYS = {name: lambda steps=steps: _playing(steps) for name, steps in FAILS.items()}
WAYS |= {"refuses connections": _nobody, "never reads": _never_read}
_IN_EACH_RUN = ("breaks off mid-stream", "hangs")


@pytest.mark.parametrize(
    ("name", "way"),
    [
        pytest.param(name, way, id=name, marks=[] if name in _IN_EACH_RUN else pytest.mark.chaos)
        for name, way in WAYS.items()
    ],
)
def test_an_upstream(start_gateway, figures, name, way):
    text = "x" * LONG if name == "never reads" else "hi"
    kinds = (
        Kind(chat(text, "broken")),
        Kind(chat()),
        Kind(chat(text, "broken", stream=True)),
        Kind(chat("[[words 5]]", stream=True)),
    )
    with way() as url:
        gateway = start_gateway(CONFIG.format(url=url, hash=HASH))
        sound = Load([gateway.port], kinds=kinds[1::2])
        with sound:
            sound.wait(sound.all_served(10), 30)
        before_mb = memory_mb([gateway.process.pid])
        with Load([gateway.port], 4 if name == "never reads" else 20, kinds) as load:
            time.sleep(_LASTS_S)
        gateway.wait(lambda: "gateway_requests_in_flight 0.0" in gateway.client.get("/metrics").text)
        after_mb = memory_mb([gateway.process.pid])

    every_answer_ends(load, REFUSALS)
    assert {one.status for one in load.answers if one.model == "cent"} == {200}
    gateway.wait(lambda: gateway.readyz()["ledger"]["waiting_entries"] == 0, 30)
    ids = [entry.request_id for entry in ledger_entries(gateway)]
    asked = {one.request_id: one for one in (*load.answers, *sound.answers)}
    assert len(set(ids)) == len(ids)
    assert [one for id_, one in asked.items() if id_ not in ids] == []
    memory_is_bounded(before_mb, after_mb)
    nobody_stumbled([gateway])
    broken = Load([], answers=[one for one in load.answers if one.model == "broken"])
    figures(f"broken: {broken.told()}", f"{before_mb:.0f} -> {after_mb:.0f} MB")


HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
LENGTH = b"content-length: %d\r\n\r\n" % len(CHAT)
ODD: dict[str, tuple[list[Step], int]] = {
    "more than its length": ([HEAD + LENGTH + CHAT + b"more", HANG], 200),
    "a second answer": ([HEAD + LENGTH + CHAT + HEAD + LENGTH + CHAT, HANG], 200),
    "HTTP 1.0": ([HEAD.replace(b"1.1", b"1.0") + b"\r\n" + CHAT, CUT], 200),
    "HTTP 1.0 with a length": ([HEAD.replace(b"1.1", b"1.0") + LENGTH + CHAT], 200),
    "trailers": (
        [HEAD + b"transfer-encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\nx-late: 1\r\n\r\n" % (len(CHAT), CHAT)],
        200,
    ),
    "hints": ([b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n", HEAD + LENGTH + CHAT], 200),
    "continue": ([b"HTTP/1.1 100 Continue\r\n\r\n", HEAD + LENGTH + CHAT], 200),
    "a slow drip": (
        [piece for byte in range(40) for piece in ((HEAD + LENGTH + CHAT)[byte * 10 : byte * 10 + 10], 0.01)],
        200,
    ),
    "two lengths": ([HEAD + b"content-length: 2\r\ncontent-length: 3\r\n\r\n{}"], 502),
    "a length and chunks": ([HEAD + b"transfer-encoding: chunked\r\n" + LENGTH + CHAT], 502),
    "a bad chunk": ([HEAD + b"transfer-encoding: chunked\r\n\r\nzz\r\n{}"], 502),
    "an endless field": ([HEAD + b"x: ", Flood(b"y" * 4096, 5)], 502),
    "endless fields": ([HEAD, Flood(b"x: y\r\n" * 500, 5)], 502),
    "endless hints": ([Flood(b"HTTP/1.1 103 Early Hints\r\n\r\n" * 100, 5)], 502),
    "a redirect": ([b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1/\r\ncontent-length: 0\r\n\r\n"], 502),
    "not modified": ([b"HTTP/1.1 304 Not Modified\r\n\r\n"], 502),
    "another protocol": ([b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\n\r\n"], 502),
    "a head and no body": ([HEAD + LENGTH, CUT], 502),
}
"""What an upstream says that is unusual or wrong, by the model that is asked for, and the status that clients see."""


@pytest.mark.chaos
def test_upstreams_that_answer_oddly(start_gateway, upstream, figures):
    names = {f"odd-{number}": name for number, name in enumerate(ODD)}

    upstream.reset()

    def play(asked: Recorded) -> list[Step]:
        return ODD[next(name for id_, name in names.items() if f'"{id_}"'.encode() in asked.body)][0]

    upstream.play = play
    text = CONFIG.format(url=upstream.url, hash=HASH)
    prices = "".join(f'  broken/{id_}: {{per_request_usd: "0.01"}}\n' for id_ in names)
    aliases = "".join(f"  {id_}: broken/{id_}\n" for id_ in names)
    text = text.replace("prices:\n", f"prices:\n{prices}")
    text = text.replace(
        "model_aliases: {cent: simulator/cent,", f"model_aliases:\n{aliases}  cent: simulator/cent\n"
    ).replace(" broken: broken/cent}", "")
    gateway = start_gateway(text)
    kinds = [kind for id_ in names for kind in (Kind(chat(model=id_)), Kind(chat()))]
    with Load([gateway.port], 40, kinds) as load:
        load.wait(
            lambda: (
                min(Counter(one.model for one in load.answers.copy() if one.model in names).values(), default=0) >= 5
                and len({one.model for one in load.answers.copy()}) == len(names) + 1
            ),
            60,
        )

    every_answer_ends(load, REFUSALS)
    assert {one.status for one in load.answers if one.model == "cent"} == {200}
    told = {name: {one.status for one in load.answers if one.model == id_} for id_, name in names.items()}
    assert told == {name: {status} for name, (_, status) in ODD.items()}
    assert max(one.took_s for one in load.answers) < 5
    assert len(upstream.requests) == sum(one.model in names for one in load.answers)
    nobody_stumbled([gateway])
    figures(load.told())


@pytest.mark.chaos
@pytest.mark.parametrize("second", [False, True], ids=["no other", "another"])
def test_an_upstream_that_closes_when_it_is_asked_again(start_gateway, upstream, figures, second):
    """Nobody can tell whether what was sent over a connection that ends was read: it is never sent there again."""
    upstream.reset()
    upstream.play = lambda _: [*response(CHAT), 0.02, CUT]
    text = CONFIG.format(url=upstream.url, hash=HASH)
    if second:
        text = text.replace("broken: broken/cent", "broken: [broken/cent, simulator/cent]")
    gateway = start_gateway(text)
    kinds = (Kind(chat(model="broken")),)
    with Load([gateway.port], 48, kinds) as load:
        load.wait(lambda: len(load.answers) >= 500, 60)

    every_answer_ends(load, frozenset({"upstream_network_error"}))
    told = Counter(one.status for one in load.answers)
    assert set(told) <= ({200} if second else {200, 502})
    assert len(upstream.requests) <= len(load.answers)
    nobody_stumbled([gateway])
    figures(str(dict(told)))


@pytest.mark.chaos
def test_a_process_that_stands_still_for_longer_than_an_upstream_may(start_gateway, upstream, figures):
    """What the upstream said meanwhile waits to be read: it was not silent."""
    upstream.play = lambda _: stream([step for _ in range(60) for step in (DELTA, 0.1)] + [b"data: [DONE]\n\n"])
    # A connection that is being made as it stops has to be made anew: only that it came too late can be seen.
    text = CONFIG.replace("connect_ms: 500", "connect_ms: 10000")
    gateway = start_gateway(text.format(url=upstream.url, hash=HASH))
    with Load([gateway.port], 10, (Kind(chat(model="broken", stream=True)),)) as load:
        time.sleep(2)
        for _ in range(3):
            os.kill(gateway.worker_pid(), signal.SIGSTOP)
            time.sleep(2.5)
            os.kill(gateway.worker_pid(), signal.SIGCONT)
            time.sleep(0.5)

    every_answer_ends(load, frozenset())
    assert {one.status for one in load.answers} == {200}
    assert [one for one in load.answers if b"event: error" in one.body] == []
    gateway.wait(lambda: "gateway_requests_in_flight 0.0" in gateway.metrics())
    assert {one["outcome"] for one in gateway.records()} == {"ok"}
    nobody_stumbled([gateway])
    figures(load.told())
