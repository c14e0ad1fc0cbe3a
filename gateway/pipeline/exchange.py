"""The one mutable record of a request: what came, what was decided, what it cost."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from gateway import clock
from gateway.content.captured import CapturedContent
from gateway.counters.hold import Hold, Lease
from gateway.dispatch.lane import Lane
from gateway.money.budget import CompiledBudget
from gateway.money.estimate import InputBound
from gateway.snapshot.snapshot import Candidate, CompiledKey, FallbackPolicy, Snapshot, UnderWay, Upstream
from gateway.telemetry import trace_context
from gateway.telemetry.decision_record import AttemptRecord
from gateway.telemetry.trace_context import TraceContext
from gateway.upstream.request import UpstreamResponse
from gateway.usage import Usage
from gateway.wire.endpoints import Endpoint
from gateway.wire.request_body import RequestBody

NO_FALLBACK = FallbackPolicy()
_LATER: Any = None
"""The candidate until `resolve` has found one; nobody asks for it before."""


class BudgetHold(Hold, frozen=True):
    """Nano-USD of one budget, asked for."""

    budget: CompiledBudget


class Taken(msgspec.Struct, frozen=True):
    """Holds that were taken together; `lease` is `None` where the counters did not answer and nobody minds.

    `budgets` are those of the holds that are money.
    """

    lease: Lease | None
    holds: Sequence[Hold]
    budgets: Sequence[BudgetHold]


class Exchange(msgspec.Struct, eq=False):
    """One request on its way. It holds its snapshot for life: a reload in between changes nothing for it.

    Stages read what earlier stages wrote, in the order of `run`; nobody else writes. `begin` makes one.

    PERF: a struct, since most fields begin the same for every request, which costs next to nothing here.
    """

    snapshot: Snapshot
    endpoint: Endpoint
    headers: list[tuple[bytes, bytes]]
    header_map: Mapping[bytes, bytes]
    query: bytes
    request_id: str
    trace: TraceContext
    started: float
    started_at: float
    traced: bool = False
    content: CapturedContent | None = None

    body: RequestBody | None = None
    key: CompiledKey | None = None
    holds: list[Hold] = []
    budget_holds: list[BudgetHold] = []
    taken: list[Taken] = []
    budget_warning: str | None = None
    end_user: str | None = None
    prompt: InputBound | None = None
    model_asked: str | None = None
    model: str | None = None
    model_source: str | None = None
    candidate: Candidate = _LATER
    provider_name: str = ""
    upstream: Upstream | None = None
    lane: Lane | None = None
    candidates: Sequence[Candidate] = ()
    fallback: FallbackPolicy = NO_FALLBACK
    cache_mode: str = "respect"
    upstream_body: bytes = b""
    body_treatment: str | None = None
    withholds_usage: bool = False
    params_dropped: Sequence[str] = ()

    attempts: list[AttemptRecord] = []
    replaced: list[tuple[Candidate, Usage]] = []
    upstream_response: UpstreamResponse | None = None
    first_byte_at: float | None = None
    first_token_at: float | None = None
    usage: Usage | None = None
    usage_warning: str | None = None
    owed: dict[str, int] = {}
    cost: int | None = None
    client_left: bool = False
    cancelled_as: str = "client_left"
    under_way: list[UnderWay] = []
    settled: bool = False

    @classmethod
    def begin(
        cls,
        snapshot: Snapshot,
        endpoint: Endpoint,
        headers: list[tuple[bytes, bytes]],
        query: bytes,
        request_id: str,
    ) -> "Exchange":
        """The record of a request that has just come."""
        found = dict(headers)
        trace = trace_context.accept(found)
        return cls(snapshot, endpoint, headers, found, query, request_id, trace, clock.monotonic(), clock.now())

    def __repr__(self) -> str:
        # That of a struct would show the client's headers, and its key among them.
        return f"Exchange({self.request_id})"

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
