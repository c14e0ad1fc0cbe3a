"""The provider's side of Gemini's own API: what is asked in it, and what its answers say."""

import json
from typing import Any

import pytest

from gateway.errors import GatewayError
from gateway.lanes.answer import (
    ArgumentsPiece,
    Begun,
    CallBegun,
    Called,
    CallEnd,
    Citation,
    Cited,
    SaidText,
    Stopped,
    TextEnd,
    TextPiece,
    Thought,
    ThoughtEnd,
    ThoughtPiece,
    UsageStated,
)
from gateway.lanes.base import Asked, UntranslatableAnswer
from gateway.lanes.conversation import Opaque
from gateway.lanes.generate_content.read_answer import ContentEvents, read_answer, read_error
from gateway.lanes.pairs import TRANSLATIONS
from gateway.lanes.provider_error import ProviderError
from gateway.lanes.sealing import PREFIX, Seal
from gateway.shapes.ending import Stop
from gateway.shapes.targets import fit
from tests.support.folded import folded

SEAL = Seal((b"k" * 32,))
ASKED = Asked(model="smart", include_usage=False, request_id="grq_1", created=1, provider="google", seal=SEAL)
LANE = TRANSLATIONS["messages", "generate_content"]
SIGNED = Opaque("gemini", {"thoughtSignature": "c2ln"})
HI = {"role": "user", "content": "Hi"}
TOOL = {"name": "look", "input_schema": {"type": "object", "properties": {"at": {"type": "string"}}}}
DECLARED = {"name": "look", "parametersJsonSchema": TOOL["input_schema"]}
PNG = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw=="}}


def written(model: str = "gemini-3-flash-preview", *, lane: Any = LANE, strict: bool = False, **body: Any) -> Any:
    asked = {"model": "smart", "max_tokens": 9000, "messages": [HI], **body}
    return lane.request(asked, model=model, strict=strict, provider="google", seal=SEAL)


def sent(model: str = "gemini-3-flash-preview", **body: Any) -> Any:
    return written(model, **body).body


def called(*calls: str) -> dict[str, Any]:
    uses = [{"type": "tool_use", "id": call, "name": f"f_{call}", "input": {"a": 1}} for call in calls]
    return {"role": "assistant", "content": uses}


def returned(*results: tuple[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "role": "user",
        "content": [{"type": "tool_result", "tool_use_id": call, "content": said, **more} for call, said in results],
    }


def test_a_request():
    body = sent(
        system="Be brief.",
        temperature=0.5,
        top_p=0.9,
        top_k=40,
        stop_sequences=["END"],
        tools=[{**TOOL, "description": "Looks."}],
        tool_choice={"type": "any"},
    )

    assert body == {
        "contents": [{"role": "user", "parts": [{"text": "Hi"}]}],
        "systemInstruction": {"parts": [{"text": "Be brief."}]},
        "tools": [{"functionDeclarations": [{**DECLARED, "description": "Looks."}]}],
        "toolConfig": {"functionCallingConfig": {"mode": "ANY"}},
        "generationConfig": {
            "maxOutputTokens": 9000,
            "temperature": 0.5,
            "topP": 0.9,
            "topK": 40,
            "stopSequences": ["END"],
        },
    }


@pytest.mark.parametrize(
    ("choice", "config"),
    [
        ({"type": "auto"}, {"mode": "AUTO"}),
        ({"type": "none"}, {"mode": "NONE"}),
        ({"type": "any"}, {"mode": "ANY"}),
        ({"type": "tool", "name": "look"}, {"mode": "ANY", "allowedFunctionNames": ["look"]}),
    ],
)
def test_which_tool_is_called(choice, config):
    assert sent(tools=[TOOL], tool_choice=choice)["toolConfig"] == {"functionCallingConfig": config}


def test_tools_that_may_not_be_called_are_not_declared():
    responses = TRANSLATIONS["responses", "generate_content"]
    tools = [{"type": "function", "name": name, "parameters": None, "strict": False} for name in ("a", "b")]
    choice = {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "b"}]}
    asked = {"model": "m", "input": "Hi", "tools": tools, "tool_choice": choice}
    body = responses.request(asked, model="gemini-2.5-pro", strict=True).body

    assert [one["name"] for one in body["tools"][0]["functionDeclarations"]] == ["b"]


@pytest.mark.parametrize(
    ("part", "parts"),
    [
        (PNG, [{"inlineData": {"mimeType": "image/png", "data": "iVBORw=="}}]),
        (
            {"type": "image", "source": {"type": "url", "url": "https://a.example/b.png?c=d"}},
            [{"fileData": {"mimeType": "image/png", "fileUri": "https://a.example/b.png?c=d"}}],
        ),
        (
            {"type": "image", "source": {"type": "url", "url": "https://a.example/b"}},
            [{"fileData": {"fileUri": "https://a.example/b"}}],
        ),
        (
            {
                "type": "document",
                "title": "Plan",
                "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBERg=="},
            },
            [{"text": "Plan"}, {"inlineData": {"mimeType": "application/pdf", "data": "JVBERg=="}}],
        ),
        (
            {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "words"}},
            [{"text": "words"}],
        ),
        ({"type": "text", "text": " "}, []),
    ],
)
def test_what_is_shown(part, parts):
    content = [{"type": "text", "text": "See."}, part]

    assert sent(messages=[{"role": "user", "content": content}])["contents"][0]["parts"] == [{"text": "See."}, *parts]


def test_results_stand_first_in_the_order_of_the_calls_and_are_named_by_them():
    results = returned(("2", "two"), ("1", [{"type": "text", "text": "one"}]))
    results["content"].append({"type": "text", "text": "So?"})
    contents = sent(messages=[HI, called("1", "2"), results])["contents"]

    assert contents[2]["parts"] == [
        {"functionResponse": {"id": "1", "name": "f_1", "response": {"output": "one"}}},
        {"functionResponse": {"id": "2", "name": "f_2", "response": {"output": "two"}}},
        {"text": "So?"},
    ]


@pytest.mark.parametrize(
    ("model", "parts"),
    [
        (
            "gemini-3-pro-preview",
            [
                {
                    "functionResponse": {
                        "id": "1",
                        "name": "f_1",
                        "response": {"error": "no"},
                        "parts": [{"inlineData": {"mimeType": "image/png", "data": "iVBORw=="}}],
                    }
                }
            ],
        ),
        (
            "gemini-2.5-flash",
            [
                {"functionResponse": {"name": "f_1", "response": {"error": "no"}}},
                {"inlineData": {"mimeType": "image/png", "data": "iVBORw=="}},
            ],
        ),
    ],
)
def test_what_a_tool_shows_and_that_it_failed(model, parts):
    result = returned(("1", [{"type": "text", "text": "no"}, PNG]), is_error=True)

    assert sent(model, messages=[HI, called("1"), result])["contents"][2]["parts"] == parts


def test_a_result_of_no_call_is_refused():
    with pytest.raises(GatewayError) as refused:
        written(messages=[HI, returned(("1", "x"))])

    assert (refused.value.type, refused.value.param) == ("bad_request", "messages[1].content[0]")


@pytest.mark.parametrize(
    ("model", "signatures"),
    [
        ("gemini-3-pro-preview", ["skip_thought_signature_validator", None]),
        ("models/gemini-4-flash", ["skip_thought_signature_validator", None]),
        ("gemini-2.5-pro", [None, None]),
    ],
)
def test_calls_of_other_models_are_signed_where_signatures_are_demanded(model, signatures):
    contents = sent(model, messages=[HI, called("1", "2"), returned(("1", "x"), ("2", "y"))])["contents"]

    assert [part.get("thoughtSignature") for part in contents[1]["parts"]] == signatures


def test_signatures_come_back_where_they_were():
    parts = [
        {"text": "hm", "thought": True, "thoughtSignature": "b25l"},
        {"text": "So.", "thoughtSignature": "dHdv"},
        {"functionCall": {"id": "1", "name": "look", "args": {"a": 1}}, "thoughtSignature": "dGhyZWU="},
        {"functionCall": {"id": "2", "name": "look", "args": {}}},
    ]
    answer = json.loads(LANE.response(whole(*parts), ASKED))
    said = {"role": "assistant", "content": answer["content"]}
    contents = sent(messages=[HI, said, returned(("1", "x"), ("2", "y"))])["contents"]

    assert PREFIX in json.dumps(answer)
    # A text and its signature may stand in two parts, as they do in a stream.
    assert contents[1]["parts"] == [parts[0], {"text": "So."}, {"text": "", "thoughtSignature": "dHdv"}, *parts[2:]]


MESSAGES_THINKING: list[tuple[str, dict[str, Any], dict[str, Any] | None, tuple[str, ...]]] = [
    ("gemini-2.5-pro", {"type": "enabled", "budget_tokens": 2000}, {"thinkingBudget": 2000}, ()),
    (
        "gemini-2.5-flash",
        {"type": "enabled", "budget_tokens": 30_000},
        {"thinkingBudget": 24_576},
        ("thinking.budget_tokens",),
    ),
    ("gemini-2.5-flash", {"type": "disabled"}, {"thinkingBudget": 0}, ()),
    ("gemini-2.5-pro", {"type": "disabled"}, {"thinkingBudget": 128}, ("thinking",)),
    ("gemini-2.5-flash", {"type": "adaptive"}, {}, ()),
    ("gemini-3-pro-preview", {"type": "enabled", "budget_tokens": 2000}, {"thinkingLevel": "low"}, ()),
    ("gemini-3-pro-preview", {"type": "enabled", "budget_tokens": 9000}, {"thinkingLevel": "high"}, ()),
    ("gemini-3.1-pro-preview", {"type": "enabled", "budget_tokens": 9000}, {"thinkingLevel": "medium"}, ()),
    ("gemini-3-flash-preview", {"type": "enabled", "budget_tokens": 30_000}, {"thinkingLevel": "high"}, ()),
    ("gemini-3-flash-preview", {"type": "disabled"}, {"thinkingLevel": "minimal"}, ("thinking",)),
    ("gemini-2.0-flash", {"type": "enabled", "budget_tokens": 2000}, None, ("thinking",)),
    ("gemini-2.0-flash", {"type": "disabled"}, None, ()),
    ("gemma-3-27b-it", {"type": "adaptive"}, None, ("thinking",)),
]


@pytest.mark.parametrize(("model", "thinking", "config", "dropped"), MESSAGES_THINKING)
def test_how_models_are_told_to_think(model, thinking, config, dropped):
    done = written(model, max_tokens=40_000, thinking=thinking)
    shown = {} if thinking["type"] == "disabled" else {"includeThoughts": True}

    wanted = None if config is None else {**config, **shown}
    assert done.body["generationConfig"].get("thinkingConfig") == wanted
    assert done.dropped == dropped


@pytest.mark.parametrize(
    ("model", "effort", "limit", "config"),
    [
        ("gemini-2.5-pro", "high", None, {"thinkingBudget": 24_576}),
        ("gemini-2.5-pro", "xhigh", None, {"thinkingBudget": 32_768}),
        ("gemini-2.5-flash", "xhigh", None, {"thinkingBudget": 24_576}),
        ("gemini-2.5-flash", "high", 4000, {"thinkingBudget": 2000}),
        ("gemini-2.5-flash-lite", "low", 100, {"thinkingBudget": 512}),
        ("gemini-3-pro-preview", "medium", None, {"thinkingLevel": "high"}),
        ("gemini-3-flash-preview", "minimal", None, {"thinkingLevel": "minimal"}),
        ("gemini-3.1-pro-preview", "minimal", None, {"thinkingLevel": "low"}),
        ("gemini-flash-latest", "xhigh", None, {"thinkingLevel": "high"}),
    ],
)
def test_an_effort(model, effort, limit, config):
    asked = {"model": "m", "input": "Hi", "reasoning": {"effort": effort}}
    asked |= {} if limit is None else {"max_output_tokens": limit}
    body = TRANSLATIONS["responses", "generate_content"].request(asked, model=model, strict=True).body

    assert body["generationConfig"]["thinkingConfig"] == {**config, "includeThoughts": True}


def test_thinking_is_hidden_where_the_client_wants_none_of_it():
    thinking = {"type": "enabled", "budget_tokens": 2000, "display": "omitted"}

    assert sent("gemini-2.5-pro", thinking=thinking)["generationConfig"]["thinkingConfig"] == {"thinkingBudget": 2000}


SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": False}


@pytest.mark.parametrize(
    ("model", "tools", "is_held"),
    [
        ("gemini-2.5-pro", [], True),
        ("gemini-3-pro-preview", [TOOL], True),
        ("gemini-2.5-pro", [TOOL], False),
    ],
)
def test_a_schema_is_held_to_where_the_model_can_be(model, tools, is_held):
    done = written(model, tools=tools, output_config={"format": {"type": "json_schema", "schema": SCHEMA}})

    config = done.body["generationConfig"]
    assert (config.get("responseJsonSchema") == SCHEMA) is is_held
    assert (config.get("responseMimeType") == "application/json") is is_held
    assert ("systemInstruction" in done.body) is not is_held
    assert done.dropped == (() if is_held else ("output_config.format",))


def test_json_of_any_kind():
    asked = {"model": "m", "messages": [HI], "response_format": {"type": "json_object"}}
    body = TRANSLATIONS["chat_completions", "generate_content"].request(asked, model="gemini-2.5-pro", strict=True).body

    assert body["generationConfig"] == {"responseMimeType": "application/json"}


@pytest.mark.parametrize(
    ("tier", "sent_tier"), [("flex", "flex"), ("priority", "priority"), ("default", "standard"), ("auto", None)]
)
def test_tiers(tier, sent_tier):
    asked = {"model": "m", "input": "Hi", "service_tier": tier}
    body = TRANSLATIONS["responses", "generate_content"].request(asked, model="gemini-2.5-pro", strict=True).body

    assert body.get("serviceTier") == sent_tier


def test_what_is_more_than_the_api_has_is_told():
    done = written(stop_sequences=list("abcdefg"))

    assert done.body["generationConfig"]["stopSequences"] == list("abcde")
    assert done.dropped == ("stop_sequences",)
    body = {"generationConfig": {"maxOutputTokens": 128_000}}
    assert fit("gemini", "generate_content", "gemini-2.5-pro", body) == ["maxOutputTokens:max"]
    assert body == {"generationConfig": {"maxOutputTokens": 65_536}}
    assert fit("gemini", "generate_content", "gemini-2.5-pro", {}) == []


# Answers.


def chunk(*parts: Any, finish: str | None = None, usage: Any = None, **candidate: Any) -> bytes:
    stated = {"content": {"role": "model", "parts": list(parts)}, "index": 0, **candidate}
    if finish:
        stated["finishReason"] = finish
    more = {} if usage is None else {"usageMetadata": usage}
    return json.dumps({"candidates": [stated], "responseId": "r1", **more}).encode()


def whole(*parts: Any, finish: str = "STOP", **more: Any) -> bytes:
    return chunk(*parts, finish=finish, **more)


USAGE = {"promptTokenCount": 10, "candidatesTokenCount": 5, "thoughtsTokenCount": 3, "totalTokenCount": 18}


@pytest.mark.parametrize(
    ("parts", "blocks"),
    [
        ([{"text": "So"}, {"text": "."}], [SaidText("So.")]),
        ([{"text": "hm", "thought": True}, {"text": "So."}], [Thought("hm"), SaidText("So.")]),
        (
            [{"text": "a", "thought": True}, {"text": "b", "thought": True, "thoughtSignature": "c2ln"}],
            [Thought("ab", SIGNED)],
        ),
        ([{"text": "So.", "thoughtSignature": "c2ln"}], [SaidText("So."), Thought("", SIGNED)]),
        ([{"text": "", "thoughtSignature": "c2ln"}], [Thought("", SIGNED)]),
        (
            [{"functionCall": {"name": "look", "args": {"a": 1.50}}, "thoughtSignature": "c2ln"}],
            [Called("", "look", '{"a": 1.5}', SIGNED)],
        ),
        ([{"functionCall": {"id": "1", "name": "look"}}], [Called("1", "look", "")]),
        ([{"text": None}, {}], []),
        ([{"text": 5}, "odd", {"text": "So."}], [SaidText("So.")]),
    ],
)
def test_the_parts_of_an_answer_whole_and_streamed(parts, blocks):
    assert list(read_answer(whole(*parts), ASKED).blocks) == blocks

    events = ContentEvents(ASKED)
    pieces = [chunk(part) for part in parts] + [chunk(finish="STOP")]
    assert folded([event for piece in pieces for event in events.feed("", piece)]).blocks == blocks
    assert events.finished


@pytest.mark.parametrize(
    ("parts", "finish", "stop"),
    [
        ([{"text": "x"}], "STOP", Stop.FINISHED),
        ([{"functionCall": {"name": "f", "args": {}}}], "STOP", Stop.TOOL_CALL),
        ([{"functionCall": {"name": "f", "args": {}}}], "MAX_TOKENS", Stop.LENGTH),
        ([], "SAFETY", Stop.FILTERED),
        ([], "MALFORMED_FUNCTION_CALL", Stop.MALFORMED),
        ([], "SOMETHING_NEW", None),
    ],
)
def test_why_it_stopped(parts, finish, stop):
    assert read_answer(whole(*parts, finish=finish), ASKED).stop is stop
    assert ContentEvents(ASKED).feed("", whole(*parts, finish=finish))[-1] == Stopped(stop)


def test_a_prompt_that_is_blocked():
    body = b'{"promptFeedback":{"blockReason":"SAFETY"},"usageMetadata":{"promptTokenCount":4,"totalTokenCount":4}}'
    events = ContentEvents(ASKED)

    assert read_answer(body, ASKED).stop is Stop.FILTERED
    assert events.feed("", body)[-1] == Stopped(Stop.FILTERED)
    assert events.finished


def test_usage_and_the_id():
    answer = read_answer(whole({"text": "x"}, usage=USAGE), ASKED)

    assert answer.id == "r1"
    assert (answer.usage.input_tokens, answer.usage.output_tokens, answer.usage.reasoning_tokens) == (10, 8, 3)


def test_a_stream():
    events = ContentEvents(ASKED)
    first = {"promptTokenCount": 10, "totalTokenCount": 10}
    source = {"groundingChunks": [{"web": {"uri": "https://a.example", "title": "A"}}, {"maps": {}}]}
    said = [
        events.feed("", chunk({"text": "hm", "thought": True}, usage=first)),
        events.feed("", chunk({"text": "So"})),
        events.feed("", chunk({"text": "."}, groundingMetadata=source)),
        events.feed("", chunk({"functionCall": {"name": "f", "args": {"a": 1}}, "thoughtSignature": "c2ln"})),
        events.feed("", chunk(finish="STOP", groundingMetadata=source)),
        events.feed("", chunk({"text": "late"}, finish="STOP", usage=USAGE)),
    ]

    begun, usage = said[0][0], said[-1][0]
    assert isinstance(begun, Begun)
    assert (begun.id, begun.usage.input_tokens) == ("r1", 10)
    assert said[0][1:] == [ThoughtPiece("hm")]
    assert said[1] == [ThoughtEnd(), TextPiece("So")]
    assert said[2] == [TextPiece("."), Cited(Citation("https://a.example", "A"))]
    assert said[3] == [TextEnd(), CallBegun(0, "", "f"), ArgumentsPiece(0, '{"a": 1}'), CallEnd(0, SIGNED)]
    assert said[4] == [Stopped(Stop.TOOL_CALL)]
    assert isinstance(usage, UsageStated)
    assert (len(said[-1]), usage.usage.output_tokens) == (1, 8)


def test_sources_of_a_whole_answer():
    sources = {"groundingChunks": [{"web": {"uri": "https://a.example", "title": "A"}}] * 2}
    answer = read_answer(
        whole({"text": "So."}, {"text": "", "thoughtSignature": "c2ln"}, groundingMetadata=sources), ASKED
    )

    assert answer.blocks == (SaidText("So.", (Citation("https://a.example", "A"),)), Thought("", SIGNED))


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b'{"candidates":[]}', "it has no candidate"),
        (b"[]", "it is no answer of Gemini"),
        (b'{"error":{"code":500,"message":"Broken.","status":"INTERNAL"}}', "Broken."),
        (whole({"inlineData": {"mimeType": "image/png", "data": "x"}}), "neither text nor a call"),
        (whole({"functionCall": {"id": "1", "args": {}}}), "names no function"),
    ],
)
def test_what_is_no_answer(body, reason):
    with pytest.raises(UntranslatableAnswer, match=reason):
        read_answer(body, ASKED)


def test_a_stream_that_fails():
    events = ContentEvents(ASKED)
    events.feed("", chunk({"text": "So"}))

    with pytest.raises(UntranslatableAnswer, match="Overloaded"):
        events.feed("", b'{"error":{"code":503,"message":"Overloaded.","status":"UNAVAILABLE"}}')
    assert not events.finished


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (
            429,
            {"error": {"code": 429, "message": "Quota.", "status": "RESOURCE_EXHAUSTED"}},
            ProviderError("Quota.", "rate_limit_error", "RESOURCE_EXHAUSTED"),
        ),
        (
            400,
            {"error": {"code": 400, "message": "Where?", "status": "FAILED_PRECONDITION"}},
            ProviderError("Where?", "", "FAILED_PRECONDITION"),
        ),
        (
            400,
            [{"error": {"code": 400, "message": "Bad.", "status": "INVALID_ARGUMENT"}}],
            ProviderError("Bad.", "", "INVALID_ARGUMENT"),
        ),
        (503, "busy", ProviderError("busy", "", "")),
    ],
)
def test_errors(status, body, error):
    assert read_error(status, json.dumps(body).encode()) == error
