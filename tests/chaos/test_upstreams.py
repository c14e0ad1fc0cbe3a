"""Upstreams that fail under load in every way: each request ends, and what goes to a sound one is served all the same."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.chaos.fleet import every_answer_ends, memory_is_bounded, memory_mb, nobody_stumbled
from tests.support.gateway import free_port
from tests.support.keys import HASH
from tests.support.ledger import ledger_entries
from tests.support.load import Kind, Load, chat
from tests.support.upstream import CHAT, CUT, HANG, PlayedUpstream, Recorded, Step, response, stream

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
