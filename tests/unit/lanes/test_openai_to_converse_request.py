import copy
import functools
import importlib
import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types.chat.completion_create_params import CompletionCreateParamsStreaming

from gateway.errors import GatewayError
from gateway.lanes.conversation import ASKS_JSON
from gateway.lanes.losses import Treatment
from gateway.lanes.pairs import OPENAI_TO_CONVERSE

TABLE = OPENAI_TO_CONVERSE.table
MODEL = "mistral.mistral-large-3-675b-instruct"
GPT_OSS = "openai.gpt-oss-120b-1:0"
NOVA = "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.amazon.nova-2-lite-v1:0"
HI = {"role": "user", "content": "Hi"}
PNG = "iVBORw0KGgo="
WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "Of a city",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
        "strict": True,
    },
}
CALL = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": '{"city":"Kyōto"}'}}
RICH: dict[str, Any] = {
    "model": "smart",
    "messages": [
        {"role": "system", "content": "Be brief."},
        {"role": "developer", "content": [{"type": "text", "text": "In French."}]},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "Look"},
                {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}", "detail": "auto"}},
                {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}},
                {"type": "file", "file": {"file_data": "data:application/pdf;base64,JVBERg==", "filename": "a_b.pdf"}},
            ],
        },
        {"role": "assistant", "content": None, "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "call_1", "content": [{"type": "text", "text": "Rain"}]},
        {"role": "assistant", "content": [{"type": "refusal", "refusal": "No."}], "refusal": None},
        {"role": "user", "content": "Why?"},
    ],
    "max_completion_tokens": 100,
    "temperature": 0.5,
    "top_p": 0.9,
    "stop": ["END"],
    "tools": [WEATHER],
    "tool_choice": {"type": "function", "function": {"name": "weather"}},
    "response_format": {
        "type": "json_schema",
        "json_schema": {"name": "a", "schema": {"type": "object"}, "strict": True},
    },
    "metadata": {"team": "a"},
    "service_tier": "flex",
    "reasoning_effort": "low",
    "stream": True,
    "stream_options": {"include_usage": True},
}


def request(model: str = MODEL, *, strict: bool = False, **members: Any):
    return OPENAI_TO_CONVERSE.request({"messages": [HI], **members}, model=model, strict=strict)


def refused(**members: Any) -> GatewayError:
    with pytest.raises(GatewayError) as raised:
        request(**members)
    return raised.value


@functools.cache
def converse_request() -> Any:
    """AWS's own model of the API."""
    model = importlib.import_module("botocore.loaders").Loader().load_service_model("bedrock-runtime", "service-2")
    return importlib.import_module("botocore.model").ServiceModel(model).operation_model("Converse").input_shape


def validated(body: dict[str, Any]) -> None:
    validate = pytest.importorskip("botocore.validate")
    report = validate.ParamValidator().validate({"modelId": "m", **body}, converse_request())
    assert not report.has_errors(), report.generate_report()


def test_a_request_with_everything():
    translated = OPENAI_TO_CONVERSE.request(RICH, model=GPT_OSS, strict=True)

    validated(translated.body)
    assert translated.dropped == ()
    assert translated.body == {
        "system": [{"text": "Be brief."}, {"text": "In French."}],
        "messages": [
            {
                "role": "user",
                "content": [
                    {"text": "Look"},
                    {"image": {"format": "png", "source": {"bytes": PNG}}},
                    {"audio": {"format": "wav", "source": {"bytes": "AAAA"}}},
                    {"document": {"format": "pdf", "name": "a b", "source": {"bytes": "JVBERg=="}}},
                ],
            },
            {
                "role": "assistant",
                "content": [{"toolUse": {"toolUseId": "call_1", "name": "weather", "input": {"city": "Kyōto"}}}],
            },
            {"role": "user", "content": [{"toolResult": {"toolUseId": "call_1", "content": [{"text": "Rain"}]}}]},
            {"role": "assistant", "content": [{"text": "No."}]},
            {"role": "user", "content": [{"text": "Why?"}]},
        ],
        "inferenceConfig": {"maxTokens": 100, "temperature": 0.5, "topP": 0.9, "stopSequences": ["END"]},
        "toolConfig": {
            "tools": [
                {
                    "toolSpec": {
                        "name": "weather",
                        "description": "Of a city",
                        "inputSchema": {"json": WEATHER["function"]["parameters"]},
                        "strict": True,
                    }
                }
            ],
            "toolChoice": {"tool": {"name": "weather"}},
        },
        "outputConfig": {
            "textFormat": {
                "type": "json_schema",
                "structure": {"jsonSchema": {"schema": '{"type":"object"}', "name": "a"}},
            }
        },
        "additionalModelRequestFields": {"reasoning_effort": "low"},
        "serviceTier": {"type": "flex"},
        "requestMetadata": {"team": "a"},
    }


def test_the_body_is_not_touched():
    before = copy.deepcopy(RICH)
    OPENAI_TO_CONVERSE.request(RICH, model=MODEL, strict=False)

    assert before == RICH


def test_the_smallest_request():
    assert request().body == {"messages": [{"role": "user", "content": [{"text": "Hi"}]}]}


def test_results_of_parallel_calls_and_the_words_after_them_are_one_turn():
    second = {**CALL, "id": "call_2"}
    body = request(
        messages=[
            HI,
            {"role": "assistant", "content": "Let me see.", "tool_calls": [CALL, second]},
            {"role": "tool", "tool_call_id": "call_1", "content": "Rain"},
            {"role": "tool", "tool_call_id": "call_2", "content": ""},
            {"role": "user", "content": "So?"},
        ],
        tools=[WEATHER],
    ).body

    validated(body)
    assert [turn["role"] for turn in body["messages"]] == ["user", "assistant", "user"]
    assert [next(iter(block)) for block in body["messages"][1]["content"]] == ["text", "toolUse", "toolUse"]
    assert body["messages"][2]["content"] == [
        {"toolResult": {"toolUseId": "call_1", "content": [{"text": "Rain"}]}},
        {"toolResult": {"toolUseId": "call_2", "content": []}},
        {"text": "So?"},
    ]


def test_blank_texts_are_left_out_and_turns_still_alternate():
    body = request(messages=[HI, {"role": "assistant", "content": " \n"}, {"role": "user", "content": "There?"}]).body

    assert body["messages"] == [{"role": "user", "content": [{"text": "Hi"}, {"text": "There?"}]}]


def test_ids_that_bedrock_does_not_take_are_replaced_alike_in_call_and_result():
    odd = "call|" + "x" * 100
    body = request(
        messages=[
            HI,
            {"role": "assistant", "tool_calls": [{**CALL, "id": odd}]},
            {"role": "tool", "tool_call_id": odd, "content": "Rain"},
        ]
    ).body
    used = body["messages"][1]["content"][0]["toolUse"]["toolUseId"]

    assert used == body["messages"][2]["content"][0]["toolResult"]["toolUseId"]
    assert used.startswith("call_")
    assert len(used) <= 64


def test_documents_have_names_of_their_own_in_allowed_characters():
    def file(name):
        return {"type": "file", "file": {"file_data": "AAAA", "filename": name}}

    content = [file("../Ü ber__x.TXT"), file("ber x.txt"), file(".md")]
    blocks = request(messages=[{"role": "user", "content": content}]).body["messages"][0]["content"]

    assert [(block["document"]["name"], block["document"]["format"]) for block in blocks] == [
        ("ber x", "txt"),
        ("ber x (2)", "txt"),
        ("md", "md"),
    ]


def test_images_that_tools_return_are_part_of_the_result():
    result = {
        "role": "tool",
        "tool_call_id": "call_1",
        "content": [{"type": "image_url", "image_url": {"url": f"data:image/webp;base64,{PNG}"}}],
    }
    body = request(messages=[HI, {"role": "assistant", "tool_calls": [CALL]}, result]).body

    validated(body)
    assert body["messages"][2]["content"][0]["toolResult"]["content"] == [
        {"image": {"format": "webp", "source": {"bytes": PNG}}}
    ]


@pytest.mark.parametrize(
    ("part", "type_", "param"),
    [
        (
            {"type": "image_url", "image_url": {"url": "https://a.example/b.png"}},
            "unsupported_parameter",
            ".image_url.url",
        ),
        (
            {"type": "image_url", "image_url": {"url": "data:image/bmp;base64,AAAA"}},
            "unsupported_parameter",
            ".image_url.url",
        ),
        ({"type": "image_url", "image_url": {"url": "data:image/png;base64,A A"}}, "bad_request", ".image_url.url"),
        ({"type": "image_url", "image_url": {"url": "data:image/png,AAAA"}}, "bad_request", ".image_url.url"),
        ({"type": "image_url", "image_url": {"url": "data:image/png;base64,"}}, "bad_request", ".image_url.url"),
        ({"type": "image_url", "image_url": "x"}, "bad_request", ".image_url"),
        ({"type": "file", "file": {"file_id": "file-1"}}, "unsupported_parameter", ".file.file_id"),
        (
            {"type": "file", "file": {"file_data": "AAAA", "filename": "a.exe"}},
            "unsupported_parameter",
            ".file.file_data",
        ),
        (
            {"type": "file", "file": {"file_data": "data:application/zip;base64,AAAA"}},
            "unsupported_parameter",
            ".file.file_data",
        ),
        (
            {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "ogg"}},
            "bad_request",
            ".input_audio.format",
        ),
        ({"type": "refusal", "refusal": "x"}, "bad_request", ".type"),
        ({"type": "video"}, "bad_request", ".type"),
    ],
)
def test_parts_that_cannot_cross_are_refused_with_their_place(part, type_, param):
    error = refused(messages=[HI, {"role": "user", "content": [{"type": "text", "text": "x"}, part]}])

    assert (error.type, error.param) == (type_, f"messages[1].content[1]{param}")
    if type_ == "unsupported_parameter":
        assert TABLE.lane in error.message


@pytest.mark.parametrize(
    ("members", "type_", "param"),
    [
        ({"n": 2}, "unsupported_parameter", "n"),
        ({"audio": {"voice": "x"}}, "unsupported_parameter", "audio"),
        ({"modalities": ["text", "audio"]}, "unsupported_parameter", "modalities"),
        ({"functions": [{"name": "x"}]}, "unsupported_parameter", "functions"),
        ({"function_call": "auto"}, "unsupported_parameter", "function_call"),
        ({"moderation": {"model": "x"}}, "unsupported_parameter", "moderation"),
        ({"web_search_options": {}}, "unsupported_parameter", "web_search_options"),
        ({"tools": [{"type": "mcp", "mcp": {"name": "x"}}]}, "unsupported_parameter", "tools[0].type"),
        ({"tools": [WEATHER], "tool_choice": {"type": "custom", "custom": {}}}, "bad_request", "tool_choice.custom.name"),
        ({"tool_choice": "required"}, "bad_request", "tools"),
        ({"tools": [WEATHER], "tool_choice": "maybe"}, "bad_request", "tool_choice"),
        ({"tools": [{**WEATHER, "function": {"name": "a b"}}]}, "bad_request", "tools[0].function.name"),
        ({"messages": [{"role": "function", "name": "x", "content": "y"}]}, "unsupported_parameter", "messages[0].role"),
        ({"messages": [{"role": "assistant", "audio": {"id": "x"}}]}, "unsupported_parameter", "messages[0].audio"),
        ({"messages": [{"role": "assistant", "tool_calls": [{**CALL, "type": "custom"}]}]}, "bad_request", "messages[0].tool_calls[0].custom"),
        ({"messages": [{"role": "assistant", "tool_calls": [{**CALL, "type": "mcp"}]}]}, "bad_request", "messages[0].tool_calls[0].type"),
        ({"messages": [{"role": "assistant", "tool_calls": [{**CALL, "function": {"name": "a", "arguments": [1]}}]}]}, "bad_request", "messages[0].tool_calls[0].function.arguments"),
        ({"messages": []}, "bad_request", "messages"),
        ({"messages": [{"role": "system", "content": " "}]}, "bad_request", "messages"),
        ({"messages": [{"role": "user", "content": None}]}, "bad_request", "messages[0].content"),
        ({"temperature": 2.5}, "bad_request", "temperature"),
        ({"top_p": -1}, "bad_request", "top_p"),
        ({"max_tokens": 0}, "bad_request", "max_tokens"),
        ({"reasoning_effort": "extreme"}, "bad_request", "reasoning_effort"),
        ({"service_tier": "gold"}, "bad_request", "service_tier"),
        ({"response_format": {"type": "xml"}}, "bad_request", "response_format.type"),
        ({"stream": "yes"}, "bad_request", "stream"),
    ],
)  # fmt: skip
def test_what_cannot_cross_is_refused_with_its_place(members, type_, param):
    error = refused(**members)

    assert (error.type, error.param) == (type_, param)
    if type_ == "unsupported_parameter":
        assert TABLE.lane in error.message


@pytest.mark.parametrize(
    ("members", "dropped"),
    [
        ({"seed": 1}, ["seed"]),
        ({"logit_bias": {"1": 1}, "presence_penalty": 0.5}, ["logit_bias", "presence_penalty"]),
        ({"frequency_penalty": 0, "n": 1, "store": False, "modalities": ["text"], "parallel_tool_calls": True}, []),
        ({"user": "u", "prompt_cache_key": "k", "drop_tuning_params": True}, ["user"]),
        ({"parallel_tool_calls": False}, ["parallel_tool_calls"]),
        ({"thinking": {"type": "enabled", "budget_tokens": 2000}}, ["thinking"]),
        ({"evil\r\nheader": 1}, ["evil??header"]),
        ({"temperature": 1.5}, ["temperature"]),
        ({"response_format": {"type": "json_object"}}, ["response_format"]),
        ({"reasoning_effort": "high"}, ["reasoning_effort"]),
        ({"service_tier": "scale"}, ["service_tier"]),
        ({"metadata": {"team": "a", "city": "Zürich"}}, ["metadata"]),
        ({"messages": [{**HI, "name": "Ann", "weight": 1}]}, ["messages[].name", "messages[].weight"]),
    ],
)
def test_what_is_dropped_is_reported_and_refused_when_the_client_wants_no_drops(members, dropped):
    translated = request(**members)

    validated(translated.body)
    assert list(translated.dropped) == dropped
    if dropped:
        with pytest.raises(GatewayError) as raised:
            request(strict=True, **members)
        assert raised.value.type == "unsupported_parameter"
        assert "drop_tuning_params" in raised.value.message
    else:
        assert request(strict=True, **members).body == translated.body


def test_a_model_is_told_to_answer_in_json_where_no_schema_holds_it():
    asked = request(messages=[{"role": "system", "content": "Be brief."}, HI], response_format={"type": "json_object"})

    assert asked.body["system"] == [{"text": "Be brief."}, {"text": ASKS_JSON}]


def test_the_gateways_own_field_and_the_model_never_go_upstream():
    sent = msgspec.json.encode(request(model=GPT_OSS, drop_tuning_params=False, stream=True).body)

    assert b"drop_tuning_params" not in sent
    assert b"stream" not in sent
    assert b"model" not in sent


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ("auto", None),
        (None, None),
        ("required", {"any": {}}),
        ({"type": "function", "function": {"name": "weather"}}, {"tool": {"name": "weather"}}),
    ],
)
def test_tool_choice(choice, expected):
    config = request(tools=[WEATHER], tool_choice=choice).body["toolConfig"]

    assert config.get("toolChoice") == expected


def test_no_tools_are_sent_where_none_may_be_called():
    assert "toolConfig" not in request(tools=[WEATHER], tool_choice="none").body


def test_only_allowed_tools_are_sent():
    other = {"type": "function", "function": {"name": "other"}}
    choice = {"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [other]}}
    config = request(tools=[WEATHER, other], tool_choice=choice).body["toolConfig"]

    assert [tool["toolSpec"]["name"] for tool in config["tools"]] == ["other"]
    assert config["toolChoice"] == {"any": {}}


def test_a_conversation_with_calls_declares_its_tools_as_converse_demands():
    said = [
        HI,
        {"role": "assistant", "tool_calls": [CALL, CALL]},
        {"role": "tool", "tool_call_id": "call_1", "content": "Rain"},
    ]

    undeclared = request(messages=said)
    forbidden = request(messages=said, tools=[WEATHER], tool_choice="none")

    assert [tool["toolSpec"]["name"] for tool in undeclared.body["toolConfig"]["tools"]] == ["weather"]
    assert forbidden.body["toolConfig"]["tools"][0]["toolSpec"]["description"] == "Of a city"
    assert forbidden.dropped == ("tool_choice",)


def test_a_limit_that_is_said_twice_is_the_newer_one():
    assert request(max_tokens=5, max_completion_tokens=7).body["inferenceConfig"] == {"maxTokens": 7}


@pytest.mark.parametrize(
    ("model", "effort", "beside", "fields", "dropped"),
    [
        (GPT_OSS, "minimal", {}, {"reasoning_effort": "low"}, []),
        (GPT_OSS, "max", {}, {"reasoning_effort": "high"}, []),
        (GPT_OSS, "none", {}, None, ["reasoning_effort"]),
        (NOVA, "none", {}, None, []),
        (NOVA, "high", {}, {"reasoningConfig": {"type": "enabled", "maxReasoningEffort": "high"}}, []),
        (
            NOVA,
            "high",
            {"max_tokens": 5},
            {"reasoningConfig": {"type": "enabled", "maxReasoningEffort": "medium"}},
            ["reasoning_effort"],
        ),
        (NOVA, "low", {"temperature": 1}, {"reasoningConfig": {"type": "enabled", "maxReasoningEffort": "low"}}, []),
        ("amazon.nova-pro-v1:0", "low", {}, None, ["reasoning_effort"]),
    ],
)
def test_reasoning_effort_by_family(model, effort, beside, fields, dropped):
    translated = request(model, reasoning_effort=effort, **beside)

    validated(translated.body)
    assert translated.body.get("additionalModelRequestFields") == fields
    assert list(translated.dropped) == dropped


def test_the_table_knows_every_parameter_of_the_sdk():
    assert set(CompletionCreateParamsStreaming.__annotations__) | _inherited(CompletionCreateParamsStreaming) <= set(
        TABLE.rows
    )


def _inherited(typed: Any) -> set[str]:
    return {name for base in typed.__orig_bases__ for name in getattr(base, "__annotations__", {})}


def test_every_row_says_why():
    for name, row in TABLE.rows.items():
        assert row.note.endswith("."), name
        assert row.treatment in Treatment


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.text(max_size=8) | st.sampled_from(["type", "text", "name", "function", "role"]), inner, max_size=3
        )
    ),
    max_leaves=6,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    held = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, inner in held for place in places(inner, (*path, key)))]


PLACES = [place for place in places(RICH) if place]


@given(st.lists(st.tuples(st.sampled_from(PLACES), JSON), min_size=1, max_size=2), st.booleans())
def test_any_json_in_any_place_is_translated_or_refused_with_its_place(changes, strict):
    body = copy.deepcopy(RICH)
    for place, value in changes:
        holder: Any = body
        try:
            for key in place[:-1]:
                holder = holder[key]
            holder[place[-1]] = value
        except (KeyError, IndexError, TypeError):
            continue
    try:
        translated = OPENAI_TO_CONVERSE.request(body, model=NOVA, strict=strict)
    except GatewayError as error:
        refusal = (error.type, bool(error.param))
    else:
        refusal = None
        validated(json.loads(msgspec.json.encode(translated.body)))

    assert refusal in (None, ("bad_request", True), ("unsupported_parameter", True))


@given(JSON.filter(lambda value: isinstance(value, dict)))
def test_any_object_is_translated_or_refused(body):
    with pytest.raises(GatewayError) as raised:
        OPENAI_TO_CONVERSE.request(body, model=MODEL, strict=False)

    assert raised.value.param
