"""Anthropic's SDK reads the simulator's own bytes."""

import asyncio

import anthropic
import pytest
from pydantic import BaseModel

from tests.support.simulator import anthropic_sdk

MODEL = "claude-sonnet-4-6"
HELLO = [{"role": "user", "content": "Hello there"}]
SAID = "This is the simulator. You said: Hello there"
WEATHER = {
    "name": "get_weather",
    "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}


class Street(BaseModel):
    name: str
    number: int


def run(call, **section):
    async def main():
        async with anthropic_sdk(**section) as client:
            return await call(client)

    return asyncio.run(main())


def create(messages=HELLO, max_tokens=100, **options):
    return run(lambda client: client.messages.create(model=MODEL, messages=messages, max_tokens=max_tokens, **options))


def streamed(messages=HELLO, max_tokens=100, **options):
    async def call(client):
        async with client.messages.stream(model=MODEL, messages=messages, max_tokens=max_tokens, **options) as stream:
            return await stream.get_final_message()

    return run(call)


@pytest.mark.parametrize("ask", [create, streamed])
def test_messages(ask):
    message = ask()

    assert message.content[0].text == SAID
    assert (message.model, message.stop_reason, message.stop_sequence) == (MODEL, "end_turn", None)
    assert message.usage.output_tokens == len(SAID.split())
    assert message.usage.input_tokens > 0


def test_the_stream_has_its_events_in_order():
    async def call(client):
        stream = await client.messages.create(model=MODEL, messages=HELLO, max_tokens=9, stream=True)
        return [event.type async for event in stream]

    assert list(dict.fromkeys(run(call))) == [
        "message_start",
        "content_block_start",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]


@pytest.mark.parametrize("ask", [create, streamed])
@pytest.mark.parametrize(
    ("content", "options"),
    [
        ("Please use get_weather for me", {}),
        ("[[tool get_weather]]", {}),
        ("Hello", {"tool_choice": {"type": "any"}}),
        ("Hello", {"tool_choice": {"type": "tool", "name": "get_weather"}}),
    ],
)
def test_a_wanted_tool_is_called(ask, content, options):
    message = ask([{"role": "user", "content": content}], tools=[WEATHER], **options)

    assert message.stop_reason == "tool_use"
    assert [(block.name, block.input) for block in message.content] == [("get_weather", {"city": "example"})]


def test_a_forbidden_tool_is_not_called():
    message = create([{"role": "user", "content": "get_weather"}], tools=[WEATHER], tool_choice={"type": "none"})

    assert message.stop_reason == "end_turn"


def test_a_tools_result_is_answered_in_text():
    result = {"type": "tool_result", "tool_use_id": "t", "content": [{"type": "text", "text": "17 degrees"}]}
    messages = [
        {"role": "user", "content": "get_weather"},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "t", "name": "get_weather", "input": {}}]},
        {"role": "user", "content": [result]},
    ]

    assert create(messages, tools=[WEATHER]).content[0].text == "The tool answered: 17 degrees"


@pytest.mark.parametrize("ask", [create, streamed])
@pytest.mark.parametrize(
    ("options", "text", "reason", "sequence"),
    [
        ({"max_tokens": 3}, "This is the", "max_tokens", None),
        ({"stop_sequences": ["simul"]}, "This is the ", "stop_sequence", "simul"),
    ],
)
def test_the_ends_of_a_text(ask, options, text, reason, sequence):
    message = ask(**options)

    assert message.content[0].text == text
    assert (message.stop_reason, message.stop_sequence) == (reason, sequence)


def test_a_structured_answer_parses():
    answer = run(
        lambda client: client.messages.parse(model=MODEL, messages=HELLO, max_tokens=100, output_format=Street)
    )

    assert answer.parsed_output == Street(name="example", number=1)


def test_marked_blocks_are_read_from_a_cache():
    system = [{"type": "text", "text": "Be kind.", "cache_control": {"type": "ephemeral"}}]

    assert create(system=system).usage.cache_read_input_tokens > 0
    assert create(system="Be kind.").usage.cache_read_input_tokens == 0


def test_count_tokens_grows_with_the_text():
    def count(text):
        messages = [{"role": "user", "content": text}]
        return run(lambda client: client.messages.count_tokens(model=MODEL, messages=messages)).input_tokens

    assert count("a" * 400) - count("") == 100


@pytest.mark.parametrize(
    ("status", "error", "kind"),
    [
        (400, anthropic.BadRequestError, "invalid_request_error"),
        (401, anthropic.AuthenticationError, "authentication_error"),
        (404, anthropic.NotFoundError, "not_found_error"),
        (429, anthropic.RateLimitError, "rate_limit_error"),
        (500, anthropic.InternalServerError, "api_error"),
        (529, anthropic.InternalServerError, "overloaded_error"),
    ],
)
def test_asked_for_errors_become_the_sdks_exceptions(status, error, kind):
    with pytest.raises(error) as raised:
        create([{"role": "user", "content": f"[[status {status}]]"}])

    assert raised.value.body["error"]["type"] == kind
    assert raised.value.status_code == status
