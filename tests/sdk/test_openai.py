"""OpenAI's own SDK, pointed at the gateway, unchanged."""

import asyncio
import base64
import math

import openai
import pytest
from pydantic import BaseModel

from tests.contract.conftest import config
from tests.support.keys import SECRET, new_key

LIMITED = new_key()
HELLO = [{"role": "user", "content": "hello"}]
TOOL = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


@pytest.fixture(scope="module")
def gateway(module_gateway):
    limited = (
        f'  limited: {{environment: test, secret_hash: "{LIMITED[1]}", rate_limits: {{rpm: 1}}, '
        "policy_rules: [{tools: {deny: ['^shell']}}]}\n"
    )
    return module_gateway(
        config("http://127.0.0.1:1", limited).replace("gpt-5-mini: openai/", "gpt-5-mini: simulator/")
    )


@pytest.fixture
def client(gateway):
    with openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=SECRET, max_retries=0) as client:
        yield client


def test_chat(client):
    answer = client.chat.completions.create(model="gpt-5-mini", messages=HELLO)

    assert answer.choices[0].message.content == "This is the simulator. You said: hello"
    assert answer.usage.total_tokens > 0


def test_choices_and_how_sure_of_them(client):
    wants = {"model": "gpt-5-mini", "messages": HELLO, "n": 3, "logprobs": True}
    answer = client.chat.completions.create(**wants)
    *chunks, last = client.chat.completions.create(**wants, stream=True, stream_options={"include_usage": True})

    assert [choice.index for choice in answer.choices] == [0, 1, 2]
    assert answer.choices[2].logprobs.content[0].token == "This"
    told = {}
    for choice in (choice for chunk in chunks for choice in chunk.choices):
        told[choice.index] = told.get(choice.index, "") + (choice.delta.content or "")
    assert told == dict.fromkeys(range(3), answer.choices[0].message.content)
    assert last.usage.completion_tokens == answer.usage.completion_tokens


def test_streaming(client):
    chunks = list(client.chat.completions.create(model="gpt-5-mini", messages=HELLO, stream=True))

    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    assert text == "This is the simulator. You said: hello"
    assert all(chunk.usage is None for chunk in chunks)


def test_streaming_with_usage(client):
    *_, last = client.chat.completions.create(
        model="gpt-5-mini", messages=HELLO, stream=True, stream_options={"include_usage": True}
    )

    assert last.usage.completion_tokens > 0


def test_the_stream_helper_and_tools(client):
    messages = [{"role": "user", "content": "what is the weather? [[tool get_weather]]"}]
    with client.chat.completions.stream(model="gpt-5-mini", messages=messages, tools=[TOOL]) as stream:
        list(stream)
        answer = stream.get_final_completion()

    call = answer.choices[0].message.tool_calls[0]
    assert (call.function.name, call.function.arguments) == ("get_weather", '{"city": "example"}')
    messages += [
        answer.choices[0].message.model_dump(exclude_none=True),
        {"role": "tool", "tool_call_id": call.id, "content": "sunny"},
    ]
    final = client.chat.completions.create(model="gpt-5-mini", messages=messages, tools=[TOOL])
    assert "sunny" in final.choices[0].message.content


def test_structured_output(client):
    class Weather(BaseModel):
        city: str
        degrees: int

    answer = client.chat.completions.parse(model="gpt-5-mini", messages=HELLO, response_format=Weather)

    assert answer.choices[0].message.parsed == Weather(city="example", degrees=1)


def test_responses(client):
    answer = client.responses.create(model="gpt-5-mini", input="hello")
    with client.responses.stream(model="gpt-5-mini", input="hello") as stream:
        kinds = [event.type for event in stream]
        streamed = stream.get_final_response()

    assert answer.output_text == "This is the simulator. You said: hello"
    assert streamed.output_text == answer.output_text
    assert kinds[0] == "response.created"
    assert kinds[-1] == "response.completed"


def test_async(gateway):
    async def ask() -> str:
        async with openai.AsyncOpenAI(base_url=f"{gateway.url}/v1", api_key=SECRET) as client:
            stream = await client.chat.completions.create(model="gpt-5-mini", messages=HELLO, stream=True)
            return "".join([chunk.choices[0].delta.content or "" async for chunk in stream])

    assert asyncio.run(ask()) == "This is the simulator. You said: hello"


def test_embeddings(client):
    one = client.embeddings.create(model="simulator/text-embedding-3-small", input=["a", "b"], dimensions=8)
    again = client.embeddings.create(
        model="simulator/text-embedding-3-small", input="a", dimensions=8, encoding_format="float"
    )

    assert len(one.data) == 2
    assert math.isclose(sum(x * x for x in again.data[0].embedding), 1, rel_tol=1e-6)
    assert one.data[0].embedding == pytest.approx(again.data[0].embedding, rel=1e-6)


def test_the_other_endpoints(client):
    assert client.moderations.create(input="x", model="simulator/m").results[0].flagged is False
    image = client.images.generate(model="simulator/dall-e", prompt="white").data[0].b64_json
    assert base64.b64decode(image).startswith(b"\x89PNG")
    assert client.audio.speech.create(model="simulator/tts", input="x", voice="alloy").content.startswith(b"RIFF")
    heard = client.audio.transcriptions.create(model="simulator/whisper", file=("a.wav", b"RIFF"))
    assert heard.text.startswith("This is the simulator")
    assert client.completions.create(model="gpt-5-mini", prompt="hi").choices[0].text


def test_models(client):
    assert "gpt-5-mini" in [model.id for model in client.models.list()]
    assert client.models.retrieve("gpt-5-mini").owned_by == "simulator"
    of_codex = client.models.with_raw_response.list(extra_query={"client_version": "0.171.0"}).http_response.json()
    assert of_codex["models"] == []
    assert of_codex["data"]


@pytest.mark.parametrize(
    ("prompt", "error"),
    [
        ("[[status 400]]", openai.BadRequestError),
        ("[[status 404]]", openai.NotFoundError),
        ("[[status 422]]", openai.UnprocessableEntityError),
        ("[[status 429]]", openai.RateLimitError),
        ("[[status 503]]", openai.InternalServerError),
        ("[[reset]]", openai.InternalServerError),
    ],
)
def test_errors_become_the_sdk_s_exceptions(client, prompt, error):
    with pytest.raises(error) as caught:
        client.chat.completions.create(model="gpt-5-mini", messages=[{"role": "user", "content": prompt}])

    assert caught.value.body["message"]


def test_refusals_become_the_sdk_s_exceptions(gateway):
    with openai.OpenAI(base_url=f"{gateway.url}/v1", api_key="sk-wrong", max_retries=0) as wrong:
        with pytest.raises(openai.AuthenticationError) as caught:
            wrong.models.list()
    assert caught.value.type == "invalid_api_key"
    with openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=LIMITED[0], max_retries=0) as limited:
        with pytest.raises(openai.PermissionDeniedError) as denied:
            tool = {"type": "function", "function": {"name": "shell.exec"}}
            limited.chat.completions.create(model="gpt-5-mini", messages=HELLO, tools=[tool])
        assert denied.value.type == "tool_not_allowed"
        assert denied.value.param == "tools[0].function.name"
        with pytest.raises(openai.RateLimitError):
            limited.chat.completions.create(model="gpt-5-mini", messages=HELLO)


def test_a_stream_that_breaks_off_raises(client):
    stream = client.chat.completions.create(
        model="gpt-5-mini", messages=[{"role": "user", "content": "[[reset after 3]]"}], stream=True
    )

    with pytest.raises(openai.APIError, match="broke off"):
        list(stream)
