"""OpenAI's SDK with Responses, its default, on a provider of another shape.

The provider is a second gateway whose simulator answers in the provider's shape.
"""

import json

import anthropic
import openai
import pytest
from pydantic import BaseModel

from tests.contract.conftest import config
from tests.support.keys import SECRET
from tests.support.responses_events import added_up, events_in

TOOL = {
    "type": "function",
    "name": "get_weather",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    "strict": False,
}
SAID = "This is the simulator. You said: hello"


@pytest.fixture(scope="module")
def provider(module_gateway):
    models = ("claude-haiku-4-5", "gpt-5.6-sol")
    text = config("http://127.0.0.1:1").replace("claude: anthropic/", "claude: simulator/")
    aliases = "".join(f"  {model}: simulator/{model}\n" for model in models)
    return module_gateway(text.replace("  sim: simulator", f"{aliases}  sim: simulator"))


@pytest.fixture(scope="module")
def gateway(module_gateway, provider):
    more = f'base_url: "{provider.url}/v1", api_key: "${{env:UP_KEY}}", responses: false'
    aliases = "  chat: server/sim\n  thinker: openai/gpt-5.6-sol\n"
    text = config(provider.url).replace(
        "  simulator: {type", f"  server: {{type: custom, {more}}}\n  simulator: {{type"
    )
    return module_gateway(text.replace("  sim: simulator", f"{aliases}  sim: simulator"), env={"UP_KEY": SECRET})


@pytest.fixture(params=["claude", "chat"])
def model(request):
    return request.param


@pytest.fixture
def client(gateway):
    with openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=SECRET, max_retries=0) as client:
        yield client


def test_create(client, model):
    answer = client.responses.with_raw_response.create(model=model, input="hello", truncation="auto")

    response = answer.parse()
    assert (response.output_text, response.model, response.status) == (SAID, model, "completed")
    assert response.usage.total_tokens == response.usage.input_tokens + response.usage.output_tokens > 0
    assert answer.headers["x-langwatch-body"] == "translated"
    assert answer.headers["x-langwatch-params-dropped"] == "truncation"


def test_the_stream_helper(gateway, client, model):
    with client.responses.stream(model=model, input="hello") as stream:
        text = "".join(event.delta for event in stream if event.type == "response.output_text.delta")
        response = stream.get_final_response()

    assert text == response.output_text == SAID
    assert response.usage.output_tokens > 0

    def metered():
        told = [one["usage"] for one in gateway.records() if one["streaming"]]
        return any(usage and usage["output_tokens"] == response.usage.output_tokens for usage in told)

    assert gateway.wait(metered)


def test_events_follow_the_rules(gateway, model):
    body = {"model": model, "input": "[[tool get_weather]]", "tools": [TOOL], "stream": True}
    answer = gateway.post(body, "/v1/responses")

    assert added_up(events_in(answer.content))["output"][-1]["type"] == "function_call"


def test_tools_there_and_back(client, model):
    asked = [{"role": "user", "content": "[[tool get_weather]]"}]
    with client.responses.stream(model=model, input=asked, tools=[TOOL]) as stream:
        output = stream.get_final_response().output
    call = next(item for item in output if item.type == "function_call")
    assert (call.name, json.loads(call.arguments)) == ("get_weather", {"city": "example"})

    returned = {"type": "function_call_output", "call_id": call.call_id, "output": "sunny"}
    said = [item.model_dump(exclude_none=True) for item in output]
    final = client.responses.create(model=model, input=[*asked, *said, returned], tools=[TOOL])
    assert "sunny" in final.output_text


class Answer(BaseModel):
    """What the model is to answer with."""

    name: str


def test_structured_output_is_asked_for(client, model):
    response = client.responses.parse(model=model, input="hello", text_format=Answer)

    assert response.output_parsed is None or isinstance(response.output_parsed, Answer)


@pytest.mark.parametrize(
    ("prompt", "error"),
    [
        ("[[status 429]]", openai.RateLimitError),
        ("[[status 400]]", openai.BadRequestError),
        ("[[status 404]]", openai.NotFoundError),
        ("[[status 500]]", openai.InternalServerError),
    ],
)
def test_errors_become_the_sdk_s_exceptions(client, model, prompt, error):
    with pytest.raises(error) as caught:
        client.responses.create(model=model, input=prompt)

    assert caught.value.body["message"]


def test_what_only_openai_can_do_is_refused_by_name(client, model):
    with pytest.raises(openai.BadRequestError) as caught:
        client.responses.create(
            model=model, input=[{"role": "user", "content": "hello"}, {"type": "compaction_trigger"}]
        )

    assert caught.value.body["param"] == "input[1].type"


@pytest.mark.parametrize(
    ("model", "directive"), [("claude", "[[reset after 2]]"), ("claude", "[[truncate]]"), ("chat", "[[reset after 2]]")]
)
def test_a_stream_that_breaks_off_ends_in_the_api_s_own_event(gateway, model, directive):
    body = {"model": model, "input": f"{directive} [[words 20]]", "stream": True}
    events = events_in(gateway.post(body, "/v1/responses").content)

    assert events[-1]["type"] == "response.failed"
    assert events[-1]["response"]["id"] == events[0]["response"]["id"]
    assert events[-1]["response"]["error"]["code"] == "upstream_mid_stream_failure"
    assert [event["sequence_number"] for event in events] == list(range(len(events)))


CODEX = {
    "model": "claude",
    "input": [
        {"type": "message", "id": "msg_1", "role": "developer", "content": [{"type": "input_text", "text": "You are Codex."}]},
        {"type": "message", "id": "msg_2", "role": "developer", "content": [{"type": "input_text", "text": "Be careful."}]},
        {"type": "message", "id": "msg_3", "role": "user", "content": [{"type": "input_text", "text": "[[tool shell]]"}]},
    ],
    "tools": [
        {**TOOL, "name": "shell"},
        {"type": "namespace", "name": "multi_agent_v1", "description": "Agents.", "tools": [{**TOOL, "name": "spawn"}]},
        {"type": "custom", "name": "apply_patch", "format": {"type": "grammar", "syntax": "lark", "definition": "start: /a/"}},
        {"type": "web_search", "external_web_access": False},
    ],
    "tool_choice": "auto",
    "parallel_tool_calls": True,
    "reasoning": {"summary": "auto"},
    "store": False,
    "stream": True,
    "include": ["reasoning.encrypted_content"],
    "prompt_cache_key": "k",
    "client_metadata": {"originator": "codex"},
}  # fmt: skip
"""What Codex sends."""


def test_what_codex_sends_is_answered_and_goes_on(gateway, model):
    passthrough = {"internal_chat_message_metadata_passthrough": {"turn": 1}}
    first = gateway.post({**CODEX, "model": model}, "/v1/responses")
    output = added_up(events_in(first.content))["output"]
    assert first.headers["x-langwatch-params-dropped"] == "tools[type=web_search]"
    call = output[-1]
    assert (call["type"], call["name"]) == ("function_call", "shell")

    returned = {"type": "function_call_output", "call_id": call["call_id"], "output": "file.txt", **passthrough}
    again = [*CODEX["input"], *({**item, **passthrough} for item in output), returned]
    second = gateway.post({**CODEX, "model": model, "input": again}, "/v1/responses")
    assert "file.txt" in json.dumps(added_up(events_in(second.content))["output"])


def test_claude_clients_reach_models_that_reason_beside_tools_by_responses(gateway):
    tool = {"name": "get_weather", "input_schema": TOOL["parameters"]}
    with anthropic.Anthropic(base_url=gateway.url, api_key=SECRET, max_retries=0) as client:
        asked = [{"role": "user", "content": "[[tool get_weather]]"}]
        with client.messages.stream(model="thinker", max_tokens=100, messages=asked, tools=[tool]) as stream:
            message = stream.get_final_message()
        call = message.content[-1]
        assert (message.stop_reason, call.name, call.input) == ("tool_use", "get_weather", {"city": "example"})

        said = [block.model_dump(exclude_none=True) for block in message.content]
        returned = {"type": "tool_result", "tool_use_id": call.id, "content": "sunny"}
        asked += [{"role": "assistant", "content": said}, {"role": "user", "content": [returned]}]
        final = client.messages.create(model="thinker", max_tokens=100, messages=asked, tools=[tool])
    assert "sunny" in final.content[-1].text
    assert final.usage.output_tokens > 0
