"""Anthropic's clients on models of Bedrock's that are no Claude: requests that AWS's own model takes, and answers."""

import copy
import functools
import importlib
import json
from typing import Any

import pytest
from anthropic.types import Message
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import GatewayError
from gateway.lanes.base import Asked
from gateway.lanes.pairs import TRANSLATIONS
from gateway.lanes.sealing import Seal
from tests.support.messages import message_of

LANE = TRANSLATIONS["messages", "converse"]
NOVA = "us.amazon.nova-2-lite-v1:0"
SEAL = Seal((b"k" * 32,))
ASKED = Asked(model="smart", include_usage=False, request_id="grq_1", created=1, provider="bed", seal=SEAL)
HI = {"role": "user", "content": "Hi"}
PNG = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}}
PDF = {"type": "base64", "media_type": "application/pdf", "data": "JVBERg=="}
MARK = {"cache_control": {"type": "ephemeral"}}
FULL: dict[str, Any] = {
    "model": "claude",
    "max_tokens": 100,
    "system": [{"type": "text", "text": "Be kind.", **MARK}],
    "messages": [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "Look."},
                PNG,
                {"type": "document", "source": PDF, "title": "a_b", "context": "Draft"},
                {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "words"}},
                {
                    "type": "search_result",
                    "title": "T",
                    "source": "https://example.com",
                    "content": [{"type": "text", "text": "found"}],
                },
            ],
        },
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "hm", "signature": "c2ln"},
                {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {"city": "Kyōto"}},
                {"type": "tool_use", "id": "toolu_2", "name": "now", "input": {}},
            ],
        },
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "toolu_1", "content": [{"type": "text", "text": "sun"}, PNG]},
                {"type": "tool_result", "tool_use_id": "toolu_2", "content": "late", "is_error": True},
            ],
        },
        {"role": "system", "content": "Mind the rules."},
        {"role": "user", "content": "Go on."},
    ],
    "tools": [{"name": "weather", "description": "Of a city", "input_schema": {"type": "object"}}],
    "tool_choice": {"type": "tool", "name": "weather"},
    "stop_sequences": ["END"],
    "temperature": 0.5,
    "thinking": {"type": "enabled", "budget_tokens": 9000},
    "output_config": {"format": {"type": "json_schema", "schema": {"type": "object", "title": "City"}}},
    "stream": True,
}


def request(**members):
    body = {"model": "claude", "max_tokens": 9, "messages": [HI], **members}
    return LANE.request(body, model=NOVA, strict=False, provider="bed", seal=SEAL)


@functools.cache
def validator():
    """AWS's own model of the API."""
    model = importlib.import_module("botocore.loaders").Loader().load_service_model("bedrock-runtime", "service-2")
    shape = importlib.import_module("botocore.model").ServiceModel(model).operation_model("Converse").input_shape
    validate = pytest.importorskip("botocore.validate").ParamValidator()
    return lambda body: validate.validate({"modelId": "m", **body}, shape)


def validated(body):
    report = validator()(body)
    assert not report.has_errors(), report.generate_report()
    return body


def test_a_request_that_uses_much_of_the_api():
    body = validated(LANE.request(FULL, model=NOVA, strict=False, provider="bed").body)

    assert [turn["role"] for turn in body["messages"]] == ["user", "assistant", "user"]
    assert body["system"][:2] == [{"text": "Be kind."}, {"cachePoint": {"type": "default"}}]
    assert {"text": "Mind the rules."} in body["system"]
    assert [next(iter(block)) for block in body["messages"][1]["content"]] == ["toolUse", "toolUse"]
    first, second, _ = body["messages"][2]["content"]
    assert first["toolResult"]["content"][0] == {"text": "sun"}
    assert second["toolResult"]["status"] == "error"
    assert body["inferenceConfig"] == {"maxTokens": 100, "temperature": 0.5, "stopSequences": ["END"]}
    assert body["toolConfig"]["toolChoice"] == {"tool": {"name": "weather"}}
    assert body["additionalModelRequestFields"]["reasoningConfig"]["maxReasoningEffort"] == "medium"


@pytest.mark.parametrize(
    ("model", "members", "fields", "dropped"),
    [
        (NOVA, {"output_config": {"effort": "low"}}, "low", ()),
        (NOVA, {"thinking": {"type": "disabled"}}, None, ()),
        (NOVA, {"thinking": {"type": "adaptive"}}, None, ()),
        (NOVA, {"thinking": {"type": "enabled", "budget_tokens": 1024}}, "low", ()),
        ("amazon.nova-pro-v1:0", {"output_config": {"effort": "low"}}, None, ("output_config.effort",)),
    ],
)
def test_how_to_think(model, members, fields, dropped):
    done = LANE.request({"max_tokens": 9, "messages": [HI], **members}, model=model, strict=False)

    sent = done.body.get("additionalModelRequestFields", {}).get("reasoningConfig", {})
    assert (sent.get("maxReasoningEffort"), tuple(done.dropped)) == (fields, dropped)


def test_what_is_marked_is_cached_by_models_that_take_marks():
    """A mark within what a tool returned stands behind that; tools are not cached, nor anything by other models."""
    point = {"cachePoint": {"type": "default"}}
    called = {"type": "tool_use", "id": "toolu_1", "name": "now", "input": {}}
    held = [{"type": "text", "text": "noon", **MARK}]
    members = {
        "messages": [
            {
                "role": "user",
                "content": [{"type": "text", "text": "Hi", **MARK}, PNG | MARK, {"type": "text", "text": "?"}],
            },
            {"role": "assistant", "content": [called]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "content": held}]},
        ],
        "tools": [{"name": "now", "input_schema": {"type": "object"}, **MARK}],
    }
    done = request(**members)
    first, _, last = validated(done.body)["messages"]
    assert [block == point for block in first["content"]] == [False, True, False, True, False]
    assert [block == point for block in last["content"]] == [False, True]
    assert done.dropped == ("tools[].cache_control",)

    body = {"model": "claude", "max_tokens": 9, **members}
    other = LANE.request(body, model="openai.gpt-oss-120b-1:0", strict=False, provider="bed")
    assert "cachePoint" not in str(other.body)
    marked = "messages[].content[].cache_control"
    assert other.dropped == (marked, "messages[].content[].content[].cache_control", "tools[].cache_control")


def test_tools_that_only_the_conversation_names_are_declared():
    body = validated(request(messages=FULL["messages"]).body)

    assert [tool["toolSpec"]["name"] for tool in body["toolConfig"]["tools"]] == ["weather", "now"]


ANSWER = {
    "output": {
        "message": {
            "role": "assistant",
            "content": [
                {"reasoningContent": {"reasoningText": {"text": "hm", "signature": "c2ln"}}},
                {"text": "Let me see."},
                {"toolUse": {"toolUseId": "tooluse_1", "name": "weather", "input": {"city": "Kyōto"}}},
            ],
        }
    },
    "stopReason": "tool_use",
    "usage": {"inputTokens": 10, "outputTokens": 7, "totalTokens": 17, "cacheReadInputTokens": 5},
}
EVENTS = [
    ("messageStart", {"role": "assistant"}),
    ("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"reasoningContent": {"text": "hm"}}}),
    ("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"reasoningContent": {"signature": "c2ln"}}}),
    ("contentBlockStop", {"contentBlockIndex": 0}),
    ("contentBlockDelta", {"contentBlockIndex": 1, "delta": {"text": "Let me see."}}),
    ("contentBlockStop", {"contentBlockIndex": 1}),
    (
        "contentBlockStart",
        {"contentBlockIndex": 2, "start": {"toolUse": {"toolUseId": "tooluse_1", "name": "weather"}}},
    ),
    ("contentBlockDelta", {"contentBlockIndex": 2, "delta": {"toolUse": {"input": '{"city":"Kyōto"}'}}}),
    ("contentBlockStop", {"contentBlockIndex": 2}),
    ("messageStop", {"stopReason": "tool_use"}),
    ("metadata", {"usage": ANSWER["usage"]}),
]


def streamed():
    translator = LANE.stream(ASKED)
    written = b"".join(translator.feed(name, json.dumps(data).encode()) for name, data in EVENTS)
    assert translator.finished
    return message_of(written + translator.end())


def test_an_answer_is_the_same_whole_and_streamed_and_its_thinking_goes_back_to_the_model():
    message = Message.model_validate(json.loads(LANE.response(json.dumps(ANSWER).encode(), ASKED)))
    said = message.to_dict(mode="json", exclude_none=True)

    assert streamed() == said
    assert [block["type"] for block in said["content"]] == ["thinking", "text", "tool_use"]
    assert (said["stop_reason"], said["usage"]["cache_read_input_tokens"]) == ("tool_use", 5)
    result = {"type": "tool_result", "tool_use_id": "tooluse_1", "content": "sun"}
    turns = [HI, {"role": "assistant", "content": said["content"]}, {"role": "user", "content": [result]}]
    back = validated(request(messages=turns).body)["messages"][1]["content"]
    assert back == ANSWER["output"]["message"]["content"]
    elsewhere = LANE.request({"max_tokens": 9, "messages": turns}, model=NOVA, strict=True, provider="other", seal=SEAL)
    assert elsewhere.body["messages"][1]["content"] == back[1:]


def places(value, at=()):
    yield at
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield from places(inner, (*at, key))


PLACES = [place for place in places(FULL) if place]
ODD = st.sampled_from([None, True, 0, -1, 1.5, "", "x", [], [None], [[]], {}, {"type": 7}, {"type": "text"}])


@given(place=st.sampled_from(PLACES), odd=ODD)
def test_any_json_in_any_place_is_translated_or_refused_with_its_path(place, odd):
    body = copy.deepcopy(FULL)
    holder = body
    for step in place[:-1]:
        holder = holder[step]
    holder[place[-1]] = odd
    refusal = None
    try:
        json.dumps(LANE.request(body, model=NOVA, strict=False).body, allow_nan=False)
    except GatewayError as error:
        refusal = (error.type, bool(error.param))

    assert refusal in (None, ("bad_request", True), ("unsupported_parameter", True))
