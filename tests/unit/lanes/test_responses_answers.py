"""Answers as Responses: whole and streamed alike, as OpenAI's SDK reads them, in the order that its streams have."""

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from openai.types.responses import Response

from gateway.lanes.answer import (
    Answer,
    ArgumentsPiece,
    Begun,
    CallBegun,
    Called,
    CallEnd,
    Citation,
    Refused,
    SaidText,
    Stopped,
    TextPiece,
    Thought,
    ThoughtPiece,
)
from gateway.lanes.base import Asked, Kept, UntranslatableAnswer
from gateway.lanes.carried_tools import CarriedTools, ToolForms
from gateway.lanes.conversation import Conversation, Opaque
from gateway.lanes.pairs import CLIENTS
from gateway.lanes.provider_error import ProviderError
from gateway.lanes.sealing import Seal
from gateway.shapes.ending import Stop
from gateway.usage import Usage
from tests.support.responses_events import added_up, events_in
from tests.support.said_events import events_of

CLIENT = CLIENTS["responses"]

SEAL = Seal((b"k" * 32,))
REQUEST = {
    "model": "smart",
    "instructions": "Be brief.",
    "input": "hi",
    "metadata": {"team": "blue"},
    "tools": [
        {"type": "function", "name": "look", "parameters": {"type": "object", "properties": {}}},
        {"type": "apply_patch"},
        {"type": "shell"},
        {"type": "local_shell"},
    ],
}
USAGE = Usage(input_tokens=10, output_tokens=5, cache_read_tokens=4, cache_write_tokens=1, reasoning_tokens=2)
PATCH = '{"type": "update_file", "path": "a.txt", "diff": "@@"}'


def asked(seal=SEAL):
    kept = Kept(CarriedTools(Conversation(turns=()), ToolForms()), CLIENT.echo(REQUEST))
    return Asked(
        model="smart",
        include_usage=False,
        request_id="grq_01",
        created=1700000000,
        provider="ant",
        kept=kept,
        seal=seal,
    )


def whole(answer, seal=SEAL):
    response = json.loads(CLIENT.write_answer(answer, asked(seal)))
    Response.model_validate(response)
    return response


def streamed(events, seal=SEAL):
    writer = CLIENT.write_stream(asked(seal))
    return events_in(b"".join([writer.write(event) for event in events]) + writer.end())


texts = st.text(max_size=12)
opaques = st.none() | st.builds(Opaque, st.sampled_from(["anthropic", "gemini"]), st.just({"signature": "S"}))
citations = st.builds(Citation, st.just("https://a.example"), texts, st.none() | st.just(0), st.none() | st.just(2))
blocks = st.one_of(
    st.builds(SaidText, texts.filter(bool), st.lists(citations, max_size=2).map(tuple)),
    st.builds(SaidText, texts),
    st.builds(Thought, texts, opaques),
    st.builds(Refused, texts),
    st.builds(
        Called,
        st.sampled_from(["", "call_1"]),
        st.sampled_from(["look", "apply_patch", "shell", "local_shell", "other"]),
        st.sampled_from(
            ["", "{}", '{"a": 1}', '{"a":', "no JSON", PATCH, '{"commands": ["ls"]}', '{"command": ["ls"]}']
        ),
        opaques,
        group=st.sampled_from(["", "team"]),
    ),
    st.builds(Called, st.just("call_2"), st.just("note"), texts, opaques, is_custom=st.just(True)),
)
answers = st.builds(
    Answer, st.lists(blocks, max_size=5), stop=st.none() | st.sampled_from(Stop), usage=st.none() | st.just(USAGE)
)


@given(answers, st.sampled_from([SEAL, None]))
@example(Answer([SaidText("a"), Thought(""), SaidText("b")]), SEAL)
@example(Answer([Called("1", "look", '{"a":')], stop=Stop.LENGTH), SEAL)
def test_a_stream_adds_up_to_the_whole_answer(answer, seal):
    expected = whole(answer, seal)
    if answer.usage is None:
        expected["usage"] = whole(answer._replace(usage=Usage(input_tokens=10)), seal)["usage"]

    assert added_up(streamed(events_of(answer), seal)) == expected


def test_calls_that_come_in_turns_are_items_one_after_the_other():
    events = streamed(
        [
            CallBegun(0, "call_a", "look"),
            ArgumentsPiece(0, '{"a"'),
            CallBegun(1, "call_b", "look"),
            ArgumentsPiece(1, '{"b": 2}'),
            TextPiece("said meanwhile"),
            ArgumentsPiece(0, ": 1}"),
            CallEnd(1),
            CallEnd(0),
            Stopped(Stop.TOOL_CALL),
        ]
    )

    output = added_up(events)["output"]
    assert [(item["type"], item.get("arguments")) for item in output] == [
        ("function_call", '{"a": 1}'),
        ("function_call", '{"b": 2}'),
        ("message", None),
    ]


def test_what_can_be_said_is_said_at_once():
    writer = CLIENT.write_stream(asked())
    writer.write(Begun())

    assert b'"delta":"Hel"' in writer.write(TextPiece("Hel"))
    assert b'"delta":"hm"' in writer.write(ThoughtPiece("hm"))
    writer.write(CallBegun(0, "call_a", "look"))
    assert b'"delta":"{}"' in writer.write(ArgumentsPiece(0, "{}"))
    assert b"response.output_item.done" in writer.write(CallEnd(0))


@pytest.mark.parametrize(
    ("stop", "blocks", "status", "reason"),
    [
        (Stop.FINISHED, [SaidText("a")], "completed", None),
        (Stop.TOOL_CALL, [Called("1", "look", "{}")], "completed", None),
        (Stop.PAUSED, [SaidText("a")], "completed", None),
        (None, [SaidText("a")], "completed", None),
        (Stop.LENGTH, [SaidText("a")], "incomplete", "max_output_tokens"),
        (Stop.FILTERED, [SaidText("a")], "incomplete", "content_filter"),
        (Stop.FILTERED, [Refused("No.")], "completed", None),
    ],
)
def test_why_an_answer_ended(stop, blocks, status, reason):
    response = whole(Answer(blocks, stop=stop))

    assert response["status"] == status
    assert (response["incomplete_details"] or {}).get("reason") == reason
    assert response["output"][-1]["status"] == status


def test_a_call_that_a_limit_cut_keeps_what_it_has():
    response = whole(Answer([Called("1", "look", '{"a": [1')], stop=Stop.LENGTH))

    assert (response["output"][0]["status"], response["output"][0]["arguments"]) == ("incomplete", '{"a": [1')


def test_a_call_that_never_ended_though_no_limit_was_reached_is_no_answer():
    with pytest.raises(UntranslatableAnswer, match="break off"):
        streamed([CallBegun(0, "1", "look"), ArgumentsPiece(0, '{"a":'), Stopped(Stop.TOOL_CALL)])


def test_tools_that_openai_defines_are_called_by_their_own_items():
    output = whole(
        Answer(
            [
                Called("1", "apply_patch", PATCH),
                Called("2", "shell", '{"commands": ["ls", "pwd"], "timeout_ms": 5}'),
                Called("3", "local_shell", '{"command": ["ls"], "working_directory": "/tmp"}'),
                Called("4", "apply_patch", '{"no": "patch"}'),
            ]
        )
    )["output"]

    assert [item["type"] for item in output] == ["apply_patch_call", "shell_call", "local_shell_call", "function_call"]
    assert output[0]["operation"] == {"type": "update_file", "path": "a.txt", "diff": "@@"}
    assert output[1]["action"] == {"commands": ["ls", "pwd"], "timeout_ms": 5, "max_output_length": None}
    assert output[2]["action"] == {"type": "exec", "command": ["ls"], "env": {}, "working_directory": "/tmp"}


def test_an_answer_repeats_what_was_asked():
    response = whole(Answer([SaidText("a")], usage=USAGE))

    assert (response["instructions"], response["metadata"], response["store"]) == ("Be brief.", {"team": "blue"}, False)
    assert response["tools"][0]["strict"] is False
    assert response["usage"] == {
        "input_tokens": 10,
        "input_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 1},
        "output_tokens": 5,
        "output_tokens_details": {"reasoning_tokens": 2},
        "total_tokens": 15,
    }


@pytest.mark.parametrize(
    ("status", "error", "kind", "code"),
    [
        (400, ProviderError("prompt is too long: 201000 tokens > 200000 maximum"), "invalid_request_error", "context_length_exceeded"),
        (400, ProviderError("No.", "invalid_request_error", param="x"), "invalid_request_error", None),
        (429, ProviderError("Slow down.", "rate_limit_error"), "rate_limit_error", "rate_limit_exceeded"),
        (529, ProviderError("Overloaded", "overloaded_error"), "overloaded_error", "server_overloaded"),
        (500, ProviderError(code="boom"), "server_error", "boom"),
    ],
)  # fmt: skip
def test_errors(status, error, kind, code):
    stated = json.loads(CLIENT.write_error(status, error))["error"]

    assert (stated["type"], stated["code"], stated["param"]) == (kind, code, error.param)
    assert stated["message"] == (error.message or f"The provider answered with status {status} and said no more.")
