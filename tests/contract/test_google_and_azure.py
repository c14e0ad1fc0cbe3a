"""Gemini, Vertex and Azure with Entra ID: addresses, bodies, and tokens that are fetched once and refreshed."""

import json
import time

import anthropic
import httpx
import openai
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.support.keys import HASH, SECRET, new_key
from tests.support.upstream import CHAT, response

POOR = new_key()
CONFIG = """
version: 1
providers:
  gemini: {{type: gemini, api_key: "${{env:UP_KEY:-gemini-key}}", base_url: "{url}"}}
  vertex:
    type: vertex
    project: my-project
    location: europe-west1
    base_url: "{url}"
    credentials: "${{env:SERVICE_ACCOUNT}}"
  broken: {{type: vertex, project: p, location: global, base_url: "{url}", credentials: "${{env:BROKEN_ACCOUNT}}"}}
model_aliases:
  flash: gemini/gemini-2.5-flash
  pro: vertex/gemini-2.5-pro
  claude: vertex/claude-haiku-4-5@20251001
  broken: broken/gemini-2.5-pro
  saved: [broken/gemini-2.5-pro, gemini/gemini-2.5-pro]
prices:
  gemini/gemini-2.5-flash: {{output_usd_per_mtok: 1, service_tiers: {{priority: {{times: 100}}}}}}
budgets:
  small: {{scope: {{virtual_key: poor}}, limit_usd: 0.05, window: day, on_breach: block}}
virtual_keys:
  poor: {{environment: test, secret_hash: "{poor}"}}
  dev: {{environment: test, secret_hash: "{hash}"}}
"""
MESSAGE = (
    b'{"id":"m","type":"message","role":"assistant","model":"c","content":[{"type":"text","text":"hello"}],'
    b'"stop_reason":"end_turn","stop_sequence":null,"usage":{"input_tokens":4,"output_tokens":2}}'
)
QUESTION = [{"role": "user", "content": "hi"}]


def service_account(token_uri):
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return json.dumps(
        {
            "type": "service_account",
            "project_id": "my-project",
            "private_key_id": "1",
            "private_key": pem.decode(),
            "client_email": "me@my-project.iam.gserviceaccount.com",
            "token_uri": token_uri,
        }
    )


@pytest.fixture(scope="module")
def gateway(module_gateway, upstream):
    env = {
        "SERVICE_ACCOUNT": service_account(f"{upstream.url}/token"),
        "BROKEN_ACCOUNT": service_account(f"{upstream.url}/refused"),
    }
    return module_gateway(CONFIG.format(url=upstream.url, hash=HASH, poor=POOR[1]), env=env)


@pytest.fixture
def played(upstream):
    """Tokens for whoever asks; the rest is the test's."""
    upstream.lifetime_s = 3600
    upstream.answer = response(CHAT)

    def play(request):
        if "/token " in request.request_line:
            return response(json.dumps({"access_token": "ya29.token", "expires_in": upstream.lifetime_s}).encode())
        if "/refused " in request.request_line:
            return response(b'{"error":"invalid_grant","error_description":"very-secret-detail"}', 400)
        return upstream.answer

    upstream.play = play
    return upstream


def chat(gateway):
    return openai.OpenAI(api_key=SECRET, base_url=f"{gateway.url}/v1", max_retries=0)


def calls(upstream):
    return [one for one in upstream.requests if "/token " not in one.request_line]


def test_gemini_is_asked_on_its_compatible_endpoint(gateway, played):
    chat(gateway).chat.completions.create(model="flash", messages=QUESTION)

    sent = calls(played)[0]
    assert sent.request_line == "POST /v1beta/openai/chat/completions HTTP/1.1"
    assert sent.headers["authorization"] == "Bearer gemini-key"
    assert json.loads(sent.body)["model"] == "gemini-2.5-flash"


def test_a_tier_that_a_header_asks_for_is_held_at_its_price(gateway, played):
    body = {"contents": [{"parts": [{"text": "hi"}]}], "generationConfig": {"maxOutputTokens": 1000}}

    def ask(**tier):
        path = "/v1beta/models/gemini-2.5-flash:generateContent"
        headers = {"x-goog-api-key": POOR[0], "authorization": "", **tier}
        return gateway.client.post(path, json=body, headers=headers).status_code

    assert ask(**{"X-Vertex-AI-LLM-Shared-Request-Type": "priority"}) == 402
    assert ask() == 200


def test_a_cache_of_nobody_is_unknown_to_chat_clients_too(gateway, played):
    for member in (
        {"extra_body": {"google": {"cached_content": "cachedContents/x"}}},
        {"cachedContent": "cachedContents/x"},
    ):
        answer = gateway.post({"model": "flash", "messages": QUESTION, **member})
        assert (answer.status_code, answer.json()["error"]["type"]) == (404, "not_found")


def test_vertex_names_the_publisher_and_carries_a_token(gateway, played):
    chat(gateway).chat.completions.create(model="pro", messages=QUESTION)

    sent = calls(played)[0]
    place = "/v1/projects/my-project/locations/europe-west1"
    assert sent.request_line == f"POST {place}/endpoints/openapi/chat/completions HTTP/1.1"
    assert sent.headers["authorization"] == "Bearer ya29.token"
    assert json.loads(sent.body)["model"] == "google/gemini-2.5-pro"


def test_one_token_serves_many_requests(gateway, played):
    for _ in range(5):
        chat(gateway).chat.completions.create(model="pro", messages=QUESTION)

    assert len(calls(played)) == 5
    assert len(played.requests) <= 6


def test_claude_on_vertex_gets_anthropics_own_body(gateway, played):
    played.answer = response(MESSAGE)
    body = b'{ "model":"claude","max_tokens":9, "messages":[{"role":"user","content":"\\u00e9"}] }'

    answer = httpx.post(f"{gateway.url}/v1/messages", content=body, headers={"x-api-key": SECRET})

    sent = calls(played)[0]
    assert sent.request_line.endswith("/publishers/anthropic/models/claude-haiku-4-5@20251001:rawPredict HTTP/1.1")
    expected = (
        b'{"anthropic_version":"vertex-2023-10-16", "max_tokens":9, "messages":[{"role":"user","content":"\\u00e9"}] }'
    )
    assert sent.body.replace(b"{ ", b"{").replace(b",  ", b", ").replace(b',"max', b', "max') == expected
    assert "anthropic-version" not in sent.headers
    assert answer.content == MESSAGE


def test_an_openai_client_reaches_claude_on_vertex_too(gateway, played):
    played.answer = response(MESSAGE)

    completion = chat(gateway).chat.completions.create(model="claude", messages=QUESTION)

    assert completion.choices[0].message.content == "hello"
    assert "model" not in json.loads(calls(played)[0].body)


def test_tokens_of_claude_on_vertex_are_counted(gateway, played):
    played.answer = response(b'{"input_tokens":7}')
    client = anthropic.Anthropic(api_key=SECRET, base_url=gateway.url, max_retries=0)

    assert client.messages.count_tokens(model="claude", messages=QUESTION).input_tokens == 7
    assert "/models/count-tokens:rawPredict " in calls(played)[0].request_line


def test_a_refused_credential_says_where_it_came_from_and_nothing_secret(gateway, played):
    with pytest.raises(openai.APIStatusError) as caught:
        chat(gateway).chat.completions.create(model="broken", messages=QUESTION)

    assert caught.value.status_code == 502
    assert caught.value.body["code"] == "provider_credential_unavailable"
    assert "the service account" in caught.value.body["message"]
    assert "very-secret-detail" not in caught.value.body["message"] + gateway.log()


def test_a_provider_without_credential_is_fallen_back_from(gateway, played):
    answer = chat(gateway).chat.completions.with_raw_response.create(model="saved", messages=QUESTION)

    assert answer.headers["x-langwatch-provider"] == "gemini"


def test_a_token_is_refreshed_ahead_of_its_end(start_gateway, played):
    played.lifetime_s = 3
    env = {"SERVICE_ACCOUNT": service_account(f"{played.url}/token"), "BROKEN_ACCOUNT": "{}"}
    gateway = start_gateway(CONFIG.format(url=played.url, hash=HASH, poor=POOR[1]), env=env)
    chat(gateway).chat.completions.create(model="pro", messages=QUESTION)
    first = time.monotonic()

    while sum("/token " in one.request_line for one in played.requests) < 2 and time.monotonic() < first + 8:
        time.sleep(0.05)

    assert sum("/token " in one.request_line for one in played.requests) >= 2
    assert len(calls(played)) == 1


AZURE = """
version: 1
providers:
  azure:
    type: azure
    base_url: "{url}"
    entra: {{tenant_id: my-tenant, client_id: me, client_secret: "${{env:ENTRA_SECRET}}", authority: "{authority}"}}
virtual_keys:
  dev: {{environment: test, secret_hash: "{hash}"}}
"""


def test_azure_takes_a_token_of_entra_id(start_gateway, upstream, tls_upstream):
    authority = tls_upstream.url
    document = {
        "authorization_endpoint": f"{authority}/my-tenant/oauth2/v2.0/authorize",
        "token_endpoint": f"{authority}/my-tenant/oauth2/v2.0/token",
        "issuer": f"{authority}/my-tenant/v2.0",
    }
    token = {"token_type": "Bearer", "access_token": "entra-token", "expires_in": 3600}
    tls_upstream.play = lambda request: response(
        json.dumps(token if "/token " in request.request_line else document).encode()
    )
    env = {"ENTRA_SECRET": "very-secret", "REQUESTS_CA_BUNDLE": str(tls_upstream.certificate)}
    gateway = start_gateway(AZURE.format(url=upstream.url, authority=authority, hash=HASH), env=env)

    chat(gateway).chat.completions.create(model="gpt-5", messages=QUESTION)

    sent = upstream.requests[0]
    assert sent.headers["authorization"] == "Bearer entra-token"
    assert "api-key" not in sent.headers
    asked = next(one for one in tls_upstream.requests if "/token " in one.request_line)
    assert b"cognitiveservices.azure.com" in asked.body
