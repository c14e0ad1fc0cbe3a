"""Leaving a provider alone that keeps failing: closed, open, probing. One breaker per provider and process."""

from collections import defaultdict, deque
from collections.abc import Callable
from typing import NamedTuple

from gateway import clock


class Thresholds(NamedTuple):
    """So many failures within `window_s` seconds open the circuit for `open_s` seconds."""

    failures: int
    window_s: float
    open_s: float


class CircuitBreaker:
    """Closed, it counts failures. Open, it refuses. After a while it lets exactly one request probe."""

    __slots__ = ("_failures", "_opened_at", "_probing")

    def __init__(self) -> None:
        self._failures: deque[float] = deque()
        self._opened_at: float | None = None
        self._probing = False

    def admit(self, thresholds: Thresholds) -> bool:
        """Whether a request may go out; who is admitted reports back by `succeeded`, `failed` or `abandoned`."""
        if self._opened_at is None:
            return True
        if self._probing or clock.monotonic() - self._opened_at < thresholds.open_s:
            return False
        self._probing = True
        return True

    def retry_after_s(self, thresholds: Thresholds) -> float:
        """In how many seconds the next request may go out."""
        if self._opened_at is None:
            return 0.0
        return max(0.0, self._opened_at + thresholds.open_s - clock.monotonic())

    @property
    def is_open(self) -> bool:
        """Whether requests are refused, or one is probing."""
        return self._opened_at is not None

    def succeeded(self) -> None:
        """The provider answered."""
        if self._opened_at is not None:
            self._opened_at = None
            self._probing = False
            self._failures.clear()

    def failed(self, thresholds: Thresholds) -> None:
        """The provider failed; a probe that fails opens the circuit anew."""
        now = clock.monotonic()
        if self._opened_at is not None:
            if self._probing:
                self._opened_at, self._probing = now, False
            return
        failures = self._failures
        failures.append(now)
        while failures[0] < now - thresholds.window_s:
            failures.popleft()
        if len(failures) >= thresholds.failures:
            self._opened_at = now
            failures.clear()

    def abandoned(self) -> None:
        """The request ended without a verdict on the provider: it was never sent, or its client left."""
        self._probing = False


class CircuitBreakers:
    """The breakers of one process, by provider. They outlive reloads."""

    def __init__(self) -> None:
        self._breakers: defaultdict[str, CircuitBreaker] = defaultdict(CircuitBreaker)
        self.of: Callable[[str], CircuitBreaker] = self._breakers.__getitem__
        """The breaker of a provider."""

    def open_circuits(self) -> list[str]:
        """The providers whose circuit is open, by name."""
        return sorted(provider for provider, breaker in self._breakers.items() if breaker.is_open)

    def states(self) -> dict[str, bool]:
        """By provider, whether its circuit is open."""
        return {provider: breaker.is_open for provider, breaker in self._breakers.items()}
