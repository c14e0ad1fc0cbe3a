"""OpenAI's SDK on a provider of Anthropic's shape: the gateway translates, the client notices nothing.

The provider is a second gateway whose simulator answers in Anthropic's shape.
"""

import openai
import pytest
from pydantic import BaseModel

from tests.contract.conftest import config
from tests.support.keys import SECRET

HELLO = [{"role": "user", "content": "hello"}]
TOOL = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
SAID = "This is the simulator. You said: hello"


@pytest.fixture(scope="module")
def provider(module_gateway):
    text = config("http://127.0.0.1:1").replace("claude: anthropic/", "claude: simulator/")
    return module_gateway(
        text.replace("  sim: simulator", "  claude-haiku-4-5: simulator/claude-haiku-4-5\n  sim: simulator")
    )


@pytest.fixture(scope="module")
def gateway(module_gateway, provider):
    chain = "fallback: {chain: [openai, anthropic], timeout_ms: 20000}\n"
    aliases = '  gpt-down: openai/gpt-5\n  "gpt-down:fallback": anthropic/claude-haiku-4-5\n'
    text = config(provider.url, chain).replace("  sim: simulator", aliases + "  sim: simulator")
    return module_gateway(
        text.replace(f'base_url: "{provider.url}/v1"', 'base_url: "http://127.0.0.1:1"'), env={"UP_KEY": SECRET}
    )


@pytest.fixture
def client(gateway):
    with openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=SECRET, max_retries=0) as client:
        yield client


def test_chat(client):
    answer = client.chat.completions.with_raw_response.create(model="claude", messages=HELLO, seed=1, temperature=0.3)

    completion = answer.parse()
    assert (completion.choices[0].message.content, completion.model) == (SAID, "claude")
    assert completion.usage.total_tokens == completion.usage.prompt_tokens + completion.usage.completion_tokens > 0
    assert answer.headers["x-langwatch-body"] == "translated"
    assert answer.headers["x-langwatch-params-dropped"] == "seed"


def test_the_stream_helper(gateway, client):
    with client.chat.completions.stream(
        model="claude", messages=HELLO, stream_options={"include_usage": True}
    ) as stream:
        completion = stream.get_final_completion()

    assert completion.choices[0].message.content == SAID
    assert completion.usage.completion_tokens > 0

    def metered():
        told = [one["usage"] for one in gateway.records() if one["streaming"]]
        return any(usage and usage["output_tokens"] == completion.usage.completion_tokens for usage in told)

    assert gateway.wait(metered)


def test_a_plain_stream_has_no_usage_chunk(client):
    chunks = list(client.chat.completions.create(model="claude", messages=HELLO, stream=True))

    assert all(chunk.choices and chunk.usage is None for chunk in chunks)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == SAID


def test_tools_there_and_back(client):
    messages = [{"role": "user", "content": "[[tool get_weather]]"}]
    with client.chat.completions.stream(model="claude", messages=messages, tools=[TOOL]) as stream:
        message = stream.get_final_completion().choices[0].message
    call = message.tool_calls[0]
    assert (call.function.name, call.function.arguments.replace(" ", "")) == ("get_weather", '{"city":"example"}')

    messages += [
        {"role": "assistant", "content": message.content, "tool_calls": [
            {"id": call.id, "type": "function",
             "function": {"name": call.function.name, "arguments": call.function.arguments}}]},
        {"role": "tool", "tool_call_id": call.id, "content": "sunny"},
    ]  # fmt: skip
    final = client.chat.completions.create(model="claude", messages=messages, tools=[TOOL])
    assert "sunny" in final.choices[0].message.content


def test_a_gpt_that_is_down_is_answered_by_claude(client):
    answer = client.chat.completions.with_raw_response.create(model="gpt-down", messages=HELLO)

    assert answer.parse().choices[0].message.content == SAID
    assert answer.parse().model == "gpt-down"
    assert answer.headers["x-langwatch-provider"] == "anthropic"
    assert answer.headers["x-langwatch-fallback-count"] == "1"

    chunks = list(client.chat.completions.create(model="gpt-down", messages=HELLO, stream=True))
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == SAID


class Answer(BaseModel):
    """What the model is to answer with."""

    name: str


def test_structured_output_is_asked_for_in_claudes_words(client):
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(
            model="claude",
            messages=HELLO,
            response_format={"type": "json_object"},
            extra_body={"drop_tuning_params": False},
        )
    assert caught.value.body["param"] == "response_format"

    completion = client.chat.completions.parse(model="claude", messages=HELLO, response_format=Answer)
    assert completion.choices[0].message.parsed is None or isinstance(completion.choices[0].message.parsed, Answer)


@pytest.mark.parametrize(
    ("prompt", "error"),
    [
        ("[[status 429]]", openai.RateLimitError),
        ("[[status 400]]", openai.BadRequestError),
        ("[[status 404]]", openai.NotFoundError),
        ("[[status 500]]", openai.InternalServerError),
    ],
)
def test_errors_become_the_sdk_s_exceptions(client, prompt, error):
    with pytest.raises(error) as caught:
        client.chat.completions.create(model="claude", messages=[{"role": "user", "content": prompt}])

    assert caught.value.body["message"]


@pytest.mark.parametrize("directive", ["[[reset after 2]]", "[[truncate]]"])
def test_a_stream_that_breaks_off_raises(client, directive):
    messages = [{"role": "user", "content": f"{directive} [[words 20]]"}]

    with pytest.raises(openai.APIError):
        list(client.chat.completions.create(model="claude", messages=messages, stream=True))
