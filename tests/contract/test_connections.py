"""Connections of clients: how long they are kept, what is said of that, and how they end."""

import json
import signal
import socket
import threading
import time

import httpx
import pytest

from tests.contract.conftest import config
from tests.support.gateway import NO_TLS, free_port
from tests.support.keys import SECRET
from tests.support.upstream import CHAT, response, stream

MESSAGES = [{"role": "user", "content": "hi"}]
CHAT_EVENT = b'data: {"choices":[{"index":0,"delta":{"content":"hi"}}]}\n\n'
MESSAGE_EVENTS = (
    b'event: message_start\ndata: {"type":"message_start","message":{"id":"m","type":"message","role":"assistant",'
    b'"model":"x","content":[],"stop_reason":null,"usage":{"input_tokens":1,"output_tokens":1}}}\n\n'
    b'event: content_block_start\ndata: {"type":"content_block_start","index":0,"content_block":{"type":"text",'
    b'"text":""}}\n\nevent: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":'
    b'{"type":"text_delta","text":"hi"}}\n\n'
)
CREATED = b'event: response.created\ndata: {"type":"response.created","sequence_number":0,"response":{"id":"r"}}\n\n'


def test_answers_say_for_how_long_their_connection_is_kept(gateway):
    for answer in (gateway.chat("sim"), gateway.client.get("/v1/nothing"), gateway.client.options("/healthz")):
        assert answer.headers["keep-alive"] == "timeout=75"
        assert "connection" not in answer.headers


def test_an_idle_connection_is_kept_for_its_time(start_gateway, upstream):
    gateway = start_gateway(config(upstream.url), env={"GATEWAY_KEEPALIVE_TIMEOUT_S": "2"})
    assert gateway.client.get("/healthz").headers["keep-alive"] == "timeout=2"
    head = b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n"
    with socket.create_connection(("127.0.0.1", gateway.port), 20) as client:
        client.sendall(head)
        assert b" 200 " in client.recv(65536)
        time.sleep(0.6)
        client.sendall(head)
        assert b" 200 " in client.recv(65536)

        assert client.recv(65536) == b""


def test_while_it_drains_every_answer_is_the_last_of_its_connection(start_gateway, upstream):
    gateway = start_gateway(config(upstream.url), env={"GATEWAY_DRAIN_GRACE_S": "60"})
    gateway.process.send_signal(signal.SIGTERM)
    gateway.wait(lambda: httpx.get(f"{gateway.url}/readyz", verify=NO_TLS).status_code == 503)
    assert httpx.get(f"{gateway.url}/healthz", verify=NO_TLS).status_code == 200

    answer = gateway.chat("sim")
    gateway.kill()

    assert (answer.status_code, answer.headers["connection"]) == (200, "close")
    assert "keep-alive" not in answer.headers


def told_to_end(gateway, upstream, path, body):
    """What a client gets that waits while the gateway goes: its status, its headers and all of its body."""
    got = []
    begun = threading.Event()

    def ask():
        headers = {"authorization": f"Bearer {SECRET}", "anthropic-version": "2023-06-01"}
        with httpx.stream(
            "POST", f"{gateway.url}{path}", json=body, headers=headers, timeout=30, verify=NO_TLS
        ) as answer:
            pieces = answer.iter_raw()
            first = next(pieces)
            begun.set()
            got.append((answer, first + b"".join(pieces)))

    asking = threading.Thread(target=ask)
    asking.start()
    upstream.wait_for()
    if body.get("stream"):
        assert begun.wait(30)
    gateway.process.send_signal(signal.SIGTERM)
    asking.join()
    assert gateway.process.wait(10) == 0
    return got[0]


@pytest.mark.parametrize(
    ("path", "model"),
    [("/v1/chat/completions", "gpt-5-mini"), ("/v1/messages", "claude"), ("/v1/messages", "gpt-5-mini")],
)
def test_the_drain_ends_a_request_with_an_envelope(start_gateway, upstream, path, model):
    gateway = start_gateway(config(upstream.url), env={"GATEWAY_DRAIN_TIMEOUT_S": "0.1"})
    upstream.play = lambda _: [30.0, *response(CHAT)]

    answer, content = told_to_end(gateway, upstream, path, {"model": model, "messages": MESSAGES, "max_tokens": 5})

    assert (answer.status_code, answer.headers["retry-after"], answer.headers["connection"]) == (503, "1", "close")
    assert answer.headers["x-langwatch-request-id"].startswith("grq_")
    told = json.loads(content)
    assert (told["error"]["type"], told["error"]["code"]) == ("overloaded", "shutting_down")
    assert (told.get("type") == "error") == (path == "/v1/messages")
    record = gateway.record_of(answer)
    assert (record["status"], record["outcome"]) == (503, "shut_down")


@pytest.mark.parametrize("silence", ["", "stream_keepalive_s: 1"], ids=["silent", "kept alive"])
@pytest.mark.parametrize(
    ("path", "model", "events", "last"),
    [
        ("/v1/chat/completions", "gpt-5-mini", CHAT_EVENT, b"event: error\ndata: "),
        ("/v1/messages", "claude", MESSAGE_EVENTS, b'event: error\ndata: {"type":"error",'),
        ("/v1/messages", "gpt-5-mini", CHAT_EVENT, b'event: error\ndata: {"type":"error",'),
        ("/v1/responses", "gpt-5-mini", CREATED, b"event: response.failed\ndata: "),
    ],
    ids=["chat", "messages", "translated", "responses"],
)
def test_the_drain_ends_a_stream_with_its_terminal_frame(start_gateway, upstream, silence, path, model, events, last):
    gateway = start_gateway(config(upstream.url) + silence, env={"GATEWAY_DRAIN_TIMEOUT_S": "0.1"})
    upstream.play = lambda _: stream([events, 30.0])
    body = {"model": model, "stream": True, "max_tokens": 5, "messages": MESSAGES}
    if path == "/v1/responses":
        body = {"model": model, "stream": True, "input": "hi"}

    answer, content = told_to_end(gateway, upstream, path, body)

    assert answer.status_code == 200
    begin, frame, rest = content.rpartition(last)
    assert frame
    assert begin
    assert b"shutting_down" in rest
    assert rest.endswith(b"\n\n")
    assert gateway.record_of(answer)["outcome"] == "shut_down"


@pytest.mark.skipif(not hasattr(socket, "TCP_USER_TIMEOUT"), reason="only Linux bounds writes")
def test_a_client_that_reads_nothing_is_left(start_gateway, upstream):
    gateway = start_gateway(config(upstream.url), env={"GATEWAY_WRITE_TIMEOUT_S": "1"})
    upstream.play = lambda _: stream([CHAT_EVENT * 2000] * 2000)
    body = json.dumps({"model": "gpt-5-mini", "messages": MESSAGES, "stream": True}).encode()
    head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {SECRET}\r\n"
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(("127.0.0.1", gateway.port))
        client.sendall(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body)

        # It is there and reads nothing; the gateway ends the request and the call to the provider all the same.
        gateway.wait(lambda: [one["outcome"] for one in gateway.records()] == ["client_left"], 30)


@pytest.mark.parametrize("workers", ["1", "2"])
def test_probes_on_their_own_port_answer_while_the_other_is_full(start_gateway, upstream, workers):
    port = free_port()
    environment = {"GATEWAY_HEALTH_PORT": str(port), "GATEWAY_BACKPRESSURE": "2"}
    gateway = start_gateway(config(upstream.url), "--workers", workers, env=environment)
    gateway.client.close()
    silent = [socket.create_connection(("127.0.0.1", gateway.port), 10) for _ in range(12)]
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=10) as probe:
            answers = {path: probe.get(path) for path in ("/healthz", "/startupz", "/readyz?x=1", "/metrics")}
            refused = [probe.get("/v1/models").status_code, probe.post("/healthz").status_code]
            head = probe.head("/readyz")
    finally:
        for client in silent:
            client.close()

    assert {answer.status_code for answer in answers.values()} == {200}
    assert answers["/readyz?x=1"].json()["status"] == "ready"
    assert "gateway_requests_in_flight" in answers["/metrics"].text
    assert all(answer.headers["connection"] == "close" for answer in answers.values())
    assert refused == [404, 405]
    assert (head.status_code, head.content) == (200, b"")


@pytest.fixture(scope="module")
def probed(module_gateway, upstream):
    """A gateway with a port for probes, and that port."""
    port = free_port()
    return module_gateway(config(upstream.url), env={"GATEWAY_HEALTH_PORT": str(port)}), port


@pytest.mark.parametrize(
    "said", [b"", b"GET", b"\r\n\r\n", b"GET / /x HTTP/1.1\r\n\r\n", b"x" * 100_000, b"\xff\xfe\x00\r\n\r\n"]
)
def test_nothing_that_is_said_to_the_port_of_the_probes_harms_it(probed, said):
    gateway, port = probed
    with socket.create_connection(("127.0.0.1", port), 10) as client:
        client.sendall(said)
        client.shutdown(socket.SHUT_WR)
        while client.recv(65536):
            continue

    assert httpx.get(f"http://127.0.0.1:{port}/healthz", verify=NO_TLS).status_code == 200
    assert "Traceback" not in gateway.log()
