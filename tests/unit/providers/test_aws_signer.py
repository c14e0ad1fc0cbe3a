import asyncio
import datetime as dt
import hashlib
import hmac
import importlib.util
import json
import logging
import os
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from botocore.utils import ContainerMetadataFetcher

from gateway.providers.base import path_segment
from gateway.providers.credentials import aws
from gateway.providers.credentials.aws import AwsSigner, missing_extra
from gateway.upstream.failure import FailureKind, UpstreamFailure
from gateway.upstream.request import Headers, UpstreamRequest

pytest.importorskip("botocore")

SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
NOW = dt.datetime(2015, 8, 30, 12, 36, tzinfo=dt.UTC)
MODEL_URL = "https://bedrock-runtime.eu-central-1.amazonaws.com/model/x/converse"


@pytest.fixture(autouse=True)
def _nothing_to_find(monkeypatch, tmp_path):
    """No credentials of this machine, and no network but the stub's."""
    for name in list(os.environ):
        if name.startswith("AWS_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("NO_PROXY", "*")


@pytest.fixture
def example_key(monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)


@pytest.fixture
def in_2015(monkeypatch):
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda *_: NOW)


def request(method="POST", url=MODEL_URL, headers: Headers | None = None, body=b"{}") -> UpstreamRequest:
    return UpstreamRequest(
        method=method,
        url=url,
        headers=list(headers or []),
        body=body,
        connect_timeout_s=1,
        first_byte_timeout_s=1,
        idle_timeout_s=1,
    )


def signed(request: UpstreamRequest, signer: AwsSigner) -> dict[str, str]:
    async def sign():
        try:
            await signer.sign(request)
        finally:
            await signer.close()

    asyncio.run(sign())
    headers = dict(request.headers)
    assert len(headers) == len(request.headers)
    return headers


@pytest.mark.parametrize(
    ("vector", "method", "target", "signature"),
    [
        ("get-vanilla", "GET", "/", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
        ("post-vanilla", "POST", "/", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
        ("get-utf8", "GET", "/ሴ", "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85"),
        ("get-space-normalized", "GET", "/example space/", "652487583200325589f1fba4c7e578f72c47cb61beeca81406b39ddec1366741"),
        ("get-relative-normalized", "GET", "/example/..", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
        (
            "get-unreserved",
            "GET",
            "/-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
            "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f",
        ),
        (
            "get-vanilla-query-order-key-case",
            "GET",
            "/?Param2=value2&Param1=value1",
            "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
        ),
    ],
)  # fmt: skip
def test_awss_published_vectors(example_key, in_2015, vector, method, target, signature):
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/signature-v4-test-suite.html, by name."""
    vector_request = request(method, f"https://example.amazonaws.com{target}", body=b"")

    headers = signed(vector_request, AwsSigner(region="us-east-1", service="service"))

    assert headers == {
        "x-amz-date": "20150830T123600Z",
        "authorization": "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
        f"SignedHeaders=host;x-amz-date, Signature={signature}",
    }


def test_the_vector_with_a_body_and_its_type(example_key, in_2015):
    """post-x-www-form-urlencoded."""
    headers = signed(
        request(
            "POST",
            "https://example.amazonaws.com/",
            [("content-type", "application/x-www-form-urlencoded")],
            b"Param1=value1",
        ),
        AwsSigner(region="us-east-1", service="service"),
    )

    assert headers["authorization"].endswith(
        "SignedHeaders=content-type;host;x-amz-date, "
        "Signature=ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a"
    )


def test_the_vector_with_a_session_token(example_key, in_2015, monkeypatch):
    """get-vanilla-with-session-token."""
    token = "6e86291e8372ff2a2260956d9b8aae1d763fbf315fa00fa31553b73ebf194267"
    monkeypatch.setenv("AWS_SESSION_TOKEN", token)

    headers = signed(
        request("GET", "https://example.amazonaws.com/", body=b""), AwsSigner(region="us-east-1", service="service")
    )

    assert headers["x-amz-security-token"] == token
    assert headers["authorization"].endswith(
        "SignedHeaders=host;x-amz-date;x-amz-security-token, "
        "Signature=07ec1639c89043aa0e3e2de82b96708f198cceab042d4a97044c66dd9f74e7f8"
    )


def test_the_example_of_awss_documentation(example_key, in_2015):
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html, ListUsers."""
    headers = signed(
        request(
            "GET",
            "https://iam.amazonaws.com/?Action=ListUsers&Version=2010-05-08",
            [("content-type", "application/x-www-form-urlencoded; charset=utf-8")],
            b"",
        ),
        AwsSigner(region="us-east-1", service="iam"),
    )

    assert headers["authorization"].endswith("5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7")


def expected_signature(path: str, body: bytes) -> str:
    """Signature Version 4 written down once more, for a path as it stands in the canonical request."""
    canonical = (
        f"POST\n{path}\n\ncontent-type:application/json\nhost:bedrock.example\nx-amz-date:20150830T123600Z\n\n"
        f"content-type;host;x-amz-date\n{hashlib.sha256(body).hexdigest()}"
    )
    scope = "20150830/eu-central-1/bedrock/aws4_request"
    to_sign = f"AWS4-HMAC-SHA256\n20150830T123600Z\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    key = f"AWS4{SECRET}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    return hmac.digest(key, to_sign.encode(), "sha256").hex()


@pytest.mark.parametrize(
    ("model", "in_url", "canonical"),
    [
        ("anthropic.claude-3-haiku-20240307-v1:0", "anthropic.claude-3-haiku-20240307-v1%3A0", "anthropic.claude-3-haiku-20240307-v1%253A0"),
        (
            "arn:aws:bedrock:eu-central-1:123456789012:inference-profile/eu.x:0",
            "arn%3Aaws%3Abedrock%3Aeu-central-1%3A123456789012%3Ainference-profile%2Feu.x%3A0",
            "arn%253Aaws%253Abedrock%253Aeu-central-1%253A123456789012%253Ainference-profile%252Feu.x%253A0",
        ),
    ],
)  # fmt: skip
@pytest.mark.parametrize("body", [b'{"a":1}', b"x" * 2_000_000])
def test_models_are_encoded_once_in_the_url_and_twice_in_the_signature(
    example_key, in_2015, model, in_url, canonical, body
):
    assert path_segment(model) == in_url

    headers = signed(
        request(
            "POST", f"https://bedrock.example/model/{in_url}/converse", [("content-type", "application/json")], body
        ),
        AwsSigner(region="eu-central-1"),
    )

    assert headers["authorization"].endswith(f"Signature={expected_signature(f'/model/{canonical}/converse', body)}")


def test_only_what_aws_demands_is_signed_and_a_clients_own_signature_goes(example_key):
    headers = signed(
        request(
            headers=[
                ("authorization", "Bearer x"),
                ("x-amz-date", "20000101T000000Z"),
                ("x-amz-security-token", "stolen"),
                ("x-amz-content-sha256", "UNSIGNED-PAYLOAD"),
                ("x-amz-custom", "kept"),
                ("user-agent", "caf\xe9"),
                ("content-type", "application/json"),
            ]
        ),
        AwsSigner(region="eu-central-1"),
    )

    assert "SignedHeaders=content-type;host;x-amz-custom;x-amz-date," in headers["authorization"]
    assert headers["user-agent"] == "caf\xe9"
    assert headers["x-amz-date"] != "20000101T000000Z"
    assert "x-amz-security-token" not in headers
    assert "x-amz-content-sha256" not in headers


class Stub:
    """A local AWS: STS, the container's credentials and the instance's metadata; it hands out numbered keys."""

    def __init__(self):
        self.calls: list[tuple[str, str, str]] = []
        self.lasts_s = 3600.0
        self.broken = False
        self.refusal = b""
        self.delay = threading.Event()
        self.delay.set()
        stub = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self):
                body = self.rfile.read(int(self.headers.get("content-length") or 0)).decode()
                stub.calls.append((self.command, self.path, body + self.headers.get("authorization", "")))
                stub.delay.wait(5)
                data = stub.refusal if stub.broken else stub.answer(self.command, self.path)
                self.send_response(403 if stub.broken else 200)
                self.send_header("content-length", str(len(data)))
                self.send_header("connection", "close")
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = do_PUT = answer  # noqa: N815

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def answer(self, method: str, path: str) -> bytes:
        ends = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=self.lasts_s)
        expiration = ends.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        key = f"ASIA{len(self.calls)}"
        if method == "PUT":
            return b"imds-token"
        if path.endswith("/security-credentials/"):
            return b"the-role"
        if method == "POST":
            return (
                '<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult>'
                "<AssumedRoleUser><AssumedRoleId>AROA:s</AssumedRoleId><Arn>arn:aws:sts::123456789012:assumed-role/r/s"
                f"</Arn></AssumedRoleUser><Credentials><AccessKeyId>{key}</AccessKeyId><SecretAccessKey>s</SecretAccessKey>"
                f"<SessionToken>role-token</SessionToken><Expiration>{expiration}</Expiration></Credentials>"
                "</AssumeRoleResult></AssumeRoleResponse>"
            ).encode()
        return json.dumps(
            {"Code": "Success", "AccessKeyId": key, "SecretAccessKey": "s", "Token": "t", "Expiration": expiration}
        ).encode()

    def close(self):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def stub():
    stub = Stub()
    yield stub
    stub.close()


@pytest.fixture
def container(stub, monkeypatch):
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{stub.url}/credentials")
    return stub


def test_a_role_is_assumed_through_sts(example_key, stub, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", stub.url)
    signer = AwsSigner(region="eu-central-1", role_arn="arn:aws:iam::123456789012:role/gateway")

    headers = signed(request(), signer)

    ((_, _, sent),) = stub.calls
    assert "Action=AssumeRole" in sent
    assert "role%2Fgateway" in sent
    assert "Credential=AKIDEXAMPLE/" in sent
    assert "/eu-central-1/sts/aws4_request" in sent
    assert "Credential=ASIA1/" in headers["authorization"]
    assert headers["x-amz-security-token"] == "role-token"


def test_an_instances_role(stub, monkeypatch):
    monkeypatch.delenv("AWS_EC2_METADATA_DISABLED")
    monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", f"{stub.url}/")

    headers = signed(request(), AwsSigner(region="eu-central-1"))

    assert headers["x-amz-security-token"] == "t"
    assert "PUT" in {method for method, _, _ in stub.calls}


def test_a_profile(example_key, monkeypatch, tmp_path):
    shared = tmp_path / "credentials"
    shared.write_text("[team]\naws_access_key_id = AKIDTEAM\naws_secret_access_key = s\n")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(shared))

    headers = signed(request(), AwsSigner(region="eu-central-1", profile="team"))

    assert "Credential=AKIDTEAM/" in headers["authorization"]


def key_of(request: UpstreamRequest) -> str:
    return dict(request.headers)["authorization"].split("Credential=")[1].split("/")[0]


def test_many_requests_wait_for_one_fetch_and_later_ones_for_none(container):
    async def play():
        signer = AwsSigner(region="eu-central-1")
        requests = [request() for _ in range(20)]
        await asyncio.gather(*map(signer.sign, requests))
        container.broken = True
        await signer.sign(requests[0])
        await signer.close()
        return {key_of(one) for one in requests}

    assert asyncio.run(play()) == {"ASIA1"}
    assert len(container.calls) == 1


def test_a_request_that_is_cancelled_does_not_take_the_fetch_along(container):
    async def play():
        container.delay.clear()
        signer = AwsSigner(region="eu-central-1")
        leaving, staying = request(), request()
        first = asyncio.create_task(signer.sign(leaving))
        second = asyncio.create_task(signer.sign(staying))
        while not container.calls:
            await asyncio.sleep(0.01)
        first.cancel()
        container.delay.set()
        await second
        await signer.close()
        return first.cancelled(), key_of(staying)

    assert asyncio.run(play()) == (True, "ASIA1")


def test_credentials_are_renewed_in_the_background_before_they_end(container, monkeypatch):
    monkeypatch.setattr(aws, "_REFRESH_EVERY_S", 0.02)
    container.lasts_s = 300

    async def play():
        signer = AwsSigner(region="eu-central-1")
        one = request()
        await signer.sign(one)
        first, seen = key_of(one), len(container.calls)
        while len(container.calls) < seen + 2:
            await asyncio.sleep(0.01)
        container.delay.clear()  # nothing answers now: signing does not wait
        async with asyncio.timeout(1):
            await signer.sign(one)
        container.delay.set()
        await signer.close()
        return first, key_of(one)

    first, renewed = asyncio.run(play())

    assert first != renewed


def test_a_failing_renewal_leaves_the_credentials_in_use(container, monkeypatch, caplog):
    monkeypatch.setattr(aws, "_REFRESH_EVERY_S", 0.02)
    monkeypatch.setattr(ContainerMetadataFetcher, "SLEEP_TIME", 0)
    container.lasts_s = 300

    async def play():
        signer = AwsSigner(region="eu-central-1")
        one = request()
        await signer.sign(one)
        container.broken = True
        while "No AWS credentials" not in caplog.text:
            await asyncio.sleep(0.01)
        await signer.sign(one)
        await signer.close()
        return key_of(one)

    assert asyncio.run(play()).startswith("ASIA")


def test_credentials_past_their_end_are_waited_for(container):
    container.lasts_s = 0.3

    async def play():
        signer = AwsSigner(region="eu-central-1")
        one = request()
        await signer.sign(one)
        first = key_of(one)
        container.lasts_s = 3600
        await asyncio.sleep(0.4)
        await signer.sign(one)
        second = key_of(one)
        await signer.close()
        return first, second

    first, second = asyncio.run(play())

    assert first != second


def refusal(signer: AwsSigner) -> UpstreamFailure:
    with pytest.raises(UpstreamFailure) as raised:
        signed(request(), signer)
    assert raised.value.kind is FailureKind.CREDENTIAL
    return raised.value


def test_no_credentials_says_where_they_were_looked_for():
    message = refusal(AwsSigner(region="eu-central-1")).message

    assert message.startswith("No AWS credentials: there are none. Looked in the environment (AWS_ACCESS_KEY_ID)")


def test_an_unknown_profile_is_named():
    message = refusal(AwsSigner(region="eu-central-1", profile="nobody")).message

    assert "ProfileNotFound" in message
    assert "'nobody'" in message


def test_a_role_that_sts_refuses_is_named(example_key, stub, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", stub.url)
    stub.broken = True
    stub.refusal = b"<ErrorResponse><Error><Code>AccessDenied</Code><Message>No</Message></Error></ErrorResponse>"

    message = refusal(AwsSigner(region="eu-central-1", role_arn="arn:aws:iam::123456789012:role/gateway")).message

    assert "AWS answered AccessDenied" in message
    assert "to assume arn:aws:iam::123456789012:role/gateway" in message


def test_an_answer_that_is_no_answer_of_aws_is_a_failure_of_the_credential(example_key, stub, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", stub.url)
    stub.broken = True
    stub.refusal = b"<html>a proxy's page"

    message = refusal(AwsSigner(region="eu-central-1", role_arn="arn:aws:iam::123456789012:role/gateway")).message

    assert "botocore raised ResponseParserError" in message


def test_no_secret_is_logged_even_when_everything_is(container, caplog):
    caplog.set_level(logging.DEBUG)

    headers = signed(request(), AwsSigner(region="eu-central-1"))

    assert headers["x-amz-security-token"] == "t"
    assert "SecretAccessKey" not in caplog.text


def test_a_message_never_quotes_a_credential_process(monkeypatch, tmp_path):
    config = tmp_path / "config"
    config.write_text('[profile leaky]\ncredential_process = /bin/sh -c "echo top-secret >&2; exit 1"\n')
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))

    message = refusal(AwsSigner(region="eu-central-1", profile="leaky")).message

    assert "CredentialRetrievalError" in message
    assert "top-secret" not in message


def test_a_failure_is_not_tried_again_at_once(monkeypatch):
    tried = []
    monkeypatch.setattr(aws, "_find", lambda *_: tried.append(1))

    async def play():
        signer = AwsSigner(region="eu-central-1")
        for _ in range(3):
            with pytest.raises(UpstreamFailure):
                await signer.sign(request())
        signer._rests_until = 0.0
        with pytest.raises(UpstreamFailure):
            await signer.sign(request())
        await signer.close()

    asyncio.run(play())

    assert len(tried) == 2


def test_a_missing_extra_says_what_to_install(monkeypatch):
    assert missing_extra() is None

    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)

    assert missing_extra() == "AWS credentials need botocore: pip install '.[bedrock]'"
    assert refusal(AwsSigner(region="eu-central-1")).message == missing_extra()
