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
        gateway.wait(lambda: "gateway_requests_in_flight 1.0" in httpx.get(f"{gateway.url}/metrics").text)

        assert gateway.post(large, timeout=5).status_code == 200
