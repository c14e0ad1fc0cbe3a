"""OpenAI's chat requests on Anthropic's messages, and the way back."""

import copy
import json
from typing import Any

import msgspec
import pytest
from anthropic.lib.streaming._messages import accumulate_event  # noqa: F401 - the shapes below are its own
from anthropic.types.message_create_params import MessageCreateParamsNonStreaming
from hypothesis import given
from hypothesis import strategies as st
from openai.lib.streaming.chat import ChatCompletionStreamState
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from openai.types.chat.completion_create_params import CompletionCreateParamsStreaming
from pydantic import TypeAdapter

from gateway.errors import GatewayError
from gateway.lanes.base import Asked, UntranslatableAnswer
from gateway.lanes.conversation import ASKS_JSON
from gateway.lanes.pairs import ANTHROPIC_TO_OPENAI, OPENAI_TO_ANTHROPIC, OPENAI_TO_CONVERSE
from gateway.wire.sse_events import EventSplitter

TABLE = OPENAI_TO_ANTHROPIC.table
OLD, NEW = "claude-sonnet-4-5-20250929", "claude-opus-5-5"
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
THOUGHT = {"type": "thinking", "thinking": "hm", "signature": "c2ln"}
RICH: dict[str, Any] = {
    "model": "smart",
    "messages": [
        {"role": "system", "content": "Be brief."},
        {
            "role": "developer",
            "content": [{"type": "text", "text": "In French.", "cache_control": {"type": "ephemeral"}}],
        },
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "Look"},
                {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}", "detail": "auto"}},
                {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}},
                {"type": "file", "file": {"file_data": "data:application/pdf;base64,JVBERg==", "filename": "a.pdf"}},
            ],
        },
        {"role": "assistant", "content": None, "tool_calls": [CALL], "thinking_blocks": [THOUGHT]},
        {"role": "user", "content": "And?"},
        {"role": "tool", "tool_call_id": "call_1", "content": [{"type": "text", "text": "Rain"}]},
        {"role": "assistant", "content": [{"type": "refusal", "refusal": "No."}], "refusal": None},
        {"role": "user", "content": "Why?"},
        {"role": "user", "content": "  "},
    ],
    "max_completion_tokens": 100,
    "temperature": 0.5,
    "stop": ["END", " "],
    "tools": [WEATHER],
    "tool_choice": {"type": "function", "function": {"name": "weather"}},
    "parallel_tool_calls": False,
    "response_format": {
        "type": "json_schema",
        "json_schema": {"name": "a", "schema": {"type": "object"}, "strict": True, "description": "An answer"},
    },
    "safety_identifier": "someone",
    "service_tier": "default",
    "stream": True,
    "stream_options": {"include_usage": True},
}
ASKED = Asked(model="smart", include_usage=True, request_id="grq_01", created=1700000000)


def translated(body, model=OLD, strict=False):
    return OPENAI_TO_ANTHROPIC.request(body, model=model, strict=strict)


def with_(**members):
    return {"model": "m", "messages": [HI], **members}


def test_everything_that_has_a_counterpart_crosses():
    done = translated(RICH)

    assert done.dropped == ()
    assert done.body == {
        "model": OLD,
        "max_tokens": 100,
        "system": [
            {"type": "text", "text": "Be brief."},
            {"type": "text", "text": "In French.", "cache_control": {"type": "ephemeral"}},
        ],
        "messages": [
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "Look"},
                    {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}},
                    {"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}},
                    {
                        "type": "document",
                        "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBERg=="},
                        "title": "a.pdf",
                    },
                ],
            },
            {
                "role": "assistant",
                "content": [
                    THOUGHT,
                    {"type": "tool_use", "id": "call_1", "name": "weather", "input": {"city": "Kyōto"}},
                ],
            },
            {
                "role": "user",
                "content": [
                    {"type": "tool_result", "tool_use_id": "call_1", "content": [{"type": "text", "text": "Rain"}]},
                    {"type": "text", "text": "And?"},
                ],
            },
            {"role": "assistant", "content": [{"type": "text", "text": "No."}]},
            {"role": "user", "content": [{"type": "text", "text": "Why?"}]},
        ],
        "tools": [
            {
                "name": "weather",
                "description": "Of a city",
                "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}},
                "strict": True,
            }
        ],
        "tool_choice": {"type": "tool", "name": "weather", "disable_parallel_tool_use": True},
        "stop_sequences": ["END"],
        "metadata": {"user_id": "someone"},
        "service_tier": "standard_only",
        "stream": True,
        "temperature": 0.5,
        "output_config": {"format": {"type": "json_schema", "schema": {"type": "object", "description": "An answer"}}},
    }
    known = {name: value for name, value in done.body.items() if name not in ("stream", "temperature")}
    TypeAdapter(MessageCreateParamsNonStreaming).validate_python(known, strict=False)


TOOLED = [HI, {"role": "assistant", "tool_calls": [CALL]}, {"role": "tool", "tool_call_id": "call_1", "content": "x"}]
MEMBERS = {
    "no limit": (with_(), NEW, {"max_tokens": 8192}, ()),
    "no limit, an old model": (with_(), "claude-3-haiku-20240307", {"max_tokens": 4096}, ()),
    "the older limit": (with_(max_tokens=7), NEW, {"max_tokens": 7}, ()),
    "a hot temperature": (with_(temperature=1.5), OLD, {"temperature": 1}, ("temperature",)),
    "a temperature that is not taken": (with_(temperature=0.5), NEW, {"temperature": None}, ("temperature",)),
    "the usual temperature": (with_(temperature=1, top_p=1), NEW, {"temperature": None, "top_p": None}, ()),
    "both samplings": (with_(temperature=0.5, top_p=0.5), OLD, {"temperature": 0.5, "top_p": None}, ("top_p",)),
    "a budget": (
        with_(reasoning_effort="low", max_tokens=9000),
        OLD,
        {"thinking": {"type": "enabled", "budget_tokens": 2048}},
        (),
    ),
    "a budget within the limit": (
        with_(reasoning_effort="max", max_tokens=2000, temperature=0.2),
        OLD,
        {"thinking": {"type": "enabled", "budget_tokens": 1999}, "temperature": None},
        ("temperature",),
    ),
    "no room": (with_(reasoning_effort="low", max_tokens=9), OLD, {"thinking": None}, ("reasoning_effort",)),
    "effort": (
        with_(reasoning_effort="xhigh"),
        NEW,
        {"thinking": {"type": "adaptive"}, "output_config": {"effort": "xhigh"}},
        (),
    ),
    "no effort": (with_(reasoning_effort="none"), NEW, {"thinking": None}, ()),
    "no reasoning": (
        with_(reasoning_effort="low"),
        "claude-3-5-haiku-latest",
        {"thinking": None},
        ("reasoning_effort",),
    ),
    "a forced tool": (
        with_(reasoning_effort="low", tools=[WEATHER], tool_choice="required"),
        NEW,
        {"thinking": None, "tool_choice": {"type": "any"}},
        ("reasoning_effort",),
    ),
    "a call without its thinking": (
        {"messages": TOOLED, "reasoning_effort": "low"},
        OLD,
        {"thinking": None},
        ("reasoning_effort",),
    ),
    "no parallel calls": (
        with_(tools=[WEATHER], parallel_tool_calls=False),
        NEW,
        {"tool_choice": {"type": "auto", "disable_parallel_tool_use": True}},
        (),
    ),
    "allowed tools": (
        with_(
            tools=[WEATHER, {"type": "function", "function": {"name": "other"}}],
            tool_choice={
                "type": "allowed_tools",
                "allowed_tools": {"mode": "required", "tools": [{"type": "function", "function": {"name": "other"}}]},
            },
        ),
        NEW,
        {
            "tools": [{"name": "other", "input_schema": {"type": "object", "properties": {}}}],
            "tool_choice": {"type": "any"},
        },
        (),
    ),
    "metadata with an end user": (
        with_(metadata={"user_id": "u", "team": "a"}),
        NEW,
        {"metadata": {"user_id": "u"}},
        ("metadata.team",),
    ),
    "an end user before metadata": (
        with_(user="v", metadata={"user_id": "u"}),
        NEW,
        {"metadata": {"user_id": "v"}},
        (),
    ),
    "thinking in Anthropic's words": (
        with_(max_tokens=4096, temperature=1, thinking={"type": "enabled", "budget_tokens": 2000}),
        "claude-sonnet-4-5",
        {"thinking": {"type": "enabled", "budget_tokens": 2000}, "max_tokens": 4096, "temperature": None},
        (),
    ),
    "thinking without a limit": (
        with_(thinking={"type": "enabled", "budget_tokens": 10000}),
        "claude-sonnet-4-5",
        {"thinking": {"type": "enabled", "budget_tokens": 10000}, "max_tokens": 18192},
        (),
    ),
    "adaptive thinking and an effort": (
        with_(thinking={"type": "adaptive", "display": "summarized"}, reasoning_effort="low"),
        "claude-opus-4-6",
        {"thinking": {"type": "adaptive", "display": "summarized"}, "output_config": {"effort": "low"}},
        (),
    ),
    "thinking goes before an effort": (
        with_(thinking={"type": "disabled"}, reasoning_effort="low", temperature=0.5),
        "claude-sonnet-4-5",
        {"thinking": {"type": "disabled"}, "temperature": 0.5},
        ("reasoning_effort",),
    ),
    "thinking of a model that does not": (
        with_(thinking={"type": "enabled", "budget_tokens": 2000}),
        "claude-3-haiku-20240307",
        {"thinking": None},
        ("thinking",),
    ),
    "an effort of Opus 4.5 without room for a budget": (
        with_(max_tokens=1024, reasoning_effort="xhigh"),
        "claude-opus-4-5-20251101",
        {"thinking": None, "output_config": {"effort": "high"}},
        (),
    ),
    "an effort of Sonnet 4.5 without room for a budget": (
        with_(max_tokens=1024, reasoning_effort="high"),
        "claude-sonnet-4-5",
        {"thinking": None, "output_config": None},
        ("reasoning_effort",),
    ),
    "json_object": (
        with_(response_format={"type": "json_object"}),
        NEW,
        {"output_config": None, "system": [{"type": "text", "text": ASKS_JSON}]},
        ("response_format",),
    ),
    "what only tunes": (
        with_(seed=1, logit_bias={"1": 2}, frequency_penalty=0.1, verbosity="low", made_up=1, presence_penalty=0),
        NEW,
        {"seed": None},
        ("seed", "logit_bias", "frequency_penalty", "verbosity", "made_up"),
    ),
    "the gateway's own": (with_(drop_tuning_params=True), NEW, {"drop_tuning_params": None}, ()),
}


@pytest.mark.parametrize(("body", "model", "members", "dropped"), MEMBERS.values(), ids=MEMBERS.keys())
def test_members(body, model, members, dropped):
    done = translated(body, model)

    assert {name: done.body.get(name) for name in members} == members
    assert done.dropped == dropped
    if dropped:
        with pytest.raises(GatewayError) as caught:
            translated(body, model, strict=True)
        assert caught.value.type == "unsupported_parameter"
        assert TABLE.lane in caught.value.message


def turns_of(*messages):
    return translated({"model": "m", "messages": list(messages)}, NEW)


def test_of_system_messages_alone_the_last_is_the_users():
    system = [{"role": "system", "content": "Be brief."}, {"role": "developer", "content": "Tell a joke."}]

    body = turns_of(*system).body

    assert body["system"] == [{"type": "text", "text": "Be brief."}]
    assert body["messages"] == [{"role": "user", "content": [{"type": "text", "text": "Tell a joke."}]}]
    assert "system" not in turns_of(system[0]).body


@pytest.mark.parametrize(
    ("url", "source"),
    [
        (
            "data:application/pdf;base64,JVBERg==",
            {"type": "base64", "media_type": "application/pdf", "data": "JVBERg=="},
        ),
        ("https://a.example/b.PDF?x=1", {"type": "url", "url": "https://a.example/b.PDF?x=1"}),
    ],
)
def test_a_pdf_in_the_place_of_an_image_is_a_document(url, source):
    part = {"type": "image_url", "image_url": {"url": url}}

    assert turns_of({"role": "user", "content": [part]}).body["messages"][0]["content"] == [
        {"type": "document", "source": source}
    ]


def test_a_pdf_in_the_place_of_an_image_is_a_document_on_converse_too():
    part = {"type": "image_url", "image_url": {"url": "data:application/pdf;base64,JVBERg=="}}
    body = {"messages": [{"role": "system", "content": [{"type": "text", "text": "Be brief."}]}]}
    body["messages"].append({"role": "user", "content": [part]})

    done = OPENAI_TO_CONVERSE.request(body, model="nova", strict=True).body

    document = {"format": "pdf", "name": "document", "source": {"bytes": "JVBERg=="}}
    assert done["messages"][0]["content"] == [{"document": document}]


def test_thinking_may_stand_among_the_parts_of_a_message():
    parts = [
        {"type": "thinking", "text": "Hm", "signature": "c2ln"},
        {"type": "thinking", "thinking": "unsigned"},
        {"type": "redacted_thinking", "redactedContent": "eA=="},
        {"type": "text", "text": "Yes"},
    ]

    body = turns_of(HI, {"role": "assistant", "content": parts}, HI).body

    assert body["messages"][1]["content"] == [
        {"type": "thinking", "thinking": "Hm", "signature": "c2ln"},
        {"type": "redacted_thinking", "data": "eA=="},
        {"type": "text", "text": "Yes"},
    ]


def test_calls_and_functions_carry_cache_marks():
    mark = {"cache_control": {"type": "ephemeral"}}
    tool = {"type": "function", "function": {"name": "weather", **mark}}
    body = {"messages": [HI, {"role": "assistant", "tool_calls": [{**CALL, **mark}]}, HI], "tools": [tool]}

    done = translated(body, NEW)

    assert done.body["messages"][1]["content"][0]["cache_control"] == mark["cache_control"]
    assert done.body["tools"][0]["cache_control"] == mark["cache_control"]
    assert done.dropped == ()


@pytest.mark.parametrize("translation", [OPENAI_TO_ANTHROPIC, OPENAI_TO_CONVERSE])
def test_what_calls_and_choices_lose_is_told(translation):
    function = {"name": "weather", "arguments": "{}", "bar": 1, "parsed_arguments": {}}
    call = {"id": "a", "index": 0, "type": "function", "foo": 1, "function": function}
    choice = {"type": "function", "function": {"name": "weather", "baz": 1}}
    tools = [{"type": "function", "function": {"name": "weather"}}]
    body = {"messages": [HI, {"role": "assistant", "tool_calls": [call]}, HI], "tools": tools, "tool_choice": choice}

    dropped = translation.request(body, model=NEW, strict=False).dropped

    assert set(dropped) == {
        "messages[].tool_calls[].foo",
        "messages[].tool_calls[].function.bar",
        "tool_choice.function.baz",
    }


REFUSED = {
    "n": (with_(n=2), "unsupported_parameter", "n"),
    "logprobs": (with_(logprobs=True), "unsupported_parameter", "logprobs"),
    "audio": (with_(modalities=["audio"]), "unsupported_parameter", "modalities"),
    "functions": (with_(functions=[{}]), "unsupported_parameter", "functions"),
    "MCP server": (with_(tools=[{"type": "mcp"}]), "unsupported_parameter", "tools[0].type"),
    "custom tool": (with_(tools=[{"type": "custom"}]), "bad_request", "tools[0].custom"),
    "listening": (
        with_(messages=[{"role": "user", "content": [{"type": "input_audio", "input_audio": {}}]}]),
        "unsupported_parameter",
        "messages[0].content[0].input_audio",
    ),
    "a file by id": (
        with_(messages=[{"role": "user", "content": [{"type": "file", "file": {"file_id": "f"}}]}]),
        "unsupported_parameter",
        "messages[0].content[0].file.file_id",
    ),
    "no messages": ({"model": "m"}, "bad_request", "messages"),
    "nobody asks": (with_(messages=[{"role": "system", "content": " "}]), "bad_request", "messages"),
    "a way to think": (with_(thinking={"type": "loud"}), "bad_request", "thinking.type"),
    "metadata": (with_(metadata="x"), "bad_request", "metadata"),
    "a role": (with_(messages=[{"role": "robot", "content": "x"}]), "bad_request", "messages[0].role"),
    "arguments that are a number": (
        with_(
            messages=[HI, {"role": "assistant", "tool_calls": [{**CALL, "function": {"name": "a", "arguments": 7}}]}]
        ),
        "bad_request",
        "messages[1].tool_calls[0].function.arguments",
    ),
    "a limit": (with_(max_tokens=True), "bad_request", "max_tokens"),
    "an image": (
        with_(messages=[{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "file:///x"}}]}]),
        "bad_request",
        "messages[0].content[0].image_url.url",
    ),
}


@pytest.mark.parametrize(("body", "type_", "param"), REFUSED.values(), ids=REFUSED.keys())
def test_what_cannot_cross_is_refused_with_its_place(body, type_, param):
    with pytest.raises(GatewayError) as caught:
        translated(body)

    assert (caught.value.type, caught.value.param) == (type_, param)


def test_every_documented_parameter_has_a_row():
    documented = set(CompletionCreateParamsStreaming.__annotations__)
    documented |= set(CompletionCreateParamsStreaming.__mro__[0].__annotations__)

    assert not documented - set(TABLE.rows)


def paths(value, at=()):
    yield at
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield from paths(inner, (*at, key))


ODD = st.sampled_from(
    [None, True, 0, -1, 1.5, 10**30, "", "x", "data:,", [], [None], [[]], {}, {"type": 7}, {"type": "text"}]
)


@given(data=st.data())
def test_whatever_a_client_sends_is_translated_or_refused(data):
    body = copy.deepcopy(RICH)
    for _ in range(data.draw(st.integers(1, 3))):
        *way, last = data.draw(st.sampled_from([path for path in paths(body) if path]))
        holder = body
        for step in way:
            holder = holder[step]
        holder[last] = copy.deepcopy(data.draw(ODD))

    refusal = None
    try:
        done = translated(body, data.draw(st.sampled_from([OLD, NEW])))
        json.dumps(done.body, allow_nan=False)
    except GatewayError as error:
        refusal = (error.type, bool(error.param))

    assert refusal in (None, ("bad_request", True), ("unsupported_parameter", True))


TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), min_size=1).filter(str.strip)


@st.composite
def conversations(draw):
    """Turns of users, of the assistant and of tools, as applications keep them."""
    messages: list[dict[str, Any]] = []
    if draw(st.booleans()):
        messages.append({"role": "system", "content": draw(TEXTS)})
    for turn in range(draw(st.integers(1, 4))):
        messages.append({"role": "user", "content": draw(TEXTS)})
        if draw(st.booleans()):
            given = json.dumps(
                draw(st.dictionaries(st.text(max_size=5), st.integers() | st.text(max_size=5), max_size=3))
            )
            call = {"id": f"call_{turn}", "type": "function", "function": {"name": "weather", "arguments": given}}
            messages.append({"role": "assistant", "content": draw(st.none() | TEXTS), "tool_calls": [call]})
            messages.append({"role": "tool", "tool_call_id": f"call_{turn}", "content": draw(TEXTS)})
        messages.append({"role": "assistant", "content": draw(TEXTS)})
    return [*messages, {"role": "user", "content": draw(TEXTS)}]


def meaning(messages):
    """Who said what, whatever the form."""
    said: list[tuple[Any, ...]] = []
    for message in messages:
        content = message.get("content")
        texts = content if isinstance(content, str) else "".join(part["text"] for part in content or ())
        calls = [
            (
                call["id"],
                call["function"]["name"],
                json.dumps(json.loads(call["function"]["arguments"]), sort_keys=True),
            )
            for call in message.get("tool_calls") or ()
        ]
        said.append((message["role"], texts, message.get("tool_call_id"), calls))
    return said


@given(messages=conversations())
def test_a_conversation_there_and_back_means_the_same(messages):
    there = translated({"model": "m", "messages": messages, "tools": [WEATHER]}, OLD).body

    back = ANTHROPIC_TO_OPENAI.request(there, model="gpt-4.1", strict=False).body

    assert meaning(back["messages"]) == meaning(messages)


MESSAGE: dict[str, Any] = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude",
    "content": [
        THOUGHT,
        {"type": "redacted_thinking", "data": "eA=="},
        {"type": "text", "text": "Let me "},
        {"type": "text", "text": "see."},
        {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {"city": "Kyōto"}},
        {"type": "tool_use", "id": "toolu_2", "name": "now", "input": {}},
    ],
    "stop_reason": "tool_use",
    "stop_sequence": None,
    "usage": {
        "input_tokens": 10,
        "cache_read_input_tokens": 5,
        "cache_creation_input_tokens": 2,
        "output_tokens": 7,
        "output_tokens_details": {"thinking_tokens": 3},
    },
}


def test_a_message_becomes_a_completion():
    completion = ChatCompletion.model_validate(
        json.loads(OPENAI_TO_ANTHROPIC.response(msgspec.json.encode(MESSAGE), ASKED))
    )

    choice = completion.choices[0]
    assert (completion.id, completion.model, completion.created) == ("chatcmpl-01", "smart", 1700000000)
    assert (choice.finish_reason, choice.message.content) == ("tool_calls", "Let me see.")
    calls = [(call.id, call.function.name, json.loads(call.function.arguments)) for call in choice.message.tool_calls]
    assert calls == [("toolu_1", "weather", {"city": "Kyōto"}), ("toolu_2", "now", {})]
    assert choice.message.reasoning_content == "hm"
    assert choice.message.thinking_blocks == [THOUGHT, {"type": "redacted_thinking", "data": "eA=="}]
    assert completion.usage.prompt_tokens == 17
    assert completion.usage.prompt_tokens_details.cached_tokens == 5
    assert completion.usage.completion_tokens_details.reasoning_tokens == 3


@pytest.mark.parametrize(
    ("stop_reason", "reason"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("pause_turn", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("refusal", "content_filter"),
        ("something new", "stop"),
    ],
)
def test_the_reason_of_the_end(stop_reason, reason):
    body = {**MESSAGE, "content": [{"type": "text", "text": "x"}], "stop_reason": stop_reason}

    choice = json.loads(OPENAI_TO_ANTHROPIC.response(msgspec.json.encode(body), ASKED))["choices"][0]

    assert choice["finish_reason"] == reason
    assert bool(choice["message"]["refusal"]) == (stop_reason == "refusal")


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b'{"content":1}', b"\xff", b"[" * 100_000])
def test_an_answer_that_is_none_is_said_to_be_none(body):
    with pytest.raises(UntranslatableAnswer):
        OPENAI_TO_ANTHROPIC.response(body, ASKED)


@pytest.mark.parametrize(
    ("status", "body", "type_", "message"),
    [
        (
            400,
            b'{"type":"error","error":{"type":"invalid_request_error","message":"too long"}}',
            "invalid_request_error",
            "too long",
        ),
        (529, b'{"type":"error","error":{"type":"overloaded_error","message":"busy"}}', "overloaded_error", "busy"),
        (503, b"<html>", "server_error", "503"),
        (413, b"[]", "invalid_request_error", "413"),
    ],
)
def test_errors(status, body, type_, message):
    error = json.loads(OPENAI_TO_ANTHROPIC.error(status, body))["error"]

    assert error["type"] == type_
    assert message in error["message"]


def events_of(message):
    """The events in which Anthropic streams a message."""
    usage = message["usage"]
    started = {**message, "content": [], "stop_reason": None, "usage": {**usage, "output_tokens": 1}}
    yield {"type": "message_start", "message": started}
    yield {"type": "ping"}
    for index, block in enumerate(message["content"]):
        deltas: list[dict[str, Any]] = []
        begun = dict(block)
        if block["type"] == "text":
            begun["text"] = ""
            deltas = [{"type": "text_delta", "text": piece} for piece in (block["text"][:2], block["text"][2:])]
        elif block["type"] == "tool_use":
            begun["input"] = {}
            written = json.dumps(block["input"]) if block["input"] else ""
            deltas = [{"type": "input_json_delta", "partial_json": piece} for piece in ("", written[:3], written[3:])]
        elif block["type"] == "thinking":
            begun.update(thinking="", signature="")
            deltas = [
                {"type": "thinking_delta", "thinking": block["thinking"]},
                {"type": "signature_delta", "signature": block["signature"]},
            ]
        yield {"type": "content_block_start", "index": index, "content_block": begun}
        yield from ({"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas)
        yield {"type": "content_block_stop", "index": index}
    yield {
        "type": "message_delta",
        "delta": {"stop_reason": message["stop_reason"], "stop_sequence": None},
        "usage": {"output_tokens": usage["output_tokens"], "output_tokens_details": usage["output_tokens_details"]},
    }
    yield {"type": "message_stop"}


def streamed(events, asked=ASKED):
    translator = OPENAI_TO_ANTHROPIC.stream(asked)
    pieces = [translator.feed(event["type"], msgspec.json.encode(event)) for event in events]
    assert translator.finished
    return b"".join(pieces) + translator.end()


def chunks_of(stream):
    datas = [data for _, data in EventSplitter().feed(stream)]
    assert datas[-1] == b"[DONE]"
    return [ChatCompletionChunk.model_validate(json.loads(data)) for data in datas[:-1]]


def test_a_streamed_message_is_what_the_whole_one_is():
    chunks = chunks_of(streamed(events_of(MESSAGE)))

    state = ChatCompletionStreamState()
    for chunk in chunks:
        state.handle_chunk(chunk)
    completion = state.get_final_completion()
    whole = ChatCompletion.model_validate(json.loads(OPENAI_TO_ANTHROPIC.response(msgspec.json.encode(MESSAGE), ASKED)))
    ours, theirs = completion.choices[0], whole.choices[0]
    assert (ours.finish_reason, ours.message.content) == (theirs.finish_reason, theirs.message.content)
    assert [(c.id, c.function.name, json.loads(c.function.arguments)) for c in ours.message.tool_calls] == [
        (c.id, c.function.name, json.loads(c.function.arguments)) for c in theirs.message.tool_calls
    ]
    assert completion.usage == whole.usage


def test_the_order_of_the_chunks():
    chunks = chunks_of(streamed(events_of(MESSAGE)))

    assert chunks[0].choices[0].delta.role == "assistant"
    assert all(chunk.choices[0].delta.role is None for chunk in chunks[1:-1])
    assert [bool(chunk.choices) for chunk in chunks] == [True] * (len(chunks) - 1) + [False]
    assert [chunk.choices[0].finish_reason for chunk in chunks[:-1]] == [None] * (len(chunks) - 2) + ["tool_calls"]
    assert chunks[-1].usage.total_tokens == 24


def test_usage_comes_only_to_those_who_asked():
    asked = Asked(model="smart", include_usage=False, request_id="grq_01", created=1)

    assert b"usage" not in streamed(events_of(MESSAGE), asked)


def test_nothing_is_held_back():
    translator = OPENAI_TO_ANTHROPIC.stream(ASKED)
    quiet = ("ping", "content_block_stop", "message_stop")
    for event in events_of({**MESSAGE, "content": [{"type": "text", "text": "abcd"}]}):
        said = translator.feed(event["type"], msgspec.json.encode(event))
        assert bool(said) == (event["type"] not in (*quiet, "content_block_start"))


def test_an_error_in_the_stream_is_no_end():
    translator = OPENAI_TO_ANTHROPIC.stream(ASKED)
    translator.feed("message_start", b'{"type":"message_start","message":{}}')

    with pytest.raises(UntranslatableAnswer, match=r"^overloaded_error: busy$"):
        translator.feed("error", b'{"type":"error","error":{"type":"overloaded_error","message":"busy"}}')
    assert not translator.finished


@given(st.lists(st.sampled_from([json.dumps(event).encode() for event in events_of(MESSAGE)] + [b"{}", b"1", b"\xff"])))
def test_events_in_any_order_are_translated_or_refused(events):
    translator = OPENAI_TO_ANTHROPIC.stream(ASKED)
    try:
        said = b"".join(translator.feed("", event) for event in events)
    except UntranslatableAnswer:
        return
    for _, data in EventSplitter().feed(said):
        ChatCompletionChunk.model_validate(json.loads(data))
