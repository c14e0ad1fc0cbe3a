"""What the stages share beyond one request: counters and the places where outcomes are told."""

from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from gateway.counters.hold import CounterStore, Lease
from gateway.ledger.open_jobs import OpenJob
from gateway.ledger.stored_entry import StoredObject
from gateway.money.habits import Habits
from gateway.pipeline.key_guesses import KeyGuesses
from gateway.telemetry.decision_log import DecisionLog
from gateway.telemetry.metrics import Metrics
from gateway.telemetry.trace_context import TraceContext
from gateway.telemetry.traced_request import TracedRequest
from gateway.upstream.circuit_breaker import CircuitBreakers
from gateway.wire.multipart import MultipartBody


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


class SpooledFile(Protocol):
    """A file on the disk without a name. `close` lets go of it, and is idempotent."""

    descriptor: int
    size: int

    def close(self) -> None:
        """Gives its room back."""


class Uploads(Protocol):
    """Files that clients upload, as far as they lie on this node's disk. All of it raises `overloaded` without room."""

    async def take(self, pieces: AsyncIterator[bytes], most: int) -> SpooledFile:
        """A file of what comes. Raises `payload_too_large` beyond `most` bytes."""

    async def keep(self, form: MultipartBody, *, is_part: bool) -> str:
        """Keeps what may become the input of a batch, or a part of it, for a day; empty for what may not."""

    async def open(self, digest: str) -> SpooledFile | None:
        """What was kept under a digest; `None` where it is not here."""


class Jobs(Protocol):
    """Who looks after what goes on after its request. All of it raises `IndexLostError` while the database is away."""

    async def open(self, job: OpenJob, lease: Lease | None) -> None:
        """Work is about to begin, and holds something of budgets until it ends."""

    async def began(self, job: OpenJob, lease: Lease | None = None) -> None:
        """It has begun, and has its id; where it was opened without a lease, this is what it holds."""

    async def drop(self, job: OpenJob) -> None:
        """It did not begin: what it holds is given back."""

    async def seen(self, object_id: str) -> None:
        """Its key asks for it: where this node looks after it, that is done now."""


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
    """Constructed once per worker, by the wiring. `forwards_baggage`: providers get the client's `baggage`.

    `known_spent` is what this process heard last of counters of budgets that send requests elsewhere, by counter.
    """

    counters: CounterStore
    on_counter_loss: Literal["refuse", "allow"] | None
    ledger: Ledger
    breakers: CircuitBreakers
    metrics: Metrics
    decision_log: DecisionLog | None
    tracing: Tracing
    objects: Objects
    uploads: Uploads
    jobs: Jobs
    disconnect_drain_bytes: int
    guesses: KeyGuesses
    habits: Habits = field(default_factory=Habits)
    known_spent: dict[str, int] = field(default_factory=dict)
    forwards_baggage: bool = False
