"""Verdicts are those of OpenTelemetry's samplers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON, Decision, ParentBased, Sampler, TraceIdRatioBased
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind, TraceFlags

from gateway.telemetry.sampling import Sampling
from gateway.telemetry.trace_context import TraceContext


class Odd(Sampler):
    """One that nobody knows."""

    def should_sample(self, parent_context, trace_id, name, *_others, **_named):
        return (ALWAYS_ON if trace_id % 2 else ALWAYS_OFF).should_sample(parent_context, trace_id, name)

    def get_description(self):
        return "Odd"


RATIO = st.floats(0, 1) | st.sampled_from([0.1, 1e-9, 1.0])
ROOTS = st.sampled_from([ALWAYS_ON, ALWAYS_OFF, Odd()]) | RATIO.map(TraceIdRatioBased)
UNUSUAL = ROOTS.map(lambda root: ParentBased(root, remote_parent_not_sampled=ALWAYS_ON))
SAMPLERS = ROOTS | ROOTS.map(ParentBased) | UNUSUAL
CONTEXTS = st.builds(
    TraceContext,
    st.integers(1, 2**128 - 1).map("{:032x}".format),
    st.just("00f067aa0ba902b7"),
    st.none() | st.integers(1, 2**64 - 1).map("{:016x}".format),
    st.sampled_from(["00", "01", "02", "03"]),
    st.just("a=1"),
)


@given(SAMPLERS, CONTEXTS)
def test_a_request_is_sampled_exactly_if_opentelemetry_samples_it(sampler, context):
    trace_id, parent = int(context.trace_id, 16), None
    if context.parent_span_id is not None:
        flags = TraceFlags(int(context.flags, 16) & 1)
        remote = SpanContext(trace_id, int(context.parent_span_id, 16), is_remote=True, trace_flags=flags)
        parent = trace.set_span_in_context(NonRecordingSpan(remote))
    decision = sampler.should_sample(parent, trace_id, "chat", SpanKind.SERVER).decision

    assert Sampling(sampler).samples(context) == (decision is Decision.RECORD_AND_SAMPLE)


@pytest.mark.parametrize("name", ["always_on", "always_off", "traceidratio", "parentbased_traceidratio", ""])
def test_the_samplers_of_the_variables_are_known(name, monkeypatch):
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", name or "parentbased_always_on")
    monkeypatch.setenv("OTEL_TRACES_SAMPLER_ARG", "0.25")

    assert Sampling(TracerProvider(shutdown_on_exit=False).sampler).is_known
