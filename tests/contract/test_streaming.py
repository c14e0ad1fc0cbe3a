"""Streams: at once, never switched, and ended in words when the upstream dies."""

import asyncio
import json
import threading

import httpx
import pytest

from tests.contract.conftest import config
from tests.support.crowd import crowd
from tests.support.keys import SECRET, new_key
from tests.support.upstream import CUT, stream

pytestmark = pytest.mark.every_build

KEPT = new_key()
STREAM = {"model": "gpt-5-mini", "messages": [], "stream": True, "stream_options": {"include_usage": True}}
EVENT = b'data: {"choices":[{"delta":{"content":"hi"}}]}\n\n'


@pytest.fixture(scope="module")
def gateway(module_gateway, upstream):
    keepalive = f'  kept: {{environment: test, secret_hash: "{KEPT[1]}", stream_keepalive_s: 1}}\n'
    text = config(upstream.url, keepalive).replace('/v1"}', '/v1", timeouts: {idle_ms: 3000}}')
    return module_gateway(text)


def test_the_first_event_arrives_before_the_upstream_is_done(gateway, upstream):
    arrived = threading.Event()
    upstream.play = lambda _: stream([EVENT, arrived, b"data: [DONE]\n\n"])

    with gateway.client.stream("POST", "/v1/chat/completions", json=STREAM) as answer:
        pieces = answer.iter_raw()
        first = next(pieces)
        arrived.set()
        rest = b"".join(pieces)

    assert first == EVENT
    assert rest == b"data: [DONE]\n\n"


@pytest.mark.parametrize(
    ("model", "path", "anthropic"),
    [("gpt-5-mini", "/v1/chat/completions", False), ("claude", "/v1/messages", True)],
)
@pytest.mark.parametrize("torn", [b"", b'data: {"choices":[{"del'], ids=["between events", "within an event"])
def test_an_upstream_that_dies_leaves_one_terminal_frame(gateway, upstream, model, path, anthropic, torn):
    pieces = [EVENT, torn, 0.2, CUT] if torn else [EVENT, 0.2, CUT]
    upstream.play = lambda _: stream(pieces, ends=False)

    answer = gateway.post({**STREAM, "model": model, "max_tokens": 1}, path)

    assert answer.status_code == 200
    assert answer.content.startswith(EVENT + torn)
    frame = answer.content[len(EVENT + torn) :].lstrip(b"\n")
    name, data, end = frame.split(b"\n", 2)
    assert (name, end) == (b"event: error", b"\n")
    told = json.loads(data.removeprefix(b"data: "))
    assert told["error"]["type"] == "provider_error"
    assert told["error"]["code"] == "upstream_mid_stream_failure"
    assert told["error"]["param"] is None
    assert (told.get("type") == "error") is anthropic
    assert len(upstream.requests) == 1
    record = gateway.record_of(answer)
    assert (record["outcome"], record["error_code"]) == ("failed", "upstream_mid_stream_failure")


def test_a_stream_that_falls_silent_is_ended(gateway, upstream):
    upstream.play = lambda _: stream([EVENT, 6.0], ends=False)

    answer = gateway.post(STREAM)

    assert b"upstream_mid_stream_failure" in answer.content


def test_silence_is_bridged_between_events_only(gateway, upstream):
    half = EVENT[:20]
    upstream.play = lambda _: stream([EVENT, 1.4, half, 1.4, EVENT[20:], b"data: [DONE]\n\n"])

    answer = gateway.post(STREAM, headers={"authorization": f"Bearer {KEPT[0]}"})

    assert answer.content == EVENT + b": keep-alive\n\n" + EVENT + b"data: [DONE]\n\n"


def test_anthropic_s_clients_get_a_ping(gateway, upstream):
    end = b'event: message_stop\ndata: {"type":"message_stop"}\n\n'
    upstream.play = lambda _: stream([EVENT, 1.4, end])

    answer = gateway.post(
        {"model": "claude", "max_tokens": 1, "stream": True, "messages": []},
        "/v1/messages",
        headers={"authorization": f"Bearer {KEPT[0]}"},
    )

    assert answer.content == EVENT + b'event: ping\ndata: {"type": "ping"}\n\n' + end


def test_audio_goes_on_as_it_arrives(gateway, upstream):
    arrived = threading.Event()
    upstream.play = lambda _: stream([b"\x00" * 100, arrived, b"\xff" * 100], content_type="audio/mpeg")

    body = {"model": "gpt-4o-mini-tts", "input": "x", "voice": "alloy"}
    with gateway.client.stream("POST", "/v1/audio/speech", json=body) as answer:
        pieces = answer.iter_raw()
        first = next(pieces)
        arrived.set()
        rest = b"".join(pieces)

    assert (first, rest) == (b"\x00" * 100, b"\xff" * 100)
    assert answer.headers["content-type"] == "audio/mpeg"


def test_a_body_that_is_no_stream_is_cut_when_its_upstream_dies(gateway, upstream):
    upstream.play = lambda _: stream([b"\x00" * 100, 0.2, CUT], ends=False, content_type="audio/mpeg")

    with pytest.raises(httpx.RemoteProtocolError):
        gateway.post({"model": "gpt-4o-mini-tts", "input": "x", "voice": "alloy"}, "/v1/audio/speech")


def test_a_thousand_slow_streams_harm_nobody(gateway, upstream):
    body = {"model": "sim", "stream": True, "messages": [{"role": "user", "content": "[[words 4]] [[pace 500ms]]"}]}

    async def meanwhile() -> list[bytes]:
        await asyncio.sleep(1)
        return [(await crowd(gateway.port, [(SECRET, {"model": "sim", "messages": []})]))[0] for _ in range(20)]

    async def both() -> tuple[list[bytes], list[bytes]]:
        async with asyncio.TaskGroup() as group:
            streams = group.create_task(crowd(gateway.port, [(SECRET, body)] * 1000))
            others = group.create_task(meanwhile())
        return streams.result(), others.result()

    answers, others = asyncio.run(both())

    assert all(answer.startswith(b"HTTP/1.1 200 ") for answer in others)
    assert sum(b"data: [DONE]" in answer for answer in answers) == 1000
