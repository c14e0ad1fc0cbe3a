"""Vectors of texts where the provider has another API for them than the client speaks."""

import base64
import json
import struct

import openai
import pytest
from google import genai
from google.genai import types as google_types

from gateway.errors import GatewayError
from gateway.lanes.base import Asked
from gateway.lanes.embeddings import EMBEDDINGS
from gateway.shapes.embeddings import read_predicted
from tests.support.keys import HASH, SECRET
from tests.support.upstream import response

CONFIG = """
version: 1
providers:
  bedrock: {{type: bedrock, region: eu-central-1, api_key: k, base_url: "{url}"}}
  vllm: {{type: custom, base_url: "{url}/v1"}}
virtual_keys:
  dev: {{environment: test, secret_hash: "{hash}"}}
prices:
  "bedrock/*": {{input_usd_per_mtok: 1, output_usd_per_mtok: 1}}
"""
VECTOR = [0.5, -0.25]
TITAN, TITAN_2 = "amazon.titan-embed-text-v1", "amazon.titan-embed-text-v2:0"
COHERE, COHERE_4 = "cohere.embed-english-v3", "eu.cohere.embed-v4:0"
NOVA = "amazon.nova-2-multimodal-embeddings-v1:0"
COUNTED = {"x-amzn-bedrock-input-token-count": "7"}
NOVA_TEXT = {"truncationMode": "NONE", "value": "a"}


@pytest.fixture(scope="module")
def gateway(module_gateway, upstream):
    return module_gateway(CONFIG.format(url=upstream.url, hash=HASH))


@pytest.fixture(scope="module")
def client(gateway):
    with openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=SECRET, max_retries=0) as made:
        yield made


@pytest.mark.parametrize("form", ["float", "base64", None])
@pytest.mark.parametrize(
    ("model", "asked", "body", "answer", "headers"),
    [
        (TITAN, {"input": "a"}, {"inputText": "a"}, {"embedding": VECTOR, "inputTextTokenCount": 7}, {}),
        (
            TITAN_2,
            {"input": ["a"], "dimensions": 256},
            {"inputText": "a", "dimensions": 256},
            {"embedding": VECTOR, "embeddingsByType": {"float": VECTOR}, "inputTextTokenCount": 7},
            {},
        ),
        (
            COHERE,
            {"input": ["a", "b"], "extra_body": {"input_type": "search_query"}},
            {"texts": ["a", "b"], "input_type": "search_query", "embedding_types": ["float"]},
            {"embeddings": {"float": [VECTOR, VECTOR]}, "response_type": "embeddings_by_type"},
            COUNTED,
        ),
        (
            COHERE_4,
            {"input": "a", "dimensions": 512},
            {"texts": ["a"], "input_type": "search_document", "embedding_types": ["float"], "output_dimension": 512},
            {"id": "x", "embeddings": [VECTOR]},
            COUNTED,
        ),
        (
            NOVA,
            {"input": "a"},
            {"taskType": "SINGLE_EMBEDDING",
             "singleEmbeddingParams": {"embeddingPurpose": "GENERIC_INDEX", "text": NOVA_TEXT}},
            {"embeddings": [{"embeddingType": "TEXT", "embedding": VECTOR}]},
            COUNTED,
        ),
    ],
)  # fmt: skip
def test_openais_clients_embed_on_bedrock(gateway, client, upstream, model, asked, body, answer, headers, form):
    upstream.play = lambda _: response(json.dumps(answer).encode(), headers=headers)
    wanted = {} if form is None else {"encoding_format": form}

    got = client.embeddings.with_raw_response.create(model=f"bedrock/{model}", **asked, **wanted)

    made = got.parse()
    (sent,) = upstream.requests
    assert sent.request_line.startswith(f"POST /model/{model.replace(':', '%3A')}/invoke ")
    assert json.loads(sent.body) == body
    assert (made.object, made.model, made.usage.prompt_tokens) == ("list", f"bedrock/{model}", 7)
    assert [one.index for one in made.data] == list(range(2 if asked["input"] == ["a", "b"] else 1))
    vectors = [one.embedding for one in made.data]
    if form == "base64":
        vectors = [list(struct.unpack("<2f", base64.b64decode(vector))) for vector in vectors]
    assert all(vector == VECTOR for vector in vectors)
    record = gateway.record(got.headers["x-langwatch-request-id"])
    assert (record["usage"]["input_tokens"], record["usage"]["output_tokens"]) == (7, 0)


@pytest.mark.parametrize(
    ("model", "asked", "path"),
    [
        (TITAN, {"input": ["a", "b"]}, "input"),
        (TITAN, {"input": "a", "dimensions": 3}, "dimensions"),
        (COHERE, {"input": [1, 2]}, "input"),
        (COHERE, {"input": [[1, 2]]}, "input"),
        (COHERE, {"input": []}, "input"),
        (COHERE, {"input": "a", "encoding_format": "hex"}, "encoding_format"),
    ],
)
def test_what_does_not_cross_is_named(client, upstream, model, asked, path):
    with pytest.raises(openai.BadRequestError) as refused:
        client.embeddings.create(model=f"bedrock/{model}", **asked)

    assert refused.value.param == path
    assert not upstream.requests


def test_errors_and_answers_that_are_none_are_told_in_the_clients_shape(client, upstream):
    upstream.play = lambda _: response(b'{"message":"Too many tokens"}', 400)
    with pytest.raises(openai.BadRequestError, match="Too many tokens"):
        client.embeddings.create(model=f"bedrock/{TITAN}", input="a")
    upstream.play = lambda _: response(b'{"embedding":"no"}')
    with pytest.raises(openai.InternalServerError, match="no vectors"):
        client.embeddings.create(model=f"bedrock/{TITAN}", input="a")


def test_geminis_clients_embed_on_servers_of_openais_api(gateway, upstream):
    vectors = [{"object": "embedding", "index": index, "embedding": VECTOR} for index in (0, 1)]
    usage = {"prompt_tokens": 7, "total_tokens": 7}
    upstream.play = lambda _: response(
        json.dumps({"object": "list", "data": vectors, "model": "e", "usage": usage}).encode()
    )
    options = google_types.HttpOptions(base_url=gateway.url)
    client = genai.Client(api_key=SECRET, http_options=options)

    made = client.models.embed_content(
        model="vllm/e", contents=["a", "b"], config=google_types.EmbedContentConfig(output_dimensionality=2)
    )

    assert [one.values for one in made.embeddings] == [VECTOR, VECTOR]
    sent = json.loads(upstream.requests[0].body)
    assert sent == {"model": "e", "input": ["a", "b"], "encoding_format": "float", "dimensions": 2}


@pytest.mark.parametrize(
    ("spoken", "body", "answer"),
    [
        (
            "predict",
            {"instances": [{"content": "a"}], "parameters": {"autoTruncate": False, "outputDimensionality": 2}},
            {"predictions": [{"embeddings": {"values": VECTOR, "statistics": {"token_count": 7}}}]},
        ),
        (
            "embed_content",
            {"content": {"parts": [{"text": "a"}]}, "outputDimensionality": 2},
            {"embedding": {"values": VECTOR}, "usageMetadata": {"promptTokenCount": 7}},
        ),
    ],
)
def test_openais_clients_embed_on_vertex(spoken, body, answer):
    lane = EMBEDDINGS["embeddings", spoken]
    asked = {"model": "m", "input": "a", "dimensions": 2, "user": "u"}

    done = lane.request(asked, model="text-embedding-005", strict=False)
    made = json.loads(
        lane.response(
            json.dumps(answer).encode(),
            Asked(model="m", include_usage=False, request_id="grq_1", created=1, kept=done.kept),
        )
    )

    assert (done.body, done.dropped) == (body, ("user",))
    assert (made["data"][0]["embedding"], made["usage"]["prompt_tokens"]) == (VECTOR, 7)
    with pytest.raises(GatewayError, match="user"):
        lane.request(asked, model="text-embedding-005", strict=True)


def test_what_predict_states_is_the_sum_or_nothing():
    counted = {"embeddings": {"statistics": {"token_count": 2}}}

    assert read_predicted(json.dumps({"predictions": [counted, counted]}).encode()).usage.input_tokens == 4
    for odd in ({"predictions": [counted, {}]}, {"predictions": []}, {"predictions": 1}, []):
        assert read_predicted(json.dumps(odd).encode()) is None
