"""Gemini's own API: the tables against the types of Google's SDK, and what they make of requests and answers."""

import json
import typing

import pydantic
import pytest
from google.genai import errors, types

from gateway.errors import ERROR_TYPES, GatewayError
from gateway.money.estimate import MediumKind
from gateway.shapes import google_request
from gateway.shapes.declares import OF_MCP, OF_MODELS, OF_TOOLS, declared
from gateway.shapes.ending import How, ending_of
from gateway.shapes.generate_content import (
    COUNT_TOKENS,
    EMBED_CONTENT,
    EVENTS,
    GENERATE_CONTENT,
    MODALITIES,
    ROWS,
    STATUSES,
    TOOLS_PROMPT,
    TRAFFIC,
    UNBILLED,
    envelope,
)
from gateway.shapes.progress import Progress, tokens_in
from gateway.shapes.stated import Unreadable, choices, output_cap
from gateway.shapes.url_members import URL_MEMBERS
from gateway.wire.json_body import JsonBody

MESSAGE = "There is nothing of this kind here."


def body_of(shape=GENERATE_CONTENT, **members):
    return JsonBody(json.dumps(members).encode(), shape.declares.judged)


def camel(model):
    """The members of a type as they stand in JSON."""
    return {field.alias or name for name, field in model.model_fields.items()}


def models_in(annotation):
    if isinstance(annotation, type) and issubclass(annotation, pydantic.BaseModel):
        return [annotation]
    return [model for part in typing.get_args(annotation) for model in models_in(part)]


def every_member(model, seen):
    """(type, member as the field is called) of everything below a type."""
    if model in seen:
        return
    seen.add(model)
    for name, field in model.model_fields.items():
        yield model.__name__, name
        for below in models_in(field.annotation):
            yield from every_member(below, seen)


def values(enumeration):
    return {one.value for one in enumeration if not one.value.endswith("UNSPECIFIED")}


class TestTables:
    @pytest.mark.parametrize("model", [types.GenerateContentResponseUsageMetadata, types.UsageMetadata])
    def test_every_figure_of_the_sdk_is_known(self, model):
        known = {row.path for row in (*ROWS, TOOLS_PROMPT, *UNBILLED)} | set(MODALITIES)

        assert camel(model) - known == set()

    def test_every_modality_is_a_kind_or_text(self):
        for kinds in MODALITIES.values():
            assert values(types.MediaModality) - set(kinds) <= {"TEXT", "DOCUMENT", "VIDEO"}
        assert set(MODALITIES["promptTokensDetails"]) | {"TEXT", "DOCUMENT"} == values(types.MediaModality)

    def test_every_traffic_type_is_known(self):
        assert set(TRAFFIC) == {one.value for one in types.TrafficType}

    def test_every_reason_to_stop_is_known(self):
        assert values(types.FinishReason) == set(EVENTS.stops)

    def test_every_kind_of_tool_is_known(self):
        known = {*google_request.HOSTED, "functionDeclarations", "mcpServers"}

        assert camel(types.Tool) == known

    def test_every_kind_of_part_is_known(self):
        assert camel(types.Part) == set(google_request.PARTS)

    def test_no_other_member_declares(self):
        telling = {
            "tools",
            "tool",
            "functions",
            "function_declarations",
            "mcp_servers",
            "model",
            "models",
            "model_name",
        }
        seen = set()
        members = {
            one
            for model in (types.GenerateContentConfig, types.Tool, types.Content, types.GenerationConfig)
            for one in every_member(model, seen)
            if one[1] in telling
        }

        assert members == {
            ("GenerateContentConfig", "tools"),
            ("Tool", "function_declarations"),
            ("Tool", "mcp_servers"),
            ("GenerationConfigRoutingConfigManualRoutingMode", "model_name"),
            ("RagRetrievalConfigRankingLlmRanker", "model_name"),
            ("RagRetrievalConfigRankingRankService", "model_name"),
            # Which of these it prefers, of the model that is asked for.
            *(one for one in members if one[0] == "ModelSelectionConfig"),
        }

    def test_every_url_of_a_request_is_known(self):
        seen = set()
        urls = {
            one
            for model in (types.Tool, types.Content)
            for one in every_member(model, seen)
            if one[1].endswith(("url", "uri", "endpoint"))
        }
        places = {place[-1] for place in URL_MEMBERS["generate_content"].fetched}

        assert urls == {
            ("FileData", "file_uri"),
            ("FunctionResponseFileData", "file_uri"),
            ("StreamableHttpTransport", "url"),
            ("ExternalApi", "endpoint"),
        }
        assert {name for _, name in urls} <= places

    def test_every_status_of_the_gateway_has_a_name(self):
        assert {status for status, _ in ERROR_TYPES.values()} - set(STATUSES) == {426}


FUNCTION = {"name": "look_up", "parameters": {"type": "OBJECT"}}
RAG = {"vertexRagStore": {"ragRetrievalConfig": {"ranking": {"llm_ranker": {"modelName": "gemini-x"}}}}}
SERVER = {"name": "wiki", "streamableHttpTransport": {"url": "https://mcp.example/x"}}


class TestRequests:
    @pytest.mark.parametrize(
        ("members", "wanted", "found"),
        [
            ({"tools": [{"functionDeclarations": [FUNCTION]}]}, OF_TOOLS, ["look_up"]),
            ({"tools": [{"function_declarations": [FUNCTION]}]}, OF_TOOLS, ["look_up"]),
            ({"tools": {"functionDeclarations": FUNCTION}}, OF_TOOLS, ["look_up"]),
            ({"tools": [{"googleSearch": {}}, {"url_context": {}}]}, OF_TOOLS, ["google_search", "url_context"]),
            ({"tools": [{"codeExecution": {}, "googleSearch": {}}]}, OF_TOOLS, ["code_execution", "google_search"]),
            ({"tools": [{"mcpServers": [SERVER]}]}, OF_MCP, ["wiki", "https://mcp.example/x"]),
            ({"tools": [{"mcp_servers": [SERVER]}]}, OF_MCP, ["wiki", "https://mcp.example/x"]),
            (
                {"generationConfig": {"routingConfig": {"manualMode": {"modelName": "gemini-x"}}}},
                OF_MODELS,
                ["gemini-x"],
            ),
            (
                {"generation_config": {"routing_config": {"manualMode": {"model_name": "gemini-x"}}}},
                OF_MODELS,
                ["gemini-x"],
            ),
            ({"tools": [{"retrieval": RAG}]}, OF_MODELS, ["gemini-x"]),
            ({"tools": [{"retrieval": RAG}]}, OF_TOOLS, ["retrieval"]),
            ({"contents": [{"parts": [{"functionCall": {"name": "f", "args": {"tools": [1]}}}]}]}, OF_TOOLS, []),
            ({"contents": {"parts": {"text": "tools"}}, "systemInstruction": {"parts": {"text": "x"}}}, OF_TOOLS, []),
        ],
    )
    def test_what_is_declared_is_found(self, members, wanted, found):
        body = body_of(**members)

        assert sorted(one.value for one in declared(GENERATE_CONTENT.declares, body, wanted)) == sorted(found)

    def test_what_is_counted_is_judged_like_what_is_asked(self):
        request = {"model": "models/m", "tools": [{"functionDeclarations": [FUNCTION]}]}
        body = body_of(COUNT_TOKENS, generateContentRequest=request)

        assert [one.value for one in declared(COUNT_TOKENS.declares, body, OF_TOOLS)] == ["look_up"]

    @pytest.mark.parametrize(
        "members",
        [
            {"tools": [{"functionDeclarations": [{"description": "nameless"}]}]},
            {"tools": [{"functiondeclarations": [FUNCTION]}]},
            {"tools": [{"newTool": {"tools": []}}]},
            {"contents": [{"parts": [{"newPart": {"tools": []}}]}]},
        ],
    )
    def test_what_cannot_be_judged_is_refused(self, members):
        with pytest.raises(GatewayError) as refused:
            list(declared(GENERATE_CONTENT.declares, body_of(**members), OF_TOOLS))

        assert refused.value.type in ("bad_request", "unsupported_parameter")

    @pytest.mark.parametrize("outer", ["generationConfig", "generation_config"])
    @pytest.mark.parametrize("cap", ["maxOutputTokens", "max_output_tokens"])
    def test_limits_are_read_in_every_spelling(self, outer, cap):
        body = body_of(**{outer: {cap: 6e2, "candidateCount": 3}})

        assert output_cap(GENERATE_CONTENT, body) == 600
        assert choices(GENERATE_CONTENT, body) == 3

    def test_of_two_spellings_the_larger_counts(self):
        body = body_of(generationConfig={"maxOutputTokens": 5}, generation_config={"max_output_tokens": 9})

        assert output_cap(GENERATE_CONTENT, body) == 9

    def test_a_limit_in_another_case_is_unreadable(self):
        assert isinstance(output_cap(GENERATE_CONTENT, body_of(generationConfig={"maxoutputtokens": 5})), Unreadable)

    @pytest.mark.parametrize("none", [{}, {"generationConfig": None}, {"generationConfig": {"maxOutputTokens": None}}])
    def test_no_limit_is_none(self, none):
        assert output_cap(GENERATE_CONTENT, body_of(**none)) is None

    @pytest.mark.parametrize(
        ("shape", "path"),
        [(GENERATE_CONTENT, ("contents",)), (EMBED_CONTENT, ("content",)), (EMBED_CONTENT, ("requests", "content"))],
    )
    def test_a_picture_is_no_text(self, shape, path):
        content = {"parts": [{"inlineData": {"mimeType": "image/png", "data": "iVBORw0KGgo="}}]}
        for name in reversed(path):
            content = {name: [content] if name in ("contents", "requests") else content}

        (medium,) = shape.media.found_in(json.dumps(content).encode())
        assert medium.kind is MediumKind.IMAGE


def chunk(text=None, reason=None, index=None, **more):
    candidate = {} if text is None else {"content": {"parts": [{"text": text}], "role": "model"}}
    candidate |= {} if reason is None else {"finishReason": reason}
    candidate |= {} if index is None else {"index": index}
    return {"candidates": [candidate], **more}


def sse(*chunks):
    return b"".join(b"data: " + json.dumps(one).encode() + b"\r\n\r\n" for one in chunks)


def usage(**figures):
    return json.dumps({"usageMetadata": figures, "modelVersion": "gemini-2.5-flash"}).encode()


class TestAnswers:
    def test_what_tools_and_thoughts_consumed_counts(self):
        stated = GENERATE_CONTENT.read_usage(
            usage(
                promptTokenCount=10,
                candidatesTokenCount=3,
                thoughtsTokenCount=7,
                toolUsePromptTokenCount=5,
                cachedContentTokenCount=4,
                totalTokenCount=25,
            )
        )

        assert (stated.usage.input_tokens, stated.usage.output_tokens) == (15, 10)
        assert (stated.usage.reasoning_tokens, stated.usage.cache_read_tokens) == (7, 4)
        assert stated.served.model == "gemini-2.5-flash"

    def test_what_only_the_total_has_is_output(self):
        stated = GENERATE_CONTENT.read_usage(usage(promptTokenCount=10, candidatesTokenCount=3, totalTokenCount=33))

        assert (stated.usage.output_tokens, stated.usage.reasoning_tokens) == (23, 20)

    def test_modalities_are_kinds_of_their_own(self):
        stated = GENERATE_CONTENT.read_usage(
            usage(
                promptTokenCount=100,
                candidatesTokenCount=1290,
                cachedContentTokenCount=20,
                promptTokensDetails=[{"modality": "AUDIO", "tokenCount": 40}, {"modality": "TEXT", "tokenCount": 60}],
                candidatesTokensDetails=[{"modality": "IMAGE", "tokenCount": 1290}],
                cacheTokensDetails=[{"modality": "AUDIO", "tokenCount": 20}],
            )
        )

        assert stated.usage.input_audio_tokens == 40
        assert stated.usage.further == {"output_image_tokens": 1290, "cache_audio_read_tokens": 20}

    @pytest.mark.parametrize(("model", "searches"), [("gemini-2.5-pro", 1), ("gemini-3-pro", 2), ("gemini-20", 2)])
    def test_searches_are_billed_by_the_prompt_or_by_the_query(self, model, searches):
        answer = chunk("hi", "STOP", usageMetadata={"promptTokenCount": 1}, modelVersion=model)
        answer["candidates"][0]["groundingMetadata"] = {"webSearchQueries": ["one", "two"]}

        stated = GENERATE_CONTENT.read_usage(json.dumps(answer).encode())

        assert stated.usage.further == {"web_searches": searches}

    @pytest.mark.parametrize(
        ("more", "tier"),
        [({"trafficType": "ON_DEMAND"}, None), ({"trafficType": "ON_DEMAND_FLEX"}, "flex"), ({"serviceTier": "flex"}, "flex")],
    )  # fmt: skip
    def test_the_tier_is_told(self, more, tier):
        assert GENERATE_CONTENT.read_usage(usage(promptTokenCount=1, **more)).served.service_tier == tier

    def test_of_the_chunks_of_a_stream_the_largest_report_counts(self):
        stated = None
        for figures in ({"trafficType": "ON_DEMAND"}, {"promptTokenCount": 9, "candidatesTokenCount": 2}, {"promptTokenCount": 9, "candidatesTokenCount": 7}, {"promptTokenCount": 9}):  # fmt: skip
            stated = GENERATE_CONTENT.read_event(stated, usage(**figures))

        assert (stated.usage.input_tokens, stated.usage.output_tokens) == (9, 7)

    def test_a_whole_array_of_chunks_is_read(self):
        array = b"[" + usage(promptTokenCount=9) + b"\n,\r\n" + usage(promptTokenCount=9, candidatesTokenCount=7) + b"]"

        assert GENERATE_CONTENT.read_usage(array).usage.output_tokens == 7

    @pytest.mark.parametrize(
        "odd", [b"", b"[", b"{}", b'{"usageMetadata":[]}', b'{"usageMetadata":{}}', b'{"candidates":3}']
    )
    def test_what_states_nothing_is_none(self, odd):
        assert GENERATE_CONTENT.read_usage(odd) is None

    def test_what_cannot_be_read_is_named(self):
        stated = GENERATE_CONTENT.read_usage(usage(promptTokenCount=9, thoughtsTokenCount="many"))

        assert stated.served.unreadable == ("usageMetadata.thoughtsTokenCount",)

    def test_an_error_under_status_200_is_a_failure_with_its_words(self):
        body = json.dumps({"error": {"code": 503, "message": MESSAGE, "status": "UNAVAILABLE"}}).encode()

        ending = ending_of(body, EVENTS)
        assert (ending.how, ending.error.message, ending.error.type) == (How.FAILED, MESSAGE, "UNAVAILABLE")

    def test_text_without_a_report_is_counted(self):
        assert tokens_in(json.dumps(chunk("word " * 40, "STOP")).encode(), None) == 50


def progress_of(stream, **more):
    progress = Progress(EVENTS, **more)
    progress.feed(stream)
    return progress


class TestStreams:
    def test_a_reason_to_stop_completes_it(self):
        progress = progress_of(sse(chunk("Hel"), chunk("lo", "STOP", usageMetadata={"promptTokenCount": 1})))
        progress.end()

        assert progress.ending(client_left=False).how is How.COMPLETE
        assert progress.content_may_be_complete
        assert progress.tokens(None) == 2

    def test_without_a_reason_it_is_cut(self):
        progress = progress_of(sse(chunk("Hel"), chunk("lo")))
        progress.end()

        assert progress.ending(client_left=False).how is How.CUT

    def test_every_candidate_has_to_stop(self):
        progress = progress_of(sse(chunk("a", index=0), chunk("b", "STOP", index=1)), choices=2)
        assert progress.ending(client_left=False).how is How.CUT

        progress.feed(sse(chunk("a", "MAX_TOKENS", index=0)))
        assert progress.ending(client_left=False).how is How.COMPLETE

    def test_a_prompt_that_gets_no_answer_is_complete(self):
        progress = progress_of(sse({"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": {}}))

        assert not progress.only_openings
        assert progress.ending(client_left=False).how is How.COMPLETE

    @pytest.mark.parametrize("opening", [chunk(""), chunk(), {"usageMetadata": {"promptTokenCount": 1}}])
    def test_what_says_nothing_is_an_opening(self, opening):
        assert progress_of(sse(opening)).only_openings

    @pytest.mark.parametrize("part", [{"functionCall": {"name": "f", "args": {}}}, {"text": "x", "thought": True}])
    def test_calls_and_thoughts_are_content(self, part):
        assert not progress_of(sse({"candidates": [{"content": {"parts": [part]}}]})).only_openings

    def test_signatures_and_pictures_are_no_text(self):
        part = {"text": "four", "thoughtSignature": "x" * 4000, "inlineData": {"data": "y" * 4000}}

        assert progress_of(sse({"candidates": [{"content": {"parts": [part]}}]})).tokens(None) == 1

    def test_an_error_in_it_is_a_failure(self):
        progress = progress_of(sse(chunk("Hel"), {"error": {"code": 503, "message": MESSAGE, "status": "UNAVAILABLE"}}))

        ending = progress.ending(client_left=False)
        assert (ending.how, ending.error.message) == (How.FAILED, MESSAGE)

    def test_one_that_breaks_ends_as_googles_do(self):
        error = GatewayError("provider_error", MESSAGE, code="upstream_mid_stream_failure")

        frame = GENERATE_CONTENT.terminal_frame(error, progress_of(b""), at_boundary=True)

        told = {"code": 502, "message": MESSAGE, "status": "UNAVAILABLE"}
        assert frame == b"data: " + json.dumps({"error": told}, separators=(",", ":")).encode() + b"\n\n"


class TestErrors:
    def test_googles_sdk_reads_it(self):
        error = GatewayError("tool_not_allowed", MESSAGE, param="tools[0].googleSearch", meta={"rule": "r", "n": 3})

        with pytest.raises(errors.ClientError) as raised:
            errors.APIError.raise_error(error.status, json.loads(envelope(error)), None)

        assert (raised.value.code, raised.value.status) == (403, "PERMISSION_DENIED")
        assert raised.value.message == MESSAGE

    def test_details_say_what_the_own_envelope_says(self):
        error = GatewayError(
            "rate_limit_exceeded", MESSAGE, code="vk_rate_limit_exceeded", headers={"retry-after": "7"}
        )

        info, retry = json.loads(envelope(error))["error"]["details"]
        assert (info["reason"], info["metadata"]) == ("VK_RATE_LIMIT_EXCEEDED", {"type": "rate_limit_exceeded"})
        assert retry["retryDelay"] == "7s"


@pytest.mark.parametrize(
    "tool", [{"FunctionDeclarations": [{"name": "x"}]}, {"GoogleSearch": {}}, {"google_Search": {}}]
)
def test_a_member_of_a_tool_in_another_case_is_refused(tool):
    body = JsonBody(json.dumps({"tools": [tool]}).encode())

    with pytest.raises(GatewayError) as refused:
        list(declared(GENERATE_CONTENT.declares, body, OF_TOOLS))

    assert refused.value.type == "bad_request"


@pytest.mark.parametrize(
    ("content", "refused"),
    [
        ({"role": "user", "parts": [{"text": "hi"}]}, False),
        ({"role": "user", "parts": [{"functionCall": {"name": "f", "args": {"tools": [1]}}}]}, False),
        ({"role": "user", "parts": [{"text": "hi"}], "note": {"a": 1}}, False),
        ({"role": "user", "parts": [{"text": "hi"}], "more": {"tools": [{"googleSearch": {}}]}}, True),
        ({"role": "user", "toolset": [{"mcpServers": [{"name": "x"}]}]}, True),
    ],
)
@pytest.mark.parametrize("member", ["contents", "systemInstruction"])
def test_an_unknown_member_of_a_content_that_could_declare_something_is_refused(member, content, refused):
    body = JsonBody(json.dumps({member: [content] if member == "contents" else content}).encode())

    if refused:
        with pytest.raises(GatewayError, match="does not know"):
            list(declared(google_request.DECLARES, body, OF_TOOLS))
    else:
        assert list(declared(google_request.DECLARES, body, OF_TOOLS)) == []
