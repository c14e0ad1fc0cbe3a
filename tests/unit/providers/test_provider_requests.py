"""Where each provider is called and with which headers and model name."""

import pytest

from gateway.config.sections.providers import (
    AnthropicProvider,
    AzureProvider,
    BedrockProvider,
    CustomProvider,
    GeminiProvider,
    OpenAIProvider,
    SimulatorProvider,
    VertexProvider,
)
from gateway.providers.base import with_query
from gateway.providers.registry import ProviderSet
from gateway.providers.timeouts import ProviderTimeouts
from gateway.shapes.endpoints import ENDPOINTS
from gateway.shapes.vendor import Vendor
from tests.support.simulator import NoTransport

SECTIONS = {
    "openai": OpenAIProvider,
    "anthropic": AnthropicProvider,
    "azure": AzureProvider,
    "custom": CustomProvider,
    "simulator": SimulatorProvider,
    "gemini": GeminiProvider,
    "vertex": VertexProvider,
}
NEEDED = {
    "openai": {"api_key": "k"},
    "anthropic": {"api_key": "k"},
    "azure": {"api_key": "k", "base_url": "https://acme.openai.azure.com"},
    "custom": {"base_url": "http://localhost:11434/v1"},
    "simulator": {},
    "gemini": {"api_key": "k"},
    "vertex": {"project": "p", "location": "global"},
}
CHAT = "chat_completions"
DEPLOYED = {"deployments": {"gpt-5": "eu west/5"}}
CLASSIC = {**DEPLOYED, "api_version": "2024-10-21"}
AZURE = "https://acme.openai.azure.com/openai"


def provider(type_, **section):
    written = {"type": type_, **NEEDED[type_], **section}
    return ProviderSet(NoTransport()).build({"mine": SECTIONS[type_].model_validate(written)})["mine"]


def headers_sent(type_, client=(), **section):
    headers = list(client)
    provider(type_, **section).prepare_headers(headers, ENDPOINTS[CHAT])
    return headers


@pytest.mark.parametrize(
    ("type_", "section", "endpoint", "url"),
    [
        ("openai", {}, CHAT, "https://api.openai.com/v1/chat/completions"),
        ("openai", {}, "audio_transcriptions", "https://api.openai.com/v1/audio/transcriptions"),
        (
            "openai",
            {"base_url": "https://eu.api.openai.com/v1/"},
            "responses",
            "https://eu.api.openai.com/v1/responses",
        ),
        ("openai", {"base_url": "https://proxy.example/openai"}, CHAT, "https://proxy.example/openai/chat/completions"),
        ("custom", {}, "embeddings", "http://localhost:11434/v1/embeddings"),
        ("custom", {"base_url": "http://vllm:8000/v1/"}, "completions", "http://vllm:8000/v1/completions"),
        ("anthropic", {}, "messages", "https://api.anthropic.com/v1/messages"),
        ("anthropic", {}, "messages_count_tokens", "https://api.anthropic.com/v1/messages/count_tokens"),
        ("anthropic", {"base_url": "https://a.example/"}, "messages", "https://a.example/v1/messages"),
        ("anthropic", {"base_url": "https://a.example/v1/"}, "messages", "https://a.example/v1/messages"),
        ("azure", {}, CHAT, f"{AZURE}/v1/chat/completions"),
        ("azure", DEPLOYED, CHAT, f"{AZURE}/v1/chat/completions"),
        ("azure", {"api_version": "preview"}, "responses", f"{AZURE}/v1/responses?api-version=preview"),
        ("azure", {"api_version": "latest"}, CHAT, f"{AZURE}/v1/chat/completions?api-version=latest"),
        ("azure", CLASSIC, CHAT, f"{AZURE}/deployments/eu%20west%2F5/chat/completions?api-version=2024-10-21"),
        (
            "azure",
            {"api_version": "2024-10-21"},
            "embeddings",
            f"{AZURE}/deployments/gpt-5/embeddings?api-version=2024-10-21",
        ),
        ("azure", CLASSIC, "responses", f"{AZURE}/responses?api-version=2024-10-21"),
        ("azure", CLASSIC, "responses_compact", f"{AZURE}/responses/compact?api-version=2024-10-21"),
        ("azure", CLASSIC, "responses_input_tokens", f"{AZURE}/responses/input_tokens?api-version=2024-10-21"),
        ("azure", {"base_url": f"{AZURE}/v1/"}, CHAT, f"{AZURE}/v1/chat/completions"),
        ("azure", {"base_url": f"{AZURE}/", **CLASSIC}, "responses", f"{AZURE}/responses?api-version=2024-10-21"),
        ("simulator", {}, "messages", "simulator://mine/v1/messages"),
    ],
)
def test_the_url_that_is_called(type_, section, endpoint, url):
    called = provider(type_, **section)

    assert called.serves(ENDPOINTS[endpoint], "gpt-5")
    assert called.url(ENDPOINTS[endpoint], "gpt-5", stream=False) == url


@pytest.mark.parametrize(
    ("type_", "section", "endpoint", "sent"),
    [
        ("openai", {}, CHAT, "gpt-5"),
        ("azure", {}, CHAT, "gpt-5"),
        ("azure", DEPLOYED, CHAT, "eu west/5"),
        ("azure", CLASSIC, CHAT, "gpt-5"),
        ("azure", CLASSIC, "responses", "eu west/5"),
    ],
)
def test_the_model_name_in_the_body(type_, section, endpoint, sent):
    assert provider(type_, **section).wire_model(ENDPOINTS[endpoint], "gpt-5") == sent


OPENAI_SHAPE = {name for name, endpoint in ENDPOINTS.items() if endpoint.shape.vendor is Vendor.OPENAI}


@pytest.mark.parametrize(
    ("type_", "served"),
    [
        ("openai", OPENAI_SHAPE - {"rerank"}),
        ("custom", OPENAI_SHAPE),
        ("azure", OPENAI_SHAPE - {"moderations", "rerank"}),
        ("anthropic", {"messages", "messages_count_tokens"}),
        ("simulator", set(ENDPOINTS)),
    ],
)
def test_the_endpoints_that_are_served(type_, served):
    called = provider(type_)

    assert {name for name, endpoint in ENDPOINTS.items() if called.serves(endpoint, "gpt-5")} == served


@pytest.mark.parametrize(
    ("type_", "section", "client", "sent"),
    [
        ("openai", {}, [], [("authorization", "Bearer k")]),
        (
            "openai",
            {"organization": "org-1", "project": "proj-1"},
            [("openai-organization", "theirs")],
            [("authorization", "Bearer k"), ("openai-organization", "org-1"), ("openai-project", "proj-1")],
        ),
        (
            "openai",
            {"headers": {"OpenAI-Beta": "b"}},
            [("openai-beta", "a")],
            [("authorization", "Bearer k"), ("openai-beta", "b")],
        ),
        (
            "openai",
            {"headers": {"X-Team": "b", "under_score": "c"}},
            [("x_team", "a"), ("x-team", "a"), ("under-score", "a")],
            [("authorization", "Bearer k"), ("x-team", "b"), ("under_score", "c")],
        ),
        ("custom", {}, [("accept", "*/*")], [("accept", "*/*")]),
        ("custom", {"api_key": "k"}, [("authorization", "theirs")], [("authorization", "Bearer k")]),
        ("azure", {}, [("api-key", "theirs")], [("api-key", "k")]),
        ("anthropic", {}, [], [("x-api-key", "k"), ("anthropic-version", "2023-06-01")]),
        (
            "anthropic",
            {},
            [("anthropic-version", "2030-01-01")],
            [("anthropic-version", "2030-01-01"), ("x-api-key", "k")],
        ),
        (
            "anthropic",
            {"headers": {"Anthropic-Version": "2031-01-01"}},
            [("anthropic-version", "2030-01-01")],
            [("x-api-key", "k"), ("anthropic-version", "2031-01-01")],
        ),
        ("simulator", {"headers": {"X-Team": "a"}}, [("x-team", "b"), ("x-team", "c")], [("x-team", "a")]),
    ],
)
def test_the_headers_that_are_sent(type_, section, client, sent):
    assert headers_sent(type_, client, **section) == sent


def test_headers_the_provider_does_not_set_pass_in_their_order():
    client = [("x-b", "1"), ("authorization", "theirs"), ("x-a", "2"), ("x-b", "3")]

    assert headers_sent("openai", client) == [("x-b", "1"), ("x-a", "2"), ("x-b", "3"), ("authorization", "Bearer k")]


@pytest.mark.parametrize("type_", SECTIONS)
def test_a_provider_carries_what_the_file_says(type_):
    called = provider(type_, models=["m"], timeouts={"connect_ms": 500, "first_byte_ms": 1500, "idle_ms": 2500})

    assert (called.name, called.type, tuple(called.models)) == ("mine", type_, ("m",))
    assert called.timeouts == ProviderTimeouts(0.5, 1.5, 2.5)


def test_azures_deployments_are_models_that_it_declares():
    assert tuple(provider("azure", models=["gpt-4o", "gpt-5"], **DEPLOYED).models) == ("gpt-4o", "gpt-5")


@pytest.mark.parametrize("type_", ["openai", "anthropic", "azure", "custom"])
def test_the_credential_shows_nowhere(type_):
    called = provider(type_, api_key="very-secret-value")
    held = [getattr(called, name) for name in dir(called) if not name.startswith("__")]

    assert "very-secret-value" not in f"{called!r} {held!r}"


def test_a_provider_whose_section_is_unchanged_keeps_its_credentials():
    providers = ProviderSet(NoTransport())
    sections = {name: BedrockProvider(type="bedrock", region="eu-central-1") for name in ("same", "moves", "goes")}
    first = providers.build(sections)

    second = providers.build({"same": sections["same"], "moves": BedrockProvider(type="bedrock", region="us-east-1")})

    assert second["same"] is first["same"]
    assert second["moves"] is not first["moves"]
    assert set(second) == {"same", "moves"}


@pytest.mark.parametrize(
    ("url", "query", "whole"),
    [
        ("https://a/v1/messages", b"", "https://a/v1/messages"),
        ("https://a/v1/messages", b"beta=true", "https://a/v1/messages?beta=true"),
        ("https://a/x?api-version=1", b"beta=true", "https://a/x?api-version=1&beta=true"),
        ("https://a/x?api-version=1", b"api-version=2", "https://a/x?api-version=1"),
        ("https://a/x", b"key=s&API_KEY=s&flag=", "https://a/x?flag="),
        ("https://a/x", b"q=a%26b%20c%C3%A9", "https://a/x?q=a%26b+c%C3%A9"),
        ("https://a/x", b"q=1#frag", "https://a/x?q=1%23frag"),
        ("https://a/x?api-version=1", b"API-VERSION=2", "https://a/x?api-version=1"),
        ("https://a/x", b"oauth_token=s&%24key=s&$access_token=s", "https://a/x"),
        ("https://a/x", b"userProject=p&%24userProject=p&quotaUser=q", "https://a/x"),
        ("https://a/x", b"alt=sse&$fields=candidates&fields=candidates&callback=f&$ct=a", "https://a/x?alt=sse"),
        (
            "https://a/x",
            b"alt=proto&$alt=media&%24alt=sse&prettyPrint=false",
            "https://a/x?%24alt=sse&prettyPrint=false",
        ),
    ],
)
def test_the_clients_query_reaches_the_upstream(url, query, whole):
    assert with_query(url, query) == whole
