import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import GatewayError
from gateway.wire.aws_event_stream import EventStreamError, StreamFailed
from gateway.wire.bedrock_anthropic import AnthropicEvents, betas_of, invoke_model_body
from tests.support import aws_frames

VERSION = b'"anthropic_version":"bedrock-2023-05-31"'


def chunk(data: bytes) -> bytes:
    return aws_frames.event("chunk", {"bytes": base64.b64encode(data).decode(), "p": "abcdef"})


START = b'{"type":"message_start","message":{"id":"msg_bdrk_1","usage":{"input_tokens":3,"output_tokens":1}}}'
DELTA = b'{"type": "content_block_delta" ,"index":0,"delta":{"type":"text_delta","text":"h\\u00e9\xc3\xa9"}}'
STOP = b'{"type":"message_stop","amazon-bedrock-invocationMetrics":{"inputTokenCount":3}}'
STREAM = chunk(START) + chunk(DELTA) + chunk(STOP)
EVENTS = b"".join(
    b"event: " + name + b"\ndata: " + data + b"\n\n"
    for name, data in ((b"message_start", START), (b"content_block_delta", DELTA), (b"message_stop", STOP))
)


@given(st.lists(st.integers(0, len(STREAM)), max_size=10))
def test_events_go_on_exactly_as_they_were(cuts):
    events, cuts = AnthropicEvents(), sorted(cuts)
    pieces = [STREAM[start:end] for start, end in zip([0, *cuts], [*cuts, len(STREAM)], strict=True)]

    assert b"".join(map(events.feed, pieces)) == EVENTS
    events.end()


def test_json_over_several_lines_stays_one_event():
    assert (
        AnthropicEvents().feed(chunk(b'{"type":\r\n"ping"\n}'))
        == b'event: ping\ndata: {"type":\ndata: "ping"\ndata: }\n\n'
    )


def test_an_exception_is_raised_after_what_came_before_it():
    events = AnthropicEvents()

    assert events.feed(chunk(b'{"type":"ping"}') + aws_frames.exception("modelStreamErrorException", {"message": "x"}))
    with pytest.raises(StreamFailed) as raised:
        events.feed(b"")
    with pytest.raises(StreamFailed):
        events.end()

    assert raised.value.type == "modelStreamErrorException"


def test_an_exception_that_comes_alone_is_raised_at_once():
    with pytest.raises(StreamFailed, match="throttlingException: Slow down"):
        AnthropicEvents().feed(aws_frames.exception("throttlingException", {"message": "Slow down"}))


def test_a_corrupt_frame_is_raised_after_what_came_before_it():
    events = AnthropicEvents()

    assert events.feed(STREAM + STREAM[:-1] + b"\x00").startswith(EVENTS)
    with pytest.raises(EventStreamError, match="checksum"):
        events.feed(b"")


def test_a_stream_that_breaks_off_is_an_error():
    events = AnthropicEvents()
    events.feed(STREAM[:-1])

    with pytest.raises(EventStreamError, match="into a frame"):
        events.end()


@pytest.mark.parametrize("held", [b"", b"[]", b"{}", b'{"type":5}', b'{"type":"a\\nb"}', b'{"type":""}', b"{", b"\xff"])
def test_what_is_no_event_is_an_error(held):
    with pytest.raises(EventStreamError):
        AnthropicEvents().feed(chunk(held))


@pytest.mark.parametrize("payload", [[], {"bytes": 5}, {"bytes": "***"}, None])
def test_a_payload_of_another_shape_is_an_error(payload):
    with pytest.raises(EventStreamError):
        AnthropicEvents().feed(aws_frames.event("chunk", payload))


def test_events_of_a_later_version_are_passed_over():
    assert AnthropicEvents().feed(aws_frames.event("news", {}) + chunk(b'{"type":"ping"}')).startswith(b"event: ping")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"model":"claude","stream":true,"max_tokens":1}', b"{" + VERSION + b',"max_tokens":1}'),
        (b'{"stream":true,"model":"claude"}', b"{" + VERSION + b"}"),
        (b'{"max_tokens":1,"model":"claude","stream":false}', b"{" + VERSION + b',"max_tokens":1}'),
        (
            b' {\n "max_tokens": 1e0,\n "model": "c" ,\n "x": {"model":"kept"}\n}\n',
            b" {" + VERSION + b',\n "max_tokens": 1e0 ,\n "x": {"model":"kept"}\n}\n',
        ),
        (b'{"model":"c","anthropic_version":"bedrock-2099"}', b'{"anthropic_version":"bedrock-2099"}'),
        (b'{"model":"c","anthropic_version":null,"a":1}', b"{" + VERSION + b',"a":1}'),
        (b"{}", b"{" + VERSION + b"}"),
        (b"{ }", b"{" + VERSION + b" }"),
        (b'{"messages":[],"messages":[1],"model":"c"}', b"{" + VERSION + b',"messages":[],"messages":[1]}'),
    ],
)
def test_the_body_changes_in_the_named_places_only(body, expected):
    assert invoke_model_body(body) == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"model":"c","a":1}', ["one", "two"]),
        (b'{"anthropic_beta":["zero","one"],"model":"c"}', ["zero", "one", "two"]),
        (b'{"anthropic_beta":null}', ["one", "two"]),
    ],
)
def test_betas_of_the_header_go_into_the_body(body, expected):
    sent = json.loads(invoke_model_body(body, ["one", "two"]))

    assert sent["anthropic_beta"] == expected
    assert "model" not in sent


def test_betas_in_the_body_stay_as_they_are_without_a_header():
    assert invoke_model_body(b'{"anthropic_beta": ["b"] }') == b"{" + VERSION + b',"anthropic_beta": ["b"] }'


@pytest.mark.parametrize("betas", ['"one"', "[1]", "{}"])
def test_betas_of_another_shape_are_refused(betas):
    with pytest.raises(GatewayError) as raised:
        invoke_model_body(b'{"anthropic_beta":' + betas.encode() + b"}", ["two"])

    assert (raised.value.type, raised.value.param) == ("bad_request", "anthropic_beta")


def test_a_header_names_betas_with_commas_and_more_than_once():
    assert betas_of(["one, two", "", "two,three ,"]) == ["one", "two", "three"]


MEMBERS = st.lists(
    st.tuples(
        st.sampled_from(["model", "stream", "max_tokens", "anthropic_version", "messages", "a b", "é"]),
        st.sampled_from(['"text"', "true", "[1, 2]", '{"model":"x"}', "1.50", "null"]),
        st.sampled_from(["", " ", "\n  "]),
    ),
    max_size=6,
    unique_by=lambda member: member[0],
)


@given(MEMBERS)
def test_it_is_the_same_object_but_for_the_named_members(members):
    members = [(key, '"m"' if key == "model" else value, space) for key, value, space in members]
    body = (
        "{" + ",".join(f"{s}{json.dumps(key, ensure_ascii=False)}{s}:{s}{value}{s}" for key, value, s in members) + "}"
    )
    expected = json.loads(body)
    expected.pop("model", None)
    expected.pop("stream", None)
    if expected.get("anthropic_version") is None:
        expected["anthropic_version"] = "bedrock-2023-05-31"

    assert json.loads(invoke_model_body(body.encode())) == expected
