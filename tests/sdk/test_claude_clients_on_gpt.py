"""Anthropic's SDK on a provider of OpenAI's shape: the gateway translates, the client notices nothing.

The provider is a second gateway whose simulator answers in OpenAI's shape.
"""

import anthropic
import pytest

from tests.contract.conftest import config
from tests.support.keys import SECRET

HELLO = [{"role": "user", "content": "hello"}]
TOOL = {
    "name": "get_weather",
    "description": "The weather of a city.",
    "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}


@pytest.fixture(scope="module")
def provider(module_gateway):
    return module_gateway(config("http://127.0.0.1:1").replace("gpt-5-mini: openai/", "gpt-5-mini: simulator/"))


@pytest.fixture(scope="module")
def gateway(module_gateway, provider):
    chain = "fallback: {chain: [anthropic, openai], timeout_ms: 20000}\n"
    aliases = '  claude-down: anthropic/claude-haiku-4-5\n  "claude-down:fallback": openai/gpt-5-mini\n'
    text = config(provider.url, chain).replace("  sim: simulator", aliases + "  sim: simulator")
    return module_gateway(
        text.replace(f'base_url: "{provider.url}"}}', 'base_url: "http://127.0.0.1:1"}'), env={"UP_KEY": SECRET}
    )


@pytest.fixture
def client(gateway):
    with anthropic.Anthropic(base_url=gateway.url, api_key=SECRET, max_retries=0) as client:
        yield client


def test_messages(client):
    answer = client.messages.with_raw_response.create(
        model="gpt-5-mini", max_tokens=100, system="be kind", messages=HELLO, extra_body={"top_k": 5}
    )

    message = answer.parse()
    assert message.content[0].text == "This is the simulator. You said: hello"
    assert (message.model, message.stop_reason, message.role) == ("gpt-5-mini", "end_turn", "assistant")
    assert message.usage.input_tokens > 0
    assert answer.headers["x-langwatch-body"] == "translated"
    assert answer.headers["x-langwatch-params-dropped"] == "top_k"


def test_the_stream_helper(gateway, client):
    with client.messages.stream(model="gpt-5-mini", max_tokens=100, messages=HELLO) as stream:
        text = "".join(stream.text_stream)
        message = stream.get_final_message()

    assert text == message.content[0].text == "This is the simulator. You said: hello"
    assert message.usage.output_tokens > 0

    def metered():
        told = [one for one in gateway.records() if (one["streaming"], one["body"]) == (True, "translated")]
        return any(one["usage"] and one["usage"]["output_tokens"] == message.usage.output_tokens for one in told)

    assert gateway.wait(metered)


def test_answers_end_at_a_text_that_the_model_cannot_stop_at(client):
    asked = {"model": "gpt-5-mini", "max_tokens": 100, "messages": HELLO, "stop_sequences": ["simul", "You"]}
    whole = client.messages.with_raw_response.create(**asked)
    with client.messages.stream(**asked) as stream:
        pieces = list(stream.text_stream)
        streamed = stream.get_final_message()

    assert "x-langwatch-params-dropped" not in whole.headers
    for message in (whole.parse(), streamed):
        assert (message.content[0].text, message.stop_reason, message.stop_sequence) == (
            "This is the ",
            "stop_sequence",
            "simul",
        )
        assert message.usage.output_tokens > len(pieces)  # what was written beyond is billed


def test_tools_there_and_back(client):
    messages = [{"role": "user", "content": "[[tool get_weather]]"}]
    with client.messages.stream(model="gpt-5-mini", max_tokens=100, messages=messages, tools=[TOOL]) as stream:
        called = stream.get_final_message()
    call = called.content[-1]
    assert (call.type, call.name, call.input) == ("tool_use", "get_weather", {"city": "example"})
    assert called.stop_reason == "tool_use"

    messages += [
        {"role": "assistant", "content": [block.model_dump(exclude_none=True) for block in called.content]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": call.id, "content": "sunny"}]},
    ]
    final = client.messages.create(model="gpt-5-mini", max_tokens=100, messages=messages, tools=[TOOL])
    assert "sunny" in final.content[0].text


def test_a_claude_that_is_down_is_answered_by_gpt(client):
    answer = client.messages.with_raw_response.create(model="claude-down", max_tokens=100, messages=HELLO)

    assert answer.parse().content[0].text == "This is the simulator. You said: hello"
    assert answer.parse().model == "claude-down"
    assert answer.headers["x-langwatch-provider"] == "openai"
    assert answer.headers["x-langwatch-fallback-count"] == "1"

    with client.messages.stream(model="claude-down", max_tokens=100, messages=HELLO) as stream:
        assert stream.get_final_message().content[0].text == "This is the simulator. You said: hello"


@pytest.mark.parametrize(
    ("prompt", "error", "type_"),
    [
        ("[[status 429]]", anthropic.RateLimitError, "rate_limit_error"),
        ("[[status 400]]", anthropic.BadRequestError, "invalid_request_error"),
        ("[[status 404]]", anthropic.NotFoundError, "not_found_error"),
    ],
)
def test_errors_keep_status_and_become_anthropics(client, prompt, error, type_):
    with pytest.raises(error) as caught:
        client.messages.create(model="gpt-5-mini", max_tokens=9, messages=[{"role": "user", "content": prompt}])

    assert caught.value.body["error"]["type"] == type_


def test_a_stream_that_breaks_off_raises(client):
    messages = [{"role": "user", "content": "[[reset after 2]] [[words 20]]"}]

    with (
        pytest.raises(anthropic.APIError),
        client.messages.stream(model="gpt-5-mini", max_tokens=100, messages=messages) as stream,
    ):
        stream.get_final_message()


def test_what_has_no_counterpart_is_refused_by_name(client):
    tools = [{"type": "web_search_20250305", "name": "web_search"}]

    with pytest.raises(anthropic.BadRequestError) as caught:
        client.messages.create(model="gpt-5-mini", max_tokens=9, messages=HELLO, tools=tools)

    assert caught.value.body["error"]["type"] == "unsupported_parameter"
    assert "anthropic -> openai" in caught.value.body["error"]["message"]
    assert caught.value.body["error"]["param"].startswith("tools[0]")
