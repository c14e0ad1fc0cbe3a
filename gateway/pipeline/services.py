"""What the stages share beyond one request: counters and the places where outcomes are told."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from gateway.counters.hold import CounterStore
from gateway.ledger.stored_entry import StoredObject
from gateway.money.habits import Habits
from gateway.pipeline.key_guesses import KeyGuesses
from gateway.telemetry.decision_log import DecisionLog
from gateway.telemetry.metrics import Metrics
from gateway.telemetry.trace_context import TraceContext
from gateway.telemetry.traced_request import TracedRequest
from gateway.upstream.circuit_breaker import CircuitBreakers


class Ledger(Protocol):
    """Where requests end up."""

    @property
    def refuses(self) -> bool:
        """Whether a new request is to be refused, since its entry might find no room."""

    def append(self, payload: bytes) -> bool:
        """Takes one encoded record without waiting; says whether it is safe."""


class Objects(Protocol):
    """What providers keep, by the key that made it."""

    def note(self, stored: Sequence[StoredObject]) -> None:
        """Takes objects in and waits for nothing."""

    async def remember(self, stored: Sequence[StoredObject]) -> None:
        """Takes objects in, and waits a moment until every node can know them."""

    async def find(self, virtual_key: str, ids: Collection[str]) -> dict[str, StoredObject]:
        """Those of some ids that are a key's own. Raises `IndexLostError`."""

    async def page(
        self, virtual_key: str, kind: str, limit: int, *, behind: StoredObject | None, ascending: bool
    ) -> Sequence[StoredObject]:
        """A key's own objects of one kind, by when they were made. Raises `IndexLostError`."""


class Tracing(Protocol):
    """Where spans go."""

    def sample(self, context: TraceContext, collector: str | None) -> bool | None:
        """Whether a request at this place in a trace is sampled; `None`: there is nowhere to send it."""

    def export(self, request: TracedRequest) -> None:
        """Takes a sampled request without waiting."""

    def lose(self, request_id: str, collector: str | None, spans: int, error: Exception) -> None:
        """Counts and logs a sampled request that nothing can be told of; `spans` is how many it would have had."""


@dataclass(frozen=True, kw_only=True)
class Services:
    """Constructed once per worker, by the wiring. `forwards_baggage`: providers get the client's `baggage`."""

    counters: CounterStore
    on_counter_loss: Literal["refuse", "allow"] | None
    ledger: Ledger
    breakers: CircuitBreakers
    metrics: Metrics
    decision_log: DecisionLog | None
    tracing: Tracing
    objects: Objects
    disconnect_drain_bytes: int
    guesses: KeyGuesses
    habits: Habits = field(default_factory=Habits)
    forwards_baggage: bool = False
