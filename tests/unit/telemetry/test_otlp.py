"""Spans are encoded as OpenTelemetry's own encoder does it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceState

from gateway.telemetry import otlp
from gateway.telemetry.otlp import RealAttribute, TextAttribute, WholeAttribute

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=200)
LONG = st.sampled_from(["x" * 57, "x" * 59, "x" * 60, "é" * 64, "x" * 127, "x" * 128, "y" * 20_000])
INT = st.integers(-(2**63), 2**63 - 1) | st.sampled_from([0, 1, 127, 128])
REAL = st.floats(allow_nan=False)
VALUE = TEXT | LONG | st.booleans() | INT | REAL | st.lists(TEXT, max_size=4).map(tuple)
NAME = TEXT.filter(bool) | LONG
ATTRIBUTES = st.dictionaries(NAME, VALUE, max_size=12)
NANOSECONDS = st.integers(0, 2**64 - 1)
TRACE_IDS, SPAN_IDS = st.integers(1, 2**128 - 1), st.integers(1, 2**64 - 1)
RESOURCE = Resource({"service.name": "llm-gateway", "number": 3, "list": ("a", "b")}, "https://example.com/schema")
SCOPE = InstrumentationScope("declarative-llm-gateway", "1.0")


def message_of(spans):
    sized = [otlp.span_head(len(span)) + span for span in spans]
    return ExportTraceServiceRequest.FromString(otlp.request_of(RESOURCE, SCOPE.name, SCOPE.version, sized))


def own(name, value):
    """The attribute as one that every span says another value of."""
    kind = {str: TextAttribute, int: WholeAttribute, float: RealAttribute}[type(value)]
    return kind(name).of(value)


@st.composite
def spans(draw):
    """A span as OpenTelemetry has it, and as bytes."""
    trace_id, span_id, parent = draw(TRACE_IDS), draw(SPAN_IDS), draw(st.none() | SPAN_IDS)
    is_remote, failed, kind = draw(st.booleans()), draw(st.booleans()), draw(st.sampled_from(SpanKind))
    state = draw(st.sampled_from([None, "a=1,b@c=x y", "a=1,,not a pair"]))
    name, began, ended, attributes = draw(NAME), draw(NANOSECONDS), draw(NANOSECONDS), draw(ATTRIBUTES)
    told = draw(st.dictionaries(NAME, TEXT | LONG | INT | REAL, max_size=4))
    told = {name: value for name, value in told.items() if name not in attributes}
    events = draw(st.lists(st.tuples(NAME, NANOSECONDS, ATTRIBUTES), max_size=2))
    parsed = None if state is None else TraceState.from_header([state])
    readable = ReadableSpan(
        name=name,
        context=SpanContext(trace_id, span_id, is_remote=False, trace_state=parsed),
        parent=None if parent is None else SpanContext(trace_id, parent, is_remote),
        resource=RESOURCE,
        attributes={**attributes, **told},
        events=[Event(one, said, at) for one, at, said in events],
        kind=kind,
        status=Status(StatusCode.ERROR if failed else StatusCode.UNSET),
        start_time=began,
        end_time=ended,
        instrumentation_scope=SCOPE,
    )
    under = None if parent is None else f"{parent:016x}"
    parts = (
        otlp.span_place(f"{trace_id:032x}", f"{span_id:016x}", under, otlp.span_state(state), is_remote=is_remote),
        otlp.span_times(began, ended),
        otlp.span_kind(name, kind, failed=failed),
        otlp.span_attributes(attributes),
        *(own(name, value) for name, value in told.items()),
        *(otlp.span_event(*event) for event in events),
    )
    return readable, b"".join(parts)


@given(st.lists(spans(), min_size=1, max_size=3))
def test_spans_become_the_message_that_opentelemetry_makes_of_them(some):
    assert message_of([encoded for _, encoded in some]) == encode_spans([readable for readable, _ in some])


@pytest.mark.parametrize(("value", "expected"), [("a\ud800", "a?"), (2**70, 2**63 - 1), (-(2**70), -(2**63))])
def test_what_otlp_cannot_hold_takes_nothing_else_with_it(value, expected):
    message = message_of([otlp.span_attributes({"odd": value, "b": 1}) + own("odd", value)])

    (span,) = message.resource_spans[0].scope_spans[0].spans
    odd, other, again = span.attributes

    assert odd == again
    assert (odd.value.string_value or odd.value.int_value) == expected
    assert other.value.int_value == 1


def test_what_is_no_id_is_refused():
    with pytest.raises(ValueError, match="hex"):
        otlp.span_place("no hex digits", "a" * 16, None, "", is_remote=False)
