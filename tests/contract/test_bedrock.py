"""Amazon Bedrock: Claude in Anthropic's own body, other families by Converse, AWS's framing turned into events."""

import base64
import json

import anthropic
import httpx
import openai
import pytest

from tests.support import aws_frames
from tests.support.keys import HASH, SECRET
from tests.support.upstream import CUT, HANG, response, stream

CONFIG = """
version: 1
providers:
  keyed: {{type: bedrock, region: eu-central-1, api_key: "${{env:UP_KEY:-bedrock-key}}", base_url: "{url}"}}
  signed: {{type: bedrock, region: eu-central-1, base_url: "{url}"}}
model_aliases:
  claude: keyed/eu.anthropic.claude-haiku-4-5-20251001-v1:0
  signed: signed/eu.anthropic.claude-haiku-4-5-20251001-v1:0
  nova: keyed/eu.amazon.nova-lite-v1:0
virtual_keys:
  dev: {{environment: test, secret_hash: "{hash}"}}
"""
AWS = {
    "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI",
    "AWS_EC2_METADATA_DISABLED": "true",
}
EVENTS = [
    {"type": "message_start", "message": {"id": "m", "type": "message", "role": "assistant", "model": "c",
     "content": [], "stop_reason": None, "stop_sequence": None, "usage": {"input_tokens": 4, "output_tokens": 1}}},
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "hello"}},
    {"type": "content_block_stop", "index": 0},
    {"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": None},
     "usage": {"output_tokens": 2}},
    {"type": "message_stop"},
]  # fmt: skip
MESSAGE = {**EVENTS[0]["message"], "content": [{"type": "text", "text": "hello"}], "stop_reason": "end_turn"}
CONVERSED = {
    "output": {"message": {"role": "assistant", "content": [{"text": "hello"}]}},
    "stopReason": "end_turn",
    "usage": {"inputTokens": 9, "outputTokens": 3, "totalTokens": 12},
    "metrics": {"latencyMs": 1},
}
CONVERSE_STREAM = [
    ("messageStart", {"role": "assistant"}),
    ("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": "hel"}}),
    ("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": "lo"}}),
    ("contentBlockStop", {"contentBlockIndex": 0}),
    ("messageStop", {"stopReason": "end_turn"}),
    ("metadata", {"usage": {"inputTokens": 9, "outputTokens": 3, "totalTokens": 12}, "metrics": {"latencyMs": 1}}),
]


@pytest.fixture(scope="module")
def gateway(module_gateway, upstream):
    return module_gateway(CONFIG.format(url=upstream.url, hash=HASH), env=AWS)


def chunk(event):
    return aws_frames.event("chunk", {"bytes": base64.b64encode(json.dumps(event).encode()).decode()})


def frames(pieces, **more):
    return stream(pieces, content_type="application/vnd.amazon.eventstream", **more)


def claude(gateway):
    return anthropic.Anthropic(api_key=SECRET, base_url=gateway.url, max_retries=0)


def chat(gateway):
    return openai.OpenAI(api_key=SECRET, base_url=f"{gateway.url}/v1", max_retries=0)


QUESTION = [{"role": "user", "content": "hi"}]


def test_claude_gets_anthropics_own_body(gateway, upstream):
    upstream.play = lambda _: response(json.dumps(MESSAGE).encode())
    body = b'{ "max_tokens": 9,"model":"claude", "messages":[{"role":"user","content":"\\u00e9"}] }'

    answer = httpx.post(
        f"{gateway.url}/v1/messages",
        content=body,
        headers={
            "x-api-key": SECRET,
            "anthropic-version": "2023-06-01",
            "anthropic-beta": "effort-2025-11-24,a-1,context-1m-2025-08-07",
        },
    )

    sent = upstream.requests[0]
    assert sent.request_line == "POST /model/eu.anthropic.claude-haiku-4-5-20251001-v1%3A0/invoke HTTP/1.1"
    assert json.loads(sent.body) == {
        "anthropic_version": "bedrock-2023-05-31",
        "anthropic_beta": ["effort-2025-11-24", "context-1m-2025-08-07"],
        "max_tokens": 9,
        "messages": [{"role": "user", "content": "é"}],
    }
    assert b'"messages":[{"role":"user","content":"\\u00e9"}] }' in sent.body
    assert sent.headers["authorization"] == "Bearer bedrock-key"
    assert "anthropic-version" not in sent.headers
    assert answer.json()["content"][0]["text"] == "hello"


def test_claude_streams_through_the_sdk_and_is_metered(gateway, upstream):
    whole = b"".join(map(chunk, EVENTS))
    upstream.play = lambda _: frames([whole[:100], whole[100:101], whole[101:]])

    with claude(gateway).messages.stream(model="claude", max_tokens=9, messages=QUESTION) as streamed:
        message = streamed.get_final_message()

    assert message.content[0].text == "hello"
    assert "/invoke-with-response-stream " in upstream.requests[0].request_line
    assert b"stream" not in upstream.requests[0].body

    def metered():
        streams = [one["usage"] for one in gateway.records() if one["streaming"] and one["endpoint"] == "messages"]
        return any(usage and (usage["input_tokens"], usage["output_tokens"]) == (4, 2) for usage in streams)

    assert gateway.wait(metered)


def test_a_request_without_an_api_key_is_signed(gateway, upstream):
    upstream.play = lambda _: response(json.dumps(MESSAGE).encode())

    claude(gateway).messages.create(model="signed", max_tokens=9, messages=QUESTION)

    headers = upstream.requests[0].headers
    assert headers["authorization"].startswith("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/")
    assert "/eu-central-1/bedrock/aws4_request" in headers["authorization"]
    assert "x-amz-date" in headers
    assert SECRET not in upstream.requests[0].head.decode()


def test_other_families_go_by_converse(gateway, upstream):
    upstream.play = lambda _: response(json.dumps(CONVERSED).encode())

    answer = chat(gateway).chat.completions.with_raw_response.create(
        model="nova", messages=[{"role": "system", "content": "s"}, *QUESTION], max_tokens=9, seed=1
    )

    assert upstream.requests[0].request_line.startswith("POST /model/eu.amazon.nova-lite-v1%3A0/converse ")
    sent = json.loads(upstream.requests[0].body)
    assert sent["system"] == [{"text": "s"}]
    assert sent["inferenceConfig"] == {"maxTokens": 9}
    completion = answer.parse()
    assert (completion.model, completion.choices[0].message.content) == ("nova", "hello")
    assert completion.usage.prompt_tokens == 9
    assert answer.headers["x-langwatch-body"] == "translated"
    assert answer.headers["x-langwatch-params-dropped"] == "seed"


def test_converse_streams_through_the_sdk(gateway, upstream):
    upstream.play = lambda _: frames([aws_frames.event(*event) for event in CONVERSE_STREAM])

    with chat(gateway).chat.completions.stream(
        model="nova", messages=QUESTION, stream_options={"include_usage": True}
    ) as streamed:
        completion = streamed.get_final_completion()

    assert completion.choices[0].message.content == "hello"
    assert completion.usage.completion_tokens == 3


CORRUPT = chunk(EVENTS[1])[:-1] + b"\0"
BREAKS = {
    "a corrupt frame": ([chunk(EVENTS[0]), 0.05, CORRUPT], b"checksum"),
    "an exception": (
        [chunk(EVENTS[0]), aws_frames.exception("throttlingException", {"message": "slow"})],
        b"throttling",
    ),
    "a cut": ([chunk(EVENTS[0]), 0.05, chunk(EVENTS[1])[:9], CUT], b"closed"),
    "an end within a frame": ([chunk(EVENTS[0]), chunk(EVENTS[1])[:9]], b"into a frame"),
}


@pytest.mark.parametrize(("pieces", "says"), BREAKS.values(), ids=BREAKS.keys())
def test_a_stream_that_breaks_ends_with_one_terminal_frame(gateway, upstream, pieces, says):
    upstream.play = lambda _: frames(pieces, ends=CUT not in pieces and HANG not in pieces)

    answer = httpx.post(
        f"{gateway.url}/v1/messages",
        json={"model": "claude", "max_tokens": 9, "stream": True, "messages": QUESTION},
        headers={"x-api-key": SECRET},
    )

    assert answer.text.startswith("event: message_start\n")
    assert answer.text.count("event: error") == 1
    assert b"upstream_mid_stream_failure" in answer.content
    assert says in answer.content


def test_strictness_refuses_what_would_be_dropped(gateway, upstream):
    with pytest.raises(openai.BadRequestError) as caught:
        chat(gateway).chat.completions.create(
            model="nova", messages=QUESTION, seed=1, extra_body={"drop_tuning_params": False}
        )

    assert caught.value.body["type"] == "unsupported_parameter"
    assert caught.value.body["param"] == "seed"
    assert not upstream.requests


def test_what_converse_refuses_is_told_in_openais_shape(gateway, upstream):
    upstream.play = lambda _: response(b'{"message":"too long"}', 400)

    with pytest.raises(openai.BadRequestError) as caught:
        chat(gateway).chat.completions.create(model="nova", messages=QUESTION)

    assert caught.value.body["message"] == "too long"


def test_claudes_clients_reach_other_families_by_converse(gateway, upstream):
    upstream.play = lambda _: response(json.dumps(CONVERSED).encode())

    message = claude(gateway).messages.create(
        model="nova", max_tokens=9, messages=QUESTION, extra_headers={"anthropic-beta": "a-1"}
    )

    assert upstream.requests[0].request_line.startswith("POST /model/eu.amazon.nova-lite-v1%3A0/converse ")
    assert json.loads(upstream.requests[0].body) == {
        "messages": [{"role": "user", "content": [{"text": "hi"}]}],
        "inferenceConfig": {"maxTokens": 9},
    }
    assert (message.model, message.content[0].text, message.usage.input_tokens) == ("nova", "hello", 9)


def test_claudes_clients_stream_from_other_families(gateway, upstream):
    upstream.play = lambda _: frames([aws_frames.event(*event) for event in CONVERSE_STREAM])

    with claude(gateway).messages.stream(model="nova", max_tokens=9, messages=QUESTION) as streamed:
        message = streamed.get_final_message()

    assert (message.content[0].text, message.stop_reason, message.usage.output_tokens) == ("hello", "end_turn", 3)


def test_prompts_are_counted_here_where_the_provider_does_not_count_them(gateway, upstream):
    words = "What is the capital of the country that borders both Austria and Italy? " * 20
    question = {"model": "nova", "messages": [{"role": "user", "content": words}]}
    counts = claude(gateway).messages.with_raw_response.count_tokens

    counted, longer = counts(**question), counts(**question, system=words)

    assert counted.headers["x-langwatch-usage-warning"] == "input-tokens-estimated"
    assert 300 <= counted.parse().input_tokens <= 600
    assert counted.parse().input_tokens + 300 <= longer.parse().input_tokens <= 1200
    assert not upstream.requests
    with pytest.raises(anthropic.BadRequestError, match="messages"):
        counts(model="nova", messages=[{"role": "user", "content": [{"type": "smell"}]}])
