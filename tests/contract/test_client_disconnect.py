"""A client that leaves: the upstream call is cancelled within a second, or drained, and metered either way."""

import json
import socket

import pytest

from tests.contract.conftest import config
from tests.support.keys import SECRET, new_key
from tests.support.upstream import HANG, stream

DRAINS = new_key()
EVENT = b'data: {"choices":[{"delta":{"content":"hi"}}]}\n\n'
USAGE = b'data: {"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":2}}\n\n'


@pytest.fixture(scope="module")
def gateway(module_gateway, upstream):
    drains = f'  drains: {{environment: test, secret_hash: "{DRAINS[1]}", on_disconnect: drain}}\n'
    return module_gateway(config(upstream.url, drains))


def leave_after(gateway, secret, body, wait_for=b"", upstream=None, path="/v1/chat/completions"):
    """Sends a request, waits for some bytes of the answer (or for the upstream to be asked), and hangs up."""
    data = json.dumps(body).encode()
    with socket.create_connection(("127.0.0.1", gateway.port)) as client:
        head = f"POST {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {secret}\r\n"
        client.sendall(f"{head}content-length: {len(data)}\r\n\r\n".encode() + data)
        received = b""
        while wait_for and wait_for not in received:
            received += client.recv(65536)
        if upstream is not None:
            upstream.wait_for()


def record_of_the_last(gateway, count):
    return gateway.wait(lambda: gateway.records()[count:])[0]


def test_a_stream_without_a_reader_is_cancelled(gateway, upstream):
    upstream.play = lambda _: stream([USAGE, EVENT, *[0.1, EVENT] * 200])
    before = len(gateway.records())

    leave_after(gateway, SECRET, {"model": "gpt-5-mini", "messages": [], "stream": True}, EVENT)

    assert upstream.wait_for().hung_up.wait(15)
    record = record_of_the_last(gateway, before)
    assert (record["status"], record["outcome"]) == (499, "client_left")
    assert record["usage"]["input_tokens"] == 9


def test_a_call_without_a_reader_is_cancelled_before_its_answer(gateway, upstream):
    upstream.play = lambda _: [HANG]
    before = len(gateway.records())

    leave_after(gateway, SECRET, {"model": "gpt-5-mini", "messages": []}, upstream=upstream)

    assert upstream.wait_for().hung_up.wait(15)
    record = record_of_the_last(gateway, before)
    assert (record["status"], record["outcome"]) == (499, "client_left")
    assert record["attempts"][0]["outcome"] == "cancelled"


def test_a_drained_stream_is_read_to_its_end(gateway, upstream):
    upstream.play = lambda _: stream([EVENT, *[0.1, EVENT] * 10, USAGE, b"data: [DONE]\n\n"])
    before = len(gateway.records())

    leave_after(gateway, DRAINS[0], {"model": "gpt-5-mini", "messages": [], "stream": True}, EVENT)

    record = record_of_the_last(gateway, before)
    assert record["usage"]["output_tokens"] == 2
    assert (record["status"], record["outcome"]) == (499, "ok")
    assert not upstream.wait_for().hung_up.is_set()


def test_a_stream_is_drained_however_its_parts_stand_when_its_client_leaves(gateway, upstream):
    part = b'event: response.output_text.done\ndata: {"type":"response.output_text.done","text":"h"}\n\n'
    upstream.play = lambda _: stream([part, 2.5, *ENDS["/v1/responses"][1]])
    before = len(gateway.records())

    leave_after(gateway, DRAINS[0], {"model": "gpt-5-mini", "input": "x", "stream": True}, part, path="/v1/responses")

    record = record_of_the_last(gateway, before)
    assert (record["outcome"], record["usage"]["output_tokens"]) == ("ok", 2)


ENDS = {
    "/v1/chat/completions": (b"[DONE]", [EVENT, USAGE, b"data: [DONE]\n\n"]),
    "/v1/responses": (
        b"response.completed",
        [
            *[b'event: response.output_text.delta\ndata: {"type":"response.output_text.delta","delta":"h"}\n\n'] * 20,
            (
                b'event: response.completed\ndata: {"type":"response.completed","response":{"usage":'
                b'{"input_tokens":9,"output_tokens":2}}}\n\n'
            ),
        ],
    ),
}


@pytest.mark.parametrize("secret", [SECRET, DRAINS[0]], ids=["cancel", "drain"])
@pytest.mark.parametrize("path", ENDS)
def test_a_client_that_leaves_at_the_end_of_its_stream_has_all_of_it(gateway, upstream, path, secret):
    """As Codex does: it hangs up at the last event that it knows, before the stream's own end."""
    last, events = ENDS[path]
    upstream.play = lambda _: stream([*events, HANG], ends=False)
    before = len(gateway.records())

    body = {"model": "gpt-5-mini", "messages": [], "stream": True, "stream_options": {"include_usage": True}}
    leave_after(gateway, secret, body, last, path=path)

    record = record_of_the_last(gateway, before)
    assert (record["status"], record["outcome"], record["usage_warning"]) == (200, "ok", None)
    assert (record["usage"]["input_tokens"], record["usage"]["output_tokens"]) == (9, 2)
    assert upstream.wait_for().hung_up.wait(15)


def test_leaving_makes_no_noise(gateway):
    assert "Traceback" not in gateway.log()
    assert "transport error" not in gateway.log()
