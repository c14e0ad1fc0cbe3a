"""The client's side of Gemini's own API: what requests ask in it, and what answers look like."""

import base64
import json

import pytest
from google.genai import types

from gateway.errors import GatewayError
from gateway.lanes.answer import ArgumentsPiece, CallBegun, Stopped, TextPiece, ThoughtEnd, ThoughtPiece
from gateway.lanes.base import Asked, UntranslatableAnswer
from gateway.lanes.conversation import Audio, Document, Image, Linked, Opaque, Role, Text
from gateway.lanes.generate_content.client_table import CLIENT
from gateway.lanes.generate_content.read_request import read_request
from gateway.lanes.generate_content.schema import json_schema
from gateway.lanes.generate_content.write_answer import ContentStream, write_error
from gateway.lanes.losses import Losses
from gateway.lanes.pairs import TRANSLATIONS
from gateway.lanes.provider_error import ProviderError
from gateway.lanes.sealing import Seal
from gateway.shapes.ending import Stop

SEAL = Seal((b"k" * 32,))
ASKED = Asked(model="smart", include_usage=False, request_id="grq_1", created=1, provider="up", seal=SEAL)
TABLE = TRANSLATIONS["generate_content", "messages"].table
HI = [{"role": "user", "parts": [{"text": "Hi"}]}]


def read(**body):
    return read_request({"contents": HI, **body}, Losses(TABLE, strict=False), SEAL)


def camel(model):
    return {field.alias or name for name, field in model.model_fields.items()}


@pytest.mark.parametrize(
    ("model", "prefix"),
    [
        (types.Part, "contents[].parts[]."),
        (types.Tool, "tools[]."),
        (types.FunctionDeclaration, "tools[].functionDeclarations[]."),
        (types.GenerationConfig, "generationConfig."),
        (types.ThinkingConfig, "generationConfig.thinkingConfig."),
        (types.ToolConfig, "toolConfig."),
        (types.FunctionCallingConfig, "toolConfig.functionCallingConfig."),
    ],
)
def test_every_parameter_of_the_sdk_has_a_row(model, prefix):
    assert {name for name in camel(model) if f"{prefix}{name}" not in CLIENT} == set()


def test_members_may_be_spelled_as_fields_and_lists_be_one_object():
    asked = read(
        contents={"parts": {"text": "Hi"}},
        system_instruction={"parts": {"text": "Be brief."}},
        generation_config={"max_output_tokens": 6e2, "stop_sequences": ["x"], "top_k": 40.0},
        tools={"function_declarations": {"name": "f", "parameters": {"type": "OBJECT"}}},
        tool_config={"function_calling_config": {"mode": "any", "allowed_function_names": ["f"]}},
    )

    assert [(turn.role, turn.parts[0].text) for turn in asked.turns] == [(Role.USER, "Hi")]
    assert [part.text for part in asked.instructions] == ["Be brief."]
    assert (asked.output_limit.value, asked.stops.value, asked.top_k.value) == (600, ("x",), 40)
    assert [(tool.name, tool.schema) for tool in asked.tools] == [("f", {"type": "object"})]
    assert (asked.choice.mode, asked.choice.name) == ("required", "f")


@pytest.mark.parametrize(
    ("thinking", "mode", "budget", "effort"),
    [
        ({"thinkingBudget": 0}, "disabled", None, None),
        ({"thinkingBudget": -1}, None, None, None),
        ({"thinkingBudget": 2048}, "enabled", 2048, None),
        ({"thinkingLevel": "HIGH"}, None, None, "high"),
        ({"includeThoughts": True}, None, None, None),
    ],
)
def test_how_to_think(thinking, mode, budget, effort):
    reasoning = read(generationConfig={"thinkingConfig": thinking}).reasoning

    stated = [None if one is None else one.value for one in (reasoning.mode, reasoning.budget, reasoning.effort)]
    assert stated == [mode, budget, effort]


def test_results_find_their_calls_by_id_or_in_the_order_of_the_name():
    calls = [
        {"functionCall": {"name": "f", "args": {"n": n}, **more}} for n, more in enumerate(({}, {"id": "own"}, {}))
    ]
    results = [
        {"functionResponse": {"id": "own", "name": "f", "response": {"output": "b"}}},
        {"functionResponse": {"name": "f", "response": {"result": "a"}}},
        {"functionResponse": {"name": "f", "response": {"error": "no"}}},
    ]
    asked = read(contents=[*HI, {"role": "model", "parts": calls}, {"role": "user", "parts": results}])

    ids = [call.id for call in asked.turns[1].parts]
    assert ids[1] == "own"
    assert [(part.call_id, part.parts[0].text, part.failed) for part in asked.turns[2].parts] == [
        ("own", "b", False),
        (ids[0], "a", False),
        (ids[2], '{"error":"no"}', True),
    ]


def test_media_are_what_their_types_say():
    parts = [
        {"inlineData": {"mimeType": kind, "data": "a-_="}} for kind in ("image/png", "audio/wav", "application/pdf")
    ]
    parts.append({"fileData": {"mimeType": "image/png", "fileUri": "https://x.example/p"}})

    found = read(contents=[{"parts": parts}]).turns[0].parts

    assert [type(part) for part in found] == [Image, Audio, Document, Image]
    assert (found[0].source.data, found[3].source) == ("a+/=", Linked("https://x.example/p"))


@pytest.mark.parametrize(
    "body",
    [
        {"contents": [{"role": "system", "parts": []}]},
        {"contents": [{"parts": [{"functionResponse": {"name": "f", "response": {}}}]}]},
        {"contents": [{"parts": [{"fileData": {"fileUri": "gs://bucket/x"}}]}]},
        {"tools": [{"googleSearch": {}}]},
        {"tools": [{"functionDeclarations": [{"name": "a b"}]}]},
        {"generationConfig": {"maxOutputTokens": 1.5}},
    ],
)
def test_what_cannot_be_read_is_refused_with_its_path(body):
    with pytest.raises(GatewayError) as refused:
        read(**body)

    assert refused.value.status == 400
    assert refused.value.param.startswith(next(iter(body)))


def test_schemas_become_json_schema():
    schema = {
        "type": "OBJECT",
        "properties": {"type": {"type": "STRING", "nullable": True}, "n": {"type": "ARRAY", "minItems": "2"}},
        "propertyOrdering": ["type"],
        "anyOf": [{"type": "INTEGER"}],
    }

    assert json_schema(schema) == {
        "type": "object",
        "properties": {"type": {"type": ["string", "null"]}, "n": {"type": "array", "minItems": 2}},
        "anyOf": [{"type": "integer"}],
    }


def chunks(written):
    return [json.loads(line[6:]) for line in written.decode().split("\n\n") if line]


def test_a_thought_comes_back_with_its_proof_however_many_chunks_it_had():
    stream, opaque = ContentStream(ASKED), Opaque("anthropic", {"signature": "proof"})
    events = [ThoughtPiece("h"), ThoughtPiece("m"), ThoughtEnd(opaque), TextPiece("So"), TextPiece(" it is.")]
    written = b"".join([stream.write(one) for one in (*events, Stopped(Stop.FINISHED))]) + stream.end()
    said = [one["candidates"][0]["content"] for one in chunks(written)]
    # Google's SDK writes base64 with the other alphabet.
    text = json.dumps(said).replace("+", "-").replace("/", "_")

    turn = read(contents=[*HI, *json.loads(text)]).turns[1]

    assert (turn.parts[0].text, turn.parts[0].opaque) == ("hm", opaque)
    assert [part.text for part in turn.parts[1:] if isinstance(part, Text)] == ["So it is."]


def test_geminis_own_signature_stays_as_it_is():
    stated = base64.b64encode(b"own").decode()
    call = {"functionCall": {"name": "f", "args": {}}, "thoughtSignature": stated}

    (part,) = read(contents=[*HI, {"role": "model", "parts": [call]}]).turns[1].parts
    assert part.opaque == Opaque("gemini", {"thoughtSignature": stated})


def test_a_call_that_breaks_off_is_no_answer_but_where_a_limit_is_the_reason():
    for stop, breaks in ((Stop.FINISHED, True), (Stop.LENGTH, False)):
        stream = ContentStream(ASKED)
        stream.write(CallBegun(0, "c", "f"))
        stream.write(ArgumentsPiece(0, "{"))
        stream.write(Stopped(stop))
        if breaks:
            with pytest.raises(UntranslatableAnswer):
                stream.end()
        else:
            (last,) = chunks(stream.end())
            assert last["candidates"][0]["finishReason"] == "MAX_TOKENS"


def test_errors_keep_the_providers_words():
    error = json.loads(write_error(429, ProviderError("Slow down.", "rate_limit_error")))["error"]

    assert (error["code"], error["status"], error["message"]) == (429, "RESOURCE_EXHAUSTED", "Slow down.")
    assert error["details"][0]["reason"] == "rate_limit_error"


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"generationConfig": {}, "generation_config": {}}, "generation_config"),
        ({"generationConfig": {"top_k": 1, "topK": 2}}, "topK"),
    ],
)
def test_a_member_in_two_spellings_is_refused(body, param):
    with pytest.raises(GatewayError) as refused:
        read(**body)

    assert (refused.value.type, refused.value.param) == ("bad_request", param)
