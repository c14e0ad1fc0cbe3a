"""The tables of events hold whatever the vendors' own SDKs declare; a new release of one shows here what is new."""

import typing

import botocore.session
import pytest
from anthropic.types import RawContentBlockDelta, RawMessageStreamEvent, StopReason
from anthropic.types.beta import BetaRawContentBlockDelta, BetaRawMessageStreamEvent, BetaStopReason
from openai.types import ImageEditStreamEvent, ImageGenStreamEvent
from openai.types.audio import TranscriptionStreamEvent
from openai.types.beta.beta_response_stream_event import BetaResponseStreamEvent
from openai.types.chat.chat_completion import Choice
from openai.types.chat.chat_completion_chunk import ChoiceDelta
from openai.types.completion_choice import CompletionChoice
from openai.types.responses import ResponsesServerEvent, ResponseStatus, ResponseStreamEvent
from openai.types.responses.response import IncompleteDetails

from gateway.shapes import audio, chat, converse, images, messages, responses
from gateway.shapes.ending import Stage


def _union(declared):
    members = typing.get_args(typing.get_args(declared)[0])
    return members or (typing.get_args(declared)[0],)


def _types(declared):
    return {typing.get_args(member.model_fields["type"].annotation)[0] for member in _union(declared)}


def _words(annotation):
    """The literals of an annotation, however deep."""
    if typing.get_origin(annotation) is typing.Literal:
        return set(typing.get_args(annotation))
    return {word for inner in typing.get_args(annotation) for word in _words(inner)}


@pytest.mark.parametrize(
    ("declared", "events"),
    [
        (ResponseStreamEvent, responses.EVENTS),
        (BetaResponseStreamEvent, responses.EVENTS),
        (RawMessageStreamEvent, messages.EVENTS),
        (BetaRawMessageStreamEvent, messages.EVENTS),
        (ImageGenStreamEvent, images.EVENTS),
        (ImageEditStreamEvent, images.EVENTS),
        (TranscriptionStreamEvent, audio.TRANSCRIPTION_EVENTS),
    ],
)
def test_every_event_that_an_sdk_declares_has_a_row(declared, events):
    assert _types(declared)
    assert _types(declared) - set(events.rows) == set()


def test_every_event_of_a_responses_server_has_a_row():
    assert _types(ResponsesServerEvent) - set(responses.EVENTS.rows) == set()


def _converse():
    return botocore.session.get_session().get_service_model("bedrock-runtime")


def test_every_event_of_converse_has_a_row_and_its_exceptions_fail():
    declared = _converse().shape_for("ConverseStreamOutput").members
    failing = {name for name, member in declared.items() if member.metadata.get("exception")}

    assert set(declared) - set(converse.EVENTS.rows) == set()
    assert {name for name, row in converse.EVENTS.rows.items() if row.how == "failed"} == failing | {"error"}


@pytest.mark.parametrize(
    ("declared", "events"),
    [
        (_words(StopReason), messages.EVENTS),
        (_words(BetaStopReason), messages.EVENTS),
        (_words(Choice.model_fields["finish_reason"].annotation), chat.EVENTS),
        (_words(CompletionChoice.model_fields["finish_reason"].annotation), chat.EVENTS),
        (_words(IncompleteDetails.model_fields["reason"].annotation), responses.EVENTS),
        (set(_converse().shape_for("StopReason").enum), converse.EVENTS),
    ],
)
def test_every_stop_reason_has_a_meaning(declared, events):
    assert declared
    assert declared - set(events.stops) == set()


def test_every_status_of_a_response_says_how_it_ended():
    assert _words(ResponseStatus) == set(responses.EVENTS.statuses)


def test_every_table_knows_an_error():
    for events in (chat, messages, responses, converse, images):
        assert events.EVENTS.rows["error"].stage is Stage.ENDED
    assert audio.SPEECH_EVENTS.rows["error"] == audio.TRANSCRIPTION_EVENTS.rows["error"]


def test_every_delta_is_one_whose_text_is_counted():
    """`test_progress.py` has a case for each of these: see there before a name is added here."""
    assert _types(RawContentBlockDelta) | _types(BetaRawContentBlockDelta) == {
        "text_delta",
        "input_json_delta",
        "citations_delta",
        "thinking_delta",
        "signature_delta",
        "compaction_delta",
    }
    assert set(ChoiceDelta.model_fields) == {"audio", "content", "function_call", "refusal", "role", "tool_calls"}
    assert set(_converse().shape_for("ContentBlockDelta").members) == {
        "text",
        "toolUse",
        "toolResult",
        "reasoningContent",
        "citation",
        "image",
    }
