"""Long files on their way to a provider: judged first, held on the disk, byte for byte."""

import os
import socket
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from tests.contract.conftest import config
from tests.support.keeper import Keeper
from tests.support.keys import SECRET
from tests.support.upstream import response

pytestmark = pytest.mark.every_build

MIB = 2**20
BOUNDS = {"GATEWAY_MAX_UPLOAD_BYTES": str(24 * MIB), "GATEWAY_UPLOAD_SPOOL_BYTES": str(40 * MIB)}
TYPE = "multipart/form-data; boundary=XyZ"
CONTENT = os.urandom(MIB) * 20


@pytest.fixture(scope="module")
def gateway(module_gateway, upstream):
    return module_gateway(config(upstream.url), env=BOUNDS | {"GATEWAY_MAX_REQUEST_BODY_BYTES": str(2 * MIB)})


@pytest.fixture(autouse=True)
def keeper(upstream):
    upstream.reset()
    upstream.play = Keeper("one")


def field(name, value):
    return b'--XyZ\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n' % (name, value)


def file(content, name=b"file"):
    head = b'--XyZ\r\nContent-Disposition: form-data; name="%s"; filename="a.bin"\r\n\r\n' % name
    return head + content + b"\r\n"


def form(*parts):
    return b"".join(parts) + b"--XyZ--\r\n"


def send(gateway, body, path="/v1/files", **headers):
    return gateway.client.post(path, content=body, headers={"content-type": TYPE, **headers})


def chunked(body):
    return iter([body[start : start + 100_000] for start in range(0, len(body), 100_000)])


@pytest.mark.parametrize("how", [bytes, chunked])
@pytest.mark.parametrize("path", ["/v1/files", "/v1/uploads/{upload}/parts", "/v1/containers/{box}/files"])
def test_a_long_form_goes_up_byte_for_byte(gateway, upstream, how, path):
    upload = gateway.post({}, path="/v1/uploads").json()["id"]
    box = gateway.post({"name": "c"}, path="/v1/containers").json()["id"]
    upstream.requests.clear()
    body = form(file(CONTENT, b"data"), field(b"purpose", b"user_data"), file(b"short", b"more"))

    answer = send(gateway, how(body), path.format(upload=upload, box=box))

    assert answer.status_code == 200, answer.text
    assert answer.headers["x-langwatch-body"] == "identical"
    assert [one.body == body for one in upstream.requests] == [True]
    assert upstream.requests[0].headers["content-type"] == TYPE


def test_anthropics_files_too(gateway, upstream):
    body = form(file(CONTENT))
    made = send(gateway, body, **{"anthropic-version": "2023-06-01"})

    assert made.status_code == 200
    assert upstream.requests[0].body == body
    assert upstream.requests[0].headers["x-api-key"] == "sk-upstream"


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (form(file(CONTENT), field(b"file_id", b"file-of-another")), 404, "not_found"),
        (form(file(CONTENT), field(b"model", b"a"), field(b"model", b"b")), 400, "bad_request"),
        (form(file(CONTENT + b"\n--XyZ\r\n")), 400, "bad_request"),
        (form(file(CONTENT))[:-9], 400, "bad_request"),
        (form(file(CONTENT), file(CONTENT)), 413, "payload_too_large"),
        (form(field(b"purpose", b"x" * 3 * MIB)), 413, "payload_too_large"),
    ],
)
def test_nothing_goes_up_of_what_is_refused(gateway, upstream, body, status, code):
    for sent in (body, chunked(body)):
        answer = send(gateway, sent)
        assert (answer.status_code, answer.json()["error"]["code"]) == (status, code), answer.text
    assert not upstream.requests
    assert not list(Path(gateway.directory, "data", "uploads").iterdir())


def test_the_disk_of_uploads_is_bounded_and_given_back(start_gateway, upstream):
    gateway = start_gateway(config(upstream.url), env={"GATEWAY_UPLOAD_SPOOL_BYTES": str(24 * MIB)})
    upstream.play = lambda _: response(b'{"id":"file-1"}')
    for _ in range(3):
        assert send(gateway, form(file(CONTENT))).status_code == 200
    refused = send(gateway, form(file(CONTENT), file(CONTENT)))
    assert (refused.status_code, refused.json()["error"]["code"]) == (503, "uploads_full")
    gateway.directory.joinpath("data", "uploads").rmdir()
    gateway.directory.joinpath("data", "uploads").write_bytes(b"")  # a disk that takes nothing
    assert send(gateway, form(file(CONTENT))).json()["error"]["code"] == "uploads_full"
    gateway.directory.joinpath("data", "uploads").unlink()
    assert send(gateway, form(file(CONTENT))).status_code == 200


def test_a_provider_that_refuses_early_is_heard(gateway, upstream):
    upstream.play = lambda _: response(b'{"error":{"message":"too much"}}', 413)

    answer = send(gateway, form(file(CONTENT)))

    assert (answer.status_code, answer.json()["error"]["message"]) == (413, "too much")


class Breaking:
    """A provider that reads some of an upload, and then closes the connection without a word."""

    def __init__(self):
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        with suppress(OSError):
            while True:
                connection, _ = self._listening.accept()
                with connection:
                    connection.recv(MIB)

    def close(self):
        self._listening.close()


def test_an_upload_that_breaks_off_gives_its_room_back(start_gateway):
    provider = Breaking()
    gateway = start_gateway(config(provider.url), env={"GATEWAY_UPLOAD_SPOOL_BYTES": str(6 * MIB)})
    body = form(file(CONTENT[: 5 * MIB]))
    broken = send(gateway, body)
    assert (broken.status_code, broken.json()["error"]["type"]) == (502, "provider_error"), broken.text
    for _ in range(2):
        # A client that leaves in the middle.
        with socket.create_connection(("127.0.0.1", gateway.port)) as leaving:
            head = f"POST /v1/files HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {SECRET}\r\ncontent-type: {TYPE}\r\n"
            leaving.sendall(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body[: 4 * MIB])
        gateway.wait(lambda: send(gateway, body).status_code == 502)
    open_now = {os.readlink(one) for one in Path(f"/proc/{gateway.process.pid}/fd").iterdir() if one.is_symlink()}
    assert not [one for one in open_now if "/uploads/" in one]
    assert "Traceback" not in gateway.log()
    provider.close()
