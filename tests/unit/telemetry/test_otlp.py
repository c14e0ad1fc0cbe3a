"""Spans are encoded as OpenTelemetry's own encoder does it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceState

from gateway.telemetry.lasting_attributes import LastingAttributes
from gateway.telemetry.otlp import encoded_attributes, request_of

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=200)
LONG = st.sampled_from(["x" * 61, "x" * 62, "é" * 64, "x" * 127, "x" * 128, "y" * 20_000])
INT = st.integers(-(2**63), 2**63 - 1) | st.sampled_from([0, 1, 127, 128])
VALUE = TEXT | LONG | st.booleans() | INT | st.floats(allow_nan=False) | st.lists(TEXT, max_size=4).map(tuple)
ATTRIBUTES = st.dictionaries(TEXT.filter(bool) | LONG, VALUE, max_size=12)
NANOSECONDS = st.integers(0, 2**64 - 1)
STATES = st.none() | st.just(TraceState([("a", "1"), ("b@c", "x y")]))
RESOURCE = Resource({"service.name": "llm-gateway", "number": 3, "list": ("a", "b")}, "https://example.com/schema")
SCOPE = InstrumentationScope("declarative-llm-gateway", "1.0")


@st.composite
def contexts(draw):
    return SpanContext(
        draw(st.integers(1, 2**128 - 1)),
        draw(st.integers(1, 2**64 - 1)),
        draw(st.booleans()),
        trace_state=draw(STATES),
    )


@st.composite
def spans(draw):
    return ReadableSpan(
        name=draw(TEXT | LONG),
        context=draw(contexts()),
        parent=draw(st.none() | contexts()),
        resource=RESOURCE,
        attributes=draw(ATTRIBUTES),
        events=draw(st.lists(st.builds(Event, TEXT, ATTRIBUTES, NANOSECONDS), max_size=2)),
        kind=draw(st.sampled_from(SpanKind)),
        status=draw(
            st.sampled_from(
                [Status(), Status(StatusCode.OK), Status(StatusCode.ERROR), Status(StatusCode.ERROR, "why")]
            )
        ),
        start_time=draw(NANOSECONDS),
        end_time=draw(NANOSECONDS),
        instrumentation_scope=SCOPE,
    )


@given(st.lists(spans(), max_size=3))
def test_spans_become_the_message_that_opentelemetry_makes_of_them(some):
    assert request_of(some) == encode_spans(some)


@pytest.mark.parametrize(("value", "expected"), [("a\ud800", "a?"), (2**70, 2**63 - 1), (-(2**70), -(2**63))])
def test_what_otlp_cannot_hold_takes_nothing_else_with_it(value, expected):
    context = SpanContext(1, 1, is_remote=False)
    span = ReadableSpan(
        name="x", context=context, resource=RESOURCE, attributes={"odd": value, "b": 1}, instrumentation_scope=SCOPE
    )

    (encoded,) = request_of([span]).resource_spans[0].scope_spans[0].spans
    odd, other = encoded.attributes

    assert (odd.value.string_value or odd.value.int_value) == expected
    assert other.value.int_value == 1


def test_what_many_spans_have_in_common_is_encoded_as_if_each_said_it_alone():
    lasting = {"a": "b", "flag": True, "number": 300, "long": "x" * 80, "list": ("a", "é")}
    attributes = LastingAttributes(lasting, encoded_attributes(lasting))

    def span(attributes):
        context = SpanContext(1, 1, is_remote=False)
        return ReadableSpan("x", context, resource=RESOURCE, attributes=attributes, instrumentation_scope=SCOPE)

    some = [span(attributes.with_more({"own": number, "text": "é" * 59})) for number in (1, 2)]
    assert request_of(some) == encode_spans(some)
    assert attributes.keys() == lasting.keys()
