"""Both sides of Anthropic's Messages, joined to each other: what goes in comes out, whole and in events."""

import json
from typing import Any

import msgspec
import pytest
from anthropic.types import Message
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import GatewayError
from gateway.lanes.answer import (
    Answer,
    ArgumentsPiece,
    Begun,
    CallBegun,
    Called,
    CallEnd,
    Refused,
    SaidText,
    Stopped,
    TextPiece,
    Thought,
    ThoughtEnd,
    ThoughtPiece,
    UsageStated,
)
from gateway.lanes.base import Asked
from gateway.lanes.conversation import Call, Feature, Opaque, Role
from gateway.lanes.conversation import Thought as Thinking
from gateway.lanes.losses import Losses
from gateway.lanes.messages.opaque import opened_thought, signature_of
from gateway.lanes.pairs import CLIENTS, PROVIDERS
from gateway.lanes.sealing import PREFIX, Seal
from gateway.lanes.sides import joined
from gateway.shapes.ending import Stop
from gateway.usage import Usage
from gateway.wire.json_splice import apply
from gateway.wire.unsigned_thinking import without_unsigned_thinking
from tests.support.messages import message_of

CLIENT = CLIENTS["messages"]
PROVIDER = PROVIDERS["messages"]

SEAL = Seal((b"k" * 32,))
ASKED = Asked(model="smart", include_usage=False, request_id="grq_1", created=1, provider="own", seal=SEAL)
OWN = joined(CLIENT, PROVIDER)
EPHEMERAL = {"cache_control": {"type": "ephemeral"}}
PNG = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}}
REQUEST: dict[str, Any] = {
    "model": "claude-sonnet-4-5",
    "max_tokens": 4096,
    "system": [
        {"type": "text", "text": "Be kind.", **EPHEMERAL},
        {"type": "text", "text": "Be brief."},
    ],
    "messages": [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "Look.", **EPHEMERAL},
                PNG,
                {"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}},
                {
                    "type": "document",
                    "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0="},
                    "title": "Plan",
                    "context": "Draft",
                    "citations": {"enabled": True},
                },
                {"type": "document", "source": {"type": "url", "url": "https://example.com/a.pdf"}},
                {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "words"}},
                {"type": "document", "source": {"type": "content", "content": [{"type": "text", "text": "a"}, PNG]}},
                {
                    "type": "search_result",
                    "title": "T",
                    "source": "https://example.com",
                    "content": [{"type": "text", "text": "found"}],
                    "citations": {"enabled": True},
                },
            ],
        },
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "hm", "signature": "c2ln"},
                {"type": "redacted_thinking", "data": "eA=="},
                {"type": "text", "text": "Let me see."},
                {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {"city": "Kyōto"}, **EPHEMERAL},
                {"type": "tool_use", "id": "toolu_2", "name": "now", "input": {}},
            ],
        },
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "toolu_1", "content": [{"type": "text", "text": "sunny"}, PNG]},
                {"type": "tool_result", "tool_use_id": "toolu_2", "is_error": True, **EPHEMERAL},
                {"type": "text", "text": "Go on."},
            ],
        },
    ],
    "tools": [
        {"name": "weather", "description": "Of a city", "input_schema": {"type": "object"}, "strict": True},
        {"name": "now", "input_schema": {"type": "object", "properties": {}}, **EPHEMERAL},
    ],
    "tool_choice": {"type": "auto", "disable_parallel_tool_use": True},
    "stop_sequences": ["END"],
    "metadata": {"user_id": "someone"},
    "service_tier": "standard_only",
    "stream": True,
    "thinking": {"type": "enabled", "budget_tokens": 2000, "display": "omitted"},
    "output_config": {"format": {"type": "json_schema", "schema": {"type": "object"}}},
}


def request(body, **how):
    return OWN.request(body, model=body.get("model", "claude"), strict=True, seal=SEAL, **how)


def test_every_feature_has_a_row():
    assert set(PROVIDER.table) == set(Feature)


def test_a_request_that_uses_all_of_the_api_comes_out_as_it_was():
    assert request(REQUEST).body == REQUEST


def test_sampling_comes_out_as_it_was():
    body = {**REQUEST, "temperature": 0.5, "top_k": 4}
    del body["thinking"]

    assert request(body).body == body


def test_what_claude_code_tells_of_its_billing_stays_here():
    told = [{"type": "text", "text": "x-anthropic-billing-header: cc_version=2.1; cch=1;"}, *REQUEST["system"]]

    assert request({**REQUEST, "system": told}).body == REQUEST


def read(messages, seal=SEAL):
    body = {"model": "m", "max_tokens": 9, "messages": messages}
    return CLIENT.read_request(body, Losses(OWN.table, strict=True), seal)


ENCRYPTED = Opaque("openai/azure", {"id": "rs_1", "encrypted_content": "gAAA"})
SIGNED = Opaque("gemini", {"thoughtSignature": "c2ln"})
GIVEN = Opaque("reasoning_content/vllm", {})
CLAUDES = Opaque("anthropic", {"signature": "c2ln"})
BLOCKS = [
    Thought("Hm.", ENCRYPTED),
    Thought("", ENCRYPTED),
    Thought("Given.", GIVEN),
    Thought("Claude's", CLAUDES),
    Thought("", Opaque("anthropic", {"data": "eA=="})),
    Thought("nothing proves it"),
    SaidText("So."),
    Called("call_1", "weather", '{"city":"Kyōto"}', SIGNED),
    Called("call_2", "now", "{}", SIGNED),
    Called("call_3", "now", "{}"),
]
ANSWER = Answer(
    BLOCKS, "chatcmpl-7", Stop.TOOL_CALL, None, Usage(input_tokens=15, output_tokens=7, cache_read_tokens=5)
)


def streamed(answer):
    """The events of an answer, with calls that are sent in turns."""
    yield Begun(answer.id)
    calls = []
    for key, block in enumerate(answer.blocks):
        if isinstance(block, Thought):
            yield from (ThoughtPiece(piece) for piece in (block.text[:2], block.text[2:]) if piece)
            yield ThoughtEnd(block.opaque)
        elif isinstance(block, Called):
            calls.append((key, block))
            yield CallBegun(key, block.id, block.name)
        elif isinstance(block, SaidText):
            yield from (TextPiece(piece) for piece in (block.text[:1], block.text[1:]) if piece)
    for start in (0, 4):
        yield from (
            ArgumentsPiece(key, piece)
            for key, call in calls
            if (piece := call.arguments[start : 4 if start == 0 else None])
        )
    yield from (CallEnd(key, call.opaque) for key, call in reversed(calls))
    yield Stopped(answer.stop, answer.stopped_at)
    yield UsageStated(answer.usage)


def written(events):
    writer = CLIENT.write_stream(ASKED)
    return b"".join(writer.write(event) for event in events) + writer.end()


def whole_of(answer):
    return Message.model_validate(json.loads(CLIENT.write_answer(answer, ASKED))).to_dict(
        mode="json", exclude_none=True
    )


def test_what_was_thought_and_called_comes_back_to_whoever_gave_it():
    content = whole_of(ANSWER)["content"]

    turn = read([{"role": "user", "content": "?"}, {"role": "assistant", "content": content}]).turns[1]

    assert turn.role is Role.ASSISTANT
    parts = [part for part in turn.parts if isinstance(part, Thinking | Call)]
    assert [part.opaque for part in parts] == [block.opaque for block in BLOCKS if not isinstance(block, SaidText)]


def test_a_streamed_answer_is_what_the_whole_one_is():
    assert message_of(written(streamed(ANSWER))) == whole_of(ANSWER)


def test_without_a_seal_nothing_opaque_is_given_but_what_the_api_has_a_place_for():
    content = json.loads(CLIENT.write_answer(ANSWER, Asked(model="m", include_usage=False, request_id="g", created=1)))

    assert PREFIX not in json.dumps(content)
    assert [block.get("signature") for block in content["content"][:3]] == ["", "reasoning_content@vllm", "c2ln"]


def forged(content):
    """The same blocks with what a client may make of them."""
    thought, alone, call, held = content[0], content[1], content[-5], content[-4]
    yield "cut", {**thought, "signature": thought["signature"][:-4]}
    yield "forged", {**thought, "signature": f"{PREFIX}gqFh.AAAA"}
    yield "beside other words", {**thought, "thinking": "What I say."}
    yield "of another block", {**thought, "signature": alone["data"]}
    yield "of a call, for a thought", {"type": "redacted_thinking", "data": held["data"]}
    yield "for another call", [{**call, "id": "call_9"}, held]


FORGED = dict(forged(whole_of(ANSWER)["content"]))


@pytest.mark.parametrize("blocks", FORGED.values(), ids=FORGED)
def test_what_a_client_forges_is_nothing(blocks):
    blocks = blocks if isinstance(blocks, list) else [blocks]

    parts = read([{"role": "user", "content": "?"}, {"role": "assistant", "content": blocks}]).turns[1].parts

    assert [part.opaque for part in parts] == [None] * len(parts)


def test_another_gateways_envelopes_are_nothing():
    content = whole_of(ANSWER)["content"]
    turns = [{"role": "user", "content": "?"}, {"role": "assistant", "content": content}]

    for seal in (None, Seal((b"o" * 32,))):
        origins = {part.opaque.origin for part in read(turns, seal).turns[1].parts if getattr(part, "opaque", None)}
        assert origins == {"anthropic", "reasoning_content/vllm"}


WORDS = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), min_size=1, max_size=9)
OPAQUE = st.sampled_from([None, ENCRYPTED, SIGNED, GIVEN, CLAUDES])
ARGUMENTS = st.sampled_from(["", "{}", '{"a": 1}', " {}", "[1]", "no JSON", '"{}"', "null"])
BLOCK = st.one_of(
    st.builds(SaidText, WORDS),
    st.builds(Thought, WORDS, OPAQUE),
    st.builds(Called, st.sampled_from(["", "call_1", "é"]), st.just("now"), ARGUMENTS, OPAQUE),
)
ENDS = st.sampled_from(
    [(Stop.FINISHED, None), (Stop.FINISHED, "END"), (Stop.LENGTH, None), (Stop.FILTERED, None), (None, None)]
)


def separate(blocks):
    """Blocks of which no two texts stand in a row, since a stream would make one of them, and calls at the end."""
    kept = []
    for block in sorted(blocks, key=lambda block: isinstance(block, Called)):
        if not (kept and isinstance(block, SaidText) and isinstance(kept[-1], SaidText)):
            kept.append(block)
    return kept


@given(blocks=st.lists(BLOCK, max_size=6).map(separate), end=ENDS)
def test_any_answer_is_the_same_whole_and_streamed(blocks, end):
    answer = ANSWER._replace(blocks=blocks, stop=end[0], stopped_at=end[1])

    assert message_of(written(streamed(answer))) == whole_of(answer)


@pytest.mark.parametrize(
    ("answer", "reason", "sequence"),
    [
        (Answer([SaidText("x")], stop=Stop.FINISHED, stopped_at="END"), "stop_sequence", "END"),
        (Answer([SaidText("x")], stop=Stop.LENGTH), "max_tokens", None),
        (Answer([SaidText("x")], stop=Stop.FILTERED), "refusal", None),
        (Answer([Refused("No.")], stop=Stop.FINISHED), "refusal", None),
        (Answer([Called("a", "now", "")], stop=Stop.FINISHED), "tool_use", None),
        (Answer([SaidText("x")]), "end_turn", None),
    ],
)
def test_why_it_stopped(answer, reason, sequence):
    message = whole_of(answer)

    assert (message["stop_reason"], message.get("stop_sequence")) == (reason, sequence)


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"max_tokens": 0}, "max_tokens"),
        ({"tools": [], "tool_choice": {"type": "any"}}, "tools"),
        ({"messages": [{"role": "user", "content": [{"type": "smell"}]}]}, "messages[0].content[0].type"),
        ({"messages": [{"role": "user", "content": [{**PNG, "source": {"type": "url", "url": "file:///x"}}]}]},
         "messages[0].content[0].source.url"),
        ({"thread": {"type": "create"}}, "thread"),
        ({"inference_geo": "us"}, "inference_geo"),
    ],
)  # fmt: skip
def test_what_cannot_cross_is_refused_with_its_place(changes, param):
    with pytest.raises(GatewayError) as caught:
        request({**REQUEST, **changes})

    assert caught.value.param == param


def test_a_thought_that_nobody_signed_is_sealed_as_nobodys_so_that_no_server_gets_it_as_claudes():
    seal = Seal((b"k" * 32,))
    signature = signature_of(None, "hm", seal)
    block = {"type": "thinking", "thinking": "hm", "signature": signature}
    body = msgspec.json.encode({"messages": [{"role": "assistant", "content": [block, {"type": "text", "text": "a"}]}]})

    assert opened_thought(block, "hm", seal) is None
    assert b"thinking" not in apply(body, without_unsigned_thinking(body, marked_alone=True))
