"""Google's own SDK, pointed at the gateway, unchanged."""

import asyncio

import pytest
from google import genai
from google.genai import errors, types

from tests.contract.conftest import config
from tests.support.keys import SECRET

WEATHER = types.FunctionDeclaration(
    name="get_weather",
    parameters=types.Schema(type="OBJECT", properties={"city": types.Schema(type="STRING")}, required=["city"]),
)
TOOLS = [types.Tool(function_declarations=[WEATHER])]


@pytest.fixture(scope="module")
def gateway(module_gateway):
    return module_gateway(config("http://127.0.0.1:1"))


def client_of(gateway, key=SECRET, **more):
    options = types.HttpOptions(base_url=gateway.url, retry_options=types.HttpRetryOptions(attempts=1))
    return genai.Client(api_key=key, http_options=options, **more)


@pytest.fixture(scope="module")
def client(gateway):
    return client_of(gateway)


def test_generate_content(client):
    answer = client.models.generate_content(model="sim", contents="hello")

    assert answer.text == "This is the simulator. You said: hello"
    assert answer.candidates[0].finish_reason is types.FinishReason.STOP
    assert answer.usage_metadata.candidates_token_count > 0


def test_a_stream(client):
    chunks = list(client.models.generate_content_stream(model="sim", contents="hello"))

    assert "".join(chunk.text or "" for chunk in chunks) == "This is the simulator. You said: hello"
    assert chunks[-1].candidates[0].finish_reason is types.FinishReason.STOP


def test_names_with_a_slash(client):
    assert client.models.generate_content(model="simulator/any", contents="hello").model_version == "any"


def test_tools_there_and_back(client):
    contents = [types.Content(role="user", parts=[types.Part(text="[[tool get_weather]]")])]
    options = types.GenerateContentConfig(tools=TOOLS)
    called = client.models.generate_content(model="sim", contents=contents, config=options)
    (call,) = called.function_calls
    assert (call.name, call.args) == ("get_weather", {"city": "example"})

    answered = types.Part.from_function_response(name=call.name, response={"result": "sunny"})
    contents += [called.candidates[0].content, types.Content(role="user", parts=[answered])]
    final = client.models.generate_content(model="sim", contents=contents, config=options)
    assert "sunny" in final.text


def test_the_sdk_calls_functions_by_itself(client):
    def get_weather(city: str) -> str:
        """The weather in a city."""
        return f"sunny in {city}"

    options = types.GenerateContentConfig(tools=[get_weather])
    answer = client.models.generate_content(model="sim", contents="[[tool get_weather]]", config=options)

    assert "sunny in example" in answer.text


def test_structured_output(client):
    schema = {"type": "OBJECT", "properties": {"name": {"type": "STRING"}}, "required": ["name"]}
    options = types.GenerateContentConfig(response_mime_type="application/json", response_schema=schema)

    assert client.models.generate_content(model="sim", contents="x", config=options).parsed == {"name": "example"}


def test_limits(client):
    options = types.GenerateContentConfig(max_output_tokens=2, stop_sequences=["never"])
    answer = client.models.generate_content(model="sim", contents="hello", config=options)

    assert answer.candidates[0].finish_reason is types.FinishReason.MAX_TOKENS


def test_counts_and_embeddings(client):
    assert client.models.count_tokens(model="sim", contents="hello").total_tokens > 0
    embedded = client.models.embed_content(model="sim", contents=["one", "two"])
    assert [len(one.values) for one in embedded.embeddings] == [8, 8]


def test_models(client):
    assert "models/sim" in [model.name for model in client.models.list()]
    assert client.models.get(model="sim").name == "models/sim"


def test_async(gateway):
    async def ask():
        client = client_of(gateway)
        stream = await client.aio.models.generate_content_stream(model="sim", contents="hello")
        return "".join([chunk.text or "" async for chunk in stream])

    assert asyncio.run(ask()) == "This is the simulator. You said: hello"


def test_the_sdk_of_vertex(gateway):
    options = types.HttpOptions(base_url=gateway.url, headers={"x-goog-api-key": SECRET})
    client = genai.Client(vertexai=True, project="p", location="global", http_options=options, credentials=_Nobody())

    assert client.models.generate_content(model="sim", contents="hello").text.endswith("hello")
    assert client.models.generate_content(model="simulator/any", contents="hello").model_version == "any"


class _Nobody:
    """Credentials as Google's library has them, of nobody."""

    token = "ya29.nobody"
    expired = False
    quota_project_id = None


@pytest.mark.parametrize(
    ("prompt", "code", "status"),
    [
        ("[[status 400]]", 400, "INVALID_ARGUMENT"),
        ("[[status 429]]", 429, "RESOURCE_EXHAUSTED"),
        ("[[status 500]]", 502, "UNAVAILABLE"),
    ],
)
def test_errors_of_the_provider(client, prompt, code, status):
    with pytest.raises(errors.APIError) as raised:
        client.models.generate_content(model="sim", contents=prompt)

    assert (raised.value.code, raised.value.status) == (code, status)


def test_errors_of_the_gateway(gateway, client):
    stranger = client_of(gateway, "lw_vk_test_00000000000000000000000000")
    with pytest.raises(errors.ClientError) as unknown:
        stranger.models.generate_content(model="sim", contents="x")
    assert (unknown.value.code, unknown.value.status) == (401, "UNAUTHENTICATED")

    with pytest.raises(errors.ClientError) as unserved:
        client.models.generate_content(model="no-such-model", contents="x")
    assert (unserved.value.code, unserved.value.status) == (404, "NOT_FOUND")
    assert "no-such-model" in unserved.value.message


@pytest.mark.parametrize("prompt", ["[[reset after 2]]", "[[truncate]]"])
def test_a_stream_that_breaks_is_an_error(client, prompt):
    with pytest.raises(errors.APIError) as raised:
        list(client.models.generate_content_stream(model="sim", contents=prompt))

    assert (raised.value.code, raised.value.status) == (502, "UNAVAILABLE")
