"""Anthropic's own SDK, pointed at the gateway, unchanged."""

import asyncio

import anthropic
import pytest

from tests.contract.conftest import config
from tests.support.keys import SECRET

HELLO = [{"role": "user", "content": "hello"}]
TOOL = {
    "name": "get_weather",
    "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}


@pytest.fixture(scope="module")
def gateway(module_gateway):
    return module_gateway(config("http://127.0.0.1:1").replace("claude: anthropic/", "claude: simulator/"))


@pytest.fixture
def client(gateway):
    with anthropic.Anthropic(base_url=gateway.url, api_key=SECRET, max_retries=0) as client:
        yield client


def test_messages(client):
    message = client.messages.create(model="claude", max_tokens=100, messages=HELLO)

    assert message.content[0].text == "This is the simulator. You said: hello"
    assert message.usage.output_tokens > 0


def test_the_stream_helper(client):
    with client.messages.stream(model="claude", max_tokens=100, messages=HELLO) as stream:
        text = "".join(stream.text_stream)
        message = stream.get_final_message()

    assert text == message.content[0].text == "This is the simulator. You said: hello"
    assert message.stop_reason == "end_turn"


def test_tools_there_and_back(client):
    messages = [{"role": "user", "content": "[[tool get_weather]]"}]
    with client.messages.stream(model="claude", max_tokens=100, messages=messages, tools=[TOOL]) as stream:
        called = stream.get_final_message()
    call = called.content[0]
    assert (call.type, call.name, call.input) == ("tool_use", "get_weather", {"city": "example"})

    messages += [
        {"role": "assistant", "content": [call.model_dump(exclude_none=True)]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": call.id, "content": "sunny"}]},
    ]
    final = client.messages.create(model="claude", max_tokens=100, messages=messages, tools=[TOOL])
    assert "sunny" in final.content[0].text


def test_a_bearer_token_works_as_for_claude_code(gateway):
    with anthropic.Anthropic(base_url=gateway.url, auth_token=SECRET, api_key=None, max_retries=0) as client:
        assert client.messages.create(model="claude", max_tokens=5, messages=HELLO).stop_reason == "max_tokens"


def test_count_tokens_and_models(client):
    assert client.messages.count_tokens(model="claude", messages=HELLO).input_tokens > 0
    assert "claude" in [model.id for model in client.models.list()]
    assert client.models.retrieve("claude").id == "claude"


def test_async(gateway):
    async def ask() -> str:
        async with anthropic.AsyncAnthropic(base_url=gateway.url, api_key=SECRET) as client:
            return (await client.messages.create(model="claude", max_tokens=100, messages=HELLO)).content[0].text

    assert asyncio.run(ask()) == "This is the simulator. You said: hello"


@pytest.mark.parametrize(
    ("prompt", "error"),
    [
        ("[[status 400]]", anthropic.BadRequestError),
        ("[[status 404]]", anthropic.NotFoundError),
        ("[[status 429]]", anthropic.RateLimitError),
        ("[[status 529]]", anthropic.InternalServerError),
    ],
)
def test_errors_become_the_sdk_s_exceptions(client, prompt, error):
    with pytest.raises(error):
        client.messages.create(model="claude", max_tokens=5, messages=[{"role": "user", "content": prompt}])


def test_an_unknown_key_is_an_authentication_error(gateway):
    with anthropic.Anthropic(base_url=gateway.url, api_key="sk-ant-wrong", max_retries=0) as client:
        with pytest.raises(anthropic.AuthenticationError) as caught:
            client.messages.create(model="claude", max_tokens=5, messages=HELLO)
    assert caught.value.body["error"]["type"] == "invalid_api_key"


def test_a_stream_that_breaks_off_raises(client):
    messages = [{"role": "user", "content": "[[reset after 5]]"}]
    with (
        pytest.raises(anthropic.APIStatusError, match="broke off"),
        client.messages.stream(model="claude", max_tokens=100, messages=messages) as stream,
    ):
        stream.get_final_message()
