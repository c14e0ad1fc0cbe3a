"""The one mutable record of a request: what came, what was decided, what it cost."""

from collections.abc import Sequence
from typing import NamedTuple

from gateway import clock
from gateway.content.captured import CapturedContent
from gateway.counters.hold import Hold, Lease
from gateway.dispatch.lane import Lane
from gateway.money.estimate import InputBound
from gateway.pipeline.budget_hold import BudgetHold
from gateway.shapes.endpoints import Endpoint
from gateway.snapshot.snapshot import Candidate, CompiledKey, FallbackPolicy, Snapshot, UnderWay, Upstream
from gateway.telemetry import trace_context
from gateway.telemetry.decision_record import AttemptRecord
from gateway.telemetry.trace_context import TraceContext
from gateway.upstream.request import UpstreamResponse
from gateway.usage import Stated, Usage
from gateway.wire.request_body import RequestBody

NO_FALLBACK = FallbackPolicy()


class Taken(NamedTuple):
    """Holds that were taken together; `lease` is `None` where the counters did not answer and nobody minds.

    `budgets` are those of the holds that are money.
    """

    lease: Lease | None
    holds: Sequence[Hold]
    budgets: Sequence[BudgetHold]


class Exchange:
    """One request on its way. It holds its snapshot for life: a reload in between changes nothing for it.

    Stages read what earlier stages wrote, in the order of `run`; nobody else writes. There is no `candidate` before
    `resolve` has found one.
    """

    __slots__ = (
        "attempts",
        "body",
        "body_treatment",
        "budget_holds",
        "budget_warning",
        "cache_mode",
        "cancelled_as",
        "candidate",
        "candidates",
        "client_left",
        "content",
        "cost",
        "end_user",
        "endpoint",
        "fallback",
        "first_byte_at",
        "first_token_at",
        "header_map",
        "headers",
        "holds",
        "key",
        "lane",
        "model",
        "model_asked",
        "model_source",
        "owed",
        "params_dropped",
        "prompt",
        "provider_name",
        "query",
        "replaced",
        "request_id",
        "settled",
        "snapshot",
        "started",
        "started_at",
        "stated",
        "taken",
        "trace",
        "traced",
        "under_way",
        "upstream",
        "upstream_body",
        "upstream_response",
        "usage",
        "usage_warning",
        "withholds_usage",
    )

    def __init__(
        self,
        snapshot: Snapshot,
        endpoint: Endpoint,
        headers: list[tuple[bytes, bytes]],
        query: bytes,
        request_id: str,
    ) -> None:
        self.snapshot = snapshot
        self.endpoint = endpoint
        self.headers = headers
        self.header_map = dict(headers)
        self.query = query
        self.request_id = request_id
        self.trace: TraceContext = trace_context.accept(self.header_map)
        self.started: float = clock.monotonic()
        self.started_at: float = clock.now()
        self.traced = False
        self.content: CapturedContent | None = None

        self.body: RequestBody | None = None
        self.key: CompiledKey | None = None
        self.holds: list[Hold] = []
        self.budget_holds: list[BudgetHold] = []
        self.taken: list[Taken] = []
        self.budget_warning: str | None = None
        self.end_user: str | None = None
        self.prompt: InputBound | None = None
        self.model_asked: str | None = None
        self.model: str | None = None
        self.model_source: str | None = None
        self.candidate: Candidate
        self.provider_name = ""
        self.upstream: Upstream | None = None
        self.lane: Lane | None = None
        self.candidates: Sequence[Candidate] = ()
        self.fallback = NO_FALLBACK
        self.cache_mode = "respect"
        self.upstream_body = b""
        self.body_treatment: str | None = None
        self.withholds_usage = False
        self.params_dropped: Sequence[str] = ()

        self.attempts: list[AttemptRecord] = []
        self.replaced: list[tuple[Candidate, Stated]] = []
        self.upstream_response: UpstreamResponse | None = None
        self.first_byte_at: float | None = None
        self.first_token_at: float | None = None
        self.stated: Stated | None = None
        self.usage: Usage | None = None
        self.usage_warning: str | None = None
        self.owed: dict[str, int] = {}
        self.cost: int | None = None
        self.client_left = False
        self.cancelled_as = "client_left"
        self.under_way: list[UnderWay] = []
        self.settled = False

    def __repr__(self) -> str:
        return f"Exchange({self.request_id})"

    def state(self, stated: Stated | None) -> None:
        """The provider has said what it did so far."""
        self.stated, self.usage = stated, None if stated is None else stated.usage

    def go_to(self, candidate: Candidate) -> None:
        """From now on the request is this candidate's."""
        self.candidate, self.provider_name = candidate, candidate.upstream.provider.name
        self.upstream, self.model, self.lane = candidate.upstream, candidate.model, candidate.lane

    def attempted(self, candidate: Candidate, outcome: str, began: float) -> None:
        """A candidate was asked from a moment of the monotonic clock until now."""
        began_ms = round((began - self.started) * 1000)
        duration_ms = round((clock.monotonic() - began) * 1000)
        record = AttemptRecord(candidate.upstream.provider.name, candidate.model, outcome, began_ms, duration_ms)
        self.attempts.append(record)

    def passed_over(self, candidate: Candidate, reason: str) -> None:
        """A candidate was not asked."""
        self.attempted(candidate, reason, clock.monotonic())

    @property
    def streams(self) -> bool:
        """Whether the client asked for a stream."""
        return self.body is not None and self.body.stream
