"""Where Gemini and Vertex are called, with which model, headers and bytes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.config.sections.providers import GeminiProvider, VertexProvider
from gateway.errors import GatewayError
from gateway.providers.gemini import Gemini
from gateway.providers.vertex import Vertex
from gateway.shapes.endpoints import ENDPOINTS, PREDICT
from gateway.upstream.request import NoTransport

CHAT, MESSAGES, COUNT = (ENDPOINTS[name] for name in ("chat_completions", "messages", "messages_count_tokens"))
CLAUDE = "claude-haiku-4-5@20251001"
VERSION = b'"anthropic_version":"vertex-2023-10-16"'
OWN = {"generate_content", "google_count_tokens", "embed_content"}


def gemini(**section) -> Gemini:
    written = {"type": "gemini", "api_key": "very-secret", **section}
    return Gemini("mine", GeminiProvider.model_validate(written), NoTransport())


def vertex(location="europe-west1", **section) -> Vertex:
    written = {"type": "vertex", "project": "my-project", "location": location, **section}
    return Vertex("mine", VertexProvider.model_validate(written), NoTransport())


def served(provider, model):
    return {name for name, endpoint in ENDPOINTS.items() if provider.serves(endpoint, model)}


@pytest.mark.parametrize(
    ("base_url", "host"),
    [
        (None, "https://generativelanguage.googleapis.com"),
        ("http://localhost:9/", "http://localhost:9"),
        ("http://localhost:9/v1beta/openai/", "http://localhost:9"),
    ],
)
def test_geminis_url(base_url, host):
    provider = gemini(base_url=base_url)

    assert provider.url(CHAT, "gemini-2.5-pro", stream=True) == f"{host}/v1beta/openai/chat/completions"
    assert provider.url(ENDPOINTS["embeddings"], "x", stream=False) == f"{host}/v1beta/openai/embeddings"


def test_what_gemini_serves():
    compatible = {"chat_completions", "embeddings", "images_generations"}

    assert served(gemini(), "gemini-2.5-pro") == {*compatible, *OWN, "batch_embed_contents"}
    assert served(gemini(), "..") == compatible


@pytest.mark.parametrize(
    "base_url", ["http://localhost:9", "http://localhost:9/v1beta", "http://localhost:9/v1beta/openai"]
)
@pytest.mark.parametrize(
    ("name", "stream", "end"),
    [
        ("generate_content", False, "models/a%2Fb:generateContent"),
        ("generate_content", True, "models/a%2Fb:streamGenerateContent"),
        ("google_count_tokens", False, "models/a%2Fb:countTokens"),
        ("embed_content", False, "models/a%2Fb:embedContent"),
        ("batch_embed_contents", False, "models/a%2Fb:batchEmbedContents"),
        ("chat_completions", False, "openai/chat/completions"),
    ],
)
def test_where_gemini_is(base_url, name, stream, end):
    url = gemini(base_url=base_url).url(ENDPOINTS[name], "a/b", stream=stream)

    assert url == f"http://localhost:9/v1beta/{end}"


def test_geminis_own_api_has_the_key_in_its_own_header():
    headers = [("x-goog-api-key", "theirs")]
    gemini().prepare_headers(headers, ENDPOINTS["generate_content"])

    assert headers == [("x-goog-api-key", "very-secret")]


def test_geminis_key_replaces_a_clients_and_shows_nowhere():
    provider, headers = gemini(), [("authorization", "theirs"), ("accept", "*/*")]
    provider.prepare_headers(headers, CHAT)

    assert headers == [("accept", "*/*"), ("authorization", "Bearer very-secret")]
    assert "very-secret" not in f"{provider!r} {vars(provider)!r}"


def test_gemini_is_spoken_to_as_written():
    provider, body = gemini(), b'{ "model" : "x" }'

    assert provider.adapt(CHAT, body, [], stream=False) is body
    assert provider.wire_model(CHAT, "gemini-2.5-pro") == "gemini-2.5-pro"
    assert provider.signer is None


@pytest.mark.parametrize(
    ("location", "host"),
    [
        ("europe-west1", "europe-west1-aiplatform.googleapis.com"),
        ("global", "aiplatform.googleapis.com"),
        ("eu", "aiplatform.eu.rep.googleapis.com"),
        ("us", "aiplatform.us.rep.googleapis.com"),
    ],
)
def test_vertexs_host(location, host):
    place = f"https://{host}/v1/projects/my-project/locations/{location}"

    assert vertex(location).url(CHAT, "x", stream=False) == f"{place}/endpoints/openapi/chat/completions"


@pytest.mark.parametrize(
    ("endpoint", "model", "stream", "end"),
    [
        (CHAT, "gemini-2.5-pro", True, "endpoints/openapi/chat/completions"),
        (MESSAGES, CLAUDE, False, f"publishers/anthropic/models/{CLAUDE}:rawPredict"),
        (MESSAGES, CLAUDE, True, f"publishers/anthropic/models/{CLAUDE}:streamRawPredict"),
        (MESSAGES, f"anthropic/{CLAUDE}", True, f"publishers/anthropic/models/{CLAUDE}:streamRawPredict"),
        (MESSAGES, "claude-x/../y;z", False, "publishers/anthropic/models/claude-x%2F..%2Fy%3Bz:rawPredict"),
        (COUNT, CLAUDE, True, "publishers/anthropic/models/count-tokens:rawPredict"),
        (PREDICT, "google/text-embedding-005", False, "publishers/google/models/text-embedding-005:predict"),
    ],
)
@pytest.mark.parametrize("base_url", ["http://localhost:9", "http://localhost:9/", "http://localhost:9/v1/"])
def test_vertexs_url(base_url, endpoint, model, stream, end):
    place = "http://localhost:9/v1/projects/my-project/locations/europe-west1"

    assert vertex(base_url=base_url).url(endpoint, model, stream=stream) == f"{place}/{end}"


@pytest.mark.parametrize(
    ("model", "endpoints"),
    [
        ("gemini-2.5-pro", {"chat_completions", *OWN}),
        ("google/gemini-2.5-pro", {"chat_completions", *OWN}),
        ("meta/llama-4", {"chat_completions"}),
        (CLAUDE, {"messages", "messages_count_tokens"}),
        (f"anthropic/{CLAUDE}", {"messages", "messages_count_tokens"}),
    ],
)
def test_what_vertex_serves(model, endpoints):
    assert served(vertex(), model) == endpoints
    assert vertex().serves(PREDICT, "google/gemini-embedding-001")
    assert not vertex().serves(PREDICT, model)


@pytest.mark.parametrize(
    ("endpoint", "model", "spelled"),
    [
        (CHAT, "gemini-2.5-pro", "google/gemini-2.5-pro"),
        (CHAT, "google/gemini-2.5-pro", "google/gemini-2.5-pro"),
        (CHAT, "meta/llama-4", "meta/llama-4"),
        (COUNT, CLAUDE, CLAUDE),
        (COUNT, f"anthropic/{CLAUDE}", CLAUDE),
    ],
)
def test_vertexs_spelling_of_the_model(endpoint, model, spelled):
    assert vertex().wire_model(endpoint, model) == spelled


@pytest.mark.parametrize(
    ("endpoint", "body", "sent"),
    [
        (CHAT, b'{ "model":"x" , "n": 1e0}', b'{ "model":"x" , "n": 1e0}'),
        (MESSAGES, b'{"model":"x","a":1}', b"{" + VERSION + b',"a":1}'),
        (MESSAGES, b'{"a":1,"model":"x"}', b"{" + VERSION + b',"a":1}'),
        (MESSAGES, b'{"model":"x"}', b"{" + VERSION + b"}"),
        (MESSAGES, b'{"a":"\\u00e9",\n "model" : "x","b": 1.0e+0 }', b"{" + VERSION + b',"a":"\\u00e9","b": 1.0e+0 }'),
        (MESSAGES, b'{"anthropic_version":"own","model":"x"}', b'{"anthropic_version":"own"}'),
        (MESSAGES, b'{"anthropic_version": null,"model":"x","a":1}', b"{" + VERSION + b',"a":1}'),
        (MESSAGES, b'{"model":"x","stream":true}', b"{" + VERSION + b',"stream":true}'),
        (MESSAGES, b'{"a":{"model":"kept"},"model":"x"}', b"{" + VERSION + b',"a":{"model":"kept"}}'),
        (COUNT, b'{ "model":"x", "a":1}', b"{" + VERSION + b', "model":"x", "a":1}'),
    ],
)
def test_the_bytes_that_vertex_gets(endpoint, body, sent):
    assert vertex().adapt(endpoint, body, [], stream=False) == sent


def test_a_body_that_names_two_versions_is_refused():
    body = b'{"model":"x","anthropic_version":null,"anthropic_version":null}'

    with pytest.raises(GatewayError):
        vertex().adapt(MESSAGES, body, [], stream=False)


SPACE = st.text(" \t\r\n", max_size=2)
MEMBER = st.builds(
    lambda key, a, b, value, c: f'{a}"{key}"{b}:{value}{c}',
    st.text("abcd", min_size=1, max_size=9),
    SPACE,
    SPACE,
    st.sampled_from(['"\\u00e9"', "1.50e+1", '{"model": 1}', '[ "model" ]', "null", '"a\\"model\\":"']),
    SPACE,
)


@given(members=st.lists(MEMBER, max_size=5, unique_by=lambda one: one.split('"')[1]), at=st.integers(0, 5), space=SPACE)
def test_every_other_member_stays_as_it_was(members, at, space):
    at = min(at, len(members))
    body = f"{{{','.join([*members[:at], f'{space}' + chr(34) + 'model' + chr(34) + ':1', *members[at:]])}}}"
    body = body.replace('"model":1', '"model":"x"')

    sent = vertex().adapt(MESSAGES, body.encode(), [], stream=True)

    assert sent.startswith(b"{" + VERSION)
    for member in members:
        assert member.strip().encode() in sent
    assert b'"model":"x"' not in sent


def test_the_version_of_anthropics_header_stays_behind_and_betas_go_on():
    headers = [("anthropic-version", "2023-06-01"), ("anthropic-beta", "b"), ("accept", "*/*")]
    vertex().adapt(MESSAGES, b'{"model":"x"}', headers, stream=False)

    assert headers == [("anthropic-beta", "b"), ("accept", "*/*")]


def test_vertexs_account_shows_nowhere():
    provider = vertex(credentials="very-secret")

    assert "very-secret" not in f"{provider!r} {vars(provider)!r} {vars(provider.signer)!r}"
    assert "very-secret" not in repr(vars(provider.signer._fetch))
