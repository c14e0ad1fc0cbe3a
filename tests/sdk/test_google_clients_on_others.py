"""Google's SDK on providers of Anthropic's and OpenAI's shapes: the gateway translates, the client notices nothing.

The provider is a second gateway whose simulator answers in those shapes.
"""

import httpx
import pytest
from google import genai
from google.genai import errors, types

from tests.contract.conftest import config
from tests.support.keys import SECRET

SAID = "This is the simulator. You said: hello"
WEATHER = {
    "name": "get_weather",
    "parameters": {"type": "OBJECT", "properties": {"city": {"type": "STRING"}}, "required": ["city"]},
}
MODELS = pytest.mark.parametrize("model", ["claude", "gpt-5-mini"])


@pytest.fixture(scope="module")
def provider(module_gateway):
    names = "  claude-haiku-4-5: simulator/claude-haiku-4-5\n  gpt-5-mini: simulator/gpt-5-mini\n"
    text = config("http://127.0.0.1:1").replace("  gpt-5-mini: openai/gpt-5-mini\n", names)
    return module_gateway(text)


@pytest.fixture(scope="module")
def gateway(module_gateway, provider):
    return module_gateway(config(provider.url), env={"UP_KEY": SECRET})


@pytest.fixture(scope="module")
def client(gateway):
    options = types.HttpOptions(base_url=gateway.url, retry_options=types.HttpRetryOptions(attempts=1))
    return genai.Client(api_key=SECRET, http_options=options)


@MODELS
def test_an_answer(client, model):
    answer = client.models.generate_content(
        model=model,
        contents="hello",
        config=types.GenerateContentConfig(
            system_instruction="Be brief.", temperature=0.3, top_p=0.9, safety_settings=[]
        ),
    )

    assert (answer.text, answer.model_version) == (SAID, model)
    assert answer.candidates[0].finish_reason is types.FinishReason.STOP
    assert answer.usage_metadata.total_token_count > answer.usage_metadata.candidates_token_count > 0


@MODELS
def test_a_stream(client, model):
    chunks = list(client.models.generate_content_stream(model=model, contents="hello"))

    assert "".join(chunk.text or "" for chunk in chunks) == SAID
    assert chunks[-1].candidates[0].finish_reason is types.FinishReason.STOP
    assert chunks[-1].usage_metadata.candidates_token_count > 0


@MODELS
@pytest.mark.parametrize("streams", [False, True])
def test_tools_there_and_back(client, model, streams):
    chat = client.chats.create(
        model=model, config=types.GenerateContentConfig(tools=[types.Tool(function_declarations=[WEATHER])])
    )

    def send(message):
        return list(chat.send_message_stream(message)) if streams else [chat.send_message(message)]

    (call,) = [call for chunk in send("[[tool get_weather]]") for call in chunk.function_calls or ()]
    assert (call.name, call.args) == ("get_weather", {"city": "example"})

    answered = types.Part.from_function_response(name=call.name, response={"result": "sunny"})
    assert "sunny" in "".join(chunk.text or "" for chunk in send(answered))


@MODELS
def test_structured_output(client, model):
    schema = {"type": "OBJECT", "properties": {"name": {"type": "STRING"}}, "required": ["name"]}
    options = types.GenerateContentConfig(response_mime_type="application/json", response_schema=schema)

    assert client.models.generate_content(model=model, contents="x", config=options).parsed == {"name": "example"}


@MODELS
def test_limits(client, model):
    options = types.GenerateContentConfig(max_output_tokens=2)

    answer = client.models.generate_content(model=model, contents="hello", config=options)
    assert answer.candidates[0].finish_reason is types.FinishReason.MAX_TOKENS


@MODELS
def test_errors(client, model):
    with pytest.raises(errors.ClientError) as raised:
        client.models.generate_content(model=model, contents="[[status 429]]")

    assert (raised.value.code, raised.value.status) == (429, "RESOURCE_EXHAUSTED")
    assert "429" in raised.value.message


@MODELS
def test_a_stream_that_breaks_is_an_error(client, model):
    with pytest.raises(errors.APIError) as raised:
        list(client.models.generate_content_stream(model=model, contents="[[reset after 3]]"))

    assert (raised.value.code, raised.value.status) == (502, "UNAVAILABLE")


def test_what_cannot_cross_is_named(client):
    with pytest.raises(errors.ClientError) as raised:
        options = types.GenerateContentConfig(tools=[types.Tool(google_search=types.GoogleSearch())])
        client.models.generate_content(model="claude", contents="x", config=options)

    assert (raised.value.code, raised.value.status) == (400, "INVALID_ARGUMENT")
    assert "googleSearch" in raised.value.message


def test_an_array_cannot_cross(gateway):
    got = httpx.post(
        f"{gateway.url}/v1beta/models/claude:streamGenerateContent",
        json={"contents": [{"parts": [{"text": "hello"}]}]},
        headers={"x-goog-api-key": SECRET},
    )

    assert (got.status_code, "alt=sse" in got.json()["error"]["message"]) == (400, True)
