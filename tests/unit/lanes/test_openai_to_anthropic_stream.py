"""Streams with what Anthropic may add to them, taken in by the accumulator of OpenAI's SDK."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.lib.streaming.chat import ChatCompletionStreamState
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from gateway.lanes.base import Asked, UntranslatableAnswer
from gateway.lanes.pairs import OPENAI_TO_ANTHROPIC
from gateway.wire.sse_events import EventSplitter

ASKED = Asked(model="smart", include_usage=True, request_id="grq_01", created=1700000000)
HI = {"role": "user", "content": "Hi"}
USAGE = {"input_tokens": 3, "cache_read_input_tokens": 2, "output_tokens": 4}
STARTED = {"type": "message_start", "message": {"usage": {**USAGE, "output_tokens": 1}}}


def start(block, index=0):
    return {"type": "content_block_start", "index": index, "content_block": block}


def piece(delta, index=0):
    return {"type": "content_block_delta", "index": index, "delta": delta}


def stop(index=0):
    return {"type": "content_block_stop", "index": index}


def ending(reason="end_turn"):
    delta = {"type": "message_delta", "delta": {"stop_reason": reason}, "usage": {"output_tokens": 4}}
    return delta, {"type": "message_stop"}


def chunks(*events):
    translator = OPENAI_TO_ANTHROPIC.stream(ASKED)
    said = b"".join(translator.feed(event["type"], msgspec.json.encode(event)) for event in events)
    assert translator.finished
    *datas, last = (data for _, data in EventSplitter().feed(said + translator.end()))
    assert last == b"[DONE]"
    return [ChatCompletionChunk.model_validate(json.loads(data)) for data in datas]


def completed(*events):
    state = ChatCompletionStreamState()
    for chunk in chunks(*events):
        state.handle_chunk(chunk)
    return state.get_final_completion()


def message_of(completion):
    return completion.choices[0].message


@pytest.mark.parametrize(
    "event",
    [
        {"type": "made_tomorrow"},
        {"type": "made_tomorrow", "index": "x", "delta": "y", "usage": 1, "message": []},
        start({"type": "made_tomorrow", "text": {"a": 1}, "name": None}, 1),
        piece({"type": "made_tomorrow", "text": {"a": 1}}),
        piece({"type": "citations_delta", "citation": {"cited_text": "x"}}),
        {"type": "ping"},
    ],
)
def test_what_is_of_an_unknown_kind_is_passed_over_whatever_it_holds(event):
    opened = (STARTED, start({"type": "text", "text": ""}))
    spoken = (piece({"type": "text_delta", "text": "Hi"}), stop(), *ending())

    completion = completed(*opened, event, *spoken)

    assert message_of(completion).content == "Hi"
    assert chunks(*opened, event, *spoken) == chunks(*opened, *spoken)


def test_pieces_of_an_unknown_block_are_passed_over():
    unknown = start({"type": "made_tomorrow", "data": {}}), piece({"type": "input_json_delta", "partial_json": "{"})

    assert message_of(completed(STARTED, *unknown, stop(), *ending())).tool_calls is None


@pytest.mark.parametrize(
    "event",
    [
        piece({"type": "text_delta", "text": "x"}, 5),
        start({"type": "tool_use", "id": "toolu_1", "name": ""}),
        {"type": 1},
        {},
    ],
)
def test_what_cannot_be_read_is_said(event):
    translator = OPENAI_TO_ANTHROPIC.stream(ASKED)
    for before in (STARTED, start({"type": "text", "text": ""})):
        translator.feed("", msgspec.json.encode(before))

    with pytest.raises(UntranslatableAnswer):
        translator.feed("", msgspec.json.encode(event))


@pytest.mark.parametrize(
    "event",
    [
        start({"type": "text", "text": 1}, 1),
        start({"type": "tool_use", "id": "", "name": None}, 1),
        start("x", 1),
        piece({"type": "text_delta", "text": 1}),
        piece("x"),
        {"type": "message_start", "message": "x"},
        {"type": "message_delta", "delta": {"stop_reason": 1}},
        {"type": "message_stop", "index": "x", "delta": 5},
    ],
)
def test_one_odd_member_costs_no_stream(event):
    said = (piece({"type": "text_delta", "text": "Hi"}), event, stop(), *ending("tool_use"))

    completion = completed(STARTED, start({"type": "text", "text": ""}), *said)

    assert message_of(completion).content == "Hi"
    assert completion.choices[0].finish_reason == "stop"


def started(identifier):
    return {"type": "message_start", "message": {"id": identifier, "usage": USAGE}}


def test_a_start_that_repeats_is_passed_over_and_another_message_is_not():
    opened = start({"type": "text", "text": ""}), piece({"type": "text_delta", "text": "Hi"}), stop()
    translator = OPENAI_TO_ANTHROPIC.stream(ASKED)

    assert message_of(completed(started("msg_1"), *opened, started("msg_1"), *ending())).content == "Hi"
    translator.feed("", msgspec.json.encode(started("msg_1")))
    with pytest.raises(UntranslatableAnswer, match="another message"):
        translator.feed("", msgspec.json.encode(started("msg_2")))


CUT = (
    start({"type": "tool_use", "id": "t", "name": "f", "input": {}}),
    piece({"type": "input_json_delta", "partial_json": '{"a":"b'}),
)


@pytest.mark.parametrize("end", [ending("tool_use"), (ending()[1],)])
def test_a_call_that_never_ends_is_no_call(end):
    translator = OPENAI_TO_ANTHROPIC.stream(ASKED)

    with pytest.raises(UntranslatableAnswer, match="break off"):
        for event in (STARTED, *CUT, *end):
            translator.feed("", msgspec.json.encode(event))


def test_what_a_model_wrote_or_a_limit_left_of_a_call_goes_on_as_it_is():
    for events, reason in (
        ((*CUT, stop(), *ending("tool_use")), "tool_calls"),
        ((*CUT, *ending("max_tokens")), "length"),
    ):
        choice = [chunk.choices[0] for chunk in chunks(STARTED, *events) if chunk.choices]
        pieces = [call.function.arguments for one in choice for call in one.delta.tool_calls or ()]
        assert ("".join(pieces), choice[-1].finish_reason) == ('{"a":"b', reason)


def test_a_whole_call_that_never_ends_is_one():
    use = start({"type": "tool_use", "id": "t", "name": "f", "input": {}})

    (call,) = message_of(completed(STARTED, use, *ending("tool_use"))).tool_calls

    assert call.function.arguments == "{}"


def test_text_that_a_block_begins_with_is_said():
    block = start({"type": "text", "text": "Hel"}), piece({"type": "text_delta", "text": "lo"}), stop()

    assert message_of(completed(STARTED, *block, *ending())).content == "Hello"


@pytest.mark.parametrize(
    ("begun", "pieces", "arguments"),
    [
        (b"{}", [], "{}"),
        (b"{}", ['{"a"', ":1}"], '{"a":1}'),
        (b'{"n":10000000000000000000007}', [], '{"n":10000000000000000000007}'),
        (b'{"a":0}', ['{"a":1}'], '{"a":1}'),
        (b"null", [], "{}"),
    ],
)
def test_the_input_that_a_call_begins_with_holds_unless_pieces_come(begun, pieces, arguments):
    block = {"type": "tool_use", "id": "t", "name": "f", "input": msgspec.Raw(begun)}
    deltas = [piece({"type": "input_json_delta", "partial_json": one}) for one in pieces]

    calls = message_of(completed(STARTED, start(block), *deltas, stop(), *ending("tool_use"))).tool_calls

    assert [(call.id, call.function.name, call.function.arguments) for call in calls] == [("t", "f", arguments)]


@pytest.mark.parametrize("begun", [{"thinking": "", "signature": ""}, {"thinking": "A", "signature": "old"}])
@pytest.mark.parametrize("signatures", [[], ["c2ln"]])
def test_a_thought_has_one_signature_the_last(begun, signatures):
    deltas = [{"type": "thinking_delta", "thinking": "B"}]
    deltas += [{"type": "signature_delta", "signature": one} for one in signatures]
    block = start({"type": "thinking", **begun}), *map(piece, deltas), stop()

    message = message_of(completed(STARTED, *block, *ending()))

    signature = (signatures or [begun["signature"]])[0]
    thinking = begun["thinking"] + "B"
    kept = [(one["thinking"], one["signature"]) for one in message.model_extra.get("thinking_blocks", ())]
    assert kept == ([(thinking, signature)] if signature else [])
    assert message.reasoning_content == thinking


def test_the_reason_of_the_end_is_given_once():
    finished = [
        chunk.choices[0].finish_reason
        for chunk in chunks(STARTED, ending()[0], *ending("max_tokens"))
        if chunk.choices and chunk.choices[0].finish_reason
    ]

    assert finished == ["stop"]


def test_a_stream_that_broke_off_is_not_finished():
    translator = OPENAI_TO_ANTHROPIC.stream(ASKED)
    for event in (STARTED, start({"type": "text", "text": ""}), ending()[0]):
        translator.feed("", msgspec.json.encode(event))

    assert not translator.finished


TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), min_size=1, max_size=8)
BLOCK = st.one_of(
    st.builds(lambda text: {"type": "text", "text": text}, TEXT),
    st.builds(
        lambda text, signature: {"type": "thinking", "thinking": text, "signature": signature}, st.just("") | TEXT, TEXT
    ),
    st.builds(lambda data: {"type": "redacted_thinking", "data": data}, TEXT),
    st.builds(lambda given: {"type": "tool_use", "name": "f", "input": given}, st.dictionaries(TEXT, TEXT, max_size=2)),
)


def cut(text, at):
    return [part for part in (text[:at], text[at:]) if part]


def streamed(blocks, reason, at):
    """The events in which Anthropic streams these blocks, texts cut in two."""
    yield STARTED
    for index, block in enumerate(blocks):
        kind = block["type"]
        if kind == "text":
            yield start({**block, "text": ""}, index)
            yield from (piece({"type": "text_delta", "text": one}, index) for one in cut(block["text"], at))
        elif kind == "thinking":
            yield start({**block, "thinking": "", "signature": ""}, index)
            yield from (piece({"type": "thinking_delta", "thinking": one}, index) for one in cut(block["thinking"], at))
            yield piece({"type": "signature_delta", "signature": block["signature"]}, index)
        elif kind == "tool_use":
            yield start({**block, "input": {}}, index)
            written = msgspec.json.encode(block["input"]).decode() if block["input"] else ""
            yield from (piece({"type": "input_json_delta", "partial_json": one}, index) for one in cut(written, at))
        else:
            yield start(block, index)
        yield stop(index)
    yield from ending(reason)


@given(blocks=st.lists(BLOCK, max_size=5), at=st.integers(0, 5))
def test_a_stream_says_what_the_whole_message_says_and_its_thoughts_can_come_back(blocks, at):
    blocks = [
        {**block, "id": f"toolu_{index}"} if block["type"] == "tool_use" else block
        for index, block in enumerate(blocks)
    ]
    reason = "tool_use" if any(block["type"] == "tool_use" for block in blocks) else "end_turn"
    body = {"content": blocks, "stop_reason": reason, "usage": USAGE}
    whole = ChatCompletion.model_validate(
        json.loads(OPENAI_TO_ANTHROPIC.response(msgspec.json.encode(body), ASKED)), strict=True
    )

    completion = completed(*streamed(blocks, reason, at))

    ours, theirs = message_of(completion), message_of(whole)
    assert (ours.content or "") == (theirs.content or "")
    assert ours.model_extra.get("reasoning_content") == theirs.model_extra.get("reasoning_content")
    assert [(call.id, call.function.name, call.function.arguments) for call in ours.tool_calls or ()] == [
        (call.id, call.function.name, call.function.arguments) for call in theirs.tool_calls or ()
    ]
    assert completion.choices[0].finish_reason == whole.choices[0].finish_reason
    assert completion.usage == whole.usage
    thoughts = [block for block in blocks if "thinking" in block["type"]]
    request = {"messages": [HI, {**ours.model_dump(exclude_none=True), "content": "Said"}, HI]}
    there = OPENAI_TO_ANTHROPIC.request(request, model="claude-opus-4-6", strict=False).body
    assert [block for block in there["messages"][1]["content"] if "thinking" in block["type"]] == thoughts


def test_optional_members_that_are_null_or_of_other_types_make_no_stream_unreadable():
    odd = [
        {"type": "message_start", "message": {"usage": [1]}},
        start({"type": "text", "text": None, "signature": None}),
        piece({"type": "text_delta", "text": "Hi", "signature": 5}),
        {"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_details": []}, "usage": "none"},
        {"type": "message_stop"},
    ]

    assert message_of(completed(*odd)).content == "Hi"
