"""Whether a request is sampled, as OpenTelemetry's samplers say.

PERF: every request is asked about, and theirs take longer to ask than many a stage takes. A test compares the two.
"""

import re
from typing import Final

from opentelemetry import trace
from opentelemetry.sdk.trace.sampling import Decision, Sampler
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind, TraceFlags

from gateway.telemetry.trace_context import TraceContext

_SPAN_NAME: Final = "chat"
_ROOT: Final = r"(?:(?P<all>AlwaysOnSampler)|(?P<none>AlwaysOffSampler)|TraceIdRatioBased\{(?P<ratio>[\d.e-]+)\})"
_PARENTS: Final = (
    ",remoteParentSampled:AlwaysOnSampler,remoteParentNotSampled:AlwaysOffSampler"
    ",localParentSampled:AlwaysOnSampler,localParentNotSampled:AlwaysOffSampler"
)
_BY_ID: Final = re.compile(_ROOT)
_BY_PARENT: Final = re.compile(r"ParentBased\{root:" + _ROOT + _PARENTS + r"\}")
_LOW_HALF: Final = 16
_ALL: Final = 2**64


class Sampling:
    """The verdicts of one sampler."""

    def __init__(self, sampler: Sampler) -> None:
        described = sampler.get_description()
        by_parent = _BY_PARENT.fullmatch(described)
        found = by_parent or _BY_ID.fullmatch(described)
        self._asks_parent = by_parent is not None
        self._bound = None if found is None else _bound(found)
        self._sampler = sampler

    @property
    def is_known(self) -> bool:
        """Whether the sampler's rule is known, and it need not be asked each time."""
        return self._bound is not None

    def samples(self, context: TraceContext) -> bool:
        """Whether a request at this place in a trace is sampled."""
        bound = self._bound
        if bound is None:
            return _asked(self._sampler, context)
        if self._asks_parent and context.parent_span_id is not None:
            return context.is_sampled
        # PERF: most samplers take all.
        return bound >= _ALL or int(context.trace_id[_LOW_HALF:], 16) < bound


def _bound(found: re.Match[str]) -> int:
    """Below which number the lower half of the id of a sampled trace lies."""
    if found["none"]:
        return 0
    return _ALL if found["all"] else round(float(found["ratio"]) * _ALL)


def _asked(sampler: Sampler, context: TraceContext) -> bool:
    """What a sampler says of which only it knows the rule."""
    trace_id = int(context.trace_id, 16)
    parent = None
    if context.parent_span_id is not None:
        flags = TraceFlags(int(context.flags, 16) & TraceFlags.SAMPLED)
        remote = SpanContext(trace_id, int(context.parent_span_id, 16), is_remote=True, trace_flags=flags)
        parent = trace.set_span_in_context(NonRecordingSpan(remote))
    verdict = sampler.should_sample(parent, trace_id, _SPAN_NAME, SpanKind.SERVER)
    return verdict.decision is Decision.RECORD_AND_SAMPLE
