"""Which headers cross, in both directions, and what the gateway says of itself."""

import pytest

from tests.support.keys import SECRET
from tests.support.upstream import CHAT, response

pytestmark = pytest.mark.every_build


def test_credentials_and_hop_by_hop_headers_stay_here(gateway, upstream):
    gateway.chat(
        headers={
            "x-api-key": SECRET,
            "cookie": "a=b",
            "x-forwarded-for": "10.0.0.1",
            "x-langwatch-thread-id": "t1",
            "te": "trailers",
            "connection": "keep-alive, x-hop",
            "x-hop": "1",
            "openai-beta": "assistants=v2",
            "openai-organization": "org-theirs",
            "x-goog-user-project": "theirs",
            "x-amz-security-token": "theirs",
            "x_api_key": SECRET,
            "cf-connecting-ip": "10.0.0.1",
            "x-original-url": "/admin",
            "x-custom": "kept",
            "user-agent": "sdk/1",
        }
    )

    arrived = upstream.wait_for().headers
    assert arrived["authorization"] == "Bearer sk-upstream"
    assert SECRET not in str(arrived)
    assert not {"x-api-key", "cookie", "x-forwarded-for", "x-langwatch-thread-id", "te", "x-hop"} & arrived.keys()
    assert not {"openai-organization", "x-goog-user-project", "x-amz-security-token", "x_api_key"} & arrived.keys()
    assert not {"cf-connecting-ip", "x-original-url"} & arrived.keys()
    assert (arrived["openai-beta"], arrived["x-custom"], arrived["user-agent"]) == ("assistants=v2", "kept", "sdk/1")
    assert arrived["accept-encoding"] == "identity"
    assert arrived["host"] == f"127.0.0.1:{upstream.port}"


def test_anthropic_is_called_its_own_way(gateway, upstream):
    gateway.post({"model": "claude", "max_tokens": 1, "messages": []}, "/v1/messages?beta=true&key=no", headers={})

    arrived = upstream.wait_for()
    assert arrived.request_line == "POST /v1/messages?beta=true HTTP/1.1"
    assert arrived.headers["x-api-key"] == "sk-upstream"
    assert arrived.headers["anthropic-version"] == "2023-06-01"
    assert "authorization" not in arrived.headers


def test_scripts_of_other_sites_are_told_nothing_where_none_is_named(gateway, upstream):
    site = {"origin": "https://app.example.com", "access-control-request-method": "POST"}
    upstream.play = lambda _: response(CHAT, headers={"access-control-allow-origin": "*"})

    preflight = gateway.client.options("/v1/embeddings", headers=site)
    answer = gateway.chat(headers=site)

    assert (preflight.status_code, preflight.headers["allow"]) == (200, "POST")
    for told in (preflight, answer):
        assert not [name for name in told.headers if name.startswith("access-control-") or name == "vary"]
    assert upstream.wait_for().headers["origin"] == "https://app.example.com"


def test_the_provider_s_headers_come_back_but_for_what_names_its_account(gateway, upstream):
    upstream.play = lambda _: response(
        CHAT,
        headers={
            "x-request-id": "req_9",
            "x-ratelimit-remaining-requests": "5",
            "openai-organization": "org-secret",
            "anthropic-organization-id": "org-secret",
            "set-cookie": "a=b",
            "server": "nginx",
            "alt-svc": "h3",
            "keep-alive": "timeout=5",
            "x-langwatch-provider": "forged",
        },
    )

    answer = gateway.chat()

    assert answer.headers["x-request-id"] == "req_9"
    assert answer.headers["x-ratelimit-remaining-requests"] == "5"
    assert "org-secret" not in str(answer.headers)
    assert not {"set-cookie", "alt-svc"} & set(answer.headers)
    assert answer.headers["keep-alive"] != "timeout=5"
    assert answer.headers["server"] != "nginx"
    assert answer.headers["x-langwatch-provider"] == "openai"


def test_the_gateway_says_what_it_did(gateway, upstream):
    answer = gateway.chat("renamed")

    headers = answer.headers
    assert headers["x-langwatch-request-id"].startswith("grq_")
    assert len(headers["x-langwatch-request-id"]) == 30
    assert (headers["x-langwatch-provider"], headers["x-langwatch-model"]) == ("openai", "gpt-x")
    assert (headers["x-langwatch-fallback-count"], headers["x-langwatch-cache-mode"]) == ("0", "respect")
    assert headers["x-langwatch-config-revision"] == gateway.readyz()["revision"]
    assert headers["x-langwatch-gateway-version"]
    record = gateway.record_of(answer)
    assert record["revision"] == headers["x-langwatch-config-revision"]
    assert (record["virtual_key"], record["project"], record["team"]) == ("dev", "checkout", "engineering")
    assert (record["principal"], record["organization"], record["tags"]) == ("dev-1@example.com", "acme", ["env=ci"])
    assert record["attempts"][0]["outcome"] == "ok"


def test_an_answer_without_usage_says_so(gateway, upstream):
    upstream.play = lambda _: response(b'{"choices":[]}')

    answer = gateway.chat()

    assert answer.headers["x-langwatch-usage-warning"] == "usage-not-reported"
