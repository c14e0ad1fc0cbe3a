"""What a span says of an answer: its id, and why the model stopped."""

import json

import pytest

from gateway.content.outline import AnswerEnds, Outline
from gateway.shapes.chat import CHAT
from gateway.shapes.converse import CONVERSE
from gateway.shapes.messages import MESSAGES
from gateway.shapes.responses import RESPONSES


def events(*said, names=False):
    return [
        (f"event: {one['type']}\n" if names else "").encode() + b"data: " + json.dumps(one).encode() + b"\n\n"
        for one in said
    ]


def outline_of(shape, *pieces):
    ends = AnswerEnds()
    for piece in pieces:
        ends.add(piece)
    return ends.read(shape)


def chunk(index, reason=None):
    return {"id": "c1", "choices": [{"index": index, "delta": {"content": "x"}, "finish_reason": reason}]}


CALLED = {"id": "r1", "status": "completed", "output": [{"type": "reasoning"}, {"type": "function_call"}]}
SEARCHED = {"id": "r1", "status": "completed", "output": [{"type": "web_search_call"}, {"type": "message"}]}
CUT_OFF = {"id": "r1", "status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}, "output": []}


@pytest.mark.parametrize(
    ("shape", "answer", "expected"),
    [
        (CHAT, {"id": "c1", "choices": [{"index": 0, "finish_reason": "tool_calls"}]}, Outline("c1", ("tool_call",))),
        (CHAT, {"choices": [{"finish_reason": "odd"}]}, Outline(None, ("odd",))),
        (CHAT, {"choices": [{"finish_reason": "odd" * 9_999}]}, Outline(None, (("odd" * 22)[:64],))),
        (
            CHAT,
            {"choices": [{"index": one, "finish_reason": "stop"} for one in range(999)]},
            Outline(None, ("stop",) * 128),
        ),
        (MESSAGES, {"id": "m1", "stop_reason": "end_turn"}, Outline("m1", ("stop",))),
        (RESPONSES, CALLED, Outline("r1", ("tool_call",))),
        (RESPONSES, SEARCHED, Outline("r1", ("stop",))),
        (RESPONSES, CUT_OFF, Outline("r1", ("length",))),
        (CONVERSE, {"stopReason": "guardrail_intervened"}, Outline(None, ("content_filter",))),
        (CHAT, {"id": 7, "choices": None}, Outline()),
    ],
)
def test_a_whole_answer(shape, answer, expected):
    assert outline_of(shape, json.dumps(answer).encode()) == expected


def test_a_stream_of_several_choices_however_it_comes():
    said = [*events(chunk(1), chunk(0), chunk(1, "length"), chunk(0, "stop")), b"data: [DONE]\n\n"]
    expected = Outline("c1", ("stop", "length"))

    assert outline_of(CHAT, *said) == expected
    assert outline_of(CHAT, b"".join(said)) == expected
    torn = b"".join(said)
    assert outline_of(CHAT, *(torn[at : at + 40] for at in range(0, len(torn), 40))) == Outline(
        None, ("stop", "length")
    )


def test_a_long_stream_is_read_at_its_ends():
    said = [*events(*[chunk(0)] * 500, chunk(0, "stop")), b"data: [DONE]\n\n"]

    assert outline_of(CHAT, *said) == Outline("c1", ("stop",))


def test_events_of_other_apis():
    begun = {"type": "message_start", "message": {"id": "m1"}}
    stops = {"type": "message_delta", "delta": {"stop_reason": "tool_use"}}
    assert outline_of(MESSAGES, *events(begun, stops, names=True)) == Outline("m1", ("tool_call",))
    created = {"type": "response.created", "response": {"id": "r1", "status": "in_progress"}}
    text = {"type": "response.output_text.delta", "delta": "hello"}
    completed = {"type": "response.completed", "response": SEARCHED}
    assert outline_of(RESPONSES, *events(created, text, completed, names=True)) == Outline("r1", ("stop",))
    assert outline_of(CONVERSE, b'event: messageStop\ndata: {"stopReason":"end_turn"}\n\n') == Outline(None, ("stop",))


@pytest.mark.parametrize("body", [b"", b"\xff\xd8", b"{", b"data: nothing\n\n", b'data: {"choices": 7}\n\n'])
def test_what_cannot_be_read_says_nothing(body):
    assert outline_of(CHAT, body) == Outline()
