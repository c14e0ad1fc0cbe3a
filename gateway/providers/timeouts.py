"""Deadlines of calls to a provider, as the file has them and as they are used."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class ProviderTimeouts:
    """Deadlines of calls to one provider, in seconds."""

    connect_s: float
    first_byte_s: float
    idle_s: float


class WrittenTimeouts(Protocol):
    """Deadlines as the file has them, in milliseconds."""

    @property
    def connect_ms(self) -> int:
        """To open a connection."""

    @property
    def first_byte_ms(self) -> int:
        """To the head of the response."""

    @property
    def idle_ms(self) -> int:
        """Between two pieces of the body."""


def timeouts_of(written: WrittenTimeouts) -> ProviderTimeouts:
    """A provider's deadlines in seconds."""
    return ProviderTimeouts(written.connect_ms / 1000, written.first_byte_ms / 1000, written.idle_ms / 1000)
