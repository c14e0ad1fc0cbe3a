"""Requests of Anthropic's Messages for providers of OpenAI's chat shape, held against OpenAI's own types."""

import copy
import hashlib
import inspect
import json
import typing

import pytest
from anthropic.types import (
    DocumentBlockParam,
    ImageBlockParam,
    MetadataParam,
    SearchResultBlockParam,
    TextBlockParam,
    ThinkingConfigEnabledParam,
    ToolChoiceToolParam,
    ToolParam,
    message_create_params,
)
from anthropic.types.beta import BetaContentBlockParam, BetaOutputConfigParam
from anthropic.types.beta import message_create_params as beta_params
from anthropic.types.tool_result_block_param import Content as ToolResultContent
from hypothesis import given
from hypothesis import strategies as st
from openai.types.chat.completion_create_params import (
    CompletionCreateParamsNonStreaming,
    CompletionCreateParamsStreaming,
)
from pydantic import TypeAdapter

from gateway.errors import GatewayError
from gateway.lanes.conversation import EFFORTS
from gateway.lanes.losses import Treatment
from gateway.lanes.openai_models import family_of
from gateway.lanes.pairs import ANTHROPIC_TO_OPENAI
from gateway.lanes.strict_schema import fits_strict_mode

TABLE = ANTHROPIC_TO_OPENAI.table
_NON_STREAMING = TypeAdapter(CompletionCreateParamsNonStreaming)
_STREAMING = TypeAdapter(CompletionCreateParamsStreaming)
_KNOWN_TO_OPENAI = set(inspect.get_annotations(CompletionCreateParamsStreaming)) | {
    name for base in CompletionCreateParamsStreaming.__orig_bases__ for name in base.__annotations__
}
_HI = {"role": "user", "content": "hi"}
_SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
_CLOSED = {**_SCHEMA, "additionalProperties": False}
_TOOL = {"name": "weather", "description": "Says the weather.", "input_schema": _SCHEMA}
_PNG = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}}
_PNG_PART = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
_PDF = {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0="}
_PDF_URL = "data:application/pdf;base64,JVBERi0="


def _body(*messages, **parameters):
    return {"model": "claude-x", "max_tokens": 100, "messages": list(messages) or [_HI], **parameters}


def _translate(body, *, model="some-model", strict=False):
    before = copy.deepcopy(body)
    translated = ANTHROPIC_TO_OPENAI.request(body, model=model, strict=strict)
    assert body == before
    (_STREAMING if translated.body.get("stream") else _NON_STREAMING).validate_python(copy.deepcopy(translated.body))
    assert set(translated.body) <= _KNOWN_TO_OPENAI
    return translated


def _refusal(body, **how):
    with pytest.raises(GatewayError) as refusal:
        ANTHROPIC_TO_OPENAI.request(body, **{"model": "m", "strict": False, **how})
    return refusal.value


def _text(said):
    return {"type": "text", "text": said}


def _call(identifier, name="weather", **arguments):
    return {"type": "tool_use", "id": identifier, "name": name, "input": arguments}


def _called(identifier, arguments, name="weather"):
    return {"id": identifier, "type": "function", "function": {"name": name, "arguments": arguments}}


def _result(identifier, content, **more):
    return {"type": "tool_result", "tool_use_id": identifier, "content": content, **more}


def test_the_least_request():
    assert _translate(_body(), model="gpt-4.1").body == {
        "model": "gpt-4.1",
        "messages": [{"role": "user", "content": "hi"}],
        "max_completion_tokens": 100,
    }


@pytest.mark.parametrize(
    ("system", "expected"),
    [
        (None, []),
        ("", []),
        ("Be kind.", [{"role": "system", "content": "Be kind."}]),
        ([{**_text("Be kind."), "cache_control": {"type": "ephemeral"}}], [{"role": "system", "content": "Be kind."}]),
        ([_text("a"), _text("b")], [{"role": "system", "content": [_text("a"), _text("b")]}]),
    ],
)
def test_the_system_prompt_goes_first(system, expected):
    translated = _translate(_body(system=system))

    assert translated.body["messages"] == [*expected, {"role": "user", "content": "hi"}]
    assert translated.dropped == ()


_CONVERSATIONS = {
    "turns of one role are one message": (
        [_HI, {"role": "user", "content": "there"}],
        [{"role": "user", "content": [_text("hi"), _text("there")]}],
    ),
    "a system message stays in its place": (
        [_HI, {"role": "system", "content": "new rules"}, {"role": "user", "content": "go"}],
        [_HI, {"role": "system", "content": "new rules"}, {"role": "user", "content": "go"}],
    ),
    "base64 images are data URLs": (
        [{"role": "user", "content": [_text("look"), _PNG]}],
        [{"role": "user", "content": [_text("look"), _PNG_PART]}],
    ),
    "images by URL": (
        [{"role": "user", "content": [{"type": "image", "source": {"type": "url", "url": "https://x.test/a.png"}}]}],
        [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://x.test/a.png"}}]}],
    ),
    "PDFs are files": (
        [{"role": "user", "content": [{"type": "document", "source": _PDF, "title": "Plan", "context": "Draft"}]}],
        [
            {
                "role": "user",
                "content": [
                    _text("Draft"),
                    {"type": "file", "file": {"filename": "Plan.pdf", "file_data": _PDF_URL}},
                ],
            }
        ],
    ),
    "documents of text are text": (
        [
            {
                "role": "user",
                "content": [
                    {
                        "type": "document",
                        "source": {"type": "text", "media_type": "text/plain", "data": "words"},
                        "title": "T",
                    }
                ],
            }
        ],
        [{"role": "user", "content": [_text("T"), _text("words")]}],
    ),
    "documents of blocks are their blocks": (
        [
            {
                "role": "user",
                "content": [{"type": "document", "source": {"type": "content", "content": [_text("a"), _PNG]}}],
            }
        ],
        [{"role": "user", "content": [_text("a"), _PNG_PART]}],
    ),
    "search results are text": (
        [
            {
                "role": "user",
                "content": [
                    {"type": "search_result", "title": "T", "source": "https://x.test", "content": [_text("a")]}
                ],
            }
        ],
        [{"role": "user", "content": "T\nhttps://x.test\na"}],
    ),
    "calls and their results keep their ids, results before text": (
        [
            _HI,
            {"role": "assistant", "content": [_text("Let me see."), _call("toolu_1", city="Ulm"), _call("toolu_2")]},
            {
                "role": "user",
                "content": [
                    _text("Thanks."),
                    _result("toolu_1", "sunny"),
                    _result("toolu_2", [_text("a"), _text("b")]),
                ],
            },
        ],
        [
            _HI,
            {
                "role": "assistant",
                "content": "Let me see.",
                "tool_calls": [_called("toolu_1", '{"city":"Ulm"}'), _called("toolu_2", "{}")],
            },
            {"role": "tool", "tool_call_id": "toolu_1", "content": "sunny"},
            {"role": "tool", "tool_call_id": "toolu_2", "content": "a\nb"},
            {"role": "user", "content": "Thanks."},
        ],
    ),
    "results of one turn in two messages still stand together": (
        [
            {"role": "assistant", "content": [_call("a"), _call("b")]},
            {"role": "user", "content": [_result("a", "1"), _text("and")]},
            {"role": "user", "content": [_result("b", "2")]},
        ],
        [
            {"role": "assistant", "content": None, "tool_calls": [_called("a", "{}"), _called("b", "{}")]},
            {"role": "tool", "tool_call_id": "a", "content": "1"},
            {"role": "tool", "tool_call_id": "b", "content": "2"},
            {"role": "user", "content": "and"},
        ],
    ),
    "an error says so, a result may be empty": (
        [
            {"role": "assistant", "content": [_call("a"), _call("b")]},
            {"role": "user", "content": [_result("a", "no such city", is_error=True), _result("b", None)]},
        ],
        [
            {"role": "assistant", "content": None, "tool_calls": [_called("a", "{}"), _called("b", "{}")]},
            {"role": "tool", "tool_call_id": "a", "content": "Error: no such city"},
            {"role": "tool", "tool_call_id": "b", "content": ""},
        ],
    ),
    "images of results follow in the user's message": (
        [
            {"role": "assistant", "content": [_call("a", "shot")]},
            {"role": "user", "content": [_result("a", [_PNG]), _text("What is it?")]},
        ],
        [
            {"role": "assistant", "content": None, "tool_calls": [_called("a", "{}", "shot")]},
            {"role": "tool", "tool_call_id": "a", "content": "The result is attached to the next message."},
            {
                "role": "user",
                "content": [_text("Attached to the result of tool call a:"), _PNG_PART, _text("What is it?")],
            },
        ],
    ),
    "earlier reasoning has no place": (
        [
            _HI,
            {
                "role": "assistant",
                "content": [
                    {"type": "thinking", "thinking": "hm", "signature": "s"},
                    {"type": "redacted_thinking", "data": "x"},
                    _text("Yes."),
                ],
            },
            {"role": "user", "content": "Why?"},
        ],
        [_HI, {"role": "assistant", "content": "Yes."}, {"role": "user", "content": "Why?"}],
    ),
    "a reference to a tool is text": (
        [
            {"role": "assistant", "content": [_call("a", "find")]},
            {"role": "user", "content": [_result("a", [{"type": "tool_reference", "tool_name": "weather"}])]},
        ],
        [
            {"role": "assistant", "content": None, "tool_calls": [_called("a", "{}", "find")]},
            {"role": "tool", "tool_call_id": "a", "content": "Tool: weather"},
        ],
    ),
}


@pytest.mark.parametrize(("messages", "expected"), _CONVERSATIONS.values(), ids=_CONVERSATIONS)
def test_conversations(messages, expected):
    translated = _translate(_body(*messages), strict=True)

    assert translated.body["messages"] == expected


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({"stream": True}, {"stream": True, "stream_options": {"include_usage": True}}),
        ({"stream": False}, {}),
        ({"stop_sequences": ["a", "b"]}, {"stop": ["a", "b"]}),
        ({"stop_sequences": []}, {}),
        ({"temperature": 0.5, "top_p": 0}, {"temperature": 0.5, "top_p": 0}),
        ({"metadata": {"user_id": "u-1"}}, {"user": "u-1"}),
        ({"metadata": {"user_id": None}}, {}),
        (
            {"metadata": {"user_id": "u" * 65}},
            {"user": hashlib.sha256(b"u" * 65).hexdigest()},
        ),
        ({"service_tier": "auto"}, {"service_tier": "auto"}),
        ({"service_tier": "standard_only"}, {"service_tier": "default"}),
        ({"cache_control": {"type": "ephemeral"}, "drop_tuning_params": False}, {}),
        ({"mcp_servers": [], "inference_geo": "global", "speed": "standard", "container": None}, {}),
        (
            {"output_config": {"format": {"type": "json_schema", "schema": {**_CLOSED, "title": "City"}}}},
            {
                "response_format": {
                    "type": "json_schema",
                    "json_schema": {"name": "City", "schema": {**_CLOSED, "title": "City"}, "strict": True},
                }
            },
        ),
        (
            {"output_format": {"type": "json_schema", "schema": _CLOSED}},
            {
                "response_format": {
                    "type": "json_schema",
                    "json_schema": {"name": "answer", "schema": _CLOSED, "strict": True},
                }
            },
        ),
        ({"tools": [], "tool_choice": {"type": "auto", "disable_parallel_tool_use": True}}, {}),
        (
            {"tools": [{**_TOOL, "type": "custom", "strict": True, "input_schema": _CLOSED}]},
            {
                "tools": [
                    {
                        "type": "function",
                        "function": {
                            "name": "weather",
                            "description": "Says the weather.",
                            "parameters": _CLOSED,
                            "strict": True,
                        },
                    }
                ]
            },
        ),
        (
            {"tools": [{"name": "now", "input_schema": {"type": "object"}}]},
            {
                "tools": [
                    {
                        "type": "function",
                        "function": {"name": "now", "parameters": {"type": "object", "properties": {}}},
                    }
                ]
            },
        ),
    ],
)
def test_parameters_that_are_mapped(parameters, expected):
    assert _translate(_body(**parameters), strict=True).body == {**_translate(_body()).body, **expected}


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ({"type": "auto"}, {"tool_choice": "auto"}),
        ({"type": "any"}, {"tool_choice": "required"}),
        ({"type": "none"}, {"tool_choice": "none"}),
        ({"type": "tool", "name": "t"}, {"tool_choice": {"type": "function", "function": {"name": "t"}}}),
        (
            {"type": "any", "disable_parallel_tool_use": True},
            {"tool_choice": "required", "parallel_tool_calls": False},
        ),
        ({"type": "auto", "disable_parallel_tool_use": False}, {"tool_choice": "auto"}),
    ],
)
def test_the_choice_of_tools(choice, expected):
    body = _translate(_body(tools=[_TOOL], tool_choice=choice)).body

    assert {name: body[name] for name in ("tool_choice", "parallel_tool_calls") if name in body} == expected


_ENABLED = {"thinking": {"type": "enabled", "budget_tokens": 10_000}}
_ADAPTIVE = {"thinking": {"type": "adaptive"}}
_DISABLED = {"thinking": {"type": "disabled"}}


def _effort(effort):
    return {"output_config": {"effort": effort}}


@pytest.mark.parametrize(
    ("model", "parameters", "effort", "dropped"),
    [
        ("some-model", {}, None, ()),
        ("some-model", _ENABLED, "medium", ()),
        ("some-model", {"thinking": {"type": "enabled", "budget_tokens": 4_000}}, "low", ()),
        ("some-model", {"thinking": {"type": "enabled", "budget_tokens": 31_999}}, "high", ()),
        ("some-model", _ADAPTIVE, None, ()),
        ("some-model", {**_ADAPTIVE, **_effort("max")}, "high", ()),
        ("some-model", _DISABLED, None, ("thinking",)),
        ("some-model", {"thinking": {"type": "between_tools"}}, None, ("thinking.type",)),
        ("some-model", {"thinking": {"type": "adaptive", "display": "omitted"}}, None, ("thinking.display",)),
        ("gpt-4.1", _ENABLED, None, ("thinking",)),
        ("gpt-4o", _effort("low"), None, ("output_config.effort",)),
        ("gpt-4o", _DISABLED, None, ()),
        ("o3", _DISABLED, "low", ()),
        ("gpt-5-mini", _DISABLED, "minimal", ()),
        ("gpt-5-2025-08-07", _effort("xhigh"), "high", ()),
        ("gpt-5.1", {**_ENABLED, **_effort("low")}, "low", ()),
        ("gpt-5.2", _effort("xhigh"), "xhigh", ()),
        ("gpt-5.2", {**_DISABLED, **_effort("high")}, "none", ()),
        ("gpt-6-astra", _effort("max"), "max", ()),
        ("gpt-5.4", _effort("high"), "high", ()),
        ("gpt-5.4", {**_effort("high"), "tools": [_TOOL]}, "none", ("output_config.effort",)),
        ("gpt-5.6", {**_ADAPTIVE, "tools": [_TOOL]}, "none", ("thinking",)),
        ("gpt-5.6", {"tools": [_TOOL]}, "none", ()),
        ("gpt-5.2", {**_effort("high"), "tools": [_TOOL]}, "high", ()),
        ("openai/gpt-5.6", {**_effort("high"), "tools": [_TOOL]}, "high", ()),
    ],
)
def test_thinking_and_effort_become_what_the_model_has(model, parameters, effort, dropped):
    translated = _translate(_body(**parameters), model=model)

    assert (translated.body.get("reasoning_effort"), tuple(translated.dropped)) == (effort, dropped)


@pytest.mark.parametrize(
    ("model", "parameters", "kept", "dropped"),
    [
        ("gpt-5", {"temperature": 1, "top_p": 1.0}, {}, ()),
        ("gpt-5", {"temperature": 0, "top_p": 0.9}, {}, ("temperature", "top_p")),
        ("gpt-5.2", {"temperature": 0}, {"temperature": 0}, ()),
        ("gpt-5.2", {"temperature": 0, **_effort("low")}, {}, ("temperature",)),
        ("gpt-4.1", {"temperature": 0}, {"temperature": 0}, ()),
        ("some-model", {"temperature": 0, **_effort("low")}, {"temperature": 0}, ()),
    ],
)
def test_sampling_is_left_out_where_the_model_takes_none(model, parameters, kept, dropped):
    translated = _translate(_body(**parameters), model=model)

    assert {name: translated.body[name] for name in ("temperature", "top_p") if name in translated.body} == kept
    assert tuple(translated.dropped) == dropped


@pytest.mark.parametrize(
    ("budget", "effort"), [(8_191, "low"), (8_192, "medium"), (24_575, "medium"), (24_576, "high")]
)
def test_budgets_stand_for_efforts(budget, effort):
    body = _body(thinking={"type": "enabled", "budget_tokens": budget})

    assert _translate(body).body["reasoning_effort"] == effort


@given(st.sampled_from(["o3", "gpt-5", "gpt-5.1", "gpt-5.4", "gpt-7", "gpt-4o", "any"]), st.sampled_from(EFFORTS))
def test_a_family_offers_only_efforts_that_it_has(model, effort):
    family = family_of(model)

    assert family.nearest(effort) in (*family.efforts, "")
    assert effort not in family.efforts or family.nearest(effort) == effort


_DROPS = {
    "top_k": ({"top_k": 0}, "top_k", "top_k"),
    "context": ({"context_management": {"edits": []}}, "context_management", "context_management"),
    "container": ({"container": "c"}, "container", "container"),
    "speed": ({"speed": "fast"}, "speed", "speed"),
    "unknown": ({"brand_new": 1}, "brand_new", "brand_new"),
    "unprintable": ({"a\r\nb: ü" + "x" * 99: 1}, "a??b???" + "x" * 57, "a??b???" + "x" * 57),
    "metadata": ({"metadata": {"user_id": "u", "more": 1}}, "metadata.more", "metadata.more"),
    "defer_loading": ({"tools": [{**_TOOL, "defer_loading": True}]}, "tools[].defer_loading", "tools[0].defer_loading"),
    "0 is not false": ({"tools": [{**_TOOL, "defer_loading": 0}]}, "tools[].defer_loading", "tools[0].defer_loading"),
    "within a format": (
        {"output_format": {"type": "json_schema", "schema": _CLOSED, "name": "x"}},
        "output_format.name",
        "output_format.name",
    ),
    "within a source": (
        {"messages": [{"role": "user", "content": [{**_PNG, "source": {**_PNG["source"], "more": 1}}]}]},
        "messages[].content[].source.more",
        "messages[0].content[0].source.more",
    ),
    "strict": ({"tools": [{**_TOOL, "strict": True}]}, "tools[].strict", "tools[0].strict"),
    "what a server's tool found": (
        {
            "messages": [
                _HI,
                {"role": "assistant", "content": [{"type": "server_tool_use", "id": "s"}, _text("Found.")]},
                {"role": "assistant", "content": [{"type": "server_tool_use", "id": "s"}]},
                _HI,
            ]
        },
        "messages[].content[type=server_tool_use]",
        "messages[1].content[0].type",
    ),
    "format": (
        {"output_config": {"format": {"type": "json_schema", "schema": _SCHEMA}}},
        "output_config.format",
        "output_config.format.schema",
    ),
    "citations": (
        {
            "messages": [
                {
                    "role": "user",
                    "content": [
                        {
                            "type": "document",
                            "source": {"type": "text", "media_type": "text/plain", "data": "d"},
                            "citations": {"enabled": True},
                        }
                    ]
                    * 2,
                }
            ]
        },
        "messages[].content[].citations",
        "messages[0].content[0].citations",
    ),
}


@pytest.mark.parametrize(("parameters", "name", "path"), _DROPS.values(), ids=_DROPS)
def test_what_is_dropped_is_reported_once_or_refused_on_demand(parameters, name, path):
    body = _body(**parameters)
    refusal = _refusal(body, strict=True)

    assert tuple(_translate(body).dropped) == (name,)
    assert (refusal.type, refusal.param) == ("unsupported_parameter", path)
    assert "anthropic -> openai" in refusal.message


_REFUSALS = {
    "mcp_servers": (_body(mcp_servers=[{"type": "url", "url": "https://x.test", "name": "x"}]), "mcp_servers"),
    "inference_geo": (_body(inference_geo="us"), "inference_geo"),
    "thread": (_body(thread={"type": "create"}), "thread"),
    "max_tokens": ({**_body(), "max_tokens": 0}, "max_tokens"),
    "stop_sequences": (_body(stop_sequences=list("abcde")), "stop_sequences"),
    "server tool": (_body(tools=[_TOOL, {"type": "web_search_20250305", "name": "web_search"}]), "tools[1].type"),
    "prefill": (_body(_HI, {"role": "assistant", "content": "{"}), "messages[1]"),
    "PDF by URL": (
        _body({"role": "user", "content": [{"type": "document", "source": {"type": "url", "url": "https://x.test"}}]}),
        "messages[0].content[0].source.type",
    ),
    "image by id": (
        _body({"role": "user", "content": [{"type": "image", "source": {"type": "file", "file_id": "f"}}]}),
        "messages[0].content[0].source.type",
    ),
    "unknown block": (_body({"role": "user", "content": [{"type": "smell"}]}), "messages[0].content[0].type"),
}


@pytest.mark.parametrize(("body", "path"), _REFUSALS.values(), ids=_REFUSALS)
def test_what_cannot_be_translated_is_refused_by_name(body, path):
    refusal = _refusal(body)

    assert (refusal.type, refusal.status, refusal.param) == ("unsupported_parameter", 400, path)
    assert path in refusal.message
    assert "anthropic -> openai" in refusal.message


_MISTAKES = {
    "no messages": ({"max_tokens": 1}, "messages"),
    "empty messages": (_body(messages=[]), "messages"),
    "no max_tokens": ({"messages": [_HI]}, "max_tokens"),
    "max_tokens true": ({**_body(), "max_tokens": True}, "max_tokens"),
    "role": (_body({"role": "tool", "content": "x"}), "messages[0].role"),
    "empty content": (_body({"role": "user", "content": []}), "messages[0].content"),
    "text": (_body({"role": "user", "content": [{"type": "text"}]}), "messages[0].content[0].text"),
    "call by the user": (_body({"role": "user", "content": [_call("a")]}), "messages[0].content[0].type"),
    "result by the assistant": (
        _body({"role": "assistant", "content": [_result("a", "b")]}, _HI),
        "messages[0].content[0].type",
    ),
    "image in system": (_body(system=[_PNG]), "system[0].type"),
    "input": (
        _body({"role": "assistant", "content": [{**_call("a"), "input": "{}"}]}, _HI),
        "messages[0].content[0].input",
    ),
    "no tool to choose": (_body(tool_choice={"type": "any"}), "tools"),
    "effort": (_body(output_config={"effort": "huge"}), "output_config.effort"),
    "two formats": (
        _body(
            output_format={"type": "json_schema", "schema": _CLOSED},
            output_config={"format": {"type": "json_schema", "schema": _CLOSED}},
        ),
        "output_format",
    ),
}


@pytest.mark.parametrize(("body", "path"), _MISTAKES.values(), ids=_MISTAKES)
def test_mistakes_are_named_by_their_path(body, path):
    refusal = _refusal(body)

    assert (refusal.type, refusal.param) == ("bad_request", path)


def test_what_claude_code_sends():
    ephemeral = {"type": "ephemeral"}
    body = _body(
        {
            "role": "user",
            "content": [_text("<system-reminder>x</system-reminder>"), {**_text("ls"), "cache_control": ephemeral}],
        },
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "", "signature": "sig"},
                _call("toolu_1", "Bash", command="ls"),
            ],
        },
        {"role": "user", "content": [_result("toolu_1", "a.py", is_error=False, cache_control=ephemeral)]},
        system=[{**_text("You are Claude Code"), "cache_control": {**ephemeral, "ttl": "1h"}}, _text("More")],
        tools=[
            {
                "name": "Bash",
                "description": "Runs.",
                "input_schema": {"$schema": "http://json-schema.org/draft-07/schema#", **_CLOSED},
                "eager_input_streaming": True,
                "cache_control": ephemeral,
            }
        ],
        metadata={"user_id": '{"device_id":"' + "0" * 64 + '"}'},
        thinking={"type": "adaptive"},
        context_management={"edits": [{"type": "clear_thinking_20251015", "keep": "all"}]},
        output_config={"effort": "high"},
        temperature=1,
        stream=True,
    )

    translated = _translate(body, model="gpt-5")

    assert tuple(translated.dropped) == ("context_management",)
    assert translated.body["reasoning_effort"] == "high"
    assert [message["role"] for message in translated.body["messages"]] == ["system", "user", "assistant", "tool"]
    assert len(translated.body["user"]) == 64


@pytest.mark.parametrize(
    ("schema", "fits"),
    [
        (_CLOSED, True),
        (_SCHEMA, False),
        ({**_CLOSED, "required": []}, False),
        ({**_CLOSED, "anyOf": []}, False),
        ({**_CLOSED, "properties": {"city": {"type": "string", "default": "Ulm"}}}, False),
        ({**_CLOSED, "properties": {"city": {"type": "array", "items": _SCHEMA}}}, False),
        ({**_CLOSED, "properties": {"city": {"anyOf": [_CLOSED, {"type": "null"}]}}}, True),
        ({**_CLOSED, "properties": {"city": {"anyOf": [_SCHEMA, {"type": "null"}]}}}, False),
        ({**_CLOSED, "properties": {"city": {"type": ["object", "null"]}}}, False),
        ({**_CLOSED, "$defs": {"x": {"allOf": []}}}, False),
        ({"type": "string"}, False),
    ],
)
def test_what_strict_mode_can_hold(schema, fits):
    assert fits_strict_mode(schema) is fits


def test_the_table_has_every_parameter_of_the_sdk():
    documented = {
        *message_create_params.MessageCreateParamsBase.__annotations__,
        *beta_params.MessageCreateParamsBase.__annotations__,
        "stream",
    }

    assert {name for name in documented if name not in TABLE.rows} == set()
    assert all(row.note for row in TABLE.rows.values())


@pytest.mark.parametrize("union", [BetaContentBlockParam, ToolResultContent])
def test_the_table_has_every_kind_of_block_of_the_sdk(union):
    params = [member for member in typing.get_args(union) if hasattr(member, "__total__")]
    kinds = {typing.get_args(typing.get_type_hints(param)["type"])[0] for param in params}

    assert len(kinds) > 5
    assert {kind for kind in kinds if f"messages[].content[type={kind}]" not in TABLE.rows} == set()


@pytest.mark.parametrize(
    ("param", "name"),
    [
        (ToolParam, "tools[]"),
        (MetadataParam, "metadata"),
        (BetaOutputConfigParam, "output_config"),
        (ThinkingConfigEnabledParam, "thinking"),
        (ToolChoiceToolParam, "tool_choice"),
        (TextBlockParam, "system[]"),
        (TextBlockParam, "messages[].content[]"),
        (DocumentBlockParam, "messages[].content[]"),
        (ImageBlockParam, "messages[].content[]"),
        (SearchResultBlockParam, "messages[].content[]"),
    ],
)
def test_the_table_has_every_member_of_the_sdk(param, name):
    assert {member for member in param.__annotations__ if f"{name}.{member}" not in TABLE.rows} == set()


def test_no_top_level_row_is_of_no_effect():
    """A row that says dropped or refused is what happens to the parameter."""
    for name, row in TABLE.rows.items():
        if "." in name or "[" in name:
            continue
        if row.treatment is Treatment.DROPPED:
            assert name in _translate(_body(**{name: "value"})).dropped
        elif row.treatment is Treatment.REFUSED:
            assert _refusal(_body(**{name: "value"})).param == name
        elif row.treatment is Treatment.IGNORED:
            assert _translate(_body(**{name: "value"}), strict=True).dropped == ()


_words = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
_identifiers = st.from_regex(r"toolu_[a-z0-9]{1,8}", fullmatch=True)
_scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | _words
_json = st.recursive(
    _scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_words, inner, max_size=3), max_leaves=8
)
_texts = st.builds(_text, _words)
_results_content = _words | st.lists(_texts | st.just(_PNG), max_size=3)


@st.composite
def _exchanges(draw):
    messages = []
    for _ in range(draw(st.integers(0, 3))):
        messages.append(
            {"role": "user", "content": draw(_words | st.lists(_texts | st.just(_PNG), min_size=1, max_size=3))}
        )
        calls = [
            {
                "type": "tool_use",
                "id": identifier,
                "name": "t",
                "input": draw(st.dictionaries(_words, _json, max_size=3)),
            }
            for identifier in draw(st.lists(_identifiers, max_size=3, unique=True))
        ]
        said = draw(st.lists(_texts, min_size=0 if calls else 1, max_size=2))
        messages.append({"role": "assistant", "content": [*said, *calls]})
        results = [_result(call["id"], draw(_results_content)) for call in calls]
        if results:
            messages.append({"role": "user", "content": draw(st.permutations(results))})
    messages.append({"role": "user", "content": draw(_words)})
    return messages


@given(_exchanges())
def test_generated_conversations_keep_every_word_call_and_result(messages):
    translated = _translate(_body(*messages), strict=True).body["messages"]
    blocks = [
        block
        for message in messages
        for block in ([_text(message["content"])] if isinstance(message["content"], str) else message["content"])
    ]

    calls = [call for message in translated for call in message.get("tool_calls", [])]
    assert [(call["id"], call["function"]["name"], json.loads(call["function"]["arguments"])) for call in calls] == [
        (block["id"], block["name"], block["input"]) for block in blocks if block["type"] == "tool_use"
    ]
    said = [
        part["text"]
        for message in translated
        if message["role"] in ("user", "assistant") and message["content"] is not None
        for part in ([_text(message["content"])] if isinstance(message["content"], str) else message["content"])
        if part["type"] == "text" and not part["text"].startswith("Attached to the result of tool call toolu_")
    ]
    assert said == [block["text"] for block in blocks if block["type"] == "text"]
    _assert_results_follow_their_calls(translated)


def _assert_results_follow_their_calls(translated):
    for position, message in enumerate(translated):
        called = [call["id"] for call in message.get("tool_calls", [])]
        behind = translated[position + 1 : position + 1 + len(called)]
        if called:
            assert sorted(called) == sorted(answer.get("tool_call_id", "") for answer in behind)


_FULL = _body(
    {
        "role": "user",
        "content": [
            _text("a"),
            _PNG,
            {"type": "document", "source": _PDF, "title": "t", "context": "c", "citations": {"enabled": False}},
            {"type": "document", "source": {"type": "content", "content": [_text("x")]}},
            {"type": "search_result", "title": "t", "source": "s", "content": [_text("x")]},
        ],
    },
    {"role": "assistant", "content": [_text("b"), {"type": "thinking", "thinking": "x"}, _call("i", city="x")]},
    {"role": "user", "content": [_result("i", [_text("r"), _PNG], is_error=True)]},
    system=[_text("s")],
    tools=[{**_TOOL, "strict": True}],
    tool_choice={"type": "tool", "name": "weather", "disable_parallel_tool_use": True},
    thinking={"type": "enabled", "budget_tokens": 2000, "display": "omitted"},
    output_config={"effort": "low", "format": {"type": "json_schema", "schema": _CLOSED}},
    metadata={"user_id": "u"},
    stop_sequences=["x"],
    service_tier="auto",
    temperature=1,
    top_p=0.5,
    stream=True,
)


def _places(value, path=()):
    yield path
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in members:
        yield from _places(inner, (*path, key))


_PLACES = [path for path in _places(_FULL) if path]


def _with(body, path, value):
    changed = copy.deepcopy(body)
    inner = changed
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    return changed


def _outcome(body, **how):
    try:
        return ANTHROPIC_TO_OPENAI.request(body, **how)
    except GatewayError as refusal:
        return refusal


@given(st.sampled_from(_PLACES), _json, st.booleans(), st.sampled_from(["gpt-5", "gpt-5.6", "gpt-4o", "any"]))
def test_any_json_in_any_place_is_translated_or_refused_with_a_path(place, value, strict, model):
    outcome = _outcome(_with(_FULL, place, value), model=model, strict=strict)

    if isinstance(outcome, GatewayError):
        assert outcome.type in ("bad_request", "unsupported_parameter")
        assert outcome.param
        assert outcome.param.isascii()
    else:
        assert json.loads(json.dumps(outcome.body)) == outcome.body


@pytest.mark.parametrize("place", _PLACES)
def test_every_place_survives_every_type(place):
    for value in (None, 1, True, "x", [], {}, [1], {"type": 1}):
        outcome = _outcome(_with(_FULL, place, value), model="m", strict=False)

        assert not isinstance(outcome, GatewayError) or outcome.param


def test_the_full_request_is_translated():
    """Otherwise the tests above would only ever meet its first mistake."""
    assert tuple(_translate(_FULL, model="m").dropped) == ("thinking.display", "tools[].strict")


def test_arguments_nested_beyond_reason_are_refused():
    deep = {}
    for _ in range(100_000):
        deep = {"a": deep}
    body = _body({"role": "assistant", "content": [{**_call("a"), "input": deep}]}, _HI)

    assert _refusal(body).param == "messages[0].content[0].input"
