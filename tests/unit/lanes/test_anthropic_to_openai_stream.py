"""Streams of OpenAI's chat shape for clients of Anthropic's Messages, read by Anthropic's own accumulator."""

import json
import re

import msgspec
import pytest
from anthropic.lib.streaming._messages import accumulate_event
from anthropic.types import Message, RawMessageStreamEvent
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from gateway.lanes.base import Asked, UntranslatableAnswer
from gateway.lanes.pairs import ANTHROPIC_TO_OPENAI

_ASKED = Asked(model="claude-x", include_usage=False, request_id="grq_01ABC", created=1)
_EVENT = TypeAdapter(RawMessageStreamEvent)
_DONE = b"[DONE]"
_USAGE = {
    "prompt_tokens": 30,
    "completion_tokens": 9,
    "total_tokens": 39,
    "prompt_tokens_details": {"cached_tokens": 10},
    "completion_tokens_details": {"reasoning_tokens": 4},
}


def _chunk(finish_reason=None, **delta):
    choice = {"index": 0, "delta": delta, "finish_reason": finish_reason, "logprobs": None}
    return {"id": "chatcmpl-1", "object": "chat.completion.chunk", "choices": [choice], "usage": None}


def _call(index, arguments=None, *, identifier=None, name=None):
    function = {key: value for key, value in (("name", name), ("arguments", arguments)) if value is not None}
    call = {"index": index, "id": identifier, "function": function}
    return {key: value for key, value in call.items() if value is not None}


def _calls(*calls):
    return _chunk(tool_calls=list(calls))


_ROLE = _chunk(role="assistant", content="")
_USAGE_ONLY = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "choices": [], "usage": _USAGE}


def _data(chunk):
    return chunk if isinstance(chunk, bytes) else json.dumps(chunk).encode()


def _play(*chunks, end=True):
    """What each chunk brings, as parsed events."""
    translator = ANTHROPIC_TO_OPENAI.stream(_ASKED)
    written = [translator.feed("", _data(chunk)) for chunk in chunks]
    if end:
        assert translator.finished
        written.append(translator.end())
    return [_parse(piece) for piece in written]


def _parse(piece):
    events = []
    for frame in piece.decode().split("\n\n")[:-1]:
        match = re.fullmatch(r"event: (\w+)\ndata: (.+)", frame)
        payload = json.loads(match[2])
        assert payload["type"] == match[1]
        events.append(payload)
    return events


def _all(*chunks):
    events = [event for piece in _play(*chunks) for event in piece]
    _assert_invariants(events)
    return events


def _assert_invariants(events):
    assert [event["type"] for event in events].count("message_start") == 1
    assert events[0]["type"] == "message_start"
    assert [event["type"] for event in events[-2:]] == ["message_delta", "message_stop"]
    opened, expected = None, 0
    for event in events[1:-2]:
        if event["type"] == "content_block_start":
            assert (opened, event["index"]) == (None, expected)
            opened = expected
        elif event["type"] == "content_block_delta":
            assert event["index"] == opened
            assert any(value for key, value in event["delta"].items() if key != "type")
        else:
            assert (event["type"], event["index"]) == ("content_block_stop", opened)
            opened, expected = None, expected + 1
    assert opened is None


def _message(*chunks):
    """The Message that Anthropic's SDK puts together."""
    snapshot, buffers = None, {}
    for payload in _all(*chunks):
        event = _EVENT.validate_python(payload)
        snapshot = accumulate_event(event=event, current_snapshot=snapshot, json_bufs=buffers)
    return Message.model_validate(snapshot.to_dict())


def _content(*chunks):
    return [block.to_dict() for block in _message(*chunks).content]


def _text(said):
    return {"type": "text", "text": said}


def _tool_use(identifier, given_input, name="f"):
    return {"type": "tool_use", "id": identifier, "name": name, "input": given_input}


def test_reasoning_that_came_as_reasoning_content_goes_back_to_its_provider_and_to_no_other():
    chunks = [_chunk(reasoning_content="h"), _chunk(reasoning_content="m"), _chunk(content="Ja"), _chunk("stop")]
    translator = ANTHROPIC_TO_OPENAI.stream(msgspec.structs.replace(_ASKED, provider="vllm"))
    events = [event for chunk in chunks for event in _parse(translator.feed("", _data(chunk)))]
    (signed,) = [event["delta"]["signature"] for event in events if "signature" in event.get("delta", ())]
    answered = {"type": "thinking", "thinking": "hm", "signature": signed}
    message = {"content": "Ja", "reasoning_content": "hm"}
    whole = ANTHROPIC_TO_OPENAI.response(
        json.dumps({"choices": [{"message": message}]}).encode(), msgspec.structs.replace(_ASKED, provider="vllm")
    )
    turns = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": [answered, _text("Ja")]}]
    turns.append({"role": "user", "content": "So?"})

    def sent(provider):
        body = {"max_tokens": 5, "messages": turns}
        return ANTHROPIC_TO_OPENAI.request(body, model="m", strict=True, provider=provider).body["messages"][1]

    assert json.loads(whole)["content"][0] == answered
    assert sent("vllm") == {"role": "assistant", **message}
    assert sent("groq") == {"role": "assistant", "content": "Ja"}


def test_reasoning_of_another_member_is_not_marked():
    translator = ANTHROPIC_TO_OPENAI.stream(msgspec.structs.replace(_ASKED, provider="groq"))

    assert b"signature_delta" not in b"".join(
        translator.feed("", _data(chunk)) for chunk in (_chunk(reasoning="h"), _chunk(content="Ja"), _chunk("stop"))
    )


def test_every_event_of_a_text_goes_out_with_its_chunk():
    usage = {
        "input_tokens": 20,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 10,
        "output_tokens": 9,
        "output_tokens_details": {"thinking_tokens": 4},
    }
    no_usage = {
        "input_tokens": 0,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
        "output_tokens": 0,
    }

    assert _play(_ROLE, _chunk(content="Hel"), _chunk(content="lo"), _chunk("stop"), _USAGE_ONLY, _DONE) == [
        [
            {
                "type": "message_start",
                "message": {
                    "id": "msg_1",
                    "type": "message",
                    "role": "assistant",
                    "model": "claude-x",
                    "content": [],
                    "stop_reason": None,
                    "stop_sequence": None,
                    "usage": no_usage,
                },
            }
        ],
        [
            {"type": "content_block_start", "index": 0, "content_block": _text("")},
            {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hel"}},
        ],
        [{"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "lo"}}],
        [{"type": "content_block_stop", "index": 0}],
        [],
        [],
        [
            {"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": None}, "usage": usage},
            {"type": "message_stop"},
        ],
    ]


_STREAMS = {
    "thinking, text and calls": (
        [
            _chunk(reasoning_content="h"),
            _chunk(reasoning_content="m"),
            _chunk(content="Let "),
            _chunk(content="me see."),
            _calls(_call(0, "", identifier="a", name="f")),
            _calls(_call(0, '{"x"')),
            _calls(_call(0, ":1}")),
            _calls(_call(1, "", identifier="b", name="f")),
            _calls(_call(1, "{}")),
            _chunk("tool_calls"),
        ],
        [
            {"type": "thinking", "thinking": "hm", "signature": ""},
            _text("Let me see."),
            _tool_use("a", {"x": 1}),
            _tool_use("b", {}),
        ],
        "tool_use",
    ),
    "interleaved calls": (
        [
            _calls(_call(0, '{"x":', identifier="a", name="f"), _call(1, '{"y"', identifier="b", name="f")),
            _calls(_call(1, ":2}")),
            _calls(_call(0, "1}")),
            _chunk("tool_calls"),
        ],
        [_tool_use("a", {"x": 1}), _tool_use("b", {"y": 2})],
        "tool_use",
    ),
    "a call without arguments, then another": (
        [
            _calls(_call(0, "", identifier="a", name="f")),
            _calls(_call(1, "{}", identifier="b", name="f")),
            _chunk("tool_calls"),
        ],
        [_tool_use("a", {}), _tool_use("b", {})],
        "tool_use",
    ),
    "text within a call": (
        [
            _calls(_call(0, '{"x":', identifier="a", name="f")),
            _chunk(content="so"),
            _calls(_call(0, "1}")),
            _chunk("tool_calls"),
        ],
        [_tool_use("a", {"x": 1}), _text("so")],
        "tool_use",
    ),
    "calls that share an index": (
        [
            _calls(_call(0, "{}", identifier="a", name="f"), _call(0, "{}", identifier="b", name="f")),
            _chunk("tool_calls"),
        ],
        [_tool_use("a", {}), _tool_use("b", {})],
        "tool_use",
    ),
    "calls without an index": (
        [
            _calls(_call(None, "{}", identifier="a", name="f")),
            _calls(_call(None, '{"x":', identifier="b", name="f")),
            _calls(_call(None, "1}")),
            _chunk("stop"),
        ],
        [_tool_use("a", {}), _tool_use("b", {"x": 1})],
        "tool_use",
    ),
    "calls without index and id": (
        [_calls(_call(None, "{}", name="f"), _call(None, '{"x":1}', name="g")), _chunk("stop")],
        [_tool_use("toolu_01ABC_0", {}), _tool_use("toolu_01ABC_1", {"x": 1}, "g")],
        "tool_use",
    ),
    "calls of Gemini, without index and with empty ids": (
        [
            _calls(_call(None, '{"a":1}', identifier="", name="f"), _call(None, "{}", identifier="", name="g")),
            _chunk("stop"),
        ],
        [_tool_use("toolu_01ABC_0", {"a": 1}), _tool_use("toolu_01ABC_1", {}, "g")],
        "tool_use",
    ),
    "the same in chunks of their own": (
        [
            _calls(_call(None, '{"a":1}', identifier="", name="f")),
            _calls(_call(None, '{"a":2}', identifier="", name="f")),
            _chunk("stop"),
        ],
        [_tool_use("toolu_01ABC_0", {"a": 1}), _tool_use("toolu_01ABC_1", {"a": 2})],
        "tool_use",
    ),
    "calls that share an index and have empty ids": (
        [
            _calls(_call(0, '{"a":1}', identifier="", name="f"), _call(0, "{}", identifier="", name="g")),
            _chunk("stop"),
        ],
        [_tool_use("toolu_01ABC_0", {"a": 1}), _tool_use("toolu_01ABC_1", {}, "g")],
        "tool_use",
    ),
    "a call without arguments and id, then another": (
        [_calls(_call(None, identifier="", name="f"), _call(None, "{}", identifier="", name="g")), _chunk("stop")],
        [_tool_use("toolu_01ABC_0", {}), _tool_use("toolu_01ABC_1", {}, "g")],
        "tool_use",
    ),
    "a name without id with every chunk": (
        [
            _calls(_call(0, '{"x"', name="f")),
            _calls(_call(0, ":1}", name="f")),
            _calls(_call(0, "", name="f")),
            _chunk("tool_calls"),
        ],
        [_tool_use("toolu_01ABC_0", {"x": 1})],
        "tool_use",
    ),
    "arguments as an object, ids as numbers": (
        [_calls(_call(0, {"x": 1}, identifier=7, name="f"), _call(1, {}, identifier=8, name="f")), _chunk("stop")],
        [_tool_use("7", {"x": 1}), _tool_use("8", {})],
        "tool_use",
    ),
    "arguments that are no object": (
        [
            _calls(_call(0, "nu", identifier="a", name="f")),
            _calls(_call(0, "ll")),
            _calls(_call(1, "[1]", identifier="b", name="f")),
            _chunk(content="so"),
            _chunk("tool_calls"),
        ],
        [_tool_use("a", {}), _tool_use("b", {"INVALID_JSON": "[1]"}), _text("so")],
        "tool_use",
    ),
    "arguments that are no JSON at all": (
        [_calls(_call(0, "Ulm, ", identifier="a", name="f")), _calls(_call(0, "please")), _chunk("tool_calls")],
        [_tool_use("a", {"INVALID_JSON": "Ulm, please"})],
        "tool_use",
    ),
    "a placeholder that is no call": (
        [
            {
                "choices": [
                    {
                        "delta": {
                            "content": "Hel",
                            "tool_calls": [{"index": 0, "function": {"name": "", "arguments": ""}}],
                        }
                    }
                ]
            },
            _chunk(content="lo", tool_calls=[{"index": 0}, "odd", None]),
            _chunk("tool_calls"),
        ],
        [_text("Hello")],
        "end_turn",
    ),
    "members of other types": (
        [
            {"choices": [{"delta": {"content": "Hel", "tool_calls": "none", "function_call": []}}, 5], "usage": "none"},
            {"choices": [{"delta": "odd"}]},
            _chunk(content=["l", {"text": "o"}, 4]),
            _chunk("stop"),
        ],
        [_text("Hello")],
        "end_turn",
    ),
    "a content in chunks, as Mistral's": (
        [
            _chunk(content=[{"type": "thinking", "thinking": [{"type": "text", "text": "h"}]}]),
            _chunk(content=[{"type": "thinking", "thinking": [{"type": "text", "text": "m"}]}]),
            _chunk(content=[{"type": "text", "text": "an"}]),
            _chunk(content="swer"),
            _chunk("stop"),
        ],
        [{"type": "thinking", "thinking": "hm", "signature": ""}, _text("answer")],
        "end_turn",
    ),
    "optional members of other types": (
        [
            {"id": 5, "choices": [{"index": "0", "delta": {"content": "x", "refusal": 1, "reasoning": [2]}}]},
            _chunk("stop"),
        ],
        [_text("x")],
        "end_turn",
    ),
    "a name that comes late": (
        [_calls(_call(0, '{"x"', identifier="a")), _calls(_call(0, ":1}", name="f")), _chunk("tool_calls")],
        [_tool_use("a", {"x": 1})],
        "tool_use",
    ),
    "a name with every chunk": (
        [
            _calls(_call(0, '{"x"', identifier="a", name="f")),
            _calls(_call(0, ":1}", identifier="a", name="f")),
            _chunk("tool_calls"),
        ],
        [_tool_use("a", {"x": 1})],
        "tool_use",
    ),
    "white space behind a call": (
        [
            _calls(_call(0, "{}", identifier="a", name="f")),
            _calls(_call(1, "{}", identifier="b", name="f")),
            _calls(_call(0, "\n")),
            _chunk("tool_calls"),
        ],
        [_tool_use("a", {}), _tool_use("b", {})],
        "tool_use",
    ),
    "the deprecated function_call": (
        [
            _chunk(function_call={"name": "f", "arguments": ""}),
            _chunk(function_call={"arguments": "{}"}),
            _chunk("function_call"),
        ],
        [_tool_use("toolu_01ABC_0", {})],
        "tool_use",
    ),
    "a refusal": ([_chunk(refusal="N"), _chunk(refusal="o."), _chunk("stop")], [_text("No.")], "refusal"),
    "a filter": ([_chunk(content="So"), _chunk("content_filter")], [_text("So")], "refusal"),
    "cut short": ([_chunk(content="So"), _chunk("length")], [_text("So")], "max_tokens"),
    "a full context, in Mistral's word": ([_chunk(content="So"), _chunk("model_length")], [_text("So")], "max_tokens"),
    "nothing said": ([_ROLE, _chunk("stop")], [], "end_turn"),
    "no delta": ([{"choices": [{"delta": None, "finish_reason": "stop"}]}], [], "end_turn"),
    "other choices": (
        [{"choices": [{"index": 1, "delta": {"content": "no"}}]}, _chunk(content="yes"), _chunk("stop")],
        [_text("yes")],
        "end_turn",
    ),
    "chunks without choices": (
        [{"choices": [], "prompt_filter_results": [1]}, b"", b"{}", _chunk(content="yes"), _chunk("stop")],
        [_text("yes")],
        "end_turn",
    ),
}


@pytest.mark.parametrize("tail", [[], [_DONE], [_USAGE_ONLY], [_USAGE_ONLY, _DONE]], ids=str)
@pytest.mark.parametrize(("chunks", "content", "stop_reason"), _STREAMS.values(), ids=_STREAMS)
def test_streams_are_accepted_by_the_sdk(chunks, content, stop_reason, tail):
    message = _message(*chunks, *tail)

    assert [block.to_dict() for block in message.content] == content
    assert (message.stop_reason, message.model) == (stop_reason, "claude-x")
    assert message.usage.input_tokens == (20 if _USAGE_ONLY in tail else 0)
    assert message.usage.output_tokens == (9 if _USAGE_ONLY in tail else 0)


def test_usage_may_come_with_any_chunk():
    early = {**_chunk(content="a"), "usage": {"prompt_tokens": 5, "completion_tokens": 1}}
    late = {**_chunk("stop"), "usage": {"prompt_tokens": 5, "completion_tokens": 2}}
    events = _all(early, late)

    assert events[0]["message"]["usage"]["input_tokens"] == 5
    assert events[-2]["usage"]["output_tokens"] == 2


def test_usage_stays_when_a_later_chunk_states_none():
    assert _message(_chunk("stop", content="a"), _USAGE_ONLY, {**_USAGE_ONLY, "usage": None}).usage.output_tokens == 9


def test_what_is_said_behind_the_finish_reason_is_a_block_of_its_own():
    assert _content(_chunk("stop", content="a"), _chunk(content="b"), _DONE) == [_text("a"), _text("b")]


def test_calls_in_sequence_go_out_at_once():
    pieces = _play(
        _calls(_call(0, '{"x":1}', identifier="a", name="f")),
        _calls(_call(1, '{"y"', identifier="b", name="f")),
        _calls(_call(1, ":2}")),
        _chunk("tool_calls"),
    )

    assert [[event["type"] for event in piece] for piece in pieces[:3]] == [
        ["message_start", "content_block_start", "content_block_delta"],
        ["content_block_stop", "content_block_start", "content_block_delta"],
        ["content_block_delta"],
    ]


def test_what_follows_done_is_ignored():
    translator = ANTHROPIC_TO_OPENAI.stream(_ASKED)
    translator.feed("", _data(_chunk("stop", content="x")))
    translator.feed("", b" [DONE] ")

    assert translator.feed("", b"junk") == b""
    assert translator.finished


def test_a_stream_that_breaks_off_is_not_finished():
    translator = ANTHROPIC_TO_OPENAI.stream(_ASKED)
    assert not translator.finished
    translator.feed("", _data(_chunk(content="x")))
    assert not translator.finished
    translator.feed("", _data(_chunk("stop")))
    assert translator.finished


def test_done_alone_finishes_a_stream():
    assert _message(_chunk(content="x"), _DONE).stop_reason == "end_turn"


def test_arguments_that_the_model_left_incomplete_go_on_as_it_wrote_them():
    events = _all(_calls(_call(0, '{"x": [1', identifier="a", name="f")), _chunk("tool_calls"), _DONE)

    assert (
        "".join(event["delta"]["partial_json"] for event in events if "index" in event and "delta" in event)
        == '{"x": [1'
    )


def test_a_call_that_max_tokens_cut_stays_incomplete():
    events = _all(_calls(_call(0, '{"x":', identifier="a", name="f")), _chunk("length"), _DONE)

    assert events[-2]["delta"]["stop_reason"] == "max_tokens"


_BROKEN = {
    "no JSON": [b"<html>"],
    "an array": [b"[]"],
    "not UTF-8": [b"\xff"],
    "an end by error": [_chunk(content="x"), _chunk("error")],
    "nothing before the end": [_DONE],
    "a call without name": [_calls(_call(0, "{}", identifier="a")), _chunk("tool_calls")],
    "arguments cut off by done": [_calls(_call(0, '{"secret":', identifier="a", name="f")), _DONE],
    "a call goes on behind its end": [
        _calls(_call(0, "{}", identifier="a", name="f")),
        _chunk(content="x"),
        _calls(_call(0, '{"secret":1}')),
    ],
}


@pytest.mark.parametrize("chunks", _BROKEN.values(), ids=_BROKEN)
def test_what_cannot_be_read_is_said(chunks):
    translator = ANTHROPIC_TO_OPENAI.stream(_ASKED)
    for chunk in chunks[:-1]:
        translator.feed("", _data(chunk))

    with pytest.raises(UntranslatableAnswer) as problem:
        translator.feed("", _data(chunks[-1]))

    assert "secret" not in str(problem.value)
    assert not translator.finished


_OVERLOADED = {"message": "model overloaded, try again", "type": "server_error", "code": 500}


@pytest.mark.parametrize(
    ("event", "failure"),
    [
        ("", {"error": _OVERLOADED}),
        ("", {**_chunk("error", content=""), "error": _OVERLOADED}),
        ("error", {"error": _OVERLOADED}),
        ("error", _OVERLOADED),
    ],
)
def test_an_error_within_a_stream_is_told_in_the_providers_words(event, failure):
    translator = ANTHROPIC_TO_OPENAI.stream(_ASKED)
    translator.feed("", _data(_chunk(content="starting to ans")))

    with pytest.raises(UntranslatableAnswer, match=r"^server_error: model overloaded, try again$"):
        translator.feed(event, _data(failure))
    assert not translator.finished


def test_halves_of_surrogate_pairs_are_mended():
    data = json.dumps(_chunk(content="?")).replace("?", r"\ud83d").encode()

    assert _content(data, _chunk("stop")) == [_text("\ufffd")]


_words = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)


@st.composite
def _answers(draw):
    """An answer, and its chunks: each part cut anywhere, calls in sequence or in turns."""
    thought, said = draw(_words), draw(_words)
    inputs = draw(st.lists(st.dictionaries(_words, _words | st.integers(), max_size=3), max_size=3))
    chunks = [_ROLE]
    chunks += [_chunk(reasoning_content=piece) for piece in _cut(draw, thought)]
    chunks += [_chunk(content=piece) for piece in _cut(draw, said)]
    runs = [
        [
            _call(index, "", identifier=f"call_{index}", name="f"),
            *(_call(index, piece) for piece in _cut(draw, json.dumps(value))),
        ]
        for index, value in enumerate(inputs)
    ]
    in_turns = draw(st.booleans())
    while any(runs):
        waiting = [run for run in runs if run]
        run = draw(st.sampled_from(waiting)) if in_turns else waiting[0]
        chunks.append(_calls(run.pop(0)))
    chunks.append(_chunk("tool_calls" if inputs else "stop"))
    return thought, said, inputs, [*chunks, _USAGE_ONLY, _DONE]


def _cut(draw, whole):
    places = sorted(draw(st.lists(st.integers(0, len(whole)), max_size=4)))
    return [whole[start:stop] for start, stop in zip([0, *places], [*places, len(whole)], strict=True)]


@given(_answers())
def test_generated_streams_say_what_the_provider_said(answer):
    thought, said, inputs, chunks = answer

    message = _message(*chunks)

    assert "".join(block.thinking for block in message.content if block.type == "thinking") == thought
    assert "".join(block.text for block in message.content if block.type == "text") == said
    called = {block.id: block.input for block in message.content if block.type == "tool_use"}
    assert called == {f"call_{index}": value for index, value in enumerate(inputs)}
    assert message.stop_reason == ("tool_use" if inputs else "end_turn")


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@given(
    st.lists(
        st.sampled_from(["content", "tool_calls", "reasoning", "refusal", "function_call", "role"]).flatmap(
            lambda name: _json.map(lambda value: _chunk(**{name: value}))
        )
        | _json,
        max_size=4,
    )
)
def test_any_chunk_is_translated_or_untranslatable(chunks):
    try:
        events = _all(*chunks, _chunk("stop"))
    except UntranslatableAnswer:
        return
    assert events
