"""Requests that are odd on purpose: refused in the envelope or served, and never at another client's cost."""

import socket

import httpx
import pytest

from tests.contract.conftest import config
from tests.support.keys import SECRET

HEAD = f"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {SECRET}\r\n"


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b'{"model":"gpt-5-mini","mod\\u0065l":"renamed"}', id="escaped duplicate"),
        pytest.param(b'{"model":"gpt-5-mini","tools":[],"tool\\u0073":[]}', id="escaped duplicate tools"),
        pytest.param(b"[" * 200_000, id="nested without end"),
        pytest.param(b'{"model":"gpt-5-mini","x":' + b"[" * 200_000 + b"]" * 200_000 + b"}", id="nested deep"),
        pytest.param(b'{"model":"gpt-5-mini","x":NaN}', id="NaN"),
        pytest.param(b'{"model":"gpt-5-mini"}{"model":"renamed"}', id="two documents"),
        pytest.param(b'\xef\xbb\xbf{"model":"gpt-5-mini"}', id="byte order mark"),
        pytest.param(b'{"model":["gpt-5-mini"]}', id="model is a list"),
        pytest.param(b'"gpt-5-mini"', id="a string"),
        pytest.param(b"", id="nothing"),
    ],
)
def test_a_body_that_leaves_doubt_is_refused(gateway, upstream, body):
    answer = gateway.post(body)

    assert answer.status_code == 400
    assert answer.json()["error"]["type"] == "bad_request"
    assert upstream.requests == []


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/v1/nothing", 404), ("GET", "/v1/messages", 405)])
def test_what_is_not_there_is_told_in_the_envelope(gateway, method, path, status):
    answer = gateway.client.request(method, path)

    assert answer.status_code == status
    assert set(answer.json()["error"]) >= {"type", "code", "message", "param"}
    assert answer.headers["x-langwatch-request-id"].startswith("grq_")


def test_a_provider_that_never_answers_holds_up_nobody(start_gateway, upstream):
    gateway = start_gateway(config(upstream.url))
    upstream.play = lambda _: [60.0]
    body = b'{"model":"gpt-5-mini"}'
    waiting = []
    try:
        for _ in range(50):
            client = socket.create_connection(("127.0.0.1", gateway.port), 5)
            waiting.append(client)
            client.sendall(f"{HEAD}content-length: {len(body)}\r\n\r\n".encode() + body)
        upstream.wait_for(50)

        assert all(gateway.chat("sim").status_code == 200 for _ in range(10))
    finally:
        for client in waiting:
            client.close()


def test_a_client_that_trickles_a_large_body_does_not_starve_others(start_gateway, upstream):
    gateway = start_gateway(config(upstream.url), env={"GATEWAY_MAX_BUFFERED_BODY_BYTES": str(32 * 2**20)})
    large = b'{"model":"gpt-5-mini","x":"' + b"x" * 100_000 + b'"}'
    with socket.create_connection(("127.0.0.1", gateway.port), 5) as slow:
        slow.sendall(f"{HEAD}transfer-encoding: chunked\r\n\r\n1\r\n{{\r\n".encode())
        gateway.wait(lambda: "gateway_requests_in_flight 1.0" in gateway.metrics())

        assert gateway.post(large, timeout=5).status_code == 200


WITHOUT_A_BODY = {
    "a stranger": (HEAD.replace(SECRET, "lw_vk_test_01K0000000000000000000000Z"), "content-length: 9", 401),
    "an unknown path": (HEAD.replace("/v1/chat/completions", "/v1/nothing"), "content-length: 9", 404),
    "a body that says it is too large": (HEAD, f"content-length: {32 * 2**20 + 1}", 413),
}


@pytest.mark.parametrize(("head", "length", "status"), WITHOUT_A_BODY.values(), ids=WITHOUT_A_BODY.keys())
def test_what_the_head_decides_waits_for_no_body(gateway, head, length, status):
    with socket.create_connection(("127.0.0.1", gateway.port), 5) as client:
        client.sendall(f"{head}{length}\r\n\r\n".encode())

        assert client.recv(65536).startswith(f"HTTP/1.1 {status} ".encode())


def test_a_head_whose_body_never_comes_is_told_so(start_gateway, upstream):
    gateway = start_gateway(config(upstream.url), env={"GATEWAY_BODY_TIMEOUT_S": "0.5"})
    with socket.create_connection(("127.0.0.1", gateway.port), 5) as client:
        client.sendall(f"{HEAD}content-length: 9\r\n\r\n".encode())
        answer = client.recv(65536)

    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b'"type":"request_timeout"' in answer
    assert "Traceback" not in gateway.log()


def test_connections_that_say_nothing_are_closed(start_gateway, upstream):
    gateway = start_gateway(
        config(upstream.url), env={"GATEWAY_KEEPALIVE_TIMEOUT_S": "0.5", "GATEWAY_BACKPRESSURE": "4"}
    )
    preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00"
    silent = [socket.create_connection(("127.0.0.1", gateway.port), 10) for _ in range(8)]
    try:
        for client in silent[:4]:
            client.sendall(preface)

        assert httpx.get(f"{gateway.url}/healthz", timeout=10).status_code == 200
    finally:
        for client in silent:
            client.close()


@pytest.mark.parametrize("request_", [b"GET /healthz HTTP/1.0\r\n\r\n", b"GET /healthz HTTP/1.0\r\nhost: x\r\n\r\n"])
def test_http_1_0_is_served(gateway, request_):
    with socket.create_connection(("127.0.0.1", gateway.port), 5) as client:
        client.sendall(request_)

        assert b" 200 " in client.recv(65536).split(b"\r\n", 1)[0]


def test_a_field_far_from_its_value_is_refused(gateway):
    body = b'{"model":"gpt-5-mini","messages":[],"drop_tuning_params":' + b" " * 5000 + b"true}"

    answer = gateway.post(body)

    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "drop_tuning_params")
