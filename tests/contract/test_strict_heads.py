"""Heads of requests that two readers could read in two ways, said to the running gateway and control plane as bytes."""

import re
import socket

import httpx
import pytest

from tests.support.control_plane import ControlPlane
from tests.support.keys import SECRET
from tests.support.sqlite import migrated

BODY = b'{"model":"sim","messages":[{"role":"user","content":"hi"}]}'
PATH = "/v1/chat/completions"
LENGTH = f"content-length: {len(BODY)}"
CHUNKED = "transfer-encoding: chunked"
CHUNKS = b"%x\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY)


def head(*lines, path=PATH, method="POST", version="HTTP/1.1"):
    return f"{method} {path} {version}\r\nauthorization: Bearer {SECRET}\r\n" + "".join(f"{one}\r\n" for one in lines)


def posted(*lines, body=BODY, **more):
    return head(*lines, **more).encode("latin-1") + b"\r\n" + body


def to(path):
    return posted("host: x", LENGTH, path=path)


def of_model(segment):
    return posted("host: x", path=f"/v1/models/{segment}", method="GET", body=b"")


def answers(port, said):
    """The statuses of all answers to what is said on one connection, and what came in all."""
    with socket.create_connection(("127.0.0.1", port), 5) as client:
        client.sendall(said + b"GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
        got = b""
        while piece := client.recv(65536):
            got += piece
    return [int(status) for status in re.findall(rb"HTTP/1\.[01] (\d{3}) ", got)], got


FIELDS = [f"x-{number}: 1" for number in range(120)]

REFUSED = {
    "two hosts": (posted("host: x", "host: y", LENGTH), 400),
    "the same host twice": (posted("host: x", "host: x", LENGTH), 400),
    "no host": (posted(LENGTH), 400),
    "an empty host": (posted("host:", LENGTH), 400),
    "a list of hosts": (posted("host: x,y", LENGTH), 400),
    "a path in the host": (posted("host: x/y", LENGTH), 400),
    "a user in the host": (posted("host: x@y", LENGTH), 400),
    "gzip and chunked": (posted("host: x", "transfer-encoding: gzip, chunked", body=CHUNKS), 501),
    "chunked in one line twice": (posted("host: x", "transfer-encoding: chunked, chunked", body=CHUNKS), 501),
    "chunked in two lines": (posted("host: x", CHUNKED, CHUNKED, body=CHUNKS), 501),
    "a head of 70 kB": (posted("host: x", LENGTH, f"x-a: {'a' * 70_000}"), 431),
    "many short fields of 70 kB": (posted("host: x", LENGTH, *(f"x-{n}: {'a' * 1000}" for n in range(70))), 431),
    "a query and a field of 70 kB": (
        posted("host: x", LENGTH, f"x-a: {'a' * 9_000}", path=f"{PATH}?{'a' * 61_000}"),
        431,
    ),
    "a slash twice": (to("//v1/chat/completions"), 400),
    "a slash twice within": (to("/v1//chat/completions"), 400),
    "a slash twice at the end": (to(f"{PATH}//"), 400),
    "an encoded slash": (to("/v1/chat%2fcompletions"), 400),
    "an encoded slash before": (to("/%2Fv1/chat/completions"), 400),
    "dots": (to("/v1/x/../chat/completions"), 400),
    "encoded dots": (to("/v1/x/%2e%2E/chat/completions"), 400),
    "one dot": (to("/v1/./chat/completions"), 400),
    "dots at the end": (to(f"{PATH}/.."), 400),
    "a backslash": (to("/v1\\chat\\completions"), 400),
    "an encoded backslash": (to("/v1%5cchat/completions"), 400),
    "NUL": (to(f"{PATH}%00"), 400),
    "a line end": (to(f"{PATH}%0d%0a"), 400),
    "a control character beyond ASCII": (to(f"{PATH}%c2%85"), 400),
    "an escape that is none": (to(f"{PATH}%zz"), 400),
    "no UTF-8": (to(f"{PATH}%ff"), 400),
    "dots in a model": (of_model("sim%2f..%2fgpt-5-mini"), 400),
    "dots as a model": (of_model("%2e%2e"), 400),
    "a model with an empty step": (of_model("sim%2f%2fgpt-5-mini"), 400),
    "two segments with slashes": (of_model("a%2fb/c%2fd"), 400),
}


@pytest.mark.parametrize(("said", "status"), REFUSED.values(), ids=REFUSED)
def test_what_leaves_doubt_is_refused_in_the_envelope(gateway, said, status):
    statuses, got = answers(gateway.port, said)

    # Nothing of it is taken for a request of its own.
    assert statuses in ([status], [status, 200])
    assert b'"error":{"type":"' in got
    assert b"x-langwatch-request-id: grq_" in got


BY_THE_SERVER = {
    "white space before a colon": posted("host: x", "x-a : 1", LENGTH),
    "a continued line": posted("host: x", "x-a: 1\r\n 2", LENGTH),
    "a lone CR": posted("host: x", "x-a: 1\rx-b: 2", LENGTH),
    "NUL in a field": posted("host: x", "x-a: 1\0", LENGTH),
    "lengths that differ": posted("host: x", LENGTH, "content-length: 5"),
    "a list of lengths": posted("host: x", f"{LENGTH}, {len(BODY)}"),
    "a length with a sign": posted("host: x", f"content-length: +{len(BODY)}"),
    "a coding that is not chunked at last": posted("host: x", "transfer-encoding: chunked, gzip", body=CHUNKS),
    "another coding": posted("host: x", "transfer-encoding: identity", LENGTH),
    "chunks in HTTP/1.0": posted("host: x", CHUNKED, version="HTTP/1.0", body=CHUNKS),
    "chunks that end with LF": posted("host: x", CHUNKED, body=CHUNKS.replace(b"\r\n", b"\n")),
    "a size that is no number": posted("host: x", CHUNKED, body=b"0x" + CHUNKS),
    "another version": posted("host: x", LENGTH, version="HTTP/1.2"),
    "two spaces": posted("host: x", LENGTH, method="POST "),
}


@pytest.mark.parametrize("said", BY_THE_SERVER.values(), ids=BY_THE_SERVER)
def test_what_the_server_refuses_ends_the_connection(gateway, said):
    assert answers(gateway.port, said)[0] == [400]


def test_the_server_bounds_the_count_of_fields(gateway):
    assert answers(gateway.port, posted("host: x", LENGTH, *FIELDS))[0] == [431]


PASSES = {
    "LF at the ends of lines": head("host: x", LENGTH).replace("\r\n", "\n").encode() + b"\n" + BODY,
    "the same length twice": posted("host: x", LENGTH, LENGTH),
    "a chunk's extension": posted("host: x", CHUNKED, body=CHUNKS.replace(b"\r\n", b";a=b\r\n", 1)),
    "trailers": posted("host: x", CHUNKED, body=CHUNKS[:-2] + b"host: y\r\n\r\n"),
    "a target with a host": to(f"http://other{PATH}"),
    "a fragment": to(f"{PATH}#x"),
    "a post that would be a WebSocket": posted("host: x", LENGTH, "connection: upgrade", "upgrade: websocket"),
    "another upgrade": posted("host: x", LENGTH, "connection: upgrade", "upgrade: h2c"),
    "another expectation": posted("host: x", LENGTH, "expect: x"),
    "a head of 60 kB": posted("host: x", LENGTH, f"x-a: {'a' * 60_000}"),
    "a port": posted("host: [::1]:5563", LENGTH),
    "a letter that is encoded": to("/v1/%63hat/completions"),
    "a model with an encoded slash": of_model("simulator%2Fgpt-5-mini"),
    "a model with a slash": of_model("simulator/gpt-5-mini"),
}


@pytest.mark.parametrize("said", PASSES.values(), ids=PASSES)
def test_what_has_one_meaning_here_is_served(gateway, said):
    assert answers(gateway.port, said)[0] == [200, 200]


def test_a_length_beside_chunks_means_nothing_and_ends_the_connection(gateway):
    assert answers(gateway.port, posted("host: x", LENGTH, CHUNKED, body=CHUNKS))[0] == [200]
    hidden = b"0\r\n\r\nGET /healthz HTTP/1.1\r\nhost: x\r\n\r\n"
    assert answers(gateway.port, posted("host: x", f"content-length: {len(hidden)}", CHUNKED, body=hidden))[0] == [400]


def test_a_path_is_decoded_once(gateway):
    assert answers(gateway.port, to("/v1/chat%252fcompletions"))[0] == [404, 200]
    assert "%2f" in httpx.get(f"{gateway.url}/v1/models/x%252fy", headers={"authorization": f"Bearer {SECRET}"}).text


@pytest.fixture(scope="module")
def plane(tmp_path_factory):
    directory = tmp_path_factory.mktemp("plane")
    plane = ControlPlane(directory, migrated(directory / "plane.db"))
    yield plane
    plane.stop()


API = "/api/gateway/v1"


@pytest.mark.parametrize(
    ("path", "lines", "status"),
    [
        (f"{API}/openapi.json", ("host: x", "host: y"), 400),
        (f"{API}//openapi.json", ("host: x",), 400),
        (f"{API}/resources/teams/%2e%2e", ("host: x",), 400),
        (f"{API}/resources%2fteams/a%2fb", ("host: x",), 400),
        ("/console/..%2fhealthz", ("host: x",), 400),
        (f"{API}/resources/prices/a%2fb", ("host: x",), 401),
    ],
)
def test_the_control_plane_is_as_strict(plane, path, lines, status):
    request = f"GET {path} HTTP/1.1\r\n" + "".join(f"{one}\r\n" for one in lines) + "\r\n"

    assert answers(plane.port, request.encode())[0] == [status, 200]
