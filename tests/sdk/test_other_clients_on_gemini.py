"""SDKs of Anthropic and OpenAI (Responses) on Gemini: the gateway asks it in its own API.

The provider is a second gateway whose simulator answers as Gemini does, or a scripted upstream.
"""

import json

import anthropic
import openai
import pytest

from tests.contract.conftest import config
from tests.support.keys import HASH, SECRET
from tests.support.upstream import response, stream

SAID = "This is the simulator. You said: hello"
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
CLAUDES_TOOL = {"name": "get_weather", "description": "Of a city.", "input_schema": SCHEMA}
OPENAIS_TOOL = {"type": "function", "name": "get_weather", "parameters": SCHEMA, "strict": False}
CONFIG = """
version: 1
providers:
  gemini: {{type: gemini, api_key: "${{env:UP_KEY}}", base_url: "{gemini}"}}
  scripted: {{type: gemini, api_key: k, base_url: "{scripted}"}}
virtual_keys:
  dev: {{environment: test, secret_hash: "{hash}"}}
"""
MODEL = "gemini/gemini-3-flash-preview"
SCRIPTED = "scripted/gemini-3-flash-preview"
SIGNATURE = "c2lnbmVk"
USAGE = {"promptTokenCount": 9, "candidatesTokenCount": 4, "thoughtsTokenCount": 2, "totalTokenCount": 15}


@pytest.fixture(scope="module")
def provider(module_gateway):
    names = "  gemini-3-flash-preview: simulator/gemini-3-flash-preview\n"
    text = config("http://127.0.0.1:1")
    return module_gateway(text.replace("  sim: simulator", f"{names}  sim: simulator"))


@pytest.fixture(scope="module")
def gateway(module_gateway, provider, upstream):
    text = CONFIG.format(gemini=provider.url, scripted=upstream.url, hash=HASH)
    return module_gateway(text, env={"UP_KEY": SECRET})


@pytest.fixture
def claude(gateway):
    with anthropic.Anthropic(base_url=gateway.url, api_key=SECRET, max_retries=0) as client:
        yield client


@pytest.fixture
def gpt(gateway):
    with openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=SECRET, max_retries=0) as client:
        yield client


def test_messages(claude):
    hello = [{"role": "user", "content": "hello"}]
    answer = claude.messages.create(model=MODEL, max_tokens=400, messages=hello, system="Be brief.")
    with claude.messages.stream(model=MODEL, max_tokens=400, messages=hello) as streamed:
        final = streamed.get_final_message()

    for message in (answer, final):
        assert [block.text for block in message.content] == [SAID]
        assert (message.stop_reason, message.model) == ("end_turn", MODEL)
        assert message.usage.input_tokens > 0 < message.usage.output_tokens


def test_responses(gpt):
    answer = gpt.responses.create(model=MODEL, input="hello", instructions="Be brief.")
    with gpt.responses.stream(model=MODEL, input="hello") as streamed:
        final = streamed.until_done().get_final_response()

    for one in (answer, final):
        assert (one.output_text, one.status, one.model) == (SAID, "completed", MODEL)
        assert one.usage.input_tokens > 0 < one.usage.output_tokens


@pytest.mark.parametrize("streams", [False, True])
def test_tools_of_messages_there_and_back(claude, streams):
    messages = [{"role": "user", "content": "[[tool get_weather]]"}]
    asked = {"model": MODEL, "max_tokens": 400, "tools": [CLAUDES_TOOL]}

    def send():
        if not streams:
            return claude.messages.create(**asked, messages=messages)
        with claude.messages.stream(**asked, messages=messages) as streamed:
            return streamed.get_final_message()

    answer = send()
    (call,) = [block for block in answer.content if block.type == "tool_use"]
    assert (call.name, call.input, answer.stop_reason) == ("get_weather", {"city": "example"}, "tool_use")
    result = {"type": "tool_result", "tool_use_id": call.id, "content": "sunny"}
    messages += [{"role": "assistant", "content": answer.content}, {"role": "user", "content": [result]}]
    assert "sunny" in send().content[0].text


@pytest.mark.parametrize("streams", [False, True])
def test_tools_of_responses_there_and_back(gpt, streams):
    items = [{"role": "user", "content": "[[tool get_weather]]"}]

    def send():
        if not streams:
            return gpt.responses.create(model=MODEL, input=items, tools=[OPENAIS_TOOL])
        with gpt.responses.stream(model=MODEL, input=items, tools=[OPENAIS_TOOL]) as streamed:
            return streamed.until_done().get_final_response()

    answer = send()
    (call,) = [item for item in answer.output if item.type == "function_call"]
    assert (call.name, json.loads(call.arguments)) == ("get_weather", {"city": "example"})
    items += [*answer.to_dict()["output"], {"type": "function_call_output", "call_id": call.call_id, "output": "sunny"}]
    assert "sunny" in send().output_text


def test_errors(claude, gpt):
    with pytest.raises(anthropic.RateLimitError):
        claude.messages.create(model=MODEL, max_tokens=9, messages=[{"role": "user", "content": "[[status 429]]"}])
    with pytest.raises(openai.RateLimitError):
        gpt.responses.create(model=MODEL, input="[[status 429]]")


def test_a_stream_that_breaks_is_an_error(claude):
    hello = [{"role": "user", "content": "[[reset after 3]]"}]
    with (
        pytest.raises(anthropic.APIStatusError),
        claude.messages.stream(model=MODEL, max_tokens=400, messages=hello) as streamed,
    ):
        streamed.get_final_message()


def answer(parts, finish="STOP"):
    candidate = {"content": {"role": "model", "parts": parts}, "finishReason": finish, "index": 0}
    return {"candidates": [candidate], "usageMetadata": USAGE, "modelVersion": "gemini-3-flash-preview"}


PARTS = [
    {"text": "hm", "thought": True},
    {"functionCall": {"name": "get_weather", "args": {"city": "Rome"}}, "thoughtSignature": SIGNATURE},
    {"functionCall": {"name": "get_weather", "args": {"city": "Oslo"}}},
]


@pytest.mark.parametrize("streams", [False, True])
def test_thoughts_and_signatures_come_back(claude, gateway, upstream, streams):
    def play(_):
        if not streams:
            return response(json.dumps(answer(PARTS)).encode())
        chunks = [{"candidates": [{"content": {"role": "model", "parts": [part]}, "index": 0}]} for part in PARTS]
        return stream([b"data: " + json.dumps(one).encode() + b"\r\n\r\n" for one in [*chunks, answer([])]])

    upstream.play = play
    messages = [{"role": "user", "content": "Weather in Rome and Oslo?"}]
    asked = {"model": SCRIPTED, "max_tokens": 9000, "tools": [CLAUDES_TOOL]}
    thinking = {"type": "enabled", "budget_tokens": 8000}

    def send():
        if not streams:
            raw = claude.messages.with_raw_response.create(**asked, messages=messages, thinking=thinking)
            return raw.parse(), raw.http_response
        with claude.messages.stream(**asked, messages=messages, thinking=thinking) as streamed:
            return streamed.get_final_message(), streamed.response

    said, got = send()
    calls = [block for block in said.content if block.type == "tool_use"]
    results = [{"type": "tool_result", "tool_use_id": call.id, "content": call.input["city"]} for call in calls]
    messages += [{"role": "assistant", "content": said.content}, {"role": "user", "content": results}]
    send()

    method = "streamGenerateContent?alt=sse" if streams else "generateContent"
    recorded = upstream.requests[-1]
    assert recorded.request_line == f"POST /v1beta/models/gemini-3-flash-preview:{method} HTTP/1.1"
    assert recorded.headers["x-goog-api-key"] == "k"
    body = json.loads(recorded.body)
    assert body["generationConfig"]["thinkingConfig"] == {"thinkingLevel": "low", "includeThoughts": True}
    assert [part.get("thoughtSignature") for part in body["contents"][1]["parts"]] == [SIGNATURE, None]
    returned = [part["functionResponse"] for part in body["contents"][2]["parts"]]
    assert [(one["id"], one["response"]["output"]) for one in returned] == [
        (calls[0].id, "Rome"),
        (calls[1].id, "Oslo"),
    ]
    assert (said.stop_reason, said.usage.input_tokens, said.usage.output_tokens) == ("tool_use", 9, 6)
    assert [block.thinking for block in said.content if block.type == "thinking"] == ["hm"]
    booked = gateway.record_of(got)
    assert (booked["usage"]["input_tokens"], booked["usage"]["output_tokens"]) == (9, 6)
    assert (booked["provider"], booked["model"]) == ("scripted", "gemini-3-flash-preview")
