"""The interface of every counter store: holds are taken all or none, settled or released exactly once."""

import enum
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol


class Dimension(enum.StrEnum):
    """What a limit counts."""

    RPM = "rpm"
    RPD = "rpd"
    TPM = "tpm"
    CONCURRENCY = "concurrency"
    SPEND = "spend"


class CounterState(enum.StrEnum):
    """Whether limits and budgets can be counted, or what stands in the way."""

    COUNTED = "counted"
    REBUILDING = "rebuilding"
    """Budgets are being brought up to the ledger, after a start or a loss."""
    UNREACHABLE = "unreachable"
    TLS = "tls"
    """One of both sides does not trust the other's certificate, or a file of this side cannot be read."""
    DENIED = "denied"
    """The credentials are refused, or their user may do too little."""
    NO_MASTER = "no_master"
    """No Sentinel names a master."""
    LOADING = "loading"
    BUSY = "busy"
    READ_ONLY = "read_only"
    OUT_OF_MEMORY = "out_of_memory"
    CLUSTER_DOWN = "cluster_down"
    MOVING = "moving"
    """The counters are on their way to another node of a cluster."""
    REFUSED = "refused"
    """Redis refuses for another reason, which is told."""


@dataclass(frozen=True, kw_only=True)
class Limit:
    """One limit: at most `ceiling` units in any `window_s` seconds, or at one time where `window_s` is 0.

    `key` names the counter, for example `key:dev-migration:rpm`; two limits with one key share the counter. `of` is the
    name of the virtual key or provider, for people.

    A limit of the dimension SPEND counts nano-USD from zero in a window of the calendar, which its key names; it is
    over at `resets_at` (seconds since the epoch, `None`: never), and its `window_s` says nothing. One that does not
    `block` is counted and never refuses.
    """

    key: str
    dimension: Dimension
    ceiling: int
    window_s: int
    resets_at: int | None = None
    blocks: bool = True
    of: str = ""


class Hold:
    """`amount` units of one limit, asked for. Immutable."""

    __slots__ = ("amount", "limit")

    def __init__(self, limit: Limit, amount: int) -> None:
        self.limit = limit
        self.amount = amount

    def sized(self, amount: int) -> "Hold":
        """The same of another amount."""
        return Hold(self.limit, amount)

    def __repr__(self) -> str:
        return f"Hold({self.limit.key}, {self.amount})"


@dataclass(frozen=True)
class Refusal:
    """The hold that takes longest to fit, and in how many seconds asking again succeeds if nobody else comes.

    `None`: nobody knows, since it depends on when others end, or no wait would ever be long enough. `spent` is what was
    spent of a SPEND limit before, `taken` that and what others hold of it.
    """

    hold: Hold
    retry_after_s: float | None
    spent: int = 0
    taken: int = 0


@dataclass(frozen=True)
class Restored:
    """What the ledger says of one SPEND counter: nano-USD spent, and when its window is over."""

    spent: int
    resets_at: int | None


@dataclass(frozen=True)
class LedgerState:
    """What the ledger knew at one moment: of each SPEND counter, by its key, and of what processes had settled.

    `settled` has, by process, the number of the last settlement (`CounterStore.settled_until`) that is in those sums:
    so are all before it, and none after it.
    """

    spent: Mapping[str, Restored]
    settled: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Standing:
    """What open leases of this process hold of one SPEND counter, in nano-USD, and when its window is over."""

    key: str
    held: int
    resets_at: int | None


class CountersLost(Exception):  # noqa: N818 - what is lost is told, who decides is the caller
    """The counter store does not answer. The message names no secret."""


class Lease(Protocol):
    """Holds that were taken together."""

    @property
    def spent(self) -> Mapping[str, int]:
        """By key, what counts against each SPEND limit of the lease since it was taken: spent, held and its own."""

    @property
    def settled(self) -> Mapping[str, int]:
        """By key, what is spent of each SPEND limit of a lease that was settled, without what others hold."""

    def settle(self, amounts: dict[str, int]) -> None:
        """Ends the lease; doing it twice does nothing.

        Concurrency is given back, each counter named in `amounts` is corrected from what was held to what was really
        consumed, all others keep what was held.
        """

    def cancel(self) -> None:
        """Ends the lease as if it had never been taken. Doing it twice does nothing."""


class CounterStore(Protocol):
    """Where counters live."""

    @property
    def fault(self) -> str | None:
        """Why the store does not answer at present, without any secret; `None` while it does."""

    @property
    def state(self) -> CounterState:
        """The same for machines."""

    async def reserve(self, holds: Sequence[Hold]) -> Lease | Refusal:
        """Takes every hold or, when one does not fit, none: a refused batch consumes nothing.

        Raises `CountersLost` when the store does not answer.
        """

    def charge(self, spent: Sequence[tuple[Limit, int]]) -> None:
        """Counts under SPEND limits what a request consumed that holds nothing, since the store did not answer.

        It is counted once, when the store answers again.
        """

    async def restore(self, known: LedgerState) -> None:
        """Brings SPEND counters up to what the ledger knows was spent, where they lack it. Raises `CountersLost`."""

    def settled_until(self) -> str | None:
        """`PROCESS:NUMBER` of the last settlement of this process that counted money; `None` where none is numbered.

        The ledger's entry of a request has that of its own, so that who reads the ledger knows how far it reaches.
        """

    def recorded(self, settled: Mapping[str, int]) -> None:
        """Tells up to which of its settlements each process is in the ledger by now."""

    def standings(self) -> Iterable[Standing]:
        """The SPEND counters that this process holds something of."""

    async def close(self) -> None:
        """Sends what is still to be settled, and lets go of connections."""
