"""The client's side of chat completions: what its requests ask, and how it is answered."""

import json
from typing import Any

import pytest
from openai._models import construct_type
from openai.lib.streaming.chat import ChatCompletionStreamState
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from gateway.errors import GatewayError
from gateway.lanes.answer import (
    Answer,
    ArgumentsPiece,
    Begun,
    CallBegun,
    Called,
    CallEnd,
    Citation,
    Cited,
    Event,
    RefusalPiece,
    Refused,
    SaidText,
    Stopped,
    TextEnd,
    TextPiece,
    Thought,
    ThoughtEnd,
    ThoughtPiece,
    UsageStated,
)
from gateway.lanes.base import Asked
from gateway.lanes.chat.read_request import read_request
from gateway.lanes.chat.write_answer import CompletionStream, write_answer
from gateway.lanes.conversation import (
    Audio,
    Call,
    Choice,
    Conversation,
    Document,
    Given,
    Image,
    Inline,
    Linked,
    Opaque,
    PlainText,
    Result,
    Role,
    Text,
    Tool,
    Turn,
)
from gateway.lanes.conversation import Thought as EarlierThought
from gateway.lanes.losses import Losses
from gateway.lanes.pairs import OPENAI_TO_CONVERSE
from gateway.lanes.sealing import PREFIX, Seal
from gateway.shapes.ending import Stop
from gateway.usage import Usage
from gateway.wire.sse_events import events_in

SEAL = Seal((b"k" * 32,))
ASKED = Asked(model="smart", include_usage=True, request_id="grq_01JAB", created=1_700_000_000, seal=SEAL)
HI = {"role": "user", "content": "Hi"}
PNG = "iVBORw0KGgo="
SECRET = Opaque("gemini", {"secret": "s"})
GOOGLE = Opaque("gemini", {"thoughtSignature": "c2ln"})
SIGNED = Opaque("anthropic", {"signature": "c2ln"})


def conversation(**members: Any) -> Conversation:
    return read_request({"messages": [HI], **members}, Losses(OPENAI_TO_CONVERSE.table, strict=True), SEAL)


def parts(*messages: dict[str, Any]) -> list[Any]:
    return [part for turn in conversation(messages=list(messages)).turns for part in turn.parts]


def test_turns_are_those_of_one_side_with_the_paths_of_the_body():
    asked = conversation(
        messages=[
            {"role": "system", "content": "Be brief."},
            {"role": "developer", "content": "In French."},
            HI,
            {"role": "assistant", "content": None, "tool_calls": [
                {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}},
                {"id": "c2", "type": "custom", "custom": {"name": "g", "input": "ls"}},
            ]},
            {"role": "tool", "tool_call_id": "c1", "content": "1"},
            {"role": "tool", "tool_call_id": "c2", "content": " "},
            {"role": "user", "content": [{"type": "text", "text": "So?"}]},
        ]
    )  # fmt: skip

    assert asked.turns == (
        Turn(
            Role.SYSTEM,
            (
                Text(text="Be brief.", path="messages[0].content"),
                Text(text="In French.", path="messages[1].content"),
            ),
            "messages[0]",
        ),
        Turn(Role.USER, (Text(text="Hi", path="messages[2].content"),), "messages[2]"),
        Turn(
            Role.ASSISTANT,
            (
                Call(id="c1", name="f", arguments="{}", path="messages[3].tool_calls[0]"),
                Call(id="c2", name="g", arguments="ls", is_custom=True, path="messages[3].tool_calls[1]"),
            ),
            "messages[3]",
        ),
        Turn(
            Role.USER,
            (
                Result(call_id="c1", parts=(Text(text="1", path="messages[4].content"),), path="messages[4]"),
                Result(call_id="c2", parts=(), path="messages[5]"),
                Text(text="So?", path="messages[6].content[0].text"),
            ),
            "messages[4]",
        ),
    )


@pytest.mark.parametrize(
    ("part", "source"),
    [
        ({"type": "image_url", "image_url": {"url": f"data:image/PNG;base64,{PNG}"}}, Inline("image/png", PNG)),
        ({"type": "image_url", "image_url": {"url": "https://a.example/b"}}, Linked("https://a.example/b")),
        ({"type": "image_url", "image_url": {"url": "https://a.example/b.PDF?x"}}, Linked("https://a.example/b.PDF?x")),
        ({"type": "input_audio", "input_audio": {"data": "AAAA", "format": "mp3"}}, Inline("audio/mpeg", "AAAA")),
        ({"type": "file", "file": {"file_data": "JVBERg==", "filename": "a.pdf"}}, Inline("", "JVBERg==")),
        ({"type": "file", "file": {"file_data": "data:text/plain,a%20b"}}, PlainText("a b")),
        ({"type": "file", "file": {"file_data": "data:text/plain;base64,YSBi"}}, PlainText("a b")),
    ],
)
def test_media(part, source):
    (read,) = parts({"role": "user", "content": [part]})

    assert read.source == source
    kinds = {"image_url": Image, "input_audio": Audio, "file": Document}
    assert isinstance(read, Document if "PDF" in str(part) else kinds[part["type"]])


def test_tools_of_both_kinds_and_the_choice_among_them():
    grammar = {"definition": "start: x", "syntax": "lark"}
    asked = conversation(
        tools=[
            {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}, "strict": False}},
            {"type": "custom", "custom": {"name": "g", "format": {"type": "grammar", "grammar": grammar}}},
            {"type": "custom", "custom": {"name": "h", "description": "Free"}},
        ],
        tool_choice={
            "type": "allowed_tools",
            "allowed_tools": {"mode": "auto", "tools": [{"type": "custom", "custom": {"name": "g"}}]},
        },
    )

    assert asked.tools == (
        Tool(name="f", path="tools[0]", schema={"type": "object"}, strict=False),
        Tool(name="g", path="tools[1]", grammar={"type": "grammar", **grammar}),
        Tool(name="h", path="tools[2]", description="Free", grammar={}),
    )
    assert asked.choice == Choice("auto", "tool_choice", None, ("g",))


def test_a_limit_a_stop_and_an_end_user_have_the_paths_that_they_were_read_from():
    asked = conversation(max_tokens=5, stop="END", metadata={"user_id": "u", "team": "a"})

    assert asked.output_limit == Given(5, "max_tokens")
    assert asked.stops == Given(("END",), "stop")
    assert asked.end_user == Given("u", "metadata.user_id")
    assert asked.metadata == Given({"user_id": "u", "team": "a"}, "metadata")


@pytest.mark.parametrize("opaque", [SECRET, SIGNED, Opaque("anthropic", {"data": "eA=="}), None])
@pytest.mark.parametrize("text", ["Hm.", ""])
def test_a_thought_comes_back_as_it_went(text, opaque):
    message = json.loads(write_answer(Answer([Thought(text, opaque), SaidText("x")]), ASKED))["choices"][0]["message"]
    thoughts = [part for part in parts(HI, message) if isinstance(part, EarlierThought)]

    if opaque is None:
        assert [(one.text, one.opaque) for one in thoughts] == ([(text, None)] if text else [])
    else:
        redacted = "data" in opaque.state
        assert [(one.text, one.opaque) for one in thoughts] == [("" if redacted else text, opaque)]


@pytest.mark.parametrize("opaque", [SECRET, GOOGLE])
def test_what_a_call_wants_back_comes_back_unless_the_call_is_another(opaque):
    called = Called("c1", "f", "{}", opaque)
    message = json.loads(write_answer(Answer([called], stop=Stop.TOOL_CALL), ASKED))["choices"][0]["message"]
    (read,) = parts({**message, "content": ""})
    message["tool_calls"][0]["function"]["name"] = "g"
    (other,) = parts({**message, "content": ""})

    assert read.opaque == opaque
    assert other.opaque == (GOOGLE if opaque is GOOGLE else None)


def test_a_forged_envelope_proves_nothing():
    blocks = [
        {"type": "thinking", "thinking": "other", "signature": SEAL.sealed(SECRET, "Hm.")},
        {"type": "redacted_thinking", "data": f"{PREFIX}AAAA.AAAA"},
    ]

    assert [one.opaque for one in parts(HI, {"role": "assistant", "thinking_blocks": blocks})[1:]] == [None, None]


BLOCKS = (
    Thought("Hm.", SIGNED),
    SaidText("It "),
    SaidText("rains.", (Citation("https://a.example", "A"), Citation("https://b.example", "B", 3, 5))),
    Called("c1", "f", '{"a":1}', SECRET),
    Called("c2", "g", "ls", is_custom=True),
    Called("", "h", ""),
)
EVENTS: tuple[Event, ...] = (
    Begun("m", Usage(input_tokens=1)),
    ThoughtPiece("H"),
    ThoughtPiece("m."),
    ThoughtEnd(SIGNED),
    TextPiece("It "),
    TextEnd(),
    TextPiece("rains."),
    Cited(Citation("https://a.example", "A")),
    Cited(Citation("https://b.example", "B", 3, 5)),
    TextEnd(),
    CallBegun(5, "c1", "f"),
    CallBegun(6, "c2", "g", is_custom=True),
    ArgumentsPiece(5, '{"a"'),
    ArgumentsPiece(6, "ls"),
    ArgumentsPiece(5, ":1}"),
    CallEnd(5, SECRET),
    CallEnd(6),
    CallBegun(7, "", "h"),
    CallEnd(7),
    Stopped(Stop.TOOL_CALL),
    UsageStated(Usage(input_tokens=10, output_tokens=5, cache_read_tokens=4, reasoning_tokens=2)),
)
USAGE = Usage(input_tokens=10, output_tokens=5, cache_read_tokens=4, reasoning_tokens=2)


def chunks(events: tuple[Event, ...]) -> list[Any]:
    stream = CompletionStream(ASKED)
    sent = b"".join([stream.write(event) for event in events]) + stream.end()
    *data, done = [data for _, data in events_in(sent, whole=True)]
    assert done == b"[DONE]"
    return [json.loads(one) for one in data]


def folded(events: tuple[Event, ...]) -> dict[str, Any]:
    state: Any = ChatCompletionStreamState()
    for chunk in chunks(events):
        # As the SDK itself reads them: its type of a chunk's calls knows functions alone.
        state.handle_chunk(construct_type(type_=ChatCompletionChunk, value=chunk))
    return state.current_completion_snapshot.model_dump()


def test_a_whole_answer_cites_in_characters_of_its_content():
    whole = write_answer(Answer(BLOCKS, stop=Stop.TOOL_CALL, usage=USAGE), ASKED)
    ChatCompletion.model_validate_json(whole, strict=True)
    message = json.loads(whole)["choices"][0]["message"]

    assert message["content"] == "It rains."
    cited = [one["url_citation"] for one in message["annotations"]]
    assert [message["content"][one["start_index"] : one["end_index"]] for one in cited] == ["rains.", "ns"]
    assert [(call["id"], call["type"]) for call in message["tool_calls"]] == [
        ("c1", "function"),
        ("c2", "custom"),
        ("call_01JAB_2", "function"),
    ]


def test_a_stream_folds_to_the_whole_answer():
    whole = json.loads(write_answer(Answer(BLOCKS, stop=Stop.TOOL_CALL, usage=USAGE), ASKED))
    streamed = folded(EVENTS)
    message, said = whole["choices"][0]["message"], streamed["choices"][0]["message"]

    def unplaced(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [
            {name: value for name, value in one.items() if name != "index" and value is not None} for one in entries
        ]

    assert said["content"] == message["content"]
    assert said["reasoning_content"] == message["reasoning_content"]
    assert unplaced(said["thinking_blocks"]) == message["thinking_blocks"]
    assert unplaced(said["annotations"]) == message["annotations"]
    assert [(one["id"], one.get("custom")) for one in said["tool_calls"]] == [
        (one["id"], one.get("custom")) for one in message["tool_calls"]
    ]
    assert said["tool_calls"][0]["function"]["arguments"] == message["tool_calls"][0]["function"]["arguments"]
    assert said["tool_calls"][2]["function"]["arguments"] == "{}"
    sealed = said["tool_calls"][0]["extra_content"]["gateway"]["sealed"]
    assert SEAL.opened(sealed, "f") == SECRET
    assert streamed["choices"][0]["finish_reason"] == whole["choices"][0]["finish_reason"] == "tool_calls"
    assert chunks(EVENTS)[-1]["usage"] == whole["usage"]


def test_a_refusal_is_no_content():
    whole = json.loads(write_answer(Answer([Refused("No.")], stop=Stop.FILTERED), ASKED))["choices"][0]
    streamed = folded((RefusalPiece("No"), RefusalPiece("."), Stopped(Stop.FILTERED)))["choices"][0]

    assert (whole["message"]["content"], whole["message"]["refusal"]) == (None, "No.")
    assert streamed["message"]["refusal"] == "No."
    assert whole["finish_reason"] == streamed["finish_reason"] == "content_filter"


@pytest.mark.parametrize(
    ("members", "param"),
    [
        ({"tools": [{"type": "custom", "custom": {"name": "g", "format": {"type": "grammar"}}}]}, "tools[0].custom.format.grammar"),
        ({"messages": [HI, {"role": "assistant", "thinking_blocks": [{"type": "thinking", "thinking": 5}]}]}, "messages[1].thinking_blocks[0].thinking"),
        ({"messages": [HI, {"role": "assistant", "reasoning_content": 5}]}, "messages[1].reasoning_content"),
        ({"metadata": {"user_id": 5}}, "metadata.user_id"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_refused_with_its_place(members, param):
    with pytest.raises(GatewayError) as raised:
        conversation(**members)

    assert (raised.value.type, raised.value.param) == ("bad_request", param)
