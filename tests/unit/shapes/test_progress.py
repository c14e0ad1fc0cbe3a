"""How streams and bodies of each API end, told by what stands in them."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types.responses import ResponseFailedEvent

from gateway.errors import GatewayError
from gateway.shapes.audio import SPEECH, TRANSCRIPTIONS
from gateway.shapes.chat import CHAT, COMPLETIONS
from gateway.shapes.converse import CONVERSE
from gateway.shapes.ending import Ending, How, StatedError, ending_of
from gateway.shapes.images import IMAGES
from gateway.shapes.messages import MESSAGES
from gateway.shapes.progress import Progress
from gateway.shapes.responses import RESPONSES

SHAPES = [CHAT, COMPLETIONS, MESSAGES, RESPONSES, CONVERSE, IMAGES, SPEECH, TRANSCRIPTIONS]


def _event(event, name=None):
    if isinstance(event, str):
        return f"data: {event}\n\n".encode()
    lines = f"event: {name or event['type']}\n" if name or "type" in event else ""
    return f"{lines}data: {json.dumps(event)}\n\n".encode()


def _delta(index=0, finish=None, **delta):
    return {"choices": [{"index": index, "delta": delta, "finish_reason": finish}]}


ROLE = _delta(role="assistant", content="")
HI = _delta(content="hi there")
STOP = _delta(finish="stop")
USAGE = {"choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 2}}

START = {"type": "message_start", "message": {"usage": {"input_tokens": 1}}}
PING = {"type": "ping"}
BLOCK = {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
TEXT = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "hi there"}}
BLOCK_STOP = {"type": "content_block_stop", "index": 0}
STOPPING = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 2}}
MESSAGE_STOP = {"type": "message_stop"}
OVERLOADED = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}

CREATED = {
    "type": "response.created",
    "sequence_number": 0,
    "response": {"id": "resp_1", "created_at": 7, "model": "gpt-5", "error": None},
}
IN_PROGRESS = {"type": "response.in_progress", "sequence_number": 1, "response": {"id": "resp_1", "error": None}}
SAID = {"type": "response.output_text.delta", "sequence_number": 2, "delta": "hi there"}
DONE = {"type": "response.output_text.done", "sequence_number": 3, "text": "hi there"}
COMPLETED = {"type": "response.completed", "sequence_number": 4, "response": {"id": "resp_1", "error": None}}
FAILED = {
    "type": "response.failed",
    "sequence_number": 4,
    "response": {"id": "resp_1", "error": {"code": "server_error", "message": "It broke."}},
}


def _progress(shape, events, **arguments):
    progress = Progress(shape.events, **arguments)
    for event in events:
        name, data = event if isinstance(event, tuple) else (None, event)
        progress.feed(_event(data, name))
    return progress


def _has_all(progress):
    """Whether a client that goes has missed nothing."""
    return progress.ending(client_left=True).how is not How.LEFT


@pytest.mark.parametrize(
    ("shape", "events", "said", "complete", "how"),
    [
        (CHAT, [], False, False, "cut"),
        (CHAT, [ROLE], False, False, "cut"),
        (CHAT, [{"choices": [], "prompt_filter_results": []}, ROLE], False, False, "cut"),
        (CHAT, [ROLE, HI], True, False, "cut"),
        (CHAT, [_delta(finish="", role="assistant", content="")], False, False, "cut"),
        (CHAT, [ROLE, _delta(finish="", content="hi")], True, False, "cut"),
        (CHAT, [ROLE, _delta(tool_calls=[{"index": 0, "id": "c", "function": {"name": "f"}}])], True, False, "cut"),
        (CHAT, [ROLE, _delta(reasoning_content="hm")], True, False, "cut"),
        (CHAT, [ROLE, _delta(content="hi there", finish="")], True, False, "cut"),
        (CHAT, [ROLE, HI, STOP], True, True, "complete"),
        (CHAT, [ROLE, HI, STOP, USAGE], True, True, "complete"),
        (CHAT, [ROLE, HI, STOP, USAGE, "[DONE]"], True, True, "complete"),
        (CHAT, [ROLE, HI, "[DONE]"], True, True, "complete"),
        (CHAT, [HI, _delta(1, content="x"), STOP], True, False, "cut"),
        (CHAT, [HI, _delta(1, content="x"), STOP, _delta(1, finish="length")], True, True, "complete"),
        (CHAT, [HI, {"error": {"message": "no", "code": 502}}, "[DONE]"], True, True, "failed"),
        (CHAT, [HI, ("error", {"message": "no", "type": "server_error"})], True, True, "failed"),
        (CHAT, [HI, _delta(finish="error")], True, True, "failed"),
        (CHAT, [HI, _delta(finish="insufficient_system_resource"), "[DONE]"], True, True, "failed"),
        (CHAT, [HI, STOP, "[DONE]", {"error": {"message": "late"}}], True, True, "complete"),
        (COMPLETIONS, [{"choices": [{"index": 0, "text": "hi"}]}], True, False, "cut"),
        (COMPLETIONS, [{"choices": [{"index": 0, "text": "", "finish_reason": "stop"}]}], True, True, "complete"),
        (MESSAGES, [START, PING], False, False, "cut"),
        (MESSAGES, [START, PING, BLOCK], True, False, "cut"),
        (MESSAGES, [START, BLOCK, TEXT, BLOCK_STOP], True, False, "cut"),
        (MESSAGES, [START, TEXT, {"type": "message_delta", "delta": {}, "usage": {}}], True, False, "cut"),
        (MESSAGES, [START, TEXT, BLOCK_STOP, STOPPING], True, True, "cut"),
        (MESSAGES, [START, TEXT, BLOCK_STOP, STOPPING, MESSAGE_STOP], True, True, "complete"),
        (MESSAGES, [START, TEXT, STOPPING, MESSAGE_STOP, ("metrics", {"x": 1})], True, True, "complete"),
        (MESSAGES, [START, OVERLOADED], True, True, "failed"),
        (MESSAGES, [START, {"type": "of_a_later_version"}], True, False, "cut"),
        (RESPONSES, [CREATED, IN_PROGRESS], False, False, "cut"),
        (RESPONSES, [CREATED, IN_PROGRESS, SAID, DONE], True, False, "cut"),
        (RESPONSES, [CREATED, SAID, COMPLETED], True, True, "complete"),
        (RESPONSES, [CREATED, SAID, {**COMPLETED, "type": "response.incomplete"}], True, True, "complete"),
        (RESPONSES, [CREATED, FAILED], True, True, "failed"),
        (RESPONSES, [CREATED, {"type": "error", "message": "no", "sequence_number": 1}], True, True, "failed"),
        (CONVERSE, [("messageStart", {"role": "assistant"})], False, False, "cut"),
        (CONVERSE, [("contentBlockDelta", {"delta": {"text": "hi"}})], True, False, "cut"),
        (CONVERSE, [("messageStop", {"stopReason": "end_turn"})], True, True, "cut"),
        (CONVERSE, [("messageStop", {}), ("metadata", {"usage": {}})], True, True, "complete"),
        (CONVERSE, [("throttlingException", {"message": "slow down"})], True, True, "failed"),
        (IMAGES, [{"type": "image_generation.partial_image", "b64_json": "eA=="}], True, False, "cut"),
        (IMAGES, [{"type": "image_generation.completed", "b64_json": "eA=="}], True, True, "complete"),
        (
            IMAGES,
            [{"type": "image_generation.completed"}, {"type": "image_generation.partial_image"}],
            True,
            False,
            "cut",
        ),
        (SPEECH, [{"type": "speech.audio.delta", "audio": "eA=="}], True, False, "cut"),
        (SPEECH, [{"type": "speech.audio.done"}], True, True, "complete"),
        (TRANSCRIPTIONS, [{"type": "transcript.text.delta", "delta": "hi"}], True, False, "cut"),
        (TRANSCRIPTIONS, [{"type": "transcript.text.done", "text": "hi"}], True, True, "complete"),
        (TRANSCRIPTIONS, [HI, STOP, "[DONE]"], True, True, "complete"),
        (TRANSCRIPTIONS, [HI], True, False, "cut"),
    ],
)
def test_how_far_a_stream_has_come_and_how_it_ended(shape, events, said, complete, how):
    progress = _progress(shape, events)

    assert progress.only_openings is not said
    assert _has_all(progress) is complete
    assert progress.ending(client_left=False).how == how


@pytest.mark.parametrize(
    ("shape", "events", "how"),
    [
        (CHAT, [ROLE, HI], How.LEFT),
        (CHAT, [ROLE, HI, STOP], How.COMPLETE),
        (MESSAGES, [START, TEXT], How.LEFT),
        (MESSAGES, [START, TEXT, STOPPING], How.COMPLETE),
        (MESSAGES, [START, OVERLOADED], How.FAILED),
    ],
)
def test_a_client_that_goes_leaves_an_answer_unless_it_had_all_of_it(shape, events, how):
    assert _progress(shape, events).ending(client_left=True).how is how


def test_a_failure_that_is_told_by_its_reason_alone_is_seen_without_a_question_in_between():
    unasked = _progress(CHAT, [HI, _delta(finish="insufficient_system_resource"), "[DONE]"])

    assert unasked.ending(client_left=False) == Ending(How.FAILED)


def test_an_answer_of_several_choices_is_complete_when_as_many_have_finished():
    assert not _has_all(_progress(CHAT, [HI, STOP], choices=2))
    assert _has_all(_progress(CHAT, [HI, STOP, _delta(1, finish="stop")], choices=2))


@pytest.mark.parametrize(
    ("shape", "event", "error"),
    [
        (CHAT, {"error": {"message": "no", "type": "t", "code": 502}}, StatedError("no", "t", "502")),
        (CHAT, {"error": "no"}, StatedError("no")),
        (CHAT, ("error", {"message": "no", "type": "t"}), StatedError("no", "t")),
        (CHAT, {"id": "x", "choices": [], "error": {"message": "no"}}, StatedError("no")),
        (MESSAGES, OVERLOADED, StatedError("Overloaded", "overloaded_error")),
        (RESPONSES, FAILED, StatedError("It broke.", None, "server_error")),
        (RESPONSES, {"type": "error", "code": "c", "message": "no", "param": None}, StatedError("no", None, "c")),
        (RESPONSES, {"type": "error", "error": {"code": "c", "message": "no"}}, StatedError("no", None, "c")),
        (
            CONVERSE,
            ("modelStreamErrorException", {"message": "no"}),
            StatedError("no", "modelStreamErrorException"),
        ),
    ],
)
def test_the_providers_own_error_is_kept(shape, event, error):
    assert _progress(shape, [event]).ending(client_left=False) == Ending(How.FAILED, error)


def test_an_error_event_whose_data_is_no_json_is_its_message():
    progress = Progress(CHAT.events)
    progress.feed(b"event: error\ndata: gateway timeout\n\n")

    assert progress.ending(client_left=False) == Ending(How.FAILED, StatedError("gateway timeout"))


_REPEATED = {"type": "response.output_text.done", "sequence_number": 9, "text": "x" * 400}


@pytest.mark.parametrize(
    ("shape", "events", "tokens"),
    [
        (CHAT, [ROLE, *[_delta(content=" word")] * 10], 12),
        (CHAT, [_delta(content="x" * 400)], 100),
        (CHAT, [_delta(content="é" * 200)], 100),
        (CHAT, [_delta(refusal="xxxxxxxx")], 2),
        (CHAT, [_delta(reasoning_content="xxxxxxxx")], 2),
        (CHAT, [_delta(reasoning="xxxxxxxx", reasoning_details=[{"text": "xxxxxxxx"}])], 2),
        (CHAT, [_delta(content=[{"type": "thinking", "thinking": [{"type": "text", "text": "xxxxxxxx"}]}])], 2),
        (CHAT, [_delta(tool_calls=[{"index": 0, "id": "call_1", "function": {"arguments": "xxxxxxxx"}}])], 2),
        (CHAT, [_delta(function_call={"arguments": "xxxxxxxx"})], 2),
        (CHAT, [_delta(audio={"id": "a", "data": "x" * 400, "transcript": "xxxxxxxx"})], 2),
        (COMPLETIONS, [{"choices": [{"index": 0, "text": "xxxxxxxx"}]}], 2),
        (MESSAGES, [START, *[PING] * 50, *[TEXT] * 10], 20),
        (MESSAGES, [{**TEXT, "delta": {"type": "thinking_delta", "thinking": "xxxxxxxx"}}], 2),
        (MESSAGES, [{**TEXT, "delta": {"type": "input_json_delta", "partial_json": "xxxxxxxx"}}], 2),
        (MESSAGES, [{**TEXT, "delta": {"type": "signature_delta", "signature": "x" * 400}}], 0),
        (MESSAGES, [{**TEXT, "delta": {"type": "citations_delta", "citation": {"cited_text": "x" * 400}}}], 0),
        (MESSAGES, [{**TEXT, "delta": {"type": "compaction_delta", "content": "xxxxxxxx"}}], 2),
        (RESPONSES, [CREATED, IN_PROGRESS, *[SAID] * 10, _REPEATED], 20),
        (CONVERSE, [("contentBlockDelta", {"delta": {"text": "xxxxxxxx"}})], 2),
        (CONVERSE, [("contentBlockDelta", {"delta": {"toolUse": {"input": "xxxxxxxx"}}})], 2),
        (CONVERSE, [("contentBlockDelta", {"delta": {"reasoningContent": {"text": "xxxxxxxx"}}})], 2),
        (SPEECH, [{"type": "speech.audio.delta", "audio": "x" * 400}], 0),
        (TRANSCRIPTIONS, [{"type": "transcript.text.delta", "delta": "xxxxxxxx"}], 2),
    ],
)
def test_what_was_received_is_what_the_model_wrote_and_nothing_around_it(shape, events, tokens):
    assert _progress(shape, events).tokens(None) == tokens


def test_what_was_received_is_never_more_than_the_request_allowed():
    assert _progress(CHAT, [HI] * 50).tokens(7) == 7


_STREAMS = {
    CHAT.name: [ROLE, HI, _delta(content="é\n"), STOP, USAGE, "[DONE]"],
    MESSAGES.name: [START, PING, BLOCK, TEXT, BLOCK_STOP, STOPPING, MESSAGE_STOP],
    RESPONSES.name: [CREATED, IN_PROGRESS, SAID, DONE, COMPLETED],
}


@given(st.sampled_from([CHAT, MESSAGES, RESPONSES]), st.data())
def test_pieces_and_questions_in_between_change_nothing(shape, data):
    whole = b": hello\n\n" + b"".join(map(_event, _STREAMS[shape.name]))
    whole = whole.replace(b"\n", data.draw(st.sampled_from([b"\n", b"\r\n", b"\r"])))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=12)))
    end = data.draw(st.sampled_from([len(whole), len(whole) - 1, *cuts]))
    reference = Progress(shape.events)
    reference.feed(whole[:end])
    progress = Progress(shape.events)
    for start, stop in zip([0, *cuts], [*cuts, len(whole)], strict=True):
        progress.feed(whole[start : min(stop, end)] if start < end else b"")
        if data.draw(st.booleans()):
            _ = progress.only_openings, progress.tokens(None)

    assert progress.only_openings == reference.only_openings
    assert _has_all(progress) == _has_all(reference)
    assert progress.tokens(None) == reference.tokens(None)
    assert progress.next_sequence == reference.next_sequence
    assert progress.ending(client_left=False) == reference.ending(client_left=False)


def test_an_event_without_its_blank_line_counts_once_the_stream_is_over():
    progress = Progress(CHAT.events)
    progress.feed(_event(HI) + b"data: [DONE]")

    assert progress.ending(client_left=False).how is How.CUT
    progress.end()
    assert progress.ending(client_left=False).how is How.COMPLETE


def test_an_event_that_is_too_large_to_be_kept_is_known_by_its_beginning():
    progress = _progress(RESPONSES, [CREATED])
    large = _event({**COMPLETED, "response": {"output": "x" * 3_000_000}})
    for start in range(0, len(large), 50_000):
        progress.feed(large[start : start + 50_000])
        assert progress._raw.size < 1_200_000

    assert progress.ending(client_left=False).how is How.COMPLETE


@pytest.mark.parametrize(
    ("shape", "body", "ending"),
    [
        (CHAT, {"choices": [{"message": {"content": '"error"'}}]}, Ending(How.COMPLETE)),
        (CHAT, {"error": {"message": "no", "type": "t"}}, Ending(How.FAILED, StatedError("no", "t"))),
        (CHAT, {"error": "no"}, Ending(How.FAILED, StatedError("no"))),
        (CHAT, {"error": None, "choices": [{}]}, Ending(How.COMPLETE)),
        (CHAT, {"error": {"message": "late"}, "choices": [{"message": {}}]}, Ending(How.COMPLETE)),
        (MESSAGES, OVERLOADED, Ending(How.FAILED, StatedError("Overloaded", "overloaded_error"))),
        (MESSAGES, {"type": "message", "content": [{"type": "error"}]}, Ending(How.COMPLETE)),
        (RESPONSES, {"status": "completed", "error": None}, Ending(How.COMPLETE)),
        (RESPONSES, {"status": "incomplete", "error": None}, Ending(How.COMPLETE)),
        (
            RESPONSES,
            {"status": "failed", "error": {"code": "server_error", "message": "no"}},
            Ending(How.FAILED, StatedError("no", None, "server_error")),
        ),
        (RESPONSES, {"status": "cancelled", "error": None}, Ending(How.FAILED)),
        (RESPONSES, {"status": "queued", "error": None}, Ending(How.FAILED)),
    ],
)
def test_how_a_whole_body_ended(shape, body, ending):
    assert ending_of(json.dumps(body).encode(), shape.events) == ending


@pytest.mark.parametrize("body", [b"", b'"error"', b'{"error"', b'\xff"error"', b'[{"error":1}]'])
def test_a_body_that_is_no_object_says_nothing_of_its_end(body):
    assert ending_of(body, CHAT.events) == Ending(How.COMPLETE)


ERROR = GatewayError("provider_error", "The provider broke off.", code="upstream_mid_stream_failure")
OBJECT = {
    "type": "provider_error",
    "code": "upstream_mid_stream_failure",
    "message": "The provider broke off.",
    "param": None,
}


def _frame(shape, events, *, at_boundary=True):
    frame = shape.terminal_frame(ERROR, _progress(shape, events), at_boundary=at_boundary)
    assert frame.endswith(b"\n\n")
    name, data = frame.strip().split(b"\n")
    return name.removeprefix(b"event: ").decode(), json.loads(data.removeprefix(b"data: "))


@pytest.mark.parametrize("shape", [CHAT, COMPLETIONS, IMAGES, TRANSCRIPTIONS])
def test_the_terminal_frame_of_the_shapes_made_after_chat(shape):
    assert _frame(shape, []) == ("error", {"error": OBJECT})


def test_the_terminal_frame_of_messages():
    assert _frame(MESSAGES, [START]) == ("error", {"type": "error", "error": OBJECT})


def test_the_terminal_frame_of_a_response_that_was_created_is_its_failure_with_the_next_number():
    name, event = _frame(RESPONSES, [CREATED, IN_PROGRESS, SAID])

    assert name == event["type"] == "response.failed"
    assert event["sequence_number"] == 3
    assert event["response"]["error"] == OBJECT
    event["response"]["error"]["code"] = "server_error"  # clients take codes that they do not know as they are
    response = ResponseFailedEvent.model_validate(event).response
    assert (response.id, response.created_at, response.model) == ("resp_1", 7, "gpt-5")
    assert response.status == "failed"


def test_the_terminal_frame_of_a_response_that_was_never_created_is_the_error_event():
    name, event = _frame(RESPONSES, [])

    assert name == event["type"] == "error"
    assert event["sequence_number"] == 0
    assert event["error"] == OBJECT
    assert {member: event[member] for member in ("code", "message", "param")} == {
        member: OBJECT[member] for member in ("code", "message", "param")
    }


@pytest.mark.parametrize("shape", SHAPES)
def test_a_torn_event_is_closed_before_the_terminal_frame(shape):
    progress = Progress(shape.events)

    assert shape.terminal_frame(ERROR, progress, at_boundary=False) == b"\n\n" + shape.terminal_frame(
        ERROR, progress, at_boundary=True
    )
