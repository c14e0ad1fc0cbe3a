"""What a span is made of, taken from a request when it ends; making it is left to a thread."""

from collections.abc import Mapping
from typing import Protocol

import msgspec

from gateway.telemetry.decision_record import DecisionRecord
from gateway.telemetry.trace_context import TraceContext


class Content(Protocol):
    """What was asked and answered, as it was kept; read in a thread."""

    @property
    def size(self) -> int:
        """How many bytes are kept."""

    def attributes(self) -> Mapping[str, str | bool]:
        """The attributes that it becomes. Never raises."""


class TracedRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A request that has ended and is sampled.

    Args:
        record: What was decided.
        trace: Its place in the trace.
        started_at: Seconds since the epoch.
        provider_type: `openai`, `bedrock`, ...; `None` where none was chosen.
        thread_id: The conversation that the client says it belongs to (`X-LangWatch-Thread-Id`).
        metadata: What the client says about it (`X-LangWatch-Trace-Metadata`), as it was sent.
        collector: Which collector of the configuration its spans go to; `None`: that of the variables.
        content: What was asked and answered, where that is to be captured.
        budget_warning: The fullest budget above 80 %, as the response header says it.
    """

    record: DecisionRecord
    trace: TraceContext
    started_at: float
    provider_type: str | None
    thread_id: str | None
    metadata: str | None
    budget_warning: str | None
    collector: str | None = None
    content: Content | None = None

    @property
    def span_count(self) -> int:
        """How many spans it makes: its own and one for each attempt."""
        return 1 + len(self.record.attempts)

    @property
    def content_bytes(self) -> int:
        """How many bytes of content it holds."""
        return 0 if self.content is None else self.content.size
