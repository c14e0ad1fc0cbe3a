"""The interface of every counter store: holds are taken all or none, settled or released exactly once."""

import enum
from collections.abc import Sequence
from typing import Protocol

import msgspec


class Dimension(enum.StrEnum):
    """What a limit counts."""

    RPM = "rpm"
    RPD = "rpd"
    TPM = "tpm"
    CONCURRENCY = "concurrency"


class Limit(msgspec.Struct, frozen=True, kw_only=True):
    """One limit: at most `ceiling` units in any `window_s` seconds, or at one time where `window_s` is 0.

    `key` names the counter, for example `key:dev-migration:rpm`; two limits with one key share the counter.
    """

    key: str
    dimension: Dimension
    ceiling: int
    window_s: int


class Hold(msgspec.Struct, frozen=True):
    """`amount` units of one limit, asked for."""

    limit: Limit
    amount: int


class Refusal(msgspec.Struct, frozen=True):
    """The hold that takes longest to fit, and in how many seconds asking again succeeds if nobody else comes.

    `None`: nobody knows, since it depends on when others end, or no wait would ever be long enough.
    """

    hold: Hold
    retry_after_s: float | None


class Lease(Protocol):
    """Holds that were taken together."""

    def settle(self, amounts: dict[str, int]) -> None:
        """Ends the lease; doing it twice does nothing.

        Concurrency is given back, each counter named in `amounts` is corrected from what was held to what was really
        consumed, all others keep what was held.
        """

    def cancel(self) -> None:
        """Ends the lease as if it had never been taken. Doing it twice does nothing."""


class CounterStore(Protocol):
    """Where counters live."""

    async def reserve(self, holds: Sequence[Hold]) -> Lease | Refusal:
        """Takes every hold or, when one does not fit, none: a refused batch consumes nothing."""
