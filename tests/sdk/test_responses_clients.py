"""OpenAI's SDK with Responses, its default, on a provider of another shape.

The provider is a second gateway whose simulator answers in the provider's shape.
"""

import json

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
    text = config("http://127.0.0.1:1").replace("claude: anthropic/", "claude: simulator/")
    return module_gateway(
        text.replace("  sim: simulator", "  claude-haiku-4-5: simulator/claude-haiku-4-5\n  sim: simulator")
    )


@pytest.fixture(scope="module")
def gateway(module_gateway, provider):
    server = (
        f"{{type: custom, base_url: '{provider.url}/v1', api_key: '${{env:UP_KEY}}', endpoints: [chat_completions]}}"
    )
    text = config(provider.url).replace("model_aliases:", f"  server: {server}\nmodel_aliases:\n  llama: server/sim")
    return module_gateway(text, env={"UP_KEY": SECRET})


@pytest.fixture(params=["claude", "llama"])
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


def test_what_openai_holds_is_refused_by_name(client, model):
    with pytest.raises(openai.NotFoundError, match="a provider of another API made it"):
        client.responses.create(model=model, input="hello", previous_response_id="resp_1")


@pytest.mark.parametrize(
    ("model", "directive"),
    [("claude", "[[reset after 2]]"), ("claude", "[[truncate]]"), ("llama", "[[reset after 2]]")],
)
def test_a_stream_that_breaks_off_ends_in_the_api_s_own_event(gateway, model, directive):
    body = {"model": model, "input": f"{directive} [[words 20]]", "stream": True}
    events = events_in(gateway.post(body, "/v1/responses").content)

    assert events[-1]["type"] == "response.failed"
    assert events[-1]["response"]["id"] == events[0]["response"]["id"]
    assert events[-1]["response"]["error"]["code"] == "upstream_mid_stream_failure"
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
