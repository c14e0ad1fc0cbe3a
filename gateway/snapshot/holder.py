"""Which snapshot serves now, since when, and what was refused after it."""

from collections.abc import Sequence
from typing import Generic, TypeVar

import msgspec

from gateway import clock

T = TypeVar("T")


class Rejection(msgspec.Struct, frozen=True):
    """A configuration that was not taken, and why. `at` is in seconds since the epoch."""

    diagnostics: Sequence[object]
    at: float


class Holder(Generic[T]):
    """The one reference that a reload swaps. Whoever took the old value keeps it."""

    def __init__(self, first: T) -> None:
        self.current = first
        self.installed_at = clock.now()
        self.rejection: Rejection | None = None

    def install(self, value: T) -> None:
        """Serves this value from now on."""
        self.current = value
        self.installed_at = clock.now()
        self.rejection = None

    def keep(self, rejection: Rejection | None) -> None:
        """Serves on as before; `None` says that the newest configuration is the one that serves."""
        self.rejection = rejection
