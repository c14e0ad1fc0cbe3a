"""What a span says of requests and answers, however odd they are: nothing that is read for it may raise."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.content.answers import finish_reason
from gateway.content.captured import CapturedContent, CapturePolicy
from gateway.content.outline import AnswerEnds
from gateway.content.parameters import PARAMETERS, parameters_of
from gateway.content.prompts import PROMPTS
from gateway.content.redaction import redaction
from gateway.shapes.chat import CHAT
from gateway.shapes.converse import CONVERSE
from gateway.shapes.messages import MESSAGES
from gateway.shapes.responses import RESPONSES
from gateway.telemetry.otlp import span_attributes
from gateway.wire.json_body import JsonBody

SHAPES = (CHAT, MESSAGES, RESPONSES, CONVERSE)
HUGE = 10**400
NAMES = (
    *("id", "choices", "index", "finish_reason", "stop_reason", "stopReason", "delta", "message", "response", "status"),
    *("incomplete_details", "output", "type", "reason", "content", "text", "usage", "effort"),
)
WORDS = ("completed", "incomplete", "stop", "message", "message_start", "response.completed", "function_call", "")
ODD = st.recursive(
    st.none()
    | st.booleans()
    | st.sampled_from((0, -1, HUGE, -HUGE, 1.5))
    | st.sampled_from(WORDS)
    | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=4),
    max_leaves=12,
)
ANSWER = st.dictionaries(st.sampled_from(NAMES), ODD, max_size=6)


@pytest.mark.parametrize("member", PARAMETERS)
@pytest.mark.parametrize(
    "value", [HUGE, -HUGE, 1e308, [], {}, "x", True, None, {"effort": []}], ids=lambda value: repr(value)[:9]
)
def test_what_a_request_asks_for_may_be_anything(member, value):
    span_attributes(parameters_of(JsonBody(json.dumps({member: value}).encode())))


def test_a_number_that_no_float_holds_is_left_out():
    assert parameters_of(JsonBody(b'{"temperature":1%b,"top_p":0.5}' % (b"0" * 400))) == {"gen_ai.request.top_p": 0.5}


@pytest.mark.parametrize("stated", [None, ["x"], {"reason": "x"}, 7, True])
def test_a_reason_that_is_no_word_is_none(stated):
    assert finish_reason(RESPONSES, stated) == "error"


@settings(max_examples=50)
@given(request=st.dictionaries(st.sampled_from((*PARAMETERS, "messages", "input", "tools")), ODD), answer=ANSWER)
def test_no_request_and_no_answer_raises(request, answer):
    body, whole = json.dumps(request).encode(), json.dumps(answer).encode()
    span_attributes(parameters_of(JsonBody(body)))
    event = b"event: response.completed\ndata: %b\n\n" % whole
    for pieces in ([whole], [event], [event[:9], event[9:], event]):
        for shape in SHAPES:
            ends = AnswerEnds()
            for piece in pieces:
                ends.add(piece)
            outline = ends.read(shape)
            assert all(isinstance(one, str) for one in (outline.answer_id or "", *outline.finish_reasons))
        for endpoint in PROMPTS:
            content = CapturedContent(endpoint, body, CapturePolicy(1 << 20, redaction(["a+"], 1024)))
            for piece in pieces:
                content.add(piece)
            span_attributes(content.attributes())
