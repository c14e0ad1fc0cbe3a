"""OpenAI's Responses as a provider: what goes up, as its SDK's types have it, and what comes back, whole and streamed."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types.responses.response_create_params import ResponseCreateParamsNonStreaming
from pydantic import TypeAdapter

from gateway.errors import GatewayError
from gateway.lanes.answer import (
    Answer,
    Begun,
    Called,
    CallEnd,
    Citation,
    Refused,
    SaidText,
    Stopped,
    Thought,
    ThoughtEnd,
    ThoughtPiece,
)
from gateway.lanes.base import Asked, UntranslatableAnswer
from gateway.lanes.conversation import Feature, Opaque
from gateway.lanes.pairs import CLIENTS, PROVIDERS, TRANSLATIONS
from gateway.lanes.sealing import Seal
from gateway.shapes.ending import Stop
from gateway.usage import Usage
from tests.support.said_events import events_of

CLIENT = CLIENTS["responses"]
PROVIDER = PROVIDERS["responses"]

BODY = TypeAdapter(ResponseCreateParamsNonStreaming)
MESSAGES = TRANSLATIONS["messages", "responses"]
CHAT = TRANSLATIONS["chat_completions", "responses"]
SEAL = Seal((b"k" * 32,))
ASKED = Asked(model="smart", include_usage=False, request_id="grq_01", created=1, provider="oai", seal=SEAL)


def sent(lane, model="gpt-5.6-sol", provider="oai", **members):
    """The body that goes up, and the names of what was lost."""
    translated = lane.request({"model": "m", **members}, model=model, strict=False, provider=provider, seal=SEAL)
    BODY.validate_python(json.loads(json.dumps(translated.body)))
    return translated.body, tuple(translated.dropped)


def from_messages(*messages, model="gpt-5.6-sol", provider="oai", **members):
    return sent(MESSAGES, model, provider, max_tokens=100, messages=list(messages), **members)


HI = {"role": "user", "content": "hi"}
TOOL = {"name": "look", "description": "Looks.", "input_schema": {"type": "object"}}
CALL = {"type": "tool_use", "id": "call_1", "name": "look", "input": {"a": 1}}
RESULT = {"type": "tool_result", "tool_use_id": "call_1", "content": "done"}


def test_every_feature_has_a_row():
    assert set(PROVIDER.table) == set(Feature)


def test_a_conversation():
    body, lost = from_messages(
        HI,
        {"role": "assistant", "content": [{"type": "text", "text": "well"}, CALL]},
        {"role": "user", "content": [{**RESULT, "is_error": True}, {"type": "text", "text": "and?"}]},
        system="Be brief.",
        tools=[TOOL],
        tool_choice={"type": "tool", "name": "look", "disable_parallel_tool_use": True},
    )

    assert body == {
        "model": "gpt-5.6-sol",
        "instructions": "Be brief.",
        "input": [
            {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "hi"}]},
            {
                "type": "message",
                "role": "assistant",
                "content": "well",
            },
            {"type": "function_call", "call_id": "call_1", "name": "look", "arguments": '{"a":1}'},
            {"type": "function_call_output", "call_id": "call_1", "output": "Error: done"},
            {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "and?"}]},
        ],
        "store": False,
        "max_output_tokens": 100,
        "include": ["reasoning.encrypted_content"],
        "tools": [
            {
                "type": "function",
                "name": "look",
                "description": "Looks.",
                "parameters": {"type": "object", "properties": {}},
                "strict": False,
            }
        ],
        "tool_choice": {"type": "function", "name": "look"},
        "parallel_tool_calls": False,
    }
    assert lost == ()


def test_pictures_and_files_of_people_and_of_tools():
    png = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "aGk="}}
    pdf = {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "aGk="}}
    body, _ = from_messages(
        {"role": "user", "content": [png, pdf]},
        {"role": "assistant", "content": [CALL]},
        {"role": "user", "content": [{**RESULT, "content": [{"type": "text", "text": "see"}, png]}]},
    )

    image = {"type": "input_image", "image_url": "data:image/png;base64,aGk=", "detail": "auto"}
    file = {"type": "input_file", "filename": "document.pdf", "file_data": "data:application/pdf;base64,aGk="}
    assert body["input"][0]["content"] == [image, file]
    assert body["input"][2]["output"] == [{"type": "input_text", "text": "see"}, image]


def test_marks_of_the_cache_go_to_models_that_have_them():
    marked = {"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}

    newer, _ = from_messages(HI, system=[marked])
    older, _ = from_messages(HI, system=[marked], model="gpt-5.4")
    assert newer["input"][0]["role"] == "developer"
    assert newer["input"][0]["content"][0]["prompt_cache_breakpoint"] == {"mode": "explicit"}
    assert older["instructions"] == "Be brief."


@pytest.mark.parametrize(
    ("model", "members", "reasoning"),
    [
        ("gpt-5.6-sol", {"thinking": {"type": "enabled", "budget_tokens": 4000}}, {"effort": "low"}),
        ("gpt-5.6-sol", {"thinking": {"type": "adaptive"}, "output_config": {"effort": "max"}}, {"effort": "max"}),
        ("gpt-5.6-sol", {"thinking": {"type": "adaptive", "display": "summarized"}}, {"summary": "auto"}),
        ("gpt-5.6-sol", {"thinking": {"type": "disabled"}}, {"effort": "none"}),
        ("gpt-5.6-sol", {}, None),
        ("gpt-4o", {}, None),
    ],
)
def test_models_reason_beside_tools(model, members, reasoning):
    body, _ = from_messages(HI, model=model, tools=[TOOL], **members)

    assert body.get("reasoning") == reasoning
    assert ("include" in body) is model.startswith("gpt-5")


def test_custom_tools_and_choices_of_chat_clients():
    grammar = {"type": "grammar", "grammar": {"syntax": "lark", "definition": "start: x"}}
    tools = [{"type": "custom", "custom": {"name": "patch", "format": grammar}}, {"type": "function", "function": TOOL}]
    call = {"id": "c" * 70, "type": "custom", "custom": {"name": "patch", "input": "*** x"}}
    body, _ = sent(
        CHAT,
        messages=[
            {"role": "system", "content": "Be brief."},
            HI,
            {"role": "assistant", "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "c" * 70, "content": "ok"},
        ],
        tools=[{"type": "custom", "custom": {"name": "patch", "format": grammar}}],
        tool_choice={"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [tools[0]]}},
        response_format={"type": "json_schema", "json_schema": {"name": "out", "schema": {"type": "object"}}},
        stop=["END"],
    )

    assert body["tools"] == [
        {"type": "custom", "name": "patch", "format": {"type": "grammar", "syntax": "lark", "definition": "start: x"}}
    ]
    assert [item["type"] for item in body["input"]][2:] == ["custom_tool_call", "custom_tool_call_output"]
    assert len({item["call_id"] for item in body["input"][2:]}) == 1
    assert len(body["input"][2]["call_id"]) <= 64
    assert body["text"]["format"]["strict"] is False
    assert body["stop"] == ["END"]


def test_a_begun_answer_is_refused():
    with pytest.raises(GatewayError) as refused:
        from_messages(HI, {"role": "assistant", "content": "{"})
    assert refused.value.code == "unsupported_parameter"


RESPONSE = {
    "id": "resp_1",
    "status": "completed",
    "output": [
        {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "hm"}], "encrypted_content": "E"},
        {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "look", "arguments": '{"a":1}'},
    ],
    "usage": {"input_tokens": 3, "output_tokens": 2, "total_tokens": 5},
}  # fmt: skip


@pytest.mark.parametrize(("provider", "goes_back"), [("oai", True), ("azure", False)])
def test_encrypted_reasoning_goes_back_to_the_provider_that_gave_it_alone(provider, goes_back):
    message = json.loads(MESSAGES.response(json.dumps(RESPONSE).encode(), ASKED))
    body, lost = from_messages(
        HI,
        {"role": "assistant", "content": message["content"]},
        {"role": "user", "content": [RESULT]},
        provider=provider,
    )

    reasoning = [item for item in body["input"] if item["type"] == "reasoning"]
    assert reasoning == (RESPONSE["output"][:1] if goes_back else [])
    assert lost == ()


def test_what_openai_says_is_read():
    message = {
        "type": "message",
        "content": [
            {
                "type": "output_text",
                "text": "yes",
                "annotations": [
                    {"type": "url_citation", "url": "https://a.example", "title": "A", "start_index": 0, "end_index": 3},
                    {"type": "file_citation", "file_id": "file-1"},
                ],
            },
            {"type": "refusal", "refusal": "no"},
        ],
    }  # fmt: skip
    custom = {"type": "custom_tool_call", "call_id": "call_2", "name": "patch", "input": "*** x"}
    search = {"type": "file_search_call", "id": "fs_1"}
    body = {**RESPONSE, "output": [*RESPONSE["output"], search, message, custom]}

    answer = PROVIDER.read_answer(json.dumps(body).encode(), ASKED)
    assert answer == Answer(
        [
            Thought("hm", Opaque("openai/oai", {"id": "rs_1", "encrypted_content": "E"})),
            Called("call_1", "look", '{"a":1}'),
            SaidText("yes", (Citation("https://a.example", "A", 0, 3),)),
            Refused("no"),
            Called("call_2", "patch", "*** x", is_custom=True),
        ],
        "resp_1",
        Stop.FILTERED,
        None,
        Usage(input_tokens=3, output_tokens=2, further={"file_searches": 1}),
    )


@pytest.mark.parametrize(
    ("members", "stop"),
    [
        ({"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}, Stop.LENGTH),
        ({"status": "incomplete", "incomplete_details": {"reason": "content_filter"}}, Stop.FILTERED),
        ({"status": "incomplete"}, Stop.LENGTH),
        ({"output": []}, Stop.FINISHED),
        ({"output": [{"type": "message", "content": [{"type": "refusal", "refusal": "no"}]}]}, Stop.FILTERED),
        ({}, Stop.TOOL_CALL),
    ],
)
def test_why_the_model_stopped(members, stop):
    assert PROVIDER.read_answer(json.dumps({**RESPONSE, **members}).encode(), ASKED).stop is stop


@pytest.mark.parametrize("body", [b"{}", b"[]", b'{"status": "failed", "output": [], "error": {"message": "boom"}}'])
def test_what_is_no_answer(body):
    with pytest.raises(UntranslatableAnswer):
        PROVIDER.read_answer(body, ASKED)


def events(*happened):
    reader = PROVIDER.read_stream(ASKED)
    read = [event for data in happened for event in reader.feed("", json.dumps(data).encode())]
    return read, reader.finished


def test_items_are_read_of_the_events_that_end_them():
    done = [
        {"type": "response.output_item.done", "output_index": index, "item": item}
        for index, item in enumerate(RESPONSE["output"])
    ]
    read, finished = events(
        {"type": "response.created", "response": {"id": "resp_1"}},
        *done,
        {"type": "response.completed", "response": {"status": "completed", "output": []}},
    )

    assert finished
    assert read[0] == Begun("resp_1")
    assert read[1:3] == [ThoughtPiece("hm"), ThoughtEnd(Opaque("openai/oai", {"id": "rs_1", "encrypted_content": "E"}))]
    assert read[-2:] == [CallEnd(1), Stopped(Stop.TOOL_CALL)]


def test_parts_of_a_summary_are_paragraphs():
    deltas = [
        {"type": "response.reasoning_summary_text.delta", "output_index": 0, "summary_index": index, "delta": words}
        for index, words in ((0, "a"), (0, "b"), (1, "c"))
    ]

    assert [event.text for event in events(*deltas)[0]] == ["a", "b", "\n\nc"]


@pytest.mark.parametrize(
    "data",
    [
        {"type": "response.failed", "response": {"error": {"code": "server_error", "message": "it broke"}}},
        {"type": "error", "code": "server_error", "message": "it broke"},
    ],
)
def test_a_failure_keeps_the_provider_s_words(data):
    with pytest.raises(UntranslatableAnswer, match="it broke"):
        events(data)


blocks = st.one_of(
    st.builds(SaidText, st.text(min_size=1, max_size=8), st.just(())),
    st.builds(Called, st.just("call_1"), st.just("look"), st.sampled_from(["{}", '{"a": 1}']), st.none()),
    st.builds(Called, st.just("call_2"), st.just("note"), st.text(max_size=8), st.none(), is_custom=st.just(True)),
    st.builds(Refused, st.text(min_size=1, max_size=8)),
    st.builds(Thought, st.text(min_size=1, max_size=8), st.none()),
)


@given(st.lists(blocks, max_size=5), st.sampled_from([Stop.FINISHED, Stop.LENGTH]))
def test_a_stream_says_what_the_whole_answer_says(said, stop):
    """The stream of one side read by the other, and written once more, is the whole answer."""
    writer, again, reader = CLIENT.write_stream(ASKED), CLIENT.write_stream(ASKED), PROVIDER.read_stream(ASKED)
    whole = CLIENT.write_answer(Answer(said, stop=stop, usage=Usage(input_tokens=1, output_tokens=2)), ASKED)
    source = PROVIDER.read_answer(whole, ASKED)
    stream = b"".join([writer.write(event) for event in events_of(source)]) + writer.end()
    last = b""
    for event in stream.split(b"\n\n"):
        if event:
            data = event.partition(b"\ndata: ")[2]
            b"".join([again.write(one) for one in reader.feed("", data)])
            last = data
    assert json.loads(last)["response"]["output"] == json.loads(CLIENT.write_answer(source, ASKED))["output"]
    assert reader.finished
    ended = json.loads(again.end().rpartition(b"\ndata: ")[2])["response"]
    assert _bare(ended["output"]) == _bare(json.loads(last)["response"]["output"])


def _bare(output):
    """Items without envelopes, which are sealed anew."""
    return [{name: value for name, value in item.items() if name != "encrypted_content"} for item in output]
