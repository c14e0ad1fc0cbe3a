"""Google's access tokens from a local token endpoint and a local metadata server."""

import asyncio
import base64
import importlib.util
import json
import os
import subprocess
import sys
from urllib.parse import parse_qs

import pytest

from gateway.providers.credentials import google
from gateway.providers.credentials.google import google_signer, missing_extra
from gateway.secret import Secret
from gateway.upstream.failure import FailureKind, UpstreamFailure
from gateway.upstream.request import UpstreamRequest
from tests.support.upstream import CUT, response

pytest.importorskip("google.auth")
rsa = pytest.importorskip("cryptography.hazmat.primitives.asymmetric.rsa")
serialization = pytest.importorskip("cryptography.hazmat.primitives.serialization")

SCOPE = "https://www.googleapis.com/auth/cloud-platform"


@pytest.fixture(scope="module")
def pem():
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    written = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return written.decode()


@pytest.fixture(autouse=True)
def _nothing_to_find(monkeypatch, tmp_path):
    """No credentials of this machine."""
    for name in ("GOOGLE_APPLICATION_CREDENTIALS", "GOOGLE_CLOUD_PROJECT", "CLOUDSDK_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path))
    monkeypatch.setenv("NO_PROXY", "*")


@pytest.fixture
def tokens(upstream):
    """The token endpoint; says `ya29.N` in turn."""
    upstream.reset()

    def play(_request):
        return response(json.dumps({"access_token": f"ya29.{len(upstream.requests)}", "expires_in": 3600}).encode())

    upstream.play = play
    return upstream


def account(pem, token_uri) -> str:
    written = {
        "type": "service_account",
        "project_id": "my-project",
        "private_key_id": "key-1",
        "private_key": pem,
        "client_email": "gateway@my-project.iam.gserviceaccount.com",
        "token_uri": token_uri,
    }
    return json.dumps(written)


def request() -> UpstreamRequest:
    return UpstreamRequest(
        method="POST",
        url="https://aiplatform.googleapis.com/",
        headers=[],
        body=b"",
        connect_timeout_s=1,
        first_byte_timeout_s=20,
        idle_timeout_s=1,
    )


def authorizations(document: str | None, count: int = 1) -> set[str]:
    async def sign():
        signer = google_signer(None if document is None else Secret(document))
        requests = [request() for _ in range(count)]
        try:
            await asyncio.gather(*map(signer.sign, requests))
        finally:
            await signer.close()
        return {dict(one.headers)["authorization"] for one in requests}

    return asyncio.run(sign())


def refusal(document: str | None) -> str:
    with pytest.raises(UpstreamFailure) as raised:
        authorizations(document)
    assert raised.value.kind is FailureKind.CREDENTIAL
    return raised.value.message


def test_a_service_account_asks_once_for_fifty_requests_and_for_the_clouds_scope(pem, tokens):
    assert authorizations(account(pem, f"{tokens.url}/token"), 50) == {"Bearer ya29.1"}

    (sent,) = tokens.requests
    assertion = parse_qs(sent.body.decode())["assertion"][0].split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(assertion + "=" * (-len(assertion) % 4)))
    assert claims["scope"] == SCOPE
    assert claims["iss"] == "gateway@my-project.iam.gserviceaccount.com"


def test_the_default_chain_reads_the_file_that_the_environment_names(pem, tokens, monkeypatch, tmp_path):
    file = tmp_path / "account.json"
    file.write_text(account(pem, f"{tokens.url}/token"))
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(file))

    assert authorizations(None) == {"Bearer ya29.1"}


METADATA = """
import asyncio
from gateway.providers.credentials.google import google_signer
from tests.unit.providers.test_google_tokens import request

async def main():
    signer, one = google_signer(None), request()
    await signer.sign(one)
    await signer.close()
    print(dict(one.headers)["authorization"])

asyncio.run(main())
"""


def test_the_default_chain_asks_the_metadata_server(upstream, tmp_path):
    """In a process of its own: google-auth reads where the server is when it is imported."""
    pytest.importorskip("requests")
    upstream.reset()

    def play(sent):
        assert sent.headers["metadata-flavor"] == "Google"
        if "/token" in sent.request_line:
            data = {"access_token": "of-the-instance", "expires_in": 3599, "token_type": "Bearer"}
        elif "/service-accounts/" in sent.request_line:
            data = {"email": "me@p.iam.gserviceaccount.com", "scopes": [SCOPE], "aliases": ["default"]}
        else:
            return response(b"my-project", headers={"metadata-flavor": "Google"}, content_type="text/plain")
        return response(json.dumps(data).encode(), headers={"metadata-flavor": "Google"})

    upstream.play = play
    host = upstream.url.removeprefix("http://")
    environment = {**os.environ, "GCE_METADATA_HOST": host, "GCE_METADATA_IP": host, "PYTHONPATH": os.getcwd()}

    ran = subprocess.run(
        [sys.executable, "-c", METADATA], env=environment, capture_output=True, text=True, timeout=60, check=True
    )

    assert ran.stdout.strip() == "Bearer of-the-instance"


def test_what_an_endpoint_says_to_a_refused_account_is_not_told(pem, tokens, caplog):
    caplog.set_level("DEBUG")
    tokens.play = lambda _: response(b'{"error":"invalid_grant","error_description":"very-secret-detail"}', 400)

    message = refusal(account(pem, f"{tokens.url}/token"))

    assert message == "the service account gave no token (RefreshError)"
    assert "very-secret-detail" not in caplog.text
    assert "PRIVATE KEY" not in caplog.text
    assert pem.splitlines()[1] not in caplog.text


@pytest.mark.parametrize("document", ["no json very-secret", '{"type":"service_account"}', "[]"])
def test_a_document_that_is_no_account(document):
    assert "very-secret" not in refusal(document)
    assert refusal(document).startswith("the service account gave no token (")


def test_a_connection_that_breaks(pem, tokens):
    tokens.play = lambda _: [CUT]

    assert refusal(account(pem, f"{tokens.url}/token")).startswith("the service account gave no token (")


def test_a_missing_package_is_named(monkeypatch):
    assert missing_extra() is None
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)

    assert missing_extra() == "Google credentials need google-auth: pip install '.[vertex]'"
    assert refusal(None) == missing_extra()


def test_a_metadata_server_that_google_auth_skipped_is_explained(monkeypatch):
    exceptions = pytest.importorskip("google.auth.exceptions")

    def find(*_, **__):
        raise exceptions.DefaultCredentialsError

    monkeypatch.setattr("google.auth.default", find)
    assert refusal(None) == "Google's application default credentials gave no token (DefaultCredentialsError)"

    really = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "requests" else really(name))
    assert refusal(None).endswith("need requests: pip install 'google-auth[requests]'")


def test_a_token_without_an_end_is_asked_for_again_soon():
    class Endless:
        token, expiry = "t", None

        def refresh(self, _request):
            """Nothing to do."""

    fetch = google._Fetch(None)
    fetch._credentials = Endless()

    assert fetch().expires_at == pytest.approx(google.clock.now() + 600, abs=5)
