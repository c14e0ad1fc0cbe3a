"""What spans are made of, taken from a request when it ends; making them is left to a thread."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol

import msgspec

from gateway.telemetry.decision_record import DecisionRecord
from gateway.telemetry.trace_context import TraceContext
from gateway.usage import Stated

LONGEST_TEXT: Final = 4096
"""Characters of what clients and providers say that a span has, and that are kept for it."""


LONGEST_NAME: Final = 1024
"""Bytes of a header that names who asks or is asked: 256 characters, whichever they are."""


class Content(Protocol):
    """What was asked and answered, as it was kept; read in a thread."""

    @property
    def size(self) -> int:
        """How many bytes are kept."""

    def attributes(self) -> Mapping[str, str | bool]:
        """The attributes that it becomes. Never raises."""


class Call(msgspec.Struct, gc=False, kw_only=True):
    """One call that was made to a provider; it is written while the call is under way.

    Moments are seconds since the request came.

    Args:
        span_id: Its own, which the provider gets.
        number: Which of the request's attempts it is, those that were passed over counted.
        provider: The provider's name, and `provider_type` its type.
        model: What it was asked for.
        url: Where it went; empty until that is known.
        began: When it was asked.
        ended: When its answer ended, or its failure was known.
        outcome: As the attempt of the decision record.
        status: Of its answer, if one began.
        first_chunk: When a stream brought something first.
        stated: What its answer says that it consumed, and who answered.
        answer_id: What the provider calls its answer.
        finish_reasons: Why the model stopped, for each choice, in the conventions' words.
    """

    span_id: str
    number: int
    provider: str
    provider_type: str
    model: str
    url: str = ""
    began: float
    ended: float = 0.0
    outcome: str = ""
    status: int | None = None
    first_chunk: float | None = None
    stated: Stated | None = None
    answer_id: str | None = None
    finish_reasons: tuple[str, ...] = ()


class TracedRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A request that has ended and is sampled; it waits to be sent, so its texts are no longer than `LONGEST_TEXT`.

    Args:
        record: What was decided.
        trace: Its place in the trace.
        started_at: Seconds since the epoch.
        duration_s: From its head to the end of its answer.
        path: Of the endpoint.
        host: The header, as it was sent, `LONGEST_NAME` bytes of it, and so `user_agent`.
        calls: Those that were made, in order; the last one is that whose answer or failure stands.
        parameters: What the request asks of the model, by the conventions' names.
        thread_id: The conversation that the client says it belongs to (`X-LangWatch-Thread-Id`).
        metadata: What the client says about it (`X-LangWatch-Trace-Metadata`), as it was sent.
        collector: Which collector of the configuration its spans go to; `None`: that of the variables.
        content: What was asked and answered, where that is to be captured.
        budget_warning: The fullest budget above 80 %, as the response header says it.
    """

    record: DecisionRecord
    trace: TraceContext
    started_at: float
    duration_s: float
    path: str
    host: bytes | None = None
    user_agent: bytes | None = None
    calls: Sequence[Call] = ()
    parameters: Mapping[str, Any] = {}
    thread_id: str | None = None
    metadata: str | None = None
    budget_warning: str | None = None
    collector: str | None = None
    content: Content | None = None

    @property
    def span_count(self) -> int:
        """How many spans it makes: its own and one for each call."""
        return 1 + len(self.calls)

    @property
    def content_bytes(self) -> int:
        """How many bytes of content it holds."""
        return 0 if self.content is None else self.content.size
