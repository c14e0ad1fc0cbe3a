"""Microsoft Entra ID tokens from a local authority and a local managed identity."""

import asyncio
import json
import os
from urllib.parse import parse_qs

import pytest

from gateway.providers.credentials import entra
from gateway.providers.credentials.entra import entra_signer, missing_extra
from gateway.secret import Secret
from gateway.upstream.failure import FailureKind, UpstreamFailure
from gateway.upstream.request import UpstreamRequest
from tests.support.upstream import response

pytest.importorskip("azure.identity")

SCOPE = "https://cognitiveservices.azure.com/.default"


@pytest.fixture(autouse=True)
def _nothing_to_find(monkeypatch, tmp_path):
    """No credentials and no tools of this machine."""
    for name in list(os.environ):
        if name.startswith(("AZURE_", "IDENTITY_", "MSI_", "IMDS_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("NO_PROXY", "*")


@pytest.fixture
def authority(tls_upstream, monkeypatch):
    """Sign-in for any tenant; tokens say whose they are."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tls_upstream.certificate))

    def play(sent):
        tenant = sent.request_line.split("/")[1]
        root = f"{tls_upstream.url}/{tenant}"
        if "/token " in sent.request_line:
            token = {"token_type": "Bearer", "access_token": f"of-{tenant}", "expires_in": 3600}
            return response(json.dumps(token).encode())
        document = {
            "authorization_endpoint": f"{root}/oauth2/v2.0/authorize",
            "token_endpoint": f"{root}/oauth2/v2.0/token",
            "issuer": f"{root}/v2.0",
        }
        return response(json.dumps(document).encode())

    tls_upstream.play = play
    return tls_upstream


def asked(authority) -> list[dict[str, str]]:
    """The forms that were sent for tokens."""
    forms = [one.body.decode() for one in authority.requests if "/token " in one.request_line]
    return [{name: values[0] for name, values in parse_qs(form).items()} for form in forms]


def request() -> UpstreamRequest:
    return UpstreamRequest(
        method="POST",
        url="https://acme.openai.azure.com/",
        headers=[],
        body=b"",
        connect_timeout_s=1,
        first_byte_timeout_s=30,
        idle_timeout_s=1,
    )


def authorizations(*arguments, count=1) -> set[str]:
    async def sign():
        signer = entra_signer(*arguments)
        requests = [request() for _ in range(count)]
        try:
            await asyncio.gather(*map(signer.sign, requests))
        finally:
            await signer.close()
        return {dict(one.headers)["authorization"] for one in requests}

    return asyncio.run(sign())


def refusal(*arguments) -> str:
    with pytest.raises(UpstreamFailure) as raised:
        authorizations(*arguments)
    assert raised.value.kind is FailureKind.CREDENTIAL
    return raised.value.message


def test_an_applications_secret_asks_once_for_fifty_requests(authority):
    secret = Secret("very-secret")

    assert authorizations("my-tenant", "me", secret, authority.url, count=50) == {"Bearer of-my-tenant"}

    (form,) = asked(authority)
    assert form["grant_type"] == "client_credentials"
    assert (form["client_id"], form["client_secret"]) == ("me", "very-secret")
    assert SCOPE in form["scope"]


def test_workload_identity_of_the_environment(authority, monkeypatch, tmp_path):
    (tmp_path / "federated").write_text("a-federated-token")
    monkeypatch.setenv("AZURE_FEDERATED_TOKEN_FILE", str(tmp_path / "federated"))
    monkeypatch.setenv("AZURE_TENANT_ID", "their-tenant")
    monkeypatch.setenv("AZURE_CLIENT_ID", "them")

    assert authorizations(None, None, None, authority.url) == {"Bearer of-their-tenant"}

    (form,) = asked(authority)
    assert (form["client_id"], form["client_assertion"]) == ("them", "a-federated-token")


def test_workload_identity_as_the_file_names_it(authority, monkeypatch, tmp_path):
    (tmp_path / "federated").write_text("a-federated-token")
    monkeypatch.setenv("AZURE_FEDERATED_TOKEN_FILE", str(tmp_path / "federated"))
    monkeypatch.setenv("AZURE_TENANT_ID", "their-tenant")
    monkeypatch.setenv("AZURE_CLIENT_ID", "them")

    assert authorizations("my-tenant", "me", None, authority.url) == {"Bearer of-my-tenant"}
    assert asked(authority)[0]["client_id"] == "me"


@pytest.mark.parametrize(
    ("tenant_id", "client_id", "named"),
    [
        (None, None, {}),
        (None, "me", {"managed_identity_client_id": "me", "workload_identity_client_id": "me"}),
        ("my-tenant", None, {"workload_identity_tenant_id": "my-tenant"}),
    ],
)
def test_azures_own_chain_hears_what_the_file_names(monkeypatch, tenant_id, client_id, named):
    monkeypatch.setattr("azure.identity.DefaultAzureCredential", lambda **given: given)

    assert entra._Fetch(tenant_id, client_id, None, None)._find() == named


@pytest.mark.parametrize(("client_id", "query"), [(None, ""), ("me", "client_id=me")])
@pytest.mark.parametrize("authority_url", [None, "https://login.microsoftonline.us"])
def test_managed_identity(upstream, monkeypatch, client_id, query, authority_url):
    upstream.reset()
    token = {"access_token": "managed", "expires_on": "4000000000", "resource": "r", "token_type": "Bearer"}
    upstream.play = lambda _: response(json.dumps(token).encode())
    monkeypatch.setenv("IDENTITY_ENDPOINT", f"{upstream.url}/msi/token")
    monkeypatch.setenv("IDENTITY_HEADER", "h")

    assert authorizations(None, client_id, None, authority_url) == {"Bearer managed"}

    (sent,) = upstream.requests
    assert sent.headers["x-identity-header"] == "h"
    assert query in sent.request_line
    assert "cognitiveservices.azure.com" in sent.request_line


def test_what_the_authority_says_to_a_refused_application_is_not_told(authority, caplog):
    caplog.set_level("DEBUG")
    well = authority.play
    problem = b'{"error":"invalid_client","error_description":"AADSTS7000215: very-secret-detail"}'
    authority.play = lambda sent: response(problem, 401) if "/token " in sent.request_line else well(sent)

    message = refusal("my-tenant", "me", Secret("the-client-secret"), authority.url)

    assert message == "Microsoft Entra ID gave no token (ClientAuthenticationError)"
    assert "the-client-secret" not in caplog.text


def test_a_missing_package_is_named(monkeypatch):
    assert missing_extra() is None
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)

    assert missing_extra() == "Microsoft Entra ID needs azure-identity: pip install '.[azure]'"
    assert refusal(None, None, None) == missing_extra()
