"""What a request is on its way, as types: received, admitted, asked, ended. Each has all that its stage promises."""

import asyncio
from collections.abc import Sequence
from typing import Final, NamedTuple

from gateway import clock
from gateway.content.captured import CapturedContent
from gateway.content.outline import AnswerEnds
from gateway.counters.hold import Hold, Lease, Limit
from gateway.errors import Denial
from gateway.lanes.base import Kept
from gateway.money.budget import CompiledBudget
from gateway.money.estimate import InputBound
from gateway.money.prices import Price
from gateway.shapes.addresses import Address
from gateway.shapes.allows import Allows
from gateway.shapes.endpoints import Endpoint
from gateway.shapes.state import Reference
from gateway.shapes.stated import StatedLimit, choices
from gateway.snapshot.snapshot import Candidate, CompiledKey, Resolution, Snapshot, UnderWay, Warned
from gateway.telemetry import trace_context
from gateway.telemetry.decision_record import AttemptRecord
from gateway.telemetry.trace_context import TraceContext
from gateway.telemetry.traced_request import Call
from gateway.upstream.request import Content, UpstreamResponse
from gateway.usage import Stated
from gateway.wire.request_body import RequestBody

ERROR_IN_ANSWER: Final = "error_in_stream"
"""The outcome of a call whose answer, under a status that promised one, was an error."""


SHUT_DOWN: Final = "shut_down"
"""The outcome of a request that the worker ended, since it went itself."""


class Outbound(NamedTuple):
    """The body that a candidate gets; `treatment` says what became of the client's to make it.

    `withholds_usage`: the gateway alone asked for the stream's usage, so it does not go on to the client. `kept` is
    what the translation of the answer needs of a translated request.
    """

    body: bytes
    treatment: str
    params_dropped: Sequence[str] = ()
    withholds_usage: bool = False
    kept: Kept | None = None


class BudgetHold(Hold):
    """Nano-USD of one budget, asked for. Immutable."""

    __slots__ = ("budget",)

    # PERF: made for every budget of every request, without a call of the class that it derives from.
    def __init__(self, limit: Limit, amount: int, budget: CompiledBudget) -> None:
        self.limit = limit
        self.amount = amount
        self.budget: Final = budget


class MarginHold(Hold):
    """Nano-USD that a request may cost beyond what it holds of a budget, of what that keeps back. Immutable."""

    __slots__ = ("beyond",)

    def __init__(self, limit: Limit, amount: int, beyond: BudgetHold) -> None:
        super().__init__(limit, amount)
        self.beyond: Final = beyond

    @property
    def worst(self) -> BudgetHold:
        """The hold of the budget where nothing is kept back for the request."""
        beyond = self.beyond
        return BudgetHold(beyond.limit, beyond.amount + self.amount, beyond.budget)


class Reservation(NamedTuple):
    """Holds that were taken together; `lease` is `None` where the counters did not answer and nobody minds.

    `budgets` are those of the holds that are money, `margins` those of what budgets keep back.
    """

    lease: Lease | None
    holds: Sequence[Hold]
    budgets: Sequence[BudgetHold]
    margins: Sequence[MarginHold] = ()


class Home(NamedTuple):
    """The provider that holds what a request names, and the first thing of it that is named."""

    provider: str
    named: Reference


class Received:
    """A request as it came. It holds its snapshot for life: a reload in between changes nothing for it.

    `client_left` says that nobody listens any more, and that the upstream is read on nevertheless; `cancelled_as` is
    the outcome if the request is cancelled; `peer` is the address that the connection comes from, and `address` what
    the path says beside the endpoint.
    """

    __slots__ = (
        "address",
        "cancelled_as",
        "client_left",
        "content",
        "endpoint",
        "header_map",
        "headers",
        "is_traced",
        "peer",
        "query",
        "request_id",
        "snapshot",
        "started",
        "started_at",
        "trace",
        "trail",
    )

    def __init__(
        self,
        snapshot: Snapshot,
        endpoint: Endpoint,
        headers: list[tuple[bytes, bytes]],
        query: bytes,
        request_id: str,
        peer: str | None = None,
        address: Address | None = None,
    ) -> None:
        self.address = address
        self.snapshot = snapshot
        self.endpoint = endpoint
        self.headers = headers
        self.header_map = dict(headers)
        self.query = query if address is None else address.query_of(query)
        self.request_id = request_id
        self.peer = peer
        self.started: float = clock.monotonic()
        self.started_at: float = clock.now()
        self.trace: TraceContext = trace_context.accept(self.header_map)
        self.is_traced = False
        self.content: CapturedContent | None = None
        self.client_left = False
        self.cancelled_as = "client_left"
        self.trail = Trail()

    def __repr__(self) -> str:
        return f"Received({self.request_id})"

    def takes_back_shut_down(self) -> bool:
        """Whether the cancellation under way is the worker's, which goes: the client is told, so the task goes on."""
        task = asyncio.current_task()
        if self.cancelled_as != SHUT_DOWN or task is None:
            return False
        task.uncancel()
        return True


class Trail:
    """How far a request has come, for those who tell of it wherever it ends: headers, ledger, metrics and traces.

    Stages write it and do not decide by it; what is `None` was not reached. `called_at`: when the
    first provider was asked, of the monotonic clock; the present candidate was asked last. `reading_s`: how long the
    body was waited for, which is the client's time. `calls` are those that were made, of a sampled request. `warned` is
    what would have refused the request if it were enforced. `shared_by`: what decided between the arms of models of the
    file's own. `downgraded`: the budget that was so full that another model was asked, as `opus:82`.
    """

    __slots__ = (
        "admitted",
        "asked",
        "attempts",
        "budget_warning",
        "cache_mode",
        "called_at",
        "calls",
        "candidate",
        "downgraded",
        "end_user",
        "is_settled",
        "key",
        "model_asked",
        "model_source",
        "outbound",
        "reading_s",
        "reservations",
        "shared_by",
        "streams",
        "warned",
    )

    def __init__(self) -> None:
        self.key: CompiledKey | None = None
        self.streams = False
        self.model_asked: str | None = None
        self.model_source: str | None = None
        self.candidate: Candidate | None = None
        self.called_at: float | None = None
        self.calls: Sequence[Call] = ()
        self.reading_s = 0.0
        self.shared_by: tuple[str, ...] = ()
        self.cache_mode = "respect"
        self.end_user: str | None = None
        self.outbound: Outbound | None = None
        self.budget_warning: str | None = None
        self.downgraded: str | None = None
        self.reservations: list[Reservation] = []
        self.attempts: list[AttemptRecord] = []
        self.admitted: Admitted | None = None
        self.asked: Asked | None = None
        self.is_settled = False
        self.warned: tuple[Warned, ...] = ()

    @property
    def route(self) -> str | None:
        """`smart > claude-sonnet > bedrock; by=principal,session`: how models of the file's own led to the candidate.

        And what decided between their arms, and which budget sent it there, `; over=opus:82`. `None` where nothing did.
        """
        candidate = self.candidate
        if candidate is None or not (candidate.route or self.downgraded):
            return None
        way = " > ".join((*candidate.route, candidate.upstream.provider.name))
        way = f"{way}; by={','.join(self.shared_by)}" if self.shared_by else way
        return f"{way}; over={self.downgraded}" if self.downgraded else way

    def let_go(self) -> None:
        """Nobody asks any more. PERF: states lead back to the trail, and only the collector would find that circle."""
        self.admitted = self.asked = None


class Admitted:
    """A request that the judges let pass: whose it is, what it says, and whom it may ask, in this order.

    `candidate` is the present one, `price` what it costs at the moment at which the request came, `None` where nobody
    knows. `under_way` are the calls that have begun, `replaced` what answers consumed that another one took the place
    of; `prompt` its bound and `allowed` what it allows, once somebody has asked for it. `home` is where it has to go
    for what it names. `defers`: what it consumes is charged later, of another row of the ledger, unless the answer says
    it already.

    `came` is the body as the client sent it, or as rules of its key made it, and `told` what these did; `body` is as
    the rules on the candidate's requests have it, before any lane.
    Where there are rules on what a lane makes of it, that is `outbound`, and caps, `prompt` and `allowed` are of it.
    `ruled` says what rules did to `body`, `fitted` for which candidate with rules all of this is.
    """

    __slots__ = (
        "allowed",
        "body",
        "cache_mode",
        "came",
        "candidate",
        "candidates",
        "choices",
        "defers",
        "end_user",
        "fallback",
        "fitted",
        "home",
        "key",
        "model_asked",
        "outbound",
        "output_cap",
        "price",
        "prompt",
        "received",
        "replaced",
        "ruled",
        "told",
        "under_way",
    )

    def __init__(
        self,
        received: Received,
        key: CompiledKey,
        body: RequestBody,
        cap: StatedLimit,
        model_asked: str,
        resolution: Resolution,
        cache_mode: str,
        end_user: str | None,
        home: Home | None = None,
    ) -> None:
        self.received = received
        self.home = home
        self.key = key
        self.body = self.came = body
        self.ruled: Sequence[str] = ()
        self.told: Sequence[str] = ()
        self.fitted: Candidate | None = None
        self.outbound: Outbound | None = None
        self.output_cap: StatedLimit = cap
        self.choices: StatedLimit = choices(received.endpoint.shape, body)
        self.model_asked = model_asked
        self.candidates: Sequence[Candidate] = resolution.candidates
        self.candidate: Candidate = resolution.candidates[0]
        self.price: Price | None = self.candidate.prices.at(received.started_at)
        self.fallback = resolution.fallback
        self.cache_mode = cache_mode
        self.end_user = end_user
        self.prompt: InputBound | None = None
        self.allowed: Allows | None = None
        self.under_way: list[UnderWay] = []
        self.defers = False
        self.replaced: list[tuple[Candidate, Stated]] = []

    def go_to(self, candidate: Candidate, outbound: Outbound | None = None) -> None:
        """From now on the request is this candidate's, which gets what is `outbound`, if that is known by now."""
        received = self.received
        trail = received.trail
        if candidate is not self.candidate:
            self.price = candidate.prices.at(received.started_at)
        self.candidate = trail.candidate = candidate
        trail.outbound = outbound

    def attempted(self, candidate: Candidate, outcome: str, began: float) -> None:
        """A candidate was asked from a moment of the monotonic clock until now."""
        received = self.received
        began_ms = round((began - received.started) * 1000)
        duration_ms = round((clock.monotonic() - began) * 1000)
        record = AttemptRecord(candidate.upstream.provider.name, candidate.model, outcome, began_ms, duration_ms)
        received.trail.attempts.append(record)

    def passed_over(self, candidate: Candidate, reason: str) -> None:
        """A candidate was not asked."""
        self.attempted(candidate, reason, clock.monotonic())


class Asked:
    """A request that a candidate has answered: the head of the answer is there, and what is read off its body.

    `content` is what the head says of the body, `attempt` which of the trail's attempts it was: behind it may stand
    those that were passed over in the search for another answer. `is_counted` says that what is `stated` was not stated
    by the provider, but counted as it passed. `ends` are those of the answer to a sampled request. Moments are of the
    monotonic clock.
    """

    __slots__ = (
        "admitted",
        "attempt",
        "candidate",
        "content",
        "ends",
        "first_byte_at",
        "first_token_at",
        "is_counted",
        "outbound",
        "received",
        "response",
        "stated",
        "usage_warning",
    )

    def __init__(
        self,
        admitted: Admitted,
        candidate: Candidate,
        outbound: Outbound,
        response: UpstreamResponse,
        content: Content,
        attempt: int = -1,
    ) -> None:
        self.admitted = admitted
        self.received: Received = admitted.received
        self.candidate = candidate
        self.outbound = outbound
        self.response = response
        self.content = content
        self.attempt = attempt
        self.first_byte_at: float = clock.monotonic()
        self.first_token_at: float | None = None
        self.stated: Stated | None = None
        self.usage_warning: str | None = None
        self.is_counted = False
        self.ends: AnswerEnds | None = AnswerEnds() if self.received.is_traced else None

    @property
    def provider_name(self) -> str:
        """Who answers."""
        return self.candidate.upstream.provider.name


class Ended(NamedTuple):
    """How a request ended: what the client got, and what ledger, log and metrics say of it."""

    status: int
    outcome: str
    error_type: str | None = None
    error_code: str | None = None
    denial: Denial | None = None
